// Reads what the server tells, keeps the model, and decides when what is drawn. Records are taken
// in as they come; the document is written at most once a frame, and its parts no more often than
// the eye can follow.

import { apply, choose, create, lose, measure } from './model.js';
import { drawStory, drawTotals, find, put } from './draw.js';
import { drawMap, drawSteps } from './map.js';
import { drawStations, drawStrip } from './strip.js';
import { many, number } from './words.js';

// In milliseconds.
const TICK = 100;
const POLL = 1000;
const RETRY = 2000;
const PATIENCE = 3000; // for an answer
const AWAY = 10_000; // hidden for this long, the page leaves its place to others
const WORK = 8; // then the browser has its turn

// Below so many events a second, the parts that show connections are drawn so many milliseconds apart.
const PACES = [[300, 0], [3000, 250], [Infinity, 1000]];

const page = {
  model: create(), frozen: null, counted: 0, offset: Infinity, rate: 0, measured: null,
  isOnline: false, wasOnline: false, refusal: null, isDraining: false, endedAt: null,
  leaving: null, isAway: false,
  isScheduled: false, isOver: false, drawnAt: 0,
};

/** Now, on the server's clock: the record that travelled fastest says how far it is from ours. */
function clock() {
  return page.offset === Infinity ? 0 : seconds() - page.offset;
}

const seconds = () => performance.now() / 1000;

function takeIn(text) {
  const blocks = text.split('\n\n');
  const rest = blocks.pop();
  const { events: before, draining: wasDraining } = page.model;
  for (const block of blocks) {
    if (block.startsWith('data: ')) apply(page.model, JSON.parse(block.slice(6)));
    else takeOther(block);
  }
  page.counted += page.model.events - before;
  if (page.model.events > 0) page.offset = Math.min(page.offset, seconds() - page.model.time);
  // It may be the last chance to ask for the totals.
  if (page.model.draining && !wasDraining) poll();
  return rest;
}

// Comments keep the stream alive and say nothing.
function takeOther(block) {
  const fields = new Map(block.split('\n').map((line) => {
    const end = line.indexOf(':');
    return [line.slice(0, end), line.slice(end + 1).trimStart()];
  }));
  if (!fields.has('data')) return;
  const data = JSON.parse(fields.get('data'));
  if (fields.get('event') === 'lost') lose(page.model, data.lost);
  else apply(page.model, data);
}

const pause = (time) => new Promise((resolve) => { setTimeout(resolve, time); });

const channel = new MessageChannel();
const breathe = () => new Promise((resolve) => {
  channel.port1.onmessage = resolve;
  channel.port2.postMessage(null);
});

// Not an EventSource: this is told when the stream ends, and takes a thousand records in one go.
async function follow(signal) {
  const headers = { accept: 'text/event-stream' };
  const response = await fetch('events', { headers, cache: 'no-store', signal });
  page.refusal = response.ok ? null : response.status;
  if (page.refusal) return;
  begin();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  let since = performance.now();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest = takeIn(rest + value);
    schedule();
    if (performance.now() - since > WORK) {
      await breathe();
      since = performance.now();
    }
  }
}

// Another server may have taken the place of the one that stopped: nothing is known about it, and it
// counts its connections anew. A reader who only looked away goes on with the same choice.
function begin() {
  const choice = page.isAway ? choiceOf(page.model) : null;
  Object.assign(page, {
    model: create(), offset: Infinity, measured: null, endedAt: null,
    isOnline: true, wasOnline: true, isDraining: false, isAway: false, isOver: false,
  });
  if (choice !== null) choose(page.model, choice);
  showChoice();
  poll();
}

const choiceOf = ({ followsNewest, chosen }) => (followsNewest ? null : chosen.number);

function showChoice() {
  find('#chosen').value = choiceOf(page.frozen?.model ?? page.model) ?? '';
}

async function listen() {
  for (;;) {
    await isSeen();
    page.leaving = new AbortController();
    const { signal } = page.leaving;
    try {
      await follow(signal);
    } catch {
      // Whatever it was, there is only one thing to do: try again.
      page.refusal = null;
    }
    Object.assign(page, { isOnline: false, isAway: signal.aborted, drawnAt: 0 });
    page.endedAt ??= seconds();
    Object.assign(page.model, { phase: 'unknown', over: true });
    schedule();
    if (!page.isAway) await pause(RETRY);
  }
}

