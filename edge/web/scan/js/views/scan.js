// The view that people stand in all day: what has just happened in large letters and colour, what
// comes next, and the few keys that are needed for it.

import { canUndo, present, report, undo } from '../actions.js';
import { canCamera } from '../inputs/camera.js';
import { askCount, askText, choose, confirm } from '../dialogs.js';
import { button, h, icon } from '../dom.js';
import { listen, take } from '../intake.js';
import { askReport } from '../report.js';
import {
  STEPS,
  STEPS_OF_TASK,
  TASK_LABELS,
  fresh,
  missingSlot,
  slotFor,
  slotLabel,
  slotWords,
} from '../steps.js';
import { state } from '../state.js';
import * as tasks from '../tasks.js';
import { toggle } from '../viewfinder.js';
import { setWork } from '../tasks.js';
import { goodsOf } from '../verdict.js';
import { clock, several, shown } from '../words.js';

const PICTURES = {
  idle: 'scan',
  place: 'place',
  saved: 'saved',
  applied: 'check',
  warned: 'warn',
  refused: 'cross',
  undone: 'undo',
};
const STAGES = ['Saved', 'At gateway', 'Applied'];

export function drawScan() {
  const op = state.message ? null : state.current;
  const look = present() ?? ready();
  return [
    taskCard(),
    panel(op, look),
    context(),
    h(
      'div',
      { class: 'row inputs' },
      canCamera() &&
        button(state.camera.on ? 'Close camera' : 'Camera', toggle, {
          picture: 'camera',
          key: 'camera',
        }),
      button('Type code', typeCode, { picture: 'keys', key: 'type' }),
    ),
    latest(op),
  ];
}

function ready() {
  const { step } = state.work;
  const missing = missingSlot(step, state.work);
  const next = missing
    ? `Scan ${slotWords(step, missing)}.`
    : `Scan what you ${STEPS[step].label.toLowerCase()}.`;
  return { look: 'idle', word: 'Ready', title: next, lines: [], act: '', expected: '' };
}

function panel(op, look) {
  const pending = op && state.recent.find((other) => other.undoes === op.id && other.open);
  return h(
    'section',
    { class: `panel ${look.look}`, id: 'panel', 'data-look': look.look, 'aria-label': 'Last scan' },
    h(
      'p',
      { class: 'word' },
      icon(PICTURES[look.look]),
      h('span', {}, pending ? 'Undoing' : look.word),
    ),
    h('p', { class: 'title' }, look.title),
    look.expected &&
      h(
        'p',
        { class: 'expected' },
        h('span', { class: 'tag' }, 'Expected'),
        ...look.expected.split(' · ').flatMap((part) => [h('b', {}, part), ' ']),
      ),
    ...look.lines.map((line, place) => h('p', { class: place ? 'line' : 'line first' }, line)),
    look.act && h('p', { class: 'act' }, look.act),
    op && stages(op),
    h(
      'div',
      { class: 'row' },
      canUndo(op) &&
        button('Undo', () => undo(op), { picture: 'undo', kind: 'on-colour', key: 'undo' }),
      look.look === 'refused' &&
        look.raw &&
        button('Report', () => reportOn(look.raw, look.code), {
          picture: 'flag',
          kind: 'on-colour',
          key: 'report',
        }),
    ),
  );
}

/** saved → at gateway → applied or refused. */
function stages(op) {
  const reached = { saved: 0, sent: 1, applied: 2, refused: 2, undone: 2 }[op.status];
  const names = [
    ...STAGES.slice(0, 2),
    { refused: 'Refused', undone: 'Undone' }[op.status] ?? STAGES[2],
  ];
  return h(
    'ol',
    { class: 'stages', 'aria-label': 'Progress' },
    ...names.map((name, place) =>
      h(
        'li',
        { class: place <= reached ? 'reached' : '', 'aria-current': place === reached && 'step' },
        name,
      ),
    ),
  );
}

function taskCard() {
  const task = tasks.current();
  if (!task) return null;
  const line = tasks.nextLine(task);
  const waiting = tasks.unjudged(task.code);
  const again = task.again?.[0];
  const slot = line && tasks.placeOf(task, line);
  return h(
    'section',
    { class: 'task-card', 'aria-label': 'Task' },
    h('p', { class: 'task-head' }, `${TASK_LABELS[task.kind]} ${task.code}`),
    button('Leave', () => setWork(fresh(state.work.step)), { kind: 'small' }),
    line
      ? [
          h(
            'p',
            { class: 'task-place' },
            icon('place'),
            h('span', {}, line[slot] ?? line.location ?? line.to ?? 'Any place'),
          ),
          h(
            'p',
            { class: 'task-item' },
            icon('box'),
            h('span', {}, line.name || line.sku || 'Whatever is found'),
            line.lot && ` · lot ${line.lot}`,
          ),
          h(
            'p',
            { class: 'task-count' },
            line.left === null || line.left === undefined
              ? `${line.done ?? 0} so far`
              : h('span', {}, h('b', {}, String(line.left)), ` to go, ${line.done ?? 0} done`),
            waiting > 0 &&
              h('span', { class: 'quiet' }, ` (${several(waiting, 'scan')} not judged yet)`),
          ),
        ]
      : h('p', { class: 'task-place' }, icon('check'), ' All lines are done.'),
    again && h('p', { class: 'note' }, `Count again: ${again.sku} at ${again.location}.`),
  );
}

