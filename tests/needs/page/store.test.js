// The past that the page keeps: that each position is what it was when it was first seen, and what falls out.
// Run by tests/needs/page.rs.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ORDERS, search } from './crowd_order.js';
import { readColumns } from './lines.js';
import { look, minute, noLooks, reconcile, totalsAt, unseen } from './samples.js';
import { connectionAt } from './scene.js';
import { linesOf, select } from './selection.js';
import { call, CALLS, sentence } from './sentences.js';
import { STATES } from './model.js';
import { read } from './source_trace.js';
import { closed, known, opened, page } from './told.js';
import { wakes } from './wake.js';

/** A past of so many turns, in which connections come, are stuck, and go. */
function past(turns, options) {
  const told = page(options);
  for (let i = 1; i <= turns; i += 1) {
    told.turn(
      ...opened(i),
      { connection: i, event: 'received', bytes: 9, room: 9 },
      { connection: i, event: 'sent', offered: 90, bytes: i % 7 === 0 ? 20 : 90 },
      ...(i > 40 ? [closed(i - 40, i % 11 === 0 ? 'reset' : 'done')] : []),
    );
  }
  return told;
}

test('whichever way a position is reached, it shows what it showed when it was the newest', () => {
  const { store, turn } = page({ isRing: false });
  const first = [];
  for (let i = 1; i <= 1300; i += 1) {
    turn(...opened(i), { connection: i, event: 'sent', offered: 9, bytes: i % 9 }, ...(i > 20 ? [closed(i - 20)] : []));
    first[store.newest] = known(store, store.newest);
  }
  assert.ok(store.blocks.length > 2, 'there are checkpoints');
  const seen = Object.keys(first).map(Number);
  const ways = [[...seen], [...seen].reverse(), seen.map((_, i) => seen[(i * 7919) % seen.length])];
  for (const way of ways) {
    for (const position of way) assert.deepEqual(known(store, position), first[position], `at ${position}`);
  }
});

test('a store that is emptied is as new', () => {
  const { store } = past(2000, { isRing: true });
  store.restart();
  store.clear();
  assert.deepEqual([store.first, store.newest, store.broken, store.worth.length, store.byConnection.size], [1, 0, 0, 0, 0]);
  assert.deepEqual([store.head.connections.size, store.index.turns.length, store.seams.length, store.isRing], [0, 0, 0, true]);
});

test('before the first event nothing is known', () => {
  const { store } = past(3, { isRing: false });
  assert.equal(store.at(0).turns, 0);
  assert.equal(store.at(0).connections.size, 0);
  assert.equal(store.record(0), undefined);
});

test('of a stream the newest hundred thousand are kept with their numbers, and what fell out is known', () => {
  const { store } = past(20_000, { isRing: true });
  const kept = store.newest - store.first + 1;
  assert.ok(kept >= 100_000 && kept <= 140_000, `${kept} are kept`);
  assert.ok(store.first > 1 && store.worth[0] >= store.first && store.index.turns[0].last >= store.first);
  assert.ok(store.byConnection.size < 20_000);
  const all = past(20_000, { isRing: false }).store;
  for (const position of [store.first, store.first + 5000, store.newest - 1]) {
    assert.deepEqual(known(store, position), known(all, position));
    assert.deepEqual(store.record(position), all.record(position));
  }
});

test('the lines of a trace are read as its records, and a broken one is counted', () => {
  const told = past(1200, { isRing: false }).store;
  const { store } = page({ isRing: false });
  for (let event = 1; event <= told.newest; event += 1) store.addLines(`${JSON.stringify(told.record(event))}\n`);
  for (const line of ['{"time":1', '', 'nonsense', '[]', 'null', '{"event":7}', '{"event":"ready","connection":"1"}', '{"event":"ready","time":"1"}']) store.addLines(`${line}\n`);
  assert.deepEqual([store.newest, store.broken], [told.newest, 7]);
  for (const position of [1, 4096, 4097, 5000, told.newest]) {
    assert.deepEqual(known(store, position), known(told, position));
    assert.deepEqual(store.record(position), told.record(position));
  }
});

test('wherever a trace is cut, it is read as one', async () => {
  const told = past(900, { isRing: false }).store;
  const lines = Array.from({ length: told.newest }, (_, i) => JSON.stringify(told.record(i + 1)));
  // Broken ones on either side of where a block ends, blank ones, and a last one without its line feed.
  lines.splice(4097, 0, '', '{"time":');
  lines.splice(4094, 0, 'nonsense', ' ');
  const text = ['{}', ...lines].join('\n');
  const events = [0, 1, 4095, 4096, 4097, told.newest];
  const wanted = events.map((event) => [told.record(event), known(told, event)]);
  for (const most of [19, 4096, text.length]) {
    const { store } = page({ isRing: false });
    await read(store, cut(text, most));
    assert.deepEqual([store.newest, store.broken], [told.newest, 3], `pieces of ${most}`);
    const seen = events.map((event) => [store.record(event), known(store, event)]);
    assert.deepEqual(seen, wanted, `pieces of ${most}`);
  }
});

