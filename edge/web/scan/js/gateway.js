// Asking the gateway. Every failure is one of a few, so that whoever asks knows what to do next.

/** Nobody answered: no network, no gateway, or too late. */
export class Unreachable extends Error {}

/** The gateway does not know this device (any more). */
export class NotPaired extends Error {}

/** The gateway does not have this. */
export class Absent extends Error {}

/** The gateway cannot do it now; `error` says why, `wait` for how many seconds at least. */
export class NotNow extends Error {
  constructor(error, wait = 0) {
    super(error.code);
    this.error = error;
    this.wait = wait;
  }
}

/** The gateway refuses; `error` is from its catalogue, `body` the whole answer. */
export class Refused extends Error {
  constructor(error, body) {
    super(error.code);
    this.error = error;
    this.body = body;
  }
}

const PATIENCE_MS = 15_000;

/** Codes of what may go away by itself: the same request is sent again. */
export const PASSING = new Set([
  'disk.full',
  'scan.no-catalog',
  'store.failed',
  'store.damaged',
  'request.too-many',
  'internal.unexpected',
]);

/** Ask; the answer's JSON, or one of the errors above. */
export async function ask(method, path, { token, body, headers = {} } = {}) {
  const response = await reach(method, path, {
    token,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.status === 304) return { notModified: true };
  let told;
  try {
    told = await response.json();
  } catch {
    throw new Unreachable(`no answer of a gateway (${response.status})`); // a captive portal, say
  }
  if (response.ok) return { ...told, etag: response.headers.get('etag') };
  const error = told.error ?? { code: `http.${response.status}`, says: '', do: '', detail: '' };
  if (error.code === 'request.unauthenticated') throw new NotPaired(error.code);
  if (error.code === 'request.not-found' && !error.detail) throw new Absent(path);
  const wait = Number(response.headers.get('retry-after') ?? 0);
  if (PASSING.has(error.code) || response.status >= 500) throw new NotNow(error, wait);
  throw new Refused(error, told);
}

async function reach(method, path, { token, headers, body }) {
  try {
    return await fetch(path, {
      method,
      body,
      cache: 'no-store',
      credentials: 'same-origin',
      signal: AbortSignal.timeout(PATIENCE_MS),
      headers: {
        ...headers,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token ? { authorization: `Bearer ${token}` } : {}),
      },
    });
  } catch (error) {
    throw new Unreachable(error.name === 'TimeoutError' ? 'it takes too long' : 'no connection');
  }
}
