"""`ready_but_blocks`: `select` says readable and `recv` waits; and `select` says nothing while the data is there.

Readiness is a hint about the past: *when the kernel looked*, a read would not have had to wait. What happens between
the look and the read, and what lies above the kernel, in a buffer of the program, it can't know.

Before you run it: two readers of one socket are told that it is readable. How many of them get something? A file on
the socket has read one line of two: does `select` tell of the second?

The twin of examples/ready_but_blocks.rs. Next: `names_and_timeouts`, where it is not even a socket that waits.
"""

import errno
import socket
import time
from concurrent.futures import ThreadPoolExecutor

from common import Lesson, connected, is_errno, wait_readable

# The threads of this lesson. What a thread has returned is in its future.
THREADS = ThreadPoolExecutor()


def main():
    lesson = Lesson(
        "ready_but_blocks: readiness is a hint",
        [
            'two readers are told "readable", five bytes are there: what do their recvs give?',
            "readable, and a file's read(5): does it wait?",
            "what makes a hint harmless?",
            "a file has read one line of two: does select tell of the second?",
        ],
    )
    two_readers(lesson)
    more_than_is_there(lesson)
    the_cure(lesson)
    silent_and_there(lesson)
    look_above_first(lesson)
    lesson.end()


# ANCHOR: two
def two_readers(lesson):
    lesson.part("Two readers, one message")
    first, peer = connected()
    # Another process that was forked, or another thread: somebody else who reads the same connection.
    second = first.dup()
    peer.sendall(b"hello")
    one = wait_readable(first, 5)
    lesson.told("first: readable?", one)
    other = wait_readable(second, 5)
    lesson.told("second: readable?", other)
    got = first.recv(5)
    lesson.told("first: recv(5)", got)
    # Both were told the truth. By now it has changed.
    late = THREADS.submit(second.recv, 5)
    time.sleep(0.1)
    sleeps = not late.done()
    lesson.told("second: does recv(5) still sleep, 0.1 s later?", sleeps)
    peer.sendall(b"later")
    got_late = late.result()
    lesson.told("second: recv(5), the peer has sent again", got_late)
    lesson.check("readable for both, and there for one", one and other and got == b"hello")
    lesson.check('the other sleeps in a call that "could not block"', sleeps and got_late == b"later")
# ANCHOR_END: two


# ANCHOR: more
def more_than_is_there(lesson):
    lesson.part("Readable means a byte; the call wants five")
    sock, peer = connected()
    file = sock.makefile("rb")
    peer.sendall(b"he")
    readable = wait_readable(sock, 5)
    lesson.told("readable?", readable)
    reader = THREADS.submit(file.read, 5)
    time.sleep(0.1)
    sleeps = not reader.done()
    lesson.told("does the file's read(5) still sleep, 0.1 s later?", sleeps)
    peer.sendall(b"llo")
    got = reader.result()
    lesson.told("the file's read(5), the rest has come", got)
    # The same goes for readline, for recv with MSG_WAITALL, for a TLS record of which half is there.
    lesson.check("a byte is enough for select, and not for whoever wants more", readable and sleeps)
# ANCHOR_END: more


# ANCHOR: cure
def the_cure(lesson):
    lesson.part("What makes a hint harmless: a call that can't wait")
    first, peer = connected()
    second = first.dup()
    peer.sendall(b"hello")
    readable = wait_readable(second, 5)
    first.recv(5)
    lesson.told("second: readable? (and then the first takes it)", readable)
    # O_NONBLOCK is what every event loop has. Where others share the open file and must not be disturbed, a flag
    # says it for one call.
    try:
        empty = second.recv(5, socket.MSG_DONTWAIT)
    except BlockingIOError as error:
        empty = error
    lesson.told("second: recv(5, MSG_DONTWAIT)", empty)
    lesson.check("a wrong hint costs a call, and no more", is_errno(empty, errno.EAGAIN))
# ANCHOR_END: cure


# ANCHOR: silent
def silent_and_there(lesson):
    lesson.part("The other way round: select is silent, and the data is there")
    sock, peer = connected()
    file = sock.makefile("rb")
    peer.sendall(b"one\ntwo\n")
    before = wait_readable(sock, 5)
    lesson.told("readable?", before)
    first = file.readline()
    lesson.told("readline()", first)
    after = wait_readable(sock, 0.1)
    lesson.told("readable, within 0.1 s?", after)
    second = file.readline()
    lesson.told("readline()", second)
    # The first readline took all that the kernel had, as far as its buffer has room. The second line lay in the program.
    lesson.check("select asks the kernel, and the kernel has nothing", before and not after)
    lesson.check("the line was there all the time", second == b"two\n")
# ANCHOR_END: silent


# ANCHOR: above
def look_above_first(lesson):
    lesson.part("The cure: first what lies above, then select")
    sock, peer = connected()
    sock.setblocking(False)
    peer.sendall(b"one\ntwo\nthr")
    kept = b""
    lines = []
    while wait_readable(sock, 0.1):
        kept += sock.recv(1024)
        # Not one line for one event: all that are whole. What stays is no line, and only the kernel can make it one.
        *whole, kept = kept.split(b"\n")
        lines += [line + b"\n" for line in whole]
    lesson.told("lines from one event", len(lines))
    lesson.told("what stays", kept)
    lesson.check("nothing whole is left when it sleeps", lines == [b"one\n", b"two\n"] and kept == b"thr")
# ANCHOR_END: above


if __name__ == "__main__":
    main()
