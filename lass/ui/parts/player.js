/* <lass-player>: the tracks of one recording, switched between at the same place; its `value` is what
   `lass.ui.parts.player.player_value` gives. Several may stand on a page, and only one of them plays. */

const PLAYERS = new Set();
const SEEK_SECONDS = 2;

class LassPlayer extends PlayerPage {
  static Engine = Engine;
  static Sounds = Sounds;

  connectedCallback() {
    PLAYERS.add(this);
    this.addEventListener("keydown", this.onKey);
    if (this.given && !this.sounds) this.show(this.given);
  }

  disconnectedCallback() {
    PLAYERS.delete(this);
    this.removeEventListener("keydown", this.onKey);
    this.clear();
  }

  set value(value) {
    const given = value && value.tracks && value.tracks.length ? value : null;
    if (JSON.stringify(given) === JSON.stringify(this.given ?? null)) return;
    this.given = given;
    this.clear();
    if (given && this.isConnected) this.show(given);
  }

  get value() { return this.given; }

  /** Let go of everything: sounds, context, requests, drawings. */
  clear() {
    cancelAnimationFrame(this.frame);
    this.engine?.close();
    this.context?.close();
    this.sounds?.close();
    if (this.saved) URL.revokeObjectURL(this.saved);
    this.engine = this.context = this.sounds = this.ready = this.saved = null;
    this.replaceChildren();
  }

  show(value) {
    this.words = value.words;
    this.mixed = value.remix ? 0 : null; // where the remix slider stands, -1 to 1; null where it does not apply
    this.selected = value.selected;
    this.muted = new Set();
    this.region = null;
    this.looping = false;
    this.place = 0;
    this.build(value);
    const sounds = (this.sounds = new Sounds(value.tracks));
    this.select(value.selected, false);
    this.draw();
    this.ready = sounds.open(value.limit).then(() => {
      if (this.sounds !== sounds) return;
      this.parts.seek.max = this.seconds;
      this.parts.shell.classList.remove("lp-loading");
      if (value.wave) this.drawOutline();
      this.draw();
    });
    this.ready.catch(() => this.sounds === sounds && this.say(this.gone, true));
  }

  // What is heard

  get gone() { return this.given?.wave ? this.words.undrawable : this.words.unplayable; }
  get seconds() { return this.sounds?.frames ? this.sounds.frames / this.sounds.rate : this.given.seconds; }
  get position() { return this.engine ? this.engine.position() : this.place; }
  get playing() { return Boolean(this.engine?.playing); }

  /** The gain of every track now. */
  get gains() {
    const { remix, parts } = this.given;
    if (this.selected) return new Map([[this.selected, 1]]);
    if (this.mixed === null) return new Map(parts.map((key) => [key, this.muted.has(key) ? 0 : 1]));
    return new Map([[remix.target, Math.min(1, 1 - this.mixed)], [remix.residual, Math.min(1, 1 + this.mixed)]]);
  }

  /** Hear one track, at the place where the last one was. */
  select(key, spoken = true) {
    const { remix, tracks } = this.given;
    this.selected = key;
    if (remix) {
      const stops = [remix.target, remix.mixture, remix.residual].indexOf(key);
      this.mixed = stops < 0 ? null : stops - 1;
    }
    this.heard();
    const track = tracks.find((one) => one.key === key);
    if (spoken) this.say(fill(this.words.hearing, { track: track.label }), false, true);
  }

  /** Hear a mix: -1 the target alone, 0 the recording, 1 everything else. */
  remix(mixed) {
    const { remix } = this.given;
    const snapped = Math.abs(mixed) < 0.03 ? 0 : mixed;
    this.mixed = snapped;
    this.selected = { "-1": remix.target, 0: remix.mixture, 1: remix.residual }[snapped] || null;
    this.heard();
  }

  /** Leave a part out of the mix, or take it in again; a mix of all parts is the track that is their sum. */
  mute(key) {
    // Who heard one track alone goes on from the whole, without this part.
    if (this.selected && this.selected !== this.sum()) this.muted.clear();
    if (!this.muted.delete(key)) this.muted.add(key);
    this.mixed = null;
    this.selected = this.muted.size ? null : this.sum();
    this.heard();
  }

  /** The track that is the sum of all parts that can be muted, if there is one. */
  sum() {
    const { parts, tracks } = this.given;
    if (!parts.length) return null;
    const all = JSON.stringify([...parts].sort());
    return tracks.find((track) => JSON.stringify([...track.sum_of].sort()) === all)?.key ?? null;
  }

  heard() {
    const { buttons, remix, panels, blend, chips } = this.parts;
    const gains = this.gains, whole = Boolean(this.selected) && this.selected === this.sum();
    for (const [key, chip] of chips) chip.setAttribute("aria-pressed", String(whole || Boolean(gains.get(key))));
    for (const [key, button] of buttons) button.setAttribute("aria-pressed", String(key === this.selected));
    for (const panel of panels) panel.classList.toggle("lp-heard", panel.dataset.key === this.selected);
    if (remix) {
      remix.value = this.mixed ?? 0;
      remix.setAttribute("aria-valuetext", this.blendInWords());
      remix.style.setProperty("--lp-at", `${50 + 50 * (this.mixed ?? 0)}%`);
      blend.textContent = this.blendInWords();
    }
    this.note("");
    this.engine?.setGains(this.gains);
  }

  blendInWords() {
    const gains = this.given.remix, words = this.words, mixed = this.mixed ?? 0;
    if (this.mixed === null) return "";
    if (mixed === 0) return words.as_recorded;
    const [quiet, full] = mixed < 0 ? [gains.residual, words.only_target] : [gains.target, words.only_residual];
    if (Math.abs(mixed) === 1) return full;
    const label = this.given.tracks.find((track) => track.key === quiet).label;
    return fill(words.quieter, { track: label, level: (20 * Math.log10(1 - Math.abs(mixed))).toFixed(1).replace("-", "−") });
  }

