// The loop: its steps, lit by what they have just done, and its last turns in a row. A turn lasts
// microseconds and a sleep seconds, so both are drawn on one logarithmic scale.

import { find, make, put, staysAtEnd } from './draw.js';
import { call, duration, many, number, percent } from './words.js';

const LINES = 5;
const GLOW = 2; // seconds
const COUNTS = 4; // times a second that a growing count is written
const FAST = 8; // turns a second: above that, single ones can't be followed by eye

const strip = find('#strip');
const list = find('#turns');
const rail = find('#now');
const stations = [...document.querySelectorAll('.station')];
const nodes = new Map();
const isAtEnd = staysAtEnd(strip);

let countedAt = null;
const rest = make('span', 'length');
const restBar = make('span', 'bar sleep');
rail.append(rest, restBar);

/** Draws the steps of a turn. */
export function drawStations(model, now) {
  for (const station of stations) {
    const { step } = station.dataset;
    const said = station.querySelector('b');
    if (step === 'wait') {
      station.classList.toggle('lit', isAsleep(model));
      put(said, phase(model, now));
    } else {
      const done = model.steps[step];
      const isLit = done !== undefined && now - done.at < GLOW;
      station.classList.toggle('lit', isLit);
      station.classList.toggle('past', done !== undefined && !isLit);
      put(said, done === undefined ? '–' : number(done.count));
    }
  }
}

// A loop that was asleep when the page came has said nothing since.
function isAsleep(model) {
  return !model.stopped && (model.phase === 'waiting' || sleepsFromBefore(model));
}

function sleepsFromBefore(model) {
  return model.events === 0 && model.totals !== null;
}

function phase(model, now) {
  const sample = model.samples.at(-1);
  const elapsed = Math.max(0, now - model.since);
  if (model.stopped) return 'the loop has ended';
  if (sleepsFromBefore(model)) return 'asleep since before you came';
  if (sample?.rate > FAST) return `${percent(1 - sample.share)} of the time`;
  if (model.phase === 'working') {
    return elapsed > 0.05 ? `at work for ${duration(elapsed)}` : 'at work';
  }
  if (model.phase !== 'waiting') return '–';
  if (model.atMost === null) return `${asleep(elapsed)}, no limit`;
  return `${asleep(elapsed)}, at most ${duration(Math.max(0, model.atMost - elapsed))} more`;
}

// In steps that can be read; the flicker of milliseconds says nothing.
function asleep(elapsed) {
  return elapsed < 10 ? `${elapsed.toFixed(1)} s` : duration(Math.round(elapsed));
}

/** Draws the last turns. */
export function drawStrip(model, now) {
  // A number that changes in every frame can't be read.
  const isTime = Math.floor(now * COUNTS) !== countedAt;
  countedAt = Math.floor(now * COUNTS);
  const wanted = new Set(model.turns.map(({ id }) => id));
  for (const [id, node] of nodes) {
    if (wanted.has(id)) continue;
    node.remove();
    nodes.delete(id);
  }
  for (const entry of model.turns) {
    const isNew = !nodes.has(entry.id);
    if (isNew) {
      nodes.set(entry.id, list.appendChild(entry.isGap ? make('li', 'gap') : card(entry)));
    }
    const isDue = isNew || isTime || entry !== model.turns.at(-1);
    if (entry.isGap && isDue) put(nodes.get(entry.id), leftOut(entry));
  }
  drawNow(model, now);
  if (isAtEnd()) strip.scrollLeft = strip.scrollWidth;
}

function leftOut({ turns, lost, waited, worked }) {
  const words = [];
  if (turns > 0) {
    words.push(`${many(turns, 'turn')} not drawn: ${duration(waited)} asleep, `
      + `${duration(worked)} at work`);
  }
  if (lost > 0) words.push(`${many(lost, 'event')} lost`);
  return words.join('; ');
}

function drawNow(model, now) {
  rail.hidden = !isAsleep(model) || model.samples.at(-1)?.rate > FAST;
  if (rail.hidden) return;
  const isKnown = model.phase === 'waiting';
  const elapsed = isKnown ? Math.max(0, now - model.since) : 1;
  put(rest, isKnown ? `asleep ${asleep(elapsed)}` : 'asleep');
  restBar.style.width = width(elapsed);
}

// A step for each power of ten, from a microsecond on.
function width(seconds) {
  const steps = Math.log10(Math.max(seconds, 1e-6)) + 6;
  return `${(0.5 + 1.05 * steps).toFixed(2)}rem`;
}

function card(turn) {
  const node = make('li', 'turn');
  if (turn.waited !== null) node.append(piece('sleep', turn.waited));
  const work = piece('work', turn.took);
  const body = make('div', 'card');
  const head = make('p', 'head', `turn ${number(turn.number)}`);
  head.append(make('span', '', ` ${number(turn.ready)} ready`));
  body.append(head, ...calls(turn));
  work.append(body);
  node.append(work);
  return node;
}

function piece(kind, seconds) {
  const node = make('div', `piece ${kind}`);
  const bar = make('span', `bar ${kind}`);
  bar.style.width = width(seconds ?? 0);
  node.append(make('span', 'length', seconds === null ? '?' : duration(seconds)), bar);
  return node;
}

function calls(turn) {
  const parts = [];
  // What follows says it again, with the reason.
  const records = turn.records.filter(({ to }) => to !== 'closed');
  const all = records.length + turn.more;
  // A line that says "and 1 more" would take the place of that one.
  const shown = records.slice(0, all === LINES + 1 ? all : LINES);
  for (const [i, record] of shown.entries()) {
    if (i === 0 || record.connection !== shown[i - 1].connection) parts.push(group(record));
    const node = make('code', record.event, call(record));
    node.title = node.textContent;
    parts.at(-1).append(node);
  }
  const more = all - shown.length;
  if (more > 0) parts.push(make('p', 'more', `and ${number(more)} more`));
  if (parts.length === 0) parts.push(make('p', 'more', nothing(turn)));
  return parts;
}

function nothing({ ready }) {
  return ready === 0 ? 'the timer rang; nothing was due' : 'woken; nothing else to do';
}

function group({ connection }) {
  const node = make('div', 'group');
  if (connection === undefined) return node;
  const button = make('button', 'name', `#${connection}`);
  button.type = 'button';
  button.dataset.connection = connection;
  // A hundred more stops for the tab key would help nobody: the same are in the picture below.
  button.tabIndex = -1;
  node.append(button);
  return node;
}
