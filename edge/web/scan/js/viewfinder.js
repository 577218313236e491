// What the camera shows and what was seen in it: on the page, or inside a dialogue that waits for a
// label. One page of the app at a time looks.

import { measure } from './actions.js';
import { button, fill, h } from './dom.js';
import { Camera, NoPicture } from './inputs/camera.js';
import { Repeats } from './inputs/repeats.js';
import { change, state } from './state.js';
import { shown } from './words.js';

const video = h('video', { playsinline: true, 'aria-label': 'What the camera sees' });
video.muted = true; // as a property: phones play nothing else without a tap
const picture = h(
  'div',
  { class: 'picture' },
  video,
  h('div', { class: 'aim', 'aria-hidden': 'true' }),
);
const seenBox = h('div', { class: 'seen', role: 'status' });
const repeats = new Repeats();
const camera = new Camera({ video, seen: saw, failed });
const section = document.getElementById('camera');

let scanned = () => {};
let release = null;
let awake = null;

/** Have `work` called with each scan. */
export function onScan(work) {
  scanned = work;
}

const inDialog = () => section.closest('dialog') !== null;

/** Open or close it. */
export async function toggle() {
  if (state.camera.on) return close();
  change({ camera: { on: true, light: false, seen: null, why: null } });
  try {
    await lock();
    await camera.start();
    awake = await navigator.wakeLock?.request('screen').catch(() => null);
  } catch (error) {
    close();
    const known = error instanceof NoPicture;
    const why = known ? error : { says: 'The camera does not start.', act: 'Try again.' };
    change({ camera: { ...state.camera, why } });
  }
  return undefined;
}

/** Close it. */
export function close() {
  camera.stop();
  release?.();
  release = null;
  awake?.release().catch(() => {});
  awake = null;
  change({ camera: { ...state.camera, on: false, seen: null } });
}

/** A key for a dialogue that opens the camera in there; `leave` puts it back. */
export function inside(host) {
  const main = document.getElementById('main');
  const key = button(
    'Use the camera',
    () => {
      host.append(section);
      key.remove();
      toggle();
    },
    { picture: 'camera' },
  );
  const leave = () => {
    if (!host.contains(section)) return;
    close();
    main.before(section);
  };
  return { key, leave };
}

function lock() {
  if (!navigator.locks) return undefined;
  return new Promise((ok, no) => {
    navigator.locks.request('qm-camera', { ifAvailable: true }, (held) => {
      if (held === null) {
        no(new NoPicture('The camera is in use by another page of this app.', 'Close it there.'));
        return undefined;
      }
      ok();
      return new Promise((free) => {
        release = free;
      });
    });
  });
}

function saw(codes, at) {
  for (const raw of codes) {
    const { news, times } = repeats.see(raw, at);
    measure('qm:decode', at);
    if (news) {
      measure('qm:camera', camera.began);
      scanned({ raw, input: 'camera', at });
    }
    if (state.camera.on) change({ camera: { ...state.camera, seen: { raw, times } } });
  }
}

function failed(error) {
  console.warn(error);
  close();
  const why = {
    says: 'Codes cannot be read in the picture.',
    act: 'Use a scanner, or type the code.',
  };
  change({ camera: { ...state.camera, why } });
}

function countAgain() {
  const { seen } = state.camera;
  repeats.again(seen.raw);
  scanned({ raw: seen.raw, input: 'camera', at: performance.now() });
  change({ camera: { ...state.camera, seen: { ...seen, times: 1 } } });
}

async function light() {
  const on = await camera.light(!state.camera.light);
  change({ camera: { ...state.camera, light: on && !state.camera.light } });
}

/** Draw it; it closes by itself where it is not wanted. */
export function draw({ wanted, counting }) {
  const { on, seen, why, light: lit } = state.camera;
  const here = wanted || inDialog();
  if (on && !here) return close();
  if (!section.contains(picture)) section.append(picture, seenBox);
  section.hidden = !here || !(on || why);
  picture.hidden = !on;
  const counts = counting && !inDialog() && on && seen;
  fill(
    seenBox,
    why && h('p', { class: 'problem' }, `${why.says} ${why.act}`),
    on && !seen && h('p', {}, 'Hold the label into the frame.'),
    counts &&
      h(
        'p',
        {},
        h('b', { class: 'times' }, `×${seen.times}`),
        ` ${shown(seen.raw)}: in view, counted once`,
      ),
    counts && button('Count one more', countAgain, { key: 'again' }),
    on &&
      camera.hasLight &&
      button(lit ? 'Light off' : 'Light on', light, { picture: 'light', key: 'light' }),
  );
  return undefined;
}
