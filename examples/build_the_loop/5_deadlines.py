"""5, deadlines and limits: for who is silent, and for more than there is room for.

Whoever connects and says nothing costs a descriptor, and those are few. The idea: everything that a stranger can take has
an end. Who has not proved itself in time is let go; more than so many are not let in; and when the descriptors run out
all the same, the server waits until one is free, and neither ends nor spins.

A deadline is a point in time, set once. A timeout that each byte started anew would be none: one byte every nine seconds
would keep a place for ever. Everybody has the same time here, so deadlines end in the order in which they began, and a
queue is all that it takes. `epoll.poll` sleeps no longer than until the first of them.

    sockmodes check -- python3 examples/build_the_loop/5_deadlines.py {port}

It reaches level 5, "the other side is silent or rude". What it can't do yet: end as one should (`term-owed`).
The same in Rust: 5_deadlines.rs. Next: 6_leaving.py.
"""

import collections
import errno
import hmac
import os
import select
import socket
import sys
import time

NONCE_LEN, DIGEST_LEN = 32, 16
PIECE, FULL = 16 * 1024, 64 * 1024
BUDGET = 8
ALL = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
HANDSHAKE = 10.0  # Seconds until a digest has to be there, unless the second argument says otherwise.
MOST_CLIENTS = 1000
LOOK_AGAIN = 0.1  # Seconds. When a descriptor is free that another program had, nobody tells us.


class Client:
    """One connection: how far it has come, what it is owed, and what the kernel has said about it."""

    def __init__(self, sock, secret):
        self.socket = sock
        sock.setblocking(False)
        nonce = os.urandom(NONCE_LEN)
        self.expected = hmac.digest(secret, nonce, "md5")
        self.is_in = self.ended = self.end_is_near = False
        self.can_read = self.can_write = True
        self.inbox = bytearray()
        self.outbox = bytearray(nonce)

    def note(self, events):
        self.can_read |= bool(events & ~select.EPOLLOUT)
        self.can_write |= bool(events & ~select.EPOLLIN)
        self.end_is_near |= bool(events & ~(select.EPOLLIN | select.EPOLLOUT))

    def turn(self):
        for _ in range(BUDGET):
            reads = self.can_read and not self.ended and len(self.outbox) < FULL
            writes = self.can_write and len(self.outbox) > 0
            if reads:
                self.read()
            if writes:
                self.write()
            if not reads and not writes:
                if self.ended and not self.outbox:
                    raise EOFError
                return False
        return True

    def read(self):
        try:
            heard = self.socket.recv(PIECE)
        except BlockingIOError:
            self.can_read = False
            return
        self.can_read = len(heard) == PIECE or self.end_is_near
        self.ended = not heard
        self.inbox += heard
        self.understand()

    def understand(self):
        if not self.is_in:
            if len(self.inbox) < DIGEST_LEN:
                return
            if not hmac.compare_digest(self.inbox[:DIGEST_LEN], self.expected):
                raise PermissionError("refused")
            del self.inbox[:DIGEST_LEN]
            self.is_in = True
        self.outbox += self.inbox.upper()
        self.inbox.clear()

    def write(self):
        try:
            taken = self.socket.send(self.outbox)
        except BlockingIOError:
            self.can_write = False
            return
        del self.outbox[:taken]


class Server:
    """All of them. What was a handful of variables is an object now, for there are too many to hand around."""

    def __init__(self, port, secret, handshake):
        self.secret, self.handshake = secret, handshake
        self.listener = socket.create_server(("127.0.0.1", port))
        self.listener.setblocking(False)
        # Remembered, like `can_read`: who could not be accepted makes no second edge.
        self.can_accept, self.no_descriptor = True, False
        self.clients, self.again = {}, set()
        self.deadlines = collections.deque()  # (when, number, client), the first to end in front.
        self.epoll = select.epoll()
        self.epoll.register(self.listener, select.EPOLLIN | select.EPOLLET)

    def run(self):
        while True:
            self.turn(self.epoll.poll(self.patience()))

    def turn(self, edges):
        ready, self.again = self.again, set()
        for number, events in edges:
            if number == self.listener.fileno():
                self.can_accept = True
            elif number in self.clients:
                self.clients[number].note(events)
                ready.add(number)
        # Those who are here go first: whoever leaves makes room for a newcomer.
        for number in ready:
            self.turn_of(number)
        self.no_descriptor = False
        if self.can_accept:
            self.accept()
        self.expire()

    def patience(self):
        """How long to sleep; None is until something happens."""
        if self.again or (self.can_accept and not self.no_descriptor):
            return 0
        moments = [self.deadlines[0][0]] if self.deadlines else []
        moments += [time.monotonic() + LOOK_AGAIN] if self.no_descriptor else []
        return max(0, min(moments) - time.monotonic()) if moments else None

    def accept(self):
        """One newcomer a turn: a flood of them is a greedy client, too."""
        try:
            sock, _ = self.listener.accept()
        except OSError as error:
            self.can_accept = not isinstance(error, BlockingIOError)
            self.no_descriptor = error.errno in (errno.EMFILE, errno.ENFILE)
            return
        if len(self.clients) >= MOST_CLIENTS:
            sock.close()  # Better a plain no than a place in a queue that does not move.
            return
        number = sock.fileno()
        self.clients[number] = client = Client(sock, self.secret)
        # `monotonic`, since somebody may set the clock on the wall.
        self.deadlines.append((time.monotonic() + self.handshake, number, client))
        self.epoll.register(sock, ALL)
        self.turn_of(number)

    def turn_of(self, number):
        try:
            if self.clients[number].turn():
                self.again.add(number)
        except (OSError, EOFError):
            self.close(number)

    def expire(self):
        """Lets go of those whose time is up. Who is in by then, or gone, has no deadline any more."""
        while self.deadlines and self.deadlines[0][0] <= time.monotonic():
            _, number, client = self.deadlines.popleft()
            if self.clients.get(number) is client and not client.is_in:
                self.close(number)

    def close(self, number):
        self.again.discard(number)
        self.clients.pop(number).socket.close()


def main():
    port = int(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PORT") or sys.exit("no port is given"))
    handshake = float(sys.argv[2]) if len(sys.argv) > 2 else HANDSHAKE
    secret = os.environb.get(b"SOCKMODES_SECRET") or sys.exit("SOCKMODES_SECRET is not set")
    Server(port, secret, handshake).run()


if __name__ == "__main__":
    main()
