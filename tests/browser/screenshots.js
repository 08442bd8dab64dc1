// The two pictures of the page in README and in the book: `npm run screenshots` makes them again.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { drawn, open, press, read } from './browser.js';
import { arrive } from './peer.js';
import { serve } from './program.js';
import { tell } from './scene.js';
import { test } from './scope.js';

const FOLDER = new URL('../../docs/src/reference/', import.meta.url);
const MOST = 200_000; // bytes
// A wide screen, seen from a little further away.
const LOOK = { viewport: { width: 1600, height: 1350 }, deviceScaleFactor: 0.75 };
const CROWD = 1000;
const STUCK = 40; // one of so many

/** Takes a picture of what there is of a page or of a part of it. */
async function take(what, name) {
  const picture = await what.screenshot();
  assert.ok(picture.length < MOST, `${name} has ${picture.length} bytes`);
  writeFileSync(fileURLToPath(new URL(name, FOLDER)), picture);
}

test('live.png: back at a short write, with what it leaves in the buffers', async (t) => {
  const server = await serve(t);
  const page = await open(t, server.url, LOOK);
  await tell(t, server);
  await read(page, 'owes ');
  await press(page, 'p');
  await drawn(page);
  await take(page, 'live.png');
});

test('crowd.png: a thousand connections, some of them stuck', async (t) => {
  const server = await serve(t, '--auth', 'none', '--max-pending', 'none');
  // Tall enough for all of the page: nothing is scrolled behind its head.
  const viewport = { width: 1600, height: 2200 };
  const page = await open(t, server.url, { ...LOOK, viewport, colorScheme: 'dark' });
  const much = 'm'.repeat(12 << 20);
  for (let i = 1; i <= CROWD; i += 1) {
    const peer = await arrive(t, server.port);
    if (i % STUCK === 0) peer.say(much);
    else await peer.exchange('hello');
  }
  await read(page, `${CROWD / STUCK} stuck`);
  await page.locator('#map .token.stuck').first().click();
  await drawn(page);
  await take(page.locator('#connections'), 'crowd.png');
});
