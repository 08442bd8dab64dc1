// How the page looks, at a wide screen, on a phone, in the dark, at a projector: nothing is cut off, and nothing
// sticks out of its box. What was looked at is in target/browser/, to be looked at by somebody.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { drawn, open, press, read } from './browser.js';
import { arrive } from './peer.js';
import { folder, play, run, serve } from './program.js';
import { tell } from './scene.js';
import { test } from './scope.js';

const PICTURES = fileURLToPath(new URL('../../target/browser/', import.meta.url));
const LARGE = 24; // pixels, where 16 are usual
const CROWD = 1200;

/** @type {[string, import('playwright-core').BrowserContextOptions & { fontSize?: number }][]} */
const LOOKS = [
  ['wide', { viewport: { width: 1600, height: 1000 } }],
  ['dark', { viewport: { width: 1600, height: 1000 }, colorScheme: 'dark' }],
  ['phone', { viewport: { width: 390, height: 844 } }],
  ['phone-dark', { viewport: { width: 390, height: 844 }, colorScheme: 'dark' }],
  ['projector', { viewport: { width: 1024, height: 768 } }],
  ['projector-large', { viewport: { width: 1024, height: 768 }, fontSize: LARGE }],
];

/** Text that is cut off or sticks out, and whether the page is wider than the screen. */
const faults = (page) => page.evaluate(() => {
  const found = [];
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) found.push(`the page is ${scrollWidth} wide, of ${clientWidth}`);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode;
    const words = text.textContent?.trim() ?? '';
    const parent = text.parentElement;
    // What is there for the ear alone is cut on purpose.
    if (!words || !parent?.checkVisibility() || getComputedStyle(parent).clipPath !== 'none') continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    const { left, right, top, bottom } = range.getBoundingClientRect();
    for (let box = parent; box !== document.body; box = /** @type {HTMLElement} */ (box.parentElement)) {
      const { display, overflowX, overflowY } = getComputedStyle(box);
      if (display === 'inline' || display === 'contents') continue;
      const edge = box.getBoundingClientRect();
      const isOut = left < edge.left - 1 || right > edge.right + 1;
      const isBelow = (top < edge.top - 3 || bottom > edge.bottom + 3) && overflowY !== 'auto';
      if (overflowX === 'auto' && box.tabIndex === 0) break;
      if (overflowX === 'auto' && (isOut || isBelow)) {
        found.push(`"${words.slice(0, 40)}" is to be scrolled to, by no key, in ${box.outerHTML.slice(0, 60)}`);
        break;
      }
      if (isOut || isBelow) {
        found.push(`"${words.slice(0, 40)}" sticks out of ${box.outerHTML.slice(0, 60)}`);
        break;
      }
      if (overflowY === 'auto') break;
    }
  }
  for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll('input[placeholder]'))) {
    const { font, paddingLeft, paddingRight } = getComputedStyle(input);
    const pen = /** @type {CanvasRenderingContext2D} */ (document.createElement('canvas').getContext('2d'));
    pen.font = font;
    const room = input.clientWidth - Number.parseFloat(paddingLeft) - Number.parseFloat(paddingRight);
    const wide = pen.measureText(input.placeholder).width;
    if (wide > room) found.push(`"${input.placeholder}" is ${wide.toFixed(0)} wide, of ${room}`);
  }
  // One of a kind is enough.
  return [...new Set(found.map((fault) => fault.replace(/ data-\w+="\d+"?.*/, '')))];
});

/** Opens an address at each look, lets something be done there, looks for faults, and takes a picture. */
async function lookAt(t, name, url, act) {
  mkdirSync(PICTURES, { recursive: true });
  const all = [];
  for (const [look, { fontSize, ...options }] of LOOKS) {
    const page = await open(t, url, options);
    if (fontSize) {
      const client = await page.context().newCDPSession(page);
      await client.send('Page.setFontSizes', { fontSizes: { standard: fontSize, fixed: fontSize } });
    }
    await act(page);
    await drawn(page);
    all.push(...(await faults(page)).map((fault) => `${look}: ${fault}`));
    await page.evaluate(() => scrollTo(0, 0));
    await page.screenshot({ path: join(PICTURES, `${name}-${look}.png`), fullPage: true });
    await page.close();
  }
  assert.deepEqual(all, []);
}

test('nothing sticks out beside a server where little happens', async (t) => {
  const server = await serve(t);
  const first = await open(t, server.url);
  await tell(t, server);
  await read(first, 'owes ');
  await lookAt(t, 'live', server.url, (page) => read(page, 'owes '));
});

test('nothing sticks out of a trace, at an event that is worth a look', async (t) => {
  const [trace, html] = ['trace.jsonl', 'trace.html'].map((name) => join(folder(t), name));
  const server = await serve(t, '--trace', trace);
  const first = await open(t, server.url);
  await tell(t, server);
  await read(first, 'owes ');
  await first.close();
  await server.stop();
  await run('trace', trace, '--html', html);
  await lookAt(t, 'trace', `file://${html}`, async (page) => {
    await read(page, 'wrong_digest');
    await press(page, 'p');
  });
});

test('nothing sticks out in a crowd that is owed much', async (t) => {
  const server = await serve(t, '--auth', 'none', '--max-pending', 'none');
  const first = await open(t, server.url);
  const much = 'm'.repeat(12 << 20);
  for (let i = 0; i < CROWD; i += 1) {
    const peer = await arrive(t, server.port);
    if (i % 100 === 0) peer.say(much);
  }
  await read(first, '1,200 open');
  await first.locator('#map .token.stuck').first().waitFor();
  await lookAt(t, 'crowd', server.url, (page) => page.locator('#map .token.stuck').first().waitFor());
});

test('nothing sticks out beside a simulated loop', async (t) => {
  const { url } = await play(t);
  await lookAt(t, 'play', url, async (page) => {
    await press(page, 'n');
    await page.locator('[data-asks]').click();
    await page.locator('.question .choices button').first().waitFor();
  });
});

test('nothing sticks out of the help', async (t) => {
  const server = await serve(t);
  await lookAt(t, 'help', server.url, (page) => press(page, '?'));
});
