// When to try again: full jitter, so that a hall of scanners does not come back all at once.

const FIRST_MS = 500;
const LONGEST_MS = 30_000;

/** Milliseconds before try number `failures` + 1; `random` is between 0 and 1. */
export function delay(failures, { random = Math.random(), atLeast = 0 } = {}) {
  const most = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 10));
  return Math.max(atLeast, random * most);
}
