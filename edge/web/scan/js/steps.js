// The steps of the trade, and what each needs besides the goods.
//
// `location` and `to` are `needed`, `default` (the gateway knows one) or absent. `asks` is what a
// person is asked after the scan. `choice` is a field offered as large keys; its first value holds
// until another is chosen.

export const STEPS = {
  receive: { label: 'Receive', past: 'received', location: 'default', where: 'at' },
  put_away: {
    label: 'Put away',
    past: 'put away',
    location: 'default',
    to: 'needed',
    where: 'to',
  },
  pick: { label: 'Pick', past: 'picked', location: 'needed', to: 'default', where: 'from' },
  pack: { label: 'Pack', past: 'packed', location: 'default', where: 'at' },
  ship: { label: 'Ship', past: 'shipped', location: 'default', where: 'from' },
  return: {
    label: 'Return',
    past: 'returned',
    location: 'default',
    where: 'at',
    choice: {
      field: 'disposition',
      label: 'Goods go to',
      options: [
        ['quarantine', 'Quarantine'],
        ['restock', 'Restock'],
        ['scrap', 'Scrap'],
      ],
    },
  },
  count: { label: 'Count', past: 'counted', location: 'needed', where: 'at', asks: ['quantity'] },
  move: { label: 'Move', past: 'moved', location: 'needed', to: 'needed', where: 'to' },
  adjust: {
    label: 'Adjust',
    past: 'adjusted',
    location: 'needed',
    where: 'at',
    asks: ['difference', 'reason'],
  },
  inspect: {
    label: 'Inspect',
    past: 'inspected',
    location: 'needed',
    where: 'at',
    asks: ['reason'],
    choice: {
      field: 'state',
      label: 'Goods become',
      options: [
        ['quarantined', 'Quarantined'],
        ['damaged', 'Scrap'],
        ['available', 'Released'],
      ],
    },
  },
};

/** The steps by which a task of the plan is worked on, the usual one first. */
export const STEPS_OF_TASK = {
  receive: ['receive'],
  put_away: ['put_away', 'move'],
  pick: ['pick'],
  pack: ['pack'],
  ship: ['ship'],
  transfer: ['ship', 'receive', 'move'],
  return: ['return'],
  count: ['count'],
  replenish: ['move'],
};

export const TASK_LABELS = {
  receive: 'Receive',
  put_away: 'Put away',
  pick: 'Pick',
  pack: 'Pack',
  ship: 'Ship',
  transfer: 'Transfer',
  return: 'Return',
  count: 'Count',
  replenish: 'Refill',
};

/** Which place the next location label names: the one tapped, else the first that is missing. */
export function slotFor(step, work) {
  const { location, to } = STEPS[step];
  if (work.slot) return work.slot;
  const needed = [location === 'needed' && 'location', to === 'needed' && 'to'].filter(Boolean);
  const missing = needed.find((slot) => !work[slot]);
  return missing ?? needed[0] ?? 'location';
}

/** The place that is missing before goods can be scanned; undefined when none is. */
export function missingSlot(step, work) {
  const { location, to } = STEPS[step];
  if (location === 'needed' && !work.location) return 'location';
  if (to === 'needed' && !work.to) return 'to';
  return undefined;
}

/** A place in a sentence. */
export function slotWords(step, slot) {
  if (slot === 'to') return 'the place that you put it to';
  return STEPS[step].to ? 'the place that you take it from' : 'the place where you are';
}

/** What a place is called at this step. */
export function slotLabel(step, slot) {
  if (slot === 'to') return 'To';
  return STEPS[step].to ? 'From' : 'At';
}

/** A step that has not been prepared yet. */
export const fresh = (step, task = null) => ({
  step,
  task,
  location: null,
  to: null,
  slot: null,
  sscc: null,
  quantity: 1,
  choice: null,
});
