// A browser that no gateway knows: how it becomes a device, and what it lost if it was one.

import { pair } from '../actions.js';
import { canCamera } from '../inputs/camera.js';
import { button, h, icon } from '../dom.js';
import { said } from '../dialogs.js';
import { state } from '../state.js';
import { toggle } from '../viewfinder.js';
import { several } from '../words.js';

let problem = '';
let busy = false;
let typed = '';

/** The code in the address or label of a QR code; null where there is none. */
export function codeIn(text) {
  const code = /#pair=([0-9A-Za-z-]{8,40})/.exec(text)?.[1] ?? text.trim();
  return /^[0-9A-Za-z-]{14,20}$/.test(code) ? code : null;
}

/** Pair by a code; what goes wrong is shown. */
export async function pairBy(code, draw) {
  if (busy) return;
  busy = true;
  problem = '';
  draw();
  try {
    await pair(code);
    typed = '';
  } catch (error) {
    problem = said(error).replace('Scanning goes on without it; try', 'Try');
  } finally {
    busy = false;
    draw();
  }
}

export function drawPair({ draw }) {
  const field = h('input', {
    type: 'text',
    id: 'code',
    value: typed,
    autocomplete: 'off',
    autocapitalize: 'characters',
    maxlength: 40,
    'data-key': 'code',
    oninput: (event) => {
      typed = event.target.value;
    },
  });
  const go = (event) => {
    event.preventDefault();
    const code = codeIn(field.value);
    if (code) pairBy(code, draw);
    else {
      problem = 'A pairing code has 14 letters and digits.';
      draw();
    }
  };
  return [
    story(),
    h('p', { class: 'problem', role: 'alert' }, problem),
    h(
      'section',
      { class: 'card' },
      h('h2', {}, 'Pair this device'),
      h(
        'p',
        {},
        'Have a code shown at the gateway or by your shift lead, and scan it here. A code is good once, for ten minutes.',
      ),
      canCamera() &&
        button(state.camera.on ? 'Close camera' : 'Scan the code', toggle, {
          picture: 'camera',
          kind: 'strong',
          key: 'camera',
        }),
      h(
        'form',
        { onsubmit: go },
        h('label', { for: 'code' }, 'Or type it'),
        field,
        h(
          'button',
          { class: 'button strong', disabled: busy, 'data-key': 'pair' },
          busy ? 'Pairing…' : 'Pair',
        ),
      ),
    ),
  ];
}

function story() {
  const { lost, pairing, counts } = state;
  if (lost) {
    return h(
      'section',
      { class: 'panel refused', id: 'lost' },
      h('p', { class: 'word' }, icon('warn'), h('span', {}, 'Storage lost')),
      h('p', { class: 'title' }, `This browser has deleted what it kept as ${lost.device}.`),
      lost.waiting > 0 &&
        h(
          'p',
          { class: 'expected' },
          h(
            'b',
            {},
            `${several(lost.waiting, 'scan')} had not been sent and ${lost.waiting === 1 ? 'is' : 'are'} gone.`,
          ),
        ),
      lost.waiting === null &&
        h('p', { class: 'line' }, 'Whether scans were waiting is not known.'),
      h(
        'p',
        { class: 'act' },
        lost.waiting === 0
          ? 'Nothing was waiting here. Pair it again.'
          : 'Tell your shift lead, scan again what was scanned last, and pair it again.',
      ),
    );
  }
  if (pairing?.revoked) {
    return h(
      'section',
      { class: 'panel refused', id: 'revoked' },
      h('p', { class: 'word' }, icon('cross'), h('span', {}, 'Not paired any more')),
      h('p', { class: 'title' }, `The gateway no longer knows this device as ${pairing.device}.`),
      counts.open > 0 &&
        h(
          'p',
          { class: 'line' },
          `${several(counts.open, 'scan')} ${counts.open === 1 ? 'is' : 'are'} kept here and sent once it is paired again.`,
        ),
      h('p', { class: 'act' }, 'Ask your shift lead to pair it again under the same name.'),
    );
  }
  return h(
    'section',
    { class: 'panel idle' },
    h('p', { class: 'word' }, icon('scan'), h('span', {}, 'Welcome')),
    h('p', { class: 'title' }, 'This device is not paired with a gateway yet.'),
  );
}
