// Which events are worth a look: what goes another way than usual. The trace's summary in the terminal has the same.

const ALWAYS = new Set([
  'refused', 'penalty', 'stale', 'accept_paused', 'accept_resumed', 'requeued', 'deadline', 'lost',
]);
const CALLS = new Set(['received', 'sent', 'shut_down']);
const USUAL_ENDS = ['done', 'stopped'];

/**
 * @param {import('./model.js').Event} record
 * @returns {boolean}
 */
export function isWorthALook(record) {
  const { event } = record;
  if (CALLS.has(event)) return record.error !== undefined || record.bytes < record.offered;
  if (event === 'closed') return !USUAL_ENDS.includes(record.reason);
  return ALWAYS.has(event);
}
