"""send and sendall: the kernel takes what fits, and somebody has to keep the count.

The twin of examples/send_vs_sendall.rs, which has the comments.
Run it: python3 examples/python/send_vs_sendall.py
"""

import errno
import socket
import threading
import time

from common import Lesson, Varies, done, is_errno, is_timed_out

LENGTH = 768 * 1024


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


lesson = Lesson(
    "send and sendall: who keeps the count",
    [
        "send(786432 bytes), with room for far less: how many does it take?",
        "what is the loop that turns send into sendall?",
        "sendall with a timeout, a peer that always reads a little: does the clock start again?",
        "a non-blocking sendall fails half way: what do you know then?",
    ],
)
payload = bytes(at % 251 for at in range(LENGTH))

lesson.part("send takes what fits, and says how much that was")
sock, peer = narrow()
sock.settimeout(5)
first = lesson.step("send(786432 bytes), nobody reads", lambda: Varies(sock.send(payload)))
lesson.check("a short send: some, not all, and no error", 0 < first < LENGTH)

lesson.part("The loop that makes it sendall")
reader = Reader(peer)
sends = 1
rest = payload[first:]
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
lesson.step("sendall(786432 bytes)", done(lambda: sock.sendall(payload)))
sock.close()
by_sendall = reader.result()
lesson.check("the loop took more than one send", sends > 1)
lesson.check("loop and sendall: equal, byte for byte", by_loop == payload and by_sendall == payload)

lesson.part("The timeout of sendall is for all of it")
sock, peer = narrow()
sock.settimeout(0.2)
reader = Reader(peer, rest=0.04)
begun = time.monotonic()
failed = lesson.step("sendall(786432 bytes), timeout 0.2", done(lambda: sock.sendall(payload)))
took = time.monotonic() - begun
sock.close()
arrived = len(reader.result())
lesson.note(f"the peer found ~{arrived} bytes, an unfinished message")
lesson.check("progress did not move the deadline", is_timed_out(failed))
lesson.check("and it was kept to", took >= 0.2 and 0 < arrived < LENGTH)

lesson.part("A non-blocking sendall that fails, and starting again from the front")
sock, peer = narrow()
sock.setblocking(False)
failed = lesson.step("sendall(786432 bytes), nobody reads", done(lambda: sock.sendall(payload)))
lesson.check("it gave up where it would have had to wait", is_errno(failed, errno.EAGAIN))
sock.setblocking(True)
reader = Reader(peer)
lesson.step("sendall(786432 bytes), again", done(lambda: sock.sendall(payload)))
sock.close()
arrived = len(reader.result())
lesson.note(f"the peer found ~{arrived} bytes")
lesson.check("what had gone the first time went twice", arrived > LENGTH)

lesson.part("The same with the count kept: go on where it stopped")
sock, peer = narrow()
sock.setblocking(False)
gone = send_all_counted(sock, payload)
sent = lesson.step("the bytes that are gone", lambda: Varies(gone))
sock.setblocking(True)
reader = Reader(peer)
lesson.step("sendall(the rest)", done(lambda: sock.sendall(payload[sent:])))
sock.close()
arrived = reader.result()
lesson.check("nothing lost, nothing twice: equal, byte for byte", arrived == payload)
lesson.end()
