// Reads what the server tells, keeps the model, and decides when what is drawn. Records are taken
// in as they come; the document is written at most once a frame, and its parts no oftener than an
// eye can follow.

import { apply, choose, create, lose, measure } from './model.js';
import { drawStory, drawTotals, find, put } from './draw.js';
import { drawMap, drawSteps } from './map.js';
import { drawStations, drawStrip } from './strip.js';
import { many, number } from './words.js';

// In milliseconds.
const TICK = 100;
const POLL = 1000;
const RETRY = 2000;
const WORK = 8; // then the browser has its turn

// Events a second, and how often the parts that show connections are drawn then.
const PACES = [[300, 0], [3000, 250], [Infinity, 1000]];

const page = {
  model: create(), frozen: null, counted: 0, offset: Infinity, rate: 0, measured: null,
  isOnline: false, wasOnline: false, refusal: null, isDraining: false,
  isScheduled: false, isOver: false, drawnAt: 0,
};

/** Now, on the server's clock: the record that travelled fastest says how far it is from ours. */
function clock() {
  return page.offset === Infinity ? 0 : performance.now() / 1000 - page.offset;
}

function takeIn(text) {
  const blocks = text.split('\n\n');
  const rest = blocks.pop();
  const before = page.model.events;
  for (const block of blocks) {
    if (block.startsWith('data: ')) apply(page.model, JSON.parse(block.slice(6)));
    else takeOther(block);
  }
  page.counted += page.model.events - before;
  if (page.model.events > 0) {
    page.offset = Math.min(page.offset, performance.now() / 1000 - page.model.time);
  }
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
async function follow() {
  const headers = { accept: 'text/event-stream' };
  const response = await fetch('events', { headers, cache: 'no-store' });
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

// Another server may have taken the place of the one that stopped: nothing is known of it.
function begin() {
  Object.assign(page, {
    model: create(), offset: Infinity, measured: null,
    isOnline: true, wasOnline: true, isDraining: false, isOver: false,
  });
  poll();
}

async function listen() {
  for (;;) {
    try {
      await follow();
    } catch {
      // Whatever it was, there is only one thing to do: to try again.
      page.refusal = null;
    }
    page.isOnline = false;
    Object.assign(page.model, { phase: 'unknown', over: true });
    page.drawnAt = 0;
    schedule();
    await pause(RETRY);
  }
}

async function poll() {
  const { model } = page;
  try {
    // A server that stops does not think better of it: there is no need to ask again.
    page.isDraining ||= (await fetch('healthz', { cache: 'no-store' })).status === 503;
    const metrics = await fetch('metrics', { cache: 'no-store' });
    if (metrics.ok) measure(model, await metrics.text(), performance.now() / 1000);
  } catch {
    // The stream ends then, too, and says so.
    return;
  }
  countRate(model);
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
  drawTotals(model);
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
  if (!page.isOnline && !page.wasOnline) return ['gone', 'connecting'];
  if (!page.isOnline) {
    return ['gone', `the server ${isStopping ? 'has stopped' : 'is gone'}; trying again`];
  }
  if (isStopping) return ['draining', 'the server is stopping'];
  return ['live', 'live'];
}

function togglePause() {
  page.frozen = page.frozen ? null : {
    model: structuredClone(page.model), now: clock(), counted: page.counted,
  };
  const button = find('#pause');
  button.setAttribute('aria-pressed', page.frozen !== null);
  put(button, page.frozen ? 'Go on' : 'Pause');
  page.drawnAt = 0;
  schedule();
}

// What is chosen in a frozen picture is also what is seen when it goes on.
function look(choice) {
  choose(page.model, choice);
  const { frozen } = page;
  if (frozen) choose(frozen.model, choice);
  find('#chosen').value = choice ?? '';
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
