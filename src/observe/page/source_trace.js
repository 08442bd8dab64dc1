// The source that is a trace: lines of JSON, in the document itself or from a file.

const WORK = 12; // milliseconds, then the browser has its turn

const channel = new MessageChannel();
/** @returns {Promise<any>} */
const breathe = () => new Promise((resolve) => {
  channel.port1.onmessage = resolve;
  channel.port2.postMessage(null);
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
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    for (let i = 0; i < lines.length; i += 1) {
      store.addLine(lines[i]);
      if (i % 256 === 0 && performance.now() - since > WORK) {
        await breathe();
        since = performance.now();
      }
    }
  }
  if (rest) store.addLine(rest);
}

/** The trace that was written into the document, if there is one. */
export async function readDocument(store) {
  const text = document.querySelector('script#trace')?.textContent;
  if (text) await read(store, pieces(text));
  return Boolean(text);
}

async function* pieces(text) {
  yield text;
}

/**
 * A file that the reader has chosen or dropped.
 * @param {import('./store.js').Store} store
 * @param {File} file
 */
export async function readFile(store, file) {
  const reader = file.stream().pipeThrough(new TextDecoderStream()).getReader();
  await read(store, { async* [Symbol.asyncIterator]() {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } });
}