/** Records as `sockmodes trace --html` packs them. */
function columns(records) {
  const order = [];
  const kinds = [];
  for (const record of records) {
    let kind = kinds.findIndex(([first]) => first.event === record.event && String(Object.keys(first)) === String(Object.keys(record)));
    if (kind < 0) kind = kinds.push([record, Object.fromEntries(Object.keys(record).map((field) => [field, []]))]) - 1;
    order.push(kind);
    for (const [field, value] of Object.entries(record)) kinds[kind][1][field].push(value);
  }
  for (const [, fields] of kinds) {
    for (const [field, values] of Object.entries(fields)) if (new Set(values).size === 1) delete fields[field];
  }
  return `${JSON.stringify({ order, kinds })}\n`;
}

test('packed by columns, a trace is what it was by lines', async () => {
  const told = past(1700, { isRing: false }).store;
  const records = Array.from({ length: told.newest }, (_, i) => told.record(i + 1));
  // What the page can't go by, though the program can: it is counted.
  records.splice(4000, 0, { event: 'turn', time: 'noon' }, { event: 'ready', time: 1, connection: 2 ** 60 });
  for (const most of [1, 1000, 4096, records.length]) {
    const { store } = page({ isRing: false });
    store.read = readColumns;
    const parts = [];
    for (let at = 0; at < records.length; at += most) parts.push(columns(records.slice(at, at + most)));
    await read(store, cut(parts.join(''), 1 << 16));
    assert.deepEqual([store.newest, store.broken], [told.newest, 2], `by ${most}`);
    for (const event of [0, 1, 1000, 1001, 4000, 4001, 4095, 4096, 4097, 8200, told.newest]) {
      assert.deepEqual(known(store, event), known(told, event), `at ${event}, by ${most}`);
      assert.deepEqual(store.record(event), told.record(event), `event ${event}, by ${most}`);
    }
  }
});

async function* cut(text, most) {
  for (let at = 0; at < text.length; at += most) yield text.slice(at, at + most);
}

test('whatever the fields of a line hold, it is shown somehow', () => {
  const events = [...Object.keys(CALLS), 'constructor', '__proto__', 'of no kind'];
  const values = [null, 0, -1, 1e308, '', 'x', '__proto__', {}, [], true];
  const fields = ['time', 'connection', 'bytes', 'error', 'offered', 'room', 'state', 'from', 'to', 'reason', 'peer', 'via',
    'took', 'ready', 'at_most', 'kind', 'until', 'result', 'name', 'lines', 'address', 'seconds', 'connections'];
  const { store } = page({ isRing: false });
  let random = 1;
  const below = (most) => {
    random = (random * 1103515245 + 12345) % 2147483648;
    return Math.floor(random / 2147483648 * most);
  };
  for (let i = 0; i < 80; i += 1) {
    const before = store.newest;
    store.addLines(Array.from({ length: 100 }, () => {
      const record = Object.fromEntries(fields.filter(() => below(2)).map((field) => [field, values[below(values.length)]]));
      return `${JSON.stringify({ ...record, event: events[below(events.length)] })}\n`;
    }).join(''));
    for (let event = before + 1; event <= store.newest; event += 1) {
      const told = store.record(event);
      const words = [call(told), sentence(told), wakes(store.head, told, store.head.connections.get(told.connection) ?? null)];
      for (const text of words) assert.equal(typeof text, 'string', JSON.stringify(told));
    }
  }
  for (const position of [0, 1, 999, store.newest]) {
    const model = store.at(position);
    for (const { turn } of select(store, position)) linesOf(store, turn, position);
    assert.equal(minute(store, model, 1).length, 60);
  }
  assert.ok(store.newest > 1000 && store.newest + store.broken === 8000);
});

test('a connection that ended long ago is still known, with its lines', () => {
  const { store } = past(1200, { isRing: false });
  const position = store.newest;
  const scene = { store, model: store.at(position), position };
  const { state, reason } = connectionAt(scene, 15);
  assert.deepEqual([state, reason], ['closed', 'reset']);
  assert.equal(store.eventsOf(15, position).length, 6);
  assert.equal(connectionAt(scene, 999_999), null);
});

test('another server begins anew, and its connections are not taken for those of the one before', () => {
  const { store, turn } = page();
  turn(...opened(1), ...opened(2));
  const before = store.newest;
  const last = known(store, before);
  store.restart();
  assert.deepEqual(known(store, before), last, 'it has not said anything yet');
  turn(...opened(1));
  assert.deepEqual(known(store, before), last);
  assert.deepEqual([...store.head.connections.keys()], [1]);
  assert.equal(store.eventsOf(1, store.newest)[0], before + 2);
  assert.equal(store.eventsOf(1, before)[0], 2);
  assert.equal(store.at(before - 1).connections.size, 2);
  assert.equal(store.head.turns, 2);
});

