// Where the reader is in the past, and how the keys move them. No document: what is drawn follows from `event`.

import { firstWhere } from './turns.js';

const LONGEST = 1; // seconds of sleep that are played
const AT_ONCE = 2000; // events that one moment of playing takes at most

/** @typedef {import('./store.js').Store} Store */

export class Position {
  /**
   * @param {Store} store
   * @param {{ isLive: boolean, more: (() => Promise<void>) | null }} source `isLive`: the newest is always the one
   *   to be seen; `more`: makes events behind the newest
   */
  constructor(store, { isLive, more }) {
    this.store = store;
    this.isLive = isLive;
    /** @type {Promise<void> | null} */
    this.making = null;
    // However many ask at a time, one is made.
    this.more = more && (() => {
      this.making ??= more().finally(() => { this.making = null; });
      return this.making;
    });
    this.event = 0;
    this.isPaused = !isLive;
    /** Nothing more will come. */
    this.isOver = false;
    /** @type {number | null} an event that has not come yet, where the address says that it opens */
    this.wanted = null;
    this.clock = 0;
    this.work = Promise.resolve();
  }

  /** @returns {'running' | 'paused' | 'ended'} */
  get mode() {
    if (this.isPaused) return 'paused';
    return this.isOver && this.event === this.store.newest ? 'ended' : 'running';
  }

  /** The oldest that is kept; 0 where there is none. */
  get first() {
    return this.store.newest === 0 ? 0 : this.store.first;
  }

  /** Whether each new event is seen as it comes. */
  get follows() {
    return this.isLive && !this.isPaused;
  }

  /** Something has come, or has fallen out. */
  settle() {
    const { store } = this;
    if (this.wanted !== null && store.newest >= this.wanted) this.moveTo(this.wanted);
    else if (this.follows) this.event = store.newest;
    this.event = Math.min(store.newest, Math.max(this.event, store.first - 1, 0));
  }

  /** @param {number} event */
  moveTo(event) {
    this.wanted = null;
    this.isPaused = true;
    this.event = Math.max(this.store.first - 1, Math.min(event, this.store.newest));
  }

  /** Pauses, or goes on; from the end of what can be played, from its beginning. */
  toggle() {
    this.wanted = null;
    if (this.mode !== 'paused') {
      this.isPaused = true;
      return;
    }
    this.isPaused = false;
    if (!this.isLive && !this.more && this.event === this.store.newest) this.event = this.store.first - 1;
    this.clock = this.store.record(this.event)?.time ?? 0;
    this.settle();
  }

  back() { this.moveTo(this.event - 1); }

  backTurn() {
    const { turns } = this.store.index;
    const i = firstWhere(turns.length, (at) => turns[at].last >= this.event) - 1;
    this.moveTo(i >= 0 ? turns[i].last : this.store.first - 1);
  }

  home() { this.moveTo(this.store.first); }

  end() { this.moveTo(this.store.newest); }

  /** The next event, which may have to be made. */
  async forward() {
    if (this.event === this.store.newest) await this.more?.();
    this.moveTo(this.event + 1);
  }

  /** To behind the next end of a turn. */
  async forwardTurn() {
    const { turns } = this.store.index;
    const next = () => {
      const i = firstWhere(turns.length, (at) => turns[at].last > this.event && turns[at].took !== null);
      return turns[i]?.last;
    };
    if (next() === undefined) await this.more?.();
    this.moveTo(next() ?? this.store.newest);
  }

  /** @param {1 | -1} way to the next event that is worth a look, or to the one before */
  look(way) {
    const { worth } = this.store;
    const i = firstWhere(worth.length, (at) => worth[at] >= this.event + (way > 0 ? 1 : 0));
    const event = worth[way > 0 ? i : i - 1];
    if (event === undefined) this.isPaused = true;
    else this.moveTo(event);
  }

  /** To an event that may not have come yet: one that is made on demand is made. */
  async open(event) {
    this.wanted = event;
    while (this.more && this.store.newest < event) {
      const before = this.store.newest;
      await this.more();
      if (this.store.newest === before) break;
    }
    if (this.more) this.wanted = Math.min(event, this.store.newest);
    this.settle();
  }

  /**
   * Plays on for so many seconds, at the pace of the events; a long sleep is cut short.
   * @param {number} seconds
   */
  async play(seconds) {
    if (this.isPaused || this.isLive) return;
    this.clock += seconds;
    for (let i = 0; i < AT_ONCE; i += 1) {
      const next = this.store.record(this.event + 1);
      if (!next) break;
      this.clock = Math.max(this.clock, (next.time ?? 0) - LONGEST);
      if ((next.time ?? 0) > this.clock) return;
      this.event += 1;
    }
    if (this.event < this.store.newest) return;
    await this.more?.();
    this.isOver = this.event === this.store.newest;
  }
}
