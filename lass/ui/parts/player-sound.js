/* Sounds as the player needs them: read from WAV files at any place, mixed, and written as a WAV again.

   A file is read by ourselves, not by the browser's decoder: that one would resample it, and its samples could not
   be given back exactly. Small files are held in memory; of large ones a few seconds at a time are fetched. */

const HEAD_BYTES = 65536;
const RESIDENT_BYTES = 256e6; // of decoded sound held for one player; a tablet has no more to spare
const BLOCK_SECONDS = 8; // of a large file in one request

/** Where the samples of a WAV or RF64 stand: {tag, bits, channels, rate, start, bytes}; null for other formats. */
function parseWav(view) {
  const word = (at) => String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at, 4));
  if (view.byteLength < 44 || !["RIFF", "RF64"].includes(word(0)) || word(8) !== "WAVE") return null;
  const form = {};
  let long = 0;
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const name = word(at), size = view.getUint32(at + 4, true);
    if (name === "ds64") long = Number(view.getBigUint64(at + 16, true));
    if (name === "fmt ") {
      form.tag = view.getUint16(at + 8, true);
      form.channels = view.getUint16(at + 10, true);
      form.rate = view.getUint32(at + 12, true);
      form.bits = view.getUint16(at + 22, true);
      if (form.tag === 0xfffe) form.tag = view.getUint16(at + 32, true); // WAVE_FORMAT_EXTENSIBLE
    }
    if (name === "data") {
      const known = (form.tag === 3 && form.bits === 32) || (form.tag === 1 && [16, 24, 32].includes(form.bits));
      return known ? { ...form, start: at + 8, bytes: size === 0xffffffff && long ? long : size } : null;
    }
    at += 8 + size + (size % 2);
  }
  return null;
}

/** Interleaved samples of a file to one Float32Array per channel. */
function deinterleave(bytes, form) {
  const { channels, bits, tag } = form, step = bits / 8;
  const frames = Math.floor(bytes.byteLength / (step * channels));
  const view = new DataView(bytes);
  const read = {
    float32: (at) => view.getFloat32(at, true),
    int16: (at) => view.getInt16(at, true) / 32768,
    int24: (at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 65536) / 8388608,
    int32: (at) => view.getInt32(at, true) / 2147483648,
  }[(tag === 3 ? "float" : "int") + bits];
  return Array.from({ length: channels }, (_, channel) => {
    const samples = new Float32Array(frames);
    for (let frame = 0, at = channel * step; frame < frames; frame++, at += step * channels) samples[frame] = read(at);
    return samples;
  });
}

/** The bytes [from, to) of an address; {bytes, whole} where the server may have sent everything instead. */
async function fetchBytes(url, from, to, signal) {
  const response = await fetch(url, { headers: { Range: `bytes=${from}-${to - 1}` }, signal });
  if (!response.ok) throw new Error(`${response.status}`);
  const total = Number((response.headers.get("Content-Range") || "").split("/")[1]);
  return { bytes: await response.arrayBuffer(), whole: response.status !== 206, total };
}

/** One file: `rate`, `channels`, `frames`, and `read(from, to)`, a Float32Array per channel. */
class Sound {
  constructor(url, signal) {
    this.url = url;
    this.signal = signal;
    this.held = null; // all samples, once they are in memory
  }

  /** Look at the beginning of the file; nothing else is fetched yet. */
  async open() {
    const first = await fetchBytes(this.url, 0, HEAD_BYTES, this.signal);
    const form = parseWav(new DataView(first.bytes));
    if (!form) return this.decode();
    this.form = form;
    this.rate = form.rate;
    this.channels = form.channels;
    const frame = (form.bits / 8) * form.channels;
    const total = first.whole ? first.bytes.byteLength : first.total || Infinity;
    this.frames = Math.floor(Math.min(form.bytes, total - form.start) / frame);
    if (first.whole || total <= first.bytes.byteLength)
      this.held = deinterleave(first.bytes.slice(form.start, form.start + this.frames * frame), form);
    return this;
  }

  /** Whatever is no WAV: the browser's own decoder, at the rate it prefers. */
  async decode() {
    const response = await fetch(this.url, { signal: this.signal });
    if (!response.ok) throw new Error(`${response.status}`);
    const buffer = await new OfflineAudioContext(1, 1, 48000).decodeAudioData(await response.arrayBuffer());
    this.rate = buffer.sampleRate;
    this.channels = buffer.numberOfChannels;
    this.frames = buffer.length;
    this.held = Array.from({ length: this.channels }, (_, channel) => buffer.getChannelData(channel));
    return this;
  }

  get bytes() { return 4 * this.channels * this.frames; }

  /** Take everything into memory. */
  async hold() {
    if (!this.held) this.held = await this.fetch(0, this.frames);
  }

