// How the reader moves in the past. Run by tests/needs/page.rs.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { stepOf, STEPS } from './keys.js';
import { Position } from './position.js';
import { opened, page } from './told.js';

/** A past of ten turns. */
function ten() {
  const told = page();
  for (let i = 1; i <= 10; i += 1) told.turn(...opened(i));
  return told;
}

const live = { isLive: true, more: null };

test('a live page follows the newest until it is paused, and moving pauses', async () => {
  const { store, turn } = ten();
  const position = new Position(store, live);
  position.settle();
  assert.deepEqual([position.event, position.mode, position.first], [store.newest, 'running', 1]);
  turn();
  position.settle();
  assert.equal(position.event, store.newest);
  position.back();
  assert.deepEqual([position.event, position.mode], [store.newest - 1, 'paused']);
  turn();
  position.settle();
  assert.equal(position.event, store.newest - 4);
  position.toggle();
  assert.deepEqual([position.event, position.mode], [store.newest, 'running']);
  position.isOver = true;
  assert.equal(position.mode, 'ended');
});

test('the keys move by events, turns, and what is worth a look', async () => {
  const { store, turn } = page();
  turn(...opened(1));
  turn({ connection: 1, event: 'sent', offered: 9, bytes: 3 });
  const position = new Position(store, live);
  position.settle();
  const press = async (key, shiftKey = false) => {
    await STEPS[stepOf({ key, shiftKey })](position);
    return position.event;
  };
  const seen = [];
  for (const [key, shift] of [
    ['Home'], ['ArrowLeft'], ['ArrowLeft'], ['ArrowRight', true], ['ArrowRight', true], ['ArrowRight', true],
    ['ArrowLeft', true], ['n'], ['n'], ['End'], ['p'], ['p'], ['ArrowRight'],
  ]) seen.push(await press(key, shift));
  assert.deepEqual(seen, [1, 0, 0, 5, 9, 10, 9, 9, 9, 10, 8, 8, 9]);
});

test('what fell out from under a reader moves them to the oldest that is kept', () => {
  const { store, turn } = ten();
  const position = new Position(store, live);
  position.moveTo(5);
  while (store.first === 1) turn();
  position.settle();
  assert.deepEqual([position.event, position.mode], [store.first - 1, 'paused']);
});

test('a trace is played at its pace, a long sleep cut short, and from its end anew', async () => {
  const { store, turn, wait } = page({ isRing: false });
  turn(...opened(1));
  wait(100);
  turn(...opened(2));
  const position = new Position(store, { isLive: false, more: null });
  position.end();
  assert.equal(position.mode, 'paused');
  position.toggle();
  assert.deepEqual([position.event, position.mode], [0, 'running']);
  await position.play(0.1);
  assert.equal(position.event, 6);
  await position.play(0.5);
  assert.equal(position.event, 6);
  await position.play(0.6);
  assert.deepEqual([position.event, position.mode], [store.newest, 'ended']);
});

test('a simulation makes what the reader steps to', async () => {
  const { store, turn } = page({ isRing: false });
  const more = async () => turn(...opened(store.newest + 1));
  const position = new Position(store, { isLive: false, more });
  await position.forward();
  assert.deepEqual([position.event, store.newest], [1, 6]);
  position.end();
  await position.forwardTurn();
  assert.deepEqual([position.event, store.newest], [11, 12]);
  await position.open(40);
  assert.deepEqual([position.event, store.newest], [40, 42]);
});

test('an address may name an event that has yet to come', async () => {
  const { store, turn } = page();
  const position = new Position(store, live);
  turn();
  await position.open(5);
  position.settle();
  assert.equal(position.mode, 'running');
  turn();
  position.settle();
  assert.deepEqual([position.event, position.mode], [5, 'paused']);
});
