// What is shown, in one place. Whoever changes it says so; views are drawn from it once a frame.

import { fresh } from './steps.js';

export const state = {
  view: 'scan',
  pairing: null,
  lost: null,
  alarm: null,
  me: null,
  link: { up: null, why: null },
  counts: { open: null, unseen: 0 }, // open: null until this device's own store has been read
  current: null,
  message: null,
  recent: [],
  tasks: null,
  tasksAt: 0,
  kind: '',
  work: fresh('receive'),
  settings: {
    suffix: 'enter',
    prefix: '',
    separator: '',
    sound: true,
    shake: true,
    baud: 9600,
  },
  camera: { on: false, light: false, seen: null, why: null },
  serial: { up: false, why: '' },
  offline: 'no',
  update: false,
};

let draw = () => {};
let asked = false;

/** Have `work` called, once a frame, after changes. */
export function drawnBy(work) {
  draw = work;
}

/** Change something that is shown. */
export function change(patch) {
  Object.assign(state, patch);
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    draw();
  });
}
