// Puts the scan page together: storage first, then what can be shown of it, then the network.

import { known, look, pair, present, refresh, say, sender } from './actions.js';
import * as base from './database.js';
import { confirm, isAsking, said } from './dialogs.js';
import { fill } from './dom.js';
import { warm } from './feedback.js';
import { SerialScanner } from './inputs/serial.js';
import { Wedge } from './inputs/wedge.js';
import { take } from './intake.js';
import * as offline from './offline.js';
import * as queue from './queue.js';
import { change, drawnBy, state } from './state.js';
import { localRefusal } from './verdict.js';
import * as viewfinder from './viewfinder.js';
import { drawBanners, drawHeader, drawNav } from './views/frame.js';
import { drawMore } from './views/more.js';
import { codeIn, drawPair, pairBy } from './views/pair.js';
import { drawRecent } from './views/recent.js';
import { drawScan } from './views/scan.js';
import { drawTasks } from './views/tasks.js';
import * as words from './words.js';

const LOOK_EVERY_MS = 15_000;
const MIXED = { says: 'Keys were pressed while the scanner typed.', do: 'Scan the label again.' };
const ENDLESS = {
  says: 'A code came without its end.',
  do: 'Have the scanner send Enter after each code: More, Test a scanner.',
};
const place = (id) => document.getElementById(id);
const paired = () => Boolean(state.pairing) && !state.pairing.revoked;

function draw() {
  const main = place('main');
  const views = {
    scan: () => drawScan(),
    tasks: drawTasks,
    recent: drawRecent,
    more: () => drawMore({ serial }),
  };
  drawHeader(place('header'));
  drawBanners(place('banners'));
  main.dataset.view = paired() ? state.view : 'pair';
  fill(main, ...[paired() ? views[state.view]() : drawPair({ draw })].flat());
  if (paired()) drawNav(place('nav'));
  else fill(place('nav'));
  viewfinder.draw({ wanted: state.view === 'scan' || !paired(), counting: paired() });
  speak();
}

/** The same, for those who listen. */
function speak() {
  const shown = present();
  const text = shown
    ? [shown.word, shown.title, shown.expected && `Expected: ${shown.expected}`, shown.act]
    : [];
  const said_now = text.filter(Boolean).join('. ');
  if (place('said').textContent !== said_now) place('said').textContent = said_now;
}

// Inputs

const wedge = new Wedge({
  settings: () => state.settings,
  taken: ({ text, at }) => scanned({ raw: text, input: 'wedge', at }),
  broken: (_, { mixed }) => {
    if (paired()) say(localRefusal(mixed ? MIXED : ENDLESS), 'refused');
  },
});

const serial = new SerialScanner({
  taken: (text) => scanned({ raw: text, input: 'serial' }),
  changed: (changed) => change({ serial: changed }),
  baud: () => state.settings.baud,
});

function scanned({ raw, input, at = performance.now() }) {
  if (paired()) return take({ raw, input, at });
  const code = codeIn(raw);
  if (!code) return undefined;
  viewfinder.close();
  return pairBy(code, () => change({}));
}

/** The scanner types into the page even where the browser wants a field for it. */
function holdFocus() {
  const catcher = place('catcher');
  const take_it = () => {
    if (document.activeElement === document.body && !isAsking())
      catcher.focus({ preventScroll: true });
  };
  document.addEventListener('focusout', () => setTimeout(take_it));
  document.addEventListener('qm:dialog-closed', () => setTimeout(take_it));
  window.addEventListener('focus', take_it);
  take_it();
}

// Beginning

async function restore() {
  const [pairing, work, settings, me, places, tasks] = await Promise.all(
    ['pairing', 'work', 'settings', 'me', 'places', 'tasks'].map(base.read),
  );
  if (places) known.places = new Set(places.codes);
  change({
    pairing: pairing ?? null,
    lost: pairing ? null : base.whatWasLost(),
    work: { ...state.work, ...work },
    settings: { ...state.settings, ...settings },
    me: me ?? null,
    tasks: tasks?.tasks ?? null,
    tasksAt: tasks?.at ?? 0,
    persisted: await navigator.storage?.persisted?.().catch(() => false),
  });
  if (pairing) base.bearWitness(pairing.device);
}

/** A pairing code in the address: use it once, and do not leave it in the history. */
async function pairByAddress() {
  const code = codeIn(location.hash);
  if (!location.hash.startsWith('#pair=')) return;
  history.replaceState(null, '', location.pathname);
  if (!code) return;
  if (paired()) {
    const says = `This device is paired as ${state.pairing.device}. What waits here is sent under the new name.`;
    if (!(await confirm('Pair it anew?', says, 'Pair anew'))) return;
    await pair(code).catch((error) => say(localRefusal({ says: said(error), do: '' }), 'refused'));
    return;
  }
  await pairBy(code, () => change({}));
}

function storageTaken() {
  change({
    alarm: {
      title: "This browser's storage was taken away.",
      says: 'Nothing more can be saved on this page.',
      act: 'Open it again; it will say what is missing.',
    },
  });
}

async function begin() {
  drawnBy(draw);
  const loaded = words.load();
  try {
    await base.open(storageTaken);
    await Promise.all([restore(), base.recall()]);
    await refresh();
  } catch (error) {
    console.error(error);
    change({
      alarm: {
        title: 'This browser cannot keep scans.',
        says: 'Its storage does not open: private windows and full disks do that.',
        act: 'Use an ordinary window, free space, then open this page again.',
      },
    });
    return;
  }
  await loaded.catch(console.error);
  viewfinder.onScan(scanned);
  wedge.listen(window, place('catcher'));
  holdFocus();
  change({});
  await pairByAddress();
  addEventListener('hashchange', pairByAddress);
  addEventListener('online', () => {
    sender.now();
    look();
    offline.look();
  });
  addEventListener('offline', () => change({ link: { up: false, why: null } }));
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) look();
  });
  setInterval(() => {
    if (!document.hidden) look();
  }, LOOK_EVERY_MS);
  serial.resume().catch(console.error);
  offline.install();
  queue.clean().catch(console.error);
  sender.wake();
  warm();
  await look();
}

begin();
