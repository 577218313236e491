// Installs the service worker, so that the page starts without a network, and takes new versions in
// without disturbing anybody: when a person says so, or when nobody looks.

import { isAsking } from './dialogs.js';
import { change, state } from './state.js';

const LOOK_EVERY_MS = 30 * 60_000;
let registration = null;

/** Begin. `state.offline` says whether the page would start without a network, and why not. */
export async function install() {
  if (!('serviceWorker' in navigator)) return change({ offline: 'unsupported' });
  const first = !navigator.serviceWorker.controller;
  if (!first) change({ offline: 'yes' });
  navigator.serviceWorker.addEventListener('controllerchange', () => {
    if (first && state.offline !== 'yes') change({ offline: 'yes' });
    else reload();
  });
  try {
    registration = await navigator.serviceWorker.register('/scan/sw.js', { scope: '/scan/' });
  } catch (error) {
    console.warn(error);
    return change({ offline: 'untrusted' }); // browsers refuse where the certificate is unknown
  }
  if (registration.active) change({ offline: 'yes' });
  if (registration.waiting) change({ update: true });
  registration.addEventListener('updatefound', () => {
    const fresh = registration.installing;
    fresh?.addEventListener('statechange', () => {
      if (fresh.state === 'installed' && navigator.serviceWorker.controller)
        change({ update: true });
    });
  });
  document.addEventListener('visibilitychange', () => {
    if (document.hidden && state.update && !isAsking()) takeOver();
  });
  setInterval(look, LOOK_EVERY_MS);
  return undefined;
}

/** Ask the gateway whether there is a new version. */
export function look() {
  registration?.update().catch(() => {}); // without a network the old one goes on
}

/** Go over to the new version; what waits here stays. */
export function takeOver() {
  registration?.waiting?.postMessage('take over');
}

function reload() {
  if (!isAsking()) location.reload();
  else document.addEventListener('qm:dialog-closed', () => setTimeout(reload), { once: true });
}
