"""1, one after another: the whole protocol, for one client at a time.

Whoever connects gets a nonce, 32 random bytes. Whoever knows the secret answers with its digest, 16 bytes, and from then
on gets back in upper case what it sends. That is all there is to it, and this is the shortest server that does it.

    sockmodes check -- python3 examples/build_the_loop/1_blocking.py {port}

It reaches level 1, "it talks". What it can't do yet: serve anybody while one client is silent (`beside-silent`).
The same in Rust: 1_blocking.rs. Next: 2_poll.py.
"""

import hmac
import os
import socket
import sys

NONCE_LEN = 32
DIGEST_LEN = 16  # Of MD5, and so of hmac-md5.


def main():
    port = int(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PORT") or sys.exit("no port is given"))
    # Bytes: a secret need not be text.
    secret = os.environb.get(b"SOCKMODES_SECRET") or sys.exit("SOCKMODES_SECRET is not set")
    # A socket that listens does not talk to anybody. Its `accept` gives a new socket for each client.
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        client, _ = listener.accept()  # Sleeps until somebody comes.
        with client:  # Closes it at the end, whatever happens.
            try:
                serve(client, secret)
            except OSError as error:
                # It crashed, or its network did. That is its own affair, and the next one is waiting.
                print(f"a client is lost: {error}", file=sys.stderr)


def serve(client, secret):
    """Talks to one client, to its end. Every `recv` in here sleeps until this client says something."""
    # Random from the operating system: `random` could be predicted by whoever has seen enough of it.
    nonce = os.urandom(NONCE_LEN)
    client.sendall(nonce)
    # Not more than 16: what comes behind the digest is the first request already.
    digest = client.recv(DIGEST_LEN)
    # Not `==`, which may stop at the first byte that differs: its time tells a guesser how far it has got.
    if not hmac.compare_digest(digest, hmac.digest(secret, nonce, "md5")):
        return  # Without a word: a stranger is told nothing.
    while True:
        request = client.recv(1024)
        if not request:  # No bytes means: the client has ended its side. There is no other way to say so.
            return
        client.sendall(request.upper())  # Of bytes, `upper` changes the 26 letters of ASCII and nothing else.


if __name__ == "__main__":
    main()
