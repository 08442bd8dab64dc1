r"""`makefile`: a file on a socket, for those who think in lines; and why it goes badly with timeouts.

Before you run it: a peer sends "hel", then "lo\nwor", then "ld\n". What does the first `readline` give? Half a line
has arrived when the timeout strikes: where is that half afterwards?

The twin of examples/makefile.rs. Next: `mode_matrix`, where every "what if" of the first seven lessons is answered.
"""

import errno

from common import Lesson, connected, is_errno, is_timed_out, later, wait_readable


def main():
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


def lines(lesson):
    lesson.part("A stream has no lines; a file makes them")
    sock, peer = connected()
    file = sock.makefile("rb")

    def send():
        for piece in (b"hel", b"lo\nwor", b"ld\n"):
            peer.sendall(piece)
        peer.close()

    sending = later(0.05, send)
    one = file.readline()
    lesson.told("readline()", one)
    two = file.readline()
    lesson.told("readline()", two)
    end = file.readline()
    lesson.told("readline()", end)
    sending.join()
    lesson.check("lines, however the bytes were cut", one == b"hello\n" and two == b"world\n")
    lesson.check("a line without a line feed, an empty one: the end of input", end == b"")


def reading_ahead(lesson):
    lesson.part("It reads ahead, so the socket is not yours any more")
    sock, peer = connected()
    file = sock.makefile("rb")
    peer.sendall(b"one\ntwo\n")
    lesson.told("file: readline()", file.readline())
    sock.setblocking(False)
    # To find the first line feed the file took all that was there, as far as its buffer has room, in one recv.
    try:
        direct = sock.recv(4)
    except BlockingIOError as error:
        direct = error
    lesson.told("socket: recv(4), non-blocking", direct)
    rest = file.readline()
    lesson.told("file: readline()", rest)
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
    try:
        first = file.readline()
    except TimeoutError as error:
        first = error
    lesson.told("readline(), half a line there", first)
    peer.sendall(b"lo\n")
    wait_readable(sock, 5)
    # The half that it had read is gone with the failed call. Had it gone on, it would have given "lo\n" as a line,
    # and nobody would have known. So it refuses instead.
    try:
        second = file.readline()
    except OSError as error:
        second = error
    lesson.told("readline(), the rest there", second)
    direct = sock.recv(10)
    lesson.told("socket: recv(10)", direct)
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
    try:
        first = reader.readline()
    except TimeoutError as error:
        first = error
    lesson.told("our readline(), half a line there", first)
    peer.sendall(b"lo\n")
    wait_readable(sock, 5)
    second = reader.readline()
    lesson.told("our readline(), the rest there", second)
    lesson.check("it timed out as well, and lost nothing", is_timed_out(first) and second == b"hello\n")


def not_waiting(lesson):
    lesson.part("Non-blocking: None, or less than a line")
    sock, peer = connected()
    file = sock.makefile("rb")
    sock.setblocking(False)
    nothing = file.read(5)
    lesson.told("read(5), nothing there", nothing)
    peer.sendall(b"hel")
    wait_readable(sock, 5)
    half = file.readline()
    lesson.told("readline(), half a line there", half)
    empty = file.readline()
    lesson.told("readline(), nothing there", empty)
    lesson.check("read says None where recv raises EAGAIN", nothing is None)
    lesson.check("readline gives the half as if it were a line", half == b"hel")
    lesson.check('and "nothing yet" looks like the end of input', empty == b"")


def writing(lesson):
    lesson.part("What you write waits for flush, and what you close waits for the file")
    sock, peer = connected()
    peer.setblocking(False)
    file = sock.makefile("wb")
    lesson.told('write(b"hi\\n")', file.write(b"hi\n"))
    try:
        before = peer.recv(10)
    except BlockingIOError as error:
        before = error
    lesson.told("peer: recv(10)", before)
    file.flush()
    lesson.did("flush()")
    wait_readable(peer, 5)
    after = peer.recv(10)
    lesson.told("peer: recv(10)", after)
    lesson.check(
        "before the flush nothing, after it all", is_errno(before, errno.EAGAIN) and after == b"hi\n"
    )

    sock.close()
    file.write(b"bye\n")
    file.flush()
    lesson.did("socket closed: file.flush()")
    wait_readable(peer, 5)
    last = peer.recv(10)
    lesson.told("peer: recv(10)", last)
    file.close()
    lesson.did("file.close()")
    wait_readable(peer, 5)
    end = peer.recv(10)
    lesson.told("peer: recv(10)", end)
    lesson.check("a closed socket lives on until its last file is closed", last == b"bye\n" and end == b"")


if __name__ == "__main__":
    main()
