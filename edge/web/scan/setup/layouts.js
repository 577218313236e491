// Keyboards of some countries, key by key. A scanner that thinks it is plugged into one of them and
// a computer that is set to another make other letters of the same keys: this says which.
//
// 48 keys, row by row from the top left; `third` are those with AltGr. A blank is a key that makes
// nothing by itself (an accent waiting for its letter).

const NONE = '\u0000';
const row = (text) => text.replaceAll(' ', NONE);

const LAYOUTS = {
  'English (US)': [
    row("`1234567890-=qwertyuiop[]\\asdfghjkl;' zxcvbnm,./"),
    row('~!@#$%^&*()_+QWERTYUIOP{}|ASDFGHJKL:" ZXCVBNM<>?'),
    {},
  ],
  'English (UK)': [
    row("`1234567890-=qwertyuiop[]#asdfghjkl;'\\zxcvbnm,./"),
    row('¬!"£$%^&*()_+QWERTYUIOP{}~ASDFGHJKL:@|ZXCVBNM<>?'),
    {},
  ],
  German: [
    row(' 1234567890ß qwertzuiopü+#asdfghjklöä<yxcvbnm,.-'),
    row('°!"§$%&/()=? QWERTZUIOPÜ*\'ASDFGHJKLÖÄ>YXCVBNM;:_'),
    { '{': 7, '[': 8, ']': 9, '}': 10, '\\': 11, '@': 13, '~': 24, '|': 37 },
  ],
  French: [
    row('²&é"\'(-è_çà)=azertyuiop $*qsdfghjklmù<wxcvbn,;:!'),
    row(' 1234567890°+AZERTYUIOP £µQSDFGHJKLM%>WXCVBN?./§'),
    { '~': 2, '#': 3, '{': 4, '[': 5, '|': 6, '`': 7, '\\': 8, '^': 9, '@': 10, ']': 11, '}': 12 },
  ],
  Spanish: [
    row("º1234567890'¡qwertyuiop +çasdfghjklñ <zxcvbnm,.-"),
    row('ª!"·$%&/()=?¿QWERTYUIOP *ÇASDFGHJKLÑ >ZXCVBNM;:_'),
    { '\\': 0, '|': 1, '@': 2, '#': 3, '[': 23, ']': 24, '}': 25, '{': 36 },
  ],
  Italian: [
    row("\\1234567890'ìqwertyuiopè+ùasdfghjklòà<zxcvbnm,.-"),
    row('|!"£$%&/()=?^QWERTYUIOPé*§ASDFGHJKLç°>ZXCVBNM;:_'),
    { '[': 23, ']': 24, '@': 35, '#': 36 },
  ],
  'Swedish, Finnish': [
    row("§1234567890+ qwertyuiopå 'asdfghjklöä<zxcvbnm,.-"),
    row('½!"#¤%&/()=? QWERTYUIOPÅ *ASDFGHJKLÖÄ>ZXCVBNM;:_'),
    { '@': 2, '£': 3, $: 4, '{': 7, '[': 8, ']': 9, '}': 10, '\\': 11, '|': 37 },
  ],
};

/** What a computer set to `host` shows when a scanner set to `scanner` types `text`. */
export function typed(text, scanner, host) {
  return [...text].map((character) => through(character, LAYOUTS[scanner], LAYOUTS[host])).join('');
}

function through(character, [plain, shifted, third], [hostPlain, hostShifted, hostThird]) {
  if (character === ' ' || character === '\u001d') return character;
  let key = plain.indexOf(character);
  if (key >= 0) return hostPlain[key].replace(NONE, '');
  key = shifted.indexOf(character);
  if (key >= 0) return hostShifted[key].replace(NONE, '');
  if (!(character in third)) return '';
  key = third[character];
  const same = Object.entries(hostThird).find(([, place]) => place === key);
  return (same?.[0] ?? hostPlain[key]).replace(NONE, '');
}

/** The scanner's and the computer's keyboards that explain best why `text` came as `received`. */
export function explain(text, received) {
  const names = Object.keys(LAYOUTS);
  const wrong = distance(text, received);
  let best = null;
  for (const scanner of names) {
    for (const host of names) {
      if (scanner === host) continue;
      const off = distance(typed(text, scanner, host), received);
      if (!best || off < best.off) best = { scanner, host, off };
    }
  }
  return best.off < wrong && best.off <= Math.max(1, text.length * 0.15) ? best : null;
}

/** How many characters must be added, dropped or changed (Levenshtein). */
export function distance(one, other) {
  let before = Array.from({ length: other.length + 1 }, (_, place) => place);
  for (let row_ = 1; row_ <= one.length; row_ += 1) {
    const now = [row_];
    for (let column = 1; column <= other.length; column += 1) {
      const change = one[row_ - 1] === other[column - 1] ? 0 : 1;
      now.push(Math.min(now[column - 1] + 1, before[column] + 1, before[column - 1] + change));
    }
    before = now;
  }
  return before[other.length];
}
