"""6, leaving well: the end is a state, too.

The idea: SIGTERM is an event like others. Nobody new is taken; who is owed nothing is let go at once; who is owed
something still gets it, for DRAIN seconds at most; and the status is 0. A second signal is somebody who can't wait.

A trap lies in `close`: if bytes of the client are unread, the kernel sends a reset, which destroys what is on its way to
the client. So we end our side only (`shutdown`), and read and forget what still comes until the client ends its own.

    sockmodes check -- python3 examples/build_the_loop/6_leaving.py {port}

It reaches level 6, "the end". What it can't do yet: be tested without a network, be looked at, be configured.
The same in Rust: 6_leaving.rs. Next: src/server/, the same with a seam for every part.
"""

import collections
import errno
import hmac
import os
import select
import signal
import socket
import sys
import time

NONCE_LEN, DIGEST_LEN = 32, 16
PIECE, FULL = 16 * 1024, 64 * 1024
BUDGET = 8
ALL = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
DRAIN = 3.0  # Seconds for those who are owed something at the end.
MOST_CLIENTS = 1000
LOOK_AGAIN = 0.1


class Client:
    def __init__(self, sock, secret):
        self.socket = sock
        sock.setblocking(False)
        nonce = os.urandom(NONCE_LEN)
        self.expected = hmac.digest(secret, nonce, "md5")
        self.is_in = self.ended = self.end_is_near = self.leaving = self.lingers = False
        self.can_read = self.can_write = True
        self.inbox = bytearray()
        self.outbox = bytearray(nonce)

    def note(self, events):
        self.can_read |= bool(events & ~select.EPOLLOUT)
        self.can_write |= bool(events & ~select.EPOLLIN)
        self.end_is_near |= bool(events & ~(select.EPOLLIN | select.EPOLLOUT))

    def turn(self):
        for _ in range(BUDGET):
            reads = self.can_read and not self.ended and len(self.outbox) < (1 if self.leaving else FULL)
            writes = self.can_write and len(self.outbox) > 0
            if reads:
                self.read()
            if writes:
                self.write()
            if not reads and not writes:
                if (self.ended or self.leaving and not self.lingers) and not self.outbox:
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
        if self.leaving:
            return  # Read and forgotten.
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
        if self.leaving and not self.outbox:
            self.socket.shutdown(socket.SHUT_WR)


class Server:
    def __init__(self, port, secret, handshake):
        self.secret, self.handshake = secret, handshake
        self.listener = socket.create_server(("127.0.0.1", port))
        self.listener.setblocking(False)
        self.can_accept, self.no_descriptor = True, False
        self.clients, self.again = {}, set()
        self.deadlines = collections.deque()
        self.leave_by = None  # Set once it is to end.
        self.epoll = select.epoll()
        self.epoll.register(self.listener, select.EPOLLIN | select.EPOLLET)
        # A signal comes in the middle of anything. Python writes its number into a socket, which `epoll` knows.
        self.signals, self.told = socket.socketpair()
        self.told.setblocking(False)
        signal.set_wakeup_fd(self.told.fileno())
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.signal(signal.SIGINT, lambda *_: None)
        self.epoll.register(self.signals, select.EPOLLIN)

    def run(self):
        while self.leave_by is None or (self.clients and time.monotonic() < self.leave_by):
            self.turn(self.epoll.poll(self.patience()))

    def heed_signals(self):
        if len(self.signals.recv(16)) > 1 or self.leave_by is not None:
            sys.exit("told twice: what was owed is cut off")  # Status 1.
        self.leave_by = time.monotonic() + DRAIN
        self.listener.close()  # Nobody new: who comes now hears at once that nobody is here.
        self.can_accept = False
        for client in self.clients.values():
            # Nothing more is answered. Who is owed something now is waited for.
            client.leaving, client.lingers = True, bool(client.outbox)
        self.again |= set(self.clients)

    def turn(self, edges):
        ready, self.again = self.again, set()
        for number, events in edges:
            if number == self.listener.fileno():
                self.can_accept = True
            elif number == self.signals.fileno():
                self.heed_signals()
            elif number in self.clients:
                self.clients[number].note(events)
                ready.add(number)
        for number in ready:
            self.turn_of(number)
        self.no_descriptor = False
        if self.can_accept:
            self.accept()
        self.expire()

    def patience(self):
        if self.again or (self.can_accept and not self.no_descriptor):
            return 0
        moments = [self.deadlines[0][0]] if self.deadlines else []
        moments += [time.monotonic() + LOOK_AGAIN] if self.no_descriptor else []
        moments += [self.leave_by] if self.leave_by is not None else []
        return max(0, min(moments) - time.monotonic()) if moments else None

    def accept(self):
        try:
            sock, _ = self.listener.accept()
        except OSError as error:
            self.can_accept = not isinstance(error, BlockingIOError)
            self.no_descriptor = error.errno in (errno.EMFILE, errno.ENFILE)
            return
        if len(self.clients) >= MOST_CLIENTS:
            sock.close()
            return
        number = sock.fileno()
        self.clients[number] = client = Client(sock, self.secret)
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
        while self.deadlines and self.deadlines[0][0] <= time.monotonic():
            _, number, client = self.deadlines.popleft()
            if self.clients.get(number) is client and not client.is_in:
                self.close(number)

    def close(self, number):
        self.again.discard(number)
        self.clients.pop(number).socket.close()


def main():
    port = int(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PORT") or sys.exit("no port is given"))
    handshake = float(sys.argv[2]) if len(sys.argv) > 2 else 10.0  # Seconds.
    secret = os.environb.get(b"SOCKMODES_SECRET") or sys.exit("SOCKMODES_SECRET is not set")
    Server(port, secret, handshake).run()


if __name__ == "__main__":
    main()
