// The simulated source: a run, made by a seed and a scenario, as far as the reader has gone in it. Whoever answers
// is the server that the page came from, or the same code in the browser (WebAssembly): the page can't tell.

import { Panel } from './play_panel.js';
import { Store } from './store.js';

/** @typedef {(request: object) => Promise<any>} Ask */

const SEED = 1;
const MOST_SEED = Number.MAX_SAFE_INTEGER;
const SCENARIO = 'legal\nslow-reader at 1s\nsilent at 2s\nwrong-secret at 3s';

const root = document.documentElement;

/** @returns {Promise<Ask>} */
async function connect() {
  if (root.dataset.play !== 'wasm') return post;
  // @ts-expect-error: it is built with the simulation.
  // biome-ignore lint/correctness/noUnresolvedImports: likewise.
  const { default: load, Play } = await import('./sockmodes_play.js');
  await load({ module_or_path: new URL('sockmodes_play_bg.wasm', import.meta.url) });
  const play = new Play();
  return async (request) => JSON.parse(play.ask(JSON.stringify(request)));
}

/** @type {Ask} */
async function post(request) {
  const response = await fetch('ask', {
    method: 'POST', headers: { 'content-type': 'application/json' }, cache: 'no-store', body: JSON.stringify(request),
  });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

/** A run so far: what the store has is its beginning. */
export class Run {
  /**
   * @param {Ask} ask
   * @param {Store} store
   * @param {{ seed: number, scenario: string }} what
   */
  constructor(ask, store, { seed, scenario }) {
    this.ask = ask;
    this.store = store;
    this.seed = seed;
    this.scenario = scenario;
    /** @type {{ how: string, why: string } | null} */
    this.end = null;
    /**
     * What went wrong, with the number of the event beside which it did.
     * @type {{ event: number, connection?: number, what: string }[]}
     */
    this.wrongs = [];
    this.taking = Promise.resolve();
  }

  /** Puts one more turn into the store, and all up to event number `until`; nothing, if it is over. */
  more(until = 0) {
    this.taking = this.taking.then(() => this.#take(until));
    return this.taking;
  }

  async #take(until) {
    const { store, seed, scenario } = this;
    if (this.end) return;
    const { records, end } = await this.#answer({ ask: 'events', seed, scenario, after: store.newest, until });
    store.add(records);
    const first = store.newest - records.length + 1;
    records.forEach(({ wrong = [] }, i) => {
      this.wrongs.push(...wrong.map((each) => ({ ...each, event: first + i })));
    });
    this.end = end;
  }

  /** What the loop will do behind event number `after`; null, if it does nothing more. */
  async next(after) {
    const { seed, scenario } = this;
    return (await this.#answer({ ask: 'next', seed, scenario, after })).question;
  }

  async #answer(request) {
    const answer = await this.ask(request);
    if (answer.error) throw new Error(answer.error);
    return answer;
  }
}

/** What the address says. */
const addressed = () => new URLSearchParams(location.hash.slice(1));

/** What it says is played. */
function fromAddress() {
  const hash = addressed();
  const seed = Number(hash.get('seed') ?? SEED);
  const isSeed = Number.isInteger(seed) && seed >= 0 && seed <= MOST_SEED;
  return { seed: isSeed ? seed : SEED, scenario: hash.get('scenario') ?? SCENARIO };
}

/** Says in the address what is played; the rest of it, and the position, is the page's. */
function intoAddress({ seed, scenario }, event) {
  const hash = addressed();
  hash.set('seed', String(seed));
  hash.set('scenario', scenario);
  if (event === undefined) hash.delete('event');
  else hash.set('event', String(event));
  history.replaceState(null, '', `#${hash}`);
}

/**
 * Begins to play what the address says, and again whenever something else is to be played.
 * @param {{ begin: (store: Store, more: () => Promise<void>) => void, open: (event: number) => void,
 *   panel: HTMLElement }} page `begin`: a store holds the beginning of another run, which `more` goes on with; `open`:
 *   moves the reader
 */
export async function start({ begin, open, panel }) {
  try {
    await begins(await connect(), { begin, open, panel });
  } catch (error) {
    panel.textContent = `The simulation does not answer: ${error instanceof Error ? error.message : error}`;
  }
}

async function begins(ask, { begin, open, panel }) {
  /** @type {Run | null} */
  let run = null;

  /** Plays `what`, and opens it at event number `event`. */
  async function play(what, event) {
    const next = new Run(ask, new Store({ isRing: false }), what);
    try {
      // The first turn at least.
      await next.more(event ?? 2);
    } catch (error) {
      // What is no scenario leaves what is seen as it was.
      return controls.refuse(error);
    }
    run = next;
    intoAddress(what, event);
    begin(next.store, () => next.more());
    controls.show(next);
    if (event !== undefined) open(event);
  }

  const isGiven = addressed().has('scenario');
  const controls = new Panel(panel, { play, open, words: await ask({ ask: 'words' }), isGiven });
  const eventOf = () => {
    const event = Number.parseInt(addressed().get('event') ?? '', 10);
    return event >= 0 ? event : undefined;
  };
  await play(fromAddress(), eventOf());
  window.addEventListener('hashchange', () => {
    const what = fromAddress();
    if (what.seed !== run?.seed || what.scenario !== run?.scenario) play(what, eventOf());
  });
}
