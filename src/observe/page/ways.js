// The ways between the states, as the picture draws them. No document: a test holds them against the
// server's own table.

const RADIUS = 7;

/** The arrows: from, to, and the path between their boxes. Which sides they join, and where along
    them: the next box in the row, one above or below, one below and to a side. */
export const WAYS = [
  ['await_header', 'send_nonce', rise(0.4)],
  ['await_header', 'lingering', across(0.5)],
  ['await_header', 'closed', lane(0.5)],
  ['send_nonce', 'await_digest', across(0.5)],
  ['await_digest', 'serving', across(0.5)],
  ['serving', 'verifying', across(0.4)],
  ['verifying', 'serving', across(0.6)],
  ['ending', 'lingering', across(0.5)],
  ['await_digest', 'lingering', lane(0.4)],
  ['serving', 'draining', elbow(0.75, 0.25, 0.3)],
  ['ending', 'draining', across(0.5)],
  ['serving', 'ending', lane(0.4)],
  ['verifying', 'ending', elbow(0.4, 0.9, 0.65)],
  ['lingering', 'closed', lane(0.5)],
  ['draining', 'closed', lane(0.55)],
  ['ending', 'closed', lane(0.5)],
  ['send_nonce', 'closed', lane(0.95)],
  ['await_digest', 'closed', lane(0.95)],
  ['serving', 'closed', lane(0.95)],
  ['verifying', 'closed', lane(0.95)],
];

/** Those that are not drawn: only a client takes them that answers before the nonce is out, or through a
    proxy comes to a server that asks for nothing. */
export const LEFT_OUT = [
  ['await_header', 'serving'],
  ['send_nonce', 'serving'],
  ['send_nonce', 'ending'],
];

function across(share) {
  return (a, b) => {
    const [from, to] = b.left > a.left ? [a.right, b.left - 2] : [a.left, b.right + 2];
    const y = Math.max(a.top, b.top) + share * Math.min(a.height, b.height);
    return `M${from} ${y}H${to}`;
  };
}

function elbow(start, end, depth) {
  return (a, b) => {
    const from = a.left + start * a.width;
    const to = b.left + end * b.width;
    const y = a.bottom + depth * (b.top - a.bottom);
    const bend = Math.sign(to - from) * RADIUS;
    return `M${from} ${a.bottom}V${y - RADIUS}Q${from} ${y} ${from + bend} ${y}`
      + `H${to - bend}Q${to} ${y} ${to} ${y + RADIUS}V${b.top - 2}`;
  };
}

function lane(share) {
  return (a, b) => {
    const x = a.left + share * a.width;
    return `M${x} ${a.bottom}V${b.top - 2}`;
  };
}

function rise(share) {
  return (a, b) => {
    const x = a.left + share * a.width;
    return `M${x} ${a.top}V${b.bottom + 2}`;
  };
}
