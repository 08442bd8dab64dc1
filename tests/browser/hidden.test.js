// A tab that nobody sees: it is given no frames, what it has seen stays, and it is right again once it is shown.

import assert from 'node:assert/strict';

import { differences, drawn, open, press, read, seen, told, until } from './browser.js';
import { enter } from './peer.js';
import { serve } from './program.js';
import { test } from './scope.js';

const TALKS = 300;

// The browser of the tests takes every tab for one that is seen. This does to a page what hiding does: it says so, gives
// no frames, and lets its longest timer (after which the page leaves its place to others) run out if that is asked for.
function canHide() {
  let isHidden = false;
  let isLong = false;
  /** @type {FrameRequestCallback[]} */
  const waiting = [];
  const [frame, later] = [window.requestAnimationFrame.bind(window), window.setTimeout.bind(window)];
  Object.defineProperty(Document.prototype, 'hidden', { get: () => isHidden });
  Object.defineProperty(Document.prototype, 'visibilityState', { get: () => (isHidden ? 'hidden' : 'visible') });
  Object.assign(window, {
    requestAnimationFrame: (draw) => (isHidden ? waiting.push(draw) : frame(draw)),
    setTimeout: (act, time) => later(act, isHidden && isLong && time >= 10_000 ? 0 : time),
    setHidden(hidden, forLong) {
      [isHidden, isLong] = [hidden, forLong];
      document.dispatchEvent(new Event('visibilitychange'));
      if (!hidden) for (const draw of waiting.splice(0)) frame(draw);
      return waiting.length;
    },
  });
}

const hide = (page, forLong = false) => page.evaluate((long) => Reflect.get(window, 'setHidden')(true, long), forLong);
const show = (page) => page.evaluate(() => Reflect.get(window, 'setHidden')(false, false));

test('what happens while it is hidden is there when it is shown, as on a page that was seen all the time', async (t) => {
  const server = await serve(t);
  const [page, other] = [await open(t, server.url, { first: canHide }), await open(t, server.url)];
  const first = await enter(t, server.port);
  for (const each of [page, other]) await read(each, `#1 · ${first.name} · serving`);
  await hide(page);
  const before = await page.locator('#count').innerText();
  for (let i = 0; i < TALKS; i += 1) assert.equal(await first.exchange('hello'), 'HELLO');
  const second = await enter(t, server.port);
  await first.end();
  // Nothing was drawn, and yet nothing waits but one frame.
  assert.equal(await page.locator('#count').innerText(), before);
  assert.equal(await page.evaluate(() => Reflect.get(window, 'setHidden')(true, false)), 1);
  await show(page);
  for (const each of [page, other]) {
    await read(each, `#1 · ${first.name} · closed: done`);
    await read(each, second.name);
    await press(each, 'Space');
  }
  await until(page, { state: 'paused', ...await where(other) });
  for (const key of ['End', 'p', 'Shift+ArrowLeft', 'ArrowLeft', 'Home']) {
    for (const each of [page, other]) await press(each, key);
    await drawn(page);
    assert.deepEqual(differences(await seen(other), await seen(page)), [], key);
  }
});

test('hidden for long it leaves its place, keeps its past, and goes on with what is open', async (t) => {
  const server = await serve(t);
  const page = await open(t, server.url, { first: canHide });
  const first = await enter(t, server.port);
  await first.exchange('before');
  await read(page, `#1 · ${first.name} · serving`);
  await press(page, 'Space');
  await until(page, { state: 'paused' });
  const { event } = await told(page);
  const last = await seen(page);
  await press(page, 'Space');
  const left = page.waitForEvent('requestfailed', (request) => request.url().endsWith('/events'));
  await hide(page, true);
  await left;
  const second = await enter(t, server.port);
  await show(page);
  await read(page, `#2 · ${second.name} · serving`);
  await first.end();
  await read(page, `#1 · ${first.name} · closed: done`);
  assert.equal((await told(page)).first, '1');
  while (Number((await told(page)).event) > Number(event)) await press(page, 'ArrowLeft');
  assert.deepEqual(differences(last, await seen(page)), []);
});

const where = async (page) => {
  const { event, events } = await told(page);
  return { event, events };
};
