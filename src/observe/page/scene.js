// What the views are given: all that is drawn follows from it.

/**
 * @typedef {object} Scene
 * @property {import('./store.js').Store} store
 * @property {import('./model.js').Model} model what was known at the position
 * @property {number} position the number of the last event that is shown
 * @property {string} source
 * @property {number} now on the events' clock: when the position was, or how far the server is by now
 * @property {boolean} isRunning
 * @property {import('./samples.js').Second[]} seconds of the minute before
 * @property {Map<string, number>} totals
 * @property {boolean} isWhole whether these are since the server started
 * @property {Record<string, number>} unseen how many are open of whom the events tell nothing, by state
 * @property {number | null} chosen the connection that is looked at
 * @property {boolean} followsLast whether that is whoever acted last
 * @property {boolean} isGone whether the server is gone
 */

/**
 * What is known of a connection at a position, also if it was closed long ago.
 * @param {Pick<Scene, 'store' | 'model' | 'position'>} scene
 * @param {number | null | undefined} number
 * @returns {import('./connection.js').Connection | null}
 */
export function connectionAt({ store, model, position }, number) {
  if (number === null || number === undefined) return null;
  const known = model.connections.get(number) ?? model.closed.findLast((each) => each.number === number);
  if (known) return known;
  const events = store.eventsOf(number, position);
  const end = events.findLast((event) => ['closed', 'refused'].includes(store.record(event)?.event ?? ''));
  return end === undefined ? null : store.buried(end);
}
