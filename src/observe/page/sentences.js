// Records in words. Whatever a peer may have a say in is only ever put into the page as text.

import { duration, ERROR_WORDS, many, number, REASON_WORDS, size, STATE_WORDS } from './words.js';

/** @param {import('./model.js').Event} record */
const result = ({ bytes, error }) => error ?? number(bytes);
const roomFor = (bytes) => (bytes === undefined ? '' : `(${number(bytes)})`);

/** @typedef {Record<string, (record: import('./model.js').Event) => string>} Words */

/** @type {Words} each event as a call: short */
export const CALLS = {
  listening: ({ address }) => `listening on ${address}`,
  waiting: ({ at_most: atMost }) => `epoll_wait(${atMost === null ? 'no limit' : duration(atMost)})`,
  turn: ({ ready: count }) => `turn: ${number(count)} ready`,
  turn_end: ({ took }) => `turn over: ${duration(took)}`,
  lost: ({ lines }) => `${many(lines, 'event')} lost`,
  accepted: () => 'accept = a new one, from a proxy',
  opened: ({ via }) => (via ? 'the header names its client' : 'accept = a new one'),
  local: () => 'the header names nobody',
  refused: ({ reason }) => `refused: ${reason}`,
  penalty: ({ seconds }) => `penalty: ${duration(seconds)}`,
  let_in: () => 'let in',
  closed: ({ reason }) => `closed: ${reason}`,
  login: ({ result: verdict }) => `login: ${verdict}`,
  verifier_failed: () => 'logins can\'t be checked',
  users_read: ({ users }) => `users read: ${users}`,
  users_broken: () => 'users: unusable',
  hangup: () => 'SIGHUP',
  state: ({ to }) => `→ ${to}`,
  ready: ({ readable, writable, read_closed: readClosed }) => `ready: ${[
    readable && 'read', writable && 'write', readClosed && 'end',
  ].filter(Boolean).join(' ') || 'nothing'}`,
  stale: () => 'too late: closed already',
  accept_failed: ({ errno }) => `accept = ${errno}`,
  accept_paused: () => 'accepting pauses',
  accept_resumed: () => 'accepting goes on',
  received: (record) => `recv${roomFor(record.room)} = ${result(record)}`,
  sent: (record) => `send(${number(record.offered)}) = ${result(record)}`,
  owed: ({ bytes }) => `owed: ${number(bytes)}`,
  shut_down: (record) => `shutdown = ${result(record)}`,
  requeued: () => 'queues up again',
  submitted: () => 'login to a worker',
  timer: ({ kind, until, time }) => (until === null ? 'no deadline'
    : `${kind} deadline in ${duration(Math.max(0, until - time))}`),
  stopped: () => 'stopped',
  alive: () => 'alive',
  grace: ({ connections, seconds }) => `told to stop in ${duration(seconds)}: ${number(connections)} open`,
  draining: ({ connections }) => `draining: ${number(connections)} open`,
  deadline: () => 'deadline',
};

/**
 * A record as short as in the log.
 * @param {import('./model.js').Event} record
 */
export function call(record) {
  return Object.hasOwn(CALLS, record.event) ? CALLS[record.event](record) : record.event;
}

