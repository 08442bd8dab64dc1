// What the reader of a simulation has in hand: who comes, how large the buffers are, what goes wrong, which rules are
// broken, and a question. Each is a word in the scenario, which stands there to be written, too.

import { make, makeButton, put } from './draw.js';
import { Question } from './play_question.js';
import { at, breaks, setting, withLine, withRule, withSetting } from './play_script.js';

/** The clock of a simulation begins here. */
const START = 1;
const SETTLED = 400; // milliseconds without a key, and a number that was typed is one
const CALLS = new Set([
  'waiting', 'opened', 'accepted', 'accept_failed', 'refused', 'received', 'sent', 'shut_down', 'closed',
]);

/** @type {Record<string, [string, number]>} */
const BUFFERS = {
  'receive-buffer': ['kernel, receiving', 4096],
  'send-buffer': ['kernel, sending', 4096],
  window: ['client’s kernel', 4096],
  'max-buffer': ['loop, owed', 4096],
};
// Without a time they hold from the start; where one is needed, from where the reader is.
/** @type {Record<string, [string, (now: number) => string]>} */
const FAULTS = {
  interrupted: ['EINTR in 20 of 100 calls', () => '20'],
  'few-events': ['few events at a time', () => ''],
  descriptors: ['no descriptor for a third, for 5 s', (now) => `2 until ${at(now + 5)}`],
  hangup: ['a signal (SIGHUP) now', (now) => `at ${at(now)}`],
  stop: ['a signal (SIGTERM) now', (now) => `at ${at(now)}`],
};

