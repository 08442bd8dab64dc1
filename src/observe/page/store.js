// The past: events as they came, each with its number, and what was known after every one of them. Whoever asks
// for a position gets a model, made from the nearest checkpoint before it. No document and no clock.

import { Block, Recent } from './blocks.js';
import { lineEnd, readLine } from './lines.js';
import { apply, copy, create, forget, restart } from './model.js';
import { firstWhere, turnIndex } from './turns.js';
import { isWorthALook } from './worth.js';

/** @typedef {import('./model.js').Event} Event */
/** @typedef {import('./model.js').Model} Model */

const KEPT = 32; // blocks of a ring

export class Store {
  /** @param {{ isRing: boolean }} options whether the oldest make room for the newest */
  constructor({ isRing }) {
    this.isRing = isRing;
    /** What makes records of the lines that are added. */
    this.read = readLine;
    /** @type {Block[]} */
    this.blocks = [];
    this.first = 1;
    this.newest = 0;
    /** Lines that were no records. */
    this.broken = 0;
    /** @type {number[]} */
    this.worth = [];
    this.index = turnIndex();
    /** @type {Map<number, number[]>} */
    this.byConnection = new Map();
    /** @type {Map<number, number[]>} which connections were found to be gone, behind an event */
    this.marks = new Map();
    /** @type {number[]} where the events began anew: behind these */
    this.seams = [];
    this.head = create();
    this.view = this.head;
    /** @type {Model | null} */
    this.grave = null;
    this.recent = new Recent();
  }

  /** Forgets all, for another run of the same source. */
  clear() {
    Object.assign(this, new Store({ isRing: this.isRing }));
  }

  /** @param {Event[]} records as in the trace, which get the next numbers */
  add(records) {
    for (const record of records) {
      this.#block().addRecord(record);
      this.#push(record);
    }
  }

  /** @param {string} text whole lines of a trace; what is no record is counted and left out */
  addLines(text) {
    for (let at = 0; at < text.length;) {
      const block = this.#block();
      const from = at;
      while (at < text.length && !block.isFull) {
        const end = lineEnd(text, at);
        this.read(text.slice(at, end), (record) => this.#take(record, block));
        at = end;
      }
      block.text += text.slice(from, at);
    }
  }

  /**
   * @param {Event | null} record
   * @param {Block} block that has its line
   */
  #take(record, block) {
    if (!record) {
      this.broken += 1;
      return;
    }
    block.count += 1;
    this.#push(record);
  }

  /** @param {Event} record that its block has already */
  #push(record) {
    const { head } = this;
    if (this.newest === this.seams.at(-1)) restart(head);
    const asleepSince = head.phase === 'waiting' ? head.since : null;
    apply(head, record);
    this.newest += 1;
    const isWorth = isWorthALook(record);
    if (isWorth) this.worth.push(this.newest);
    this.index.note(head, record, isWorth, asleepSince);
    if (record.connection === undefined) return;
    const events = this.byConnection.get(record.connection);
    if (events) events.push(this.newest);
    else this.byConnection.set(record.connection, [this.newest]);
  }

  #block() {
    const last = this.blocks.at(-1);
    if (last && !last.isFull) return last;
    const block = new Block(copy(this.head), this.read);
    this.blocks.push(block);
    if (this.isRing && this.blocks.length > KEPT) this.#dropOldest();
    return block;
  }

  // The numbers of those that stay don't change.
  #dropOldest() {
    const [oldest] = this.blocks.splice(0, 1);
    this.first += oldest.count;
    this.worth.splice(0, firstWhere(this.worth.length, (i) => this.worth[i] >= this.first));
    this.index.dropBefore(this.first);
    const numbers = new Set(oldest.all().map(({ connection }) => connection));
    for (const number of numbers) {
      const events = this.byConnection.get(number) ?? [];
      events.splice(0, firstWhere(events.length, (i) => events[i] >= this.first));
      if (events.length === 0) this.byConnection.delete(number);
    }
    for (const event of this.marks.keys()) if (event < this.first - 1) this.marks.delete(event);
    this.seams = this.seams.filter((event) => event >= this.first - 1);
  }

  /** Behind the newest event the source begins anew, with what is open: the next event says so first. */
  restart() {
    if (this.newest > 0) this.seams.push(this.newest);
  }

  /** @param {number[]} numbers of connections that are gone, though no event has told so */
  forget(numbers) {
    if (numbers.length === 0) return;
    this.marks.set(this.newest, [...(this.marks.get(this.newest) ?? []), ...numbers]);
    forget(this.head, numbers);
  }

  /**
   * The record with a number.
   * @param {number} event
   * @returns {Event | undefined}
   */
  record(event) {
    if (event < this.first || event > this.newest) return undefined;
    const block = this.#blockOf(event);
    return block.all()[event - block.before.event - 1];
  }

  /**
   * What was known after an event. It is the caller's to read, until the next call.
   * @param {number} position
   * @returns {Model}
   */
  at(position) {
    if (position >= this.newest) return this.head;
    // Before the first is where its block begins.
    const block = this.#blockOf(Math.max(position, this.first));
    const { view } = this;
    const isNear = view !== this.head && view.event <= position && view.event >= block.nearest(position).event;
    if (!isNear) this.view = copy(block.nearest(position));
    block.advance(this.view, position, this);
    return this.view;
  }

  /**
   * The events of a connection up to a position; not those of another with its number, at a server before.
   * @param {number} number
   * @param {number} position
   */
  eventsOf(number, position) {
    const events = this.byConnection.get(number) ?? [];
    const seam = this.seams.findLast((event) => event < position) ?? 0;
    const from = firstWhere(events.length, (i) => events[i] > seam);
    return events.slice(from, firstWhere(events.length, (i) => events[i] > position));
  }

  /**
   * The connection that ended with an event.
   * @param {number} event
   * @returns {import('./connection.js').Connection}
   */
  buried(event) {
    if (this.grave?.event !== event) {
      const block = this.#blockOf(event);
      this.grave = copy(block.nearest(event));
      block.advance(this.grave, event, this);
    }
    return this.grave.closed[this.grave.closed.length - 1];
  }

  #blockOf(event) {
    const block = this.blocks[firstWhere(this.blocks.length, (i) => this.blocks[i].before.event >= event) - 1];
    this.recent.use(block);
    return block;
  }
}