function context() {
  const { work } = state;
  const step = STEPS[work.step];
  const slots = ['location', step.to && 'to'].filter(Boolean);
  const active = slotFor(work.step, work);
  return h(
    'div',
    { class: 'context' },
    steps().length > 1 && key('Step', step.label, chooseStep),
    ...slots.map((slot) =>
      key(
        slotLabel(work.step, slot),
        work[slot] ?? (step[slot] === 'needed' ? 'scan it' : 'usual'),
        () => changePlace(slot),
        {
          active: slot === active && !work[slot] && step[slot] === 'needed',
        },
      ),
    ),
    !step.asks &&
      key('Quantity', `× ${work.quantity}`, changeQuantity, { active: work.quantity !== 1 }),
    work.step === 'pack' && key('Into', work.sscc?.slice(-6) ?? 'no parcel', changeParcel),
    step.choice &&
      key(step.choice.label, choiceLabel(step.choice), () => changeChoice(step.choice)),
  );
}

function key(label, value, onclick, { active = false } = {}) {
  return h(
    'button',
    { type: 'button', class: `key ${active ? 'active' : ''}`, onclick, 'data-key': `key-${label}` },
    h('span', { class: 'label' }, label),
    h('span', { class: 'value' }, value),
  );
}

function choiceLabel({ options }) {
  return options.find(([value]) => value === state.work.choice)?.[1] ?? options[0][1];
}

/** The steps that can be chosen now: a task leaves few. */
function steps() {
  const task = tasks.current();
  return task ? STEPS_OF_TASK[task.kind] : Object.keys(STEPS);
}

/** The last few, under the panel where there is room. */
function latest(op) {
  const scans = state.recent
    .filter((each) => each.kind === 'scan' && each.id !== op?.id)
    .slice(0, 4);
  if (scans.length === 0) return null;
  return h(
    'ul',
    { class: 'latest', 'aria-label': 'Earlier scans' },
    ...scans.map((each) =>
      h(
        'li',
        { class: each.status },
        icon(
          { saved: 'saved', sent: 'saved', applied: 'check', refused: 'cross', undone: 'undo' }[
            each.status
          ],
        ),
        h('span', { class: 'name' }, goodsOf(each)),
        h('span', { class: 'quiet' }, clock(each.at)),
      ),
    ),
  );
}

async function chooseStep() {
  const options = steps().map((step) => [step, STEPS[step].label]);
  const step = await choose('What are you doing?', options, state.work.step);
  if (step) setWork(fresh(step, state.work.task));
}

async function changePlace(slot) {
  const title = `Place: ${slotLabel(state.work.step, slot)}`;
  const code = await askText(title, {
    label: 'Scan its label, or type its code',
    value: '',
    listen,
    yes: 'Use it',
    hint: state.work[slot] ? `Now: ${state.work[slot]}` : '',
  });
  if (code) setWork({ ...state.work, [slot]: code, slot: null });
}

async function changeQuantity() {
  const quantity = await askCount({ title: 'Of the next label', value: '' });
  if (quantity !== null && quantity > 0) setWork({ ...state.work, quantity });
}

async function changeChoice({ label, options }) {
  const choice = await choose(label, options, state.work.choice ?? options[0][0]);
  if (choice) setWork({ ...state.work, choice });
}

async function changeParcel() {
  if (!state.work.sscc) return;
  const says = `Goods go into ${state.work.sscc} now. Scan another parcel's label to change it.`;
  if (await confirm('No parcel any more?', says, 'No parcel'))
    setWork({ ...state.work, sscc: null });
}

async function typeCode() {
  const raw = await askText('Type the code', {
    label: 'The digits or letters under the bars',
    yes: 'Take it',
  });
  if (raw) await take({ raw, input: 'typed', at: performance.now() });
}

/** Report something about a code. */
export async function reportOn(raw, about = '') {
  const told = await askReport({ subject: shown(raw), location: state.work.location ?? '', about });
  if (told) await report(told);
}
