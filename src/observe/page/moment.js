// The event at the position: what it was, in words; what will wake its connection again; and the code of the server
// in which it happened.

import { CODE } from './code.js';
import { find, make, put } from './draw.js';
import { connectionAt } from './scene.js';
import { call, quoted, sentence } from './sentences.js';
import { wakes } from './wake.js';
import { duration, number } from './words.js';

let shown = '';

/** @param {import('./scene.js').Scene} scene */
export function drawMoment(scene) {
  const { store, model, position } = scene;
  const record = store.record(position);
  put(find('#which'), record ? `event ${number(position)}` : '');
  put(find('#brief'), record ? call(record) : 'before the first event');
  find('#of').hidden = record?.connection === undefined;
  if (record?.connection !== undefined) {
    put(find('#of'), `#${record.connection}`);
    find('#of').dataset.connection = record.connection;
  }
  put(find('#at'), record?.time === undefined ? '' : `at ${duration(record.time)}`);
  // Nobody could listen to all that happens while it runs.
  find('#happened').setAttribute('aria-live', scene.isRunning ? 'off' : 'polite');
  put(find('#happened'), record ? sentence(record) : 'Nothing has happened yet.');
  put(find('#said'), record ? quoted(record) : '');
  put(find('#wakes'), wakes(model, record, connectionAt(scene, record?.connection)));
  drawCode(record);
}

/** @param {import('./model.js').Event | undefined} record */
function drawCode(record) {
  const key = record?.event === 'opened' && record.via ? 'opened_behind' : record?.event ?? '';
  if (key === shown) return;
  shown = key;
  const passage = Object.hasOwn(CODE, key) ? CODE[key] : undefined;
  find('#code').hidden = !passage;
  if (!passage) return;
  put(find('#place'), `${passage.file}, line ${passage.line}`);
  put(find('#function'), passage.function);
  const lines = passage.text.split('\n').map((line, i) => {
    const node = make(i === passage.mark ? 'mark' : 'span', '', line);
    return [node, '\n'];
  });
  find('#passage').replaceChildren(...lines.flat());
  const mark = find('#passage mark');
  const box = find('#passage');
  box.scrollTop = mark ? Math.max(0, mark.offsetTop - box.clientHeight / 2) : 0;
}
