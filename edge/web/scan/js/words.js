// What is wrong and what to do, in the words of the gateway's own catalogue, also without a network.

let catalogue = {};

/** Load the words; they are part of the app's version. */
export async function load() {
  const response = await fetch(new URL('../words.json', import.meta.url));
  catalogue = await response.json();
}

/** An error of the catalogue, as the gateway would answer it. */
export function refusal(code, detail = '', where = '') {
  const [says, act] = catalogue[code] ?? ['This was refused.', 'Try again, or ask the shift lead.'];
  return { code, says, do: act, detail, where };
}

/** The error of an answer, with words even where an older gateway sends none. */
export function worded(error) {
  if (!error) return refusal('internal.unexpected');
  if (error.says) return error;
  return { ...refusal(error.code), ...error, says: refusal(error.code).says, do: refusal(error.code).do };
}

/** `1 scan`, `2 scans`. */
export function several(number, one, many = `${one}s`) {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}

/** A time of day, with the day when it is not today's. */
export function clock(milliseconds) {
  const then = new Date(milliseconds);
  const time = then.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  const today = new Date().toDateString() === then.toDateString();
  return today ? time : `${then.toLocaleDateString([], { day: 'numeric', month: 'short' })} ${time}`;
}

/** A code as a person can read it: separators shown, long ones cut. */
export function shown(raw) {
  const text = raw.replace(/^\][A-Za-z][0-9A-Za-z]/, '').replaceAll('\u001d', '‹GS›');
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

const KEYED = /^(?:\][A-Za-z][0-9A-Za-z])?(?:01(\d{14})|0?(\d{8}|\d{12,14})$)/;

/** What a label is known by here: its trade item number, else all of it. */
export function keyOf(raw) {
  const [, inside, alone] = KEYED.exec(raw) ?? [];
  return (inside ?? alone)?.padStart(14, '0') ?? raw;
}
