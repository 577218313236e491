// The setup page: shows labels whose text is known, and says what a scanner makes of them.

import * as base from '../js/database.js';
import { button, fill, h, icon } from '../js/dom.js';
import { Wedge } from '../js/inputs/wedge.js';
import { diagnose, isWell, shown } from './diagnose.js';

const NAMES = {
  ean13: ['EAN-13', 'The code on things in shops.'],
  layout: ['DataMatrix', 'Letters and signs that keyboards have in different places.'],
  'gs1-128': ['GS1-128', 'A lot with a date behind it: the group separator keeps them apart.'],
  'gs1-datamatrix': ['GS1 DataMatrix', 'The same in a square, with two separators.'],
};
const RAW = { suffix: 'enter', prefix: '', separator: '' }; // everything is to be seen as it comes
const PATIENT_MS = 250;

const state = { labels: {}, current: 'ean13', results: {}, settings: {}, kept: '' };
const place = (id) => document.getElementById(id);

function draw() {
  const names = Object.keys(NAMES);
  fill(
    place('header'),
    h('a', { href: '/scan/', class: 'back' }, icon('scan'), h('span', {}, 'Scan')),
    h('h1', {}, 'Test a scanner'),
  );
  fill(
    place('main'),
    h(
      'ol',
      { class: 'steps', 'aria-label': 'Labels' },
      ...names.map((name) => h('li', {}, step(name))),
    ),
    h(
      'div',
      { class: 'bench' },
      label(),
      h('div', { class: 'verdict', role: 'status' }, ...verdict()),
    ),
  );
}

function step(name) {
  const result = state.results[name];
  const well = result && isWell(result.findings);
  const mark = result ? (well ? 'good' : 'bad') : '';
  return h(
    'button',
    {
      type: 'button',
      class: `button step ${mark}`,
      'aria-current': name === state.current ? 'step' : undefined,
      'data-key': name,
      onclick: () => show(name),
    },
    result && icon(well ? 'check' : 'warn'),
    h('span', {}, NAMES[name][0]),
    result && h('span', { class: 'hidden-text' }, well ? ' works' : ' has problems'),
  );
}

function label() {
  const [name, what] = NAMES[state.current];
  const source = new URL(`../labels/${state.current}.svg`, import.meta.url).href;
  return h(
    'section',
    { class: 'card label' },
    h('h2', {}, `Scan this ${name}`),
    h('p', {}, what),
    h(
      'div',
      { class: 'paper' },
      h('img', { src: source, alt: `Test label, ${name}`, class: state.current }),
    ),
    h('p', { class: 'quiet code' }, shown(state.labels[state.current] ?? '')),
  );
}

function verdict() {
  const result = state.results[state.current];
  if (!result) {
    return [
      h('p', { class: 'empty' }, 'Nothing has arrived yet.'),
      h(
        'p',
        { class: 'hint' },
        'Hold the scanner to the label and pull the trigger. Where the cursor stands does not matter. If nothing ever arrives: is it plugged in or paired by Bluetooth, and set to “keyboard” (HID)?',
      ),
    ];
  }
  const well = isWell(result.findings);
  const names = Object.keys(NAMES);
  const next = names.find((name) => !state.results[name]);
  const all = names.every((name) => state.results[name] && isWell(state.results[name].findings));
  return [
    h(
      'section',
      { class: `panel ${well ? 'applied' : 'refused'}`, id: 'found', 'data-well': String(well) },
      h(
        'p',
        { class: 'word' },
        icon(well ? 'check' : 'cross'),
        h('span', {}, well ? 'Works' : 'Needs a change'),
      ),
      h('p', { class: 'line code' }, `Arrived: ${shown(result.text) || 'nothing'}`),
      all && h('p', { class: 'title' }, 'This scanner is ready for work.'),
    ),
    h('ul', { class: 'findings' }, ...result.findings.map(finding)),
    state.kept && h('p', { class: 'note', role: 'status' }, state.kept),
    next &&
      well &&
      button(`Next: ${NAMES[next][0]}`, () => show(next), { kind: 'strong', key: 'next' }),
  ];
}

function finding({ level, says, act, fix }) {
  const picture = { good: 'check', problem: 'cross', hint: 'warn' }[level];
  return h(
    'li',
    { class: `finding ${level}` },
    icon(picture),
    h(
      'div',
      {},
      h('p', {}, says),
      act && h('p', { class: 'act' }, act),
      fix && button(fixLabel(fix), () => keep(fix), { key: `fix-${says}` }),
    ),
  );
}

function fixLabel({ suffix, prefix, separator }) {
  if (separator) return `Take “${separator}” for the separator`;
  if (prefix) return `Take “${shown(prefix)}” off`;
  return suffix === 'none' ? 'Have the app wait for the pause' : 'Use it';
}

function show(name) {
  state.current = name;
  state.kept = '';
  draw();
}

async function keep(fix) {
  state.settings = { ...state.settings, ...fix };
  await base.write('settings', state.settings);
  state.kept = 'Kept for this device: the scan page understands it now.';
  draw();
}

/** Something arrived: it is about the label shown, or about another one that it is exactly. */
function arrived(burst) {
  const [exact] = Object.entries(state.labels).find(([, text]) => burst.text.endsWith(text)) ?? [];
  if (exact) state.current = exact;
  const { current } = state;
  state.kept = '';
  state.results[current] = { text: burst.text, findings: diagnose(state.labels[current], burst) };
  draw();
  place('found').scrollIntoView({ block: 'nearest' });
}

async function begin() {
  const response = await fetch(new URL('../labels.json', import.meta.url));
  state.labels = await response.json();
  const catcher = place('catcher');
  const wedge = new Wedge({
    settings: () => RAW,
    taken: arrived,
    broken: arrived,
    fast: PATIENT_MS,
  });
  wedge.listen(window, catcher);
  catcher.focus({ preventScroll: true });
  draw();
  await base.open(() => {});
  state.settings = (await base.read('settings')) ?? {};
}

begin();
