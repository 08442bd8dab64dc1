// The page with a simulated loop: what the address says is what is played, however often.

import assert from 'node:assert/strict';

import { differences, drawn, open, press, read, seen, told, until } from './browser.js';
import { play } from './program.js';
import { test } from './scope.js';

const SCENARIO = 'legal\nslow-reader at 1s\nwrong-secret at 2s';
const STEPS = 60;

const address = (url, values) => `${url}#${new URLSearchParams(values)}`;

/** What is seen at each of the first events, which are made as they are asked for. */
async function beginning(page) {
  const pictures = [];
  await page.keyboard.press('Home');
  for (let event = 1; event <= STEPS; event += 1) {
    await until(page, { event });
    await drawn(page);
    pictures.push(await seen(page));
    await page.keyboard.press('ArrowRight');
  }
  return pictures;
}

test('a simulated loop opens paused, and is stepped through without an end in sight', async (t) => {
  const { url } = await play(t);
  const page = await open(t, url);
  await until(page, { source: 'play', state: 'paused' });
  const before = Number((await told(page)).events);
  await press(page, 'End');
  await press(page, 'ArrowRight');
  await page.waitForFunction((events) => Number(document.documentElement.dataset.events) > events, before);
});

test('the same address shows the same run', async (t) => {
  const { url } = await play(t);
  const there = address(url, { seed: '7', scenario: SCENARIO });
  const [one, other] = [await open(t, there), await open(t, there)];
  const pictures = await beginning(one);
  for (const [i, picture] of (await beginning(other)).entries()) {
    assert.deepEqual(differences(pictures[i], picture), [], `step ${i}`);
  }
  assert.equal(new Set(pictures).size, STEPS);
  // What has moved on is in the address that the reader copies.
  await one.waitForURL(/event=\d+/);
  const { event } = await told(one);
  const copied = await open(t, one.url());
  await until(copied, { event, state: 'paused' });
  await drawn(copied);
  assert.deepEqual(differences(await seen(one), await seen(copied)), []);
});

test('another seed is another run', async (t) => {
  const { url } = await play(t);
  const pages = [];
  for (const seed of ['1', '2']) pages.push(await open(t, address(url, { seed, scenario: SCENARIO })));
  const [one, other] = [await beginning(pages[0]), await beginning(pages[1])];
  assert.notDeepEqual(one, other);
});

test('the address says at which event it opens', async (t) => {
  const { url } = await play(t);
  const page = await open(t, address(url, { seed: '7', scenario: SCENARIO, event: '50', connection: '2' }));
  await until(page, { event: 50, state: 'paused' });
  await read(page, '#2 · ');
  assert.equal(await page.inputValue('#chosen'), '2');
});

test('Space plays the run, and a button brings somebody', async (t) => {
  const { url } = await play(t);
  const page = await open(t, address(url, { seed: '7', scenario: 'legal', event: '5' }));
  await press(page, 'Space');
  await until(page, { state: 'running' });
  await page.waitForFunction(() => Number(document.documentElement.dataset.event) > 5);
  await press(page, 'Space');
  await until(page, { state: 'paused' });
  await page.locator('#play summary').click();
  await page.locator('[data-client="silent"]').click();
  await page.waitForFunction(() => location.hash.includes('silent'));
  await press(page, 'n');
});

test('what is no scenario is told, and changes nothing', async (t) => {
  const { url } = await play(t);
  const page = await open(t, address(url, { seed: '7', scenario: SCENARIO, event: '20' }));
  await until(page, { event: 20 });
  const before = await told(page);
  await page.locator('#play summary').click();
  await page.locator('.script textarea').fill('nobody that is known <b>here</b>');
  await page.locator('.script button[type="submit"], .script button:not([type])').first().click();
  await page.waitForSelector('#play .told.bad');
  assert.equal(await page.locator('#play b').count(), 0);
  assert.deepEqual(await told(page), before);
});
