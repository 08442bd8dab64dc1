// What the page knows, as plain data: records and measurements go in. No document and no clock, so
// that it can be tested by itself, and copied whole when the picture is frozen.

import { parse } from './totals.js';
import { countStep, finish, gate, isAdmitted, leaveOut, noSteps } from './turns.js';

export const STATES = [
  'await_header', 'send_nonce', 'await_digest', 'serving', 'verifying', 'draining', 'ending', 'lingering',
];

// Bounds: whatever the server does, the page keeps no more than this.
const KNOWN = 5000; // connections, one by one; the rest are counts
const WITH_LINES = 256; // up to this many, each keeps its last records
const LINES = 40;
const TURN_RECORDS = 40;
const CLOSED = 12;

// In seconds: how long a connection is followed before a newer one takes its place, and after how
// long without a word one that may have changed unseen is forgotten.
const STAY = 3;
const FORGET = 3;
const MINUTE = 60; // of measurements

const zero = () => Object.fromEntries(STATES.map((state) => [state, 0]));

/** A model that knows nothing yet. */
export function create() {
  return {
    events: 0, lost: 0, time: 0,
    phase: 'unknown', since: 0, atMost: null,
    turn: null, mark: null, turnCount: 0, turns: [], steps: {},
    gate: gate(),
    connections: new Map(), counts: zero(), unseen: zero(), gap: null,
    closed: [], ways: {},
    chosen: null, chosenAt: 0, newest: null, followsNewest: true,
    draining: false, stopped: false, over: false, address: null,
    totals: null, samples: [],
  };
}

/** Takes in one record of the trace. */
export function apply(model, record) {
  // Every page is told this first, with the time of the start: it says nothing about now.
  if (record.event === 'listening') {
    model.address ??= record.address;
    return;
  }
  model.events += 1;
  model.time = record.time;
  if (Object.hasOwn(OF_LOOP, record.event)) {
    OF_LOOP[record.event](model, record);
    return;
  }
  const connection = record.connection === undefined ? null : connectionOf(model, record);
  note(model, record, connection);
  if (Object.hasOwn(OF_CONNECTION, record.event)) {
    OF_CONNECTION[record.event](model, record, connection);
  }
}

/** `count` records are missing here. */
export function lose(model, count) {
  model.lost += count;
  model.turn = null;
  model.phase = 'unknown';
  leaveOut(model).lost += count;
  for (const connection of model.connections.values()) {
    connection.sure = false;
    connection.queued = false;
    connection.whole = false;
    // They soon leave these states, and what they do next tells where they are.
    if (['await_header', 'send_nonce', 'await_digest'].includes(connection.state)) forget(model, connection);
  }
}

/** Looks at one connection, from now on; null: at the newest. */
export function choose(model, number) {
  model.followsNewest = number === null;
  if (number === null) {
    model.chosen = model.newest;
  } else if (model.chosen?.number !== number) {
    const closed = model.closed.find((each) => each.number === number);
    model.chosen = model.connections.get(number) ?? closed ?? stranger(number);
  }
  if (model.chosen) model.chosen.lines ??= [];
  model.chosenAt = model.time;
}

/** What an event that concerns no connection changes. */
export const OF_LOOP = {
  waiting(model, { time, at_most: atMost }) {
    // If there is still a turn, its end is missing.
    if (model.turn) finish(model, null);
    Object.assign(model, { phase: 'waiting', since: time, atMost });
  },
  turn(model, { time, ready }) {
    const waited = model.phase === 'waiting' ? time - model.since : null;
    Object.assign(model, { phase: 'working', since: time });
    model.turnCount += 1;
    model.mark = { number: model.turnCount, waited };
    model.turn = {
      ...model.mark, id: `turn ${time}`, ready, took: null,
      shown: isAdmitted(model.gate, time), records: [], more: 0,
      steps: noSteps(),
    };
  },
  turn_end(model, { took }) {
    if (model.turn) finish(model, took);
    model.phase = 'unknown';
  },
  grace(model, record) {
    model.draining = true;
    note(model, record, null);
  },
  draining(model, record) {
    model.draining = true;
    note(model, record, null);
  },
  stopped(model) {
    model.stopped = true;
  },
};

/** What an event of a connection changes, beside its lines. */
export const OF_CONNECTION = {
  state(model, { time, from, to }, connection) {
    move(model, connection, to);
    model.ways[`${from}>${to}`] = time;
  },
  // Behind a proxy it was accepted before, and now it is known whose it is.
  opened(_model, { peer }, connection) {
    connection.peer = peer;
  },
  let_in(_model, { peer }, connection) {
    connection.peer = peer;
  },
  received(_model, { bytes }, connection) {
    connection.received += bytes ?? 0;
  },
  sent(_model, { bytes }, connection) {
    connection.sent += bytes ?? 0;
  },
  closed(model, record, connection) {
    const { peer, received, sent } = record;
    Object.assign(connection, { peer, received, sent, whole: true });
    bury(model, record, connection);
  },
  refused(model, record, connection) {
    connection.peer = record.peer;
    bury(model, record, connection);
  },
};

