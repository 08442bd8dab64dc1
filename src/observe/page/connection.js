// What a connection holds, as far as the events tell. No document and no clock. Nothing here is changed in place
// unless it belongs to the model that changes it: see `own` in model.js.

/**
 * What lies in the two buffers of the kernel, each with the room that it has in all: only a simulation knows.
 * @typedef {{ receive?: [number, number], send?: [number, number] }} Kernel
 */

export class Connection {
  /**
   * One of which nothing is known but its number.
   * @param {number} number
   * @param {number} time
   * @param {number} epoch whose copy it is
   */
  constructor(number, time, epoch) {
    this.epoch = epoch;
    this.number = number;
    /** @type {string | null} */
    this.peer = null;
    /** @type {string | null} the proxy */
    this.via = null;
    /** @type {string | null} null where nothing has told it */
    this.state = null;
    /** @type {string | null} why it was closed */
    this.reason = null;
    this.letIn = false;
    /** When it was opened or first seen, when it was last heard of, and by which event. */
    this.since = time;
    this.at = time;
    this.event = 0;
    /** The number of its last event that is worth a look, or 0. */
    this.worth = 0;
    this.received = 0;
    this.sent = 0;
    /** Whether everything that it did was seen, and whether it is sure to be open still. */
    this.whole = false;
    this.sure = true;
    /** Bytes that wait for the kernel, and since when there are any. */
    this.owed = 0;
    this.owedSince = 0;
    /** What the loop remembers. */
    this.readable = false;
    this.writable = true;
    this.readClosed = false;
    /** @type {boolean | null} whether the kernel's buffer for sending was full when it was last tried */
    this.full = null;
    /** Whether it waits for its next turn in the loop's queue. */
    this.queued = false;
    /** @type {number | null} since when a worker checks its login */
    this.atWorker = null;
    /** Whether its verdict has come, and is not answered yet. */
    this.judged = false;
    this.shut = false;
    /** @type {string | null} which deadline runs, since when, and until when */
    this.timer = null;
    this.timerSet = 0;
    this.until = 0;
    /** @type {Kernel | null} */
    this.kernel = null;
  }

  /** @param {number} epoch */
  copy(epoch) {
    // One by one: a spread takes twenty times as long, and this is what opening a long trace waits for.
    const copy = new Connection(this.number, this.since, epoch);
    copy.peer = this.peer;
    copy.via = this.via;
    copy.state = this.state;
    copy.reason = this.reason;
    copy.letIn = this.letIn;
    copy.at = this.at;
    copy.event = this.event;
    copy.worth = this.worth;
    copy.received = this.received;
    copy.sent = this.sent;
    copy.whole = this.whole;
    copy.sure = this.sure;
    copy.owed = this.owed;
    copy.owedSince = this.owedSince;
    copy.readable = this.readable;
    copy.writable = this.writable;
    copy.readClosed = this.readClosed;
    copy.full = this.full;
    copy.queued = this.queued;
    copy.atWorker = this.atWorker;
    copy.judged = this.judged;
    copy.shut = this.shut;
    copy.timer = this.timer;
    copy.timerSet = this.timerSet;
    copy.until = this.until;
    copy.kernel = this.kernel;
    return copy;
  }
}

/**
 * How `recv` changes what is remembered: the kernel has nothing more after an end, an EAGAIN or a short read.
 * @param {Connection} connection
 * @param {import('./model.js').Event} record
 */
export function hear(connection, { bytes, error, room }) {
  if (bytes) connection.received += bytes;
  const isEmpty = error === 'EAGAIN' || bytes === 0;
  const isShort = room !== undefined && bytes < room && !connection.readClosed;
  if (isEmpty || isShort) connection.readable = false;
}

/**
 * How `send` changes what is owed: the loop keeps what the kernel did not take, and nothing else.
 * @param {Connection} connection
 * @param {import('./model.js').Event} record
 */
export function say(connection, { bytes, error, offered, time }) {
  const taken = bytes ?? 0;
  connection.sent += taken;
  if (error && error !== 'EAGAIN') return;
  if (connection.owed === 0) connection.owedSince = time;
  connection.owed = offered - taken;
  connection.full = connection.owed > 0;
  if (connection.full) connection.writable = false;
}

/**
 * Remembers an edge.
 * @param {Connection} connection
 * @param {import('./model.js').Event} record
 */
export function feel(connection, { readable, writable, read_closed: readClosed }) {
  connection.readable ||= readable;
  connection.writable ||= writable;
  connection.readClosed ||= readClosed;
  if (writable) connection.full = false;
}

/**
 * Whether a connection is read from, and if not, why.
 * @param {Connection} connection
 * @returns {{ reads: boolean, why: string }}
 */
export function reading(connection) {
  const { state, owed, queued, readable, shut } = connection;
  if (state === 'closed') return { reads: false, why: 'it is closed' };
  if (owed > 0) return { reads: false, why: 'it is owed something that the kernel does not take' };
  if (state === 'verifying') return { reads: false, why: 'its login is being checked' };
  if (state === 'draining') return { reads: false, why: 'its input has ended' };
  if (state === 'ending') return { reads: false, why: 'the server has ended it' };
  if (state === 'lingering' && !shut) return { reads: false, why: 'the sending side is not shut down yet' };
  if (queued) return { reads: false, why: 'it has had its share, and waits for its next turn' };
  if (!readable) return { reads: true, why: 'nothing lies there' };
  return { reads: true, why: 'there may be something' };
}

/** Whether it is stuck: owed something, and not by its last call alone. */
export const isStuck = ({ owed }) => owed > 0;
