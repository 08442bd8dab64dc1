// What events add up to, under the names that the metrics have for it.

const SHORTEST = 1e-6; // the first bound of the histogram, in seconds; each is four times the one before
const BOUNDS = 10;

/** @typedef {ReturnType<typeof tally>} Tally */

/** Nothing so far. */
export function tally() {
  return {
    connections: 0, letIn: 0, received: 0, sent: 0, turns: 0, worked: 0, success: 0, failure: 0,
    /** @type {Record<string, number>} */
    closed: {}, turnsUpTo: Array(BOUNDS + 1).fill(0),
  };
}

/**
 * @param {Tally} sums
 * @returns {Tally}
 */
export const copyOf = (sums) => ({ ...sums, closed: { ...sums.closed }, turnsUpTo: [...sums.turnsUpTo] });

/**
 * Adds a record. What is told in no turn is how things stood before.
 * @param {Tally} sums
 * @param {import('./model.js').Event} record
 * @param {boolean} inTurn
 */
export function count(sums, record, inTurn) {
  switch (record.event) {
    case 'received': sums.received += record.bytes ?? 0; break;
    case 'sent': sums.sent += record.bytes ?? 0; break;
    case 'turn': sums.turns += 1; break;
    case 'turn_end': sums.worked += record.took; sums.turnsUpTo[bucket(record.took)] += 1; break;
    case 'accepted': sums.connections += Number(inTurn); break;
    case 'opened': sums.connections += Number(inTurn && !record.via); break;
    case 'let_in': sums.letIn += Number(inTurn); break;
    case 'login': sums[record.result] += 1; break;
    case 'refused': sums.connections += 1; add(sums.closed, record.reason); break;
    case 'closed': add(sums.closed, record.reason); break;
    default:
  }
}

function add(sums, key) {
  sums[key] = (sums[key] ?? 0) + 1;
}

function bucket(took) {
  let i = 0;
  for (let bound = SHORTEST; i < BOUNDS && took > bound; bound *= 4) i += 1;
  return i;
}

/**
 * The same as samples of the metrics, by name with labels.
 * @param {Tally} sums
 * @returns {Map<string, number>}
 */
export function asMetrics(sums) {
  const metrics = new Map([
    ['sockmodes_connections_total', sums.connections],
    ['sockmodes_authenticated_total', sums.letIn],
    ['sockmodes_received_bytes_total', sums.received],
    ['sockmodes_sent_bytes_total', sums.sent],
    ['sockmodes_loop_turns_total', sums.turns],
    ['sockmodes_loop_turn_seconds_sum', sums.worked],
    ['sockmodes_logins_total{result="success"}', sums.success],
    ['sockmodes_logins_total{result="failure"}', sums.failure],
  ]);
  for (const [reason, closed] of Object.entries(sums.closed)) {
    metrics.set(`sockmodes_closed_total{reason="${reason}"}`, closed);
  }
  let below = 0;
  sums.turnsUpTo.forEach((turns, i) => {
    below += turns;
    const bound = i < BOUNDS ? SHORTEST * 4 ** i : '+Inf';
    metrics.set(`sockmodes_loop_turn_seconds_bucket{le="${bound}"}`, below);
  });
  return metrics;
}
