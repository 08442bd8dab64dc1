// What the tests tell a store: records one after the other, ten microseconds apart.

import { Store } from './store.js';

/** A store, what tells it records, and what lets time pass. */
export function page(options = { isRing: true }) {
  const store = new Store(options);
  let time = 0;
  const wait = (seconds) => { time += seconds; };
  const tell = (...records) => {
    for (const record of records) {
      wait(1e-5);
      store.add([{ time, ...record }]);
    }
  };
  const turn = (...records) => {
    tell({ event: 'turn', ready: 1 }, ...records, { event: 'turn_end', took: 4e-5 }, { event: 'waiting', at_most: 10 });
  };
  return { store, tell, turn, wait };
}

/** A connection comes, and its nonce goes out. */
export const opened = (connection) => [
  { connection, event: 'opened', peer: '127.0.0.1:1', state: 'send_nonce' },
  { connection, event: 'sent', offered: 32, bytes: 32 },
  { connection, event: 'state', from: 'send_nonce', to: 'await_digest' },
];

/** It is over. */
export const closed = (connection, reason = 'done') => ({
  connection, event: 'closed', peer: '127.0.0.1:1', reason, let_in: true, received: 16, sent: 32, cut_off: false,
});

/** All that is known at a position, as plain data that can be compared. */
export function known(store, position) {
  const { epoch, connections, closed: over, ...rest } = store.at(position);
  const plain = ({ epoch: whose, ...connection }) => connection;
  return structuredClone({ ...rest, open: [...connections.values()].map(plain), over: over.map(plain) });
}
