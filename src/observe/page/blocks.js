// A block of events that follow each other: the records themselves, or the lines that they are parsed from when
// somebody asks; and what was known before the first, and now and then in between. No document.

import { lineEnd } from './lines.js';
import { apply, copy, forget, restart } from './model.js';

/** @typedef {import('./model.js').Event} Event */
/** @typedef {import('./model.js').Model} Model */

const SIZE = 4096; // events, or a few more: a line is never in two
const STOP = 256; // events between two models that are kept in between
const RECENT = 4; // blocks that keep such models, and records beside their lines

export class Block {
  /**
   * @param {Model} before what was known before its first event
   * @param {import('./lines.js').Read} read what makes records of its lines
   */
  constructor(before, read) {
    this.before = before;
    this.read = read;
    this.count = 0;
    /** @type {Event[]} */
    this.records = [];
    /** Lines, with those that are no records; and up to where they have become records. */
    this.text = '';
    this.parsed = 0;
    /** @type {Model[]} */
    this.stops = [];
  }

  get isFull() {
    return this.count >= SIZE;
  }

  /** @param {Event} record */
  addRecord(record) {
    this.records.push(record);
    this.count += 1;
  }

  /** @returns {Event[]} */
  all() {
    while (this.parsed < this.text.length) {
      const end = lineEnd(this.text, this.parsed);
      this.read(this.text.slice(this.parsed, end), (record) => {
        if (record) this.records.push({ ...record });
      });
      this.parsed = end;
    }
    return this.records;
  }

  /** Keeps no more than is needed. */
  rest() {
    this.stops = [];
    if (this.text === '') return;
    this.records = [];
    this.parsed = 0;
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
