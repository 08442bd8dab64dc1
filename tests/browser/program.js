// The program under test: started on free ports, told apart by what it prints, ended by its process.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Where `cargo build` puts it. */
const BUILT = fileURLToPath(new URL('../../target/debug/sockmodes', import.meta.url));
export const PROGRAM = process.env.SOCKMODES_PROGRAM ?? BUILT;

/** What the server and its clients here have in common. */
export const SECRET = 'a secret of the tests';

/** @typedef {import('./scope.js').Scope} Scope */

/**
 * A folder that is removed when the test is over.
 * @param {Scope} t
 */
export function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'sockmodes-browser-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

/**
 * Runs the program until it ends.
 * @param {string[]} args
 */
export async function run(...args) {
  const child = spawn(PROGRAM, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const [status] = await once(child, 'exit');
  if (status !== 0) throw new Error(`${args.join(' ')}: status ${status}`);
}

/**
 * Starts the program, and waits until it has printed a line that matches.
 * @param {Scope} t
 * @param {string[]} args
 * @param {RegExp} last
 * @returns {Promise<{ lines: string[], stop: () => Promise<void> }>}
 */
async function start(t, args, last) {
  const child = spawn(PROGRAM, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const over = once(child, 'close');
  let said = '';
  child.stderr.on('data', (text) => { said += text; });
  const stop = async () => {
    child.kill();
    await over;
  };
  t.after(stop);
  const lines = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (last.test(line)) return { lines, stop };
  }
  throw new Error(`${args.join(' ')}: ended before it was ready: ${said}`);
}

/**
 * A server with a page.
 * @param {Scope} t
 * @param {string[]} options
 */
export async function serve(t, ...options) {
  const secret = join(folder(t), 'secret');
  writeFileSync(secret, SECRET, { mode: 0o600 });
  const given = (option, value) => (options.includes(option) ? [] : [option, value]);
  const args = [
    'serve', ...given('--listen', '127.0.0.1:0'), ...given('--admin', '127.0.0.1:0'), '--secret-file', secret, ...options,
  ];
  const { lines, stop } = await start(t, args, /^admin on /);
  const [, port] = /^listening on 127\.0\.0\.1:(\d+)$/.exec(lines[0]);
  const [, url] = /^admin on (http:\S+)$/.exec(lines.at(-1));
  return { port: Number(port), url, stop };
}

/**
 * The page with a simulated loop.
 * @param {Scope} t
 */
export async function play(t) {
  const { lines, stop } = await start(t, ['play', '--listen', '127.0.0.1:0'], /^play on /);
  const [, url] = /^play on (http:\S+)$/.exec(lines[0]) ?? [];
  return { url, stop };
}