export class Panel {
  /**
   * @param {HTMLElement} node
   * @param {{ play: (what: { seed: number, scenario: string }, event?: number) => Promise<void>,
   *   open: (event: number) => void, words: any, isGiven: boolean }} page `isGiven`: the address brings a scenario
   */
  constructor(node, { play, open, words, isGiven }) {
    this.play = play;
    this.open = open;
    /** @type {Record<string, HTMLInputElement>} by the name of the setting */
    this.inputs = {};
    /** @type {Record<string, HTMLInputElement>} by the name of the rule */
    this.ruleInputs = {};
    /** @type {import('./play.js').Run | null} */
    this.run = null;
    const style = make('link');
    Object.assign(style, { rel: 'stylesheet', href: 'play.css' });
    document.head.append(style);
    node.setAttribute('aria-labelledby', 'play-title');
    const title = make('h2', '', 'The simulation');
    title.id = 'play-title';
    this.told = make('p', 'told');
    this.told.setAttribute('role', 'status');
    this.question = new Question(open);
    const scenario = make('details');
    // Whoever was given a scenario came to look at it.
    scenario.open = !isGiven;
    const settings = make('div', 'settings');
    settings.append(
      this.#clients(words.clients), this.#buffers(), this.#faults(), this.#rules(words.rules), this.#script(),
    );
    scenario.append(make('summary', '', 'Who comes, and what goes wrong'), settings);
    node.replaceChildren(title, this.told, this.#steps(), this.question.node, this.#wrongs(), scenario);
    new MutationObserver(() => this.#moved()).observe(document.documentElement, { attributeFilter: ['data-event'] });
  }

  /** Another run is played. @param {import('./play.js').Run} run */
  show(run) {
    this.run = run;
    this.told.dataset.where = '';
    this.text.value = run.scenario;
    this.seed.value = String(run.seed);
    for (const [name, input] of Object.entries(this.inputs)) {
      const value = setting(run.scenario, name);
      if (input.type === 'checkbox') input.checked = value !== null;
      else input.value = value ?? String(BUFFERS[name][1]);
    }
    for (const [rule, input] of Object.entries(this.ruleInputs)) input.checked = breaks(run.scenario, rule);
    this.#moved();
  }

  /** It can't be played. @param {unknown} error */
  refuse(error) {
    this.told.classList.add('bad');
    put(this.told, error instanceof Error ? error.message : String(error));
  }

  get #event() {
    return Number(document.documentElement.dataset.event);
  }

  /** How long it has been since the start, where the reader is. */
  get #now() {
    return Math.max(0, (this.run?.store.record(this.#event)?.time ?? START) - START);
  }

  #change(scenario) {
    // Up to what is new, the run is what it was: the reader stays.
    if (this.run && scenario !== this.run.scenario) this.play({ seed: this.run.seed, scenario }, this.#event);
  }

  #moved() {
    const { run } = this;
    const where = run && `${this.#event} of ${run.store.newest}, ${run.end?.how}`;
    // The document says again and again where the reader is.
    if (!run || where === this.told.dataset.where) return;
    this.told.dataset.where = where;
    const end = this.#event === run.store.newest ? run.end : null;
    this.told.classList.remove('bad');
    put(this.told, end ? `${end.why}.` : 'The real loop, in a network that is only simulated: step through it.');
    this.told.dataset.end = end?.how ?? '';
    this.question.moved(this.#event);
    this.#showWrongs();
  }

  #group(legend, ...children) {
    const group = make('fieldset');
    group.append(make('legend', '', legend), ...children);
    return group;
  }

  #clients(clients) {
    return this.#group('Somebody comes', ...clients.map(({ name, about }) => {
      const button = makeButton('', name, { client: name });
      button.title = about;
      button.addEventListener('click', () => {
        this.#change(withLine(this.run?.scenario ?? '', `${name} at ${at(this.#now)}`));
      });
      return button;
    }));
  }

  #buffers() {
    return this.#group('Buffers, in bytes', ...Object.entries(BUFFERS).map(([name, [words]]) => {
      const input = make('input');
      Object.assign(input, { type: 'text', inputMode: 'numeric', autocomplete: 'off', size: 6 });
      let settling = 0;
      const take = () => {
        clearTimeout(settling);
        this.#change(withSetting(this.run?.scenario ?? '', name, input.value.trim() || null));
      };
      input.addEventListener('input', () => {
        clearTimeout(settling);
        settling = setTimeout(take, SETTLED);
      });
      input.addEventListener('change', take);
      this.inputs[name] = input;
      return labelled(words, input);
    }));
  }

  #faults() {
    return this.#group('Something goes wrong', ...Object.entries(FAULTS).map(([name, [words, value]]) => {
      const input = checkbox();
      input.addEventListener('change', () => {
        const text = input.checked ? value(this.#now) : null;
        this.#change(withSetting(this.run?.scenario ?? '', name, text));
      });
      this.inputs[name] = input;
      return labelled(words, input);
    }));
  }

  #rules(rules) {
    return this.#group('Rules to break', ...rules.map(({ name, about, number }) => {
      const input = checkbox();
      input.addEventListener('change', () => {
        this.#change(withRule(this.run?.scenario ?? '', name, input.checked));
      });
      this.ruleInputs[name] = input;
      return labelled(`${number}: ${about}`, input);
    }));
  }

  #script() {
    const form = make('form', 'script');
    this.text = make('textarea');
    Object.assign(this.text, { rows: 6, spellcheck: false, autocomplete: 'off' });
    this.seed = make('input');
    Object.assign(this.seed, { type: 'number', min: '0', max: String(Number.MAX_SAFE_INTEGER), step: '1' });
    const begin = make('button', '', 'Play it');
    const other = makeButton('', 'Another seed', {});
    const play = (seed) => this.play({ seed, scenario: this.text.value });
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      play(Number(this.seed.value));
    });
    other.addEventListener('click', () => play(Number(this.seed.value) + 1));
    form.append(labelled('The scenario, a line each', this.text), labelled('seed', this.seed), begin, other);
    return form;
  }

  #steps() {
    const call = makeButton('', 'On to the next call', { stepBy: 'call' });
    call.addEventListener('click', async () => this.open(await this.#nextCall()));
    const ask = makeButton('', 'What will the loop do next?', { asks: 'next' });
    ask.addEventListener('click', async () => {
      if (this.run) this.question.ask(await this.run.next(this.#event));
    });
    const steps = make('p', 'steps');
    steps.append(call, ask);
    return steps;
  }

  async #nextCall() {
    const { run } = this;
    for (let event = this.#event + 1; run; event += 1) {
      if (event > run.store.newest) await run.more();
      const record = run.store.record(event);
      if (!record || CALLS.has(record.event)) return Math.min(event, run.store.newest);
    }
    return this.#event;
  }

  #wrongs() {
    this.wrongs = make('ol', 'wrongs');
    this.wrongs.setAttribute('aria-label', 'What went wrong');
    return this.wrongs;
  }

  #showWrongs() {
    const seen = (this.run?.wrongs ?? []).filter(({ event }) => event <= this.#event);
    const key = seen.map(({ event }) => event).join();
    if (this.wrongs.dataset.shown === key) return;
    this.wrongs.dataset.shown = key;
    this.wrongs.replaceChildren(...seen.map(({ event, connection, what }) => {
      const item = make('li');
      const whom = connection === undefined ? '' : `connection ${connection}: `;
      item.append(makeButton('', `event ${event}`, { event }), ` ${whom}${what}`);
      return item;
    }));
  }
}

function checkbox() {
  const input = make('input');
  input.type = 'checkbox';
  return input;
}

function labelled(text, input) {
  const label = make('label');
  const words = make('span', '', text);
  if (input.type === 'checkbox') label.append(input, words);
  else label.append(words, input);
  return label;
}
