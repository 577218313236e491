// The tasks of the plan, the most urgent first. Tapping one begins it: the next scans are for it.

import { plan, taskAction } from '../actions.js';
import { askText, choose, confirm } from '../dialogs.js';
import { button, h } from '../dom.js';
import { STEPS_OF_TASK, TASK_LABELS, fresh } from '../steps.js';
import { change, state } from '../state.js';
import * as tasks from '../tasks.js';
import { clock, several } from '../words.js';
import { go } from './frame.js';

const ALL = '';

export function drawTasks() {
  const all = state.tasks ?? [];
  const kinds = [...new Set(all.map((task) => task.kind))];
  const shown = all.filter((task) => state.kind === ALL || task.kind === state.kind);
  const stale = state.link.up === false && state.tasksAt;
  return [
    h('h1', {}, 'Tasks'),
    stale &&
      h('p', { class: 'hint' }, `No gateway: this is how it was at ${clock(state.tasksAt)}.`),
    kinds.length > 1 &&
      h(
        'div',
        { class: 'row wrap', role: 'group', 'aria-label': 'Kind of task' },
        ...[ALL, ...kinds].map((kind) =>
          button(TASK_LABELS[kind] ?? 'All', () => change({ kind }), {
            kind: state.kind === kind ? 'chosen' : '',
            'aria-pressed': String(state.kind === kind),
          }),
        ),
      ),
    shown.length === 0
      ? h('p', { class: 'empty' }, 'Nothing to do here now. New tasks come by themselves.')
      : h('ul', { class: 'cards' }, ...shown.map(card)),
    button('Look again', () => plan().catch(() => {}), { key: 'look-again' }),
  ];
}

function card(task) {
  const left = task.lines.filter((line) => line.left > 0).length;
  const chosen = state.work.task === task.code;
  const first = tasks.nextLine(task);
  return h(
    'li',
    { class: `card ${chosen ? 'chosen' : ''}` },
    h(
      'p',
      { class: 'card-head' },
      h('b', {}, `${TASK_LABELS[task.kind]} ${task.code}`),
      late(task),
    ),
    h(
      'p',
      {},
      [
        task.blind ? several(task.lines.length, 'line') : `${several(left, 'line')} open`,
        task.document,
        task.zone && `zone ${task.zone}`,
        task.blind && 'blind',
      ]
        .filter(Boolean)
        .join(' · '),
    ),
    first &&
      h(
        'p',
        { class: 'quiet' },
        [first.location ?? first.to, first.name || first.sku].filter(Boolean).join(' · '),
      ),
    task.note && h('p', { class: 'note' }, task.note),
    !task.blind &&
      h('progress', {
        max: task.lines.length,
        value: task.lines.length - left,
        'aria-label': 'Lines done',
      }),
    h(
      'div',
      { class: 'row' },
      chosen
        ? button('Finish', () => finish(task, left), { kind: 'strong', key: `finish-${task.code}` })
        : button('Begin', () => begin(task), { kind: 'strong', key: `begin-${task.code}` }),
      button('Short', () => short(task), { key: `short-${task.code}` }),
    ),
  );
}

function late({ due_at }) {
  if (!due_at) return null;
  const due = due_at / 1000;
  return h('span', { class: due < Date.now() ? 'tag refused' : 'tag' }, `due ${clock(due)}`);
}

async function begin(task) {
  tasks.setWork(fresh(STEPS_OF_TASK[task.kind][0], task.code));
  change({ current: null, message: null });
  await taskAction(task.code, 'start');
  go('scan');
}

async function finish(task, left) {
  if (left > 0) {
    const says = `${several(left, 'line')} still open. It can be ended as short, with a reason.`;
    if (await confirm('Not everything is done', says, 'End as short')) await short(task);
    return;
  }
  await taskAction(task.code, 'finish');
  go('scan');
}

const WHY_SHORT = ['Not enough there', 'Place is empty', 'Goods are damaged', 'Cannot reach it'];

async function short(task) {
  const options = [...WHY_SHORT.map((why) => [why, why]), ['', 'Another reason']];
  let why = await choose(`Why is ${task.code} short?`, options);
  if (why === '') why = await askText('Why is it short?', { label: 'In a few words' });
  if (!why) return;
  await taskAction(task.code, 'short', why);
  go('scan');
}
