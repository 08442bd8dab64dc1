// The filter above the matrix, in the book: what it leaves is what the table has, by operation, mode and outcome.

import assert from 'node:assert/strict';

import { visit } from './browser.js';
import { book, source } from './book.js';
import { test } from './scope.js';

const MODES = ['blocking', 'non-blocking', 'timeout'];

/** A row of the table that the page includes: its cells by mode. @typedef {{ operation: string, condition: string, cells: Record<string, string> }} Row */

/** @returns {Row[]} */
function measured() {
  return source('matrix_table.md').split(/^## /m).slice(1).flatMap((part) => {
    const [operation, ...lines] = part.trim().split('\n');
    return lines.filter((line) => line.startsWith('| `')).map((line) => {
      const [condition, ...cells] = line.split('|').slice(1, -1).map((cell) => cell.trim().replaceAll('`', ''));
      return { operation, condition, cells: Object.fromEntries(MODES.map((mode, i) => [mode, cells[i]])) };
    });
  });
}

/** What came of a call, whatever it waited for and however many bytes it was. @param {string} cell */
const outcome = (cell) => cell.replace(/ · .*/, '').replace(/^ok:\d+$/, 'ok:N');

/** What is to be seen of some rows in some modes, as a reader reads it. @param {Row[]} rows @param {string[]} modes */
const text = (rows, modes) => rows.map(({ operation, condition, cells }) => (
  [operation, condition, ...modes.map((mode) => cells[mode])].join(' | ')));

/** What the page shows: under each heading its rows, without what is hidden; and what it says that they are. */
const shown = (page) => page.evaluate(() => {
  const rows = [];
  const seen = (node) => node.checkVisibility();
  const words = (nodes) => [...nodes].filter(seen).map((node) => node.textContent.trim());
  let heads;
  const place = document.getElementById('matrix-filter');
  const behind = (node) => place.compareDocumentPosition(node) & Node.DOCUMENT_POSITION_FOLLOWING;
  for (const heading of [...document.querySelectorAll('main h2')].filter((it) => seen(it) && behind(it))) {
    const box = heading.nextElementSibling;
    heads = words(box.querySelectorAll('th')).slice(1).join();
    for (const row of [...box.querySelectorAll('tbody tr')].filter(seen)) {
      rows.push([heading.textContent.trim(), ...words(row.children)].join(' | '));
    }
  }
  const tables = [...document.querySelectorAll('main table')].filter((table) => seen(table) && behind(table));
  return { rows, heads, tables: tables.length, said: place.querySelector('output').textContent };
});

/** Opens the page, and gives a way to choose: all three at once, '' for no matter which. */
async function matrix(t) {
  const page = await visit(t, `${await book(t)}/matrix.html`);
  const choose = async (choice) => {
    for (const name of ['operation', 'mode', 'outcome']) await page.getByLabel(name).selectOption(choice[name] ?? '');
  };
  return { page, choose };
}

/** Chooses, and compares what is left with what the table has. */
async function compare({ page, choose }, rows, choice) {
  await choose(choice);
  const modes = choice.mode ? [choice.mode] : MODES;
  const fits = rows.filter(({ operation, cells }) => (
    (!choice.operation || choice.operation === operation)
    && (!choice.outcome || modes.some((mode) => outcome(cells[mode]) === choice.outcome))));
  const { rows: left, heads, tables, said } = await shown(page);
  assert.deepEqual(left, text(fits, modes), JSON.stringify(choice));
  assert.equal(said, `${fits.length} of ${rows.length} rows`);
  assert.equal(tables, new Set(fits.map(({ operation }) => operation)).size, 'an empty table is shown');
  if (fits.length > 0) assert.equal(heads, modes.join());
}

test('the whole matrix is shown until something is chosen, and again once nothing is', async (t) => {
  const [rows, it] = [measured(), await matrix(t)];
  assert.ok(rows.length > 400, 'the table is not found');
  await compare(it, rows, {});
  await compare(it, rows, { operation: 'recv', mode: 'timeout', outcome: 'timed-out' });
  await compare(it, rows, {});
});

test('the matrix is filtered by operation', async (t) => {
  const [rows, it] = [measured(), await matrix(t)];
  for (const operation of new Set(rows.map((row) => row.operation))) await compare(it, rows, { operation });
});

test('the matrix is filtered by mode and outcome', async (t) => {
  const [rows, it] = [measured(), await matrix(t)];
  const outcomes = new Set(rows.flatMap(({ cells }) => Object.values(cells).map(outcome)).filter((cell) => cell !== '–'));
  const offered = await it.page.getByLabel('outcome').locator('option').allTextContents();
  assert.deepEqual(offered.slice(1).sort(), [...outcomes].sort());
  for (const mode of ['', ...MODES]) {
    for (const value of outcomes) await compare(it, rows, { mode, outcome: value });
  }
});

test('all three choices hold together', async (t) => {
  const [rows, it] = [measured(), await matrix(t)];
  for (const mode of MODES) await compare(it, rows, { operation: 'recv', mode, outcome: 'EAGAIN' });
});