const isSeen = () => new Promise((resolve) => {
  if (document.hidden) document.addEventListener('visibilitychange', resolve, { once: true });
  else resolve();
});

// A browser has six connections per host, for all its tabs: one that nobody sees must not keep one.
let goodbye;
document.addEventListener('visibilitychange', () => {
  clearTimeout(goodbye);
  if (document.hidden) goodbye = setTimeout(() => page.leaving?.abort(), AWAY);
});

const ask = (path) => fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });

async function poll() {
  const { model } = page;
  try {
    // A server that stops does not think better of it: there is no need to ask again.
    page.isDraining ||= model.draining || (await ask('healthz')).status === 503;
    const at = seconds();
    const metrics = await ask('metrics');
    if (metrics.ok) measure(model, await metrics.text(), at);
  } catch {
    // The totals say how old they are.
  }
  if (model !== page.model) return;
  countRate(model);
  // What was asked for before the end may be answered after it.
  Object.assign(page, { isOver: false, drawnAt: 0 });
  schedule();
}

function countRate(model) {
  const at = performance.now();
  const events = model.events + model.lost;
  const { measured } = page;
  if (measured) page.rate = (events - measured.events) / (at - measured.at) * 1000;
  page.measured = { at, events };
}

async function watch() {
  for (;;) {
    await pause(POLL);
    if (page.isOnline) await poll();
  }
}

function schedule() {
  if (page.isScheduled) return;
  page.isScheduled = true;
  requestAnimationFrame(paint);
}

function paint(at) {
  page.isScheduled = false;
  drawStatus();
  if (page.frozen || page.isOver) return;
  draw(page.model, clock(), at);
  // The last picture stays, until there is a server again.
  page.isOver = page.wasOnline && !page.isOnline;
}

function draw(model, now, at) {
  const pace = PACES.find(([rate]) => page.rate < rate)[1];
  drawStations(model, now);
  drawStrip(model, now);
  drawSteps(model, now);
  if (at - page.drawnAt < pace) return;
  page.drawnAt = at;
  drawMap(model, now, pace === 0);
  drawStory(model, now);
  drawTotals(model, page.frozen?.read ?? page.endedAt ?? seconds());
}

function drawStatus() {
  const [name, text] = status();
  const { model, frozen } = page;
  document.body.dataset.status = name;
  put(find('#status'), text);
  const words = [];
  if (frozen) words.push(`${many(page.counted - frozen.counted, 'event')} since`);
  else if (page.isOnline) words.push(`${number(page.rate)} events a second`);
  if (model.lost > 0) words.push(`${number(model.lost)} lost: more than this page could take`);
  put(find('#flow'), words.join(', '));
}

function status() {
  const [name, text] = connection();
  if (!page.frozen) return [name, text];
  return ['paused', name === 'live' ? 'paused' : `paused; ${text}`];
}

function connection() {
  const isStopping = page.isDraining || page.model.draining;
  if (page.refusal) {
    return ['gone', `the server refuses the events (${page.refusal}); trying again`];
  }
  if (!page.isOnline && (page.isAway || !page.wasOnline)) return ['gone', 'connecting'];
  if (!page.isOnline) {
    return ['gone', `the server ${isStopping ? 'has stopped' : 'is gone'}; trying again`];
  }
  if (isStopping) return ['draining', 'the server is stopping'];
  return ['live', 'live'];
}

function togglePause() {
  page.frozen = page.frozen ? null : {
    model: structuredClone(page.model), now: clock(), read: seconds(), counted: page.counted,
  };
  put(find('#pause'), page.frozen ? 'Resume' : 'Pause');
  showChoice();
  page.drawnAt = 0;
  schedule();
}

// What is chosen in a frozen picture is also what is seen when it goes on.
function look(choice) {
  choose(page.model, choice);
  const { frozen } = page;
  if (frozen) choose(frozen.model, choice);
  showChoice();
  page.drawnAt = 0;
  draw(frozen?.model ?? page.model, frozen?.now ?? clock(), performance.now());
}

find('#pause').addEventListener('click', togglePause);
find('#newest').addEventListener('click', () => look(null));
find('#follow').addEventListener('submit', (event) => {
  event.preventDefault();
  const choice = Number(find('#chosen').value);
  if (choice > 0) look(choice);
});
document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-connection]');
  if (button) look(Number(button.dataset.connection));
});

setInterval(schedule, TICK);
listen();
watch();
