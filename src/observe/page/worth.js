// Which events are worth a look: what goes another way than usual. The trace's summary in the terminal has the same.

const ALWAYS = new Set([
  'refused', 'penalty', 'stale', 'accept_paused', 'accept_resumed', 'requeued', 'deadline', 'lost',
]);
const CALLS = ['received', 'sent', 'shut_down'];
const USUAL_ENDS = ['done', 'stopped'];

/**
 * @param {import('./model.js').Event} record
 * @returns {boolean}
 */
export function isWorthALook({ event, error, bytes, offered, reason }) {
  if (CALLS.includes(event)) return error !== undefined || bytes < offered;
  if (event === 'closed') return !USUAL_ENDS.includes(reason);
  return ALWAYS.has(event);
}
