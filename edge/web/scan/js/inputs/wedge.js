// A scanner that types. It is heard on the whole page: where the focus is does not matter.
//
// What tells a scanner from a person is its pace: tens of milliseconds between keys, a person needs
// more than a hundred. Times are the events' own, so a busy page does not blur them. In a text
// field, letters are let through and taken out again once they turn out to be a scan.
//
// Scanners say the group separator (ASCII 29) as Ctrl+], as Alt+029, or as a character agreed on.

const GS = '\u001d';
const FAST_MS = 60;
const FAST_IN_FIELD_MS = 45;
const PAUSE_MS = 1_500; // a radio that stumbles must not make half a code of a whole one
const PAUSE_IN_FIELD_MS = 500;
const PAUSE_WITHOUT_SUFFIX_MS = 120;
const BUSY_MS = 80;
const LONGEST = 12_000;
const SUFFIXES = { Enter: 'enter', Tab: 'tab' };
const SILENT = new Set([
  'Shift',
  'CapsLock',
  'NumLock',
  'AltGraph',
  'Control',
  'Alt',
  'Meta',
  'Dead',
]);

/**
 * @typedef Burst
 * @property {string} text what was typed, group separators restored
 * @property {string|null} suffix `enter`, `tab`, or null if none came
 * @property {number[]} gaps milliseconds between keys
 * @property {number} at when the last key came, as `performance.now()` counts
 */

export class Wedge {
  /**
   * @param settings returns `{ suffix: 'enter'|'none', prefix, separator }`
   * @param taken called with each burst that is a scan
   * @param broken called with a burst whose suffix never came, or that a person typed into
   * @param fast milliseconds between keys that a scanner needs at most
   */
  constructor({ settings, taken, broken = () => {}, fast = FAST_MS }) {
    this.settings = settings;
    this.taken = taken;
    this.broken = broken;
    this.fast = fast;
    this.reset();
  }

  reset() {
    clearTimeout(this.timer);
    this.text = '';
    this.gaps = [];
    this.last = 0;
    this.field = null;
    this.whole = false;
    this.number = null;
  }

  /** Listen on a window; `catcher` takes what an input method commits as text. */
  listen(target, catcher) {
    this.catcher = catcher;
    target.addEventListener('keydown', (event) => this.keydown(event), true);
    target.addEventListener('keyup', (event) => this.keyup(event), true);
    catcher?.addEventListener('input', (event) => {
      const text = catcher.value;
      catcher.value = '';
      if (text) this.committed(text, event.timeStamp);
    });
  }

  keydown(event) {
    if (event.altKey && !event.ctrlKey && /^Numpad\d$/.test(event.code)) {
      this.number = (this.number ?? '') + event.code.slice(6);
      return event.preventDefault();
    }
    if (event.isComposing || event.key === 'Process' || event.key === 'Unidentified') return;
    if (SILENT.has(event.key)) return;
    const graph = event.getModifierState?.('AltGraph') || (event.ctrlKey && event.altKey);
    if ((event.ctrlKey || event.metaKey) && !graph) {
      if (isSeparator(event)) this.character(GS, event);
      else if (this.text && /^[jm]$/i.test(event.key))
        this.suffix('enter', event); // LF, CR
      else this.reset();
      return;
    }
    if (event.key === ' ' && !this.text) return; // a person presses a button with it
    if (event.key in SUFFIXES) this.suffix(SUFFIXES[event.key], event);
    else if ([...event.key].length === 1) this.character(event.key, event);
    else this.reset();
  }

  keyup(event) {
    if (event.key !== 'Alt' || this.number === null) return;
    const code = Number(this.number);
    this.number = null;
    if (code > 0 && code < 256) this.character(String.fromCharCode(code), event);
  }

  /** An input method (Android) gives a text at once, not keys. */
  committed(text, at) {
    this.begin(at, null);
    this.whole ||= [...text].length > 1;
    this.append(text, at);
  }

  character(key, event) {
    const field = this.fieldOf(event.target);
    this.begin(event.timeStamp, field);
    if (!field) event.preventDefault();
    this.append(key, event.timeStamp);
  }

  /** A pause, or another field, ends what came before. */
  begin(at, field) {
    const changed = field?.element !== this.field?.element;
    if (this.text && (changed || at - this.last > this.pause())) this.end(null);
    if (!this.text) this.field = field;
  }

  append(text, at) {
    if (this.text) this.gaps.push(at - this.last);
    if (this.text.length < LONGEST) this.text += text;
    this.last = at;
    this.wait(this.pause() + 30);
  }

  /** End what came, unless the page was too busy to hear what came after it. */
  wait(milliseconds) {
    const due = performance.now() + milliseconds;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (performance.now() > due + BUSY_MS) this.wait(milliseconds);
      else this.end(null);
    }, milliseconds);
  }

  suffix(which, event) {
    if (!this.isScan(this.field ? 6 : 2)) return this.reset();
    event.preventDefault();
    event.stopImmediatePropagation();
    this.last = event.timeStamp;
    return this.end(which);
  }

  end(suffix) {
    const burst = { text: this.text, suffix, gaps: this.gaps, at: this.last };
    const { whole, field } = this;
    const scan = this.isScan(suffix ? 2 : 6);
    this.reset();
    if (!scan) return;
    if (field) restore(field);
    const ended = suffix || whole || this.settings().suffix === 'none';
    if (ended && !this.isMixed(burst.gaps)) this.taken(this.read(burst));
    else this.broken(this.read(burst), { mixed: Boolean(ended) });
  }

  /** A radio may stumble once; more than that, and a person typed in between: never guess. */
  isMixed(gaps) {
    const slow = gaps.filter((gap) => gap > 2 * this.fast).length;
    return slow > Math.max(1, gaps.length / 20);
  }

  /** Prefix taken off, agreed separators restored. */
  read(burst) {
    const { prefix, separator } = this.settings();
    let { text } = burst;
    if (prefix && text.startsWith(prefix)) text = text.slice(prefix.length);
    if (separator) text = text.replaceAll(separator, GS);
    return { ...burst, text };
  }

  isScan(least) {
    if (this.whole) return true;
    const characters = [...this.text].length;
    if (characters < least) return false;
    return median(this.gaps) <= (this.field ? FAST_IN_FIELD_MS : this.fast);
  }

  pause() {
    if (this.whole || this.settings().suffix === 'none') return PAUSE_WITHOUT_SUFFIX_MS;
    return this.field ? PAUSE_IN_FIELD_MS : PAUSE_MS;
  }

  fieldOf(element) {
    const editable = element instanceof HTMLTextAreaElement || isTextInput(element);
    if (!editable || element === this.catcher) return null;
    const { value, selectionStart, selectionEnd } = element;
    return { element, value, selectionStart, selectionEnd };
  }
}

function isTextInput(element) {
  const other = ['checkbox', 'radio', 'button', 'submit', 'range', 'file'];
  return element instanceof HTMLInputElement && !other.includes(element.type);
}

function isSeparator(event) {
  return event.key === GS || event.key === ']' || event.code === 'BracketRight';
}

function restore({ element, value, selectionStart, selectionEnd }) {
  element.value = value;
  if (selectionStart !== null) element.setSelectionRange(selectionStart, selectionEnd);
  element.dispatchEvent(new Event('input', { bubbles: true }));
}

/** The middle of some numbers; 0 of none. */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted.length === 0 ? 0 : sorted[Math.floor(sorted.length / 2)];
}
