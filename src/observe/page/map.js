// The connections: where each stands, and the ways between the states. A few are drawn one by one; a crowd as
// dots, and by name those of it that are worth a look or act.

import { isStuck, reading } from './connection.js';
import { find, make, makeButton, makeSvg, put } from './draw.js';
import { STATES } from './model.js';
import { labelled } from './totals.js';
import { WAYS } from './ways.js';
import { duration, number, size } from './words.js';

// Up to this many in a state are drawn in full, with their peer; in brief, with their bytes; or named,
// by number only: what there is room for. The states of the second row have less, and need less.
const ROOM = { full: 2, brief: 4, named: 10, ofACrowd: 4 };
const LITTLE_ROOM = { full: 1, brief: 2, named: 4, ofACrowd: 2 };
const LATELY = 5000; // events
const DOTS = 160;
const DOTS_IN_A_ROW = 20;
const STAYS_CLOSED = 10; // seconds

const map = find('#map');
map.tabIndex = -1; // for when the last connection vanishes from under the focus
const boxes = new Map();
const tokens = new Map();
const paths = new Map();
const still = matchMedia('(prefers-reduced-motion: reduce)');

for (const section of map.querySelectorAll('.box')) {
  const { state } = section.dataset;
  const list = make('ul', 'tokens');
  const dots = makeSvg('svg', { class: 'dots', viewBox: '0 0 160 64', 'aria-hidden': true });
  const more = make('p', 'more');
  dots.append(makeSvg('path', { d: '', class: 'stuck' }), makeSvg('path', { d: '' }));
  section.append(dots, list, more);
  boxes.set(state, { section, list, dots, more, count: section.querySelector('b') });
}

const drawing = makeSvg('svg', { class: 'ways', 'aria-hidden': true });
const tips = makeSvg('defs', {});
for (const id of ['tip', 'tip-lit']) {
  const tip = makeSvg('marker', {
    id, viewBox: '0 0 10 10', refX: 8, refY: 5, markerWidth: 9, markerHeight: 9,
    markerUnits: 'userSpaceOnUse', orient: 'auto',
  });
  tip.append(makeSvg('path', { d: 'M0 0 10 5 0 10z' }));
  tips.append(tip);
}
drawing.append(tips);
for (const [from, to, shape] of WAYS) {
  const path = makeSvg('path', { class: 'way', 'marker-end': 'url(#tip)' });
  paths.set(`${from}>${to}`, { path, from, to, shape });
  drawing.append(path);
}
map.prepend(drawing);

function drawWays() {
  const origin = map.getBoundingClientRect();
  const place = (state) => {
    const rect = boxes.get(state).section.getBoundingClientRect();
    return new DOMRect(rect.x - origin.x, rect.y - origin.y, rect.width, rect.height);
  };
  drawing.setAttribute('viewBox', `0 0 ${origin.width} ${origin.height}`);
  for (const { path, from, to, shape } of paths.values()) {
    path.setAttribute('d', shape(place(from), place(to)));
  }
}

const observer = new ResizeObserver(drawWays);
observer.observe(map);
for (const { section } of boxes.values()) observer.observe(section);

/**
 * Lights the ways that were just taken: in the turn that is shown.
 * @param {import('./scene.js').Scene} scene
 */
export function drawWaysTaken({ model }) {
  for (const [way, { path }] of paths) {
    const isLit = (model.ways[way] ?? 0) > model.turnBegan && model.ways[way] > 0;
    if (isLit === path.classList.contains('lit')) continue;
    path.classList.toggle('lit', isLit);
    path.setAttribute('marker-end', isLit ? 'url(#tip-lit)' : 'url(#tip)');
  }
}

/**
 * Draws every connection, or every crowd, in its state. `moves`: whether they glide there.
 * @param {import('./scene.js').Scene} scene
 * @param {boolean} moves
 */
