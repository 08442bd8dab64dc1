// The keys, and the buttons that do the same.

import { find } from './draw.js';

/** @typedef {import('./position.js').Position} Position */

/** What each does with the position. @type {Record<string, (position: Position) => any>} */
export const STEPS = {
  pause: (position) => position.toggle(),
  forward: (position) => position.forward(),
  back: (position) => position.back(),
  'forward-turn': (position) => position.forwardTurn(),
  'back-turn': (position) => position.backTurn(),
  'look-on': (position) => position.look(1),
  'look-back': (position) => position.look(-1),
  home: (position) => position.home(),
  end: (position) => position.end(),
};

/** @type {Record<string, string>} */
const KEYS = {
  ' ': 'pause', ArrowRight: 'forward', ArrowLeft: 'back', n: 'look-on', p: 'look-back', Home: 'home', End: 'end',
};
const WITH_SHIFT = { ArrowRight: 'forward-turn', ArrowLeft: 'back-turn' };

/**
 * The step that a key asks for, if it asks for one.
 * @param {Pick<KeyboardEvent, 'key' | 'shiftKey' | 'ctrlKey' | 'altKey' | 'metaKey'>} event
 * @returns {string | undefined}
 */
export function stepOf({ key, shiftKey, ctrlKey, altKey, metaKey }) {
  if (ctrlKey || altKey || metaKey) return undefined;
  return shiftKey ? WITH_SHIFT[key] : KEYS[key];
}

// Whether a key is somebody else's: a text is typed, or the keyboard has led to a button, which Space presses.
function isTaken(target, key) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.matches('input:not([type="range"]), select, textarea')) return true;
  return key === ' ' && target.matches(':is(button, summary, a):focus-visible');
}

/** @param {(step: (position: Position) => any) => void} move */
export function listenToKeys(move) {
  const help = find('#help');
  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || isTaken(event.target, event.key)) return;
    if (event.key === '?') {
      event.preventDefault();
      if (help.open) help.close();
      else help.showModal();
    }
    const step = stepOf(event);
    if (!step || help.open) return;
    event.preventDefault();
    move(STEPS[step]);
  });
  for (const [name, step] of Object.entries(STEPS)) {
    find(`[data-step-by="${name}"]`).addEventListener('click', () => move(step));
  }
  find('#keys').addEventListener('click', () => help.showModal());
  find('#close-help').addEventListener('click', () => help.close());
}
