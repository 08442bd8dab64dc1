// What the live page makes of records, without a browser: run by tests/needs/page.rs.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { apply, choose, create, lose, measure, STATES } from './model.js';
import { boundOf, buckets, parse } from './totals.js';
import { call, quoted, sentence } from './words.js';

/** A model, and what tells it one record after the other, ten microseconds apart. */
function page() {
  const model = create();
  let time = 0;
  const wait = (seconds) => { time += seconds; };
  const tell = (record) => {
    wait(1e-5);
    apply(model, { time, ...record });
  };
  return { model, tell, wait };
}

function turn(tell, records) {
  tell({ event: 'turn', ready: 1 });
  records.forEach(tell);
  tell({ event: 'turn_end', took: 4e-5 });
  tell({ event: 'waiting', at_most: 10 });
}

const opened = (connection) => [
  { connection, event: 'opened', peer: '127.0.0.1:1', state: 'send_nonce' },
  { connection, event: 'sent', offered: 32, bytes: 32 },
  { connection, event: 'state', from: 'send_nonce', to: 'await_digest' },
];

const gauges = (open) => STATES.map((state) => `sockmodes_connections{state="${state}"} ${open[state] ?? 0}`).join('\n');

test('a connection goes from state to state and ends with its reason', () => {
  const { model, tell } = page();
  turn(tell, [...opened(1), ...opened(2)]);
  assert.equal(model.counts.await_digest, 2);
  turn(tell, [
    { connection: 2, event: 'received', bytes: 16 },
    { connection: 2, event: 'let_in', peer: '127.0.0.1:1' },
    { connection: 2, event: 'state', from: 'await_digest', to: 'serving' },
  ]);
  assert.deepEqual([model.counts.await_digest, model.counts.serving], [1, 1]);
  turn(tell, [
    { connection: 2, event: 'received', bytes: 0 },
    { connection: 2, event: 'state', from: 'serving', to: 'draining' },
    { connection: 2, event: 'state', from: 'draining', to: 'closed' },
    { connection: 2, event: 'closed', peer: '127.0.0.1:1', reason: 'done', let_in: true, received: 16, sent: 32 },
  ]);
  assert.deepEqual([...model.connections.keys()], [1]);
  assert.deepEqual(model.closed.map(({ number, reason, sent }) => [number, reason, sent]), [[2, 'done', 32]]);
  assert.ok('serving>draining' in model.ways && 'draining>closed' in model.ways);
  assert.ok(!('serving>closed' in model.ways));
});

test('a turn knows how long the sleep before it was, and what it did', () => {
  const { model, tell, wait } = page();
  turn(tell, opened(1));
  wait(1);
  turn(tell, [{ connection: 1, event: 'received', bytes: 5 }]);
  const [first, second] = model.turns;
  assert.equal(first.waited, null);
  assert.ok(Math.abs(second.waited - 1) < 1e-3);
  assert.deepEqual([first.steps.accept, second.steps.accept], [1, 0]);
  assert.equal(second.took, 4e-5);
});

test('who has queued up is counted at the queue once, with an edge or without', () => {
  const { model, tell } = page();
  const received = { connection: 1, event: 'received', bytes: 9 };
  turn(tell, [...opened(1), received, { connection: 1, event: 'requeued' }]);
  turn(tell, [{ connection: 1, event: 'ready', readable: true }, received, received, { connection: 1, event: 'requeued' }]);
  turn(tell, [received]);
  turn(tell, [received]);
  assert.deepEqual(model.turns.map(({ steps }) => steps.queue), [0, 1, 1, 0]);
});

test('whatever comes, what is kept is bounded, and what is left out is counted', () => {
  const { model, tell } = page();
  turn(tell, opened(1));
  for (let i = 0; i < 20_000; i += 1) turn(tell, [{ connection: 1, event: 'received', bytes: 1 }]);
  assert.ok(model.turns.length <= 20);
  const leftOut = model.turns.filter(({ isGap }) => isGap).reduce((sum, { turns }) => sum + turns, 0);
  assert.ok(leftOut > 19_000);
  assert.ok(model.connections.get(1).lines.length <= 40);
  for (let i = 2; i < 20_000; i += 1) tell({ connection: i, event: 'opened', peer: 'x', state: 'serving' });
  assert.equal(model.connections.size, 5000);
  assert.equal(model.counts.serving, 4999);
});

test('what was there before the page, or was not seen, is counted by the metrics', () => {
  const { model, tell } = page();
  turn(tell, opened(1));
  const text = gauges({ await_digest: 1, serving: 300 });
  // The first difference may be that the two were read at different moments; the second is none.
  measure(model, text, 1);
  measure(model, text, 2);
  assert.deepEqual([model.unseen.await_digest, model.unseen.serving], [0, 300]);
});

