// What the tests have happen at a server, so that there is something to see.

import { arrive, enter } from './peer.js';

const MUCH = 'much '.repeat(1 << 20); // more than the buffers on the way take

/**
 * A short story with something worth a look in it: one that is served and leaves, a stranger, one that does not read
 * what it is owed, and one that is silent.
 * @param {import('./scope.js').Scope} t
 * @param {{ port: number }} server
 */
export async function tell(t, { port }) {
  const usual = await enter(t, port);
  await usual.exchange('hello');
  const stranger = await enter(t, port, 'not the secret');
  stranger.socket.resume();
  await stranger.over;
  const greedy = await enter(t, port);
  await greedy.exchange('a');
  greedy.say(MUCH);
  const silent = await arrive(t, port);
  await silent.hear(32);
  await usual.end();
  return { usual, stranger, greedy, silent };
}
