// Who has no mouse, and who hears the page: keys reach everything, everything has a role and a name.

import assert from 'node:assert/strict';

import axe from 'axe-core';

import { open, press, read, told, until } from './browser.js';
import { enter } from './peer.js';
import { play, serve } from './program.js';
import { tell } from './scene.js';
import { test } from './scope.js';

// What a reader acts with, by the roles that the browser tells a screen reader.
const CONTROLS = new Set(['button', 'textbox', 'searchbox', 'combobox', 'slider', 'spinbutton', 'checkbox', 'link', 'tab']);
const MOST_STOPS = 200;

/** A page beside a server where a story was told. */
async function afterwards(t, options = {}) {
  const server = await serve(t);
  const page = await open(t, server.url, options);
  await tell(t, server);
  await read(page, 'owes ');
  return { server, page };
}

/** What axe-core finds, in words. */
async function complaints(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => /** @type {any} */ (globalThis).axe.run());
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ target, failureSummary }) => (
    `${id}: ${help}: ${target.join(' ')}: ${failureSummary}`)));
}

/** All that is to be acted with, as a screen reader is told of it. */
async function controls(page) {
  const client = await page.context().newCDPSession(page);
  const { nodes } = await client.send('Accessibility.getFullAXTree');
  return nodes.filter(({ ignored, role }) => !ignored && CONTROLS.has(role?.value))
    .map(({ role, name }) => ({ role: role.value, name: name?.value ?? '' }));
}

/** Where the tab key leads, from the top of the page until it leaves it. */
async function stops(page) {
  const found = [];
  await page.evaluate(() => /** @type {HTMLElement | null} */ (document.activeElement)?.blur());
  while (found.length < MOST_STOPS) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(() => {
      const node = document.activeElement;
      if (!node || node === document.body) return null;
      const all = [...document.querySelectorAll('*')];
      const { outlineStyle, outlineWidth } = getComputedStyle(node);
      return {
        at: all.indexOf(node), what: node.outerHTML.slice(0, 90),
        isMarked: outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2,
      };
    });
    if (!stop || found.some(({ at }) => at === stop.at)) return found;
    found.push(stop);
  }
  throw new Error(`${MOST_STOPS} stops, and no end`);
}

/** What can be acted with, and is not led to by other keys. */
const reachable = (page) => page.evaluate(() => {
  const all = [...document.querySelectorAll('*')];
  return all.flatMap((node, at) => {
    const canAct = node.matches('button, input, select, textarea, a[href], [tabindex]');
    const isThere = node.checkVisibility() && !node.closest('dialog:not([open])');
    return canAct && isThere && /** @type {HTMLElement} */ (node).tabIndex === 0 ? [at] : [];
  });
});

for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
  test(`axe-core finds nothing to complain of, ${colorScheme}`, async (t) => {
    const { page } = await afterwards(t, { colorScheme });
    assert.deepEqual(await complaints(page), []);
    await press(page, 'p');
    assert.deepEqual(await complaints(page), []);
    await press(page, '?');
    assert.deepEqual(await complaints(page), []);
  });
}

test('axe-core finds nothing to complain of beside a simulated loop', async (t) => {
  const { url } = await play(t);
  const page = await open(t, url);
  await page.locator('[data-asks]').click();
  await page.locator('.question .choices button').first().waitFor();
  assert.deepEqual(await complaints(page), []);
  assert.deepEqual((await controls(page)).filter(({ name }) => name.trim() === ''), []);
});

test('whatever acts has a name', async (t) => {
  const { page } = await afterwards(t);
  const all = await controls(page);
  assert.ok(all.length > 20, `${all.length} controls`);
  assert.deepEqual(all.filter(({ name }) => name.trim() === ''), []);
  const names = new Set(all.map(({ name }) => name));
  for (const name of ['Pause', 'On an event', 'Back an event', 'On a turn', 'Position', 'connection']) {
    assert.ok([...names].some((each) => each.startsWith(name)), `${name} is not among ${[...names]}`);
  }
});

test('the tab key leads to all of it, and shows where it is', async (t) => {
  const { page } = await afterwards(t);
  await press(page, 'Space');
  const wanted = await reachable(page);
  const found = await stops(page);
  assert.ok(wanted.length > 15);
  assert.deepEqual(found.map(({ at }) => at).sort((a, b) => a - b), wanted);
  assert.deepEqual(found.filter(({ isMarked }) => !isMarked), []);
});

test('a connection is chosen, a text typed, help shown, by the keyboard alone', async (t) => {
  const { server, page } = await afterwards(t);
  await press(page, 'Space');
  await until(page, { state: 'paused' });
  const { event } = await told(page);
  // Among the connections, up and down; Enter chooses.
  await page.locator('#map .token[tabindex="0"]').focus();
  await press(page, 'Home');
  await press(page, 'End');
  await page.locator('#map .token[tabindex="0"]').focus();
  const here = await page.evaluate(() => document.activeElement?.getAttribute('data-connection'));
  await press(page, 'ArrowDown');
  const next = await page.evaluate(() => document.activeElement?.getAttribute('data-connection'));
  assert.notEqual(next, here);
  await press(page, 'Enter');
  await read(page, `#${next} · `);
  // Letters that are typed are no keys.
  await page.locator('#search').focus();
  await page.keyboard.type('np? 4');
  assert.equal(await page.inputValue('#search'), 'np? 4');
  assert.equal((await told(page)).event, event);
  await page.locator('#search').fill('#4');
  await read(page, '1 connection');
  await page.locator('#chosen').fill('1');
  await press(page, 'Enter');
  await read(page, '#1 · ');
  // Space on a button presses that button.
  await page.locator('[data-step-by="back"]').focus();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Shift+Tab');
  await press(page, 'Space');
  await until(page, { event: Number(event) - 1, state: 'paused' });
  await press(page, '?');
  assert.ok(await page.locator('#help').isVisible());
  await press(page, 'ArrowLeft');
  assert.equal((await told(page)).event, String(Number(event) - 1), 'behind the help nothing moves');
  await press(page, 'Escape');
  assert.ok(await page.locator('#help').isHidden());
  await press(page, '?');
  await press(page, '?');
  assert.ok(await page.locator('#help').isHidden());
  const peer = await enter(t, server.port);
  await peer.exchange('later');
  await press(page, 'End');
  assert.equal((await told(page)).state, 'paused');
});