function stranger(number) {
  return {
    number, peer: null, state: null, received: 0, sent: 0,
    // Whether everything that it did was seen; whether its state is certain; and if not, when the
    // metrics were first asked about it, on the reader's clock.
    whole: false, sure: true, doubted: null,
    queued: false, reason: null, at: 0, lines: null, left: 0,
  };
}

function connectionOf(model, record) {
  const { connection: number, event, time } = record;
  let connection = model.connections.get(number);
  if (!connection) {
    connection = model.chosen?.number === number ? model.chosen : stranger(number);
    const isNew = ['accepted', 'opened'].includes(event);
    if (isNew) Object.assign(connection, { peer: record.peer, whole: true });
    // Those that are over with this record are never among the open ones.
    if (!['closed', 'refused'].includes(event) && model.connections.size < KNOWN) {
      model.connections.set(number, connection);
      move(model, connection, record.state ?? record.from ?? guess(model));
      if (!isNew && model.unseen[connection.state] > 0) {
        model.unseen[connection.state] -= 1;
      }
    }
    if (model.connections.size <= WITH_LINES) connection.lines ??= [];
    if (!(number < model.newest?.number)) model.newest = connection;
  }
  lookAtNewest(model);
  Object.assign(connection, { sure: true, doubted: null, at: time });
  return connection;
}

// Where a connection is that was open before anybody looked: the counts say so if they leave no
// choice, and otherwise it is most likely being served.
function guess(model) {
  const states = STATES.filter((state) => model.unseen[state] > 0);
  return states.length === 1 ? states[0] : 'serving';
}

function lookAtNewest(model, isQuiet = false) {
  const { chosen, newest } = model;
  if (!model.followsNewest || chosen === newest) return;
  if (chosen && !isQuiet && model.time - model.chosenAt < STAY) return;
  newest.lines ??= [];
  Object.assign(model, { chosen: newest, chosenAt: model.time });
}

function move(model, connection, to) {
  const isKnown = model.connections.get(connection.number) === connection;
  if (isKnown && connection.state in model.counts) model.counts[connection.state] -= 1;
  if (isKnown && to in model.counts) model.counts[to] += 1;
  connection.state = to;
}

function forget(model, connection) {
  move(model, connection, null);
  model.connections.delete(connection.number);
}

function bury(model, { reason, time }, connection) {
  forget(model, connection);
  Object.assign(connection, { state: 'closed', reason, at: time });
  model.closed.push(connection);
  if (model.closed.length > CLOSED) model.closed.shift();
}

function note(model, record, connection) {
  const turn = model.turn;
  if (turn) {
    countStep(turn.steps, record, connection);
    if (turn.records.length < TURN_RECORDS && turn.shown) turn.records.push(record);
    else turn.more += 1;
  }
  if (!connection?.lines) return;
  connection.lines.push({ seq: model.events, mark: turn && model.mark, record });
  if (connection.lines.length > LINES) {
    connection.lines.shift();
    connection.left += 1;
  }
}

/** Takes in what `/metrics` said, at a time in seconds on the reader's clock. */
export function measure(model, text, at) {
  const totals = parse(text);
  const before = model.samples.at(-1);
  // Of two that were asked for at the same time, the older may come last.
  if (at <= before?.at) return;
  const span = before ? at - before.at : 0;
  const turns = totals.get('sockmodes_loop_turns_total') ?? 0;
  const worked = totals.get('sockmodes_loop_turn_seconds_sum') ?? 0;
  model.totals = totals;
  model.samples.push({
    at, span, turns, worked, events: model.events,
    rate: before ? (turns - before.turns) / span : 0,
    share: before ? Math.min(1, (worked - before.worked) / span) : 0,
  });
  while (model.samples[0].at < at - MINUTE) model.samples.shift();
  for (const connection of model.connections.values()) {
    if (connection.sure) continue;
    // Not by the records' clock: it stands still where nothing happens.
    connection.doubted ??= at;
    if (at - connection.doubted > FORGET) forget(model, connection);
  }
  // Time goes on without records, too.
  lookAtNewest(model, before?.events === model.events);
  correct(model);
}

// The two sources are not read at the same moment. Twice in a row, a difference is no accident: those
// missing were not seen to come, and those too many were not seen to leave.
function correct(model) {
  const gap = zero();
  for (const state of STATES) {
    const open = model.totals.get(`sockmodes_connections{state="${state}"}`) ?? 0;
    gap[state] = open - model.counts[state];
    const before = model.gap?.[state];
    model.unseen[state] = Math.max(0, Math.min(gap[state], before ?? Infinity));
    const excess = -Math.max(gap[state], before ?? 0);
    if (excess > 0) dropSilent(model, state, excess);
  }
  model.gap = gap;
}

// The most likely to be gone are those that have been silent for longest.
function dropSilent(model, state, count) {
  const standing = [...model.connections.values()].filter((each) => each.state === state);
  standing.sort((a, b) => a.at - b.at);
  for (const connection of standing.slice(0, count)) forget(model, connection);
}
