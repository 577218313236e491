// Elements from plain values. Text becomes text nodes only: nothing scanned can become markup.

/** Make an element: `h('button', { class: 'big', onclick: go }, 'Go')`. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'value') element.value = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...flat(children));
  return element;
}

function flat(children) {
  return children
    .flat(4)
    .filter((child) => child !== null && child !== undefined && child !== false);
}

/** Replace what an element holds; the control that had the focus (by `data-key`) keeps it. */
export function fill(element, ...children) {
  const held = element.contains(document.activeElement) && document.activeElement.dataset.key;
  element.replaceChildren(...flat(children));
  if (held)
    element.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
}

const PATHS = {
  check: 'M4 12.5 10 18 20 6',
  cross: 'M5 5 19 19M19 5 5 19',
  warn: 'M12 3 22 20H2ZM12 9v5M12 17v.5',
  saved: 'M12 3v11M7 10l5 5 5-5M4 20h16',
  scan: 'M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M4 12h16',
  tasks: 'M9 6h11M9 12h11M9 18h11M4 6h.5M4 12h.5M4 18h.5',
  recent: 'M12 7v5l3 3M3.5 12a8.5 8.5 0 1 0 3-6.5L4 8M4 4v4h4',
  more: 'M5 12h.5M12 12h.5M19 12h.5',
  camera: 'M4 8h3l2-3h6l2 3h3v11H4ZM12 16.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6',
  keys: 'M3 6h18v12H3ZM7 10h.5M11 10h.5M15 10h.5M7 14h10',
  undo: 'M4 9h10a5 5 0 0 1 0 10h-4M4 9l4-4M4 9l4 4',
  flag: 'M6 21V4h12l-3 4 3 4H6',
  person: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8M4 21c1-5 15-5 16 0',
  place:
    'M12 21c-5-6-7-8.500-7-11.500a7 7 0 0 1 14 0C19 12.500 17 15 12 21M12 12a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5',
  light: 'M9 21h6M10 17h4l2-6a4.500 4.500 0 1 0-8 0Z',
  plug: 'M9 3v5M15 3v5M6 8h12v4a6 6 0 0 1-12 0ZM12 18v3',
  box: 'M4 8l8-4 8 4v9l-8 4-8-4ZM4 8l8 4 8-4M12 12v9',
};

/** A line drawing from the table above; it repeats what words say and is hidden from readers. */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}

/** A button that fingers in gloves hit; `key` keeps its focus over renderings. */
export function button(label, onclick, { picture, kind = '', key = label, ...rest } = {}) {
  return h(
    'button',
    { type: 'button', class: `button ${kind}`, onclick, 'data-key': key, ...rest },
    picture && icon(picture),
    h('span', {}, label),
  );
}
