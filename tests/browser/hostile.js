// Names that want to be more than names, and what becomes of them on the page.

import assert from 'node:assert/strict';

const MOST = 256; // bytes of a name that are shown

export const HOSTILE = [
  "<img src=x onerror=document.title='hostile'>",
  "</script><script>document.title = 'hostile'</script>",
  '<!--<script>',
  'ann\u202e\u2066nna\u200b\u2028\u0000\u001b[31m\n{"event":"closed"}',
  'y'.repeat(300),
];

/**
 * That all of them are on the page as text, at one event or another, and nothing came of them.
 * @param {import('playwright-core').Page} page
 */
export async function isHarmless(page) {
  await page.evaluate(() => { location.hash = 'connection=1'; });
  await page.waitForFunction(() => document.querySelector('#lines')?.textContent?.includes('yyy'));
  const { title, lines, elements } = await page.evaluate(() => ({
    title: document.title,
    lines: /** @type {HTMLElement} */ (document.querySelector('#lines')).innerText,
    elements: document.querySelectorAll('main :is(img, script)').length,
  }));
  assert.equal(elements, 0);
  assert.doesNotMatch(title, /hostile/);
  for (const name of HOSTILE.slice(0, 3)) assert.ok(lines.includes(name), `${name} is not among ${lines}`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there.
  assert.doesNotMatch(lines, /[\u202e\u2066\u200b\u2028\u0000\u001b]/);
  const [long] = /y+/.exec(lines.slice(lines.indexOf('yyy'))) ?? [''];
  assert.ok(long.length > 0 && long.length <= MOST, `${long.length} bytes of a name are shown`);
}
