// Sends what waits, oldest first, and keeps trying.
//
// One page at a time sends (Web Locks), so two open pages never send the same thing side by side;
// should they do so after all, the gateway knows each thing by its id. The lock is held only while
// something is being sent: a page in the background holds up nobody.

import { delay } from './backoff.js';
import { Absent, NotNow, NotPaired, PASSING, Refused, Unreachable, ask } from './gateway.js';
import * as queue from './queue.js';

const BATCH = 64;
const FEELER = 4; // while nobody answered the last time
const MOST_TRIES = 8;
const SOONEST_MS = 1_000;

export class Sender {
  /**
   * @param token returns the device's token, or nothing while it is not paired
   * @param changed called with the ops that have changed
   * @param link called with `{ up, why }` after each try
   * @param notPaired called when the gateway does not know the token
   */
  constructor({ token, changed, link, notPaired }) {
    this.token = token;
    this.changed = changed;
    this.link = link;
    this.notPaired = notPaired;
    this.failures = 0;
    this.lastFailure = -Infinity;
    this.timer = null;
    this.unheard = false;
    this.busy = false;
    this.again = false;
  }

  /** There is something to send: do it now, unless the gateway was just found away. */
  wake() {
    if (this.busy) {
      this.again = true;
    } else if (this.failures === 0 || performance.now() - this.lastFailure > SOONEST_MS) {
      this.run();
    }
  }

  /** The network has come back, or a person wants it now. */
  now() {
    this.failures = 0;
    this.wake();
  }

  async run() {
    clearTimeout(this.timer);
    this.timer = null;
    if (!this.token()) return;
    this.busy = true;
    let retry = null;
    try {
      do {
        this.again = false;
        await alone(() => this.flush());
      } while (this.again);
      this.failures = 0;
    } catch (error) {
      retry = this.failed(error);
    } finally {
      this.busy = false;
    }
    if (retry !== null) this.timer = setTimeout(() => this.run(), retry);
  }

  failed(error) {
    if (error instanceof NotPaired) {
      this.notPaired();
      return null;
    }
    const expected = error instanceof Unreachable || error instanceof NotNow;
    if (error instanceof DOMException) console.warn(error); // the storage: an alarm tells of it
    else if (!expected) console.error(error);
    this.unheard = error instanceof Unreachable;
    this.failures += 1;
    this.lastFailure = performance.now();
    const why = error instanceof NotNow ? error.error : null;
    this.link({ up: error instanceof NotNow, why });
    return delay(this.failures, { atLeast: (error.wait ?? 0) * 1000 });
  }

  async flush() {
    for (;;) {
      const next = run(await queue.waiting(this.unheard ? FEELER : BATCH));
      if (next.length === 0) return;
      const sent = await queue.sending(next.map((op) => op.id));
      this.changed(sent);
      if (sent.length < next.length) continue; // one was withdrawn meanwhile
      await this.send(sent);
    }
  }

  async send(ops) {
    const ids = ops.map((op) => op.id);
    let answers;
    try {
      answers = ops[0].kind === 'scan' ? await this.scans(ops) : await this.other(ops[0]);
    } catch (error) {
      const held = error instanceof NotNow ? error.error : null;
      this.changed(await queue.waitAgain(ids, held));
      throw error;
    }
    this.unheard = false;
    this.link({ up: true, why: null });
    await this.take(ops, answers);
  }

  /** Keep what the gateway answered; what it cannot do now waits, and what comes behind it. */
  async take(ops, answers) {
    const final = new Map();
    const waits = new Map();
    ops.forEach((op, place) => {
      const answer = answers[place];
      const accepted = answer.outcome === 'accepted';
      if (!accepted && !answer.final && PASSING.has(answer.error?.code)) {
        waits.set(op.id, answer.error);
        return;
      }
      const status = accepted ? queue.APPLIED : queue.REFUSED;
      final.set(op.id, { status, answer, answeredAt: Date.now() });
      if (accepted && op.kind === 'undo') final.set(op.undoes, { status: queue.UNDONE });
    });
    this.changed(await queue.settle(final));
    for (const [id, error] of waits) this.changed(await queue.waitAgain([id], error));
    if (waits.size > 0) throw new NotNow([...waits.values()][0]);
  }

  async scans(ops) {
    const token = this.token();
    try {
      const body = { scans: ops.map((op) => op.body) };
      const { answers } = await ask('POST', '/v1/scans', { token, body });
      if (answers?.length !== ops.length) throw new Unreachable('no answer of a gateway');
      return answers;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (ops.length === 1) return [refusal(error)];
    }
    const one = await this.scans(ops.slice(0, 1)); // find the one that is not taken
    return [...one, ...(await this.scans(ops.slice(1)))];
  }

  async other(op) {
    try {
      const answer = await ask('POST', op.path, { token: this.token(), body: op.body });
      return [{ ...answer, outcome: answer.outcome ?? 'accepted' }];
    } catch (error) {
      if (error instanceof Refused || error instanceof Absent) return [refusal(error)];
      // What moves no stock must not hold up what does, for ever.
      const broken = error instanceof NotNow && error.error.code === 'internal.unexpected';
      if (broken && op.tries >= MOST_TRIES) return [refusal(error)];
      throw error;
    }
  }
}

/** The first that are sent together: scans in a row, or one of another kind. */
function run(ops) {
  const other = ops.findIndex((op) => op.kind !== 'scan');
  return other < 0 ? ops : ops.slice(0, Math.max(other, 1));
}

function refusal(error) {
  return { outcome: 'refused', final: true, error: error.error ?? { code: 'request.not-found' } };
}

function alone(work) {
  return navigator.locks ? navigator.locks.request('qm-send', work) : work();
}
