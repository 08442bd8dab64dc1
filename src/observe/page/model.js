// What is known after an event, as plain data: records go in, one after the other. No document and no clock, so
// that it can be tested by itself. A copy is cheap: what it holds of connections is shared until it changes.

import { Connection, feel, hear, say } from './connection.js';
import { copyOf, count, tally } from './tally.js';
import { countStep, noSteps } from './turns.js';
import { isWorthALook } from './worth.js';

/** @typedef {{ event: string, [field: string]: any }} Event */

export const STATES = [
  'await_header', 'send_nonce', 'await_digest', 'serving', 'verifying', 'draining', 'ending', 'lingering',
];

const COUNTED = new Set(STATES);
const NO_BUFFERS = [];
const CLOSED = 12; // those that are kept after their end
/** @returns {Record<string, number>} */
const zero = () => Object.fromEntries(STATES.map((state) => [state, 0]));
let epochs = 0;

/** A model that knows nothing yet. */
export function create() {
  return {
    epoch: 0, event: 0, time: 0, lost: 0, lostAt: 0,
    phase: /** @type {'unknown' | 'waiting' | 'working'} */ ('unknown'),
    since: 0, atMost: /** @type {number | null} */ (null),
    turns: 0, turnBegan: 0, inTurn: false, steps: noSteps(), stepsBefore: noSteps(),
    connections: /** @type {Map<number, Connection>} */ (new Map()), counts: zero(),
    closed: /** @type {Connection[]} */ ([]), ways: /** @type {Record<string, number>} */ ({}),
    last: 0, atWorkers: 0, owed: 0,
    draining: false, stopped: false, paused: false,
    address: /** @type {string | null} */ (null), maxBuffer: /** @type {number | null} */ (null),
    tally: tally(),
  };
}

/** @typedef {ReturnType<typeof create>} Model */

/**
 * A copy that changes apart from what it was copied from.
 * @param {Model} model
 * @returns {Model}
 */
export function copy(model) {
  epochs += 2;
  model.epoch = epochs;
  return {
    ...model, epoch: epochs + 1, connections: new Map(model.connections), counts: { ...model.counts },
    closed: [...model.closed], ways: { ...model.ways }, steps: { ...model.steps },
    stepsBefore: { ...model.stepsBefore }, tally: copyOf(model.tally),
  };
}

/**
 * Takes in one record of the trace.
 * @param {Model} model
 * @param {Event} record
 */
export function apply(model, record) {
  take(model, record);
  for (const { connection, ...kernel } of record.buffers ?? NO_BUFFERS) {
    if (model.connections.has(connection)) own(model, connection).kernel = kernel;
  }
}

function take(model, record) {
  model.event += 1;
  if (record.time !== undefined) model.time = record.time;
  const { event } = record;
  count(model.tally, record, model.inTurn);
  const ofLoop = LOOP.get(event);
  if (ofLoop) return ofLoop(model, record);
  const connection = record.connection === undefined ? null : connectionOf(model, record);
  if (model.inTurn) countStep(model.steps, record);
  if (!connection) return;
  if (isWorthALook(record)) connection.worth = model.event;
  CONNECTION.get(event)?.(model, record, connection);
}

/**
 * What an event that concerns no connection changes.
 * @type {Record<string, (model: Model, record: Event) => void>}
 */
export const OF_LOOP = {
  listening(model, { address, max_buffer: maxBuffer }) {
    model.address ??= address;
    model.maxBuffer = maxBuffer ?? model.maxBuffer;
  },
  waiting(model, { time, at_most: atMost }) {
    end(model);
    Object.assign(model, { phase: 'waiting', since: time, atMost });
  },
  turn(model, { time }) {
    end(model);
    Object.assign(model, { phase: 'working', since: time, inTurn: true, turnBegan: model.event });
    model.turns += 1;
    model.steps = noSteps();
  },
  turn_end(model, { time }) {
    end(model);
    Object.assign(model, { phase: 'unknown', since: time });
  },
  accept_paused: (model) => { model.paused = true; },
  accept_resumed: (model) => { model.paused = false; },
  grace: (model) => { model.draining = true; },
  draining: (model) => { model.draining = true; },
  stopped: (model) => { model.stopped = true; },
  lost: lose,
};

function end(model) {
  if (model.inTurn) model.stepsBefore = model.steps;
  model.inTurn = false;
}

/**
 * What happened in between may have changed anything.
 * @param {Model} model
 * @param {Event} record
 */
function lose(model, { lines }) {
  model.lost += lines;
  model.lostAt = model.event;
  end(model);
  model.phase = 'unknown';
  for (const number of model.connections.keys()) {
    const connection = own(model, number);
    setOwed(model, connection, 0);
    finishCheck(model, connection);
    Object.assign(connection, { sure: false, whole: false, queued: false, full: null, timer: null });
  }
}

/**
 * What an event of a connection changes.
 * @type {Record<string, (model: Model, record: Event, connection: Connection) => void>}
 */
