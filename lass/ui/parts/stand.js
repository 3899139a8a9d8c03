/* At a stand the page starts over when nobody uses it: never during a separation, a recording or playback, and never
   before somebody has touched it. The last seconds are counted down where everybody sees them. */
(() => {
  const LAST = 15;
  const INPUTS = ["pointerdown", "pointermove", "keydown", "wheel", "touchmove", "input"];
  const media = new Set();
  let recorder = null, touched = false, since = Date.now(), box = null;

  history.scrollRestoration = "manual";

  // Gradio's own player and recorder are not part of the document.
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function (...rest) { media.add(this); return play.apply(this, rest); };
  if (window.MediaRecorder) {
    const start = MediaRecorder.prototype.start;
    MediaRecorder.prototype.start = function (...rest) { recorder = this; return start.apply(this, rest); };
  }

  const seen = (element) => element.getClientRects().length > 0;
  const busy = () =>
    [...document.querySelectorAll("[id^='lass-'][id$='-cancel']")].some(seen) ||
    [...document.querySelectorAll("lass-player")].some((player) => player.playing) ||
    [...media].some((one) => !one.paused && !one.ended) ||
    recorder?.state === "recording";

  const used = () => { touched = true; since = Date.now(); hide(); };
  // The countdown stays under the finger that touches it until the touch has become a click: it would go to what lies
  // beneath otherwise.
  const input = (event) => { if (!box?.contains(event.target)) used(); };
  for (const name of INPUTS) window.addEventListener(name, input, { capture: true, passive: true });

  function hide() {
    if (box) box.hidden = true;
  }

  function show(given, left) {
    if (!box) {
      box = document.createElement("div");
      box.className = "lass-countdown";
      box.setAttribute("role", "status");
      box.append(document.createElement("span"), document.createElement("button"));
      box.lastChild.type = "button";
      box.lastChild.addEventListener("click", used);
      document.body.append(box);
    }
    box.firstChild.textContent = given.dataset.idle.replace("{seconds}", String(left));
    box.lastChild.textContent = given.dataset.stay;
    box.hidden = false;
  }

  function over(given) {
    sessionStorage.clear();
    const start = new URL(given.dataset.start, document.baseURI);
    window.scrollTo(0, 0);
    if (start.pathname === location.pathname) location.reload();
    else location.replace(start.href);
  }

  setInterval(() => {
    const given = document.getElementById("lass-stand");
    if (!given || !touched) return;
    if (busy()) {
      since = Date.now();
      hide();
      return;
    }
    const seconds = Number(given.dataset.seconds);
    const left = Math.ceil(seconds - (Date.now() - since) / 1000);
    if (left <= 0) {
      touched = false;
      over(given);
    } else if (left <= Math.min(LAST, seconds / 2)) show(given, left);
    else hide();
  }, 250);
})();