const gauges = (open) => STATES.map((state) => `sockmodes_connections{state="${state}"} ${open[state] ?? 0}`).join('\n');

test('who is open by the events and not by the metrics is dropped, the longest silent first', () => {
  const { store, tell } = page();
  const looks = noLooks();
  for (const connection of [1, 2, 3]) tell({ connection, event: 'opened', peer: 'x', state: 'serving' });
  tell({ connection: 1, event: 'received', bytes: 3, room: 9 });
  look(looks, store, gauges({ serving: 3 }), 1, true);
  look(looks, store, gauges({ serving: 1 }), 2, true);
  // Once may be an accident.
  assert.deepEqual(reconcile(looks.samples, store), []);
  look(looks, store, gauges({ serving: 1 }), 3, true);
  store.forget(reconcile(looks.samples, store));
  assert.deepEqual([...store.head.connections.keys()], [1]);
  // It stays so, whenever this position is looked at again.
  const here = store.newest;
  tell({ event: 'alive' });
  assert.deepEqual([...store.at(here).connections.keys()], [1]);
  assert.equal(store.at(here - 1).connections.size, 3);
});

test('after a loss, who is not heard of again is forgotten, and those who are open still are counted', () => {
  const { store, tell } = page();
  const looks = noLooks();
  for (const connection of [1, 2]) tell({ connection, event: 'opened', peer: 'x', state: 'serving' });
  tell({ event: 'lost', lines: 77 }, { connection: 2, event: 'received', bytes: 3, room: 9 });
  for (const at of [1, 2, 3, 4, 5]) {
    look(looks, store, gauges({ serving: 2 }), at, true);
    store.forget(reconcile(looks.samples, store));
  }
  assert.deepEqual([...store.head.connections.keys()], [2]);
  for (const at of [6, 7]) look(looks, store, gauges({ serving: 2 }), at, true);
  assert.equal(unseen(looks.samples, store.newest).serving, 1);
});

test('the totals at a position are what was before the page, and what the events add up to until there', () => {
  const { store, turn, tell } = page();
  const looks = noLooks();
  const turns = (position) => totalsAt(looks, store, store.at(position)).totals.get('sockmodes_loop_turns_total');
  const say = (count, at, isQuiet) => look(looks, store, `sockmodes_loop_turns_total ${count}`, at, isQuiet);
  turn();
  assert.equal(totalsAt(looks, store, store.head).isWhole, false);
  say(101, 1, false);
  turn();
  const second = store.newest;
  assert.deepEqual([turns(1), turns(3), turns(second)], [101, 101, 102]);
  // What was asked for while something happened may be from before it.
  say(101, 2, false);
  assert.equal(turns(second), 102);
  say(103, 3, true);
  turn();
  assert.deepEqual([turns(3), turns(store.newest)], [101, 104]);
  tell({ event: 'lost', lines: 9 });
  say(200, 4, false);
  assert.deepEqual([turns(store.newest - 1), turns(store.newest)], [104, 200]);
});

test('another server counts from nothing', () => {
  const { store, turn } = page();
  const looks = noLooks();
  turn();
  look(looks, store, 'sockmodes_loop_turns_total 500', 1, true);
  store.restart();
  turn();
  look(looks, store, 'sockmodes_loop_turns_total 1', 2, true);
  const turns = (position) => totalsAt(looks, store, store.at(position)).totals.get('sockmodes_loop_turns_total');
  assert.deepEqual([turns(3), turns(4), turns(store.newest)], [500, 1, 1]);
});

test('the events say how many turns there were in each second', () => {
  const { store, turn, wait } = page({ isRing: false });
  for (const turns of [3, 0, 2]) {
    for (let i = 0; i < turns; i += 1) turn();
    wait(1);
  }
  const seconds = minute(store, store.head, 3).slice(-3);
  assert.deepEqual(seconds.map(({ rate }) => rate), [3, 0, 2]);
  assert.ok(Math.abs(seconds[0].share - 12e-5) < 1e-9);
});

test('of a thousand connections, those are found that are looked for, in the order that is asked for', () => {
  const { store, tell } = page();
  for (let connection = 1; connection <= 1000; connection += 1) {
    tell({ connection, event: 'opened', peer: `10.0.0.${connection % 250}:9`, state: 'serving' });
  }
  tell({ connection: 500, event: 'sent', offered: 9000, bytes: 1 }, { connection: 7, event: 'received', bytes: 99, room: 100 });
  const names = (text, order) => search(store.head.connections.values(), text).sort(ORDERS[order]).map((each) => each.number);
  assert.equal(names('', 'owed')[0], 500);
  assert.deepEqual([names('', 'age')[0], names('', 'bytes')[0], names('', 'acted')[0]], [1, 7, 7]);
  assert.deepEqual([names('500', 'age'), names('#500', 'age'), names('stuck', 'age')], [[500], [500], [500]]);
  assert.deepEqual(names('10.0.0.77:', 'age'), [77, 327, 577, 827]);
  assert.equal(names('verif', 'age').length, 0);
});
