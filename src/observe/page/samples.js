// What `/metrics` said, once a second, each at its place among the events; and the same made of the events alone,
// where there is no server to ask.

import { STATES } from './model.js';
import { asMetrics } from './tally.js';
import { parse } from './totals.js';
import { firstWhere } from './turns.js';

const KEPT = 3600;
const MINUTE = 60;
const FORGET = 3; // samples after a loss without a word, and one that may have changed unseen is forgotten

/**
 * @typedef {object} Sample
 * @property {number} at in seconds, on whatever clock
 * @property {number} event the newest one then
 * @property {number} span since the sample before
 * @property {number} rate turns a second since then
 * @property {number} share of that time that the loop was at work
 * @property {Map<string, number>} totals
 * @property {Record<string, number>} gap how many more are open than the events tell, by state
 */

const turnsIn = (totals) => totals.get('sockmodes_loop_turns_total') ?? 0;
const workIn = (totals) => totals.get('sockmodes_loop_turn_seconds_sum') ?? 0;

/**
 * Adds what was said at a time.
 * @param {Sample[]} samples
 * @param {import('./store.js').Store} store
 * @param {string} text
 * @param {number} at
 */
export function look(samples, store, text, at) {
  const before = samples.at(-1);
  // Of two that were asked for at the same time, the older may come last.
  if (before && at <= before.at) return;
  const totals = parse(text);
  const span = before ? at - before.at : 0;
  const [turns, worked] = before ? [turnsIn(before.totals), workIn(before.totals)] : [turnsIn(totals), workIn(totals)];
  // Another server counts from nothing.
  const isAnew = turnsIn(totals) < turns;
  samples.push({
    at, span: isAnew ? 0 : span, event: store.newest, totals, gap: gapOf(totals, store.head.counts),
    rate: span > 0 && !isAnew ? (turnsIn(totals) - turns) / span : 0,
    share: span > 0 && !isAnew ? Math.min(1, (workIn(totals) - worked) / span) : 0,
  });
  if (samples.length > KEPT) samples.shift();
}

function gapOf(totals, counts) {
  const open = (state) => totals.get(`sockmodes_connections{state="${state}"}`) ?? 0;
  return Object.fromEntries(STATES.map((state) => [state, open(state) - counts[state]]));
}

/**
 * The connections that are open by the events and not by the metrics. The two are not read at the same moment:
 * twice in a row, a difference is no accident. The most likely to be gone are those silent for longest.
 * @param {Sample[]} samples
 * @param {import('./store.js').Store} store
 * @returns {number[]}
 */
export function reconcile(samples, store) {
  const [before, last] = samples.slice(-2);
  if (!last) return [];
  const standing = [...store.head.connections.values()];
  const isLongAgo = samples.length > FORGET && samples.at(-FORGET - 1).event >= store.head.lostAt;
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
 * How many are open in each state of which the events tell nothing.
 * @param {Sample[]} samples up to a position
 * @returns {Record<string, number>}
 */
export function unseen(samples) {
  const [before, last] = samples.length > 1 ? samples.slice(-2) : [samples[0], samples[0]];
  return Object.fromEntries(STATES.map((state) => [
    state, last ? Math.max(0, Math.min(last.gap[state], before.gap[state])) : 0,
  ]));
}

/**
 * Those of the last minute before a position, the newest last.
 * @param {Sample[]} samples
 * @param {number} position
 * @returns {Sample[]}
 */
export function upTo(samples, position) {
  const end = firstWhere(samples.length, (i) => samples[i].event > position);
  const last = samples[end - 1];
  return samples.slice(0, end).filter(({ at }) => at > last.at - MINUTE);
}

/**
 * The same from the events: a sample a second, of the minute before a moment.
 * @param {import('./store.js').Store} store
 * @param {import('./model.js').Model} model
 * @param {number} now on the events' clock
 * @returns {Sample[]}
 */
export function fromEvents(store, model, now) {
  const { turns } = store.index;
  const end = firstWhere(turns.length, (i) => turns[i].first > model.event);
  const until = (at) => Math.min(end, firstWhere(turns.length, (i) => turns[i].time > at));
  const samples = [];
  for (let at = Math.max(now - MINUTE, 0) + 1; at - 1 < now; at += 1) {
    const [from, to] = [until(at - 1), until(at)];
    samples.push({
      at: Math.min(at, now), span: 1, event: model.event, rate: to - from, totals: new Map(), gap: {},
      share: Math.min(1, workedBefore(turns, to) - workedBefore(turns, from)),
    });
  }
  const last = samples.at(-1);
  if (last) last.totals = asMetrics(model.tally);
  return samples;
}

function workedBefore(turns, i) {
  const last = turns[i - 1];
  return last ? last.tookBefore + (last.took ?? 0) : 0;
}
