// Which of the open connections are found, and in which order. No document.

/** @typedef {import('./connection.js').Connection} Connection */

/** @type {Record<string, (a: Connection, b: Connection) => number>} */
export const ORDERS = {
  owed: (a, b) => b.owed - a.owed || b.event - a.event,
  age: (a, b) => a.number - b.number,
  bytes: (a, b) => (b.received + b.sent) - (a.received + a.sent) || a.number - b.number,
  acted: (a, b) => b.event - a.event,
};

/**
 * Those that a text finds: a number, a state, or a part of an address.
 * @param {Iterable<Connection>} connections
 * @param {string} text
 */
export function search(connections, text) {
  const wanted = text.trim().toLowerCase();
  const all = [...connections];
  if (wanted === '') return all;
  const bare = wanted.replace(/^#/, '');
  return all.filter(({ number: name, state, peer, owed }) => String(name) === bare
    || (!wanted.startsWith('#') && (state?.includes(wanted) || peer?.includes(wanted) || (wanted === 'stuck' && owed > 0))));
}
