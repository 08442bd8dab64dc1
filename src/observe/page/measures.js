// The totals: figures, how long turns take, how many there are, and why connections were closed.

import { find, make, makeSvg, put } from './draw.js';
import { boundOf, buckets, labelled } from './totals.js';
import { REASON_WORDS, duration, number, percent, size } from './words.js';

const count = (name) => (totals) => number(totals.get(name) ?? 0);
const bytes = (name) => (totals) => size(totals.get(name) ?? 0);

/** @type {Record<string, (totals: Map<string, number>) => string>} */
const TILES = {
  connections: count('sockmodes_connections_total'),
  authenticated: count('sockmodes_authenticated_total'),
  received: bytes('sockmodes_received_bytes_total'),
  sent: bytes('sockmodes_sent_bytes_total'),
  turns: count('sockmodes_loop_turns_total'),
  success: count('sockmodes_logins_total{result="success"}'),
  failure: count('sockmodes_logins_total{result="failure"}'),
};

/** @param {import('./scene.js').Scene} scene */
export function drawTotals(scene) {
  const { totals, isWhole, source } = scene;
  put(find('#totals-title span'), isWhole ? 'since the server started'
    : source === 'live' ? 'since the page began to look' : 'since the first event');
  for (const node of document.querySelectorAll('[data-total]')) {
    put(node, TILES[node.getAttribute('data-total') ?? ''](totals));
  }
  drawHistogram(buckets(totals));
  drawRates(scene.seconds);
  drawReasons(labelled(totals, 'sockmodes_closed_total'));
}

function drawHistogram(list) {
  const [half, most] = [0.5, 0.99].map((share) => boundOf(list, share) ?? -1);
  const highest = Math.max(1, ...list.map((bucket) => bucket.count));
  const node = find('#histogram');
  while (node.childElementCount < list.length) node.append(make('li'));
  list.forEach((bucket, i) => {
    const bar = node.children[i];
    // The root, so that the few slow turns are seen beside the many fast ones.
    bar.style.height = `${100 * Math.sqrt(bucket.count / highest)}%`;
    bar.className = bucket.bound <= half ? 'half' : bucket.bound <= most ? 'most' : '';
    bar.title = `${to(bucket.bound)}: ${number(bucket.count)}`;
  });
  put(find('#bounds'), half < 0 ? 'None so far.'
    : `Half of them: ${to(half)}. 99 of 100: ${to(most)}. `
      + 'These are the bounds of buckets: the true values are no higher. '
      + 'Heights are square roots: twice as high is four times as many.');
  if (list.length < 2) return;
  put(find('#shortest'), `up to ${duration(list[0].bound)}`);
  put(find('#longest'), `over ${duration(list.at(-2).bound)}`);
}

function to(bound) {
  return bound === Infinity ? 'more than the largest bound' : `at most ${duration(bound)}`;
}

const rates = makeSvg('svg', { viewBox: '0 0 120 40', preserveAspectRatio: 'none', 'aria-hidden': true });
const bars = makeSvg('path', { d: '' });
rates.append(bars);
find('#rates').append(rates);

function drawRates(seconds) {
  const highest = Math.max(...seconds.map(({ rate }) => rate));
  bars.setAttribute('d', seconds.map(({ rate }, i) => {
    const top = highest > 0 ? 40 - 40 * Math.sqrt(rate / highest) : 40;
    return `M${2 * i} 40V${top.toFixed(1)}h1.5V40z`;
  }).join(''));
  const last = seconds[seconds.length - 1];
  put(find('#rate'), highest === 0 ? 'None in this minute.'
    : `${number(last.rate)} in the last second, ${number(highest)} in the busiest. `
      + 'Heights are square roots: twice as high is four times as many.');
  put(find('#share'), `At work for ${percent(last.share)} of the last second.`);
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