  // Playing

  async play() {
    if (this.playing || this.starting) return;
    this.starting = true;
    const sounds = this.sounds;
    try {
      for (const other of PLAYERS) if (other !== this) other.pause();
      this.awake(); // within the gesture, before anything is waited for
      await this.ready;
      if (this.sounds !== sounds) return;
      this.engine ||= this.begin();
      await this.engine.play();
    } catch {
      if (this.sounds === sounds) this.say(this.gone, true); // others may have taken their place meanwhile
    } finally {
      this.starting = false;
    }
    this.draw();
  }

  awake() {
    if (!this.context) {
      // At the rate of the files, so that nothing is resampled before the mix.
      const rate = this.sounds.rate || this.given.rate;
      try {
        this.context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
      } catch {
        this.context = new AudioContext();
      }
    }
    if (this.context.state !== "running") this.context.resume();
  }

  begin() {
    const engine = new Engine(this.context, this.sounds, this.gains);
    engine.failed = () => { this.draw(); this.say(this.gone, true); };
    engine.place = this.place;
    engine.loop = this.looping ? this.loopNow() : null;
    return engine;
  }

  pause() {
    if (!this.playing) return;
    this.engine.pause();
    this.draw();
  }

  toggle() { return this.playing ? this.pause() : this.play(); }

  async seek(seconds) {
    const wanted = Math.min(Math.max(seconds, 0), this.seconds);
    this.place = wanted;
    if (this.engine) await this.engine.seek(wanted);
    this.draw();
  }

  // The region that is played again and again

  loopNow() { return this.region || { start: 0, end: this.seconds }; }

  async setLoop(on, region = this.region, told = !this.given.wave || region === this.region) {
    this.region = region;
    this.looping = on;
    if (!told) this.tellPart();
    if (this.engine) await this.engine.setLoop(on ? this.loopNow() : null);
    else if (on && region) this.place = region.start;
    this.draw();
  }

  /** Move one end of the region here, from the keyboard. */
  mark(end) {
    const place = this.position, { start, end: stop } = this.loopNow();
    const region = end === "start" ? { start: place, end: stop } : { start, end: place };
    if (region.end - region.start < LOOP_LEAST) return;
    this.setLoop(true, region);
    this.say(fill(this.words.loop_set, { from: clock(region.start), to: clock(region.end) }), false, true);
  }

  /** Tell the page which part is marked, in seconds; nulls where none is. */
  tellPart() {
    this.dispatchEvent(new CustomEvent("part", { bubbles: true, detail: this.region || { start: null, end: null } }));
  }

  /** Mark the part that the page chose, in seconds; an `end` of 0 is the recording's own. 0 to 0 is no part, nor is
      what the recording does not have. */
  markPart(start, end) {
    if (!this.given || !this.seconds) return;
    const region = { start, end: Math.min(end || this.seconds, this.seconds) };
    const part = (start || end) && start >= 0 && region.end - start >= LOOP_LEAST ? region : null;
    this.setLoop(Boolean(part), part, true);
  }

  // Taking it away

  async save() {
    const { save } = this.parts, sounds = this.sounds;
    save.disabled = true;
    try {
      await this.ready;
      const { blob, peak } = await sounds.wav(this.gains);
      if (this.saved) URL.revokeObjectURL(this.saved);
      this.saved = URL.createObjectURL(blob);
      element("a", { href: this.saved, download: this.fileName() }).click();
      const over = (20 * Math.log10(peak)).toFixed(1);
      this.note(peak > 1 ? fill(this.words.over, { level: over }) : "", true);
    } catch {
      if (this.sounds === sounds) this.say(this.gone, true);
    }
    save.disabled = false;
  }

  fileName() {
    if (this.selected) return `${this.given.name}-${this.selected}.wav`;
    if (this.mixed === null) return [this.given.name, "mix", ...(this.muted.size ? ["without", ...this.muted] : [])].join("-") + ".wav";
    const percent = Math.round(100 * this.mixed);
    return `${this.given.name}-mix${percent < 0 ? "" : "+"}${percent}.wav`;
  }

  // Sentences

  say(sentence, wrong = false, hidden = false) {
    const { spoken } = this.parts;
    if (wrong) this.note(sentence, true);
    else if (hidden) spoken.textContent = sentence;
  }

  note(sentence, warning = false) {
    const { note } = this.parts;
    note.textContent = sentence;
    note.classList.toggle("lass-warning", warning && Boolean(sentence));
    note.hidden = !sentence;
  }

  // Keys, while the focus is in the player

  onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.sounds) return;
    const { target, key } = event, onButton = target.closest("button, summary"), onSlider = target === this.parts.remix;
    const number = Number(key) - 1, tracks = this.given.tracks;
    const actions = {
      " ": onButton ? null : () => this.toggle(),
      k: () => this.toggle(),
      l: () => this.setLoop(!this.looping),
      "[": () => this.mark("start"),
      "]": () => this.mark("end"),
      ArrowLeft: onSlider ? null : () => this.seek(this.position - SEEK_SECONDS),
      ArrowRight: onSlider ? null : () => this.seek(this.position + SEEK_SECONDS),
      Home: onSlider ? null : () => this.seek(0),
      End: onSlider ? null : () => this.seek(this.seconds),
    };
    const act = tracks[number] ? () => this.select(tracks[number].key) : actions[key.length === 1 ? key.toLowerCase() : key];
    if (!act) return;
    event.preventDefault();
    act();
  };
}

customElements.define("lass-player", LassPlayer);
