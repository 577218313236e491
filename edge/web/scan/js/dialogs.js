// Questions: each a dialogue with large keys, each answered with a value or null.

import { button, fill, h, icon } from './dom.js';
import { canCamera } from './inputs/camera.js';
import { inside } from './viewfinder.js';

let number = 0;

/** Ask with `build(close)`, which returns what the dialogue holds. */
export function dialog(title, build, { kind = '' } = {}) {
  return new Promise((ok) => {
    number += 1;
    const id = `dialog-${number}`;
    const box = h('dialog', { class: `dialog ${kind}`, 'aria-labelledby': id });
    const close = (value) => {
      box.close();
      box.remove();
      ok(value);
      document.dispatchEvent(new Event('qm:dialog-closed'));
    };
    box.addEventListener('cancel', (event) => {
      event.preventDefault();
      close(null);
    });
    box.append(h('h2', { id }, title), ...[build(close)].flat(2).filter(Boolean));
    document.body.append(box);
    box.showModal();
  });
}

/** Whether somebody is being asked something. */
export const isAsking = () => document.querySelector('dialog[open]') !== null;

const row = (...keys) => h('div', { class: 'row' }, ...keys);

/** Yes or no. */
export function confirm(title, says, yes, { kind = 'strong' } = {}) {
  return dialog(title, (close) => [
    h('p', {}, says),
    row(
      button('Cancel', () => close(null)),
      button(yes, () => close(true), { kind }),
    ),
  ]);
}

/** Choose one of `[value, label]`. */
export function choose(title, options, chosen) {
  return dialog(title, (close) => [
    h(
      'div',
      { class: 'grid' },
      ...options.map(([value, label]) =>
        button(label, () => close(value), {
          kind: value === chosen ? 'chosen' : '',
          'aria-pressed': String(value === chosen),
        }),
      ),
    ),
    row(button('Cancel', () => close(null))),
  ]);
}

/** A line of text; `listen` lets a scan answer it. */
export function askText(title, { label, value = '', yes = 'OK', listen, hint = '' } = {}) {
  let stop = () => {};
  const host = h('div', { class: 'host' });
  const camera = inside(host);
  return dialog(title, (close) => {
    const field = h('input', {
      type: 'text',
      id: 'dialog-text',
      value,
      autocomplete: 'off',
      maxlength: 512,
    });
    const go = () => field.value.trim() && close(field.value.trim());
    if (listen) stop = listen((text) => close(text));
    return h(
      'form',
      {
        onsubmit: (event) => {
          event.preventDefault();
          go();
        },
      },
      h('label', { for: 'dialog-text' }, label),
      field,
      hint && h('p', { class: 'hint' }, hint),
      listen && canCamera() && [host, camera.key],
      row(
        button('Cancel', () => close(null)),
        h('button', { class: 'button strong' }, yes),
      ),
    );
  }).finally(() => {
    stop();
    camera.leave();
  });
}

