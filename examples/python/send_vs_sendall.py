"""`send` and `sendall`: the kernel takes what fits, and somebody has to keep the count.

Before you run it: you give `send` 786,432 bytes, and between the two sockets there is room for far less. How many
does it take? What does `sendall` do that `send` does not? If a `sendall` fails half way, what do you know?

The twin of examples/send_vs_sendall.rs. Next: `connect_ex`, another call that can end before it is done.
"""

import errno
import socket
import threading
import time

from common import Lesson, Varies, is_errno, is_timed_out

# More than both sockets' buffers hold, by far.
LENGTH = 768 * 1024
# Every byte tells where it belongs, so that a byte lost, sent twice or out of place is seen. The period is a prime
# number: buffers come in powers of two, and a period that divides them would hide the loss of a whole one.
PAYLOAD = bytes(at % 251 for at in range(LENGTH))


def main():
    lesson = Lesson(
        "send and sendall: who keeps the count",
        [
            "send(786432 bytes), with room for far less: how many does it take?",
            "what is the loop that turns send into sendall?",
            "sendall with a timeout, a peer that always reads a little: does the clock start again?",
            "a non-blocking sendall fails half way: what do you know then?",
        ],
    )
    sock, peer, first = a_short_send(lesson)
    the_loop(lesson, sock, peer, first)
    one_timeout_for_all(lesson)
    again_from_the_front(lesson)
    on_from_where_it_stopped(lesson)
    lesson.end()


def a_short_send(lesson):
    """Returns the connection, and how much of the payload is gone."""
    lesson.part("send takes what fits, and says how much that was")
    sock, peer = narrow()
    sock.settimeout(5)
    first = sock.send(PAYLOAD)
    lesson.told("send(786432 bytes), nobody reads", Varies(first))
    lesson.check("a short send: some, not all, and no error", 0 < first < LENGTH)
    return sock, peer, first


def the_loop(lesson, sock, peer, sent):
    lesson.part("The loop that makes it sendall")
    # Only now does the peer start to read: before, nothing could have made room.
    reader = Reader(peer)
    sends = 1
    rest = PAYLOAD[sent:]
    begun = time.monotonic()
    while rest:
        taken = sock.send(rest)
        rest = rest[taken:]
        sends += 1
    sock.close()
    by_loop = reader.result()
    lesson.note(f"~{sends} sends in {time.monotonic() - begun:.3f} s")
    sock, peer = narrow()
    reader = Reader(peer)
    sock.sendall(PAYLOAD)
    lesson.did("sendall(786432 bytes)")
    sock.close()
    by_sendall = reader.result()
    lesson.check("the loop took more than one send", sends > 1)
    lesson.check("loop and sendall: equal, byte for byte", by_loop == PAYLOAD and by_sendall == PAYLOAD)


def one_timeout_for_all(lesson):
    lesson.part("The timeout of sendall is for all of it")
    sock, peer = narrow()
    sock.settimeout(0.2)
    reader = Reader(peer, rest=0.04)
    begun = time.monotonic()
    # 64 KiB every 0.04 s: each single send gets something done long before 0.2 s are over.
    try:
        failed = sock.sendall(PAYLOAD)
    except TimeoutError as error:
        failed = error
    lesson.told("sendall(786432 bytes), timeout 0.2", failed)
    took = time.monotonic() - begun
    sock.close()
    arrived = len(reader.result())
    lesson.note(f"the peer found ~{arrived} bytes, an unfinished message")
    lesson.check("progress did not move the deadline", is_timed_out(failed))
    lesson.check("and it was kept to", took >= 0.2 and 0 < arrived < LENGTH)


def again_from_the_front(lesson):
    lesson.part("A non-blocking sendall that fails, and starting again from the front")
    sock, peer = narrow()
    sock.setblocking(False)
    try:
        failed = sock.sendall(PAYLOAD)
    except BlockingIOError as error:
        failed = error
    lesson.told("sendall(786432 bytes), nobody reads", failed)
    lesson.check("it gave up where it would have had to wait", is_errno(failed, errno.EAGAIN))
    sock.setblocking(True)
    reader = Reader(peer)
    # What Python's documentation says: "there is no way to determine how much data, if any, was successfully sent". So
    # what could be sent next? From the front is wrong:
    sock.sendall(PAYLOAD)
    lesson.did("sendall(786432 bytes), again")
    sock.close()
    arrived = len(reader.result())
    lesson.note(f"the peer found ~{arrived} bytes")
    lesson.check("what had gone the first time went twice", arrived > LENGTH)


def on_from_where_it_stopped(lesson):
    lesson.part("The same with the count kept: go on where it stopped")
    sock, peer = narrow()
    sock.setblocking(False)
    # The exception does not say how far it got, so the count is kept in a loop of our own.
    sent = send_all_counted(sock, PAYLOAD)
    lesson.told("the bytes that are gone", Varies(sent))
    sock.setblocking(True)
    reader = Reader(peer)
    sock.sendall(PAYLOAD[sent:])
    lesson.did("sendall(the rest)")
    sock.close()
    arrived = reader.result()
    lesson.check("nothing lost, nothing twice: equal, byte for byte", arrived == PAYLOAD)


def narrow():
    """A connection with little room in it: small buffers on both sides."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 * 1024)
        sock.connect(listener.getsockname())
        peer, _ = listener.accept()
        return sock, peer


class Reader(threading.Thread):
    """A peer that reads to the end of input; with a rest, 64 KiB at a time and a rest after each."""

    def __init__(self, peer, rest=None):
        super().__init__()
        self.peer, self.rest, self.all = peer, rest, b""
        self.start()

    def run(self):
        pieces = []
        with self.peer, self.peer.makefile("rb") as file:
            while piece := self.peer.recv(65536) if self.rest is None else file.read(65536):
                pieces.append(piece)
                if self.rest is not None:
                    time.sleep(self.rest)
        self.all = b"".join(pieces)

    def result(self):
        self.join()
        return self.all


def send_all_counted(sock, data):
    """A sendall that says how far it got, where Python's own keeps that to itself."""
    sent = 0
    try:
        while sent < len(data):
            sent += sock.send(data[sent:])
    except BlockingIOError:
        pass
    return sent


if __name__ == "__main__":
    main()
