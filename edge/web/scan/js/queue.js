// What was done on this device, in order: scans, undos, reports, changes of tasks.
//
// saved → sent → applied | refused (or undone). `open` is set until the gateway has answered; what
// is sent may be sent again at any time, under the same id and with the same body.

import { got, transact } from './database.js';

const KEPT = 500;
export const SAVED = 'saved';
export const SENT = 'sent';
export const APPLIED = 'applied';
export const REFUSED = 'refused';
export const UNDONE = 'undone';

/** Save one thing done; it has reached the medium when this returns. */
export async function save(op) {
  const saved = { status: SAVED, open: 1, tries: 0, ...op };
  await transact(['ops'], 'readwrite', (ops) => got(ops.add(saved)), { strict: true });
  return saved;
}

/** The oldest that the gateway has not answered. */
export function waiting(limit) {
  return transact(['ops'], 'readonly', (ops) => got(ops.index('open').getAll(null, limit)));
}

/** Change some; `patch` maps an op to what replaces it, or to nothing. */
function change(ids, patch) {
  return transact(['ops'], 'readwrite', async (ops) => {
    const found = await Promise.all(ids.map((id) => got(ops.get(id))));
    const changed = found.filter(Boolean).map(patch).filter(Boolean);
    changed.forEach((op) => ops.put(op));
    return changed;
  });
}

/** They are on their way: from now on the gateway may have them. Those withdrawn are left out. */
export const sending = (ids) =>
  change(ids, (op) => (op.open ? { ...op, status: SENT, tries: op.tries + 1 } : null));

/** Nobody answered: they wait; `held` says what the gateway could not do. */
export const waitAgain = (ids, held = null) =>
  change(ids, (op) => (op.open ? { ...op, status: SAVED, held } : null));

/** The gateway has answered; `answers` maps ids to what changes. */
export const settle = (answers) =>
  change([...answers.keys()], (op) => {
    const { open: _, held: __, ...rest } = op;
    const settled = { ...rest, ...answers.get(op.id) };
    return settled.status === REFUSED ? { ...settled, unseen: 1 } : settled;
  });

/** Take back what was never sent; false if the gateway may have it. */
export async function withdraw(id) {
  const changed = await change([id], (op) => {
    if (!op.open || op.tries > 0) return null;
    const { open: _, ...rest } = op;
    return { ...rest, status: UNDONE };
  });
  return changed.length === 1;
}

/** Somebody has looked at these refusals; all without ids. */
export async function seen(ids) {
  const which =
    ids ?? (await transact(['ops'], 'readonly', (o) => got(o.index('unseen').getAllKeys())));
  return change(which, (op) => {
    const { unseen, ...rest } = op;
    return unseen ? rest : null;
  });
}

/** How many wait, and how many refusals nobody has looked at. */
export function counts() {
  return transact(['ops'], 'readonly', async (ops) => ({
    open: await got(ops.index('open').count()),
    unseen: await got(ops.index('unseen').count()),
  }));
}

/** One by its id. */
export const find = (id) => transact(['ops'], 'readonly', (ops) => got(ops.get(id)));

/** The latest, newest first. */
export function recent(limit) {
  return transact(
    ['ops'],
    'readonly',
    (ops) =>
      new Promise((ok, no) => {
        const found = [];
        const cursor = ops.openCursor(null, 'prev');
        cursor.onerror = () => no(cursor.error);
        cursor.onsuccess = () => {
          if (!cursor.result || found.length >= limit) return ok(found);
          found.push(cursor.result.value);
          return cursor.result.continue();
        };
      }),
  );
}

/** Forget the oldest of what is answered and seen. */
export function clean() {
  return transact(['ops'], 'readwrite', async (ops) => {
    const keys = await got(ops.getAllKeys());
    const needed = new Set([
      ...(await got(ops.index('open').getAllKeys())),
      ...(await got(ops.index('unseen').getAllKeys())),
    ]);
    keys.slice(0, Math.max(0, keys.length - KEPT)).forEach((key) => {
      if (!needed.has(key)) ops.delete(key);
    });
  });
}
