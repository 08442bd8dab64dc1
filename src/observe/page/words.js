// Records, numbers and reasons in words. Whatever a peer may have a say in is only ever put into
// the page as text.

/** What a connection in a state does. */
export const STATE_WORDS = {
  await_header: 'a proxy has to say whose it is',
  send_nonce: 'the nonce is going out',
  await_digest: 'waiting for the digest',
  serving: 'the service answers',
  verifying: 'a login is being checked',
  draining: 'the client has ended its input; it is still owed something',
  ending: 'the server ended it; the client is still owed something',
  lingering: 'the server has ended; what still comes is thrown away',
  closed: 'it is over',
};

/** Why a connection ended. */
export const REASON_WORDS = {
  done: 'everything was said',
  wrong_digest: 'the digest was wrong',
  short_digest: 'the input ended before the digest was whole',
  bad_proxy_header: 'what the proxy sent first was no header',
  bad_request: 'what came was no request',
  too_many_tries: 'too many logins failed',
  verifier_failed: 'the server could not check a login',
  handshake_timeout: 'it took too long to be let in',
  idle_timeout: 'nothing was heard for too long',
  write_timeout: 'the client acknowledged nothing for too long',
  stopped: 'the server stopped',
  drain_timeout: 'the server stopped, and could wait no longer',
  reset: 'the client was gone',
  socket_error: 'the socket failed',
  too_many_connections: 'refused: too many in all',
  too_many_pending: 'refused: too many not let in yet',
  too_many_from_source: 'refused: too many from one source',
  penalized: 'refused: its source has to wait',
};

/** What the name of an error means. `EAGAIN` is not among them: `recv` and `send` each have a sentence
    for it. */
export const ERROR_WORDS = {
  EINTR: 'a signal interrupted it',
  ECONNRESET: 'the client has reset the connection',
  ECONNABORTED: 'the client was gone before it was accepted',
  EPIPE: 'the client is gone',
  ENOTCONN: 'the client is gone',
  ETIMEDOUT: 'the client acknowledged nothing for too long',
  EHOSTUNREACH: 'there is no route to the client',
  EMFILE: 'no descriptor is free',
  ENFILE: 'no descriptor is free on this machine',
  ENOBUFS: 'the kernel has no room for it',
  ENOMEM: 'the kernel has no memory for it',
  EPERM: 'a firewall forbids it',
  EIO: 'the device failed',
  ENONET: 'this machine is on no network',
  ENETDOWN: 'the network is down',
  ENETUNREACH: 'there is no route to the network',
  EHOSTDOWN: 'the client\'s host is down',
  EPROTO: 'the protocol failed',
  ENOPROTOOPT: 'the protocol has no such option',
  EOPNOTSUPP: 'the socket knows no such operation',
};

/** A whole number with its thousands separated. */
export function number(value) {
  return Math.round(value).toLocaleString('en');
}

/** A number with its noun. */
export function many(value, noun) {
  return `${number(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** Bytes, short: at most three digits and a unit. */
export function size(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const step = bytes < 10_000 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10));
  return step === 0 ? `${number(bytes)} B` : `${digits(bytes / 1024 ** step)} ${units[step]}`;
}

/** A duration, from nanoseconds to hours, in its own unit. */
export function duration(seconds) {
  if (seconds < 1e-3) return `${digits(seconds * 1e6)} µs`;
  if (seconds < 1) return `${digits(seconds * 1e3)} ms`;
  if (seconds < 600) return `${digits(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function digits(value) {
  return value.toFixed(value < 10 ? 1 : 0).replace(/\.0$/, '');
}

/** A share as a percentage that never rounds something to nothing, nor nearly all to all. */
export function percent(share) {
  if (share <= 0) return '0 %';
  if (share > 0.9999) return 'over 99.99 %';
  if (share > 0.99) return `${(share * 100).toFixed(2)} %`;
  if (share < 0.0001) return 'under 0.01 %';
  return `${(share * 100).toFixed(share < 0.01 ? 2 : share < 0.1 ? 1 : 0)} %`;
}

const result = ({ bytes, error }) => error ?? number(bytes);

/** Each event as a call: short. */
export const CALLS = {
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
  received: (record) => `recv = ${result(record)}`,
  sent: (record) => `send(${number(record.offered)}) = ${result(record)}`,
  shut_down: (record) => `shutdown = ${result(record)}`,
  requeued: () => 'queues up again',
  alive: () => 'alive',
  grace: ({ connections, seconds }) => `told to stop in ${duration(seconds)}: ${number(connections)} open`,
  draining: ({ connections }) => `draining: ${number(connections)} open`,
  deadline: () => 'deadline',
};

/** A record as short as in the log. */
export function call(record) {
  return CALLS[record.event]?.(record) ?? record.event;
}

/** Each event of a connection as a sentence. */
export const SENTENCES = {
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
  shut_down: ({ error }) => (error
    ? `shutdown gave ${failure(error)}.`
    : 'shutdown: the server will send nothing more. The client sees the end.'),
  requeued: () => 'It has had its share of this turn, and there may be more to read: it queues up '
    + 'for the next, so that the others have theirs.',
  deadline: () => 'Its deadline has passed.',
};

/** A record as a sentence for somebody who sees a loop for the first time. */
export function sentence(record) {
  return SENTENCES[record.event]?.(record) ?? call(record);
}

/** What the peer chose freely in a record: it belongs behind the sentence and in an element of its
    own, or it could go on with the sentence as it likes. */
export function quoted({ event, name }) {
  return event === 'login' ? JSON.stringify(name) : '';
}

function failure(error) {
  return ERROR_WORDS[error] ? `${error}: ${ERROR_WORDS[error]}` : error;
}

function ready({ readable, writable, read_closed: readClosed }) {
  const news = [
    readable && !readClosed && 'there is something to read',
    readable && readClosed && 'there is something to read, and after it the end',
    writable && (readable ? 'there is room to write' : 'there is room to write, nothing to read'),
  ].filter(Boolean);
  return `The kernel says: ${news.join('; ') || 'its state has changed'}.`;
}

function received({ bytes, error }) {
  if (error === 'EAGAIN') return 'recv gave EAGAIN: there is nothing more at the moment.';
  if (error) return `recv gave ${failure(error)}.`;
  if (bytes === 0) return 'recv gave 0 bytes: the end, the client will send nothing more.';
  return `recv gave ${many(bytes, 'byte')}.`;
}

function sent({ offered, bytes, error }) {
  const offer = `send was offered ${many(offered, 'byte')}; the kernel`;
  if (error === 'EAGAIN') return `${offer} took none (EAGAIN): its buffer is full.`;
  if (error) return `send gave ${failure(error)}.`;
  if (bytes === offered) return `${offer} took all.`;
  return `${offer} took ${number(bytes)}: its buffer is full. The rest waits until there is room.`;
}
