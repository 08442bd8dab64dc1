// Reads a trace, and prints what the page knows after it: run by tests/needs/page.rs.

import { readFileSync } from 'node:fs';

import { sentence } from './sentences.js';
import { Store } from './store.js';

const store = new Store({ isRing: false });
store.addLines(readFileSync(0, 'utf8'));
const { head } = store;
const records = Array.from({ length: store.newest }, (_, i) => store.record(i + 1));
console.log(JSON.stringify({
  counts: head.counts,
  open: [...head.connections.keys()],
  owed: head.owed,
  closed: head.closed.map(({ number, reason, received, sent }) => ({ number, reason, received, sent })),
  deadlines: records.filter(({ event }) => event === 'timer').map(({ connection, kind }) => [connection, kind]),
  maxBuffer: head.maxBuffer,
  turns: head.turns,
  stopped: head.stopped,
  broken: store.broken,
  wordless: records.map((record) => sentence(record)).filter((text) => !/^([A-Z]|recv|send|accept|shutdown|epoll_wait|\d)/.test(text ?? '')),
}));
