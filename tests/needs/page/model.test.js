// What the page makes of records, without a browser: run by tests/needs/page.rs.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Connection, reading } from './connection.js';
import { linesOf, select } from './selection.js';
import { quoted, sentence } from './sentences.js';
import { closed, opened, page } from './told.js';
import { boundOf, buckets, parse } from './totals.js';
import { asMetrics } from './tally.js';
import { wakes, wakesConnection } from './wake.js';
import { number, size } from './words.js';
import { isWorthALook } from './worth.js';

test('a connection goes from state to state and ends with its reason', () => {
  const { store, turn } = page();
  turn(...opened(1), ...opened(2));
  assert.equal(store.head.counts.await_digest, 2);
  turn(
    { connection: 2, event: 'received', bytes: 16, room: 4096 },
    { connection: 2, event: 'let_in', peer: '127.0.0.1:1' },
    { connection: 2, event: 'state', from: 'await_digest', to: 'serving' },
  );
  assert.deepEqual([store.head.counts.await_digest, store.head.counts.serving], [1, 1]);
  turn(
    { connection: 2, event: 'received', bytes: 0, room: 4096 },
    { connection: 2, event: 'state', from: 'serving', to: 'draining' },
    { connection: 2, event: 'state', from: 'draining', to: 'closed' },
    closed(2),
  );
  const { head } = store;
  assert.deepEqual([...head.connections.keys()], [1]);
  assert.deepEqual(head.closed.map((each) => [each.number, each.reason, each.sent]), [[2, 'done', 32]]);
  assert.ok('serving>draining' in head.ways && 'draining>closed' in head.ways);
  assert.ok(!('serving>closed' in head.ways));
});

test('what a connection owes is what the kernel did not take of what it was offered', () => {
  const { store, turn } = page();
  turn(...opened(1), { connection: 1, event: 'state', from: 'await_digest', to: 'serving' });
  const seen = () => {
    const { owed, writable, full } = store.head.connections.get(1);
    return [owed, writable, full, store.head.owed];
  };
  turn({ connection: 1, event: 'sent', offered: 100, bytes: 60 });
  assert.deepEqual(seen(), [40, false, true, 40]);
  assert.equal(reading(store.head.connections.get(1)).reads, false);
  assert.match(wakesConnection(store.head.connections.get(1), 0), /room for the 40 B/);
  turn({ connection: 1, event: 'sent', offered: 40, error: 'EAGAIN' });
  assert.deepEqual(seen(), [40, false, true, 40]);
  turn({ connection: 1, event: 'ready', readable: false, writable: true, read_closed: false });
  assert.deepEqual(seen(), [40, true, false, 40]);
  turn({ connection: 1, event: 'sent', offered: 40, bytes: 40 });
  assert.deepEqual(seen(), [0, true, false, 0]);
  assert.equal(reading(store.head.connections.get(1)).reads, true);
});

test('readiness is remembered as the loop remembers it', () => {
  const { store, turn } = page();
  turn(...opened(1));
  const edge = { connection: 1, event: 'ready', readable: true, writable: false, read_closed: false };
  const readable = () => store.head.connections.get(1).readable;
  for (const [record, then] of [
    [{ bytes: 64, room: 64 }, true], [{ bytes: 63, room: 64 }, false], [{ error: 'EAGAIN', room: 64 }, false],
    [{ bytes: 0, room: 64 }, false],
  ]) {
    turn(edge, { connection: 1, event: 'received', ...record });
    assert.equal(readable(), then, JSON.stringify(record));
  }
  // With the end in sight, a short read says nothing.
  turn({ ...edge, read_closed: true }, { connection: 1, event: 'received', bytes: 5, room: 64 });
  assert.equal(readable(), true);
});

test('a copy of a connection is the same in all but whose it is', () => {
  const connection = new Connection(1, 2, 3);
  for (const [i, field] of Object.keys(connection).entries()) connection[field] = `${field} ${i}`;
  assert.deepEqual({ ...connection.copy(7) }, { ...connection, epoch: 7 });
});