/** A number by large keys. Scanning `raw` again counts one more; another label is not for here. */
export function askCount({ title, location, signed = false, raw, listen, value = '' }) {
  let stop = () => {};
  return dialog(signed ? 'How many more or fewer?' : 'How many?', (close) => {
    const field = h('input', {
      type: 'text',
      inputmode: 'none',
      class: 'count',
      value,
      'aria-label': signed ? 'Difference' : 'Quantity',
      maxlength: 9,
      autocomplete: 'off',
    });
    const note = h('p', { class: 'hint', role: 'status' });
    const number_of = () => (/^[-+]?\d+$/.test(field.value) ? Number(field.value) : null);
    const type = (digit) => () => {
      if (field.value.length < 9) field.value += digit;
      field.focus();
    };
    const go = () => {
      const count = number_of();
      if (count === null || (signed && count === 0)) fill(note, 'Enter a number first.');
      else close(count);
    };
    if (listen) {
      stop = listen((_, scan) => {
        if (scan.raw === raw) field.value = String((number_of() ?? 0) + 1);
        else fill(note, 'Another label was scanned: finish this one first.');
      });
    }
    const sign = () => {
      field.value = field.value.startsWith('-') ? field.value.slice(1) : `-${field.value}`;
      field.focus();
    };
    const erase = () => {
      field.value = field.value.slice(0, -1);
      field.focus();
    };
    return h(
      'form',
      {
        onsubmit: (event) => {
          event.preventDefault();
          go();
        },
      },
      h(
        'p',
        { class: 'about' },
        title,
        location && h('span', { class: 'quiet' }, ` at ${location}`),
      ),
      field,
      h(
        'div',
        { class: 'keypad' },
        ...'123456789'.split('').map((digit) => button(digit, type(digit))),
        signed
          ? button('±', sign, { 'aria-label': 'Plus or minus' })
          : button('⌫', erase, { 'aria-label': 'Delete the last digit' }),
        button('0', type('0')),
        signed
          ? button('⌫', erase, { 'aria-label': 'Delete the last digit' })
          : button('00', type('00')),
      ),
      note,
      row(
        button('Cancel', () => close(null)),
        h('button', { class: 'button strong' }, 'OK'),
      ),
    );
  }).finally(() => stop());
}

const REASONS = ['Damaged', 'Found', 'Missing', 'Wrong label', 'Expired'];

/** Why, in a few words; the usual ones are one tap away. */
export function askReason({ title, listen }) {
  const stop = listen ? listen(() => {}) : () => {};
  return dialog('Why?', (close) => {
    const field = h('input', {
      type: 'text',
      id: 'dialog-reason',
      maxlength: 200,
      autocomplete: 'off',
    });
    return h(
      'form',
      {
        onsubmit: (event) => {
          event.preventDefault();
          if (field.value.trim()) close(field.value.trim());
        },
      },
      h('p', { class: 'about' }, title),
      h('div', { class: 'grid' }, ...REASONS.map((reason) => button(reason, () => close(reason)))),
      h('label', { for: 'dialog-reason' }, 'Another reason'),
      field,
      row(
        button('Cancel', () => close(null)),
        h('button', { class: 'button strong' }, 'OK'),
      ),
    );
  }).finally(() => stop());
}

/** A badge, or a person's code and secret. */
export function askBadge({ listen, signIn }) {
  let stop = () => {};
  const host = h('div', { class: 'host' });
  const camera = inside(host);
  return dialog('Who are you?', (close) => {
    const note = h('p', { class: 'problem', role: 'alert' });
    const person = h('input', { type: 'text', id: 'who', autocomplete: 'off', maxlength: 64 });
    const secret = h('input', {
      type: 'password',
      id: 'secret',
      autocomplete: 'off',
      maxlength: 200,
    });
    const attempt = async (request) => {
      fill(note, '');
      try {
        await signIn(request);
        close(true);
      } catch (error) {
        fill(note, said(error));
      }
    };
    stop = listen((badge) => attempt({ badge }));
    return [
      h('p', { class: 'about' }, icon('person'), ' Scan your badge now.'),
      note,
      canCamera() && [host, camera.key],
      h(
        'details',
        {},
        h('summary', { class: 'button' }, 'I have no badge with me'),
        h(
          'form',
          {
            onsubmit: (event) => {
              event.preventDefault();
              attempt({ person: person.value.trim(), secret: secret.value });
            },
          },
          h('label', { for: 'who' }, 'Your code'),
          person,
          h('label', { for: 'secret' }, 'Your secret'),
          secret,
          row(h('button', { class: 'button strong' }, 'Sign in')),
        ),
      ),
      row(button('Cancel', () => close(null))),
    ].flat();
  }).finally(() => {
    stop();
    camera.leave();
  });
}

/** An error in a sentence for a person. */
export function said(error) {
  if (error.error?.says) return `${error.error.says} ${error.error.do}`;
  return 'The gateway cannot be reached. Scanning goes on without it; try this again later.';
}
