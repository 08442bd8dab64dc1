// How the book looks on a phone, in a light theme and in a dark one: no page is wider than the screen, drawings can be
// read, and all of them are in the colours of the theme, not of the system.

import assert from 'node:assert/strict';

import { visit } from './browser.js';
import { book, pages } from './book.js';
import { test } from './scope.js';

const PHONE = { width: 390, height: 844 };
const THEMES = [{ theme: 'light', isDark: false }, { theme: 'navy', isDark: true }];
/** Pixels, of letters in a drawing. */
const LEAST = 11;
const AT_ONCE = 3;

/** Chooses a theme as the book's menu does. */
async function choose(page, theme) {
  await page.evaluate((name) => {
    /** @type {HTMLElement} */ (document.getElementById(`mdbook-theme-${name}`)).click();
  }, theme);
  await page.waitForFunction((name) => document.documentElement.classList.contains(name), theme);
}

/** What is wider than the screen, and is not in a box of the text that can be pushed to and fro. */
const wide = (page) => page.evaluate(() => {
  const main = /** @type {HTMLElement} */ (document.querySelector('main'));
  const isPushed = (node) => {
    for (let box = node.parentElement; box && box !== main; box = box.parentElement) {
      if (getComputedStyle(box).overflowX === 'auto' && box.getBoundingClientRect().right <= innerWidth) return true;
    }
    return false;
  };
  return [...main.querySelectorAll('*')]
    .filter((node) => node.getBoundingClientRect().right > innerWidth + 1 && !isPushed(node))
    .map((node) => `${node.outerHTML.slice(0, 80)}: up to ${node.getBoundingClientRect().right.toFixed(0)}`);
});

/** Drawings of other colours than the theme's, and drawings that can't be read. */
const drawings = (page, isDark) => page.evaluate(({ dark, least }) => {
  const found = [];
  const pen = /** @type {CanvasRenderingContext2D} */ (new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true }));
  const brightness = (colour) => {
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [red, green, blue] = pen.getImageData(0, 0, 1, 1).data;
    return (red + green + blue) / 3;
  };
  for (const svg of /** @type {NodeListOf<SVGSVGElement>} */ (document.querySelectorAll('main svg[role=img]'))) {
    const name = svg.querySelector('title')?.textContent;
    const paper = getComputedStyle(/** @type {Element} */ (svg.querySelector('rect'))).fill;
    if (brightness(paper) < 128 !== dark) found.push(`${name}: on ${paper}`);
    for (const text of svg.querySelectorAll('text')) {
      const { fontSize, fill } = getComputedStyle(text);
      const pixels = Number.parseFloat(fontSize) * /** @type {DOMMatrix} */ (svg.getScreenCTM()).a;
      if (pixels < least) found.push(`${name}: "${text.textContent?.trim()}" is ${pixels.toFixed(1)} pixels high`);
      if (Math.abs(brightness(fill) - brightness(paper)) < 60) found.push(`${name}: "${text.textContent?.trim()}" is ${fill}`);
    }
  }
  // What is linked, not included, is not reached by the theme.
  for (const image of document.querySelectorAll('main img[src$=".svg"]')) found.push(image.outerHTML);
  return found;
}, { dark: isDark, least: LEAST });

test('on a phone no page of the book is too wide, and every drawing can be read', async (t) => {
  const [url, all] = [await book(t), pages()];
  const found = [];
  const look = async () => {
    const page = await visit(t, 'about:blank', { viewport: PHONE });
    for (let name = all.pop(); name; name = all.pop()) {
      await page.goto(`${url}/${name}.html`);
      for (const { theme, isDark } of THEMES) {
        await choose(page, theme);
        found.push(...[...await wide(page), ...await drawings(page, isDark)].map((fault) => `${name}, ${theme}: ${fault}`));
      }
    }
  };
  assert.ok(all.length > 40, 'the summary is not found');
  await Promise.all(Array.from({ length: AT_ONCE }, look));
  assert.deepEqual(found, []);
});

test('the simulation in the book has the colours of its theme, whatever the system has', async (t) => {
  const page = await visit(t, `${await book(t)}/loop.html`, { colorScheme: 'dark' });
  const frame = page.frameLocator('iframe.play');
  await page.locator('iframe.play').scrollIntoViewIfNeeded();
  await frame.locator('#map').waitFor();
  const colours = [];
  for (const { theme } of THEMES) {
    await choose(page, theme);
    colours.push(await frame.locator('body').evaluate((body) => getComputedStyle(body).backgroundColor));
  }
  assert.deepEqual(colours, ['rgb(246, 248, 250)', 'rgb(13, 17, 23)']);
});
