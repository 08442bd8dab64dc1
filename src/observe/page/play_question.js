// What will the loop do next? Three choices, and after the answer, why.

import { make, put } from './draw.js';

export class Question {
  /** @param {(event: number) => void} open moves the reader to the event that shows the answer */
  constructor(open) {
    this.open = open;
    this.node = make('fieldset', 'question');
    this.node.hidden = true;
    this.legend = make('legend', '', 'What will the loop do next?');
    this.choices = make('div', 'choices');
    this.why = make('p', 'why');
    this.why.setAttribute('role', 'status');
    this.node.append(this.legend, this.choices, this.why);
    /** Where it was asked, and where its answer is shown. */
    this.asked = null;
  }

  /** @param {{ choices: string[], right: number, why: string, event: number } | null} question */
  ask(question) {
    this.node.hidden = false;
    put(this.why, question ? '' : 'Nothing: it is over.');
    this.asked = Number(document.documentElement.dataset.event);
    this.shown = question?.event ?? this.asked;
    const buttons = !question ? [] : question.choices.map((text, i) => {
      const button = make('button', '', text);
      button.type = 'button';
      button.addEventListener('click', () => this.#answer(question, i));
      return button;
    });
    this.choices.replaceChildren(...buttons);
  }

  #answer({ right, why, event, choices }, chosen) {
    [...this.choices.children].forEach((button, i) => {
      button.disabled = true;
      button.className = i === right ? 'right' : i === chosen ? 'wrong' : '';
    });
    put(this.why, `${chosen === right ? 'Yes' : `No: it will ${choices[right]}`}, for ${why}.`);
    this.open(event);
  }

  /** The reader is elsewhere: what was asked there is of no interest any more. */
  moved(event) {
    if (this.asked !== null && event !== this.asked && event !== this.shown) {
      this.node.hidden = true;
      this.asked = null;
    }
  }
}
