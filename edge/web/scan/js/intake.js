// From what a scanner read to what it means here: a place, goods, or what a dialogue waits for.

import * as base from './database.js';
import { known, put, say, scanOf } from './actions.js';
import { askCount, askReason } from './dialogs.js';
import { STEPS, missingSlot, slotFor, slotLabel, slotWords } from './steps.js';
import { change, state } from './state.js';
import * as tasks from './tasks.js';
import { setWork } from './tasks.js';
import { inWords, localRefusal } from './verdict.js';
import { fieldsOf, keyOf, refusal, shown } from './words.js';

const MOST = 512; // characters of a label: the gateway's own bound
const AIM = /^\][A-Za-z][0-9A-Za-z]/;
const SSCC = /^(?:00)?(\d{18})$/; // GS1 AI 00: the number of a pallet or parcel

let listener = null;
let line = Promise.resolve();

/** Give the next scans to a dialogue; returns how to end that. */
export function listen(work) {
  const before = listener;
  listener = work;
  return () => {
    listener = before;
  };
}

/**
 * Take one scan of any input, in order of arrival.
 * @param {{ raw: string, input: string, at?: number }} scan
 */
export function take(scan) {
  if (listener) return listener(scan.raw.replace(AIM, '').trim(), scan);
  line = line.then(() => handle(scan)).catch((error) => console.error(error));
  return line;
}

async function handle({ raw, input, at }) {
  if (state.view !== 'scan') change({ view: 'scan' });
  const text = raw.replace(AIM, '').trim();
  if (!text) return refuse('scan.empty');
  if (raw.length > MOST) return refuse('scan.too-long', { detail: `${raw.length} characters` });
  if (known.places.has(text)) return place(text);
  const { step } = state.work;
  const unit = SSCC.exec(text);
  if (unit && step === 'pack') return parcel(unit[1]);
  const missing = missingSlot(step, state.work);
  if (missing) {
    return refuse('scan.location-missing', {
      title: shown(raw),
      expected: expectedPlace() ?? `first the label of ${slotWords(step, missing)}`,
    });
  }
  return goods({ raw, input, at, name: base.nameOf(keyOf(raw)) });
}

/** Goods are packed into this one from now on. */
function parcel(sscc) {
  setWork({ ...state.work, sscc });
  const lines = ['Now scan the goods that go into it.'];
  say({ look: 'place', word: 'Into', title: sscc, lines, act: '', expected: '' }, 'saved');
}

function refuse(code, { title = '', expected = '', detail = '' } = {}) {
  say(localRefusal(refusal(code, detail), { title, expected }), 'refused');
}

/** What the task expects at its next line. */
function expectedPlace() {
  const task = tasks.current();
  const next = task && tasks.nextLine(task);
  return next ? inWords(next) : null;
}

function place(code) {
  const { step } = state.work;
  const slot = slotFor(step, state.work);
  const starting =
    slot === 'location' && STEPS[step].to === 'needed' && STEPS[step].location === 'needed';
  const work = { ...state.work, [slot]: code, slot: null, ...(starting ? { to: null } : {}) };
  const expected = unexpected(slot, code);
  setWork(work);
  if (expected) {
    const error = refusal('task.wrong-location');
    const words = { ...error, says: 'This is another place.', do: `Go to ${expected.place}.` };
    return say(
      localRefusal(words, { title: `Scanned: ${code}`, expected: expected.words }),
      'refused',
    );
  }
  const missing = missingSlot(step, work);
  const next = missing ? `Now scan ${slotWords(step, missing)}.` : 'Now scan the goods.';
  return say(
    {
      look: 'place',
      word: slotLabel(step, slot),
      title: code,
      lines: [next],
      act: '',
      expected: '',
    },
    'saved',
  );
}

/** What the task expects, if none of its open lines is at this place. */
function unexpected(slot, code) {
  const task = tasks.current();
  if (!task) return null;
  const wanted = task.lines.filter(tasks.isOpen).filter((each) => each[slot]);
  if (wanted.length === 0 || wanted.some((each) => each[slot] === code)) return null;
  return { place: wanted[0][slot], words: inWords(wanted[0]) };
}

async function goods({ raw, input, at, name }) {
  const { work } = state;
  const { asks = [], choice } = STEPS[work.step];
  const extra = choice ? { [choice.field]: work.choice ?? choice.options[0][0] } : {};
  let { quantity } = work;
  if (asks.length > 0) {
    const asked = await ask({ asks, raw, name });
    if (!asked) return;
    quantity = asked.quantity ?? quantity;
    if (asked.reason !== undefined) extra.reason = asked.reason;
    at = performance.now();
  }
  const scan = scanOf({
    raw,
    input,
    work,
    name,
    extra,
    quantity: quantity === 1 && !asks.length ? null : quantity,
  });
  await put(scan, { at });
  if (state.work.quantity !== 1) setWork({ ...state.work, quantity: 1 });
}

async function ask({ asks, raw, name }) {
  const title = name ?? fieldsOf(raw).gtin ?? shown(raw);
  const { location } = state.work;
  const answer = {};
  if (asks.includes('quantity') || asks.includes('difference')) {
    const signed = asks.includes('difference');
    answer.quantity = await askCount({ title, location, signed, raw, listen });
    if (answer.quantity === null) return null;
  }
  if (asks.includes('reason')) {
    answer.reason = await askReason({ title, listen });
    if (answer.reason === null) return null;
  }
  return answer;
}
