// What the live page repeats of the server, held against the server's own tables: nothing is missing,
// and nothing is there that the server doesn't have. Run by tests/needs/page.rs, which writes tables.json.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { apply, create, OF_CONNECTION, OF_LOOP, STATES } from './model.js';
import { parse } from './totals.js';
import { STEP_OF, STEPS } from './turns.js';
import { wakes } from './wake.js';
import { LEFT_OUT, WAYS } from './ways.js';
import { call, CALLS, sentence, SENTENCES } from './sentences.js';
import { ERROR_WORDS, REASON_WORDS, STATE_WORDS } from './words.js';
import { isWorthALook } from './worth.js';

const read = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');

const tables = JSON.parse(read('tables.json'));
const records = read('records.jsonl').trimEnd().split('\n').map((line) => JSON.parse(line));
const NOT_OF_THE_PAGE = ['replay.js', 'told.js'];
const html = read('index.html');
const css = read('connections.css');
const scripts = readdirSync(new URL('.', import.meta.url))
  .filter((name) => name.endsWith('.js') && !name.endsWith('.test.js') && !NOT_OF_THE_PAGE.includes(name))
  .map(read).join('\n');

// What the writer tells in place of what it lost is no event of the loop's.
const EVENTS = new Set([...records.map(({ event }) => event), 'lost']);
const ERRORS = new Set(records.map(({ error }) => error).filter(Boolean));

// What the loop does in a turn that concerns nobody who could be seen.
const NOT_A_STEP = ['beat', 'tell_end', 'check_now_and_then'];

/** The same members, each once, in whatever order. */
function same(actual, expected, message) {
  assert.deepEqual([...actual].sort(), [...new Set(expected)].sort(), message);
}

/** All that a pattern finds, by its groups. */
function found(text, pattern) {
  const all = [...text.matchAll(pattern)].map((match) => match.slice(1));
  assert.ok(all.length > 0, `${pattern} finds nothing`);
  return all;
}

test('every state has its place, its words and its count, in the order of a life', () => {
  assert.deepEqual([...STATES, 'closed'], tables.states);
  same(Object.keys(STATE_WORDS), tables.states);
  const boxes = found(html, /data-state="(\w+)">\s*<h3><code>(\w+)<\/code>/g);
  for (const [state, name] of boxes) assert.equal(name, state);
  same(boxes.map(([state]) => state), tables.states);
  const areas = found(css, /\[data-state="(\w+)"\] \{ grid-area: (\w+); \}/g);
  for (const [state, area] of areas) assert.equal(area, state);
  same(areas.map(([state]) => state), tables.states);
  const [[grid]] = found(css, /grid-template-areas:([^;]*);/g);
  same(new Set(grid.match(/\w+/g)), [...tables.states, 'ways']);
});

test('every way from one state to another is drawn, or is one of those left out', () => {
  same([...WAYS, ...LEFT_OUT].map(([from, to]) => `${from}>${to}`), tables.ways);
  for (const [from, to, shape] of WAYS) assert.match(shape(box(from), box(to)), /^M[\d. HVQM-]+$/);
});

/** The place of a state, as on a page of a thousand pixels. */
function box(state) {
  const [[grid]] = found(css, /grid-template-areas:([^;]*);/g);
  const rows = found(grid, /"([^"]*)"/g).map(([row]) => row.split(' '));
  const y = rows.findIndex((row) => row.includes(state));
  const at = { left: rows[y].indexOf(state) * 250, top: y * 200, width: 200, height: 100 };
  return { ...at, right: at.left + at.width, bottom: at.top + at.height };
}

test('every change of state lights its way', () => {
  for (const way of tables.ways) {
    const model = create();
    const tell = (record) => apply(model, { time: 1, connection: 1, ...record });
    const [from, to] = way.split('>');
    tell({ event: 'opened', peer: 'x', state: from });
    tell({ event: 'state', from, to });
    same(Object.keys(model.ways), [way]);
  }
});

test('every reason has its words', () => {
  same(Object.keys(REASON_WORDS), tables.reasons);
  assert.ok(Object.values(REASON_WORDS).every((words) => words.length > 0));
});

test('every error has its words', () => {
  same([...Object.keys(ERROR_WORDS), 'EAGAIN'], ERRORS);
  for (const error of ERRORS) {
    for (const record of [{ event: 'received', error }, { event: 'sent', offered: 5, error }]) {
      assert.ok(!sentence(record).endsWith(`${error}.`), sentence(record));
    }
  }
});

test('every event has its words, and nothing in them is unknown', () => {
  same(Object.keys(CALLS), EVENTS);
  same(Object.keys(SENTENCES), EVENTS);
  for (const record of records) {
    const model = create();
    apply(model, record);
    const said = `${call(record)} ${sentence(record)} ${wakes(model, record, model.connections.get(1) ?? null)}`;
    assert.doesNotMatch(said, /undefined|null|NaN|\[object/, JSON.stringify(record));
  }
});

test('what is worth a look is what the trace in the terminal calls so', () => {
  assert.deepEqual(records.map(isWorthALook), tables.worth_a_look);
  assert.ok(isWorthALook({ event: 'lost', lines: 3 }));
});

test('the model and the steps know only events that there are', () => {
  const known = [OF_LOOP, OF_CONNECTION, STEP_OF].flatMap(Object.keys);
  same(known.filter((event) => !EVENTS.has(event)), []);
  const model = create();
  for (const record of records) apply(model, record);
  assert.equal(model.event, records.length);
  assert.ok(model.address && model.draining && model.stopped);
});

test('the steps of a turn are those of the loop', () => {
  const stations = found(html, /data-step="(\w+)">\s*<code>(\w+)<\/code>/g);
  assert.deepEqual(stations.map(([step]) => step), ['wait', ...STEPS]);
  const names = stations.map(([step, name]) => (step === 'wait' ? step : name));
  assert.deepEqual(names, tables.steps.filter((name) => !NOT_A_STEP.includes(name)));
  same([...new Set(Object.values(STEP_OF)), 'queue'], STEPS);
});

test('whatever the scripts and the styles look for by name is there', () => {
  const styles = css + read('page.css') + read('loop.css');
  const classes = found(styles, /(?:\.line|\.step)\.(\w+)/g).flat();
  same(new Set([...compared('event'), ...classes].filter((event) => !EVENTS.has(event) && event !== 'look')), []);
  const states = ['state', 'to'].flatMap(compared);
  same(new Set(states.filter((state) => !tables.states.includes(state))), []);
  same(new Set(compared('error').filter((error) => !ERRORS.has(error))), []);
});

/** What the scripts compare a field with. */
function compared(field) {
  const one = found(scripts, new RegExp(`\\b${field} [!=]== '(\\w+)'`, 'g')).flat();
  const several = scripts.matchAll(new RegExp(`\\[([^\\]]*)\\]\\.includes\\((?:\\w+\\.)?${field}\\)`, 'g'));
  return [...one, ...[...several].flatMap(([, list]) => list.match(/\w+/g))];
}

test('every metric that the page reads is one that the server counts', () => {
  const names = [...parse(tables.metrics).keys()];
  // With a dot behind it, it is a file's name.
  const read = found(scripts, /['`](sockmodes_\w+(?:\{\w+="\w+"\})?)(?![\w.])/g).flat();
  const isThere = (name) => names.some((known) => known === name || known.startsWith(`${name}{`));
  same(new Set(read.filter((name) => !isThere(name))), []);
});
