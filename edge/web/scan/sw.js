// The service worker: one version of the app, kept whole, answered from the cache alone.
// The gateway puts the version and its files in here, so that every change of a file is a change
// of this script, which is what makes a browser fetch the new version. Scans are never its business.

const VERSION = '@VERSION@';
const FILES = [/* every file of this version */];
const SHELL = [
  '/scan/',
  '/scan/manifest.webmanifest',
  '/scan/icon.svg',
  '/scan/icon-192.png',
  '/scan/icon-512.png',
];
const NAME = 'quartermaster-scan-';
const CACHE = NAME + VERSION;

self.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) =>
        Promise.all([
          cache.addAll(SHELL.map((path) => new Request(path, { cache: 'no-cache' }))),
          cache.addAll(FILES),
        ]),
      ),
  );
});

self.addEventListener('activate', (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => names.filter((name) => name.startsWith(NAME) && name !== CACHE))
      .then((old) => Promise.all(old.map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener('message', (event) => {
  if (event.data === 'take over') self.skipWaiting();
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (!url.pathname.startsWith('/scan/')) return;
  const wanted = request.mode === 'navigate' ? '/scan/' : url.pathname;
  event.respondWith(
    caches
      .open(CACHE)
      .then((cache) => cache.match(wanted))
      .then((kept) => kept ?? fetch(request)),
  );
});
