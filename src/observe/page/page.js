// The page: which source it has, where the reader is, and when what is drawn. The document is written at most once
// a frame, and its parts no more often than the eye can follow.

import { drawCrowd } from './crowd.js';
import { find, put } from './draw.js';
import { listenToKeys } from './keys.js';
import { drawMap, drawWaysTaken } from './map.js';
import { drawTotals } from './measures.js';
import { drawMoment } from './moment.js';
import { Position } from './position.js';
import { minute, totalsAt, unseen } from './samples.js';
import { follow } from './source_live.js';
import { readDocument, readFile } from './source_trace.js';
import { status } from './status.js';
import { Store } from './store.js';
import { drawStory } from './story.js';
import { drawStations, drawStrip } from './strip.js';
import { many, number } from './words.js';

const TICK = 100; // milliseconds
const AT_REST = 1000;
const SETTLED = 300; // milliseconds without a step, and the address says where we are
const STAY = 3; // seconds that a connection is followed before another that acts takes its place

// Below so many events a second, the parts that show connections are drawn so many milliseconds apart.
const PACES = [[300, 0], [3000, 250], [Infinity, 1000]];

const root = document.documentElement;
const seconds = () => performance.now() / 1000;

/** What the source is, and where the reader is in it. */
const page = {
  source: root.dataset.source ?? 'live',
  store: new Store({ isRing: root.dataset.source === 'live' }),
  /** @type {ReturnType<typeof follow> | null} */
  live: null,
  leaving: new AbortController(),
  isLoading: false,
  /** @type {number | null} */
  choice: null,
  /** @type {number | null} */
  followed: null, followedSince: 0,
  isScheduled: false, drawnAt: -Infinity, playedAt: seconds(), rate: 0, counted: { event: 0, at: seconds() },
  settling: 0, failure: '',
};
let position = new Position(page.store, { isLive: page.source === 'live', more: null });

function schedule() {
  if (page.isScheduled) return;
  page.isScheduled = true;
  requestAnimationFrame(paint);
}

/** The document says at once where we are, also to other programs; the picture follows with the next frame. */
function moved() {
  position.settle();
  say();
  page.drawnAt = -Infinity;
  clearTimeout(page.settling);
  page.settling = setTimeout(keepAddress, SETTLED);
  schedule();
}

function say() {
  Object.assign(root.dataset, {
    source: page.source, state: position.mode, event: position.event, first: position.first, events: page.store.newest,
  });
}

async function paint(at) {
  page.isScheduled = false;
  if (page.isLoading) return drawStatus();
  const passed = seconds() - page.playedAt;
  page.playedAt = seconds();
  await position.play(Math.min(passed, 0.25)).catch(fail);
  position.isOver = page.live ? !page.live.server.isOnline && page.live.server.wasOnline : position.isOver;
  position.settle();
  say();
  drawStatus();
  draw(scene(), at);
  if (position.mode === 'running' && !position.isLive) schedule();
}

/** @returns {import('./scene.js').Scene} */
function scene() {
  const { store, live, source } = page;
  const model = store.at(position.event);
  const isRunning = position.mode === 'running';
  const isNow = position.follows && live;
  const now = Math.max(model.time, isNow ? live.clock() : isRunning ? position.clock : 0);
  return {
    store, model, position: position.event, source, now, isRunning,
    seconds: minute(store, model, now), ...totalsAt(live?.server.looks ?? null, store, model),
    unseen: unseen(live?.server.looks.samples ?? [], position.event),
    chosen: choose(model, now), followsLast: page.choice === null, isGone: live !== null && !live.server.isOnline,
  };
}

// While it runs, nobody could read a line if each that acts were looked at.
function choose(model, now) {
  if (page.choice !== null) return page.choice;
  const isDue = !position.follows || page.followed === null || Math.abs(now - page.followedSince) > STAY
    || !model.connections.has(page.followed);
  if (isDue && model.last > 0) Object.assign(page, { followed: model.last, followedSince: now });
  return page.followed;
}

function draw(view, at) {
  // What is paused changes only by what the server says of the time before.
  const pace = view.isRunning ? (PACES.find(([rate]) => page.rate < rate) ?? PACES[0])[1] : AT_REST;
  drawStations(view);
  drawWaysTaken(view);
  if (at - page.drawnAt < pace) return;
  page.drawnAt = at;
  drawStrip(view);
  drawMoment(view);
  drawMap(view, pace === 0);
  drawCrowd(view);
  drawStory(view);
  drawTotals(view);
}

