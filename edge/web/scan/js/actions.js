// What a person or a scanner can do here. Everything that counts is saved first, then shown, then
// sent; what the gateway says about it comes back through `changed`.

import * as base from './database.js';
import { play } from './feedback.js';
import { Absent, NotPaired, Refused, ask } from './gateway.js';
import { uuid7 } from './ids.js';
import * as queue from './queue.js';
import { Sender } from './sender.js';
import { change, state } from './state.js';
import { advance } from './tasks.js';
import { verdict } from './verdict.js';
import { keyOf } from './words.js';

const SHOWN = 40;
const channel = new BroadcastChannel('qm-scan');

export const sender = new Sender({
  token: () => (state.pairing?.revoked ? null : state.pairing?.token),
  changed: (ops) => changed(ops).catch(console.warn),
  link: ({ up, why }) => change({ link: { up, why } }),
  notPaired: () => unpaired(),
});

channel.onmessage = ({ data }) => heardFromOtherPage(data).catch(console.warn);

/** Say something that is no scan: a place was read, a label refused by this page. */
export function say(shown, tone) {
  presentAtOnce({ message: shown, current: null });
  play(tone, state.settings);
}

/** Whatever somebody was reading further down: what has just happened is at the top. */
function presentAtOnce(patch) {
  change(patch);
  document.getElementById('main').scrollTop = 0;
}

/** Save something done, show it, send it. `at` is when it was captured (`performance.now()`). */
export async function put(op, { at = performance.now(), tone = 'saved' } = {}) {
  let saved;
  try {
    saved = await queue.save(op);
  } catch (error) {
    return notSaved(error);
  }
  if (saved.kind !== 'undo' && saved.shown.action !== 'start') {
    presentAtOnce({ message: null, current: saved });
    play(tone, state.settings);
    measured(at);
  }
  await refresh([saved.id]);
  sender.wake();
  return saved;
}

function notSaved(error) {
  play('refused', state.settings);
  console.warn(error);
  const full = error.name === 'QuotaExceededError';
  change({
    alarm: {
      title: 'This was NOT saved.',
      says: full ? "This browser's storage is full." : "This browser's storage does not work.",
      act: 'Write the scan down. Then close this page, open it again, and scan once more.',
    },
  });
  return null;
}

/** For the bench: from the last key (or frame) until the colour is on the screen. */
function measured(at) {
  requestAnimationFrame(() => setTimeout(() => measure('qm:feedback', at)));
}

/** Keep how long something has taken since `start`; the browser's own tools show it, too. */
export function measure(name, start) {
  if (performance.getEntriesByName(name).length >= 500) performance.clearMeasures(name);
  performance.measure(name, { start, end: performance.now() });
}

/** Some ops have changed, here or by another page. */
async function changed(ops, { told = true } = {}) {
  if (ops.length === 0) return;
  if (told) channel.postMessage({ ids: ops.map((op) => op.id) });
  const current =
    ops.find((op) => op.id === state.current?.id) ??
    ops.find((op) => told && op.kind !== 'scan' && op.status === queue.REFUSED);
  if (current) change({ current });
  sound(ops, current, told);
  const understood = ops.map(nameFrom).filter(Boolean);
  base.learn(understood)?.catch(() => {});
  const counted = ops.some((op) => op.answer?.task && op.answer.warnings?.length > 0);
  if (advance(ops) || counted) plan().catch(() => {});
  if (current?.status === queue.REFUSED && !document.hidden) await queue.seen([current.id]);
  await refresh();
}

function sound(ops, current, here) {
  const refused = ops.some((op) => op.status === queue.REFUSED);
  if (current && current.status === queue.APPLIED) play('applied', state.settings);
  else if (current ? current.status === queue.REFUSED : refused && here)
    play('refused', state.settings);
}

function nameFrom(op) {
  const { understood } = op.answer ?? {};
  if (!understood) return null;
  return { code: keyOf(op.body.raw), name: understood.name };
}

async function heardFromOtherPage({ ids, paired }) {
  if (paired) return location.reload();
  const ops = await Promise.all(ids.map(queue.find));
  return changed(ops.filter(Boolean), { told: false });
}

/** Count again what waits, and show the latest. `news` are told to other pages. */
export async function refresh(news = []) {
  if (news.length > 0) channel.postMessage({ ids: news });
  const [counts, recent] = await Promise.all([queue.counts(), queue.recent(SHOWN)]);
  if (counts.open !== state.counts.open) base.bearCount(counts.open);
  change({ counts, recent });
}

/** Who did it, as far as this device knows: said with each thing done, however late it is sent. */
const by = () => (state.me?.person ? { operator: state.me.person.code } : {});

/** A scan's record. What is sent is fixed here and never changes again. */
export function scanOf({ raw, input, work, quantity, extra = {}, name }) {
  const task = work.task ? { task: work.task } : {};
  const body = {
    id: uuid7(),
    raw,
    step: work.step,
    ...(work.location ? { location: work.location } : {}),
    ...(work.to ? { to: work.to } : {}),
    ...(work.sscc && work.step === 'pack' ? { sscc: work.sscc } : {}),
    ...(quantity === null ? {} : { quantity }),
    ...task,
    ...by(),
    ...extra,
    occurred_at: Date.now() * 1000,
  };
  return { id: body.id, kind: 'scan', at: Date.now(), body, shown: { raw, input, name } };
}

