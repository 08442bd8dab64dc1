// The source that is a trace: lines of JSON, in the document itself or from a file.

import { lineEnd, readColumns } from './lines.js';

const WORK = 48; // milliseconds, then the browser has its turn: it may draw how far this is
const AT_ONCE = 1 << 15; // characters, before the clock is looked at

/** Behind what the browser has to do. @returns {Promise<void>} */
const breathe = () => new Promise((resolve) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    resolve();
  };
  port2.postMessage(null);
});

/**
 * Takes in all lines of a text that comes in pieces.
 * @param {import('./store.js').Store} store
 * @param {AsyncIterable<string>} pieces
 */
export async function read(store, pieces) {
  let rest = '';
  let since = performance.now();
  for await (const piece of pieces) {
    const end = piece.lastIndexOf('\n') + 1;
    if (end === 0) {
      rest += piece;
      continue;
    }
    const text = rest + piece.slice(0, end);
    rest = piece.slice(end);
    for (let from = 0; from < text.length;) {
      const to = lineEnd(text, Math.min(from + AT_ONCE, text.length - 1));
      store.addLines(text.slice(from, to));
      from = to;
      if (performance.now() - since < WORK) continue;
      await breathe();
      since = performance.now();
    }
  }
  store.addLines(rest);
}

/** The trace that was written into the document, if there is one: as text or, if it is long, packed, by columns. */
export async function readDocument(store) {
  const element = document.querySelector('script#trace');
  if (!element?.textContent) return;
  if (element.getAttribute('type') !== 'application/gzip') return read(store, pieces(element.textContent));
  store.read = readColumns;
  await read(store, unpacked(element.textContent));
}

async function* pieces(text) {
  yield text;
}

/** @param {string} letters */
function unpacked(letters) {
  const text = atob(letters);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return texts(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip')));
}

/**
 * A file that the reader has chosen or dropped.
 * @param {import('./store.js').Store} store
 * @param {File} file
 */
export async function readFile(store, file) {
  await read(store, texts(file.stream()));
}

/** @param {ReadableStream<Uint8Array<ArrayBuffer>>} stream */
async function* texts(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
