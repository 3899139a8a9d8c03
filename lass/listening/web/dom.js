// Elements from plain values: texts are always texts, never markup.

// French sets a space before some marks, and no line may begin with one.
const unbroken = (text) => text.replace(/ (?=[?!:;»])/g, "\u00a0").replace(/« /g, "«\u00a0");

// h("button", {class: "big", onclick: go, disabled: false}, "Go")
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  const there = children.flat().filter((child) => child !== null && child !== undefined && child !== false);
  element.append(...there.map((child) => (typeof child === "string" ? unbroken(child) : child)));
  return element;
}

const SHAPES = {
  play: "M8 5.2v13.6L19 12z",
  pause: "M7 5h3.6v14H7zM13.4 5H17v14h-3.6z",
  loop: "M7 7h9.2l-1.9-1.9L15.7 3.7 20 8l-4.3 4.3-1.4-1.4L16.2 9H7a2 2 0 0 0-2 2v2H3v-2a4 4 0 0 1 4-4zm10 10H7.8l1.9 1.9-1.4 1.4L4 16l4.3-4.3 1.4 1.4L7.8 15H17a2 2 0 0 0 2-2v-2h2v2a4 4 0 0 1-4 4z",
  check: "M9.2 17.4 4 12.2l1.5-1.5 3.7 3.7 9.3-9.3L20 6.6z",
};

// A picture that says nothing a label does not say.
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  picture.setAttribute("viewBox", "0 0 24 24");
  picture.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", SHAPES[name]);
  picture.append(path);
  return picture;
}

// A text as paragraphs: an empty line ends one.
export function paragraphs(text) {
  return text.split(/\n\s*\n/).map((part) => h("p", {}, part.replace(/\s*\n\s*/g, " ").trim()));
}

let words = {};

export function speak(texts) { words = texts; }

// The words for a key, with {names} filled in. A key nobody translated shows itself, so that a test finds it.
export function t(key, values = {}) {
  const { count } = values;
  const text = (count === 1 && words[`${key}_one`]) || words[key] || key;
  return unbroken(text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole)));
}

// Seconds as people read them: 7 as 0:07.
export function clock(seconds) {
  const whole = Math.floor(seconds + 0.05);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

const status = document.getElementById("status");
const BRIEF = 4000; // milliseconds that good news stays on the screen
let fading = 0;

// Tells one thing. kind: "" good news, gone after a while; "wait" and "bad" stay until something else is said;
// "voice" for screen readers only, where the page shows it in its place.
export function say(text = "", kind = "") {
  clearTimeout(fading);
  if (status.textContent !== text) status.textContent = text;
  status.dataset.kind = kind;
  if (text && kind === "") fading = setTimeout(() => say(), BRIEF);
}

const page = document.getElementById("page");
let leaving = new AbortController();

// Puts a step on the page and the focus on its heading, so that a screen reader starts there. Returns a signal that
// is aborted when anything else takes its place: by then a step's sounds, timers and keys must have ended.
export function show(...content) {
  leaving.abort();
  leaving = new AbortController();
  page.replaceChildren(...content.filter(Boolean));
  window.scrollTo(0, 0);
  const heading = page.querySelector("h1");
  if (heading) {
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }
  return leaving.signal;
}
