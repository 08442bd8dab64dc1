"""2, poll: many clients in one thread.

The idea: don't sleep in `recv`, where only one client can wake you. Sleep in `poll`, which is given all the sockets and
returns as soon as *one* of them has something. Then a `recv` does not have to wait.

It has a price. In 1_blocking.py, how far a client has come was the line at which `serve` stood. Here everybody is
somewhere else, and it has to be written down: that is `Client`.

    sockmodes check -- python3 examples/build_the_loop/2_poll.py {port}

It reaches level 2, "with many". What it can't do yet: send more than the kernel takes at once (`ten-mebibytes`).
The same in Rust: 2_poll.rs. Next: 3_buffers.py.
"""

import hmac
import os
import select
import socket
import sys

NONCE_LEN = 32
DIGEST_LEN = 16
PIECE = 16 * 1024  # Read at most so much at a time.


class Client:
    """One connection, and how far it has come."""

    def __init__(self, sock, secret):
        self.socket = sock
        # From now on no call on this socket waits: what can't be done at once raises BlockingIOError.
        sock.setblocking(False)
        nonce = os.urandom(NONCE_LEN)
        self.expected = hmac.digest(secret, nonce, "md5")
        self.digest = b""  # What has come of it so far.
        self.is_in = False
        sock.send(nonce)

    def turn(self):
        """There is something to hear: one `recv`, one answer. False once the client is to be let go."""
        if not self.is_in:
            return self.hear_digest()
        request = self.socket.recv(PIECE)
        if not request:
            return False
        # The flaw. The kernel takes as much as there is room for, and `send` returns how much that was: the rest is
        # lost. If there is no room at all it raises BlockingIOError, and the client is treated like one that crashed.
        # With short answers neither ever happens. It is the kind of fault that waits for the first large file.
        self.socket.send(request.upper())
        return True

    def hear_digest(self):
        # Half a digest may come, and the other half whenever it likes: keep it, and see to the others meanwhile.
        part = self.socket.recv(DIGEST_LEN - len(self.digest))
        self.digest += part
        if part and len(self.digest) < DIGEST_LEN:
            return True
        self.is_in = hmac.compare_digest(self.digest, self.expected)
        return self.is_in


def main():
    port = int(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PORT") or sys.exit("no port is given"))
    secret = os.environb.get(b"SOCKMODES_SECRET") or sys.exit("SOCKMODES_SECRET is not set")
    listener = socket.create_server(("127.0.0.1", port))
    clients = {}  # By the number of their descriptor: that is what `poll` speaks of.
    poll = select.poll()
    poll.register(listener, select.POLLIN)  # For a listener, "something to read" is somebody to accept.
    while True:
        # The only line that sleeps. It is level-triggered: as long as something is left to read, it says so again.
        for number, _ in poll.poll():
            if number == listener.fileno():
                accept(listener, secret, poll, clients)
            else:
                turn(number, poll, clients)


def accept(listener, secret, poll, clients):
    sock, _ = listener.accept()
    try:
        client = Client(sock, secret)
    except OSError:  # It has gone already.
        sock.close()
        return
    clients[sock.fileno()] = client
    poll.register(sock, select.POLLIN)


def turn(number, poll, clients):
    try:
        stays = clients[number].turn()
    except OSError as error:
        print(f"a client is lost: {error}", file=sys.stderr)
        stays = False
    if not stays:
        poll.unregister(number)  # Before the descriptor is closed: the next client will have its number.
        clients.pop(number).socket.close()


if __name__ == "__main__":
    main()
