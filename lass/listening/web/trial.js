// One trial: the mixture and the separated sound, what was asked for, and the questions.

import { clock, h, icon, say, show, t } from "./dom.js";
import { memory } from "./server.js";
import { Player } from "./player.js";

const NAMES = ["mixture", "sound"];
const SLACK = 0.15; // seconds that rounding may cost: nobody is told "not heard" for these

export class Trial {
  // trial: as the server gives it; saved: {question: score} the server has, or null; sounds: the decoded
  // audio, as a promise; heardBefore: this mixture was heard in an earlier trial.
  constructor({ trial, study, saved, heardBefore, first, last, title, sounds, submit, back }) {
    Object.assign(this, { trial, study, saved, heardBefore, title, submit, back, first, last });
    this.store = `trial-${trial.position}`;
    const kept = memory.get(this.store) ?? {};
    this.kept = { heard: {}, plays: {}, scores: {}, since: Date.now(), ...kept };
    this.scores = { ...(saved ?? {}), ...this.kept.scores };
    this.player = null;
    this.busy = false;
    this.open = saved !== null;
    this.asking = study.questions[0].key;
    this._build();
    show(this.form);
    this.keys = (event) => this._key(event);
    this.keep = () => this._keep();
    document.addEventListener("keydown", this.keys);
    window.addEventListener("pagehide", this.keep);
    this.ticking = setInterval(() => this._tick(), 100);
    this._load(sounds);
    this._tick();
  }

  close() {
    clearInterval(this.ticking);
    document.removeEventListener("keydown", this.keys);
    window.removeEventListener("pagehide", this.keep);
    this.closed = true;
    if (this.player) {
      this.player.note();
      this._keep();
      this.player.close();
    }
  }

  // Whether the participant has answered otherwise than the server knows.
  get changed() { return this.study.questions.some(({ key }) => this.scores[key] !== this.saved?.[key]); }

  get complete() { return this.study.questions.every(({ key }) => key in this.scores); }

  // What the server checks once more: plays and seconds heard, the seconds until the answer.
  get facts() {
    const { player } = this;
    player?.note();
    const heard = (name) => (player ? player.secondsHeard(name) : 0);
    return {
      plays: (this.kept.plays.sound ?? 0) + (player?.plays.sound ?? 0),
      seconds_heard: Math.min(heard("sound"), this.trial.sound.seconds),
      mixture_heard: Math.min(heard("mixture"), this.trial.mixture.seconds),
      seconds_to_rate: Math.max(0, (Date.now() - this.kept.since) / 1000),
    };
  }

  setBusy(busy) {
    this.busy = busy;
    this.next.setAttribute("aria-busy", busy);
    this.next.firstChild.textContent = t(busy ? "saving" : this.last ? "finish" : "next");
  }

  async _load(sounds) {
    try {
      const buffers = await sounds();
      if (this.closed) return;
      this.player = new Player(buffers, this.kept.heard, () => this._tick());
      for (const name of NAMES) this.cards[name].play.removeAttribute("aria-disabled");
      this.loop.disabled = this.slider.disabled = false;
      this._tick();
    } catch (error) {
      if (this.closed) return;
      say(t("audio_failed"), "bad");
      this.retry.hidden = false;
      this.retry.onclick = () => {
        this.retry.hidden = true;
        say();
        this._load(sounds);
      };
      console.warn(error);
    }
  }

