// What is wrong with a scanner, from what a known label arrived as. Every finding says what to do.

import { median } from '../js/inputs/wedge.js';
import { explain } from './layouts.js';

const GS = '\u001d';
const AIM = /^\][A-Za-z][0-9A-Za-z]/;
const SLOW_MS = 60;
const NAMED_SEPARATOR = /^(?:<GS>|\{GS\}|\[GS\]|\\x1d|\\u001d|%1D)$/i;

/**
 * @typedef Finding
 * @property {'good'|'problem'|'hint'} level
 * @property {string} says what was found
 * @property {string} act what to do, empty where nothing has to be done
 * @property {object} [fix] settings of this app that would understand it all the same
 */

const good = (says) => ({ level: 'good', says, act: '' });
const problem = (says, act, fix) => ({ level: 'problem', says, act, fix });
const hint = (says, act, fix) => ({ level: 'hint', says, act, fix });

/**
 * @param {string} label what the label says
 * @param {{ text: string, suffix: string|null, gaps: number[] }} burst what arrived
 * @returns {Finding[]} all that was found, the content first
 */
export function diagnose(label, burst) {
  return [
    content(label, burst.text),
    aim(burst.text),
    suffix(burst.suffix),
    pace(burst.gaps),
  ].filter(Boolean);
}

/** Whether a scanner as found can work here without a change. */
export const isWell = (findings) => findings.every((finding) => finding.level !== 'problem');

function aim(text) {
  if (!AIM.test(text)) return null;
  return good('It says which kind of code it read (AIM identifier).');
}

function suffix(which) {
  if (which === 'enter') return good('It ends each code with Enter.');
  if (which === 'tab') return good('It ends each code with Tab. That is understood.');
  return problem(
    'It sends nothing after the code: nobody can tell where a code ends.',
    'Scan “suffix: Enter (CR)” in its manual. If it cannot do that, have this app wait for the pause.',
    { suffix: 'none' },
  );
}

function pace(gaps) {
  const middle = Math.round(median(gaps));
  if (middle <= SLOW_MS) return good(`It types fast enough (${middle} ms for each key).`);
  return problem(
    `It types slowly (${middle} ms for each key) and is taken for a person.`,
    'Set its inter-character delay to 0, or to 10 ms at most.',
  );
}

function content(label, arrived) {
  const text = arrived.replace(AIM, '');
  if (text === label) return good('Every character arrived.');
  for (const look of [capitals, separators, around, digits, keyboard, lost]) {
    const found = look(label, text);
    if (found) return found;
  }
  return problem(
    `Something else arrived: ${shown(text)}`,
    'Scan the label that is shown here, alone, from a hand’s breadth away.',
  );
}

function capitals(label, text) {
  const other = [...text]
    .map((c) => (c === c.toUpperCase() ? c.toLowerCase() : c.toUpperCase()))
    .join('');
  if (other !== label || text === other) return null;
  return problem(
    'Capitals and small letters are exchanged.',
    'Turn off Caps Lock, on the keyboard and in the scanner.',
  );
}

/** The group separator: lost, or another character in its place. */
function separators(label, text) {
  if (!label.includes(GS)) return null;
  const without = label.replaceAll(GS, '');
  if (text === without) {
    return problem(
      'The group separator is lost: a lot would swallow the field behind it.',
      'Turn on “transmit group separator (GS, ASCII 29)” in the scanner, also called “function key mapping” or “control characters”.',
    );
  }
  const [first, ...rest] = label.split(GS);
  if (!text.startsWith(first)) return null;
  const next = text.indexOf(rest[0], first.length);
  const instead = next < 0 ? '' : text.slice(first.length, next);
  if (!instead || text !== label.replaceAll(GS, instead)) return null;
  if ([...instead].length === 1 && !/[0-9A-Za-z]/.test(instead)) {
    return hint(
      `It sends “${shown(instead)}” in place of the group separator.`,
      'Have this app take it for the separator, or have the scanner send ASCII 29.',
      { separator: instead },
    );
  }
  const names = NAMED_SEPARATOR.test(instead)
    ? 'spells the group separator out'
    : 'sends several characters';
  return problem(
    `It ${names}: “${shown(instead)}”.`,
    'Have the scanner send the character ASCII 29 itself, or one other character such as ~.',
  );
}

/** Something in front of or behind the code. */
function around(label, text) {
  if (text.endsWith(label)) {
    const prefix = text.slice(0, -label.length);
    if (/^0+$/.test(prefix)) return good('It fills the number up with zeros. That is understood.');
    return hint(
      `It sends “${shown(prefix)}” before the code.`,
      'Have this app take it off, or remove the prefix in the scanner.',
      { prefix },
    );
  }
  if (text.startsWith(label)) {
    return problem(
      `It sends “${shown(text.slice(label.length))}” after the code.`,
      'Remove this suffix in the scanner; only Enter belongs there.',
    );
  }
  return null;
}

function digits(label, text) {
  if (!/^\d+$/.test(label) || text !== label.slice(0, -1)) return null;
  return problem(
    'The check digit is missing.',
    'Turn on “transmit check digit” for EAN and UPC in the scanner.',
  );
}

function keyboard(label, text) {
  const why = explain(label.replaceAll(GS, ''), text.replaceAll(GS, ''));
  if (!why) return null;
  return problem(
    `The keyboards differ: the scanner types for ${why.scanner}, this device listens for ${why.host}.`,
    `Set the scanner’s keyboard country to ${why.host}. (Or set this device’s keyboard to ${why.scanner}.)`,
  );
}

/** What arrived is the label with holes in it. */
function lost(label, text) {
  let place = 0;
  for (const character of label) {
    if (character === text[place]) place += 1;
  }
  const missing = label.length - text.length;
  if (place < text.length || missing > label.length / 2) return null;
  return problem(
    `${missing} of ${label.length} characters were lost on the way.`,
    'Set the scanner’s inter-character delay to 10 ms; bring a Bluetooth scanner nearer.',
  );
}

/** With what cannot be seen made visible. */
export function shown(text) {
  const visible = text
    .replaceAll(GS, '‹GS›')
    .replace(/[\u0000-\u001f]/g, (c) => `‹${c.charCodeAt(0).toString(16).padStart(2, '0')}›`);
  return visible.length > 80 ? `${visible.slice(0, 79)}…` : visible;
}
