// Small helpers to write to the document. What a peer may have a say in goes in as text, never as markup.

const NEAR = 48; // pixels
const SVG = 'http://www.w3.org/2000/svg';

/**
 * The one element that a selector names.
 * @param {string} selector
 * @returns {any}
 */
export const find = (selector) => document.querySelector(selector);

/**
 * Writes a text, if it is a different one: what stays the same costs no layout.
 * @param {Element} node
 * @param {string} text
 */
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * A new element with a class and a text.
 * @param {string} tag
 * @returns {any}
 */
export function make(tag, className = '', text = '') {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

/**
 * A new button that chooses a connection or moves to an event.
 * @param {string} className
 * @param {string} text
 * @param {Record<string, string | number>} data
 */
export function makeButton(className, text, data) {
  const button = make('button', className, text);
  button.type = 'button';
  Object.assign(button.dataset, data);
  return button;
}

/**
 * A new element of a drawing.
 * @param {string} tag
 * @param {Record<string, any>} attributes
 * @returns {any}
 */
export function makeSvg(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/**
 * Tells whether a box is to stay scrolled to its end: only a reader's scrolling changes that.
 * @param {Element} box
 */
export function staysAtEnd(box) {
  let stays = true;
  box.addEventListener('scroll', () => {
    stays = box.scrollTop + box.clientHeight > box.scrollHeight - NEAR
      && box.scrollLeft + box.clientWidth > box.scrollWidth - NEAR;
  });
  return () => stays;
}
