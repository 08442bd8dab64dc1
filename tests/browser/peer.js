// The clients of the server under test: a connection that waits for what it is to hear.

import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';

import { SECRET } from './program.js';

const NONCE = 32; // bytes

export class Peer {
  /**
   * @param {import('node:net').Socket} socket
   */
  constructor(socket) {
    this.socket = socket;
    /** Which connection of this machine it is, as the server sees it. */
    this.name = `${socket.localAddress}:${socket.localPort}`;
    /** What has come and was not asked for yet. */
    this.rest = Buffer.alloc(0);
    // A server that closes with something unread resets the connection: that is its right.
    socket.on('error', () => {});
    this.over = once(socket, 'close');
  }

  /**
   * Hears so many bytes.
   * @param {number} length
   */
  async hear(length) {
    while (this.rest.length < length) {
      const piece = this.socket.read();
      if (piece) this.rest = Buffer.concat([this.rest, piece]);
      else await once(this.socket, 'readable');
    }
    const heard = this.rest.subarray(0, length);
    this.rest = this.rest.subarray(length);
    return heard;
  }

  /** @param {string | Buffer} text */
  say(text) {
    this.socket.write(text);
  }

  /** Says something, and hears as many bytes. */
  async exchange(text) {
    this.say(text);
    return (await this.hear(text.length)).toString();
  }

  /** Ends its side, and waits until the server has ended its own. */
  async end() {
    this.socket.end();
    this.socket.resume();
    await this.over;
  }
}

/**
 * A connection, which ends with the test at the latest. It has heard nothing yet.
 * @param {import('./scope.js').Scope} t
 * @param {number} port
 */
export async function arrive(t, port) {
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  return new Peer(socket);
}

/**
 * One that answers the nonce, with the secret or with a wrong one.
 * @param {import('./scope.js').Scope} t
 * @param {number} port
 */
export async function enter(t, port, secret = SECRET) {
  const peer = await arrive(t, port);
  peer.say(createHmac('md5', secret).update(await peer.hear(NONCE)).digest());
  return peer;
}