test('a deadline runs until it is moved, removed, or over', () => {
  const { store, turn } = page();
  turn(...opened(1), { connection: 1, event: 'timer', kind: 'handshake', until: 10 });
  assert.match(wakesConnection(store.head.connections.get(1), 4), /handshake's deadline, in 6 s/);
  turn({ connection: 1, event: 'deadline' });
  assert.equal(store.head.connections.get(1).timer, null);
  turn({ connection: 1, event: 'timer', kind: 'idle', until: 20 }, { connection: 1, event: 'timer', kind: null, until: null });
  assert.equal(store.head.connections.get(1).timer, null);
});

test('a login is with a worker until its verdict comes, and a sleep then is no idleness', () => {
  const { store, turn, wait } = page();
  turn(...opened(1), { connection: 1, event: 'state', from: 'await_digest', to: 'verifying' }, { connection: 1, event: 'submitted' });
  assert.equal(store.head.atWorkers, 1);
  assert.equal(store.head.stepsBefore.submit, 1);
  wait(0.1);
  turn({ connection: 1, event: 'login', name: 'eva', result: 'failure' });
  assert.equal(store.head.atWorkers, 0);
  assert.match(wakesConnection(store.head.connections.get(1), 0), /^It has its turn now/);
  assert.deepEqual(store.index.turns.map(({ hashing }) => hashing), [0, 1]);
  // A check that could not be made ends the connection, without a verdict.
  turn({ connection: 1, event: 'submitted' }, { connection: 1, event: 'state', from: 'verifying', to: 'ending' });
  assert.equal(store.head.atWorkers, 0);
  turn({ connection: 1, event: 'submitted' }, closed(1, 'reset'));
  assert.equal(store.head.atWorkers, 0);
});

test('a turn knows how long the sleep before it was, and what it did', () => {
  const { store, turn, wait } = page();
  turn(...opened(1));
  wait(1);
  turn({ connection: 1, event: 'received', bytes: 5, room: 4096 });
  const [first, second] = store.index.turns;
  assert.equal(first.waited, null);
  assert.ok(Math.abs(second.waited - 1) < 1e-3);
  assert.equal(second.took, 4e-5);
  assert.equal(store.at(first.last).stepsBefore.accept, 1);
  assert.equal(store.at(second.last).stepsBefore.accept, 0);
});

test('who has queued up is counted at the queue once, with an edge or without', () => {
  const { store, turn } = page();
  const received = { connection: 1, event: 'received', bytes: 9, room: 9 };
  turn(...opened(1), received, { connection: 1, event: 'requeued' });
  turn({ connection: 1, event: 'ready', readable: true }, received, received, { connection: 1, event: 'requeued' });
  turn(received);
  turn(received);
  assert.deepEqual(store.index.turns.map(({ last }) => store.at(last).stepsBefore.queue), [0, 1, 1, 0]);
});

test('what is worth a look is always drawn, and what is left out is counted', () => {
  const { store, turn } = page();
  turn(...opened(1));
  for (let i = 0; i < 50; i += 1) turn({ connection: 1, event: 'received', bytes: 1, room: 9 });
  turn({ connection: 1, event: 'sent', offered: 262144, bytes: 159797 });
  for (let i = 0; i < 500; i += 1) turn({ connection: 1, event: 'received', bytes: 1, room: 9 });
  const drawn = select(store, store.newest);
  assert.deepEqual(drawn.map(({ turn: { number: name } }) => name), [52, 549, 550, 551, 552]);
  assert.deepEqual(drawn.map(({ gap }) => gap?.turns ?? 0), [51, 496, 0, 0, 0]);
  assert.equal(drawn.reduce((sum, { gap }) => sum + (gap?.turns ?? 0), 0) + drawn.length, 552);
});

test('of the turns worth a look, those that are left out are counted as such', () => {
  const { store, turn } = page();
  for (let i = 0; i < 100; i += 1) {
    turn({ connection: 1, event: 'requeued' });
    turn();
  }
  const drawn = select(store, store.newest);
  const leftOut = drawn.reduce((sum, { gap }) => sum + (gap?.worth ?? 0), 0);
  assert.equal(drawn.filter(({ turn: { worth } }) => worth).length + leftOut, 100);
  assert.equal(drawn.length, 14);
});

test('of a long turn, the lines that are drawn have what is worth a look, and where we are', () => {
  const { store, turn } = page();
  const usual = { connection: 1, event: 'received', bytes: 1, room: 9 };
  turn(...Array(30).fill(usual), { connection: 1, event: 'sent', offered: 9, error: 'EAGAIN' }, ...Array(30).fill(usual));
  const [only] = store.index.turns;
  const { events, more } = linesOf(store, only, 50);
  assert.ok(events.includes(50) && events.includes(32));
  assert.equal(events.length + more, 49);
  assert.equal(linesOf(store, only, store.newest).more, 55);
});

test('worth a look is what is not the usual', () => {
  const yes = [
    { event: 'sent', offered: 9, bytes: 8 }, { event: 'sent', offered: 9, error: 'EAGAIN' }, { event: 'received', error: 'EIO' },
    { event: 'shut_down', error: 'ENOTCONN' }, { event: 'closed', reason: 'reset' }, { event: 'lost', lines: 3 },
    ...['refused', 'penalty', 'stale', 'accept_paused', 'accept_resumed', 'requeued', 'deadline'].map((event) => ({ event })),
  ];
  const no = [
    { event: 'sent', offered: 9, bytes: 9 }, { event: 'received', bytes: 0 }, { event: 'shut_down', bytes: 0 },
    { event: 'closed', reason: 'done' }, { event: 'closed', reason: 'stopped' }, { event: 'turn' }, { event: 'accept_failed', errno: 'EAGAIN' },
  ];
  for (const record of yes) assert.ok(isWorthALook(record), JSON.stringify(record));
  for (const record of no) assert.ok(!isWorthALook(record), JSON.stringify(record));
});

test('after a loss it is not known what the loop does, until it says so', () => {
  const { store, tell } = page();
  tell({ event: 'waiting', at_most: null }, { event: 'turn', ready: 1 }, { event: 'lost', lines: 3 });
  assert.deepEqual([store.head.phase, store.head.inTurn, store.head.lost], ['unknown', false, 3]);
  tell({ event: 'waiting', at_most: null });
  assert.equal(store.head.phase, 'waiting');
});

test('what was open before anybody looked is told first, and counts as no new connection', () => {
  const { store, tell, turn } = page();
  tell({ event: 'listening', address: '[::1]:7', max_buffer: 5 }, { event: 'listening', address: '127.0.0.1:8', max_buffer: 5 });
  tell({ connection: 3, event: 'opened', peer: 'x', state: 'serving' }, { connection: 3, event: 'let_in', peer: 'x' });
  assert.deepEqual([store.head.address, store.head.maxBuffer, store.head.turns], ['[::1]:7', 5, 0]);
  const { whole, letIn, state } = store.head.connections.get(3);
  assert.deepEqual([whole, letIn, state], [false, true, 'serving']);
  turn(...opened(4));
  assert.equal(store.head.connections.get(4).whole, true);
  assert.deepEqual([store.head.tally.connections, store.head.tally.letIn], [1, 0]);
});

test('a name that a peer gave can neither end its quotes nor go unseen', () => {
  const login = { connection: 1, event: 'login', result: 'failure' };
  assert.equal(quoted({ ...login, name: 'x" was checked: success.' }), '"x\\" was checked: success."');
  assert.equal(quoted({ ...login, name: '' }), '""');
  assert.ok(!sentence({ ...login, name: 'somebody' }).includes('somebody'));
  assert.equal(quoted({ connection: 1, event: 'deadline' }), '');
});

test('who waits in the queue is woken by no edge, and a sleeping loop by whoever is ready', () => {
  const { store, turn } = page();
  turn(...opened(1), { connection: 1, event: 'requeued' });
  assert.match(wakesConnection(store.head.connections.get(1), 0), /^No edge will/);
  assert.match(wakes(store.head, { event: 'waiting', at_most: null }, null), /becomes ready/);
});

test('a quantile of a histogram is the bound of its bucket', () => {
  const name = 'sockmodes_loop_turn_seconds_bucket';
  const lines = [['0.001', 90], ['0.01', 99], ['+Inf', 100]].map(([le, n]) => `${name}{le="${le}"} ${n}`);
  const all = buckets(parse(lines.join('\n')));
  assert.deepEqual(all.map(({ count }) => count), [90, 9, 1]);
  assert.deepEqual([boundOf(all, 0.5), boundOf(all, 0.99)], [0.001, 0.01]);
  assert.equal(boundOf([], 0.5), undefined);
});

test('what events add up to has the names of the metrics', () => {
  const { store, turn } = page();
  turn(...opened(1), closed(1, 'reset'));
  const totals = asMetrics(store.head.tally);
  assert.equal(totals.get('sockmodes_connections_total'), 1);
  assert.equal(totals.get('sockmodes_closed_total{reason="reset"}'), 1);
  assert.deepEqual(buckets(totals).filter(({ count }) => count > 0).map(({ bound }) => bound), [64e-6]);
});

test('large numbers stay short enough to be read', () => {
  assert.deepEqual([size(9999), size(262144), size(4.5 * 1024 ** 2)], ['9,999 B', '256 KiB', '4.5 MiB']);
  assert.equal(number(1234567), '1,234,567');
});
