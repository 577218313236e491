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
  const { says, do: act } = refusal(error.code);
  return { detail: '', where: '', ...error, says, do: act };
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
  return today
    ? time
    : `${then.toLocaleDateString([], { day: 'numeric', month: 'short' })} ${time}`;
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

const FIXED = { '00': 18, '01': 14, '02': 14, 11: 6, 13: 6, 15: 6, 17: 6 };
const NAMES = {
  '01': 'gtin',
  '02': 'gtin',
  10: 'lot',
  17: 'expiry',
  21: 'serial',
  30: 'quantity',
  37: 'quantity',
};

/** What a GS1 label seems to say, to show it before the gateway has answered; never to judge by. */
export function fieldsOf(raw) {
  const found = {};
  let rest = raw.replace(/^\][A-Za-z][0-9A-Za-z]/, '').replace(/^\u001d/, '');
  if (!/^0[12]\d{14}/.test(rest)) return found;
  while (rest) {
    const ai = rest.slice(0, 2);
    const ends = FIXED[ai] ? FIXED[ai] + 2 : `${rest}\u001d`.indexOf('\u001d');
    const name = NAMES[ai];
    if (!name && !FIXED[ai]) return found;
    const value = rest.slice(2, ends);
    if (name === 'expiry')
      found.expiry = `20${value.slice(0, 2)}-${value.slice(2, 4)}-${value.slice(4)}`;
    else if (name === 'quantity') found.quantity = Number(value) || undefined;
    else if (name) found[name] = value;
    rest = rest.slice(ends).replace(/^\u001d/, '');
  }
  return found;
}
