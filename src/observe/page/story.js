// One connection: what it holds, drawn as the way of its bytes; and what happened to it, line by line.

import { reading } from './connection.js';
import { find, make, makeButton, put, staysAtEnd } from './draw.js';
import { connectionAt } from './scene.js';
import { quoted, sentence } from './sentences.js';
import { isWorthALook } from './worth.js';
import { duration, many, number, size } from './words.js';

const LINES = 60;
const IDLE = 3; // seconds without an event, and without a connection

const lines = find('#lines');
const scroll = find('#scroll');
const isAtEnd = staysAtEnd(scroll);
/** @type {{ number: number | null, nodes: Map<number, HTMLElement>, first: number }} */
const story = { number: null, nodes: new Map(), first: 0 };

/** @param {import('./scene.js').Scene} scene */
export function drawStory(scene) {
  const { store, position, chosen, now } = scene;
  const connection = connectionAt(scene, chosen);
  find('#newest').setAttribute('aria-pressed', String(scene.followsLast));
  drawHint(scene);
  put(find('#who'), connection ? portrait(connection) : '');
  drawHolds(scene, connection);
  const events = chosen === null ? [] : store.eventsOf(chosen, position);
  drawLines(scene, events);
  put(find('#quiet'), quiet(chosen, connection, now));
  if (isAtEnd() || !scene.isRunning) scroll.scrollTop = scroll.scrollHeight;
}

function drawHint(scene) {
  const { model } = scene;
  find('#hint').hidden = scene.source !== 'live' || !model.address || !isIdle(scene);
  if (find('#hint').hidden) return;
  const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(model.address) ?? [];
  put(find('#connect'), `sockmodes connect ${model.address}`);
  put(find('#nc'), `nc ${host} ${port}`);
}

function isIdle({ model, now, isRunning, isGone, unseen }) {
  if (!isRunning || isGone || model.draining) return false;
  const isQuiet = model.turns === 0 || now - model.time > IDLE;
  return isQuiet && model.connections.size === 0 && Object.values(unseen).every((count) => count === 0);
}

function portrait({ number: name, peer, via, state, reason, received, sent, whole }) {
  const least = whole || state === 'closed' ? '' : 'at least ';
  return [
    `#${name}`, peer, via && `via ${via}`, reason ? `closed: ${reason}` : state,
    `${least}${size(received)} in`, `${least}${size(sent)} out`,
  ].filter(Boolean).join(' · ');
}

function quiet(chosen, connection, now) {
  if (chosen === null) return 'No connection is chosen.';
  if (!connection) return 'Nothing is known of it here.';
  if (connection.state === 'closed') return '';
  const silence = now - connection.at;
  return silence > 0.5 ? `quiet for ${duration(silence)}` : '';
}

// From the client to the server above, and back below: where bytes lie, and what holds them up.
function drawHolds({ model, now }, connection) {
  const isOpen = connection !== null && connection.state !== 'closed';
  find('#holds').hidden = !isOpen;
  if (!isOpen) return;
  drawTank('in', ...receiving(connection));
  drawTank('owed', ...owing(connection, model.maxBuffer));
  drawTank('out', ...sending(connection));
  const { reads, why } = reading(connection);
  put(find('#reads'), `${reads ? 'Is read from' : 'Is not read from'}: ${why}.`);
  find('#reads').classList.toggle('no', !reads);
  for (const node of document.querySelectorAll('#bits [data-bit]')) {
    const bit = node.getAttribute('data-bit') ?? '';
    node.classList.toggle('set', connection[bit]);
    node.setAttribute('aria-label', `${node.textContent}: ${connection[bit] ? 'yes' : 'no'}`);
  }
  drawDeadline(connection, now);
}

function drawTank(name, level, text, kind) {
  const tank = find(`#tank-${name}`);
  tank.className = `tank ${kind}`;
  tank.querySelector('i').style.height = `${Math.round(100 * Math.min(1, level))}%`;
  put(tank.querySelector('b'), text);
}

function receiving({ kernel, readable, readClosed }) {
  if (kernel?.receive) return exactly(kernel.receive);
  if (readable) return [0.5, readClosed ? 'something, then the end' : 'something may lie there', 'guess'];
  return [0, readClosed ? 'empty; the end was seen' : 'empty', 'known'];
}

function owing({ owed }, bound) {
  if (owed === 0) return [0, bound ? `0 of ${size(bound)}` : 'nothing', 'known'];
  const text = bound ? `${size(owed)} of ${size(bound)}` : size(owed);
  return [bound ? Math.max(0.04, owed / bound) : 1, text, 'stuck'];
}

function sending({ kernel, full, writable }) {
  if (kernel?.send) return exactly(kernel.send);
  if (full) return [1, 'full', 'stuck'];
  if (full === null) return [0, writable ? 'empty: nothing was sent' : 'not known', 'known'];
  return [0.3, 'has room', 'guess'];
}

function exactly([bytes, room]) {
  return [bytes / room, `${size(bytes)} of ${size(room)}`, bytes === room ? 'stuck' : 'known'];
}

function drawDeadline({ timer, until, timerSet }, now) {
  const left = Math.max(0, until - now);
  find('#deadline').hidden = timer === null;
  if (timer === null) return;
  put(find('#deadline b'), `${timer} deadline in ${duration(left)}`);
  find('#deadline i').style.width = `${100 * Math.min(1, left / Math.max(until - timerSet, 1e-9))}%`;
}

function drawLines(scene, events) {
  if (story.number !== scene.chosen) {
    lines.replaceChildren();
    Object.assign(story, { number: scene.chosen, nodes: new Map() });
  }
  const left = Math.max(0, events.length - LINES);
  const shown = events.slice(left);
  const wanted = new Set(shown);
  for (const [event, node] of story.nodes) {
    if (wanted.has(event)) continue;
    node.remove();
    story.nodes.delete(event);
  }
  let at = lines.firstChild;
  shown.forEach((event, i) => {
    const node = story.nodes.get(event) ?? drawLine(scene, event, events[left + i - 1]);
    story.nodes.set(event, node);
    if (node === at) at = at.nextSibling;
    else lines.insertBefore(node, at);
    if (event === scene.position) node.setAttribute('aria-current', 'step');
    else node.removeAttribute('aria-current');
  });
  put(find('#earlier'), left > 0 ? `${many(left, 'line')} before these` : '');
}

function drawLine({ store }, event, before) {
  const record = store.record(event);
  const node = make('li', `line ${record.event}`);
  node.classList.toggle('look', isWorthALook(record));
  const earlier = before === undefined ? undefined : store.record(before);
  const when = makeButton('when', passed(record, earlier), { event });
  when.tabIndex = -1;
  when.title = `event ${number(event)}`;
  const say = make('span', 'say', sentence(record));
  const said = quoted(record);
  if (said) say.append(' ', make('bdi', '', said));
  node.append(when, say);
  return node;
}

// In a turn, which has one time, there is nothing to tell.
function passed(record, earlier) {
  if (!earlier) return `at ${duration(record.time)}`;
  return record.time === earlier.time ? 'same turn' : `+${duration(record.time - earlier.time)}`;
}
