/* Plays all tracks at once on one clock; what is heard is a matter of gains alone, so nothing ever drifts.

   Every track has an input, which its sources feed, and a gain behind it. The track that is a sum is fed by the
   inputs of its parts. A run is one stretch of playing: all its sources are started for the same moment of the
   context's clock and the same place in the recording. */

const SWITCH_SECONDS = 0.008; // a change of gain; short enough to feel immediate, long enough not to click
const LEAD_SECONDS = 0.03; // between the decision to play and the first sample
const AHEAD_SECONDS = 12; // of a large file that are scheduled already

class Engine {
  /** `context` is any audio context, offline ones included; `sounds` are open. */
  constructor(context, sounds, gains) {
    this.context = context;
    this.sounds = sounds;
    this.place = 0; // seconds, while nothing plays
    this.loop = null; // {start, end} in seconds
    this.failed = null; // called when a large file cannot be read on
    this.run = null;
    this.buffers = new Map();
    this.master = new GainNode(context);
    this.master.connect(context.destination);
    this.inputs = new Map();
    this.gains = new Map();
    this.meters = new Map([["", this.meter(this.master)]]);
    for (const { key } of sounds.tracks) {
      const input = new GainNode(context);
      const gain = new GainNode(context, { gain: gains.get(key) || 0 });
      input.connect(gain).connect(this.master);
      this.inputs.set(key, input);
      this.gains.set(key, gain);
      this.meters.set(key, this.meter(input));
    }
    for (const { key, sum_of: parts } of sounds.tracks)
      for (const part of parts) this.inputs.get(part).connect(this.inputs.get(key));
  }

  get seconds() { return this.sounds.frames / this.sounds.rate; }
  get playing() { return this.run !== null; }

  meter(node) {
    const analyser = new AnalyserNode(this.context, { fftSize: 2048 });
    node.connect(analyser);
    return analyser;
  }

  /** The place in the recording that sounds at a moment of the context's clock. */
  position(now = this.context.currentTime) {
    return this.run ? this.placeIn(this.run, now) : this.place;
  }

  placeIn(run, now) {
    const place = run.from + Math.max(0, now - run.when);
    if (run.loop && run.from < run.loop.end && place >= run.loop.end)
      return run.loop.start + ((place - run.loop.end) % (run.loop.end - run.loop.start));
    return Math.min(place, this.seconds);
  }

  /** Glide every gain to where it is wanted. */
  setGains(gains, now = this.context.currentTime) {
    for (const [key, node] of this.gains) {
      const wanted = gains.get(key) || 0, { gain } = node;
      gain.cancelScheduledValues(now);
      gain.setValueAtTime(gain.value, now);
      gain.linearRampToValueAtTime(wanted, now + SWITCH_SECONDS);
    }
  }

  /** Start everything from `this.place`; resolves when it is scheduled. */
  async play() {
    if (this.run) return;
    const frames = this.sounds.frames, rate = this.sounds.rate;
    const loop = this.loop && { start: this.frame(this.loop.start) / rate, end: this.frame(this.loop.end) / rate };
    const from = this.place >= this.seconds - 1e-3 ? 0 : this.frame(this.place) / rate;
    const run = { from, loop, when: Infinity, sources: new Set(), fades: new Map(), starts: [], timer: 0, done: false };
    this.run = run;
    for (const [key, input] of this.inputs) {
      if (!this.sounds.files.has(key)) continue;
      const fade = new GainNode(this.context, { gain: 0 });
      fade.connect(input);
      run.fades.set(key, fade);
    }
    if (this.sounds.resident) {
      this.begin(run);
      for (const key of run.fades.keys()) {
        const source = this.source(run, key, this.whole(key), run.when, from);
        if (loop && from < loop.end) Object.assign(source, { loop: true, loopStart: loop.start, loopEnd: loop.end });
      }
    } else {
      const next = await this.segment(Math.round(from * rate), this.until(run, Math.round(from * rate), frames));
      if (this.run !== run) return;
      this.begin(run);
      this.schedule(run, next);
      this.feed(run);
    }
  }

  begin(run) {
    run.when = this.frame(this.context.currentTime + LEAD_SECONDS) / this.sounds.rate;
    run.at = run.when; // where the next block of a large file goes
    for (const { gain } of run.fades.values()) {
      gain.setValueAtTime(0, run.when);
      gain.linearRampToValueAtTime(1, run.when + SWITCH_SECONDS / 2);
    }
  }

  source(run, key, buffer, when, offset) {
    const source = new AudioBufferSourceNode(this.context, { buffer });
    source.connect(run.fades.get(key));
    source.start(when, offset);
    source.onended = () => { source.disconnect(); run.sources.delete(source); };
    run.sources.add(source);
    run.starts.push({ key, when, offset: offset + (buffer.place || 0) });
    if (run.starts.length > 64) run.starts.splice(0, 32);
    return source;
  }

