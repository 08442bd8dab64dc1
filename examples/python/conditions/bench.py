"""The trial, and the parts that conditions are made of: connections, peers, full buffers, full backlogs."""

import os
import select
import socket
import struct
import time

from .words import told

LIMIT = 0.3
SMALL_BUFFER = 32 * 1024
LARGE = b"x" * (768 * 1024)
LINE = b"hello\n"
# All of 127/8 is this machine, and nothing here binds to .77.
UNREACHABLE = ("127.0.0.77", 9)


class Trial:
    """An operation, ready to run, and what is to happen meanwhile."""

    def __init__(self, operation, sock=None, peer=None):
        self.operation, self.peer, self.signals = operation, peer, False
        # The socket once more, to wake an operation that waits for ever.
        self.waker = os.dup(sock.fileno()) if sock and sock.fileno() != -1 else None


def set_mode(sock, mode):
    """A closed socket remembers the mode and says EBADF."""
    told(lambda: sock.settimeout(mode))


def listener():
    """Its connections have a small receive buffer, which they inherit."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    sock.bind(("127.0.0.1", 0))
    sock.listen(8)
    return sock


def connected():
    with listener() as listening:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER)
        sock.connect(listening.getsockname())
        return sock, listening.accept()[0]


def udp():
    """A bound UDP socket, and a peer that is connected to it."""
    sock, peer = (socket.socket(type=socket.SOCK_DGRAM) for _ in range(2))
    for one in (sock, peer):
        one.bind(("127.0.0.1", 0))
    peer.connect(sock.getsockname())
    return sock, peer


def refusing():
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    return holder.getsockname(), holder


def full_backlog():
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    holder.listen(0)
    filling = [holder]
    while True:
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(holder.getsockname())
        got_in = ready(sock, select.POLLOUT, 0.1)
        filling.append(sock)
        if not got_in:
            return holder.getsockname(), filling


def fill(sock):
    """Sends until the kernel has refused forty times, 10 ms apart.

    A refusal alone means little: a delayed ACK makes room after 40 ms, a retransmission 0.2 s after that.
    """
    sock.setblocking(False)
    refusals = 0
    while refusals < 40:
        try:
            sock.send(b"x" * (1 if refusals else 4096))
            refusals = 0
        except BlockingIOError:
            refusals += 1
            if refusals > 1:
                time.sleep(0.01)


def ready(sock, flags, limit):
    poll = select.poll()
    poll.register(sock, flags)
    return bool(poll.poll(limit * 1000))


def until(sock, flags):
    if not ready(sock, flags, 10):
        raise RuntimeError("the condition never came about")


def deliver(peer, data, sock):
    peer.sendall(data)
    until(sock, select.POLLIN)


def close(peer, sock):
    peer.close()
    until(sock, select.POLLRDHUP)


def reset(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def reset_and_wait(peer, sock):
    reset(peer)
    until(sock, 0)


def drain(peer, rest=0):
    """Reads to the end, with a rest 64 KiB at a time; returns how much there was."""
    total = 0
    try:
        while data := peer.recv(65536, socket.MSG_WAITALL if rest else 0):
            total += len(data)
            time.sleep(rest)
    except ConnectionError:
        pass
    return total
