// What `/metrics` says, and what follows from it.

/**
 * The samples of the Prometheus text format, by name with labels.
 * @param {string} text
 */
export function parse(text) {
  const values = new Map();
  for (const line of text.split('\n')) {
    const end = line.lastIndexOf(' ');
    if (end > 0 && line[0] !== '#') values.set(line.slice(0, end), Number(line.slice(end + 1)));
  }
  return values;
}

/**
 * The values of a metric with one label, by the value of the label.
 * @param {Map<string, number>} totals
 * @param {string} name
 * @returns {[string, number][]}
 */
export function labelled(totals, name) {
  const start = `${name}{`;
  return [...totals]
    .filter(([key]) => key.startsWith(start))
    .map(([key, value]) => [/="(.*)"/.exec(key)?.[1] ?? '', value]);
}

/**
 * The upper bounds of the buckets, and how many turns are in each.
 * @param {Map<string, number>} totals
 * @returns {{ bound: number, count: number }[]}
 */
export function buckets(totals) {
  let below = 0;
  return labelled(totals, 'sockmodes_loop_turn_seconds_bucket').map(([le, upTo]) => {
    const count = upTo - below;
    below = upTo;
    return { bound: le === '+Inf' ? Infinity : Number(le), count };
  });
}

/**
 * The bound of the bucket that holds a share of all: no more is known.
 * @param {{ bound: number, count: number }[]} list
 * @param {number} share
 */
export function boundOf(list, share) {
  const all = list.reduce((sum, { count }) => sum + count, 0);
  if (all === 0) return undefined;
  let left = share * all;
  return list.find(({ count }) => {
    left -= count;
    return left <= 0;
  })?.bound;
}
