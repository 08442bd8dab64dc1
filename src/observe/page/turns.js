// The turns of the loop: what each step of one had to do, and an index of all that are kept.

/** The steps of a turn after the wait, in their order. */
export const STEPS = ['ready', 'queue', 'logins', 'accept', 'deadlines', 'submit'];

/**
 * The step that tells an event; in the queue are those who `requeued` before.
 * @type {Record<string, string>}
 */
export const STEP_OF = {
  ready: 'ready', stale: 'ready', login: 'logins', deadline: 'deadlines',
  accepted: 'accept', opened: 'accept', refused: 'accept', submitted: 'submit',
};

const STEPS_OF = new Map(Object.entries(STEP_OF));

/**
 * The steps of a turn in which nothing has happened yet.
 * @returns {Record<string, number>}
 */
export const noSteps = () => ({ ready: 0, queue: 0, logins: 0, accept: 0, deadlines: 0, submit: 0 });

/**
 * Counts a record at the step of the turn that it belongs to.
 * @param {ReturnType<typeof noSteps>} steps
 * @param {import('./model.js').Event} record
 */
export function countStep(steps, { event, via }) {
  // Behind a proxy it was accepted before.
  const step = STEPS_OF.get(event);
  if (step && !via) steps[step] += 1;
}

/**
 * @typedef {object} Turn
 * @property {number} first the number of its first event
 * @property {number} last the number of its last one so far
 * @property {number} number of the turn, counted like the events
 * @property {number} time when it began
 * @property {number} ready
 * @property {number | null} waited in seconds, if the wait before it was seen
 * @property {number | null} took in seconds, once it is over
 * @property {number} hashing how many workers were at work during the wait
 * @property {boolean} worth whether something in it is worth a look
 * @property {number} waitedBefore all waits before it, in seconds
 * @property {number} tookBefore
 * @property {number} lostBefore events that are missing before it
 */

/** An index of turns, filled as events come and emptied from the front. */
export function turnIndex() {
  /** @type {Turn[]} */
  const turns = [];
  /** @type {Turn[]} */
  const worth = [];
  let waitedBefore = 0;
  let tookBefore = 0;
  /** @type {Turn | null} */
  let open = null;
  let lostBefore = 0;

  function begin(model, { time, ready }, asleepSince) {
    const waited = asleepSince === null ? null : time - asleepSince;
    open = {
      first: model.event, last: model.event, number: model.turns, time, ready, waited, took: null,
      hashing: model.atWorkers, worth: false, waitedBefore, tookBefore, lostBefore,
    };
    waitedBefore += waited ?? 0;
    turns.push(open);
  }

  return {
    turns, worth,
    /** Takes note of a record that the model has just taken in. */
    note(model, record, isWorth, asleepSince) {
      if (record.event === 'turn') begin(model, record, asleepSince);
      if (record.event === 'lost') lostBefore += record.lines;
      if (!open) return;
      if (isWorth && !open.worth) {
        open.worth = true;
        worth.push(open);
      }
      if (record.event === 'waiting' || record.event === 'lost') open = null;
      else open.last = model.event;
      if (record.event !== 'turn_end' || !open) return;
      open.took = record.took;
      tookBefore += record.took;
      open = null;
    },
    /** Forgets those that end before an event. */
    dropBefore(event) {
      turns.splice(0, place(turns, event));
      worth.splice(0, place(worth, event));
    },
  };
}

const place = (turns, event) => firstWhere(turns.length, (i) => turns[i].last >= event);

/**
 * The first of so many for which something holds, if it then holds for all that follow.
 * @param {number} length
 * @param {(i: number) => boolean} holds
 */
export function firstWhere(length, holds) {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
