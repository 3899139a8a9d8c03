// Several sounds on one clock: switching from one to another keeps the position, to the sample.
//
// Decoded buffers and Web Audio rather than <audio> elements: what has been heard follows from the audio
// clock, which stands still when the phone rings or the tab is frozen, and not from events or timers, which
// browsers delay, drop or fire twice. Mono plays on both ears; other sample rates are converted on decoding.

import { Heard } from "./heard.js";

const FADE = 0.012; // seconds: no click at a start, a stop or a switch

let context = null;

// The page's audio clock. Called within a click or a key press: before one, browsers keep it silent.
export function audioContext() {
  if (context === null) {
    // Without this the silent switch of an iPhone mutes Web Audio, and only Web Audio.
    try {
      if (navigator.audioSession) navigator.audioSession.type = "playback";
    } catch { /* an older Safari */ }
    context = new (window.AudioContext || window.webkitAudioContext)();
  }
  return context;
}

// Wakes the clock after a gesture; resolves when sound can be heard.
export async function wake() {
  const clock = audioContext();
  if (clock.state !== "running") await clock.resume();
}

// Decodes the bytes of an audio file. Safari before 14.1 knows the callbacks only.
export function decode(bytes) {
  return new Promise((resolve, reject) => {
    const promise = audioContext().decodeAudioData(bytes, resolve, reject);
    if (promise) promise.then(resolve, reject);
  });
}

export class Player {
  // sounds: {name: AudioBuffer}; heard: {name: intervals heard earlier}; changed() after every start and stop.
  constructor(sounds, heard, changed) {
    this.sounds = sounds;
    this.names = Object.keys(sounds);
    this.heard = Object.fromEntries(this.names.map((name) => [name, new Heard(heard[name])]));
    this.plays = Object.fromEntries(this.names.map((name) => [name, 0]));
    this.changed = changed;
    this.current = this.names[0];
    this.loop = false;
    this.offset = 0; // seconds: where the sound stood when it was last started or stopped
    this.voice = null; // what is sounding now
  }

  get playing() { return this.voice !== null; }

  get duration() { return this.sounds[this.current].duration; }

  get position() {
    if (this.voice === null) return Math.min(this.offset, this.duration);
    const at = this.offset + this._elapsed();
    return this.loop ? at % this.duration : Math.min(at, this.duration);
  }

  // Plays `name`, from where the other one stands.
  async play(name = this.current) {
    this._stop();
    const wanted = (this.wanted = {});
    await wake();
    if (this.wanted !== wanted) return; // another click came in between
    this.current = name;
    if (this.offset >= this.duration - 0.05) this.offset = 0;
    this.plays[name] += 1;
    this._start();
    this.changed();
  }

  pause() {
    this.wanted = null;
    this._stop();
    this.changed();
  }

  toggle(name = this.current) {
    if (this.playing && name === this.current) this.pause();
    else return this.play(name);
  }

  // Selects `name`; what is playing plays on as that sound.
  select(name) {
    if (name === this.current) return;
    if (this.playing) return this.play(name);
    this.current = name;
    this.changed();
  }

  seek(seconds) {
    const playing = this.playing;
    this._stop();
    this.offset = Math.max(0, Math.min(seconds, this.duration));
    if (playing && this.offset < this.duration - 0.05) this._start();
    this.changed();
  }

  setLoop(loop) {
    const playing = this.playing;
    this._stop();
    this.loop = loop;
    if (playing) this._start();
    this.changed();
  }

  // Writes down what has been played so far: called by whoever shows it, as often as it is shown.
  note() {
    if (this.voice === null) return;
    const heard = this.heard[this.current];
    const from = this.offset;
    const to = from + this._elapsed();
    if (!this.loop || to <= this.duration) heard.add(from, Math.min(to, this.duration));
    else if (to >= this.duration + from) heard.add(0, this.duration);
    else {
      heard.add(from, this.duration);
      heard.add(0, to - this.duration);
    }
  }

  secondsHeard(name) { return this.heard[name].seconds(this.sounds[name].duration); }

  close() {
    this.wanted = null;
    this._stop();
  }

  _elapsed() { return Math.max(0, audioContext().currentTime - this.voice.started); }

  _start() {
    const clock = audioContext();
    const source = clock.createBufferSource();
    const gain = clock.createGain();
    source.buffer = this.sounds[this.current];
    source.loop = this.loop;
    source.connect(gain).connect(clock.destination);
    gain.gain.setValueAtTime(0, clock.currentTime);
    gain.gain.linearRampToValueAtTime(1, clock.currentTime + FADE);
    const voice = (this.voice = { source, gain, started: clock.currentTime });
    source.onended = () => {
      if (this.voice !== voice) return;
      // Some browsers report the end a few hundredths early by their own clock: the end is the end.
      this.heard[this.current].add(Math.min(this.offset, this.duration), this.duration);
      voice.gain.disconnect();
      this.voice = null;
      this.offset = this.duration;
      this.changed();
    };
    source.start(0, this.offset);
  }

  _stop() {
    if (this.voice === null) return;
    this.note();
    this.offset = this.position;
    const { source, gain } = this.voice;
    this.voice = null;
    const now = audioContext().currentTime;
    gain.gain.cancelScheduledValues(now);
    gain.gain.setTargetAtTime(0, now, FADE / 3);
    source.stop(now + FADE * 2);
    source.onended = () => gain.disconnect();
  }
}
