// A test that ends what it began, the last first: the page leaves before its server does.

import { test as plain } from 'node:test';

/** What a test has to end, and where it prints. @typedef {{ after: (end: () => any) => void, print: (text: string) => void }} Scope */

/**
 * @param {string} name
 * @param {(scope: Scope) => Promise<void>} body
 */
export function test(name, body) {
  plain(name, async (t) => {
    /** @type {(() => any)[]} */
    const ends = [];
    /** @type {unknown[]} */
    const failures = [];
    const go = async (step) => {
      try {
        await step();
      } catch (failure) {
        failures.push(failure);
      }
    };
    await go(() => body({ after: (end) => ends.push(end), print: (text) => t.diagnostic(text) }));
    while (ends.length > 0) await go(ends.pop());
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, failures.join('\n'));
  });
}
