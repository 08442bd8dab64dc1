// The lines of a trace, and the records on them: one each, as the server writes them; or many by columns, as
// `sockmodes trace --html` packs a long trace, for an object a line is what reading one takes longest for.

/** @typedef {import('./model.js').Event} Event */

/**
 * Hands over each record on a line, and null for what should be one and is none. A record is not to be kept: it is made
 * into the next.
 * @typedef {(line: string, take: (record: Event | null) => void) => void} Read
 */

/**
 * Where a line ends that begins at a place in a text: behind its line feed, if it has one.
 * @param {string} text
 * @param {number} from
 */
export function lineEnd(text, from) {
  const feed = text.indexOf('\n', from);
  return feed < 0 ? text.length : feed + 1;
}

/** @type {Read} */
export function readLine(line, take) {
  let record;
  try {
    record = JSON.parse(line);
  } catch {
    if (!line.trim()) return;
  }
  take(isRecord(record) ? record : null);
}

/**
 * Reads `{"order":[…],"kinds":[[record,columns],…]}`: for each record its kind; of each kind the first record, and by
 * field the values that are not the same in all. Only from a document, which is the program's own: from a few letters
 * this makes as much as they say.
 * @type {Read}
 */
export function readColumns(line, take) {
  if (!line.trim()) return;
  const { order, kinds } = JSON.parse(line);
  /** @type {{ record: Event, columns: [string, any[]][], next: number }[]} */
  const open = kinds.map(([record, columns]) => ({ record, columns: Object.entries(columns), next: 0 }));
  for (const i of order) {
    const kind = open[i];
    const { record, columns, next } = kind;
    for (const [field, values] of columns) record[field] = values[next];
    kind.next += 1;
    take(isRecord(record) ? record : null);
  }
}

// What all else goes by; the other fields are only added up and shown.
function isRecord(record) {
  const { event: name, connection, time } = record ?? {};
  return typeof name === 'string' && (connection === undefined || Number.isSafeInteger(connection))
    && (time === undefined || Number.isFinite(time));
}