/** @type {Words} each event as a sentence */
export const SENTENCES = {
  listening: ({ address }) => `The server takes connections at ${address}.`,
  waiting: ({ at_most: atMost }) => (atMost === 0
    ? 'epoll_wait is called, and may not sleep: there is something left to do.'
    : `epoll_wait is called: the loop sleeps until somebody is ready${
      atMost === null ? '.' : `, ${duration(atMost)} at the most.`}`),
  turn: ({ ready: count }) => (count === 0
    ? 'epoll_wait returned with nobody ready: time has passed, or there is something left to do.'
    : `epoll_wait returned: ${count === 1 ? 'one thing is' : `${number(count)} things are`} ready.`),
  turn_end: ({ took }) => `The turn is over. It took ${duration(took)}; nobody else was served meanwhile.`,
  lost: ({ lines }) => `${many(lines, 'event')} ${lines === 1 ? 'is' : 'are'} missing here: they came faster `
    + 'than they could be told.',
  verifier_failed: () => 'A login could not be checked. That is nobody\'s failure.',
  users_read: ({ users }) => `The users have changed, and were read again: there are ${number(users)} now.`,
  users_broken: () => 'The users have changed and can\'t be used. Those before stay in force.',
  hangup: () => 'SIGHUP came: the users are read again, and the trace is opened anew.',
  stale: () => 'An edge or a verdict came for a connection that is closed already. Its token says so, and it '
    + 'reaches nobody else.',
  accept_failed: ({ errno }) => (errno === 'EAGAIN' ? 'accept gave EAGAIN: nobody else is there.'
    : `accept gave ${failure(errno)}.`),
  accept_paused: ({ errno }) => `accept gave ${failure(errno)}: accepting pauses, so that the loop does not spin.`,
  accept_resumed: () => 'Accepting goes on.',
  alive: () => 'The loop goes round, and tells it to its supervisor.',
  grace: ({ connections, seconds }) => `The server was told to stop. For ${duration(seconds)} it goes on as `
    + `ever; ${many(connections, 'connection')} ${connections === 1 ? 'is' : 'are'} open.`,
  draining: ({ connections }) => `The server stops: nobody is taken in any more, and ${
    many(connections, 'connection')} get${connections === 1 ? 's' : ''} what is owed.`,
  stopped: ({ connections }) => `The server has stopped. ${
    connections === 0 ? 'Nobody was' : `${number(connections)} were`} cut off.`,
  accepted: ({ peer, state }) => `accept gave a new connection, from the proxy ${peer}. It begins `
    + `in ${state}.`,
  opened: ({ peer, state, via }) => (via
    ? `The header is whole: ${via} has made this connection for ${peer}. Now it is in ${state}.`
    : `accept gave a new connection, from ${peer}. It begins in ${state}.`),
  local: ({ peer }) => `The header is whole and names nobody: the connection is ${peer}'s own.`,
  refused: ({ reason }) => `Accepted and closed at once. ${reason}: ${REASON_WORDS[reason]}.`,
  penalty: ({ source, seconds }) => `${source} is refused for the next ${duration(seconds)}.`,
  let_in: () => 'It has proved what it had to prove, and is let in.',
  closed: ({ reason, received, sent }) => `Closed. ${reason}: ${REASON_WORDS[reason] ?? ''}. `
    + `In all, ${many(received, 'byte')} came in and ${number(sent)} went out.`,
  login: ({ result: verdict }) => `A login was checked: ${verdict}. The name that was given:`,
  state: ({ from, to }) => `State: ${from} → ${to}: ${STATE_WORDS[to]}.`,
  ready: ready,
  received: received,
  sent: sent,
  owed: ({ bytes }) => `It was open before the page came, and is owed ${many(bytes, 'byte')}: the kernel has no room.`,
  shut_down: ({ error }) => (error
    ? `shutdown gave ${failure(error)}.`
    : 'shutdown: the server will send nothing more. The client sees the end.'),
  requeued: () => 'It has had its share of this turn, and there may be more to read: it queues up '
    + 'for the next, so that the others have theirs.',
  deadline: () => 'Its deadline has passed.',
  submitted: () => 'Its login was handed to a worker: a hash takes long, and the loop waits for none.',
  timer: ({ kind, until, time }) => (until === null ? 'It has no deadline any more.'
    : `Its ${kind} deadline is in ${duration(Math.max(0, until - time))}.`),
};

/**
 * A record as a sentence for somebody who sees a loop for the first time.
 * @param {import('./model.js').Event} record
 */
export function sentence(record) {
  return Object.hasOwn(SENTENCES, record.event) ? SENTENCES[record.event](record) : call(record);
}

/**
 * What the peer chose freely in a record: it belongs behind the sentence and in an element of its own, or it
 * could go on with the sentence as it likes.
 * @param {import('./model.js').Event} record
 */
export function quoted({ event, name }) {
  return event === 'login' ? JSON.stringify(name) : '';
}

function failure(error) {
  return ERROR_WORDS[error] ? `${error}: ${ERROR_WORDS[error]}` : error;
}

/** @param {import('./model.js').Event} record */
function ready({ readable, writable, read_closed: readClosed }) {
  const news = [
    readable && !readClosed && 'there is something to read',
    readable && readClosed && 'there is something to read, and after it the end',
    writable && (readable ? 'there is room to write' : 'there is room to write, nothing to read'),
  ].filter(Boolean);
  return `The kernel says: ${news.join('; ') || 'its state has changed'}.`;
}

/** @param {import('./model.js').Event} record */
function received({ bytes, error, room }) {
  if (error === 'EAGAIN') return 'recv gave EAGAIN: there is nothing more at the moment.';
  if (error) return `recv gave ${failure(error)}.`;
  if (bytes === 0) return 'recv gave 0 bytes: the end, the client will send nothing more.';
  return `recv gave ${many(bytes, 'byte')}${depth(bytes, room)}.`;
}

// What the loop concludes without another call.
function depth(bytes, room) {
  if (room === undefined) return '';
  return bytes < room ? `, fewer than the ${size(room)} that it had room for: there is nothing more`
    : ', as many as it had room for: there may be more';
}

/** @param {import('./model.js').Event} record */
function sent({ offered, bytes, error }) {
  const offer = `send was offered ${many(offered, 'byte')}; the kernel`;
  if (error === 'EAGAIN') return `${offer} took none (EAGAIN): its buffer is full.`;
  if (error) return `send gave ${failure(error)}.`;
  if (bytes === offered) return `${offer} took all.`;
  return `${offer} took ${number(bytes)}: its buffer is full. The rest waits until there is room.`;
}
