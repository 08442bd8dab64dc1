// The loop: its steps, lit by what they have just done, and its last turns in a row. A turn lasts
// microseconds and a sleep seconds, so both are drawn on one logarithmic scale.

import { find, make, makeButton, put, staysAtEnd } from './draw.js';
import { linesOf, select } from './selection.js';
import { call } from './sentences.js';
import { duration, many, number, percent } from './words.js';
import { isWorthALook } from './worth.js';

/** @typedef {import('./scene.js').Scene} Scene */

const COUNTS = 4; // times a second that a growing count is written
const FAST = 8; // turns a second: above that, single ones can't be followed by eye

const strip = find('#strip');
const list = find('#turns');
const rail = find('#now');
const stations = [...document.querySelectorAll('.station')];
/** @type {Map<string, HTMLElement>} */
const nodes = new Map();
const isAtEnd = staysAtEnd(strip);

const rest = make('span', 'length');
const restBar = make('span', 'bar sleep');
const restLane = make('span', 'bar hash');
rail.append(rest, restBar, restLane);

/**
 * Draws the steps of a turn.
 * @param {Scene} scene
 */
export function drawStations(scene) {
  const { model } = scene;
  const steps = model.inTurn ? model.steps : model.stepsBefore;
  for (const station of stations) {
    const step = station.getAttribute('data-step') ?? '';
    const said = /** @type {Element} */ (station.querySelector('b'));
    if (step === 'wait') {
      station.classList.toggle('lit', isAsleep(scene));
      put(said, phase(scene));
    } else {
      const count = steps[step];
      station.classList.toggle('lit', count > 0 && model.inTurn);
      station.classList.toggle('past', count > 0 && !model.inTurn);
      put(said, model.turns === 0 ? '–' : number(count));
    }
  }
  drawWorkers(model);
}

function drawWorkers({ atWorkers, counts }) {
  const waits = counts.verifying - atWorkers;
  const words = [atWorkers > 0 ? `${many(atWorkers, 'login')} being hashed` : 'nothing to do'];
  if (waits > 0) words.push(`${number(waits)} waiting`);
  put(find('#workers b'), words.join(', '));
  find('#workers').classList.toggle('lit', atWorkers > 0);
}

const isAsleep = ({ model, source }) => !model.stopped && (model.phase === 'waiting' || sleepsFromBefore({ model, source }));

// A loop that was asleep when the page came has said nothing since.
function sleepsFromBefore({ model, source }) {
  return source === 'live' && model.turns === 0 && model.phase === 'unknown' && model.event > 0;
}

function phase(scene) {
  const { model, now, seconds } = scene;
  const last = seconds[seconds.length - 1];
  const elapsed = Math.max(0, now - model.since);
  if (model.stopped) return 'the loop has ended';
  if (sleepsFromBefore(scene)) return 'asleep since before you came';
  if (scene.isRunning && last.rate > FAST) return `${percent(1 - last.share)} of the time`;
  if (model.phase === 'working') return elapsed > 0.05 ? `at work for ${duration(elapsed)}` : 'at work';
  if (model.phase !== 'waiting') return '–';
  if (model.atMost === null) return `${asleep(elapsed)}, no limit`;
  return `${asleep(elapsed)}, at most ${duration(Math.max(0, model.atMost - elapsed))} more`;
}

// In steps that can be read; the flicker of milliseconds says nothing.
function asleep(elapsed) {
  return elapsed < 10 ? `${elapsed.toFixed(1)} s` : duration(Math.round(elapsed));
}

/**
 * Draws the last turns.
 * @param {Scene} scene
 */
export function drawStrip(scene) {
  const { store, position } = scene;
  const wanted = select(store, position).flatMap(({ turn, gap }) => {
    const end = Math.min(turn.last, position);
    const card = { key: `${turn.first} ${end} ${turn.took} ${end === position}`, make: () => drawCard(scene, turn) };
    return gap ? [{ key: `gap ${JSON.stringify(gap)}`, make: () => make('li', 'gap', leftOut(gap)) }, card] : [card];
  });
  replace(wanted);
  drawNow(scene);
  if (isAtEnd() || !scene.isRunning) strip.scrollLeft = strip.scrollWidth;
}

function replace(wanted) {
  const keys = new Set(wanted.map(({ key }) => key));
  for (const [key, node] of nodes) {
    if (keys.has(key)) continue;
    node.remove();
    nodes.delete(key);
  }
  let at = list.firstChild;
  for (const { key, make: draw } of wanted) {
    const node = nodes.get(key) ?? draw();
    nodes.set(key, node);
    if (node === at) at = at.nextSibling;
    else list.insertBefore(node, at);
  }
}

