// What is always there: whether the gateway answers, what waits, who is signed in, and the way
// around.

import { acknowledge, sender } from '../actions.js';
import { button, fill, h, icon } from '../dom.js';
import { takeOver } from '../offline.js';
import { change, state } from '../state.js';
import { several, worded } from '../words.js';

const VIEWS = [
  ['scan', 'Scan', 'scan'],
  ['tasks', 'Tasks', 'tasks'],
  ['recent', 'Recent', 'recent'],
  ['more', 'More', 'more'],
];

/** Go to a view. */
export function go(view) {
  change({ view });
  document.getElementById('main').scrollTop = 0;
  if (view === 'recent') acknowledge();
}

export function drawHeader(header) {
  const { link, counts, me, pairing } = state;
  const paired = pairing && !pairing.revoked;
  const up = !paired ? 'unpaired' : link.up === null ? 'asking' : link.up ? 'up' : 'down';
  const says = {
    unpaired: 'Not paired',
    asking: 'Looking for the gateway',
    up: 'Gateway answers',
    down: 'No gateway',
  }[up];
  fill(
    header,
    h(
      'button',
      { class: `link ${up}`, type: 'button', onclick: () => sender.now(), 'data-key': 'link' },
      h('span', { class: 'dot', 'aria-hidden': 'true' }),
      h('span', {}, says),
    ),
    h(
      'button',
      {
        class: `waiting ${counts.open > 0 ? 'some' : 'none'}`,
        id: 'waiting',
        type: 'button',
        onclick: () => go('recent'),
        'data-key': 'waiting',
      },
      waiting(counts.open),
    ),
    h('span', { class: 'who' }, me?.person?.name ?? pairing?.device ?? ''),
  );
}

function waiting(open) {
  if (open === null) return 'Looking'; // never a word of comfort before the store has been read
  if (open === 0) return 'Nothing waits';
  return h('span', {}, h('b', {}, open.toLocaleString('en')), ' to send');
}

export function drawBanners(banners) {
  const { alarm, counts, update, view, link, offline } = state;
  fill(
    banners,
    alarm &&
      h(
        'div',
        { class: 'banner refused', id: 'alarm' },
        h('strong', {}, alarm.title),
        h('span', {}, `${alarm.says} ${alarm.act}`),
        button('Open again', () => location.reload()),
      ),
    counts.unseen > 0 &&
      view !== 'recent' &&
      button(
        `${several(counts.unseen, 'scan was', 'scans were')} refused: look`,
        () => go('recent'),
        {
          kind: 'banner refused',
          picture: 'warn',
          key: 'refusals',
        },
      ),
    link.why &&
      h(
        'div',
        { class: 'banner warned' },
        h('span', {}, `${worded(link.why).says} ${worded(link.why).do}`),
      ),
    offline === 'untrusted' &&
      view === 'more' &&
      h(
        'div',
        { class: 'banner warned' },
        h(
          'span',
          {},
          "This browser does not trust the gateway's certificate: without a network this page would not start. Install the certificate first.",
        ),
      ),
    update &&
      h(
        'div',
        { class: 'banner plain' },
        h('span', {}, 'A new version is ready. What waits here stays.'),
        button('Update now', takeOver),
      ),
  );
}

export function drawNav(nav) {
  const { view, counts, tasks } = state;
  const here = VIEWS.filter(([name]) => name !== 'tasks' || tasks !== null);
  fill(
    nav,
    ...here.map(([name, label, picture]) =>
      h(
        'button',
        {
          type: 'button',
          class: 'tab',
          'data-key': `tab-${name}`,
          'aria-current': view === name ? 'page' : undefined,
          onclick: () => go(name),
        },
        icon(picture),
        h('span', {}, label),
        name === 'recent' && counts.unseen > 0 && h('b', { class: 'badge' }, String(counts.unseen)),
      ),
    ),
  );
}
