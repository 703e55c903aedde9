// How fast bytes travel, and when the last one will be there: measured over half a minute, and said so that it does
// not jump: the moment of the end moves slowly, what is shown is rounded, and grows only when it is clearly wrong.

const WINDOW = 30_000, FIRST = 4_000; // ms: of the speed; before anything is said
const SLOW = 20_000; // ms in which a new estimate takes the old one's place
const STOP = 3_000; // ms: a silence of this, and far longer than is usual here, says nothing of the speed

/** As precise as it can honestly be said: 10 s, then minutes, then five minutes. */
const grain = (seconds) => (seconds < 60 ? 10 : seconds < 900 ? 60 : 300);

export class Pace {
  constructor() { this.reset(); }

  reset() {
    this.samples = [];
    this.end = null; // ms, the expected end
    this.at = 0;
    this.shown = null;
  }

  /** @param {number} here bytes sent in all @param {number} now ms */
  seen(here, now) {
    const last = this.samples.at(-1);
    if (last && here < last.here) this.reset(); // went back to what the server has
    else if (last && now - last.now < 250) return;
    else if (last && now - last.now > this.patience()) this.forgive(now - last.now);
    this.samples.push({ here, now });
    while (this.samples.length > 2 && now - this.samples[1].now >= WINDOW) this.samples.shift();
  }

  /** ms from one sample to the next, as it is here: a slow line is heard of seldom. */
  usual() {
    const first = this.samples[0], last = this.samples.at(-1);
    return this.samples.length < 2 ? Infinity : (last.now - first.now) / (this.samples.length - 1);
  }

  patience() { return Math.max(STOP, 5 * this.usual()); }

  /** A stop puts the end off by its own length; the speed is that of before. */
  forgive(silence) {
    const lost = silence - this.usual();
    for (const sample of this.samples) sample.now += lost;
  }

  /** Bytes a second; null while nothing can be said. */
  speed() {
    const first = this.samples[0], last = this.samples.at(-1);
    if (!first || last.now - first.now < FIRST) return null;
    return ((last.here - first.here) * 1000) / (last.now - first.now);
  }

  /** Seconds left, rounded; null while nothing can be said. @param {number} total bytes */
  left(total, now) {
    const speed = this.speed();
    if (!speed) return null;
    const last = this.samples.at(-1), from = Math.max(last.now, now - this.patience());
    const end = from + ((total - last.here) / speed) * 1000;
    this.end = this.end === null ? end : this.end + (end - this.end) * Math.min(1, (now - this.at) / SLOW);
    this.at = now;
    const seconds = Math.max(0, (this.end - now) / 1000), step = grain(seconds);
    const said = Math.max(step, Math.round(seconds / step) * step);
    if (this.shown === null || said < this.shown || seconds > this.shown + step) this.shown = said;
    return this.shown;
  }
}
