// The connections: where each stands, and the ways between the states. A few are drawn one by one;
// a crowd as dots, with its newest by name.

import { STATES } from './model.js';
import { find, make, makeSvg, openIn, put } from './draw.js';
import { labelled } from './totals.js';
import { WAYS } from './ways.js';
import { number, size } from './words.js';

// Up to this many in a state are drawn in full, with their peer; in brief, with their bytes; or named,
// by number only: what there is room for. The states of the second row have less, and need less.
const ROOM = { full: 3, brief: 5, named: 10 };
const LITTLE_ROOM = { full: 1, brief: 2, named: 4 };
const OF_A_CROWD = 3;
const DOTS = 160;
const DOTS_IN_A_ROW = 20;
const STAYS_CLOSED = 10; // seconds
const GLOW = 0.8;

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
  dots.append(makeSvg('path', { d: '' }));
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

/** Lights the ways that were just taken. */
export function drawSteps(model, now) {
  for (const [way, { path }] of paths) {
    const isLit = now - (model.ways[way] ?? -Infinity) < GLOW;
    if (isLit === path.classList.contains('lit')) continue;
    path.classList.toggle('lit', isLit);
    path.setAttribute('marker-end', isLit ? 'url(#tip-lit)' : 'url(#tip)');
  }
}

/** Draws every connection, or every crowd, in its state. `moves`: whether they glide there. */
export function drawMap(model, now, moves) {
  const places = new Map();
  const standing = new Map(STATES.map((state) => [state, []]));
  for (const connection of model.connections.values()) {
    standing.get(connection.state)?.push(connection);
  }
  let open = 0;
  for (const [state, connections] of standing) {
    const all = openIn(model, state);
    open += all;
    for (const each of drawBox(state, all, connections, model.chosen)) places.set(each, state);
  }
  for (const each of model.closed) {
    if (now - each.at < STAYS_CLOSED) places.set(each, 'closed');
  }
  put(find('#open'), `${number(open)} open`);
  drawClosedCount(model.totals);
  settle(places, model.chosen, moves && !still.matches);
}

function drawClosedCount(totals) {
  if (!totals) return;
  const closed = labelled(totals, 'sockmodes_closed_total');
  put(boxes.get('closed').count, number(closed.reduce((sum, [, value]) => sum + value, 0)));
}

// Returns those that are drawn by name.
function drawBox(state, all, connections, chosen) {
  const { section, list, dots, more, count } = boxes.get(state);
  const room = section.classList.contains('low') ? LITTLE_ROOM : ROOM;
  const isCrowd = all > room.named;
  const named = connections.slice(-(isCrowd ? OF_A_CROWD : room.named));
  if (connections.includes(chosen) && !named.includes(chosen)) named[0] = chosen;
  put(count, number(all));
  section.classList.toggle('empty', all === 0);
  section.classList.toggle('crowd', isCrowd);
  list.classList.toggle('full', all <= room.full);
  list.classList.toggle('brief', all <= room.brief);
  const each = isCrowd ? drawDots(dots, all) : 1;
  const rest = all - named.length;
  if (isCrowd) put(more, each > 1 ? `${number(each)} to a dot` : 'a dot each');
  else put(more, rest > 0 ? `${named.length ? 'and ' : ''}${rest} not seen so far` : '');
  return named;
}

function drawDots(dots, all) {
  let each = 1;
  for (let i = 0; all / each > DOTS; i += 1) each *= i % 3 === 1 ? 2.5 : 2;
  const path = Array.from({ length: Math.ceil(all / each) }, (_, i) => {
    const column = i % DOTS_IN_A_ROW;
    return `M${column * 8 + 4} ${Math.floor(i / DOTS_IN_A_ROW) * 8 + 4}h0`;
  });
  const d = path.join('');
  if (dots.firstChild.getAttribute('d') !== d) dots.firstChild.setAttribute('d', d);
  return each;
}

function settle(places, chosen, glides) {
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
    label(token, connection, chosen);
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
  const focused = document.activeElement;
  for (const token of tokens.values()) {
    if (!token.isFresh) continue;
    boxes.get(token.state).list.append(token.node);
    token.isFresh = false;
  }
  // An element that moves in the document loses the focus.
  if (focused !== document.activeElement && map.contains(focused)) focused.focus();
  const stops = [...tokens.values()].map(({ button }) => button);
  const stop = stops.find((button) => button === document.activeElement)
    ?? stops.find((button) => button.getAttribute('aria-pressed') === 'true') ?? stops[0];
  for (const button of stops) button.tabIndex = button === stop ? 0 : -1;
}

function makeToken(connection) {
  const node = make('li');
  const button = make('button', 'token');
  button.type = 'button';
  button.dataset.connection = connection.number;
  const name = make('b', '', `#${connection.number}`);
  button.append(name, make('span', 'bytes'), make('span', 'peer'), make('span', 'state'));
  node.append(button);
  const token = { node, button, state: null, isFresh: false };
  tokens.set(connection.number, token);
  return token;
}

function label({ button, state }, connection, chosen) {
  const { peer, reason, received, sent } = connection;
  const traffic = `↓${size(received)} ↑${size(sent)}`;
  put(button.children[1], state === 'closed' ? reason : traffic);
  put(button.children[2], state === 'closed' ? '' : peer ?? 'from before this page');
  button.setAttribute('aria-pressed', connection === chosen);
  put(button.children[3], state);
}

function glide(node, before) {
  const after = node.getBoundingClientRect();
  const way = `translate(${before.x - after.x}px, ${before.y - after.y}px)`;
  node.animate(
    [{ transform: way }, { transform: 'none' }],
    { duration: 450, easing: 'cubic-bezier(.3, .8, .3, 1)' },
  );
}

// The arrow keys go from one connection to the next; the tab key comes in and leaves.
map.addEventListener('keydown', (event) => {
  const stops = [...map.querySelectorAll('.token')];
  const at = stops.indexOf(document.activeElement);
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  const to = { Home: 0, End: stops.length - 1 }[event.key] ?? at + steps[event.key];
  if (at < 0 || Number.isNaN(to)) return;
  event.preventDefault();
  const next = stops[(to + stops.length) % stops.length];
  stops[at].tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});
