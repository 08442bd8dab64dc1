// For each event the function of the server in which it happens, with its code. It is put in from the sources when
// the page is asked for (code.rs).

/**
 * @typedef {object} Passage
 * @property {string} file
 * @property {number} line the one of the file on which the passage begins
 * @property {string} function
 * @property {number} mark the one of its own lines that the event is about, from 0
 * @property {string} text
 */

/** @type {Record<string, Passage>} by event; `opened_behind` is `opened` behind a proxy */
export const CODE = {};
