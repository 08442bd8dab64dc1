"""makefile: a file on a socket, for those who think in lines; and why it goes badly with timeouts.

The twin of examples/makefile.rs, which has the comments. Run it: python3 examples/python/makefile.py
"""

import errno

from common import Lesson, connected, done, is_errno, is_timed_out, later, wait_readable


def lines(lesson):
    lesson.part("A stream has no lines; a file makes them")
    sock, peer = connected()
    file = sock.makefile("rb")

    def send():
        for piece in (b"hel", b"lo\nwor", b"ld\n"):
            peer.sendall(piece)
        peer.close()

    sending = later(0.05, send)
    one = lesson.step("readline()", file.readline)
    two = lesson.step("readline()", file.readline)
    end = lesson.step("readline()", file.readline)
    sending.join()
    lesson.check("lines, however the bytes were cut", one == b"hello\n" and two == b"world\n")
    lesson.check("a line without a line feed, an empty one: the end of input", end == b"")


def reading_ahead(lesson):
    lesson.part("It reads ahead, so the socket is not yours any more")
    sock, peer = connected()
    file = sock.makefile("rb")
    peer.sendall(b"one\ntwo\n")
    lesson.step("file: readline()", file.readline)
    sock.setblocking(False)
    direct = lesson.step("socket: recv(4), non-blocking", lambda: sock.recv(4))
    rest = lesson.step("file: readline()", file.readline)
    lesson.check(
        "what recv misses is in the file's buffer", is_errno(direct, errno.EAGAIN) and rest == b"two\n"
    )


def timing_out(lesson):
    lesson.part("A timeout breaks the file, not the connection")
    sock, peer = connected()
    file = sock.makefile("rb")
    sock.settimeout(0.1)
    peer.sendall(b"hel")
    wait_readable(sock, 5)
    first = lesson.step("readline(), half a line there", file.readline)
    peer.sendall(b"lo\n")
    wait_readable(sock, 5)
    second = lesson.step("readline(), the rest there", file.readline)
    direct = lesson.step("socket: recv(10)", lambda: sock.recv(10))
    lesson.check("the first failed for want of time", is_timed_out(first))
    lesson.check(
        "the second refuses, rather than give half a line for a whole",
        isinstance(second, OSError) and str(second) == "cannot read from timed out object",
    )
    lesson.check('the socket is as good as ever, but "hel" is gone', direct == b"lo\n")


class LineReader:
    """The cure: read lines yourself. They survive a timeout, because the half is kept here."""

    def __init__(self, sock):
        self.sock, self.bytes = sock, b""

    def readline(self):
        while b"\n" not in self.bytes:
            more = self.sock.recv(8192)  # If this raises, what came before it stays.
            if not more:
                line, self.bytes = self.bytes, b""
                return line
            self.bytes += more
        line, _, self.bytes = self.bytes.partition(b"\n")
        return line + b"\n"


def keeping_the_half(lesson):
    lesson.part("With timeouts, keep the half yourself")
    sock, peer = connected()
    sock.settimeout(0.1)
    reader = LineReader(sock)
    peer.sendall(b"hel")
    wait_readable(sock, 5)
    first = lesson.step("our readline(), half a line there", reader.readline)
    peer.sendall(b"lo\n")
    wait_readable(sock, 5)
    second = lesson.step("our readline(), the rest there", reader.readline)
    lesson.check("it timed out as well, and lost nothing", is_timed_out(first) and second == b"hello\n")


def not_waiting(lesson):
    lesson.part("Non-blocking: None, or less than a line")
    sock, peer = connected()
    file = sock.makefile("rb")
    sock.setblocking(False)
    nothing = lesson.step("read(5), nothing there", lambda: file.read(5))
    peer.sendall(b"hel")
    wait_readable(sock, 5)
    half = lesson.step("readline(), half a line there", file.readline)
    empty = lesson.step("readline(), nothing there", file.readline)
    lesson.check("read says None where recv raises EAGAIN", nothing is None)
    lesson.check("readline gives the half as if it were a line", half == b"hel")
    lesson.check('and "nothing yet" looks like the end of input', empty == b"")


def writing(lesson):
    lesson.part("What you write waits for flush, and what you close waits for the file")
    sock, peer = connected()
    peer.setblocking(False)
    file = sock.makefile("wb")
    lesson.step('write(b"hi\\n")', lambda: file.write(b"hi\n"))
    before = lesson.step("peer: recv(10)", lambda: peer.recv(10))
    lesson.step("flush()", done(file.flush))
    wait_readable(peer, 5)
    after = lesson.step("peer: recv(10)", lambda: peer.recv(10))
    lesson.check(
        "before the flush nothing, after it all", is_errno(before, errno.EAGAIN) and after == b"hi\n"
    )

    sock.close()
    file.write(b"bye\n")
    lesson.step("socket closed: file.flush()", done(file.flush))
    wait_readable(peer, 5)
    last = lesson.step("peer: recv(10)", lambda: peer.recv(10))
    lesson.step("file.close()", done(file.close))
    wait_readable(peer, 5)
    end = lesson.step("peer: recv(10)", lambda: peer.recv(10))
    lesson.check("a closed socket lives on until its last file is closed", last == b"bye\n" and end == b"")


lesson = Lesson(
    "makefile: lines from a stream",
    [
        'the peer sends "hel", "lo\\nwor", "ld\\n": what does readline give, call by call?',
        "a file has read one line of two: what does recv on its socket give?",
        "half a line has arrived and the timeout strikes: where is the half?",
        "the same in non-blocking mode: an error, or something else?",
    ],
)
lines(lesson)
reading_ahead(lesson)
timing_out(lesson)
keeping_the_half(lesson)
not_waiting(lesson)
writing(lesson)
lesson.end()
