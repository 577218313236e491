// Which device this is, whether it trusts the gateway already, and where to go then.
// A pairing code in the address (#pair=…) is handed on to the HTTPS page; it is sent to nobody here.

const AGAIN_MS = 3000;
const LEAD_ON_MS = 1200;

const { names, port } = document.body.dataset;
const served = names.split(' ');
const here = location.hostname.replace(/^\[|\]$/g, '');
const host = here.includes(':') ? `[${here}]` : here;
const pairing = /^#pair=[0-9A-Za-z-]{8,40}$/.test(location.hash) ? location.hash : '';
const by = (id) => document.getElementById(id);

/** The HTTPS page by one of the gateway's names. */
function door(name) {
  return `https://${name}:${port}/scan/${pairing}`;
}

/** android, apple, windows or linux; empty where it cannot be told. */
function system() {
  const agent = navigator.userAgent;
  if (/Android/.test(agent)) return 'android';
  if (/iPhone|iPad|iPod/.test(agent)) return 'apple';
  if (/Macintosh/.test(agent)) return navigator.maxTouchPoints > 1 ? 'apple' : '';
  if (/Windows/.test(agent)) return 'windows';
  return /Linux|CrOS/.test(agent) ? 'linux' : '';
}

/** The steps of one kind of device, all for '', none for 'none'. */
function showOnly(kind) {
  for (const section of document.querySelectorAll('[data-system]')) {
    section.hidden = kind !== '' && section.dataset.system !== kind;
  }
  by('others').hidden = kind === '';
}

function say(look, word, more) {
  const panel = by('state');
  if (by('word').textContent === word) return;
  panel.className = `panel ${look}`;
  by('word').textContent = word;
  by('more').textContent = more;
}

/** Whether an HTTPS request to the gateway comes through; what it answers is nobody's business. */
async function trusts() {
  try {
    await fetch(`https://${host}:${port}/healthz`, {
      mode: 'no-cors',
      cache: 'no-store',
      credentials: 'omit',
      signal: AbortSignal.timeout(5000),
    });
    return true;
  } catch {
    return false;
  }
}

let timer = 0;
let looking = false;

async function look() {
  if (looking || document.hidden) return;
  looking = true;
  clearTimeout(timer);
  const trusted = await trusts();
  looking = false;
  if (trusted) {
    say(
      'good',
      'This device trusts the gateway',
      pairing ? 'Going on to pair it…' : 'Nothing is left to do here.',
    );
    showOnly('none');
    by('go').hidden = false;
    by('go').focus();
    if (pairing) setTimeout(() => location.replace(door(host)), LEAD_ON_MS);
    return;
  }
  say('', 'Not trusted yet', 'Follow the steps below. This page notices by itself when it is done.');
  timer = setTimeout(look, AGAIN_MS);
}

by('go').href = door(host);
showOnly(system());
by('others').addEventListener('click', () => showOnly(''));
if (served.includes(here)) {
  document.addEventListener('visibilitychange', look);
  window.addEventListener('focus', look);
  look();
} else {
  say(
    'warned',
    `“${here}” is none of this gateway’s names`,
    'Under it no device can trust the gateway. Open this page by one of these names, or have this one put under names in gateway.toml:',
  );
  by('elsewhere').hidden = false;
  for (const link of document.querySelectorAll('#elsewhere a')) link.href += pairing;
}
