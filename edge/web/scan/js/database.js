// The browser's own storage: what is scanned is in here before anybody is told that it is saved.
//
// A browser may take its storage away. What it would take together (IndexedDB) is watched by
// witnesses that it keeps elsewhere: local storage, and a cookie that the gateway set at pairing.

const NAME = 'quartermaster-scan';
const WITNESS = 'qm.paired';
const WAITING = 'qm.waiting';
const MOST_NAMES = 20_000;

let base = null;

/** Open the storage. `gone` is called if it is taken away while the page is open. */
export async function open(gone) {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => {
    const made = request.result;
    made.createObjectStore('meta');
    const ops = made.createObjectStore('ops', { keyPath: 'id' });
    ops.createIndex('open', 'open'); // only what is not answered yet has this field
    ops.createIndex('unseen', 'unseen'); // only refusals that nobody has looked at
    made.createObjectStore('names', { keyPath: 'code' });
  };
  base = await got(request);
  base.onclose = gone;
  base.onversionchange = () => base.close();
  return base;
}

/** One transaction over `stores`: what `work` returns, after it has been committed. */
export async function transact(stores, mode, work, { strict = false } = {}) {
  const options = { durability: strict ? 'strict' : 'relaxed' };
  const transaction = base.transaction(stores, mode, options);
  const over = new Promise((ok, no) => {
    transaction.oncomplete = ok;
    transaction.onabort = () => no(transaction.error ?? new DOMException('aborted', 'AbortError'));
  });
  over.catch(() => {}); // whoever waits for the result hears of it
  let result;
  try {
    const opened = stores.map((store) => transaction.objectStore(store));
    result = await work(...opened);
  } catch (error) {
    try {
      transaction.abort();
    } catch {
      // it had ended by itself
    }
    await over.catch(() => {});
    throw error;
  }
  await over;
  return result;
}

/** What a request finds. */
export function got(request) {
  return new Promise((ok, no) => {
    request.onsuccess = () => ok(request.result);
    request.onerror = () => no(request.error);
  });
}

export const read = (key) => transact(['meta'], 'readonly', (meta) => got(meta.get(key)));
export const write = (key, value, options) =>
  transact(['meta'], 'readwrite', (meta) => got(meta.put(value, key)), options);

const names = new Map();

/** Names of goods that were seen in answers, for feedback without a network. */
export function learn(goods) {
  const news = goods.filter(({ code, name }) => names.get(code) !== name);
  news.forEach(({ code, name }) => names.set(code, name));
  if (news.length === 0) return undefined;
  return transact(['names'], 'readwrite', (kept) => news.forEach((good) => kept.put(good)));
}

/** The name of what carries this code, if it is known here. */
export const nameOf = (code) => names.get(code);

/** Remember the names that were learnt before. */
export async function recall() {
  const kept = await transact(['names'], 'readonly', (all) => got(all.getAll(null, MOST_NAMES)));
  kept.forEach(({ code, name }) => names.set(code, name));
}

/** Forget everything, witnesses too: a person takes this device out of service. */
export async function forget() {
  await transact(['meta', 'ops', 'names'], 'readwrite', (...stores) =>
    stores.forEach((store) => store.clear()),
  );
  for (const name of [WITNESS, WAITING]) localStorage.removeItem(name);
  document.cookie = 'qm_device=; Path=/scan/; Max-Age=0; Secure; SameSite=Strict';
}

/** Have witnesses know that this browser is paired. */
export function bearWitness(device) {
  quietly(() => localStorage.setItem(WITNESS, device));
}

/** Have a witness know how many scans wait here. */
export function bearCount(waiting) {
  quietly(() => localStorage.setItem(WAITING, String(waiting)));
}

/** What the witnesses say of a storage that is empty: null where there was never any. */
export function whatWasLost() {
  const cookie = /(?:^|; )qm_device=([^;]+)/.exec(document.cookie)?.[1];
  const device = quietly(() => localStorage.getItem(WITNESS)) ?? cookie ?? null;
  const told = quietly(() => localStorage.getItem(WAITING));
  return device === null ? null : { device, waiting: told === null ? null : Number(told) };
}

function quietly(work) {
  try {
    return work() ?? null;
  } catch {
    return null; // local storage is only a witness: without it the cookie remains
  }
}
