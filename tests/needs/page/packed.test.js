// That a long trace is the same when the program has packed it: trace.jsonl and trace.html are from tests/needs/page.rs.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { readColumns } from './lines.js';
import { Store } from './store.js';
import { known } from './told.js';

const text = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');

test('each event, and what is known after it, is the same', () => {
  const [, packed] = /<script type="application\/gzip" id="trace">([^<]*)</.exec(text('trace.html'));
  const [lines, columns] = [new Store({ isRing: false }), new Store({ isRing: false })];
  lines.addLines(text('trace.jsonl'));
  columns.read = readColumns;
  columns.addLines(gunzipSync(Buffer.from(packed, 'base64')).toString());
  for (const { blocks } of [lines, columns]) assert.ok(blocks.length > 3, `there are ${blocks.length} blocks`);
  assert.deepEqual([columns.newest, columns.broken, lines.broken], [lines.newest, 0, 0]);
  for (let event = 1; event <= lines.newest; event += 1) {
    assert.deepEqual(columns.record(event), lines.record(event), `event ${event}`);
  }
  for (let event = 0; event <= lines.newest; event += 997) assert.deepEqual(known(columns, event), known(lines, event), `at ${event}`);
  assert.deepEqual(known(columns, lines.newest), known(lines, lines.newest));
  assert.deepEqual([columns.worth, columns.index.turns, columns.byConnection], [lines.worth, lines.index.turns, lines.byConnection]);
});
