// Who is signed in, what this device is, and the few settings that a scanner may need.

import { signIn, signOut } from '../actions.js';
import { forget, write } from '../database.js';
import { askBadge, askText, choose, confirm } from '../dialogs.js';
import { button, h } from '../dom.js';
import { canSerial } from '../inputs/serial.js';
import { listen } from '../intake.js';
import { reportOn } from './scan.js';
import { change, state } from '../state.js';
import { several } from '../words.js';

const SUFFIXES = [
  ['enter', 'Enter or Tab'],
  ['none', 'Nothing'],
];
const BAUDS = [9600, 19200, 38400, 57600, 115200].map((baud) => [baud, String(baud)]);
const OFFLINE = {
  yes: 'Yes: this page starts without a network.',
  no: 'Not yet: wait until it is fully loaded.',
  untrusted: "No: this browser does not trust the gateway's certificate.",
  unsupported: 'No: this browser cannot do it.',
};

export function drawMore({ serial }) {
  const { me, pairing, settings, offline } = state;
  return [
    h('h1', {}, 'More'),
    me?.people !== false && person(me?.person),
    section(
      'Report',
      h('p', {}, 'Something is broken, blocked or unknown?'),
      button('Report a problem', () => reportOn(''), { picture: 'flag' }),
    ),
    section(
      'Scanner',
      setting('After each code it sends', label(SUFFIXES, settings.suffix), changeSuffix),
      setting('Before each code it sends', settings.prefix || 'nothing', changePrefix),
      setting('Group separator', settings.separator || 'Ctrl+] (ASCII 29)', changeSeparator),
      h('a', { class: 'button', href: '/scanner-setup' }, 'Test a scanner'),
      canSerial() && [
        setting('Serial speed', String(settings.baud), changeBaud),
        button(
          state.serial.up ? 'Serial scanner is connected' : 'Connect a serial scanner',
          () => serial.choose(),
          {
            picture: 'plug',
            key: 'serial',
          },
        ),
        state.serial.why && h('p', { class: 'problem' }, state.serial.why),
      ],
    ),
    section('Feedback', toggle('Sound', 'sound'), toggle('Vibration', 'shake')),
    section(
      'This device',
      facts([
        ['Name', pairing?.device],
        ['Gateway', me?.gateway],
        ['Site', me?.site],
        ['Catalog', me?.versions?.catalog],
        ['Works without network', OFFLINE[offline]],
        [
          'Storage',
          state.persisted ? 'Kept by the browser' : 'The browser may clear it when space runs out',
        ],
      ]),
      button('Take this device out of service', unpair, { kind: 'danger' }),
    ),
  ];
}

function section(title, ...children) {
  return h('section', { class: 'card' }, h('h2', {}, title), ...children);
}

function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== undefined && value !== null);
  return h(
    'dl',
    {},
    ...known.map(([name, value]) => [h('dt', {}, name), h('dd', {}, String(value))]),
  );
}

function person(who) {
  const signOutNow = () => signOut().catch(() => {});
  return section(
    'Who works here',
    h('p', { class: 'about' }, who ? `${who.name} is signed in.` : 'Nobody is signed in.'),
    button(who ? 'Change' : 'Sign in', () => askBadge({ listen, signIn }), {
      picture: 'person',
      kind: 'strong',
      key: 'sign-in',
    }),
    who && button('Sign out', signOutNow, { key: 'sign-out' }),
  );
}

function setting(name, value, onclick) {
  return h(
    'button',
    { type: 'button', class: 'key wide', onclick, 'data-key': `setting-${name}` },
    h('span', { class: 'label' }, name),
    h('span', { class: 'value' }, value),
  );
}

function toggle(name, key) {
  const on = state.settings[key];
  return button(`${name}: ${on ? 'on' : 'off'}`, () => set({ [key]: !on }), {
    kind: on ? 'chosen' : '',
    'aria-pressed': String(on),
    key: `toggle-${key}`,
  });
}

const label = (options, value) => options.find(([each]) => each === value)?.[1] ?? String(value);

/** Change settings; kept over a reload. */
export function set(patch) {
  const settings = { ...state.settings, ...patch };
  change({ settings });
  write('settings', settings).catch(() => {});
}

async function changeSuffix() {
  const suffix = await choose(
    'What does the scanner send after a code?',
    SUFFIXES,
    state.settings.suffix,
  );
  if (suffix) set({ suffix });
}

async function changePrefix() {
  const prefix = await askText('What does the scanner send before a code?', {
    label: 'It is taken off. Type - for nothing.',
    value: state.settings.prefix,
  });
  if (prefix !== null) set({ prefix: prefix === '-' ? '' : prefix });
}

async function changeSeparator() {
  const separator = await askText('Which character stands for the group separator?', {
    label: 'One character, such as ~ or |. Type - for none.',
    value: state.settings.separator,
  });
  if (separator !== null) set({ separator: separator === '-' ? '' : [...separator][0] });
}

async function changeBaud() {
  const baud = await choose('Speed of the serial scanner', BAUDS, state.settings.baud);
  if (baud) set({ baud });
}

async function unpair() {
  const { open } = state.counts;
  const says =
    open > 0
      ? `${several(open, 'scan')} not sent yet will be deleted. The gateway will not know of them.`
      : 'It can be paired again with a new code.';
  if (
    !(await confirm('Take this device out of service?', says, 'Yes, forget all', {
      kind: 'danger',
    }))
  )
    return;
  await forget();
  location.reload();
}
