// The page beside a running server: what it shows as it comes, who may write what on it, and a server that is
// started anew.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { open, press, read, seen, told, until } from './browser.js';
import { arrive, enter } from './peer.js';
import { folder, run, serve } from './program.js';
import { tell } from './scene.js';
import { test } from './scope.js';
import { HOSTILE, isHarmless } from './hostile.js';

test('the page draws, and a connection appears on it as it comes', async (t) => {
  const server = await serve(t);
  const page = await open(t, server.url);
  await read(page, 'Nobody is connected.');
  assert.deepEqual(Object.keys(await told(page)).sort(), ['event', 'events', 'first', 'source', 'state']);
  assert.equal((await told(page)).source, 'live');
  const peer = await enter(t, server.port);
  assert.equal(await peer.exchange('hello'), 'HELLO');
  await read(page, `#1 · ${peer.name} · serving`);
  await peer.end();
  await read(page, `#1 · ${peer.name} · closed: done`);
  const { state, event, events, first } = await told(page);
  assert.deepEqual([state, event, first], ['running', events, '1']);
});

test('who comes later sees who was there before, and who is stuck', async (t) => {
  const server = await serve(t);
  const first = await open(t, server.url);
  await tell(t, server);
  await read(first, 'owes ');
  const page = await open(t, server.url);
  await read(page, '2 open');
  await read(page, 'owes ');
  await read(page, 'handshake');
});

test('what a peer calls itself is text', async (t) => {
  const users = join(folder(t), 'users');
  const trace = join(folder(t), 'trace.jsonl');
  writeFileSync(users, `ann | ${'0'.repeat(32)}\n`);
  const server = await serve(t, '--auth', 'none', '--service', 'login', '--users', users, '--trace', trace);
  const page = await open(t, server.url);
  const peer = await arrive(t, server.port);
  for (const username of HOSTILE) {
    peer.say(JSON.stringify({ username, passwd: '' }));
    assert.equal((await peer.hear(7)).toString(), 'failed!');
  }
  await read(page, '</script>');
  await isHarmless(page);
  await page.close();
  await server.stop();

  const html = join(folder(t), 'trace.html');
  await run('trace', trace, '--html', html);
  const recorded = await open(t, `file://${html}`);
  await until(recorded, { state: 'paused' });
  await isHarmless(recorded);
});

test('the page survives its server, and goes on with the next one', async (t) => {
  const server = await serve(t);
  const page = await open(t, server.url, { mayFail: /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION_RESET/ });
  const peer = await enter(t, server.port);
  await peer.exchange('before');
  await read(page, 'let in');
  await server.stop();
  await until(page, { state: 'ended' });
  await read(page, 'the server has stopped');
  const end = Number((await told(page)).event);
  await press(page, 'ArrowLeft');
  await press(page, 'ArrowRight');
  const last = await seen(page);
  await press(page, 'Space');

  const { port, host } = new URL(server.url);
  await serve(t, '--listen', `127.0.0.1:${server.port}`, '--admin', host);
  await until(page, { state: 'running' });
  const other = await enter(t, server.port);
  await other.exchange('after');
  await read(page, `#1 · ${other.name} · serving`);
  assert.ok(Number((await told(page)).event) > end);
  assert.ok(port);
  // What was, was.
  for (let { event } = await told(page); Number(event) > end; { event } = await told(page)) await press(page, 'ArrowLeft');
  assert.equal(await seen(page), last);
});
