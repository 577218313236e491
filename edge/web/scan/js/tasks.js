// The plan as this device knows it: which line is next, how far it is, what is worked on.

import { write } from './database.js';
import { fresh } from './steps.js';
import { change, state } from './state.js';

/** Change what the next scans are for; kept over a reload. */
export function setWork(work) {
  change({ work });
  write('work', work).catch(() => {});
}

/** The task that is worked on. */
export const current = () => state.tasks?.find((task) => task.code === state.work.task) ?? null;

/** Whether a line still asks for something; of blind work a person says when it is done. */
export const isOpen = (line) => line.left === null || line.left === undefined || line.left > 0;

/** Which place of a line its label should be scanned at: `location` or `to`. */
export function placeOf(task, line) {
  return task.kind === 'put_away' || !line.location ? 'to' : 'location';
}

/** The line to work on: one at the place where the person stands, else the first that is open. */
export function nextLine(task) {
  const open = task.lines.filter(isOpen);
  const here = open.find((line) => {
    const slot = placeOf(task, line);
    return state.work[slot] && line[slot] === state.work[slot];
  });
  return here ?? open.find((line) => task.kind !== 'count' || !line.done) ?? open[0] ?? null;
}

/** Move on by what the gateway has answered; a task that is over is left. */
export function advance(ops) {
  const told = ops.map((op) => op.answer?.task).filter((task) => task?.code);
  const ended = [
    ...told.filter((task) => task.complete).map((task) => task.code),
    ...ops.filter((op) => ['done', 'short'].includes(op.answer?.status)).map((op) => op.shown.task),
  ];
  if (told.length + ended.length === 0) return false;
  const tasks = (state.tasks ?? [])
    .filter((task) => !ended.includes(task.code))
    .map((task) => told.filter((each) => each.code === task.code).reduce(advanced, task));
  change({ tasks });
  write('tasks', { tasks, at: state.tasksAt }).catch(() => {});
  if (ended.includes(state.work.task)) setWork(fresh(state.work.step));
  return ended.length > 0;
}

function advanced(task, { line: number, done, left }) {
  const lines = task.lines.map((line) => (line.line === number ? { ...line, done, left } : line));
  return { ...task, lines, status: 'started' };
}

/** How many scans of a task the gateway has not judged yet. */
export const unjudged = (code) =>
  state.recent.filter((op) => op.open && op.kind === 'scan' && op.body.task === code).length;
