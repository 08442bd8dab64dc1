// How things are, in a word for the style and a few for the reader. No document.

/**
 * @param {import('./position.js').Position} position
 * @param {ReturnType<typeof import('./source_live.js').follow>['server'] | undefined} server
 * @returns {[string, string]}
 */
export function status(position, server) {
  const [name, text] = server ? connection(server, position.store.head.draining) : [position.mode, position.mode];
  if (position.mode !== 'paused') return [name, text];
  return ['paused', !server || name === 'live' ? 'paused' : `paused; ${text}`];
}

function connection(server, isDraining) {
  const isStopping = server.isDraining || isDraining;
  if (server.refusal) return ['gone', `the server refuses the events (${server.refusal}); trying again`];
  if (!server.isOnline && (server.isAway || !server.wasOnline)) return ['gone', 'connecting'];
  if (!server.isOnline) return ['gone', `the server ${isStopping ? 'has stopped' : 'is gone'}; trying again`];
  if (isStopping) return ['draining', 'the server is stopping'];
  return ['live', 'live'];
}
