// A thousand connections at once: the page names those that are worth it, and can be used.

import assert from 'node:assert/strict';

import { open, press, read, told, until } from './browser.js';
import { arrive } from './peer.js';
import { serve } from './program.js';
import { test } from './scope.js';

const CROWD = 1000;
const SECONDS = 3;
const MUCH = 'much '.repeat(1 << 21); // more than the buffers on the way take

/** How many frames the browser draws in some seconds. */
const frames = (page) => page.evaluate((seconds) => new Promise((resolve) => {
  let count = 0;
  let begun = 0;
  const next = (now) => {
    begun ||= now;
    if (now - begun > seconds * 1000) return resolve(count / seconds);
    count += 1;
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
}), SECONDS);

test('with a thousand connections it stays usable', async (t) => {
  const server = await serve(t, '--auth', 'none', '--max-pending', 'none');
  const page = await open(t, server.url);
  const peers = [];
  for (let i = 0; i < CROWD; i += 1) peers.push(await arrive(t, server.port));
  await read(page, '1,000 open');
  t.print(`asleep: ${(await frames(page)).toFixed(0)} frames a second`);

  let isBusy = true;
  const talk = async () => {
    for (let i = 0; isBusy; i = (i + 7) % CROWD) assert.equal(await peers[i].exchange('hello'), 'HELLO');
  };
  const talking = talk();
  t.print(`busy: ${(await frames(page)).toFixed(0)} frames a second`);
  isBusy = false;
  await talking;

  peers[499].say(MUCH);
  await page.locator('#map .token.stuck').waitFor();
  for (const peer of peers.slice(-20)) await peer.exchange('later');
  await press(page, 'Space');
  await until(page, { state: 'paused' });
  // The one that is stuck is named, and the first in the table.
  assert.equal(await page.locator('#map [data-state="serving"] .token.stuck b').innerText(), '#500');
  assert.equal(await page.locator('#table tbody th').first().innerText(), '#500');
  await page.locator('#search').fill('#77');
  await read(page, '1 connection');
  await page.locator('#table [data-connection="77"]').click();
  await read(page, '#77 · ');
  await page.locator('#search').fill('stuck');
  await read(page, '1 connection');
  await page.locator('#order').selectOption('age');
  await page.locator('#search').fill('');
  await read(page, '1,000 connections, the first 25 of them');
  assert.equal(await page.locator('#table tbody th').first().innerText(), '#1');
  await page.locator('h1').click();
  const { event } = await told(page);
  await press(page, 'ArrowLeft');
  assert.equal((await told(page)).event, String(Number(event) - 1));
});
