/* While somebody waits: how many come first, and for about how long. The sentence is read out, so it changes at once
   where others were served, and where only the time runs now and then. */
() => {
  const EVERY = 2000, NOW_AND_THEN = 10000;
  let said = 0;
  const place = (sentence) => sentence.match(/\d+/)?.[0];
  const ask = async () => {
    const status = document.querySelector("[data-waiting]");
    if (!status) return;
    const root = window.gradio_config?.root ?? "";
    const answer = await fetch(`${root}${status.dataset.waiting}`, { cache: "no-store" }).catch(() => null);
    if (answer?.status !== 200 || !status.isConnected) return;
    const sentence = await answer.text();
    const words = status.querySelector("span");
    if (!words || words.textContent === sentence) return;
    if (place(words.textContent) === place(sentence) && Date.now() - said < NOW_AND_THEN) return;
    words.textContent = sentence;
    said = Date.now();
  };
  clearInterval(window.lassWaiting);
  window.lassWaiting = setInterval(ask, EVERY);
}
