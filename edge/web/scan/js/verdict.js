// How one thing done is shown: its colour, its word, what was understood, what was expected.

import { APPLIED, REFUSED, SENT, UNDONE } from './queue.js';
import { STEPS } from './steps.js';
import { fieldsOf, refusal, several, shown, worded } from './words.js';

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
  const waits = op.held ? [`${worded(op.held).says} It stays saved here and is sent again.`] : [];
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
    expected: expected || EXPECTED[error.code] || '',
    code: error.code,
  };
}

/** What was scanned, as well as it is known. */
export const goodsOf = ({ answer, shown: known, body }) =>
  answer?.understood?.name || known.name || fieldsOf(body.raw).gtin || shown(body.raw);

function plain(op) {
  const base = { lines: [], act: '', expected: '', raw: op.shown?.raw };
  if (op.kind === 'undo') return { ...base, title: 'Undo' };
  if (op.kind === 'report') return { ...base, title: `Report: ${shown(op.body.subject)}` };
  if (op.kind === 'task')
    return {
      ...base,
      title: `${op.shown.action === 'short' ? 'Ended as short' : 'Ended'}: task ${op.shown.task}`,
    };
  const { body } = op;
  const label = fieldsOf(body.raw);
  const lines = [done(body, body.quantity ?? label.quantity ?? 1), particulars(label)];
  return { ...base, title: goodsOf(op), lines: lines.filter(Boolean) };
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
  const { understood, warnings = [], task, contents } = answer;
  if (op.kind !== 'scan' || !understood) return warned({ ...plain(op), word: 'Done' }, warnings);
  const lines = [
    done(op.body, understood.quantity, understood),
    particulars(understood),
    contents?.length > 1 &&
      `and ${several(contents.length - 1, 'more item')} of this pallet or parcel`,
    answer.on_hand === null || answer.on_hand === undefined
      ? ''
      : `On hand: ${answer.on_hand_here ?? answer.on_hand} here, ${answer.on_hand} in all`,
    task && progress(task),
  ];
  const title = understood.name || understood.sku;
  return warned({ word: 'Applied', title, lines, expected: '' }, warnings);
}

/** Accepted, with what a person should know about it. */
function warned(look, warnings) {
  const [first] = warnings.map(worded);
  const said = warnings.map((each) => withDetail(worded(each)));
  return {
    ...look,
    look: first ? 'warned' : 'applied',
    word: first ? `${look.word}: look` : look.word,
    lines: [...said, ...look.lines].filter(Boolean),
    act: first?.do ?? '',
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

/** What is expected where no task says it. */
const EXPECTED = {
  'scan.unknown-item': 'a code of this site’s catalog',
  'scan.unknown-location': 'a place of this site',
  'scan.empty': 'a label with a code on it',
  'scan.too-long': 'one label at a time',
  'scan.malformed': 'a code without control characters',
  'scan.expired': 'goods that have not expired',
  'scan.item-removed': 'an item that is still in the catalog',
  'scan.quantity': 'a whole number within the bounds',
  'gs1.check-digit': 'a number whose check digit fits',
  'gs1.syntax': 'a complete GS1 code',
  'gs1.lost-separator': 'a code with its group separators',
};

/** The particulars of an error, unless they only repeat the code. */
function told({ detail }, op) {
  if (op.answer?.expected && detail.startsWith('expected:')) return '';
  const digits = (text) => text.replace(/^0+/, '');
  return op.body?.raw && digits(op.body.raw) === digits(detail) ? '' : detail;
}

function refused(op) {
  const error = worded(op.answer?.error ?? refusal('internal.unexpected'));
  const { understood, expected } = op.answer ?? {};
  const scanned = understood
    ? [understood.name || understood.sku, understood.location, particulars(understood)]
    : op.kind === 'scan'
      ? [plain(op).title]
      : [];
  return {
    look: 'refused',
    word: 'Refused',
    title: error.says,
    lines: [
      told(error, op),
      scanned.length > 0 && `Scanned: ${scanned.filter(Boolean).join(' · ')}`,
    ].filter(Boolean),
    act: error.do,
    expected: expected ? inWords(expected) : (EXPECTED[error.code] ?? ''),
    code: error.code,
    raw: op.shown?.raw,
  };
}

/** What a task expects next. */
export function inWords({ sku, name, location, to, lot, quantity, left }) {
  const many = left ?? quantity;
  return [
    [location, to].filter(Boolean).join(' → '),
    name || sku || 'whatever is found',
    lot && `lot ${lot}`,
    many !== null && many !== undefined && `${many} to go`,
  ]
    .filter(Boolean)
    .join(' · ');
}

function withDetail({ says, detail }) {
  return detail ? `${says} (${detail})` : says;
}
