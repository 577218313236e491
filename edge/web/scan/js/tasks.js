// The plan as this device knows it: which line is next, and how far it is.

import { write } from './database.js';
import { STEP_OF_TASK } from './steps.js';
import { change, state } from './state.js';

/** The task that is worked on. */
export const current = () => state.tasks?.find((task) => task.code === state.work.task) ?? null;

/** Whether a line still asks for something. */
export const isOpen = (line) => line.left === null || line.left === undefined || line.left > 0;

/** Which place of a line its label should be scanned at: `location` or `to`. */
export function placeOf(task, line) {
  return STEP_OF_TASK[task.kind] === 'put_away' ? 'to' : 'location';
}

/** The line to work on: one at the place where the person stands, else the first that is open. */
export function nextLine(task) {
  const open = task.lines.filter(isOpen);
  const here = open.find((line) => {
    const slot = placeOf(task, line);
    return state.work[slot] && line[slot] === state.work[slot];
  });
  return here ?? open[0] ?? null;
}

/** Move on by what the gateway has answered. */
export function advance(ops) {
  const told = ops.map((op) => op.answer?.task).filter(Boolean);
  if (told.length === 0 || !state.tasks) return;
  const tasks = state.tasks.map((task) =>
    told.filter((each) => each.code === task.code).reduce(advanced, task),
  );
  change({ tasks });
  write('tasks', { tasks, at: state.tasksAt }).catch(() => {});
}

function advanced(task, { line: number, done, left, complete }) {
  const lines = task.lines.map((line) => (line.line === number ? { ...line, done, left } : line));
  return { ...task, lines, status: complete ? 'done' : 'started' };
}

/** How many scans of a task the gateway has not judged yet. */
export const unjudged = (code) =>
  state.recent.filter((op) => op.open && op.kind === 'scan' && op.body.task === code).length;
