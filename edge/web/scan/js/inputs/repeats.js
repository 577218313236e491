// A camera sees the same label in every frame. One label in view is one scan; the rest is counted
// and shown (×N), never dropped in silence.

const GONE_MS = 1_500;
const AGREE_MS = 600;
const RETAIL = /^\](E|X|I|A)/; // EAN and UPC, ITF, Code 39: short codes that a blur can turn

export class Repeats {
  constructor() {
    this.inView = new Map();
  }

  /**
   * A code was read at `now` (milliseconds).
   * @returns {{ news: boolean, times: number }} whether it is a scan, and how often it was seen
   */
  see(code, now) {
    for (const [other, seen] of this.inView) {
      if (now - seen.last > (seen.times < 2 ? AGREE_MS : GONE_MS)) this.inView.delete(other);
    }
    const seen = this.inView.get(code) ?? { times: 0, told: false };
    seen.times += 1;
    seen.last = now;
    this.inView.set(code, seen);
    const news = !seen.told && (seen.times >= 2 || !RETAIL.test(code));
    seen.told ||= news;
    return { news, times: seen.times };
  }

  /** The label counts once more: a person says that there is another of the same. */
  again(code) {
    const seen = this.inView.get(code);
    if (seen) seen.times = 1;
  }
}