/** Take one scan back: at once if it was never sent, else the gateway is asked. */
export async function undo(op) {
  if (await queue.withdraw(op.id)) {
    await changed([await queue.find(op.id)]);
    return;
  }
  const id = uuid7();
  const body = { id, undoes: op.id, ...by() };
  await put({ id, kind: 'undo', undoes: op.id, at: Date.now(), path: '/v1/undo', body, shown: {} });
}

/** Whether a scan can still be taken back, as far as this page knows. */
export function canUndo(op) {
  if (op?.kind !== 'scan' || (!op.open && op.status !== queue.APPLIED)) return false;
  const asked = state.recent.some(
    (other) => other.undoes === op.id && other.status !== queue.REFUSED,
  );
  const minutes = state.me?.policy?.undo_minutes ?? 10;
  return !asked && Date.now() - op.at < minutes * 60_000;
}

/** Send an exception report when there is a line. */
export async function report({ about, subject, note, location, photo }) {
  const id = uuid7();
  const seen = { ...(location ? { location } : {}), ...(photo ? { photo } : {}) };
  const body = { id, about, subject, note, ...seen, ...by() };
  await put({ id, kind: 'report', at: Date.now(), path: '/v1/exceptions', body, shown: {} });
}

/** Begin, finish or leave a task. */
export async function taskAction(task, action, reason = '') {
  const id = uuid7();
  const path = `/v1/tasks/${encodeURIComponent(task)}`;
  const body = { id, action, reason, ...by() };
  await put({ id, kind: 'task', at: Date.now(), path, body, shown: { task, action } });
}

/** Pair this browser by a one-time code. */
export async function pair(code) {
  const { device, token } = await ask('POST', '/v1/pair', { body: { code } });
  const pairing = { device, token, since: Date.now() };
  await base.write('pairing', pairing, { strict: true });
  base.bearWitness(device);
  await navigator.storage?.persist?.().catch(() => false);
  change({ pairing, lost: null });
  channel.postMessage({ paired: device, ids: [] });
  sender.now();
  return device;
}

async function unpaired() {
  if (!state.pairing || state.pairing.revoked) return;
  const pairing = { ...state.pairing, revoked: true };
  change({ pairing, me: null });
  await base.write('pairing', pairing);
  play('refused', state.settings);
}

/** Sign a person in at this device; true, or what went wrong. */
export async function signIn(request) {
  await ask('POST', '/v1/sign-in', { token: state.pairing.token, body: request });
  await look();
}

/** Sign out whoever is signed in. */
export async function signOut() {
  await ask('POST', '/v1/sign-out', { token: state.pairing.token, body: {} });
  await look();
}

/** Ask the gateway who and what it is, who is signed in, and what is in force. */
export async function look() {
  const token = state.pairing?.revoked ? null : state.pairing?.token;
  if (!token) return;
  try {
    const me = await ask('GET', '/v1/me', { token }).catch((error) => {
      if (!(error instanceof Absent)) throw error;
      return ask('GET', '/v1/status', { token }).then(fromStatus);
    });
    if (state.counts.open > 0) sender.wake();
    await Promise.all([places(token, me), plan(token)]);
    change({ me, link: { ...state.link, up: true } });
    base.write('me', me).catch(() => {});
  } catch (error) {
    if (error instanceof NotPaired) await unpaired();
    else if (error instanceof Refused) console.error(error);
    else change({ link: { up: false, why: error.error ?? null } });
  }
}

function fromStatus({ gateway, site, versions }) {
  return { device: state.pairing.device, person: null, site, gateway, versions, people: false };
}

export const known = { places: new Set(), catalog: null };

/** The site's locations, kept for when there is no network. */
async function places(token, me) {
  if (known.catalog === me.versions?.catalog) return;
  const kept = await base.read('places');
  const headers = kept?.etag ? { 'if-none-match': kept.etag } : {};
  const found = await ask('GET', '/v1/locations', { token, headers }).catch(absent);
  if (found && !found.notModified) {
    const codes = found.locations.map(([code]) => code);
    known.places = new Set(codes);
    await base.write('places', { etag: found.etag, codes });
  }
  known.catalog = me.versions?.catalog;
}

/** The open tasks, kept for when there is no network. */
export async function plan(token = state.pairing?.token) {
  const found = await ask('GET', '/v1/tasks?status=open', { token }).catch(absent);
  if (!found) return change({ tasks: null });
  const tasks = found.tasks ?? [];
  change({ tasks, tasksAt: Date.now() });
  await base.write('tasks', { tasks, at: Date.now() });
  return undefined;
}

function absent(error) {
  if (error instanceof Absent) return null;
  throw error;
}

/** A person has looked at all refusals. */
export async function acknowledge() {
  if (state.counts.unseen > 0) {
    await queue.seen();
    await refresh();
  }
}

/** How the op that is current is shown; a message of the page itself goes first. */
export const present = () => state.message ?? (state.current ? verdict(state.current) : null);
