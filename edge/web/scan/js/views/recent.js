// What was done here lately, each with how far it is, why it was refused, and a way to take it back.

import { canUndo, undo } from '../actions.js';
import { button, h } from '../dom.js';
import { state } from '../state.js';
import { verdict } from '../verdict.js';
import { clock } from '../words.js';
import { reportOn } from './scan.js';

const INPUTS = { wedge: 'scanner', camera: 'camera', serial: 'serial', typed: 'typed' };

export function drawRecent() {
  const ops = state.recent.filter((op) => op.kind !== 'undo' || op.open || op.status === 'refused');
  return [
    h('h1', {}, 'Recent'),
    ops.length === 0
      ? h('p', { class: 'empty' }, 'Nothing has been scanned on this device yet.')
      : h('ol', { class: 'cards' }, ...ops.map(card)),
  ];
}

function card(op) {
  const look = verdict(op);
  return h(
    'li',
    { class: `card edge ${look.look}` },
    h(
      'p',
      { class: 'card-head' },
      h('b', { class: 'state' }, look.word),
      h(
        'span',
        { class: 'quiet' },
        [clock(op.at), INPUTS[op.shown?.input]].filter(Boolean).join(' · '),
      ),
    ),
    h('p', { class: 'card-title' }, look.title),
    look.expected &&
      h('p', {}, h('span', { class: 'tag' }, 'Expected'), ' ', h('b', {}, look.expected)),
    ...look.lines.map((line) => h('p', {}, line)),
    look.act && h('p', { class: 'note' }, look.act),
    h(
      'div',
      { class: 'row' },
      canUndo(op) && button('Undo', () => undo(op), { picture: 'undo', key: `undo-${op.id}` }),
      look.look === 'refused' &&
        look.raw &&
        button('Report', () => reportOn(look.raw, look.code), {
          picture: 'flag',
          key: `report-${op.id}`,
        }),
    ),
  );
}
