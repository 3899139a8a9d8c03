/* What the player draws: its controls, the picture with the playhead, meters. What they do is in player.js. */

const FLOOR_DB = -60; // the empty end of a meter
const LOOP_LEAST = 0.1; // seconds; a shorter drag is a click
const OUTLINE_COLUMNS = 400;

const clock = (seconds) => {
  const tenths = Math.floor(seconds * 10 + 1e-6);
  return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`;
};

const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);

const element = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

const percent = (share) => `${+(100 * share).toFixed(4)}%`;

/** Put a node on a box of the picture. */
const place = (node, box) => {
  node.style.left = percent(box.left);
  node.style.width = percent(box.right - box.left);
  node.style.top = percent(box.top);
  node.style.height = percent(box.bottom - box.top);
  return node;
};

/** A clip path that leaves these boxes: there along their corners and back, so that the ways between enclose nothing. */
const cutOut = (boxes) => {
  const corner = (x, y) => `${percent(x)} ${percent(y)}`;
  const around = boxes.flatMap(({ left, top, right, bottom }) =>
    [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]);
  const back = boxes.map(({ left, top }) => [left, top]).reverse();
  return `polygon(${[...around, ...back].map(([x, y]) => corner(x, y)).join(", ")})`;
};

const ICONS = {
  play: "M7 4.5v15l12.5-7.5z",
  pause: "M6.5 4.5h4v15h-4zM13.5 4.5h4v15h-4z",
  loop: "M17 3l4 4-4 4V8.2H7.5A2.5 2.5 0 0 0 5 10.700V12H2.800v-1.300A4.700 4.700 0 0 1 7.500 6H17zM7 21l-4-4 4-4v2.800h9.500a2.500 2.500 0 0 0 2.500-2.500V12h2.200v1.300a4.700 4.700 0 0 1-4.700 4.700H7z",
  save: "M11 3h2v9.200l3.300-3.300 1.400 1.400L12 16l-5.700-5.700 1.400-1.400 3.300 3.300zM4 18h16v2.500H4z",
};
const drawing = (viewBox, line, attributes = {}) => {
  const drawn = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of Object.entries({ viewBox, "aria-hidden": "true", ...attributes })) drawn.setAttribute(name, value);
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", line);
  drawn.append(path);
  return drawn;
};
const icon = (name) => drawing("0 0 24 24", ICONS[name]);

/** Levels of 0 to 1 as a filled shape around a middle line, as wide as there are levels and 2 high. */
const outline = (levels) => {
  const loudest = Math.max(...levels, 1e-6), tall = levels.map((level) => Math.max(level / loudest, 0.01));
  const above = tall.map((height, n) => `L${n} ${(1 - height).toFixed(3)}h1`);
  const below = tall.map((height, n) => `L${n + 1} ${(1 + height).toFixed(3)}h-1`).reverse();
  return `M0 1${above.join("")}${below.join("")}z`;
};

class PlayerPage extends HTMLElement {
  // The page

  build(value) {
    const words = value.words, parts = (this.parts = { buttons: new Map(), meters: new Map(), panels: [], chips: new Map() });
    const shell = (parts.shell = element("section", { class: "lp lp-loading", "aria-label": value.title, tabindex: -1 }));
    if (value.tracks.length <= 3) shell.classList.add("lp-few"); // one row, however narrow the page
    const tracks = element("div", { class: "lp-tracks", role: "group", "aria-label": words.tracks });
    value.tracks.forEach((track, n) => tracks.append(this.trackButton(track, n + 1)));
    shell.append(this.transport(words));
    if (!value.wave) shell.append(tracks); // of a recording by itself there is nothing to switch to
    if (value.remix) shell.append(this.mixer(words));
    if (value.parts.length) shell.append(this.desk(value));
    if (value.picture) shell.append(this.pictureOf(value));
    if (value.wave) shell.append(this.waveform());
    if (parts.axes) shell.append(element("p", { class: "lp-help" }, value.wave ? words.wave_help : words.picture_help));
    parts.note = element("p", { class: "lp-note lass-notice", role: "alert", hidden: "" });
    parts.spoken = element("p", { class: "lp-unseen", role: "status" });
    if (!value.wave) shell.append(this.foot(value));
    shell.append(parts.note, parts.spoken);
    this.replaceChildren(shell);
    // A click is no reason to keep the focus on a button: the keys belong to the player as a whole.
    shell.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (event.detail > 0 && button) shell.focus({ preventScroll: true });
    });
  }

  trackButton(track, number) {
    const level = element("i");
    const button = element(
      "button",
      { type: "button", class: "lp-track", "data-key": track.key, "aria-pressed": "false", onclick: () => this.select(track.key) },
      element("span", { class: "lp-number", "aria-hidden": "true" }, String(number)),
      element("span", { class: "lp-label" }, track.label),
      ...(track.hint ? [element("span", { class: "lp-hint", title: track.hint }, track.hint)] : []),
      element("span", { class: "lp-meter", "aria-hidden": "true" }, level),
    );
    this.parts.buttons.set(track.key, button);
    this.parts.meters.set(track.key, level);
    return button;
  }

  transport(words) {
    const { parts } = this;
    parts.play = element("button", { type: "button", class: "lp-play", "aria-label": words.play, onclick: () => this.toggle() }, icon("play"));
    parts.loop = element(
      "button", { type: "button", class: "lp-loop", "aria-pressed": "false", "aria-label": words.loop, title: words.loop, onclick: () => this.setLoop(!this.looping) },
      icon("loop"),
    );
    parts.time = element("span", { class: "lp-time", "aria-hidden": "true" });
    parts.seek = element("input", {
      type: "range", class: "lp-seek", min: 0, max: this.given.seconds || 1, step: "any", value: 0, "aria-label": words.position,
      oninput: () => this.seek(Number(parts.seek.value)),
    });
    parts.band = element("span", { class: "lp-band", hidden: "" });
    const output = (parts.output = element("i"));
    const meter = element("span", { class: "lp-meter lp-output", "aria-hidden": "true", title: words.level }, output);
    const line = element("div", { class: "lp-line" }, parts.band, parts.seek);
    return element("div", { class: "lp-transport" }, parts.play, parts.loop, line, meter, parts.time);
  }

  mixer(words) {
    const { parts } = this;
    parts.remix = element("input", {
      type: "range", class: "lp-mix", min: -1, max: 1, step: 0.01, value: 0, "aria-label": words.remix,
      oninput: () => this.remix(Number(parts.remix.value)),
    });
    parts.blend = element("span", { class: "lp-blend" });
    const ends = ["only_target", "as_recorded", "only_residual"].map((name) => element("span", {}, words[name]));
    return element(
      "div", { class: "lp-remix" },
      element("div", { class: "lp-remix-head", "aria-hidden": "true" }, element("span", {}, words.remix), parts.blend),
      parts.remix, element("div", { class: "lp-ends", "aria-hidden": "true" }, ...ends),
    );
  }

  desk({ parts, tracks, words }) {
    const chips = parts.map((key) => {
      const label = tracks.find((track) => track.key === key).label;
      const chip = element("button", { type: "button", class: "lp-chip", onclick: () => this.mute(key) }, label);
      this.parts.chips.set(key, chip);
      return chip;
    });
    const heading = element("span", { class: "lp-desk-head", "aria-hidden": "true" }, words.desk);
    return element("div", { class: "lp-desk", role: "group", "aria-label": words.desk }, heading, ...chips);
  }

  foot({ words, part }) {
    const { parts } = this;
    parts.save = element("button", { type: "button", class: "lp-save", onclick: () => this.save() }, icon("save"), words.save);
    if (part) parts.part = element("button", { type: "button", class: "lp-part", hidden: "", onclick: () => this.tellPart() }, words.part);
    const rows = words.keys.map(([key, meaning]) => element("div", {}, element("dt", {}, key), element("dd", {}, meaning)));
    const help = element("details", { class: "lp-keys" }, element("summary", {}, words.keyboard), element("dl", {}, ...rows));
    return element("div", { class: "lp-foot" }, parts.save, ...(part ? [parts.part] : []), help);
  }

  pictureOf({ picture, words }) {
    const { parts } = this;
    const image = (attributes) => element("img", { src: picture.file.url, draggable: "false", ...attributes });
    const frame = element("div", { class: "lp-picture" }, image({ class: "lp-paper", alt: picture.alt }));
    if (!picture.panels.length) return frame;
    // In a dark page black and white are exchanged, but not the colours: they lie on top, cut out of the same picture.
    const colours = image({ class: "lp-colours", alt: "", "aria-hidden": "true" });
    colours.style.clipPath = cutOut([...picture.panels, ...picture.bars]);
    frame.append(colours);
    for (const panel of picture.panels) {
      const outline = place(element("div", { class: "lp-panel", "data-key": panel.key }), panel);
      parts.panels.push(outline);
      frame.append(outline);
    }
    const tops = picture.panels.map((panel) => panel.top), bottoms = picture.panels.map((panel) => panel.bottom);
    const around = { ...picture.panels[0], top: Math.min(...tops), bottom: Math.max(...bottoms) };
    place(this.overlay(), around);
    // The playhead runs over the panels alone, not over what is written between them.
    const tall = around.bottom - around.top, within = (y) => (y - around.top) / tall;
    parts.axes.style.clipPath = cutOut(
      picture.panels.map((panel) => ({ left: 0, right: 1, top: within(panel.top), bottom: within(panel.bottom) })),
    );
    frame.append(parts.axes);
    return frame;
  }

  /** A recording as it was given: its outline is drawn as soon as it is read. */
  waveform() {
    return (this.parts.wave = element("div", { class: "lp-wave" }, this.overlay()));
  }

  async drawOutline() {
    const { wave } = this.parts, levels = await this.sounds.levels(OUTLINE_COLUMNS);
    wave.prepend(drawing(`0 0 ${levels.length} 2`, outline(levels), { preserveAspectRatio: "none" }));
  }

  /** What lies on a picture: the playhead, the region, and the pointer's ways. */
  overlay() {
    const { parts } = this;
    parts.shade = element("div", { class: "lp-shade", hidden: "" });
    parts.head = element("div", { class: "lp-head" });
    parts.axes = element("div", { class: "lp-axes" }, parts.shade, parts.head);
    this.followPointer(parts.axes);
    return parts.axes;
  }

  /** A click goes to a place; a drag marks a region and loops it. */
  followPointer(axes) {
    let from = null, at = null;
    const second = (event) => {
      const box = axes.getBoundingClientRect();
      return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * this.seconds;
    };
    const wide = () => {
      const pixels = (Math.abs(at - from) / this.seconds) * axes.clientWidth;
      return pixels > 6 && Math.abs(at - from) >= LOOP_LEAST;
    };
    axes.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      from = at = second(event);
      axes.setPointerCapture(event.pointerId);
      this.parts.shell.focus({ preventScroll: true });
    });
    axes.addEventListener("pointermove", (event) => {
      if (from === null) return;
      at = second(event);
      this.drawRegion(wide() ? { start: Math.min(from, at), end: Math.max(from, at) } : this.region);
    });
    axes.addEventListener("pointerup", (event) => {
      if (from === null) return;
      at = second(event);
      const region = wide() ? { start: Math.min(from, at), end: Math.max(from, at) } : null;
      from = null;
      if (region) this.setLoop(true, region).then(() => this.seek(region.start));
      else this.clickAt(at);
    });
    axes.addEventListener("pointercancel", () => { from = null; this.draw(); });
  }

  /** Outside the region a click leaves it. */
  async clickAt(place) {
    if (this.region && (place < this.region.start || place >= this.region.end)) await this.setLoop(false, null);
    await this.seek(place);
  }

  // What moves

  draw() {
    cancelAnimationFrame(this.frame);
    if (!this.given || !this.sounds) return;
    const { parts, words } = this, seconds = this.seconds;
    if (this.playing && !this.engine.loop && this.position >= seconds) this.engine.pause();
    const { playing, position } = this;
    this.place = position;
    if (parts.play.dataset.playing !== String(playing)) {
      parts.play.dataset.playing = String(playing);
      parts.play.replaceChildren(icon(playing ? "pause" : "play"));
      parts.play.setAttribute("aria-label", playing ? words.pause : words.play);
    }
    parts.loop.setAttribute("aria-pressed", String(this.looping));
    parts.time.textContent = `${clock(position)} / ${clock(seconds)}`;
    if (document.activeElement !== parts.seek || playing) parts.seek.value = position;
    parts.seek.setAttribute("aria-valuetext", fill(words.place, { at: clock(position), of: clock(seconds) }));
    parts.seek.style.setProperty("--lp-at", `${(100 * position) / (seconds || 1)}%`);
    if (parts.head) parts.head.style.left = `${(100 * position) / (seconds || 1)}%`;
    this.drawRegion(this.region);
    for (const [key, level] of [...parts.meters, ["", parts.output]]) this.drawLevel(level, key, playing);
    if (playing) this.frame = requestAnimationFrame(() => this.draw());
  }

  drawRegion(region) {
    if (this.parts.part) this.parts.part.hidden = !region;
    for (const node of [this.parts.shade, this.parts.band]) {
      if (!node) continue;
      node.hidden = !region;
      node.classList.toggle("lp-on", this.looping);
      if (!region) continue;
      node.style.left = `${(100 * region.start) / this.seconds}%`;
      node.style.width = `${(100 * (region.end - region.start)) / this.seconds}%`;
    }
  }

  drawLevel(node, key, playing) {
    const { peak, rms } = playing ? this.engine.level(key) : { peak: 0, rms: 0 };
    const decibels = 20 * Math.log10(Math.max(rms, 1e-6));
    node.style.transform = `scaleX(${Math.min(Math.max(1 - decibels / FLOOR_DB, 0), 1)})`;
    if (key === "" && peak > 1) this.note(this.words.clips, true);
  }
}
