// Going back and forth in the past: that each position shows what it showed when it was first seen, whichever way it
// is reached, and whatever happens meanwhile.

import assert from 'node:assert/strict';

import { differences, drawn, open, press, read, seen, told, until } from './browser.js';
import { enter } from './peer.js';
import { serve } from './program.js';
import { tell } from './scene.js';
import { test } from './scope.js';

/**
 * What is seen at each position, from this one on until the last.
 * @returns {Promise<Map<number, string>>}
 */
async function walk(page, key, last) {
  const pictures = new Map();
  for (;;) {
    const event = Number((await told(page)).event);
    pictures.set(event, await seen(page));
    if (event === last) return pictures;
    await press(page, key);
  }
}

/** A page beside a server where a story was told, paused, and what it shows at each position up to the last. */
async function afterwards(t) {
  // Many bytes a call are few events.
  const server = await serve(t, '--max-buffer', '2MiB');
  const page = await open(t, server.url);
  await tell(t, server);
  await read(page, 'owes ');
  await press(page, 'Space');
  const { event, first } = await told(page);
  await press(page, 'Home');
  const pictures = await walk(page, 'ArrowRight', Number(event));
  return { server, page, first: Number(first), last: Number(event), pictures };
}

/** That the page shows of its position what was seen there before. Returns the position. */
async function isTheSame(page, pictures) {
  const { event, state } = await told(page);
  assert.equal(state, 'paused');
  assert.deepEqual(differences(pictures.get(Number(event)) ?? '', await seen(page)), [], `event ${event}`);
  return Number(event);
}

test('each position shows the same, on the way back as on the way there', async (t) => {
  const { page, first, last, pictures } = await afterwards(t);
  assert.equal(first, 1);
  assert.deepEqual([...pictures.keys()], Array.from({ length: last }, (_, i) => i + 1));
  assert.equal(new Set(pictures.values()).size, last, 'no two are alike');
  for (let event = last - 1; event >= 1; event -= 1) {
    await press(page, 'ArrowLeft');
    assert.equal(await isTheSame(page, pictures), event);
  }
  await press(page, 'ArrowLeft');
  assert.equal((await told(page)).event, '0');
  await read(page, 'Nothing has happened yet.');
});

test('each position shows the same, by whatever leap, and while others come', async (t) => {
  const { server, page, last, pictures } = await afterwards(t);
  await press(page, 'Home');
  const peer = await enter(t, server.port);
  await peer.exchange('meanwhile');
  await page.waitForFunction((before) => Number(document.documentElement.dataset.events) > before, last + 5);
  assert.equal(await isTheSame(page, pictures), 1);
  for (const [on, back] of [['n', 'p'], ['Shift+ArrowRight', 'Shift+ArrowLeft']]) {
    const way = await follow(page, on, last, pictures);
    assert.ok(way.length > 2, `${on} leads to ${way}`);
    const from = Number((await told(page)).event);
    for (const event of way.filter((each) => each < from).reverse()) {
      await press(page, back);
      assert.equal(await isTheSame(page, pictures), event, `${back} from ${from}`);
    }
    await press(page, 'Home');
    assert.equal(await isTheSame(page, pictures), 1);
  }
  await press(page, 'End');
  const { event, events } = await told(page);
  assert.equal(event, events);
  await press(page, 'Space');
  await until(page, { state: 'running' });
});

/** Where a key leads, as long as it leads on, and not past the last. */
async function follow(page, key, last, pictures) {
  const way = [];
  for (let before = 0; ; ) {
    await press(page, key);
    const event = Number((await told(page)).event);
    if (event === before || event > last) return way;
    assert.ok(event > before, `${key} leads back from ${before} to ${event}`);
    way.push(await isTheSame(page, pictures));
    before = event;
  }
}

test('what is drawn leads where it says', async (t) => {
  const { page, pictures } = await afterwards(t);
  for (const place of ['#turns .step', '#turns .head', '#lines .when']) {
    const button = page.locator(place).first();
    const event = await button.getAttribute('data-event');
    await button.click();
    await until(page, { event: String(event), state: 'paused' });
    await drawn(page);
    await isTheSame(page, pictures);
    await press(page, 'End');
  }
  await page.locator('#map [data-connection="4"]').click();
  await read(page, '#4 · ');
  await page.waitForURL(/#.*connection=4/);
});
