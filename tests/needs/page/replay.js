// Reads a trace, and prints what the live page knows after it: run by tests/needs/page.rs.

import { readFileSync } from 'node:fs';

import { apply, create } from './model.js';
import { sentence } from './words.js';

const model = create();
const records = readFileSync(0, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
for (const record of records) apply(model, record);
const words = records.filter(({ connection }) => connection !== undefined).map((record) => sentence(record));
console.log(JSON.stringify({
  counts: model.counts,
  open: [...model.connections.keys()],
  closed: model.closed.map(({ number, reason, received, sent }) => ({ number, reason, received, sent })),
  turns: model.turnCount,
  stopped: model.stopped,
  wordless: words.filter((text) => typeof text !== 'string' || !/^[A-Z]|^(recv|send|accept|shutdown)/.test(text)),
}));
