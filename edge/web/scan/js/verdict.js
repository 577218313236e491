// How one thing done is shown: its colour, its word, what was understood, what was expected.

import { APPLIED, REFUSED, SENT, UNDONE } from './queue.js';
import { STEPS } from './steps.js';
import { refusal, shown, worded } from './words.js';

/**
 * @typedef Shown
 * @property {'idle'|'saved'|'applied'|'warned'|'refused'|'undone'} look
 * @property {string} word one word, large
 * @property {string} title what it is about
 * @property {string[]} lines particulars
 * @property {string} act what to do, for a refusal or a warning
 * @property {string} expected what was expected instead
 */

/** An op as it is shown. */
export function verdict(op) {
  if (op.status === REFUSED) return refused(op);
  if (op.status === UNDONE) return { ...plain(op), look: 'undone', word: 'Undone' };
  if (op.status === APPLIED) return applied(op);
  const word = op.status === SENT ? 'At gateway' : 'Saved';
  const waits = op.held
    ? [`${worded(op.held).says} It stays saved here and is sent again.`]
    : [];
  return { ...plain(op), look: 'saved', word, lines: [...plain(op).lines, ...waits] };
}

/** A refusal by this page itself. */
export function localRefusal(error, { title = '', expected = '' } = {}) {
  return {
    look: 'refused',
    word: 'Refused',
    title: error.says,
    lines: [title, error.detail].filter(Boolean),
    act: error.do,
    expected,
    code: error.code,
  };
}

function plain(op) {
  const base = { lines: [], act: '', expected: '', raw: op.shown?.raw };
  if (op.kind === 'undo') return { ...base, title: 'Undo' };
  if (op.kind === 'report') return { ...base, title: `Report: ${shown(op.body.subject)}` };
  if (op.kind === 'task') return { ...base, title: `Task ${op.shown.task}: ${op.shown.action}` };
  const { body } = op;
  const named = op.shown.name ?? shown(body.raw);
  return { ...base, title: named, lines: [done(body, body.quantity ?? 1)] };
}

function done(body, quantity, places = body) {
  const step = STEPS[body.step];
  const place = step.where === 'to' ? (places.to ?? body.to) : (places.location ?? body.location);
  const sign = body.step === 'adjust' && quantity > 0 ? '+' : '';
  return [`${sign}${quantity} ${step.past}`, place && `${step.where} ${place}`]
    .filter(Boolean)
    .join(' ');
}

function applied(op) {
  const { answer } = op;
  if (op.kind !== 'scan') return { ...plain(op), look: 'applied', word: 'Done' };
  const { understood, warnings = [], task } = answer;
  const lines = [
    done(op.body, understood.quantity, understood),
    particulars(understood),
    answer.on_hand === null || answer.on_hand === undefined
      ? ''
      : `On hand: ${answer.on_hand_here ?? answer.on_hand} here, ${answer.on_hand} in all`,
    task && progress(task),
  ];
  const [first] = warnings.map(worded);
  return {
    look: first ? 'warned' : 'applied',
    word: first ? 'Applied, but look' : 'Applied',
    title: understood.name || understood.sku,
    lines: [...warnings.map((each) => withDetail(worded(each))), ...lines].filter(Boolean),
    act: first?.do ?? '',
    expected: '',
  };
}

/** How far a task's line is. */
export function progress({ done: so_far, expected, left, complete }) {
  if (complete) return 'Task complete.';
  if (expected === null || expected === undefined) return `${so_far} so far`;
  return `${so_far} of ${expected}, ${left ?? Math.max(0, expected - so_far)} left`;
}

function particulars({ lot, expiry, serial, sku }) {
  return [sku, lot && `lot ${lot}`, expiry && `use by ${expiry}`, serial && `serial ${serial}`]
    .filter(Boolean)
    .join(' · ');
}

function refused(op) {
  const error = worded(op.answer?.error ?? refusal('internal.unexpected'));
  const { understood, expected } = op.answer ?? {};
  const scanned = understood
    ? [understood.name || understood.sku, understood.location, particulars(understood)]
    : [plain(op).title];
  return {
    look: 'refused',
    word: 'Refused',
    title: error.says,
    lines: [error.detail, `Scanned: ${scanned.filter(Boolean).join(' · ')}`].filter(Boolean),
    act: error.do,
    expected: expected ? inWords(expected) : '',
    code: error.code,
    raw: op.shown?.raw,
  };
}

/** What a task expects next. */
export function inWords({ sku, name, location, to, lot, quantity, left }) {
  const many = left ?? quantity;
  return [
    location ?? to,
    name || sku,
    lot && `lot ${lot}`,
    many !== null && many !== undefined && `${many} to go`,
  ]
    .filter(Boolean)
    .join(' · ');
}

function withDetail({ says, detail }) {
  return detail ? `${says} (${detail})` : says;
}
