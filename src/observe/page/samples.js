// What `/metrics` said, once a second, each at its place among the events; what the events say, beside it; and how
// many turns there were in each second of a minute.

import { STATES } from './model.js';
import { asMetrics } from './tally.js';
import { parse } from './totals.js';
import { firstWhere } from './turns.js';

/** @typedef {import('./store.js').Store} Store */
/** @typedef {import('./model.js').Model} Model */

const KEPT = 3600;
const MINUTE = 60;
const FORGET = 3; // samples after a loss without a word, and one that may have changed unseen is forgotten

/**
 * @typedef {object} Sample
 * @property {number} at in seconds, on the reader's clock
 * @property {number} event the newest one then
 * @property {Record<string, number>} gap how many more are open than the events tell, by state
 */

/** What was before the page, or was not seen: with what the events add up to, it is what the metrics say. */
/** @typedef {{ event: number, rest: Map<string, number> }} Base */

/** @typedef {{ samples: Sample[], bases: Base[] }} Looks */

/** @returns {Looks} */
export const noLooks = () => ({ samples: [], bases: [] });

/**
 * Adds what was said at a time.
 * @param {Looks} looks
 * @param {Store} store
 * @param {string} text
 * @param {number} at
 * @param {boolean} isQuiet whether no event has come between question and answer: else they may not agree
 */
export function look({ samples, bases }, store, text, at, isQuiet) {
  // Of two that were asked for at the same time, the older may come last.
  if (at <= (samples.at(-1)?.at ?? -Infinity)) return;
  const totals = parse(text);
  samples.push({ at, event: store.newest, gap: gapOf(totals, store.head.counts) });
  if (samples.length > KEPT) samples.shift();
  const rest = minus(totals, asMetrics(store.head.tally));
  const known = baseAt(bases, store, store.newest);
  const isNew = !known || store.head.lostAt > known.event || (isQuiet && !isSame(rest, known.rest));
  if (isNew) bases.push({ event: store.newest, rest });
}

function gapOf(totals, counts) {
  const open = (state) => totals.get(`sockmodes_connections{state="${state}"}`) ?? 0;
  return Object.fromEntries(STATES.map((state) => [state, open(state) - counts[state]]));
}

/** @returns {Map<string, number>} */
function minus(all, part) {
  return new Map([...all].map(([name, value]) => [name, value - (part.get(name) ?? 0)]));
}

// Turns go on while both are read, and their times are rounded.
const isSame = (a, b) => [...a].every(([name, value]) => name.endsWith('_sum') || b.get(name) === value);

// Of the same server, or what came next from it.
function baseAt(bases, store, position) {
  const seam = store.seams.findLast((event) => event < position) ?? 0;
  const end = store.seams.find((event) => event >= position) ?? Infinity;
  const ours = bases.filter(({ event }) => event > seam && event <= end);
  return ours.findLast(({ event }) => event <= position) ?? ours[0];
}

/**
 * The totals at a position: since the server started, if it has said how many there were before the page.
 * @param {Looks | null} looks
 * @param {Store} store
 * @param {Model} model
 * @returns {{ totals: Map<string, number>, isWhole: boolean }}
 */
export function totalsAt(looks, store, model) {
  const seen = asMetrics(model.tally);
  const base = looks ? baseAt(looks.bases, store, model.event) : undefined;
  if (!base) return { totals: seen, isWhole: false };
  const totals = new Map([...base.rest].map(([name, value]) => [name, value + (seen.get(name) ?? 0)]));
  return { totals, isWhole: true };
}

/**
 * The connections that are open by the events and not by the metrics. The two are not read at the same moment:
 * twice in a row, a difference is no accident. The most likely to be gone are those silent for longest.
 * @param {Sample[]} samples
 * @param {Store} store
 * @returns {number[]}
 */
export function reconcile(samples, store) {
  const [before, last] = samples.slice(-2);
  if (!last) return [];
  const standing = [...store.head.connections.values()];
  const isLongAgo = samples.length > FORGET && samples[samples.length - FORGET - 1].event >= store.head.lostAt;
  const isStale = ({ sure }) => !sure && isLongAgo;
  const gone = standing.filter(isStale).map(({ number }) => number);
  for (const state of STATES) {
    const excess = -Math.max(last.gap[state], before.gap[state]);
    if (excess <= 0) continue;
    const here = standing.filter((each) => each.state === state && !isStale(each)).sort((a, b) => a.at - b.at);
    gone.push(...here.slice(0, excess).map(({ number }) => number));
  }
  return gone;
}

/**
 * How many are open in each state at a position of whom the events tell nothing.
 * @param {Sample[]} samples
 * @param {number} position
 * @returns {Record<string, number>}
 */
export function unseen(samples, position) {
  const end = firstWhere(samples.length, (i) => samples[i].event > position);
  const last = samples[end - 1];
  const before = samples[end - 2] ?? last;
  return Object.fromEntries(STATES.map((state) => [
    state, last ? Math.max(0, Math.min(last.gap[state], before.gap[state])) : 0,
  ]));
}

/**
 * A second of the loop's time: until when, how many turns, and which share of it the loop was at work.
 * @typedef {{ at: number, rate: number, share: number }} Second
 */

/**
 * The minute before a moment, the newest second last.
 * @param {Store} store
 * @param {Model} model
 * @param {number} now on the events' clock
 * @returns {Second[]}
 */
export function minute(store, model, now) {
  const { turns } = store.index;
  const end = firstWhere(turns.length, (i) => turns[i].first > model.event);
  const until = (at) => Math.min(end, firstWhere(turns.length, (i) => turns[i].time > at));
  const seconds = [];
  for (let i = MINUTE - 1; i >= 0; i -= 1) {
    const at = now - i;
    const [from, to] = [until(at - 1), until(at)];
    const share = Math.min(1, workedBefore(turns, to) - workedBefore(turns, from));
    seconds.push({ at, rate: to - from, share });
  }
  return seconds;
}

function workedBefore(turns, i) {
  const last = turns[i - 1];
  return last ? last.tookBefore + (last.took ?? 0) : 0;
}