export const OF_CONNECTION = {
  state(model, { from, to }, connection) {
    move(model, connection, to);
    if (to !== 'verifying') finishCheck(model, connection);
    connection.judged = false;
    model.ways[`${from}>${to}`] = model.event;
  },
  accepted: (_model, { peer }, connection) => { connection.peer = peer; },
  // Behind a proxy it was accepted before, and now it is known whose it is.
  opened(model, { peer, state, via }, connection) {
    Object.assign(connection, { peer, via: via ?? null });
    if (connection.state !== state) move(model, connection, state);
  },
  let_in: (_model, { peer }, connection) => { Object.assign(connection, { peer, letIn: true }); },
  ready: (_model, record, connection) => feel(connection, record),
  received: (_model, record, connection) => hear(connection, record),
  sent(model, record, connection) {
    const before = connection.owed;
    say(connection, record);
    model.owed += connection.owed - before;
  },
  owed(model, { bytes }, connection) {
    setOwed(model, connection, bytes);
    Object.assign(connection, { full: true, writable: false, owedSince: model.time });
  },
  shut_down: (_model, _record, connection) => { connection.shut = true; },
  requeued: (_model, _record, connection) => { connection.queued = true; },
  submitted(model, { time }, connection) {
    if (connection.atWorker === null) model.atWorkers += 1;
    Object.assign(connection, { atWorker: time, judged: false });
  },
  login(model, _record, connection) {
    finishCheck(model, connection);
    connection.judged = true;
  },
  deadline: (_model, _record, connection) => { connection.timer = null; },
  timer(_model, { kind, until, time }, connection) {
    Object.assign(connection, { timer: until === null ? null : kind, until: until ?? 0, timerSet: time });
  },
  closed(model, record, connection) {
    const { peer, received, sent, let_in: letIn } = record;
    Object.assign(connection, { peer, received, sent, letIn });
    bury(model, record, connection);
  },
  refused(model, record, connection) {
    connection.peer = record.peer;
    bury(model, record, connection);
  },
};

// To look in a map for what may not be there takes a fraction of what it takes in an object.
const [LOOP, CONNECTION] = [new Map(Object.entries(OF_LOOP)), new Map(Object.entries(OF_CONNECTION))];

function setOwed(model, connection, owed) {
  model.owed += owed - connection.owed;
  connection.owed = owed;
}

function finishCheck(model, connection) {
  if (connection.atWorker === null) return;
  model.atWorkers -= 1;
  connection.atWorker = null;
}

/**
 * A connection of this model's own, to be changed in place.
 * @param {Model} model
 * @param {number} number
 * @returns {Connection}
 */
function own(model, number) {
  const shared = /** @type {Connection} */ (model.connections.get(number));
  if (shared.epoch === model.epoch) return shared;
  const mine = shared.copy(model.epoch);
  model.connections.set(number, mine);
  return mine;
}

/**
 * @param {Model} model
 * @param {Event} record
 * @returns {Connection}
 */
function connectionOf(model, record) {
  const { connection: number, event, time } = record;
  const isKnown = model.connections.has(number);
  const connection = isKnown ? own(model, number) : welcome(model, record);
  model.last = number;
  connection.event = model.event;
  connection.at = time;
  connection.sure = true;
  // It has its turn: whoever waited for it in the queue waits no more.
  if (connection.queued && ['received', 'sent'].includes(event)) {
    connection.queued = false;
    if (model.inTurn) model.steps.queue += 1;
  }
  return connection;
}

// One that nobody has told of is in the state that it now leaves, or most likely served.
function welcome(model, record) {
  const { connection: number, event, time } = record;
  const connection = new Connection(number, time, model.epoch);
  const isNew = ['accepted', 'opened', 'refused'].includes(event);
  // Who is told of without being accepted in a turn was there before.
  connection.whole = isNew && model.inTurn;
  model.connections.set(number, connection);
  move(model, connection, record.state ?? record.from ?? 'serving');
  return connection;
}

/**
 * @param {Model} model
 * @param {Connection} connection
 * @param {string | null} to
 */
function move(model, connection, to) {
  if (connection.state !== null && COUNTED.has(connection.state)) model.counts[connection.state] -= 1;
  if (to !== null && COUNTED.has(to)) model.counts[to] += 1;
  connection.state = to;
}

/**
 * Some are gone, though nothing has told so.
 * @param {Model} model
 * @param {number[]} numbers
 */
export function forget(model, numbers) {
  for (const number of numbers) {
    if (model.connections.has(number)) remove(model, own(model, number));
  }
}

function remove(model, connection) {
  setOwed(model, connection, 0);
  finishCheck(model, connection);
  move(model, connection, null);
  model.connections.delete(connection.number);
}

/**
 * @param {Model} model
 * @param {Event} record
 * @param {Connection} connection
 */
function bury(model, { reason }, connection) {
  remove(model, connection);
  Object.assign(connection, { state: 'closed', reason, queued: false, timer: null });
  model.closed.push(connection);
  if (model.closed.length > CLOSED) model.closed.shift();
}

/**
 * The events begin anew, with what is open: of all else nothing is known any more.
 * @param {Model} model
 */
export function restart(model) {
  const { event, time, lost, epoch, turns, tally: before } = model;
  Object.assign(model, create(), { event, time, lost, epoch, turns, tally: before });
}