export function drawMap(scene, moves) {
  const { model, now } = scene;
  const places = new Map();
  /** @type {Map<string, import('./connection.js').Connection[]>} */
  const standing = new Map(STATES.map((state) => [state, []]));
  for (const connection of model.connections.values()) standing.get(connection.state ?? '')?.push(connection);
  let open = 0;
  for (const [state, connections] of standing) {
    const all = model.counts[state] + scene.unseen[state];
    open += all;
    for (const each of drawBox(state, all, connections, scene)) places.set(each, state);
  }
  for (const each of model.closed) {
    if (now - each.at < STAYS_CLOSED) places.set(each, 'closed');
  }
  const owed = model.owed > 0 ? `, ${size(model.owed)} owed` : '';
  put(find('#open'), `${number(open)} open${owed}`);
  drawClosedCount(scene.totals);
  settle(places, scene, moves && !still.matches);
}

function drawClosedCount(totals) {
  const closed = labelled(totals, 'sockmodes_closed_total');
  put(boxes.get('closed').count, number(closed.reduce((sum, [, value]) => sum + value, 0)));
}

// Returns those that are drawn by name.
function drawBox(state, all, connections, { chosen, model }) {
  const { section, list, dots, more, count } = boxes.get(state);
  const room = section.classList.contains('low') ? LITTLE_ROOM : ROOM;
  const isCrowd = all > room.named;
  const named = isCrowd ? pick(connections, room.ofACrowd, model, chosen) : connections;
  put(count, number(all));
  section.classList.toggle('empty', all === 0);
  section.classList.toggle('crowd', isCrowd);
  list.classList.toggle('full', all <= room.full);
  list.classList.toggle('brief', all <= room.brief || isCrowd);
  const stuck = connections.filter(isStuck).length;
  const each = isCrowd ? drawDots(dots, all, stuck) : 1;
  const rest = all - named.length;
  if (isCrowd) put(more, `${each > 1 ? `${number(each)} to a dot` : 'a dot each'}${stuck ? `, ${number(stuck)} stuck` : ''}`);
  else put(more, rest > 0 ? `and ${number(rest)} of whom the events tell nothing` : '');
  return named;
}

// Of a crowd, those that are worth a look, and those that act.
function pick(connections, most, { event }, chosen) {
  const isLately = ({ worth }) => worth > 0 && event - worth < LATELY;
  const rank = (each) => (each.number === chosen ? 3 : isStuck(each) ? 2 : isLately(each) ? 1 : 0);
  const ranked = connections.map((each) => ({ each, rank: rank(each) }));
  ranked.sort((a, b) => b.rank - a.rank || b.each.event - a.each.event);
  return ranked.slice(0, most).map(({ each }) => each).sort((a, b) => a.number - b.number);
}

function drawDots(dots, all, stuck) {
  let each = 1;
  for (let i = 0; all / each > DOTS; i += 1) each *= i % 3 === 1 ? 2.5 : 2;
  const count = Math.ceil(all / each);
  const red = Math.min(count, Math.ceil(stuck / each));
  draw(dots.firstChild, 0, red);
  draw(dots.lastChild, red, count);
  return each;
}

function draw(path, from, to) {
  const d = Array.from({ length: to - from }, (_, i) => {
    const column = (from + i) % DOTS_IN_A_ROW;
    return `M${column * 8 + 4} ${Math.floor((from + i) / DOTS_IN_A_ROW) * 8 + 4}h0`;
  }).join('');
  if (path.getAttribute('d') !== d) path.setAttribute('d', d);
}

function settle(places, scene, glides) {
  const wanted = new Map([...places].map(([connection, state]) => [connection.number, state]));
  const stops = [...map.querySelectorAll('.token')];
  const at = stops.indexOf(document.activeElement);
  for (const [name, token] of tokens) {
    if (wanted.has(name)) continue;
    token.node.remove();
    tokens.delete(name);
  }
  if (at >= 0 && !stops[at].isConnected) focusNear(stops, at);
  const moved = [];
  for (const [connection, state] of places) {
    const token = tokens.get(connection.number) ?? makeToken(connection);
    if (token.state !== state) {
      if (token.state && glides) moved.push([token.node, token.node.getBoundingClientRect()]);
      token.state = state;
      token.isFresh = true;
    }
    label(token, connection, scene);
  }
  place();
  for (const [node, before] of moved) glide(node, before);
}

