// A test that ends what it began, the last first: the page leaves before its server does.

import { test as plain } from 'node:test';

/** What a test has to end. @typedef {{ after: (end: () => any) => void, print: (text: string) => void }} Scope */

/**
 * @param {string} name
 * @param {(scope: Scope) => Promise<void>} body
 */
export function test(name, body) {
  plain(name, async (t) => {
    /** @type {(() => any)[]} */
    const ends = [];
    try {
      await body({ after: (end) => ends.push(end), print: (text) => t.diagnostic(text) });
    } finally {
      await endAll(ends);
    }
  });
}

// What is left of them is ended also if one fails.
async function endAll(ends) {
  try {
    await ends.pop()?.();
  } finally {
    if (ends.length > 0) await endAll(ends);
  }
}