  async read(from, to) {
    const end = Math.min(to, this.frames);
    if (from >= end) return Array.from({ length: this.channels }, () => new Float32Array(0));
    return this.held ? this.held.map((samples) => samples.subarray(from, end)) : this.fetch(from, end);
  }

  async fetch(from, to) {
    const frame = (this.form.bits / 8) * this.channels, start = this.form.start;
    const { bytes, whole } = await fetchBytes(this.url, start + from * frame, start + to * frame, this.signal);
    return deinterleave(whole ? bytes.slice(start + from * frame, start + to * frame) : bytes, this.form);
  }
}

/** All sounds of one player, of one rate. Tracks are files, or sums of other tracks that need no file of their own. */
class Sounds {
  constructor(tracks) {
    this.stop = new AbortController();
    this.tracks = tracks;
    this.files = new Map();
    for (const track of tracks) if (track.file) this.files.set(track.key, new Sound(track.file.url, this.stop.signal));
  }

  /** Look at every file and hold them if they are small enough together. */
  async open(limit = RESIDENT_BYTES) {
    const sounds = [...this.files.values()];
    await Promise.all(sounds.map((sound) => sound.open()));
    this.rate = sounds[0].rate;
    if (sounds.some((sound) => sound.rate !== this.rate)) throw new Error("rates differ");
    this.channels = Math.max(...sounds.map((sound) => sound.channels));
    this.frames = Math.max(...sounds.map((sound) => sound.frames));
    this.resident = sounds.reduce((sum, sound) => sum + sound.bytes, 0) <= limit;
    if (this.resident) await Promise.all(sounds.map((sound) => sound.hold()));
    return this;
  }

  /** How loud each file is in a mix of tracks: a sum hands its gain on to its parts. */
  weights(gains) {
    const weights = new Map();
    for (const track of this.tracks)
      for (const key of track.file ? [track.key] : track.sum_of)
        weights.set(key, (weights.get(key) || 0) + (gains.get(track.key) || 0));
    return weights;
  }

  /** The mix of tracks between two frames, a Float32Array per channel; mono is given to every channel. */
  async mix(gains, from = 0, to = this.frames) {
    const mixed = Array.from({ length: this.channels }, () => new Float32Array(to - from));
    for (const [key, weight] of this.weights(gains)) {
      if (weight === 0) continue;
      const parts = await this.files.get(key).read(from, to);
      mixed.forEach((sum, channel) => {
        const part = parts[Math.min(channel, parts.length - 1)];
        for (let n = 0; n < part.length; n++) sum[n] += weight * part[n];
      });
    }
    return mixed;
  }

  /** The largest sample of the first file in each of so many equal stretches; flat where it is not in memory. */
  async levels(count) {
    const [sound] = this.files.values(), levels = new Array(count).fill(0);
    if (!this.resident) return levels;
    for (const samples of await sound.read(0, sound.frames))
      for (let n = 0; n < samples.length; n++) {
        const column = Math.floor((n * count) / samples.length), level = Math.abs(samples[n]);
        if (level > levels[column]) levels[column] = level;
      }
    return levels;
  }

  /** The whole mix as a float WAV, never scaled and never clipped; and its largest sample. */
  async wav(gains) {
    const step = BLOCK_SECONDS * this.rate, parts = [wavHeader(this.channels, this.frames, this.rate)];
    let peak = 0;
    for (let from = 0; from < this.frames; from += step) {
      const mixed = await this.mix(gains, from, Math.min(from + step, this.frames));
      const block = new DataView(new ArrayBuffer(4 * this.channels * mixed[0].length));
      for (let n = 0, at = 0; n < mixed[0].length; n++)
        for (let channel = 0; channel < this.channels; channel++, at += 4) {
          const sample = mixed[channel][n];
          if (Math.abs(sample) > peak) peak = Math.abs(sample);
          block.setFloat32(at, sample, true);
        }
      parts.push(block.buffer);
    }
    return { blob: new Blob(parts, { type: "audio/wav" }), peak };
  }

  close() {
    this.stop.abort();
    this.files.clear();
  }
}

function wavHeader(channels, frames, rate) {
  const view = new DataView(new ArrayBuffer(56)), data = 4 * channels * frames;
  const word = (at, text) => [...text].forEach((letter, n) => view.setUint8(at + n, letter.charCodeAt(0)));
  word(0, "RIFF"); view.setUint32(4, 48 + data, true); word(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 3, true); view.setUint16(22, channels, true);
  view.setUint32(24, rate, true); view.setUint32(28, 4 * channels * rate, true);
  view.setUint16(32, 4 * channels, true); view.setUint16(34, 32, true);
  word(36, "fact"); view.setUint32(40, 4, true); view.setUint32(44, frames, true);
  word(48, "data"); view.setUint32(52, data, true);
  return view.buffer;
}
