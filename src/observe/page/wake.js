// What will wake a connection again, or the loop, after what has just happened: one sentence.

import { duration, number, size } from './words.js';

const KINDS = {
  handshake: 'the handshake\'s deadline', idle: 'the idle deadline', linger: 'the deadline of its lingering',
  deliver: 'the next look whether all is sent',
};

/**
 * @param {import('./model.js').Model} model what is known now
 * @param {import('./model.js').Event | undefined} record what has just happened
 * @param {import('./connection.js').Connection | null} connection whose it is
 * @returns {string}
 */
export function wakes(model, record, connection) {
  if (!record) return '';
  if (record.connection !== undefined) return connection ? wakesConnection(connection, model.time) : '';
  if (model.stopped) return 'Nothing: the loop has ended.';
  return wakesLoop(model, record);
}

/**
 * @param {import('./model.js').Model} model
 * @param {import('./model.js').Event} record
 */
function wakesLoop(model, { event, ready, at_most: atMost }) {
  if (event === 'waiting') {
    return atMost === null ? 'Only somebody who becomes ready ends this wait.'
      : `Whoever becomes ready ends this wait, or the next deadline, in ${duration(atMost)}.`;
  }
  if (event === 'turn') {
    return ready === 0 ? 'Next: who was left over, whose deadline is over.'
      : 'Next: each that is ready has its turn, in the order in which the kernel names them.';
  }
  if (event === 'turn_end') return `Next: epoll_wait again. ${workers(model)}`.trim();
  if (event === 'accept_paused') return 'It is tried again once a descriptor is free, or after a while.';
  if (event === 'stale') return 'Nothing has to happen: whom it was for is gone.';
  return model.inTurn ? 'The turn goes on.' : 'The loop goes on.';
}

const workers = ({ atWorkers }) => (atWorkers === 0 ? ''
  : `Meanwhile ${number(atWorkers)} at work on logins beside the loop: asleep is not idle.`);

/**
 * @param {import('./connection.js').Connection} connection
 * @param {number} now
 * @returns {string}
 */
export function wakesConnection(connection, now) {
  const by = sources(connection);
  if (connection.state === 'closed') return 'Nothing will wake it: it is over.';
  const late = connection.timer ? `, or ${KINDS[connection.timer]}, in ${
    duration(Math.max(0, connection.until - now))}` : '';
  return `${by}${late}.${waitsForRoom(connection) ? ' Until then it is not read from.' : ''}`;
}

const waitsForRoom = ({ state, owed, queued }) => owed > 0 && !queued && state !== 'verifying';

function sources({ state, owed, queued, readable, atWorker, judged, shut, writable }) {
  if (queued) return 'No edge will: it is in the loop\'s queue, and has its turn in the next round';
  if (state === 'verifying' && judged) return 'It has its turn now: its answer goes out';
  if (state === 'verifying') {
    return atWorker === null ? 'A worker has to be free for its login, and then the verdict wakes it'
      : 'The verdict of the worker that checks its login wakes it; what it sends meanwhile waits';
  }
  if (owed > 0) {
    return `An edge wakes it, once its client reads and the kernel has room for the ${size(owed)} that are owed`;
  }
  if (state === 'draining' || state === 'ending') return 'An edge wakes it, once its kernel has sent what it took';
  if (state === 'lingering') return `An edge wakes it: what still comes${shut ? ' is thrown away' : ''}, or its client's end`;
  if (readable) return 'It has its turn now: something may lie there to read';
  return `An edge wakes it, when its client sends something or leaves${writable ? '' : ', or takes what it was sent'}`;
}
