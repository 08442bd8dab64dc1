// A scenario as text, changed a line at a time. What the words mean, the simulation knows. No document.

/** The words of a line, without its comment. */
const words = (line) => line.split('#')[0].trim().split(/\s+/);

const lines = (script) => (script.trim() === '' ? [] : script.replace(/\s+$/, '').split('\n'));

/** @param {string} script @param {string} line */
export function withLine(script, line) {
  return [...lines(script), line].join('\n');
}

/**
 * What stands behind the name of a setting; null where it does not stand there.
 * @param {string} script
 * @param {string} name
 * @returns {string | null}
 */
export function setting(script, name) {
  const found = lines(script).map(words).filter(([first]) => first === name).at(-1);
  return found ? found.slice(1).join(' ') : null;
}

/**
 * The script with that setting in place of any other of its name; null takes it out.
 * @param {string} script
 * @param {string} name
 * @param {string | null} value
 */
export function withSetting(script, name, value) {
  const others = lines(script).filter((line) => words(line)[0] !== name);
  // Settings stand above the clients, which come in their order.
  return (value === null ? others : [`${name} ${value}`.trim(), ...others]).join('\n');
}

/** Whether a rule is broken. */
export function breaks(script, rule) {
  return lines(script).map(words).some(([first, name]) => first === 'break' && name === rule);
}

/** The script with a rule broken, or whole. */
export function withRule(script, rule, isBroken) {
  const others = lines(script).filter((line) => {
    const [first, name] = words(line);
    return first !== 'break' || name !== rule;
  });
  return (isBroken ? [...others, `break ${rule}`] : others).join('\n');
}

/** A time of the simulation, in seconds since its start, as a scenario writes it. */
export function at(seconds) {
  const milliseconds = Math.max(0, Math.round(seconds * 1000));
  return milliseconds % 1000 === 0 ? `${milliseconds / 1000}s` : `${milliseconds}ms`;
}
