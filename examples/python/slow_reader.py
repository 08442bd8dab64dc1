"""`slow_reader`: back-pressure, or where the bytes go that nobody reads.

A client sends and sends, and does not read the answers. The kernel's buffers take some, then the server's
`send` takes no more. What now? A server can keep the rest and go on reading, or stop reading. One of the
two dies of it.

Before you run it: the client sends 8 MiB and reads nothing. How much lies in the memory of the server that
goes on reading? And of the one that stops at 64 KiB: does it lose anything? Who notices that it stopped?

The twin of examples/slow_reader.rs. Next: `server_designs`, what all these servers cost.
"""

import select
import socket
import sys

from common import Lesson, connected

# What the client has to say.
TOTAL = 8 * 1024 * 1024
# What the second server keeps for one client, at most: sixteen pages.
LIMIT = 64 * 1024
# How much one call of `send` or `recv` moves at most.
PIECE = 16 * 1024
# The client's text: the alphabet again and again, each time shifted by one letter, so that a mistake in the
# order shows.
PERIOD = bytes(ord("a") + (at + at // 26) % 26 for at in range(26 * 26))
TEXT = (PERIOD * (TOTAL // len(PERIOD) + 1))[:TOTAL]


def main():
    lesson = Lesson(
        "slow_reader: where the bytes go that nobody reads",
        [
            "8 MiB sent, no answer read: how much does a server keep that goes on reading?",
            "and one that stops reading while it owes 64 KiB?",
            "who notices that it has stopped, and how?",
            "the client reads at last: is anything missing?",
        ],
    )
    ignoring_it(lesson)
    exchange = heeding_it(lesson)
    reading_at_last(lesson, exchange)
    lesson.end()


def ignoring_it(lesson):
    lesson.part("A server that ignores back-pressure: what send does not take, it keeps")
    client, server = small_buffers()
    exchange = Exchange(client, Server(server, sys.maxsize))
    lesson.told("client: send 4 MiB, read nothing", exchange.run(TOTAL // 2, reads=False))
    half = exchange.server.kept()
    lesson.told("the server keeps", half)
    lesson.told("client: send 4 MiB more", exchange.run(TOTAL, reads=False))
    whole = exchange.server.kept()
    lesson.told("the server keeps", whole)
    # The difference from what was sent lies in the kernel: the server's send buffer and the
    # client's receive buffer.
    lesson.check("nearly all of it lies in the server's memory", whole > TOTAL - TOTAL // 8)
    # One client did this, on purpose or because its user closed the laptop. Where is the end? At the memory
    # limit, where the kernel kills the server and with it everybody else's connection.
    lesson.check("and the more is sent, the more it keeps: there is no end", whole > half)


def heeding_it(lesson):
    lesson.part("A server that heeds it: while it owes 64 KiB, it does not read")
    client, server = small_buffers()
    exchange = Exchange(client, Server(server, LIMIT))
    sent = exchange.run(TOTAL, reads=False)
    lesson.told("client: send 8 MiB, read nothing", sent)
    lesson.told("the server keeps", exchange.server.kept())
    # The pressure travels back, buffer by buffer: the server does not read, so its receive buffer fills up,
    # so its kernel tells the client's kernel "window: 0", so the client's send buffer fills up, so its `send`
    # says EAGAIN (or, on a blocking socket, waits). Nobody sent a message for it. This *is* TCP's flow
    # control.
    lesson.check("the client is stopped before the 8 MiB are through", sent < TOTAL)
    lesson.check("the server never kept more than 64 KiB", exchange.server.most <= LIMIT)
    return exchange


def reading_at_last(lesson, exchange):
    lesson.part("The client reads at last")
    lesson.told("client: send the rest, and read", exchange.run(TOTAL, reads=True))
    lesson.check("every byte comes, in order, none twice", exchange.received == TEXT.upper())
    lesson.check("and the server never kept more than 64 KiB", exchange.server.most <= LIMIT)
    lesson.check("now it keeps nothing", not exchange.server.owed)


class Server:
    """The server's side: it sends back in upper case what it reads, and never waits."""

    def __init__(self, sock, limit):
        self.sock = sock
        # Answers that the kernel has not taken yet, ...
        self.owed = bytearray()
        # ... how many bytes of them there may be, and how many there have been at most.
        self.limit = limit
        self.most = 0

    def turn(self):
        """Does what can be done without waiting; False if that was nothing."""
        has_moved = False
        # What is owed goes first, or the answers would come out of order.
        if self.owed and (taken := unless_would_block(self.sock.send, self.owed)) is not None:
            del self.owed[:taken]
            has_moved = True
        # This line is all the difference between the two servers. What is not read is not lost: the
        # bytes wait in the kernel, and when that is full, with the client. A read takes no more
        # than its answer has room for, so the limit is a hard one.
        room = self.limit - len(self.owed)
        if room > 0 and (request := unless_would_block(self.sock.recv, min(room, PIECE))) is not None:
            self.owed += request.upper()
            self.most = max(self.most, len(self.owed))
            has_moved = True
        return has_moved

    def kept(self):
        return Bytes(len(self.owed))


class Exchange:
    """Client and server, in turn on one thread. Both sockets are non-blocking, so neither holds up the
    other."""

    def __init__(self, client, server):
        self.client = client
        self.server = server
        self.sent = 0
        self.received = bytearray()

    def run(self, goal, reads):
        """Runs until the client has sent `goal` bytes in all (and, if it reads, got them back), or until
        nothing moves any more. Returns how much the client has sent."""
        while True:
            has_moved = self.server.turn()
            if self.sent < goal:
                piece = TEXT[self.sent : min(goal, self.sent + PIECE)]
                if (taken := unless_would_block(self.client.send, piece)) is not None:
                    self.sent += taken
                    has_moved = True
            if reads and (answer := unless_would_block(self.client.recv, PIECE)) is not None:
                self.received += answer
                has_moved = True
            # "Sent" means that the kernel has it. Let the server take all it will take, too.
            is_done = len(self.received) == goal if reads else self.sent == goal and not has_moved
            if is_done or (not has_moved and not self.wait(goal, reads)):
                return Bytes(self.sent)

    def wait(self, goal, reads):
        """Waits until somebody can go on; False if nobody can for half a second, and so never: everything
        that could move is here in this process."""
        reading, writing = [], []
        if reads:
            reading.append(self.client)
        if len(self.server.owed) < self.server.limit:
            reading.append(self.server.sock)
        if self.sent < goal:
            writing.append(self.client)
        if self.server.owed:
            writing.append(self.server.sock)
        return any(select.select(reading, writing, [], 0.5))


def unless_would_block(call, argument):
    """None for EAGAIN, which is no error but an answer: "not now"."""
    try:
        return call(argument)
    except BlockingIOError:
        return None


def small_buffers():
    """Two connected sockets, both non-blocking, with small buffers in the kernel.

    Left alone, Linux lets these buffers grow to several megabytes: the same story, told more slowly.
    """
    client, server = connected()
    for sock in (client, server):
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    return client, server


class Bytes(int):
    """A number of bytes that depends on how the kernel cuts things."""

    def __str__(self):
        return f"~{int(self)} bytes"


if __name__ == "__main__":
    main()