// The focus goes from one that has vanished to the next, or to the last before it.
function focusNear(stops, at) {
  const isThere = (button) => button.isConnected;
  const next = stops.slice(at).find(isThere) ?? stops.slice(0, at).findLast(isThere) ?? map;
  next.focus({ preventScroll: true });
}

function place() {
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  for (const token of tokens.values()) {
    if (!token.isFresh) continue;
    boxes.get(token.state).list.append(token.node);
    token.isFresh = false;
  }
  // An element that moves in the document loses the focus.
  if (focused !== document.activeElement && map.contains(focused)) focused?.focus();
  const stops = [...tokens.values()].map(({ button }) => button);
  const stop = stops.find((button) => button === document.activeElement)
    ?? stops.find((button) => button.getAttribute('aria-pressed') === 'true') ?? stops[0];
  for (const button of stops) button.tabIndex = button === stop ? 0 : -1;
}

function makeToken(connection) {
  const node = make('li');
  const button = makeButton('token', '', { connection: connection.number });
  const name = make('b', '', `#${connection.number}`);
  const gauge = make('span', 'gauge');
  gauge.append(make('i'));
  button.append(name, make('span', 'bytes'), make('span', 'peer'), make('span', 'holds'), gauge, make('span', 'state'));
  node.append(button);
  const token = { node, button, state: null, isFresh: false };
  tokens.set(connection.number, token);
  return token;
}

function label({ button, state }, connection, { chosen, now, model }) {
  const { peer, reason, received, sent, owed } = connection;
  const [, bytes, from, holds, gauge, spoken] = button.children;
  const isClosed = state === 'closed';
  put(bytes, isClosed ? reason : `↓${size(received)} ↑${size(sent)}`);
  put(from, isClosed ? '' : peer ?? 'from before this page');
  put(holds, isClosed ? '' : held(connection, now));
  button.classList.toggle('stuck', isStuck(connection));
  button.classList.toggle('acts', connection.event > model.turnBegan && connection.event > 0);
  gauge.hidden = owed === 0;
  if (owed > 0) gauge.firstChild.style.width = `${Math.min(100, Math.max(4, 100 * owed / (model.maxBuffer ?? owed)))}%`;
  button.setAttribute('aria-pressed', connection.number === chosen);
  put(spoken, state);
}

// The one thing that holds it up, or that will end it.
function held(connection, now) {
  const { owed, queued, atWorker, judged, timer, until, state } = connection;
  if (owed > 0) return `owes ${size(owed)}, not read`;
  if (atWorker !== null) return `hashing for ${duration(Math.max(0, now - atWorker))}`;
  if (queued) return 'queues up';
  if (state === 'verifying') return judged ? 'its verdict is here' : 'waits for a worker';
  if (timer !== null) return `${timer} ${duration(Math.max(0, until - now))}`;
  return reading(connection).reads ? '' : 'not read';
}

function glide(node, before) {
  const after = node.getBoundingClientRect();
  const way = `translate(${before.x - after.x}px, ${before.y - after.y}px)`;
  node.animate(
    [{ transform: way }, { transform: 'none' }],
    { duration: 450, easing: 'cubic-bezier(.3, .8, .3, 1)' },
  );
}

// Up and down go from one connection to the next, for left and right are the events'; the tab key comes in and leaves.
map.addEventListener('keydown', (event) => {
  const stops = [...map.querySelectorAll('.token')];
  const at = stops.indexOf(document.activeElement);
  const to = at + ({ ArrowDown: 1, ArrowUp: -1 }[event.key] ?? Number.NaN);
  if (at < 0 || Number.isNaN(to)) return;
  event.preventDefault();
  const next = stops[(to + stops.length) % stops.length];
  stops[at].tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});
