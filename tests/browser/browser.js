// The browser, and the page in it: opened with an eye on the console, read as its reader does, moved by keys.

import assert from 'node:assert/strict';
import { after } from 'node:test';

import { chromium } from 'playwright-core';

const BROWSER = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** @typedef {import('playwright-core').Page} Page */

/** @type {Promise<import('playwright-core').Browser> | undefined} */
let browser;
after(async () => (await browser)?.close());

/**
 * Our page, in one of the browser's own: it says of itself when it is ready.
 * @param {import('./scope.js').Scope} t
 * @param {string} url
 * @param {Parameters<typeof visit>[2]} options
 */
export async function open(t, url, options = {}) {
  const page = await visit(t, url, options);
  await page.waitForFunction(() => document.documentElement.dataset.state);
  return page;
}

/**
 * A page of its own, which must not have complained by the end of the test.
 * @param {import('./scope.js').Scope} t
 * @param {string} url
 * @param {import('playwright-core').BrowserContextOptions & { mayFail?: RegExp, onRequest?: (url: string) => void }}
 *   options `mayFail`: what may be said in the console all the same
 */
export async function visit(t, url, { mayFail, onRequest, ...options } = {}) {
  browser ??= chromium.launch({ executablePath: BROWSER });
  const context = await (await browser).newContext({ reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  /** @type {string[]} */
  const complaints = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !mayFail?.test(message.text())) complaints.push(message.text());
  });
  if (onRequest) page.on('request', (request) => onRequest(request.url()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  t.after(async () => {
    await context.close();
    assert.deepEqual(complaints, [], 'the console has complaints');
  });
  await page.goto(url);
  return page;
}

/**
 * What the document says of itself to other programs.
 * @param {Page} page
 * @returns {Promise<Record<string, string>>}
 */
export const told = (page) => page.evaluate(() => ({ ...document.documentElement.dataset }));

/**
 * Waits until what the document says of itself is so.
 * @param {Page} page
 * @param {Record<string, string | number>} wanted
 */
export async function until(page, wanted) {
  const texts = Object.fromEntries(Object.entries(wanted).map(([name, value]) => [name, String(value)]));
  await page.waitForFunction(
    (all) => Object.entries(all).every(([name, text]) => document.documentElement.dataset[name] === text), texts);
}

/** Waits until a text is to be read on the page. @param {Page} page @param {string} text */
export async function read(page, text) {
  await page.waitForFunction((wanted) => document.body.innerText.includes(wanted), text);
}

/**
 * Presses a key, and waits until the page has been drawn anew.
 * @param {Page} page
 * @param {string} key
 */
export async function press(page, key) {
  await page.keyboard.press(key);
  await drawn(page);
}

/** Waits for two frames: what was to be drawn has been. @param {Page} page */
export const drawn = (page) => page.evaluate(() => new Promise((resolve) => {
  requestAnimationFrame(() => requestAnimationFrame(() => resolve(undefined)));
}));

/**
 * All that is drawn of a position, as it is in the document: an element or a text a line. The order of attributes and
 * of classes means nothing.
 * @param {Page} page
 * @returns {Promise<string>}
 */
export const seen = (page) => page.evaluate(() => {
  /** @type {string[]} */
  const lines = [];
  const write = (node) => {
    if (node instanceof Text && node.data.trim()) lines.push(node.data);
    if (!(node instanceof Element) || node.matches('[hidden]')) return;
    const attributes = [...node.attributes].filter(({ name }) => name !== 'class').map(({ name, value }) => `${name}="${value}"`);
    lines.push(`<${[node.localName, ...[...node.classList].sort().map((each) => `.${each}`), ...attributes.sort()].join(' ')}>`);
    for (const child of node.childNodes) write(child);
  };
  write(document.querySelector('main'));
  return lines.join('\n');
});

/**
 * The lines in which two pictures differ.
 * @param {string} one
 * @param {string} other
 */
export function differences(one, other) {
  const [before, after] = [one.split('\n'), other.split('\n')];
  return after.flatMap((line, i) => (line === before[i] ? [] : [`${before[i]} => ${line}`]));
}
