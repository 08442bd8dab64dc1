"""3, buffers: bytes come and go as they like.

The idea: what has come and what is still to go are two buffers, and each connection has its own. What the kernel did not
take stays in the *outbox* until `poll` says that there is room again. And while an outbox is full its client is not read
from: the bytes stay in the kernel, whose buffers fill up too, and in the end the client itself has to wait. This is
called back-pressure. Without it, whoever sends and never reads fills our memory.

So what we ask `poll` for changes from turn to turn: see `wants`.

    sockmodes check -- python3 examples/build_the_loop/3_buffers.py {port}

It reaches level 4, "the other side is slow". What it can't do yet: let go of who never says anything
(`deadline-silent`), and live with too few descriptors (`descriptors-out`).
The same in Rust: 3_buffers.rs. Next: 4_edges.py, at the same level in fewer calls.
"""

import hmac
import os
import select
import socket
import sys

NONCE_LEN = 32
DIGEST_LEN = 16
PIECE = 16 * 1024
FULL = 64 * 1024  # With so much in its outbox, a client is not read from.


class Client:
    """One connection: how far it has come, what it has said, and what it is owed."""

    def __init__(self, sock, secret):
        self.socket = sock
        sock.setblocking(False)
        nonce = os.urandom(NONCE_LEN)
        self.expected = hmac.digest(secret, nonce, "md5")
        self.is_in = False
        self.ended = False  # Whether it has ended its side.
        self.inbox = bytearray()  # What has come and is not understood yet.
        self.outbox = bytearray(nonce)  # What is to go and was not taken yet.

    def wants(self):
        """What to wake us for: asked for without need, it would wake us again and again, for nothing."""
        reading = not self.ended and len(self.outbox) < FULL
        return (select.POLLIN if reading else 0) | (select.POLLOUT if self.outbox else 0)

    def turn(self, events):
        """Moves what can be moved. False once the client is to be let go."""
        if events & (select.POLLERR | select.POLLHUP):
            return False  # These come unasked, and mean that nothing can be sent any more.
        if events & select.POLLIN:
            self.read()
        self.write()
        # The end of its input is not the end of its output: whoever has said all still gets all that it is owed.
        return bool(self.outbox) or not self.ended

    def read(self):
        heard = self.socket.recv(PIECE)
        self.ended = not heard
        self.inbox += heard
        self.understand()

    def understand(self):
        """Takes from the inbox what is complete. Where the network has cut it no longer matters."""
        if not self.is_in:
            if len(self.inbox) < DIGEST_LEN:
                return  # Half a digest: the rest will come, unless this was the end.
            if not hmac.compare_digest(self.inbox[:DIGEST_LEN], self.expected):
                raise PermissionError("refused")  # An OSError like a reset, with the same end.
            del self.inbox[:DIGEST_LEN]
            self.is_in = True
        # A request of this service may be any number of bytes, so all that is here is complete.
        self.outbox += self.inbox.upper()
        self.inbox.clear()

    def write(self):
        """Offers the outbox to the kernel. At once, and not when `poll` says so: mostly there is room."""
        if not self.outbox:
            return
        try:
            taken = self.socket.send(self.outbox)
        except BlockingIOError:
            return  # No room. `wants` now says POLLOUT, and `poll` will tell.
        del self.outbox[:taken]


def main():
    port = int(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PORT") or sys.exit("no port is given"))
    secret = os.environb.get(b"SOCKMODES_SECRET") or sys.exit("SOCKMODES_SECRET is not set")
    listener = socket.create_server(("127.0.0.1", port))
    clients = {}
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    while True:
        for number, events in poll.poll():
            if number == listener.fileno():
                sock, _ = listener.accept()
                number, events = sock.fileno(), 0
                clients[number] = Client(sock, secret)
                poll.register(number, 0)
            # A newcomer's first turn sends its nonce, by the same way as everything else.
            turn(number, events, poll, clients)


def turn(number, events, poll, clients):
    client = clients[number]
    try:
        stays = client.turn(events)
    except OSError as error:
        print(f"a client is lost: {error}", file=sys.stderr)
        stays = False
    if stays:
        poll.modify(number, client.wants())
    else:
        poll.unregister(number)
        clients.pop(number).socket.close()


if __name__ == "__main__":
    main()