  _build() {
    const { trial, study } = this;
    this.cards = Object.fromEntries(NAMES.map((name) => [name, this._card(name)]));
    this.slider = h("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0, "aria-label": t("position"), disabled: true,
      oninput: () => this.player?.seek(Number(this.slider.value)) });
    this.time = h("span", { class: "time", "aria-hidden": "true" }, "0:00");
    this.loop = h("button", { type: "button", class: "quiet loop", "aria-pressed": "false", disabled: true, onclick: () => this._loop() }, icon("loop"), h("span", {}, t("loop")));
    this.retry = h("button", { type: "button", class: "secondary", hidden: true }, t("try_again"));
    this.questions = study.questions.map((question) => this._question(question));
    this.missing = h("p", { class: "hint missing", id: "missing" });
    this.next = h("button", { class: "primary next" }, h("span", {}, t(this.last ? "finish" : "next")));
    this.form = h("form", { class: "trial", novalidate: true, onsubmit: (event) => this._submit(event) },
      h("h1", { class: "count" }, this.title),
      trial.practice && h("p", { class: "hint" }, t("practice_text")),
      h("section", { class: "card listen", "aria-label": t("listen") },
        h("p", { class: "asked" }, h("span", {}, t("asked")), h("q", {}, trial.query)),
        h("div", { class: "players" }, ...NAMES.map((name) => this.cards[name].element)),
        h("div", { class: "transport" }, this.slider, this.time, this.loop),
        this.retry),
      h("section", { class: "card rate", "aria-label": t("answer"), onpointerdown: () => !this.open && this._locked() },
        ...this.questions.map((question) => question.element),
        this.missing),
      h("div", { class: "actions" },
        !this.first && h("button", { type: "button", class: "secondary", onclick: () => !this.busy && this.back() }, t("back")),
        this.next),
      h("p", { class: "keys" }, t(study.questions.length > 1 ? "keys_several" : "keys")));
  }

  _card(name) {
    const told = h("span", { class: "told", id: `told-${name}` });
    const bar = h("span", { class: "bar", "aria-hidden": "true" }, h("span"));
    const face = h("span", { class: "face" }, icon("play"));
    const play = h("button", { type: "button", class: "play", "aria-disabled": "true", "aria-describedby": `told-${name}`, "aria-label": t(`play_${name}`),
      onclick: () => this.player?.toggle(name) }, face);
    const element = h("div", { class: "player", "data-name": name }, play,
      h("div", { class: "about" }, h("strong", {}, t(name)), told), bar);
    return { element, play, face, told, bar: bar.firstChild };
  }

  _question({ key, text, labels }) {
    const inputs = labels.map((_, at) => h("input", { type: "radio", name: key, value: at + 1, id: `${key}-${at + 1}`, checked: this.scores[key] === at + 1 }));
    const points = labels.map((label, at) => h("label", { class: "point", for: `${key}-${at + 1}` }, inputs[at], h("b", {}, String(at + 1)), h("span", {}, label)));
    const element = h("fieldset", { class: "question", "data-key": key, "aria-describedby": "missing", disabled: !this.open }, h("legend", {}, text), h("div", { class: "points" }, ...points));
    element.addEventListener("change", () => this._choose(key, Number(inputs.find((input) => input.checked).value)));
    element.addEventListener("focusin", () => this._ask(key));
    return { key, element, inputs };
  }

  _ask(key) {
    this.asking = key;
    for (const question of this.questions) question.element.classList.toggle("asking", this.questions.length > 1 && question.key === key);
  }

  _choose(key, score) {
    this.scores[key] = score;
    this.kept.scores = { ...this.scores };
    this._keep();
    this._tick();
  }

  _keep() {
    const { player } = this;
    memory.set(this.store, {
      ...this.kept,
      heard: player ? Object.fromEntries(NAMES.map((name) => [name, player.heard[name].intervals])) : this.kept.heard,
      plays: player ? Object.fromEntries(NAMES.map((name) => [name, (this.kept.plays[name] ?? 0) + player.plays[name]])) : this.kept.plays,
    });
  }

  // Seconds of a sound that are still to be heard before the answer counts; 0 when it is enough.
  _wanting(name) {
    if (name === "mixture" && this.heardBefore) return 0;
    const length = Math.min(this.trial[name].seconds, this.player.sounds[name].duration);
    const wanting = this.study.minimum_heard * length - this.player.secondsHeard(name);
    return wanting > SLACK ? wanting : 0;
  }

  // What is missing, in words: which sound, and how much of it.
  _missing() {
    if (this.open || !this.player) return [];
    return NAMES.filter((name) => this._wanting(name) > 0).map((name) => (
      this.player.secondsHeard(name) < SLACK
        ? t("missing_all", { name: t(name) })
        : t("missing_part", { name: t(name), count: Math.max(1, Math.round(this._wanting(name))) })));
  }

  // Somebody wants to rate too early: the line below the question says what is missing, and stands out for a while.
  _locked() {
    say(this.player ? `${t("listen_first")} ${this._missing().join(" ")}` : t("loading"), "voice");
    this._stress();
  }

  _stress() {
    this.missing.classList.add("stress");
    clearTimeout(this.calming);
    this.calming = setTimeout(() => this.missing.classList.remove("stress"), 2500);
  }

  _tick() {
    const { player } = this;
    if (!player) {
      for (const name of NAMES) this.cards[name].told.textContent = t("loading");
      if (!this.open) this.missing.textContent = t("loading");
      return;
    }
    player.note();
    this._showPlayer(player);
    const missing = this._missing();
    if (!this.open && missing.length === 0) this._unlock();
    const text = this.open
      ? (this.complete ? "" : t("choose", { count: this.study.questions.filter(({ key }) => !(key in this.scores)).length }))
      : `${t("listen_first")} ${missing.join(" ")}`;
    if (this.missing.textContent !== text) this.missing.textContent = text;
    if (this.open && this.complete) this.next.removeAttribute("aria-disabled");
    else this.next.setAttribute("aria-disabled", "true");
  }

  _unlock() {
    this.open = true;
    for (const question of this.questions) question.element.disabled = false;
    this._ask(this.asking);
    say(t("rate_now"), "voice");
  }

  _showPlayer(player) {
    const { position, duration } = player;
    for (const name of NAMES) {
      const { element, play, face, told, bar } = this.cards[name];
      const current = name === player.current;
      const sounding = current && player.playing;
      element.classList.toggle("current", current);
      element.classList.toggle("playing", sounding);
      const heard = player.secondsHeard(name);
      const enough = this.trial[name].seconds * this.study.minimum_heard - heard <= SLACK;
      element.classList.toggle("heard", enough);
      const text = enough ? t("heard_all") : t("heard_part", { at: clock(heard), of: clock(player.sounds[name].duration) });
      if (told.textContent !== text) told.textContent = text;
      bar.style.setProperty("--part", Math.min(1, heard / player.sounds[name].duration));
      if (face.dataset.playing !== String(sounding)) {
        face.dataset.playing = String(sounding);
        face.replaceChildren(icon(sounding ? "pause" : "play"));
        play.setAttribute("aria-label", t(`${sounding ? "pause" : "play"}_${name}`));
      }
    }
    this.slider.max = duration;
    this.slider.value = position;
    this.slider.style.setProperty("--part", position / duration);
    const at = `${clock(position)} / ${clock(duration)}`;
    if (this.time.textContent !== at) this.time.textContent = at;
    this.slider.setAttribute("aria-valuetext", t("position_text", { at: Math.round(position), of: Math.round(duration) }));
    this.loop.setAttribute("aria-pressed", player.loop);
  }

  _loop() {
    if (!this.player) return;
    this.player.setLoop(!this.player.loop);
    say(t(this.player.loop ? "loop_on" : "loop_off"), "voice");
  }

  _submit(event) {
    event.preventDefault();
    if (this.busy) return;
    if (!this.open) return this._locked();
    const blank = this.questions.find(({ key }) => !(key in this.scores));
    if (blank) {
      say(this.missing.textContent, "voice");
      this._stress();
      return blank.inputs[0].focus();
    }
    this._keep();
    this.submit(this);
  }

  _key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || this.busy || document.querySelector("dialog[open]")) return;
    const { target, key } = event;
    const kind = target.matches("input[type=radio]") ? "radio" : target.matches("input[type=range]") ? "range" : target.closest("button, a, summary") ? "button" : "";
    if (key >= "1" && key <= "5" && key.length === 1) this._score(Number(key));
    else if (key === " " && kind !== "button" && !(kind === "radio" && !target.checked)) this.player?.toggle();
    else if (key === "l" || key === "L") this._loop();
    else if (key === "m" || key === "M") this._switch();
    else if ((key === "ArrowLeft" || key === "ArrowRight") && (kind === "" || kind === "button")) this._switch();
    else if (key === "Enter" && kind === "") this.form.requestSubmit();
    else return;
    event.preventDefault();
  }

  _switch() {
    const { player } = this;
    if (!player) return;
    const other = NAMES[1 - NAMES.indexOf(player.current)];
    player.select(other);
    say(t("now", { name: t(other) }), "voice");
  }

  // Answers the question that has the focus; without a focus, the one that is asked now.
  _score(score) {
    if (!this.open) return this._locked();
    const question = this.questions.find(({ key }) => key === this.asking);
    question.inputs[score - 1].checked = true;
    question.inputs[score - 1].focus();
    this._choose(question.key, score);
  }
}
