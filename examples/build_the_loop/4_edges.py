"""4, edges: be told once, and remember.

`poll` is handed the whole list of sockets again on every turn, and says on every turn what is still so. The idea: give the
kernel the list once (`epoll`), and let it say only what has *changed* (EPOLLET: edge-triggered). Nobody tells us the same
thing twice, so we have to remember it: `can_read`, `can_write`. They stay true until a call says otherwise.

Three duties come with it, and forgetting one of them is a connection that hangs without an error:
- go on until BlockingIOError, or a *short read*: of what is left lying there nobody speaks, until more comes;
- but not for ever, or one client that sends without a pause keeps all others waiting: hence the budget, and the list
  `again` of those who have used it up;
- whoever was not read from because its outbox was full has to be read from once it is not: no edge will come for what
  has been there all the time. `turn` does both by turns for that reason.

    sockmodes check -- python3 examples/build_the_loop/4_edges.py {port}

It reaches level 4, like 3_buffers.py, in fewer calls. What it can't do yet is the same.
The same in Rust: 4_edges.rs. Next: 5_deadlines.py.
"""

import hmac
import os
import select
import socket
import sys

NONCE_LEN, DIGEST_LEN = 32, 16
PIECE, FULL = 16 * 1024, 64 * 1024
BUDGET = 8  # How many pieces one client may move until it is the others' turn.
# Asked for once, and never changed. RDHUP is "it has ended its side".
ALL = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET


class Client:
    """One connection: how far it has come, what it is owed, and what the kernel has said about it."""

    def __init__(self, sock, secret):
        self.socket = sock
        sock.setblocking(False)
        nonce = os.urandom(NONCE_LEN)
        self.expected = hmac.digest(secret, nonce, "md5")
        self.is_in = False
        self.ended = False
        self.inbox = bytearray()
        self.outbox = bytearray(nonce)
        self.can_read = self.can_write = True  # Nobody has said so. Trying is how to find out.
        self.end_is_near = False  # An end of input has been announced; it may lie behind unread bytes.

    def note(self, events):
        """An edge. It is a hint: one too many costs a call that finds nothing, one too few a connection that hangs."""
        self.can_read |= bool(events & ~select.EPOLLOUT)
        self.can_write |= bool(events & ~select.EPOLLIN)
        self.end_is_near |= bool(events & ~(select.EPOLLIN | select.EPOLLOUT))

    def turn(self):
        """Moves bytes until none moves. True if it would have gone on; EOFError once all is said and done."""
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
        # A short read has emptied the kernel's buffer, and saves the call that would only say so. Unless an end of
        # input lies behind it: that had its edge already.
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


def main():
    port = int(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PORT") or sys.exit("no port is given"))
    secret = os.environb.get(b"SOCKMODES_SECRET") or sys.exit("SOCKMODES_SECRET is not set")
    listener = socket.create_server(("127.0.0.1", port))
    listener.setblocking(False)  # For its edges count, too: accept until nobody is left.
    clients = {}
    again = set()
    epoll = select.epoll()
    epoll.register(listener, select.EPOLLIN | select.EPOLLET)
    while True:
        # Where somebody would have gone on, look whether others have something, but don't sleep.
        edges = epoll.poll(0 if again else None)
        ready, again = again, set()
        for number, events in edges:
            if number == listener.fileno():
                ready |= accept_all(listener, secret, epoll, clients)
            elif number in clients:
                clients[number].note(events)
                ready.add(number)
        for number in ready:
            turn(number, clients, again)


def accept_all(listener, secret, epoll, clients):
    new = set()
    while True:
        try:
            sock, _ = listener.accept()
        except BlockingIOError:
            return new
        clients[sock.fileno()] = Client(sock, secret)
        epoll.register(sock, ALL)
        new.add(sock.fileno())


def turn(number, clients, again):
    try:
        if clients[number].turn():
            again.add(number)
    except (OSError, EOFError):
        clients.pop(number).socket.close()  # Which takes it off the kernel's list, too.


if __name__ == "__main__":
    main()
