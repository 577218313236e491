// The report about something that nobody knows: a code, a note, a photo small enough to send.

import { button, fill, h, icon } from './dom.js';
import { dialog } from './dialogs.js';

const MOST_BYTES = 150 * 1024;
const SIDES = [1280, 960, 720, 480];
const QUALITIES = [0.8, 0.6, 0.4];

/** What reports are about; a place that is blocked is left out by the gateway's own decisions. */
const KINDS = [
  ['scan.unknown-item', 'A code that nobody knows'],
  ['goods.damaged', 'Damaged goods'],
  ['place.blocked', 'A place that is blocked'],
  ['floor.other', 'Something else'],
];

/** Ask for the report; null when it is given up. */
export function askReport({ subject = '', location = '', about: code = '' } = {}) {
  return dialog('Report a problem', (close) => {
    let photo = null;
    const kinds = h(
      'select',
      { id: 'about' },
      ...KINDS.map(([value, label]) => h('option', { value }, label)),
    );
    const where = h('input', {
      type: 'text',
      id: 'where',
      value: location,
      maxlength: 64,
      autocomplete: 'off',
    });
    const about = h('input', {
      type: 'text',
      id: 'subject',
      value: subject,
      maxlength: 200,
      autocomplete: 'off',
    });
    const note = h('textarea', { id: 'note', rows: 3, maxlength: 200 });
    const preview = h('div', { class: 'preview' });
    const problem = h('p', { class: 'problem', role: 'alert' });
    const file = h('input', {
      type: 'file',
      id: 'photo',
      accept: 'image/*',
      capture: 'environment',
      class: 'hidden-text',
    });
    file.addEventListener('change', async () => {
      const [chosen] = file.files;
      if (!chosen) return;
      try {
        const small = await shrunk(chosen);
        photo = small.base64;
        const picture = h('img', { alt: 'The photo', src: URL.createObjectURL(small.blob) });
        fill(preview, picture);
        fill(problem, '');
      } catch {
        fill(problem, 'This picture cannot be used. Take another one.');
      }
    });
    const go = (event) => {
      event.preventDefault();
      if (!about.value.trim() && !note.value.trim()) {
        fill(problem, 'Say in a few words what is wrong.');
        return;
      }
      if (kinds.value === 'place.blocked' && !where.value.trim()) {
        fill(problem, 'Say which place is blocked.');
        return;
      }
      close({
        about: code || kinds.value,
        subject: about.value.trim() || where.value.trim() || 'no code',
        note: note.value.trim(),
        location: where.value.trim(),
        photo,
      });
    };
    return h(
      'form',
      { onsubmit: go },
      !code && [h('label', { for: 'about' }, 'What is it about?'), kinds],
      h('label', { for: 'subject' }, 'Code on the label'),
      about,
      h('label', { for: 'note' }, 'In a few words'),
      note,
      h('label', { for: 'where' }, 'Where'),
      where,
      file,
      h('label', { for: 'photo', class: 'button' }, icon('camera'), h('span', {}, 'Take a photo')),
      preview,
      problem,
      h(
        'div',
        { class: 'row' },
        button('Cancel', () => close(null)),
        h('button', { class: 'button strong' }, 'Save the report'),
      ),
    );
  });
}

/** A JPEG of at most 150 KiB. */
export async function shrunk(file) {
  const picture = await createImageBitmap(file);
  for (const side of SIDES) {
    const scale = Math.min(1, side / Math.max(picture.width, picture.height));
    const canvas = new OffscreenCanvas(
      Math.round(picture.width * scale),
      Math.round(picture.height * scale),
    );
    canvas.getContext('2d').drawImage(picture, 0, 0, canvas.width, canvas.height);
    for (const quality of QUALITIES) {
      const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality });
      if (blob.size <= MOST_BYTES) return { blob, base64: await base64(blob) };
    }
  }
  throw new RangeError('too large');
}

async function base64(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(text);
}
