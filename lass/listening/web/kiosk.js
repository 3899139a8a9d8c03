// A tablet on a table: large, full screen, and back at the welcome when somebody has walked away.

import { h, t } from "./dom.js";

const body = document.body.dataset;
const ASK = Number(body.idle) || 60; // seconds without a touch until it asks
const LEAVE = 20; // seconds that the question stays

let last = Date.now();
let dialog = null;
let busy = () => false;
let leave = () => {};

function touched() {
  if (dialog === null) last = Date.now();
}

function stay() {
  dialog?.close();
  dialog?.remove();
  dialog = null;
  last = Date.now();
}

function ask() {
  const left = h("strong", { class: "left", "aria-live": "off" });
  dialog = h("dialog", { class: "card idle", "aria-labelledby": "idle-title", oncancel: stay },
    h("h2", { id: "idle-title" }, t("idle_title")),
    h("p", {}, t("idle_text")), left,
    h("div", { class: "actions" },
      h("button", { type: "button", class: "secondary", onclick: go }, t("idle_leave")),
      h("button", { type: "button", class: "primary", onclick: stay }, t("idle_stay"))));
  document.body.append(dialog);
  dialog.showModal();
  dialog.querySelector(".primary").focus();
}

function go() {
  stay();
  leave();
}

function tick() {
  if (busy()) return stay();
  const idle = (Date.now() - last) / 1000;
  if (idle < ASK) return;
  if (dialog === null) ask();
  const left = Math.ceil(ASK + LEAVE - idle);
  if (left <= 0) return go();
  dialog.querySelector(".left").textContent = t("idle_left", { count: left });
}

// Watches from now on. active(): something is going on without touches (a sound plays, or nobody has begun);
// home(): forget everything and show the welcome.
export function watch(active, home) {
  busy = active;
  leave = home;
  for (const name of ["pointerdown", "pointermove", "keydown", "wheel", "touchmove"]) document.addEventListener(name, touched, { passive: true });
  setInterval(tick, 500);
}

export function fullScreenButton() {
  if (!document.fullscreenEnabled) return null;
  const button = h("button", { type: "button", class: "quiet full" });
  const name = () => { button.textContent = t(document.fullscreenElement ? "full_screen_leave" : "full_screen"); };
  button.addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()).catch(() => {}));
  document.addEventListener("fullscreenchange", name);
  name();
  return button;
}