function drawStatus() {
  const { store, live } = page;
  const [name, text] = page.isLoading ? ['loading', `reading: ${many(store.newest, 'event')}`]
    : status(position, live?.server);
  document.body.dataset.status = name;
  put(find('#status'), text);
  put(find('#flow'), flow());
  put(find('#pause'), position.mode === 'running' ? 'Pause' : 'Go on');
  const where = find('#where');
  Object.assign(where, { min: Math.max(0, store.first - 1), max: store.newest });
  where.value = position.event;
  where.setAttribute('aria-valuetext', `event ${number(position.event)} of ${number(store.newest)}`);
  put(find('#count'), `event ${number(position.event)} of ${number(store.newest)}`);
}

function flow() {
  const { store, live } = page;
  const words = page.failure ? [`it goes no further: ${page.failure}`] : [];
  if (live?.server.isOnline) words.push(`${number(page.rate)} events a second`);
  if (store.first > 1) words.push(`events 1 to ${number(store.first - 1)} have fallen out`);
  if (store.head.lost > 0) words.push(`${number(store.head.lost)} lost: more than this page could take`);
  if (store.broken > 0) words.push(`${many(store.broken, 'broken line')} left out`);
  return words.join(', ');
}

function count() {
  const { counted, store } = page;
  const at = seconds();
  if (at - counted.at < 1) return;
  page.rate = Math.max(0, store.newest - counted.event) / (at - counted.at);
  page.counted = { event: store.newest, at };
}

/** Moves by what a method of the position does, one after the other. */
function move(step) {
  position.work = position.work.then(() => step(position)).then(moved, fail);
}

// What a source can't give is said; the keys go on working.
function fail(error) {
  page.failure = String(error?.message ?? error);
  position.isPaused = true;
  moved();
}

// The address says where we are, once we stay there; what else it says is not ours.
function keepAddress() {
  const hash = new URLSearchParams(location.hash.slice(1));
  if (position.isPaused) hash.set('event', String(position.event));
  else hash.delete('event');
  if (page.choice === null) hash.delete('connection');
  else hash.set('connection', String(page.choice));
  const text = hash.toString();
  history.replaceState(null, '', text ? `#${text}` : location.pathname + location.search);
}

function openAtAddress() {
  const hash = new URLSearchParams(location.hash.slice(1));
  const [event, connection] = ['event', 'connection'].map((name) => Number.parseInt(hash.get(name) ?? '', 10));
  if (connection > 0) look(connection);
  if (event >= 0) move((here) => here.open(event));
}

function look(choice) {
  Object.assign(page, { choice, followed: choice ?? page.followed });
  find('#chosen').value = choice ?? '';
  moved();
}

async function showTrace(readIn) {
  page.leaving.abort();
  page.store = new Store({ isRing: false });
  Object.assign(page, { source: 'trace', live: null, isLoading: true, choice: null, followed: null });
  position = new Position(page.store, { isLive: false, more: null });
  nameSource();
  const ticks = setInterval(drawStatus, TICK);
  await readIn(page.store);
  clearInterval(ticks);
  page.isLoading = false;
  position.end();
  moved();
}

function nameSource() {
  const name = { live: 'live', trace: 'recorded', play: 'simulated' }[page.source];
  put(find('#source'), name);
  document.title = `sockmodes, ${name}`;
  find('#play').hidden = page.source !== 'play';
}

const STARTS = {
  live() {
    page.live = follow(page.store, schedule, page.leaving.signal);
    say();
  },
  trace: () => showTrace(readDocument),
  async play() {
    const { start } = await import('./play.js');
    const begin = (store, more) => {
      if (page.source !== 'play') return;
      page.store = store;
      position = new Position(store, { isLive: false, more });
      position.end();
      moved();
    };
    await start({ begin, open: (event) => move((here) => here.open(event)), panel: find('#play') });
  },
};

function listenToReader() {
  listenToKeys((step) => move(step));
  find('#newest').addEventListener('click', () => look(null));
  find('#follow').addEventListener('submit', (event) => {
    event.preventDefault();
    const choice = Number(find('#chosen').value);
    if (choice > 0) look(choice);
  });
  find('#where').addEventListener('input', ({ target }) => move((here) => here.moveTo(Number(target.value))));
  for (const control of ['#search', '#order']) find(control).addEventListener('input', moved);
  document.addEventListener('click', ({ target }) => {
    const button = /** @type {Element} */ (target).closest('[data-connection], [data-event]');
    if (!button || button === root) return;
    const { connection, event } = /** @type {HTMLElement} */ (button).dataset;
    if (connection) look(Number(connection));
    else move((here) => here.moveTo(Number(event)));
  });
  const take = (file) => file && showTrace((store) => readFile(store, file));
  find('#file').addEventListener('change', ({ target }) => take(target.files[0]));
  document.addEventListener('dragover', (event) => event.preventDefault());
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    take(event.dataTransfer?.files[0]);
  });
  window.addEventListener('hashchange', openAtAddress);
}

nameSource();
listenToReader();
await STARTS[page.source]();
openAtAddress();
setInterval(() => {
  count();
  schedule();
}, TICK);
