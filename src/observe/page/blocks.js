// A block of events that follow each other: the records themselves, or the lines that they are parsed from when
// somebody asks; and what was known before the first, and now and then in between. No document.

import { apply, copy, forget, restart } from './model.js';

/** @typedef {import('./model.js').Event} Event */
/** @typedef {import('./model.js').Model} Model */

const SIZE = 4096; // events
const STOP = 256; // events between two models that are kept in between
const RECENT = 4; // blocks that keep such models, and records beside their lines

export class Block {
  /** @param {Model} before what was known before its first event */
  constructor(before) {
    this.before = before;
    this.count = 0;
    /** @type {Event[] | null} */
    this.records = null;
    /** @type {string[]} */
    this.lines = [];
    /** All lines, once there are no more to come: as one text they cost least. */
    this.text = '';
    /** @type {Model[]} */
    this.stops = [];
  }

  get isFull() {
    return this.count === SIZE;
  }

  /** @param {Event} record */
  addRecord(record) {
    this.records ??= [];
    this.records.push(record);
    this.count += 1;
  }

  /** @param {string} line */
  addLine(line) {
    this.lines.push(line);
    this.count += 1;
    if (!this.isFull) return;
    this.text = this.lines.join('\n');
    this.lines = [];
  }

  /** Whether it is made of lines. */
  get isWritten() {
    return this.text !== '' || this.lines.length > 0;
  }

  /** @returns {Event[]} */
  all() {
    if (this.records?.length === this.count) return this.records;
    const lines = this.text === '' ? this.lines : this.text.split('\n');
    this.records = /** @type {Event[]} */ (lines.map(parse));
    return this.records;
  }

  /** Keeps no more than is needed. */
  rest() {
    this.stops = [];
    if (this.isWritten) this.records = null;
  }

  /**
   * The nearest model that is kept, at or before a position.
   * @param {number} position
   */
  nearest(position) {
    for (let i = Math.floor((position - this.before.event) / STOP); i > 0; i -= 1) {
      if (this.stops[i]) return this.stops[i];
    }
    return this.before;
  }

  /**
   * Brings a model that is in this block to a position in it.
   * @param {Model} model
   * @param {number} position
   * @param {Pick<import('./store.js').Store, 'seams' | 'marks'>} past what happened between some events
   */
  advance(model, position, { seams, marks }) {
    const records = this.all();
    while (model.event < position) {
      const i = model.event - this.before.event;
      if (i % STOP === 0 && i > 0) this.stops[i / STOP] ??= copy(model);
      if (seams.includes(model.event)) restart(model);
      apply(model, records[i]);
      forget(model, marks.get(model.event) ?? []);
    }
  }

  /** Where an event is among blocks of which the first begins with another. */
  static indexOf(event, first) {
    return Math.floor((event - first) / SIZE);
  }
}

/** Of the blocks that are used, those that were used last. */
export class Recent {
  /** @type {Block[]} */
  #blocks = [];

  /** @param {Block} block */
  use(block) {
    if (this.#blocks.at(-1) === block) return;
    this.#blocks = [...this.#blocks.filter((each) => each !== block), block];
    if (this.#blocks.length > RECENT) this.#blocks.shift()?.rest();
  }
}

/**
 * The record on a line, if there is one.
 * @param {string} line
 * @returns {Event | null}
 */
export function parse(line) {
  try {
    const record = JSON.parse(line);
    return isRecord(record) ? record : null;
  } catch {
    return null;
  }
}

// What all else goes by; the other fields are only added up and shown.
function isRecord(record) {
  const { event: name, connection, time } = record ?? {};
  return typeof name === 'string' && (connection === undefined || Number.isSafeInteger(connection))
    && (time === undefined || Number.isFinite(time));
}