function leftOut({ turns, waited, worked, lost, worth, fallen }) {
  const words = [];
  if (fallen > 0) words.push(`${many(fallen, 'turn')} fallen out`);
  if (turns > 0) {
    const usual = worth > 0 ? `${number(worth)} of them worth a look` : 'the usual';
    words.push(`${many(turns, 'turn')} not drawn, ${usual}: ${duration(waited)} asleep, ${duration(worked)} at work`);
  }
  if (lost > 0) words.push(`${many(lost, 'event')} lost`);
  return words.join('; ');
}

function drawNow(scene) {
  const { model, now, seconds } = scene;
  rail.hidden = !isAsleep(scene) || (scene.isRunning && seconds[seconds.length - 1].rate > FAST);
  if (rail.hidden) return;
  const elapsed = model.phase === 'waiting' ? Math.max(0, now - model.since) : 1;
  // A number that changes in every frame can't be read.
  const told = Math.floor(elapsed * COUNTS) / COUNTS;
  put(rest, model.phase === 'waiting' ? `asleep ${asleep(told)}` : 'asleep');
  restBar.style.width = width(elapsed);
  restLane.hidden = model.atWorkers === 0;
  restLane.style.width = width(elapsed);
  restLane.title = hashing(model.atWorkers);
}

const hashing = (count) => `meanwhile ${many(count, 'worker')} hashing`;

// A step for each power of ten, from a microsecond on.
function width(seconds) {
  const steps = Math.log10(Math.max(seconds, 1e-6)) + 6;
  return `${(0.5 + 1.05 * steps).toFixed(2)}rem`;
}

function drawCard({ store, position }, turn) {
  const node = make('li', turn.worth ? 'turn worth' : 'turn');
  if (turn.waited !== null) node.append(piece('sleep', turn.waited, turn.hashing));
  const isOver = turn.last <= position;
  const work = piece('work', isOver ? turn.took : null, 0);
  const body = make('div', 'card');
  const head = makeButton('head', `turn ${number(turn.number)}`, { event: Math.min(turn.last, position) });
  if (position >= turn.first && position <= turn.last) body.classList.add('current');
  head.tabIndex = -1;
  head.append(make('span', '', `${number(turn.ready)} ready`));
  body.append(head, ...drawLines(store, turn, position));
  work.append(body);
  node.append(work);
  return node;
}

function piece(kind, seconds, workers) {
  const node = make('div', `piece ${kind}`);
  const bar = make('span', `bar ${kind}`);
  bar.style.width = width(seconds ?? 0);
  const words = seconds === null ? 'at work' : duration(seconds);
  node.append(make('span', 'length', words), bar);
  if (workers > 0) {
    const lane = node.appendChild(make('span', 'bar hash'));
    lane.style.width = width(seconds ?? 0);
    lane.title = hashing(workers);
    node.append(make('span', 'length', `${number(workers)} hashing`));
  }
  return node;
}

function drawLines(store, turn, position) {
  const { events, more } = linesOf(store, turn, position);
  const parts = [];
  let before;
  for (const event of events) {
    const record = store.record(event);
    if (parts.length === 0 || record.connection !== before) parts.push(group(record));
    before = record.connection;
    parts.at(-1).append(drawLine(event, record, event === position));
  }
  if (more > 0) parts.push(make('p', 'more', `and ${number(more)} more`));
  if (parts.length === 0) parts.push(make('p', 'more', nothing(turn)));
  return parts;
}

function drawLine(event, record, isCurrent) {
  const line = makeButton(`step ${record.event}`, call(record), { event });
  line.tabIndex = -1;
  line.title = `event ${number(event)}: ${call(record)}`;
  line.classList.toggle('look', isWorthALook(record));
  if (isCurrent) line.setAttribute('aria-current', 'step');
  return line;
}

function nothing({ ready, took }) {
  if (took === null) return 'it begins';
  return ready === 0 ? 'the timer rang; nothing was due' : 'woken; nothing else to do';
}

function group({ connection }) {
  const node = make('div', 'group');
  if (connection === undefined) return node;
  const button = makeButton('name', `#${connection}`, { connection });
  // A hundred more stops for the tab key would help nobody: the same are in the picture below.
  button.tabIndex = -1;
  node.append(button);
  return node;
}
