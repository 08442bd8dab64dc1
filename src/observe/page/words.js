// Numbers, states and reasons in words; records are in sentences.js.

/** @type {Record<string, string>} what a connection in a state does */
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

/** @type {Record<string, string>} why a connection ended */
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

/**
 * What the name of an error means. `EAGAIN` is not among them: `recv` and `send` each have a sentence for it.
 * @type {Record<string, string>}
 */
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

const NUMBERS = new Intl.NumberFormat('en');

/**
 * A whole number with its thousands separated.
 * @param {number} value
 */
export function number(value) {
  return NUMBERS.format(Math.round(value));
}

/**
 * A number with its noun.
 * @param {number} value
 * @param {string} noun
 */
export function many(value, noun) {
  return `${number(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/**
 * Bytes, short: at most three digits and a unit.
 * @param {number} bytes
 */
export function size(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const step = bytes < 10_000 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10));
  return step === 0 ? `${number(bytes)} B` : `${digits(bytes / 1024 ** step)} ${units[step]}`;
}

/**
 * A duration, from nanoseconds to hours, in its own unit.
 * @param {number} seconds
 */
export function duration(seconds) {
  if (seconds < 1e-3) return `${digits(seconds * 1e6)} µs`;
  if (seconds < 1) return `${digits(seconds * 1e3)} ms`;
  if (seconds < 600) return `${digits(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function digits(value) {
  return Number(value).toFixed(value < 10 ? 1 : 0).replace(/\.0$/, '');
}

/**
 * A share as a percentage that never rounds something to nothing, nor nearly all to all.
 * @param {number} share
 */
export function percent(share) {
  if (share <= 0) return '0 %';
  if (share > 0.9999) return 'over 99.99 %';
  if (share > 0.99) return `${(share * 100).toFixed(2)} %`;
  if (share < 0.0001) return 'under 0.01 %';
  return `${(share * 100).toFixed(share < 0.01 ? 2 : share < 0.1 ? 1 : 0)} %`;
}
