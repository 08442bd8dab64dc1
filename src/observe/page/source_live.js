// The source that is a running server: its events as they come, and once a second its totals.

import { look, noLooks, reconcile } from './samples.js';

// In milliseconds.
const POLL = 1000;
const RETRY = 2000;
const PATIENCE = 3000; // for an answer
const AWAY = 10_000; // hidden for this long, the page leaves its place to others
const WORK = 8; // then the browser has its turn

const seconds = () => performance.now() / 1000;
/** @type {(time: number) => Promise<void>} */
const pause = (time) => new Promise((resolve) => { setTimeout(resolve, time); });

const channel = new MessageChannel();
/** @returns {Promise<any>} */
const breathe = () => new Promise((resolve) => {
  channel.port1.onmessage = resolve;
  channel.port2.postMessage(null);
});

/**
 * What is known of the server beside its events.
 * @typedef {ReturnType<typeof unknown>} Server
 */
const unknown = () => ({
  isOnline: false, wasOnline: false, isAway: false, isDraining: false,
  /** @type {number | null} the status of an answer that was no stream */
  refusal: null,
  /** The record that travelled fastest says how far the server's clock is from ours. */
  offset: Infinity,
  /** @type {number | null} when the stream ended, on the reader's clock */
  endedAt: null,
  looks: noLooks(),
});

/**
 * Follows the server that this page is from.
 * @param {import('./store.js').Store} store
 * @param {() => void} changed
 * @param {AbortSignal} signal which ends it
 * @returns {{ server: Server, clock: () => number }}
 */
export function follow(store, changed, signal) {
  const server = unknown();
  const watcher = { store, server, changed, signal, rest: '', leaving: new AbortController() };
  leaveWhenHidden(watcher);
  listen(watcher);
  watch(watcher);
  return { server, clock: () => (server.offset === Infinity ? 0 : (server.endedAt ?? seconds()) - server.offset) };
}

async function listen(watcher) {
  const { server, signal, changed } = watcher;
  while (!signal.aborted) {
    await isSeen();
    watcher.leaving = new AbortController();
    try {
      await readEvents(watcher, AbortSignal.any([watcher.leaving.signal, signal]));
    } catch {
      // Whatever it was, there is only one thing to do: try again.
      server.refusal = null;
    }
    if (signal.aborted) return;
    Object.assign(server, { isOnline: false, isAway: watcher.leaving.signal.aborted });
    server.endedAt ??= seconds();
    changed();
    if (!server.isAway) await pause(RETRY);
  }
}

// Not an EventSource: this is told when the stream ends, and takes a thousand records in one go.
async function readEvents(watcher, signal) {
  const headers = { accept: 'text/event-stream' };
  const response = await fetch('events', { headers, cache: 'no-store', signal });
  watcher.server.refusal = response.ok ? null : response.status;
  if (!response.ok) return;
  begin(watcher);
  const reader = /** @type {ReadableStream} */ (response.body).pipeThrough(new TextDecoderStream()).getReader();
  let since = performance.now();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    takeIn(watcher, value);
    watcher.changed();
    if (performance.now() - since > WORK) {
      await breathe();
      since = performance.now();
    }
  }
}

// Another server may have taken the place of the one that stopped, and the same one tells what is open anew.
function begin(watcher) {
  watcher.store.restart();
  watcher.rest = '';
  Object.assign(watcher.server, {
    offset: Infinity, endedAt: null, isOnline: true, wasOnline: true, isDraining: false, isAway: false,
  });
  poll(watcher);
}

function takeIn(watcher, text) {
  const { store, server } = watcher;
  const blocks = (watcher.rest + text).split('\n\n');
  watcher.rest = blocks.pop();
  const wasDraining = store.head.draining;
  store.add(blocks.map(recordOf).filter((record) => record !== null));
  if (store.newest > 0) server.offset = Math.min(server.offset, seconds() - store.head.time);
  // It may be the last chance to ask for the totals.
  if (store.head.draining && !wasDraining) poll(watcher);
}

// Comments keep the stream alive and say nothing.
function recordOf(block) {
  if (block.startsWith('data: ')) return JSON.parse(block.slice(6));
  const [event, data] = block.split('\ndata: ');
  return event === 'event: lost' && data ? { event: 'lost', lines: JSON.parse(data).lost } : null;
}

/** @returns {Promise<any>} */
const isSeen = () => new Promise((resolve) => {
  if (document.hidden) document.addEventListener('visibilitychange', resolve, { once: true });
  else resolve(null);
});

// A browser has six connections per host, for all its tabs: one that nobody sees must not keep one.
function leaveWhenHidden(watcher) {
  let goodbye;
  document.addEventListener('visibilitychange', () => {
    clearTimeout(goodbye);
    if (document.hidden) goodbye = setTimeout(() => watcher.leaving.abort(), AWAY);
  }, { signal: watcher.signal });
}

async function watch(watcher) {
  while (!watcher.signal.aborted) {
    await pause(POLL);
    if (watcher.server.isOnline) await poll(watcher);
  }
}

const ask = (path) => fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });

async function poll({ store, server, changed }) {
  const at = seconds();
  const { newest } = store;
  try {
    // A server that stops does not think better of it: there is no need to ask again.
    server.isDraining ||= store.head.draining || (await ask('healthz')).status === 503;
    const metrics = await ask('metrics');
    if (!metrics.ok) return;
    const text = await metrics.text();
    look(server.looks, store, text, at, store.newest === newest);
  } catch {
    // It is asked again in a second.
    return;
  }
  store.forget(reconcile(server.looks.samples, store));
  changed();
}
