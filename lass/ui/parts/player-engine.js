/* Plays all tracks at once on one clock; what is heard is a matter of gains alone, so nothing ever drifts.

   Every track has an input, which its sources feed, and a gain behind it. The track that is a sum is fed by the
   inputs of its parts. A run is one stretch of playing: all its sources are started for the same moment of the
   context's clock and the same place in the recording. Without a loop, a recording in memory is one source for each
   file; anything else is a chain of blocks. The last samples of a loop turn into those before its beginning, so that
   its jump back is no step. */

const SWITCH_SECONDS = 0.008; // a change of gain, or a loop's jump; short enough to feel immediate, long enough not to click
const LEAD_SECONDS = 0.03; // between the decision to play and the first sample
const AHEAD_SECONDS = 12; // of a chain of blocks that are scheduled already

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
    const rate = this.sounds.rate, loop = this.loopInFrames();
    const from = this.place >= this.seconds - 1e-3 ? 0 : this.frame(this.place) / rate;
    const run = { from, loop, when: Infinity, sources: new Set(), fades: new Map(), starts: [], timer: 0, done: false };
    this.run = run;
    for (const [key, input] of this.inputs) {
      if (!this.sounds.files.has(key)) continue;
      const fade = new GainNode(this.context, { gain: 0 });
      fade.connect(input);
      run.fades.set(key, fade);
    }
    if (this.sounds.resident && !loop) {
      this.begin(run);
      for (const key of run.fades.keys()) this.source(run, key, this.whole(key), run.when, from);
    } else {
      const next = await this.segment(run, Math.round(from * rate));
      if (this.run !== run) return;
      this.begin(run);
      this.schedule(run, next);
      this.feed(run);
    }
  }

  /** The loop on whole samples; one that begins within a fade of the recording's beginning begins there. */
  loopInFrames() {
    if (!this.loop) return null;
    const { rate } = this.sounds, start = this.frame(this.loop.start);
    return { start: start < this.seam ? 0 : start / rate, end: this.frame(this.loop.end) / rate };
  }

  /** Samples over which a loop's end becomes its beginning. */
  get seam() { return this.frame(SWITCH_SECONDS); }

  begin(run) {
    run.when = this.frame(this.context.currentTime + LEAD_SECONDS) / this.sounds.rate;
    run.at = run.when; // where the next block goes
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

  /** One block after the other, all tracks of a block for the same moment. */
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
      const next = await this.segment(run, run.next);
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

  until(run, from) {
    const { rate, frames } = this.sounds, last = run.loop ? this.frame(run.loop.end) : 0;
    return Math.min(from + BLOCK_SECONDS * rate, from < last ? last : frames);
  }

  async segment(run, from) {
    const { kept, sounds } = this, to = this.until(run, from), start = run.loop?.start;
    if (kept && kept.from === from && kept.to === to && kept.start === start) return kept; // a short loop, once more
    const keys = [...sounds.files.keys()], read = (key, first, last) => sounds.files.get(key).read(first, last);
    const blocks = await Promise.all(keys.map((key) => read(key, from, to)));
    const buffers = new Map(keys.map((key, n) => [key, this.buffer(blocks[n], to - from)]));
    if (run.loop) {
      const first = this.frame(start);
      const before = await Promise.all(keys.map((key) => read(key, Math.max(first - this.seam, 0), first)));
      keys.forEach((key, n) => this.blend(buffers.get(key), before[n], run.loop, from, to));
    }
    return (this.kept = { from, to, start, buffers });
  }

  /** Cross-fade a loop's end, where it is in a block, with what is `before` the loop: its beginning follows on that.
      Before the recording there is silence, out of which its first samples rise. */
  blend(buffer, before, loop, from, to) {
    const seam = this.seam, last = this.frame(loop.end);
    for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
      const samples = buffer.getChannelData(channel);
      if (to === last)
        for (let frame = Math.max(from, last - seam); frame < to; frame++) {
          const n = frame - (last - seam), wanted = before[channel][n] ?? 0;
          samples[frame - from] += ((n + 1) / (seam + 1)) * (wanted - samples[frame - from]);
        }
      if (loop.start === 0) for (let frame = from; frame < Math.min(seam, to); frame++) samples[frame - from] *= frame / seam;
    }
  }

  schedule(run, { from, to, buffers }) {
    const { rate, frames } = this.sounds;
    for (const [key, buffer] of buffers) {
      buffer.place = from / rate;
      this.source(run, key, buffer, run.at, 0);
    }
    run.at = this.frame(run.at + (to - from) / rate) / rate;
    run.next = run.loop && to === this.frame(run.loop.end) ? this.frame(run.loop.start) : to;
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
