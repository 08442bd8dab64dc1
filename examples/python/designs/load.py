"""The load: many clients, nearly all of them silent, and how long the others wait."""

import selectors
import socket
import time
from collections import deque

# Requests that are under way at one time, at most.
UNDER_WAY = 5
# A request, and what has to come back: of the same length, so nobody needs to look for its end.
REQUEST = b"hello, sockmodes"
REPLY = b"HELLO, SOCKMODES"
# After this long something is broken, not slow; in seconds.
HOPELESS = 60


class Client:
    def __init__(self, address):
        self.sock = socket.create_connection(address)
        self.sock.setblocking(False)
        # When its request went out; None while it is silent.
        self.asked = None
        self.received = b""
        self.served = False


class Load:
    """N clients are connected the whole time, and at most five of them are waiting for an answer; the others
    are silent. Whoever gets an answer falls silent, and somebody else speaks up, as chance has it."""

    def __init__(self, address, count):
        self.selector = selectors.DefaultSelector()
        self.clients = [Client(address) for _ in range(count)]
        for client in self.clients:
            self.selector.register(client.sock, selectors.EVENT_READ, client)
        self.deck = Deck(self.clients)
        self.latencies = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.sock.close()
        self.selector.close()

    def run(self, time_slice, everyone):
        """Keeps five requests under way until the slice is over, and longer if everyone is to be served once:
        on a slow machine the numbers get worse, but no client is ever left out by chance."""
        unserved = len(self.clients) if everyone else 0
        start = time.monotonic()
        for _ in range(min(UNDER_WAY, len(self.clients))):
            self.next_speaks()
        while True:
            elapsed = time.monotonic() - start
            if elapsed >= time_slice and unserved == 0:
                return elapsed
            if elapsed >= HOPELESS:
                raise OSError("some client was not served within a minute")
            until = time_slice if elapsed < time_slice else HOPELESS
            for key, _ in self.selector.select(until - elapsed):
                client, was_served = key.data, key.data.served
                if self.listen_to(client):
                    if not was_served:
                        unserved = max(0, unserved - 1)
                    self.next_speaks()

    def next_speaks(self):
        client = self.deck.draw()
        client.asked = time.monotonic()
        client.sock.sendall(REQUEST)

    def listen_to(self, client):
        """Reads what has come; True once the reply is whole."""
        more = client.sock.recv(len(REPLY) - len(client.received))
        client.received += more
        if not more or not REPLY.startswith(client.received):
            raise OSError("the server hung up, or sent something else")
        if client.received != REPLY:
            return False
        self.latencies.append(time.monotonic() - client.asked)
        client.asked, client.received, client.served = None, b"", True
        return True

    def all_waits(self):
        """Whoever is still waiting counts with the time waited so far. Leave them out, as many a benchmark
        does, and a server that answers one client and forgets the others looks splendid."""
        now = time.monotonic()
        waiting = [now - client.asked for client in self.clients if client.asked is not None]
        return sorted(self.latencies + waiting)


class Deck:
    """The order in which clients speak: a pack of cards with every client in it once, and when it is used up,
    another, shuffled anew.

    Why so much ado? In the order of connecting, or with whoever has been silent longest speaking next, the load
    would run ahead of the servers that go round their clients, as if it knew whom they ask next. And with dice
    in place of cards it would take long until everybody has had a turn.
    """

    def __init__(self, clients):
        self.clients = clients
        self.cards = deque()
        self.random = 9090

    def draw(self):
        """The next client that is free to speak; one that is still waiting for an answer keeps its card for later."""
        while True:
            for at, client in enumerate(self.cards):
                if client.asked is None:
                    del self.cards[at]
                    return client
            self.shuffle()

    def shuffle(self):
        """Adds a pack: client 0 on top, since the first server serves no other, and the rest in any order."""
        pack = self.clients.copy()
        for at in range(len(pack) - 1, 1, -1):
            # Knuth's "quick and dirty" generator: plenty for this, and the same in Rust.
            self.random = (self.random * 1_664_525 + 1_013_904_223) % 2**32
            other = 1 + (self.random >> 16) % at
            pack[at], pack[other] = pack[other], pack[at]
        self.cards.extend(pack)
