// All connections that are open, in a table: found by what is typed, in the order that is asked for.

import { ORDERS, search } from './crowd_order.js';
import { find, make, makeButton, put } from './draw.js';
import { many, number, size, duration } from './words.js';

const ROWS = 25;

const table = find('#table tbody');

/** @param {import('./scene.js').Scene} scene */
export function drawCrowd({ model, now, chosen }) {
  const found = search(model.connections.values(), find('#search').value);
  found.sort(ORDERS[find('#order').value] ?? ORDERS.owed);
  const shown = found.slice(0, ROWS);
  while (table.childElementCount > shown.length) table.lastChild.remove();
  for (const [i, connection] of shown.entries()) {
    fill(table.children[i] ?? table.appendChild(row()), connection, now, chosen);
  }
  const rest = found.length - shown.length;
  put(find('#found'), `${many(found.length, 'connection')}${rest > 0 ? `, the first ${number(shown.length)} of them` : ''}`);
  find('#table').hidden = found.length === 0;
}

function row() {
  const node = make('tr');
  const name = make('th');
  name.scope = 'row';
  name.append(makeButton('name', '', {}));
  node.append(name, ...Array.from({ length: 6 }, () => make('td')));
  return node;
}

function fill(node, connection, now, chosen) {
  const { number: name, peer, state, owed, since, received, sent, timer, until } = connection;
  const button = node.firstChild.firstChild;
  put(button, `#${name}`);
  button.dataset.connection = name;
  button.setAttribute('aria-pressed', name === chosen);
  node.classList.toggle('stuck', owed > 0);
  const cells = [
    state ?? '', owed > 0 ? size(owed) : '–', duration(Math.max(0, now - since)),
    `↓${size(received)} ↑${size(sent)}`, timer === null ? '–' : `${timer} ${duration(Math.max(0, until - now))}`, peer ?? '',
  ];
  for (const [i, text] of cells.entries()) put(node.children[i + 1], text);
}
