// The page beside a running server.

import assert from 'node:assert/strict';

import { open, read, told, until } from './browser.js';
import { enter } from './peer.js';
import { serve } from './program.js';
import { test } from './scope.js';

test('the page draws, and a connection appears on it as it comes', async (t) => {
  const server = await serve(t);
  const page = await open(t, server.url);
  await read(page, 'Nobody is connected.');
  assert.equal((await told(page)).source, 'live');
  const peer = await enter(t, server.port);
  assert.equal(await peer.exchange('hello'), 'HELLO');
  await read(page, `#1 · ${peer.name} · serving`);
  await peer.end();
  await read(page, `#1 · ${peer.name} · closed: done`);
  await until(page, { state: 'running' });
});
