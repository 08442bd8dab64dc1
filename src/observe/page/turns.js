// The turns that the page shows, out of all that it is told of: a few in a row, and what was left out
// between them.

const TURNS = 20;

// Turns that are shown: a burst, then a few in a row now and then.
const BURST = 16;
const PER_SECOND = 4;
const IN_A_ROW = 4;

/** What lets the first turns through. */
export const gate = () => ({ left: BURST, at: 0, shut: false });

/** The steps of a turn after the wait, in their order. */
export const STEPS = ['ready', 'queue', 'logins', 'accept', 'deadlines'];

/** The step that tells an event; in the queue are those who `requeued` before. */
export const STEP_OF = {
  ready: 'ready', stale: 'ready', login: 'logins', deadline: 'deadlines',
  accepted: 'accept', opened: 'accept', refused: 'accept',
};

/** The steps of a turn in which nothing has happened yet. */
export const noSteps = () => Object.fromEntries(STEPS.map((step) => [step, 0]));

/** Counts a record at the step of the turn that it belongs to. */
export function countStep(steps, { event, via }, connection) {
  // Behind a proxy it was accepted before.
  const step = via ? undefined : STEP_OF[event];
  if (step) steps[step] += 1;
  // A connection that has queued up has its next turn there, even if the kernel reports it before.
  if (connection?.queued && ['received', 'sent'].includes(event)) {
    steps.queue += 1;
    connection.queued = false;
  }
  if (event === 'requeued') connection.queued = true;
}

/** Whether a turn that begins now is one of those that are shown. */
export function isAdmitted(gate, time) {
  gate.left = Math.min(BURST, gate.left + Math.max(0, time - gate.at) * PER_SECOND);
  gate.at = time;
  // Single turns out of thousands would tell nothing: it opens again for a few in a row.
  if (gate.left >= IN_A_ROW) gate.shut = false;
  if (gate.left < 1) gate.shut = true;
  if (gate.shut) return false;
  gate.left -= 1;
  return true;
}

/** The turn is over: it is shown, or counted among those that are not. */
export function finish(model, took) {
  const turn = model.turn;
  model.turn = null;
  turn.took = took;
  for (const [step, count] of Object.entries(turn.steps)) {
    if (count > 0) model.steps[step] = { count, at: model.time };
  }
  if (turn.shown) {
    push(model, turn);
    return;
  }
  const gap = leaveOut(model);
  gap.turns += 1;
  gap.waited += turn.waited ?? 0;
  gap.worked += took ?? 0;
}

/** The gap at the end of what is shown. */
export function leaveOut(model) {
  const last = model.turns.at(-1);
  if (last?.isGap) return last;
  const gap = { isGap: true, id: `gap ${model.time}`, turns: 0, lost: 0, waited: 0, worked: 0 };
  push(model, gap);
  return gap;
}

function push(model, entry) {
  model.turns.push(entry);
  if (model.turns.length > TURNS) model.turns.shift();
}
