// What of a sound has been heard: the union of the stretches that were played, in seconds of the sound.

const JOIN = 0.06; // seconds: a pause or a seek at a boundary may lose this much without anybody missing a sound

export class Heard {
  constructor(intervals = []) {
    this.intervals = [];
    for (const [from, to] of intervals) this.add(from, to);
  }

  // Adds the stretch [from, to]; stretches that touch become one.
  add(from, to) {
    if (!(Number.isFinite(from) && Number.isFinite(to)) || to <= from) return;
    let [low, high] = [from, to];
    const apart = [];
    for (const [a, b] of this.intervals) {
      if (b < low - JOIN || a > high + JOIN) apart.push([a, b]);
      else [low, high] = [Math.min(low, a), Math.max(high, b)];
    }
    apart.push([low, high]);
    this.intervals = apart.sort((one, other) => one[0] - other[0]);
  }

  // Seconds heard at least once, never more than the sound is long.
  seconds(duration = Infinity) {
    return this.intervals.reduce((sum, [a, b]) => sum + Math.max(0, Math.min(b, duration) - Math.max(a, 0)), 0);
  }
}
