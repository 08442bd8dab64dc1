// The page made from a trace: one file, no network, at its end, and each position where the address says.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { drawn, open, press, read, told, until } from './browser.js';
import { folder, run, serve } from './program.js';
import { tell } from './scene.js';
import { test } from './scope.js';

const MILLION = 1_000_000;
const STEPS = 20;

/** A story told to a server, its records, and the page made of them. */
async function recorded(t) {
  const [trace, html] = ['trace.jsonl', 'trace.html'].map((name) => join(folder(t), name));
  const server = await serve(t, '--trace', trace, '--handshake-timeout', '1s', '--drain-timeout', '100ms');
  const { silent } = await tell(t, server);
  silent.socket.resume();
  await silent.over;
  await server.stop();
  await run('trace', trace, '--html', html);
  const records = readFileSync(trace, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
  return { html, records, trace };
}

/** Opens a file as one who has no network, and keeps what was asked of it. */
async function openFile(t, url, options = {}) {
  /** @type {string[]} */
  const asked = [];
  const page = await open(t, url, { offline: true, onRequest: (address) => asked.push(address), ...options });
  return { page, asked };
}

/** What the manual says is worth a look. */
function isWorthALook({ event, error, bytes, offered, reason }) {
  const always = ['refused', 'penalty', 'stale', 'accept_paused', 'accept_resumed', 'requeued', 'deadline', 'lost'];
  const mayFail = ['sent', 'received', 'shut_down'];
  return always.includes(event) || (mayFail.includes(event) && error !== undefined)
    || (event === 'sent' && bytes < offered) || (event === 'closed' && !['done', 'stopped'].includes(reason));
}

const numbersOf = (records, wanted) => records.flatMap((record, i) => (wanted(record) ? [i + 1] : []));

test('a trace opens paused at its end, and asks for nothing', async (t) => {
  const { html, records } = await recorded(t);
  const { page, asked } = await openFile(t, `file://${html}`);
  const last = String(records.length);
  assert.deepEqual(await told(page), { source: 'trace', state: 'paused', event: last, first: '1', events: last });
  await press(page, 'ArrowRight');
  assert.equal((await told(page)).event, last);
  await read(page, 'wrong_digest');
  assert.deepEqual(asked, [`file://${html}`]);
});

test('the keys lead to each event that is worth a look, and behind each turn', async (t) => {
  const { html, records } = await recorded(t);
  const { page } = await openFile(t, `file://${html}`);
  const ways = [
    ['n', 'p', numbersOf(records, isWorthALook)],
    ['Shift+ArrowRight', 'Shift+ArrowLeft', numbersOf(records, ({ event }) => event === 'turn_end')],
  ];
  for (const [on, back, events] of ways) {
    assert.ok(events.length > 2, `${on} leads to ${events}`);
    await press(page, 'Home');
    for (const event of events) {
      await page.keyboard.press(on);
      assert.equal((await told(page)).event, String(event), on);
    }
    await press(page, 'End');
    for (const event of events.filter((each) => each < records.length).reverse()) {
      await page.keyboard.press(back);
      assert.equal((await told(page)).event, String(event), back);
    }
  }
});

test('the address says where a trace opens, and whom it shows', async (t) => {
  const { html, records } = await recorded(t);
  const { page } = await openFile(t, `file://${html}#event=7&connection=2`);
  await until(page, { event: 7 });
  assert.equal(await page.inputValue('#chosen'), '2');
  await page.goto(`file://${html}#event=9`);
  await until(page, { event: 9, state: 'paused' });
  await page.goto(`file://${html}#event=${records.length + 5}&connection=1`);
  await until(page, { event: records.length });
  await read(page, '#1 · ');
});

test('a trace that is chosen on a live page takes its place', async (t) => {
  const { records, trace } = await recorded(t);
  const server = await serve(t);
  const page = await open(t, server.url);
  await until(page, { source: 'live', state: 'running' });
  await page.locator('#file').setInputFiles(trace);
  const last = String(records.length);
  await until(page, { source: 'trace', state: 'paused', event: last, first: '1', events: last });
  await press(page, 'p');
  await read(page, 'wrong_digest');
});

test('Space plays a trace from its beginning, and pauses it', async (t) => {
  const { html, records } = await recorded(t);
  const { page } = await openFile(t, `file://${html}`);
  // The silent one lets it last for a second.
  await page.keyboard.press('Space');
  await until(page, { state: 'running' });
  await page.keyboard.press('Space');
  await until(page, { state: 'paused' });
  assert.ok(Number((await told(page)).event) < records.length);
  await page.keyboard.press('Space');
  await until(page, { state: 'ended', event: records.length });
});

/** How long the browser's pages have worked, this one nearly alone, in seconds of a core: however busy the machine is. */
async function worked(page) {
  const session = await page.context().browser().newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  return processInfo.filter(({ type }) => type === 'renderer').reduce((sum, { cpuTime }) => sum + cpuTime, 0);
}

/** The lines of a server with so many connections, each of which does what the first of a story does. */
function* many(records, least) {
  const usual = records.filter(({ connection }) => connection === 1);
  const span = records.at(-1).time;
  const [begun, over] = [usual[0].time, usual.at(-1).time];
  // All but the times and the number is the same for each, and is written once.
  const story = [
    { time: begun, event: 'turn', ready: 1 }, ...usual,
    { time: over, event: 'turn_end', took: 1e-4 }, { time: over, event: 'waiting', at_most: null },
  ].map(({ time, connection, ...rest }) => [time, connection !== undefined, JSON.stringify(rest).slice(1)]);
  for (let i = 0; i * story.length < least; i += 1) {
    yield story.map(([time, isOfOne, rest]) => `{"time":${time + i * span},${isOfOne ? `"connection":${i + 1},` : ''}${rest}\n`).join('');
  }
}

test('a million events open, and are stepped through', async (t) => {
  const { records } = await recorded(t);
  const [trace, html] = ['million.jsonl', 'million.html'].map((name) => join(folder(t), name));
  const text = [...many(records, MILLION)].join('');
  writeFileSync(trace, text);
  const events = text.split('\n').length - 1;
  await run('trace', trace, '--html', html);
  const begun = performance.now();
  const { page } = await openFile(t, `file://${html}`);
  const took = (performance.now() - begun) / 1000;
  t.print(`${events} events: opened in ${took.toFixed(2)} s, with ${(await worked(page)).toFixed(2)} s of a core`);
  assert.equal((await told(page)).events, String(events));
  for (const key of ['ArrowLeft', 'Home', 'ArrowRight', 'Shift+ArrowRight', 'n', 'End', 'p']) {
    const since = performance.now();
    for (let i = 0; i < STEPS; i += 1) await press(page, key);
    t.print(`${key}: ${((performance.now() - since) / STEPS).toFixed(0)} ms a step, two frames and a question among them`);
  }
  await page.goto(`file://${html}#event=500000`);
  await until(page, { event: 500_000 });
  await drawn(page);
});
