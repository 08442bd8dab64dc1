// What the panel of a simulation makes of a scenario's text.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { at, breaks, setting, withLine, withRule, withSetting } from './play_script.js';

test('a client is added behind the others', () => {
  assert.equal(withLine('', 'legal at 2s'), 'legal at 2s');
  assert.equal(withLine('  \n', 'legal'), 'legal');
  assert.equal(withLine('# who comes\nsilent\n\n', 'legal'), '# who comes\nsilent\nlegal');
});

test('a setting is there once, or not at all', () => {
  const script = 'window 100 # small\nlegal\n window 200';
  assert.equal(setting(script, 'window'), '200');
  assert.equal(setting(script, 'max-buffer'), null);
  assert.equal(setting('few-events', 'few-events'), '');
  assert.equal(setting('# window 3', 'window'), null);
  assert.equal(withSetting(script, 'window', '300'), 'window 300\nlegal');
  assert.equal(withSetting(script, 'window', null), 'legal');
  assert.equal(withSetting('legal', 'few-events', ''), 'few-events\nlegal');
});

test('a rule is broken once, or whole', () => {
  assert.equal(withRule('legal', 'end', true), 'legal\nbreak end');
  assert.equal(withRule('break end\nlegal\nbreak end # again\nbreak edges', 'end', false), 'legal\nbreak edges');
  assert.equal(withRule('break end\nlegal', 'end', true), 'legal\nbreak end');
  assert.deepEqual(['end', 'edges'].map((rule) => breaks('legal\n break  end', rule)), [true, false]);
});

test('times are written as scenarios read them', () => {
  assert.deepEqual([0, 2, 0.25, 1.0004, -1].map(at), ['0s', '2s', '250ms', '1s', '0s']);
});
