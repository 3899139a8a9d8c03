// A headphone check with sounds made here: three tones, one softer, and one with the two ears in antiphase.
//
// K. J. P. Woods et al., "Headphone screening to facilitate web-based auditory experiments", Attention,
// Perception & Psychophysics 79 (2017): over loudspeakers the antiphase tone cancels in the air and seems the
// softest; over headphones it does not. Six rounds; five right answers pass.

import { audioContext, wake } from "./player.js";

export const ROUNDS = 6;
export const PASS = 5;

const TONE = 1.0; // seconds
const GAP = 0.5;
const RAMP = 0.1;
const HERTZ = 200;
const SOFTER = 10 ** (-6 / 20);
const LEVEL = 0.2;

// The order of a round: which of the three tones is the softer one and which one is in antiphase.
export function newRound() {
  const order = ["plain", "soft", "antiphase"];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(Math.random() * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

// Plays a round; sounding(index) as each tone starts. Resolves with true when it has ended, false when stopped.
export async function playRound(order, sounding, signal) {
  await wake();
  const clock = audioContext();
  const rate = clock.sampleRate;
  const buffer = clock.createBuffer(2, Math.ceil((3 * TONE + 2 * GAP) * rate), rate);
  order.forEach((kind, index) => {
    const first = Math.round(index * (TONE + GAP) * rate);
    const length = Math.round(TONE * rate);
    for (let n = 0; n < length; n += 1) {
      const edge = Math.min(1, n / (RAMP * rate), (length - n) / (RAMP * rate));
      const ramp = Math.sin((edge * Math.PI) / 2) ** 2;
      const value = LEVEL * (kind === "soft" ? SOFTER : 1) * ramp * Math.sin((2 * Math.PI * HERTZ * n) / rate);
      buffer.getChannelData(0)[first + n] = value;
      buffer.getChannelData(1)[first + n] = kind === "antiphase" ? -value : value;
    }
  });
  const source = clock.createBufferSource();
  source.buffer = buffer;
  source.connect(clock.destination);
  const timers = order.map((_, index) => setTimeout(() => sounding(index), index * (TONE + GAP) * 1000));
  return new Promise((resolve) => {
    let stopped = false;
    source.onended = () => {
      timers.forEach(clearTimeout);
      resolve(!stopped);
    };
    signal.addEventListener("abort", () => {
      stopped = true;
      source.stop();
    });
    source.start();
  });
}
