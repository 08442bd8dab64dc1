// The book, as `mdbook build docs` has left it, at an address of its own; and its sources, to be compared with.

import { once } from 'node:events';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const BUILT = fileURLToPath(new URL('../../docs/book/', import.meta.url));
const WRITTEN = fileURLToPath(new URL('../../docs/src/', import.meta.url));
/** @type {Record<string, string>} */
const KINDS = {
  '.css': 'text/css', '.html': 'text/html', '.js': 'text/javascript', '.png': 'image/png', '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm', '.woff2': 'font/woff2',
};

/** A file of the book's sources. @param {string} name */
export const source = (name) => readFileSync(join(WRITTEN, name), 'utf8');

/** The names of all pages that the book's summary has, without `.html`. */
export const pages = () => [...source('SUMMARY.md').matchAll(/\]\(([^)]+)\.md\)/g)].map(([, name]) => name);

/**
 * Serves the book until the test is over; with its simulation, for which `play/build` comes before.
 * @param {import('./scope.js').Scope} t
 */
export async function book(t) {
  if (!existsSync(join(BUILT, 'play/index.html'))) {
    throw new Error(`${BUILT} has no book with a simulation in it: play/build && mdbook build docs`);
  }
  const server = createServer(({ url = '/' }, response) => {
    const path = join(BUILT, normalize(decodeURIComponent(new URL(url, 'http://book').pathname)));
    const kind = KINDS[extname(path)];
    if (!kind || !existsSync(path)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': kind });
    createReadStream(path).pipe(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return `http://127.0.0.1:${port}`;
}
