// Small helpers to write to the document, and the two quiet parts of the page: one connection line
// by line, and the totals.

import { STATES } from './model.js';
import { boundOf, buckets, labelled } from './totals.js';
import { REASON_WORDS, duration, many, number, percent, quoted, sentence, size } from './words.js';

const NEAR = 48; // pixels
const SVG = 'http://www.w3.org/2000/svg';

export const find = (selector) => document.querySelector(selector);

/** Writes a text, if it is a different one: what stays the same costs no layout. */
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A new element with a class and a text. */
export function make(tag, className = '', text = '') {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

/** A new element of a drawing. */
export function makeSvg(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** Tells whether a box is to stay scrolled to its end: only a reader's scrolling changes that. */
export function staysAtEnd(box) {
  let stays = true;
  box.addEventListener('scroll', () => {
    stays = box.scrollTop + box.clientHeight > box.scrollHeight - NEAR
      && box.scrollLeft + box.clientWidth > box.scrollWidth - NEAR;
  });
  return () => stays;
}

/** How many are open, including those that the page has not seen open. */
export function openIn(model, state) {
  return model.counts[state] + model.unseen[state];
}

const lines = find('#lines');
const scroll = find('#scroll');
const isAtEnd = staysAtEnd(scroll);
const IDLE = 3; // seconds without an event, and without a connection
const STALE = 4; // seconds
const story = { connection: null, last: null };

/** Draws what happened on the chosen connection. */
export function drawStory(model, now) {
  const chosen = model.chosen;
  find('#newest').setAttribute('aria-pressed', model.followsNewest);
  drawHint(model, now);
  put(find('#who'), chosen ? portrait(chosen) : '');
  if (chosen !== story.connection) {
    lines.replaceChildren();
    Object.assign(story, { connection: chosen, last: null });
  }
  addLines(chosen?.lines ?? []);
  put(find('#quiet'), quiet(chosen, now));
  if (isAtEnd()) scroll.scrollTop = scroll.scrollHeight;
}

function drawHint(model, now) {
  const { address } = model;
  find('#hint').hidden = !address || !isIdle(model, now);
  if (!address) return;
  const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(address);
  put(find('#connect'), `sockmodes connect ${address}`);
  put(find('#nc'), `nc ${host} ${port}`);
}

function isIdle(model, now) {
  if (model.over || model.draining) return false;
  const isQuiet = model.events === 0 || now - model.time > IDLE;
  return isQuiet && model.totals && STATES.every((state) => openIn(model, state) === 0);
}

function portrait({ number: name, peer, state, reason, received, sent, whole, left }) {
  const least = whole ? '' : 'at least ';
  const words = [
    `#${name}`, peer, state && (reason ? `closed: ${reason}` : state),
    `${least}${size(received)} in`, `${least}${size(sent)} out`,
  ];
  if (left > 0) words.push(`${many(left, 'line')} before these`);
  else if (!whole) words.push('not everything it did was seen');
  return words.filter(Boolean).join(' · ');
}

function quiet(chosen, now) {
  if (!chosen) return 'No connection is chosen.';
  if (chosen.state === 'closed') return '';
  if (!chosen.lines?.length) return 'Nothing has happened on it since it was chosen.';
  const silence = now - chosen.at;
  return silence > 0.5 ? `quiet for ${duration(silence)}` : '';
}

function addLines(entries) {
  const first = entries[0]?.seq ?? Infinity;
  while (lines.firstChild && Number(lines.firstChild.dataset.seq) < first) {
    lines.firstChild.remove();
  }
  for (const entry of entries) {
    if (story.last && entry.seq <= story.last.seq) continue;
    if (entry.mark && entry.mark.number !== story.last?.mark?.number) lines.append(heading(entry));
    lines.append(line(entry, story.last));
    story.last = entry;
  }
}

function heading({ seq, mark }) {
  const waited = mark.waited === null ? '' : `, after ${duration(mark.waited)} in epoll_wait`;
  const node = make('li', 'mark', `turn ${number(mark.number)}${waited}`);
  node.dataset.seq = seq;
  return node;
}

function line({ seq, record }, before) {
  const node = make('li', `line ${record.event}`);
  const time = before ? `+${duration(record.time - before.record.time)}` : '0 s';
  node.dataset.seq = seq;
  const say = make('span', 'say', sentence(record));
  const said = quoted(record);
  if (said) say.append(' ', make('bdi', '', said));
  node.append(make('span', 'when', time), say);
  return node;
}

/** Draws the totals, at a time on the reader's clock. */
export function drawTotals(model, at) {
  const { totals } = model;
  put(find('#age'), age(model, at));
  if (!totals) return;
  for (const node of document.querySelectorAll('[data-total]')) {
    put(node, TILES[node.dataset.total](totals));
  }
  drawHistogram(buckets(totals));
  drawRates(model.samples, at);
  drawReasons(labelled(totals, 'sockmodes_closed_total'));
}

function age({ samples, over }, at) {
  const old = at - (samples.at(-1)?.at ?? Infinity);
  if (over && old > 0) return `as of the last look, ${duration(old)} before the end`;
  return old > STALE ? `as of ${duration(Math.round(old))} ago: no newer answer has come` : '';
}

const count = (name) => (totals) => number(totals.get(name) ?? 0);
const bytes = (name) => (totals) => size(totals.get(name) ?? 0);

const TILES = {
  connections: count('sockmodes_connections_total'),
  authenticated: count('sockmodes_authenticated_total'),
  received: bytes('sockmodes_received_bytes_total'),
  sent: bytes('sockmodes_sent_bytes_total'),
  turns: count('sockmodes_loop_turns_total'),
  success: count('sockmodes_logins_total{result="success"}'),
  failure: count('sockmodes_logins_total{result="failure"}'),
};

function drawHistogram(list) {
  const half = boundOf(list, 0.5);
  const most = boundOf(list, 0.99);
  const highest = Math.max(1, ...list.map((bucket) => bucket.count));
  const node = find('#histogram');
  while (node.childElementCount < list.length) node.append(make('li'));
  list.forEach((bucket, i) => {
    const bar = node.children[i];
    // The root, so that the few slow turns are seen beside the many fast ones.
    bar.style.height = `${100 * Math.sqrt(bucket.count / highest)}%`;
    bar.className = bucket.bound <= half ? 'half' : bucket.bound <= most ? 'most' : '';
    bar.title = `${upTo(bucket.bound)}: ${number(bucket.count)}`;
  });
  put(find('#bounds'), half === undefined ? 'None so far.'
    : `Half of them: ${upTo(half)}. 99 of 100: ${upTo(most)}. `
      + 'These are the bounds of buckets: the true values are no higher. '
      + 'Heights are square roots: twice as high is four times as many.');
  if (list.length < 2) return;
  put(find('#shortest'), `up to ${duration(list[0].bound)}`);
  put(find('#longest'), `over ${duration(list.at(-2).bound)}`);
}

function upTo(bound) {
  return bound === Infinity ? 'more than the largest bound' : `at most ${duration(bound)}`;
}

const rates = makeSvg('svg', {
  viewBox: '0 0 120 40', preserveAspectRatio: 'none', 'aria-hidden': true,
});
const bars = makeSvg('path', { d: '' });
rates.append(bars);
find('#rates').append(rates);

// A bar is as wide as the time between two looks, and stands where that time was.
function drawRates(samples, at) {
  const known = samples.filter(({ span }) => span > 0);
  const highest = Math.max(1, ...known.map(({ rate }) => rate));
  bars.setAttribute('d', known.map((sample) => {
    const right = 120 - 2 * (at - sample.at);
    const top = 40 - 40 * Math.sqrt(sample.rate / highest);
    return `M${(right - 2 * sample.span).toFixed(2)} 40V${top.toFixed(1)}H${(right - 0.5).toFixed(2)}V40z`;
  }).join(''));
  const last = known.at(-1);
  if (!last) return;
  const within = Math.abs(last.span - 1) < 0.1 ? 'second' : duration(last.span);
  put(find('#rate'), `${number(last.rate)} a second in the last ${within}, ${number(highest)} at the `
    + 'most. Heights are square roots: twice as high is four times as many.');
  put(find('#share'), `At work for ${percent(last.share)} of the last ${within}.`);
}

function drawReasons(reasons) {
  const list = find('#reasons');
  const seen = reasons.filter(([, value]) => value > 0).sort((a, b) => b[1] - a[1]);
  const highest = seen[0]?.[1] ?? 1;
  find('#none-closed').hidden = seen.length > 0;
  while (list.childElementCount > seen.length) list.lastChild.remove();
  seen.forEach(([reason, value], i) => {
    const node = list.children[i] ?? list.appendChild(reasonRow());
    put(node.children[0], reason);
    put(node.children[1], number(value));
    put(node.children[2], REASON_WORDS[reason] ?? '');
    node.children[3].style.width = `${100 * value / highest}%`;
  });
}

function reasonRow() {
  const node = make('li');
  node.append(make('code'), make('b'), make('span'), make('i'));
  return node;
}