  /** Large files: one block after the other, all tracks of a block for the same moment. */
  async feed(run) {
    try {
      await this.feedSome(run);
    } catch {
      if (this.run !== run) return;
      this.pause();
      this.failed?.();
    }
  }

  async feedSome(run) {
    while (this.run === run && run.at - this.context.currentTime < AHEAD_SECONDS && !run.done) {
      const next = await this.segment(run.next, this.until(run, run.next, this.sounds.frames));
      if (this.run !== run) return;
      if (run.at < this.context.currentTime) return this.again(run);
      this.schedule(run, next);
    }
    run.timer = setTimeout(() => this.run === run && this.feed(run), 500);
  }

  /** The network was too slow: go on from the place that was reached, all tracks together. */
  again(run) {
    const place = run.next / this.sounds.rate;
    this.pause();
    this.place = place;
    return this.play();
  }

  until(run, from, frames) {
    const end = run.loop && from < Math.round(run.loop.end * this.sounds.rate)
      ? Math.round(run.loop.end * this.sounds.rate) : frames;
    return Math.min(from + BLOCK_SECONDS * this.sounds.rate, end);
  }

  async segment(from, to) {
    const kept = this.kept; // a short loop is fetched once
    if (kept && kept.from === from && kept.to === to) return kept;
    const keys = [...this.sounds.files.keys()];
    const blocks = await Promise.all(keys.map((key) => this.sounds.files.get(key).read(from, to)));
    return (this.kept = { from, to, buffers: new Map(keys.map((key, n) => [key, this.buffer(blocks[n], to - from)])) });
  }

  schedule(run, { from, to, buffers }) {
    const { rate, frames } = this.sounds;
    for (const [key, buffer] of buffers) {
      buffer.place = from / rate;
      this.source(run, key, buffer, run.at, 0);
    }
    run.at = this.frame(run.at + (to - from) / rate) / rate;
    const loops = run.loop && to === Math.round(run.loop.end * rate);
    run.next = loops ? Math.round(run.loop.start * rate) : to;
    run.done = run.next >= frames;
  }

  whole(key) {
    if (!this.buffers.has(key)) {
      const sound = this.sounds.files.get(key), buffer = this.buffer(sound.held, 0);
      // One copy in memory is enough: what is mixed for a download is read from where it is played.
      sound.held = sound.held.map((_, channel) => buffer.getChannelData(channel).subarray(0, sound.frames));
      this.buffers.set(key, buffer);
    }
    return this.buffers.get(key);
  }

  buffer(channels, atLeast) {
    const length = Math.max(channels[0].length, atLeast, 1);
    const buffer = new AudioBuffer({ length, numberOfChannels: channels.length, sampleRate: this.sounds.rate });
    channels.forEach((samples, channel) => buffer.copyToChannel(samples, channel));
    return buffer;
  }

  frame(seconds) { return Math.round(seconds * this.sounds.rate); }

  /** Stop without a click and remember the place. */
  pause() {
    const run = this.run, now = this.context.currentTime;
    if (!run) return;
    this.place = this.position(now);
    this.run = null;
    clearTimeout(run.timer);
    for (const { gain } of run.fades.values()) {
      gain.cancelScheduledValues(now);
      gain.setValueAtTime(gain.value, now);
      gain.linearRampToValueAtTime(0, now + SWITCH_SECONDS);
    }
    const last = [...run.sources];
    for (const source of last) source.stop(now + SWITCH_SECONDS);
    const release = () => { for (const fade of run.fades.values()) fade.disconnect(); };
    if (last.length) last[last.length - 1].addEventListener("ended", release); else release();
  }

  /** Go elsewhere, playing on if it played. */
  async seek(seconds) {
    const played = this.playing;
    this.pause();
    this.place = Math.min(Math.max(seconds, 0), this.seconds);
    if (played) await this.play();
  }

  async setLoop(loop) {
    const place = this.position();
    this.loop = loop;
    if (this.playing) await this.seek(loop && (place < loop.start || place >= loop.end) ? loop.start : place);
    else if (loop && (place < loop.start || place >= loop.end)) this.place = loop.start;
  }

  /** Largest and mean level that just passed a track, or the output for "": {peak, rms}, 1 being full scale. */
  level(key = "") {
    const meter = this.meters.get(key);
    const samples = (this.scratch ||= new Float32Array(meter.fftSize));
    meter.getFloatTimeDomainData(samples);
    let peak = 0, sum = 0;
    for (const sample of samples) {
      peak = Math.max(peak, Math.abs(sample));
      sum += sample * sample;
    }
    return { peak, rms: Math.sqrt(sum / samples.length) };
  }

  close() {
    this.pause();
    this.buffers.clear();
    this.kept = null;
    this.master.disconnect();
  }
}