test('after a loss, who may have changed unseen is forgotten unless heard of again', () => {
  const { model, tell } = page();
  turn(tell, opened(1));
  for (const connection of [2, 3]) tell({ connection, event: 'opened', peer: 'x', state: 'serving' });
  lose(model, 77);
  assert.equal(model.lost, 77);
  assert.equal(model.counts.await_digest, 0);
  tell({ connection: 2, event: 'received', bytes: 3 });
  for (const at of [1, 2, 5, 6]) measure(model, gauges({ serving: 2 }), at);
  assert.deepEqual([...model.connections.keys()], [2]);
  assert.deepEqual([model.counts.serving, model.unseen.serving], [1, 1]);
});

test('who is open by the events and not by the metrics is dropped, the longest silent first', () => {
  const { model, tell } = page();
  for (const connection of [1, 2, 3]) tell({ connection, event: 'opened', peer: 'x', state: 'serving' });
  tell({ connection: 1, event: 'received', bytes: 3 });
  measure(model, gauges({ serving: 1 }), 1);
  // Once may be an accident.
  assert.equal(model.connections.size, 3);
  measure(model, gauges({ serving: 1 }), 2);
  assert.deepEqual([...model.connections.keys()], [1]);
  measure(model, gauges({ serving: 1 }), 3);
  assert.deepEqual([model.counts.serving, model.unseen.serving], [1, 0]);
});

test('after a loss, nobody who is gone stays, even if nothing happens any more', () => {
  const { model, tell } = page();
  tell({ connection: 1, event: 'opened', peer: 'x', state: 'serving' });
  lose(model, 10);
  for (const at of [1, 2, 3, 4, 5]) measure(model, gauges({}), at);
  assert.equal(model.counts.serving, 0);
});

test('after a loss it is not known what the loop does, until it says so', () => {
  const { model, tell } = page();
  tell({ event: 'waiting', at_most: null });
  tell({ event: 'turn', ready: 1 });
  lose(model, 3);
  assert.deepEqual([model.phase, model.turn], ['unknown', null]);
  tell({ event: 'waiting', at_most: null });
  assert.equal(model.phase, 'waiting');
});

test('where the server listens is known from the start, and says nothing of now', () => {
  const { model, tell } = page();
  tell({ event: 'listening', address: '[::1]:7' });
  tell({ event: 'listening', address: '127.0.0.1:8' });
  assert.deepEqual([model.address, model.events, model.time], ['[::1]:7', 0, 0]);
});

test('a turn in which the server begins to stop says so', () => {
  const { model, tell } = page();
  turn(tell, [{ event: 'draining', connections: 2 }]);
  assert.deepEqual(model.turns[0].records.map(call), ['draining: 2 open']);
});

test('a name that a peer gave can neither end its quotes nor go unseen', () => {
  const login = { connection: 1, event: 'login', result: 'failure' };
  assert.equal(quoted({ ...login, name: 'x" was checked: success.' }), '"x\\" was checked: success."');
  assert.equal(quoted({ ...login, name: '' }), '""');
  assert.ok(!sentence({ ...login, name: 'somebody' }).includes('somebody'));
  assert.equal(quoted({ connection: 1, event: 'deadline' }), '');
});

test('who is chosen is followed, even before anything is known of them', () => {
  const { model, tell } = page();
  choose(model, 7);
  tell({ connection: 7, event: 'sent', offered: 3, error: 'EAGAIN' });
  assert.equal(model.chosen.number, 7);
  assert.equal(model.chosen.lines.length, 1);
  assert.equal(model.connections.get(7), model.chosen);
});

test('a measurement is kept for a minute, with the time since the one before', () => {
  const { model } = page();
  for (const [at, turns] of [[1, 0], [3, 10], [3, 99], [64, 71]]) {
    measure(model, `sockmodes_loop_turns_total ${turns}`, at);
  }
  const [kept, ...others] = model.samples.map(({ at, span, rate }) => [at, span, rate]);
  assert.deepEqual([kept, others], [[64, 61, 1], []]);
});

test('a quantile of a histogram is the bound of its bucket', () => {
  const name = 'sockmodes_loop_turn_seconds_bucket';
  const lines = [['0.001', 90], ['0.01', 99], ['+Inf', 100]].map(([le, n]) => `${name}{le="${le}"} ${n}`);
  const all = buckets(parse(lines.join('\n')));
  assert.deepEqual(all.map(({ count }) => count), [90, 9, 1]);
  assert.deepEqual([boundOf(all, 0.5), boundOf(all, 0.99)], [0.001, 0.01]);
  assert.equal(boundOf([], 0.5), undefined);
});
