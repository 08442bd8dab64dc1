// Which turns are drawn at a position, out of all that are kept; and which lines of each. What is worth a look is
// always among them, and what is left out is counted. No document.

import { firstWhere } from './turns.js';

const CARDS = 14; // turns that are drawn
const NEWEST = 4; // of those, the last ones, whatever is in them
const LINES = 6; // of a turn

/** @typedef {import('./turns.js').Turn} Turn */
/** @typedef {import('./store.js').Store} Store */
/** @typedef {{ turns: number, waited: number, worked: number, lost: number, worth: number, fallen: number }} Gap */

/**
 * The turns to draw, the oldest first, each with the gap before it, if there is one.
 * @param {Store} store
 * @param {number} position
 * @returns {{ turn: Turn, gap: Gap | null }[]}
 */
export function select(store, position) {
  const { turns, worth } = store.index;
  const end = firstWhere(turns.length, (i) => turns[i].first > position);
  const picked = turns.slice(Math.max(0, end - NEWEST), end);
  const oldest = picked[0]?.first ?? 0;
  const before = firstWhere(worth.length, (i) => worth[i].first >= oldest);
  picked.unshift(...worth.slice(Math.max(0, before - (CARDS - picked.length)), before));
  return picked.map((turn, i) => ({ turn, gap: gapBefore(store, picked[i - 1], turn) }));
}

function gapBefore({ index: { turns, worth } }, left, right) {
  const first = left ?? turns[0];
  const at = turns[0].number;
  const isFirst = left === undefined;
  const count = right.number - first.number - (isFirst ? 0 : 1);
  const fallen = isFirst ? at - 1 : 0;
  const lost = right.lostBefore - (isFirst ? 0 : first.lostBefore);
  if (count === 0 && lost === 0 && fallen === 0) return null;
  const after = isFirst ? first : turns[first.number - at + 1];
  const among = (limit) => firstWhere(worth.length, (i) => worth[i].number >= limit);
  return {
    turns: count, lost, fallen, worth: among(right.number) - among(after.number),
    waited: right.waitedBefore - after.waitedBefore, worked: right.tookBefore - after.tookBefore,
  };
}

/**
 * The events of a turn that are drawn, up to a position, in their order.
 * @param {Store} store
 * @param {Turn} turn
 * @param {number} position
 * @returns {{ events: number[], more: number }}
 */
export function linesOf(store, turn, position) {
  const end = Math.min(turn.last, position);
  const from = turn.first + 1;
  const isOver = end === turn.last && turn.took !== null;
  const all = end - turn.first - (isOver ? 1 : 0);
  const picked = new Set();
  if (position >= from && position <= end) picked.add(position);
  for (let i = firstWhere(store.worth.length, (at) => store.worth[at] > end) - 1; i >= 0 && picked.size < LINES; i -= 1) {
    if (store.worth[i] < from) break;
    picked.add(store.worth[i]);
  }
  // A line that says "and 1 more" would take the place of that one.
  const most = all === LINES + 1 ? all : LINES;
  for (let event = from; event < from + all && picked.size < most; event += 1) picked.add(event);
  const events = [...picked].sort((a, b) => a - b);
  return { events, more: Math.max(0, all - events.filter((event) => event < from + all).length) };
}
