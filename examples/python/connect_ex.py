"""`connect_ex`: connecting is a conversation, and a non-blocking socket does not stay for its end.

Before you run it: a non-blocking `connect_ex` to a port where nobody listens. What does it return? Then the socket
becomes writable: are you connected? And a server that is too busy to answer: how does that look?

The twin of examples/connect_ex.rs. Next: `udp`, where connecting is no conversation at all.
"""

import errno
import socket
import time

from common import Errno, Lesson, full_backlog, is_errno, is_timed_out, wait_writable


def main():
    lesson = Lesson(
        "connect_ex: an answer now, the outcome later",
        [
            "connect to a port where nobody listens: what does connect do, what connect_ex?",
            "the same, non-blocking: what comes back at once, and where is the refusal?",
            "the socket is writable: does that mean connected?",
            "a server whose backlog is full: refused, or silent?",
        ],
    )
    raised_or_returned(lesson)
    in_progress_then_connected(lesson)
    in_progress_then_refused(lesson)
    silent(lesson)
    lesson.end()


def connect_ex(sock, address):
    return Errno(sock.connect_ex(address))


def so_error(sock):
    return Errno(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))


def raised_or_returned(lesson):
    lesson.part("Blocking: connect raises, connect_ex returns")
    nobody, _holder = refusing()
    one, other = socket.socket(), socket.socket()
    try:
        raised = one.connect(nobody)
    except ConnectionRefusedError as error:
        raised = error
    lesson.told("connect(nobody)", raised)
    returned = connect_ex(other, nobody)
    lesson.told("connect_ex(nobody)", returned)
    # One errno through two doors. connect_ex is for those to whom an errno is an answer, not an accident.
    lesson.check(
        "both say ECONNREFUSED, one as an error and one as a value",
        is_errno(raised, errno.ECONNREFUSED) and returned == errno.ECONNREFUSED,
    )


def in_progress_then_connected(lesson):
    lesson.part("Non-blocking, and somebody listens")
    listener = socket.create_server(("127.0.0.1", 0), backlog=1)
    address = listener.getsockname()
    sock = socket.socket()
    sock.setblocking(False)
    # The first segment is on its way. Nobody waits for the answer, so it can't be known yet.
    at_once = connect_ex(sock, address)
    lesson.told("connect_ex(listener)", at_once)
    lesson.check("EINPROGRESS is no failure: it goes on", at_once == errno.EINPROGRESS)
    writable = wait_writable(sock, 5)
    lesson.told("wait until writable", writable)
    outcome = so_error(sock)
    lesson.told("SO_ERROR", outcome)
    lesson.told("getpeername()", sock.getpeername())
    lesson.check("writable, and no error waits: connected", writable and outcome == 0)
    # The server had no part in this: the kernel answers, accept only collects.
    lesson.told("accept()", listener.accept())


def in_progress_then_refused(lesson):
    lesson.part("Non-blocking, and nobody listens")
    nobody, _holder = refusing()
    sock = socket.socket()
    sock.setblocking(False)
    at_once = connect_ex(sock, nobody)
    lesson.told("connect_ex(nobody)", at_once)
    # Writable means "a write would not wait". One that fails at once does not wait either.
    writable = wait_writable(sock, 5)
    lesson.told("wait until writable", writable)
    outcome = so_error(sock)
    lesson.told("SO_ERROR", outcome)
    again = so_error(sock)
    lesson.told("SO_ERROR, once more", again)
    lesson.check("at once it looks like success to come", at_once == errno.EINPROGRESS)
    lesson.check(
        'writable is only "there is news"; SO_ERROR is the news', writable and outcome == errno.ECONNREFUSED
    )
    lesson.check("reading SO_ERROR clears it: ask once, and keep the answer", again == 0)
    try:
        peer = sock.getpeername()
    except OSError as error:
        peer = error
    lesson.told("getpeername()", peer)
    lesson.check("getpeername tells it too: there is no peer", is_errno(peer, errno.ENOTCONN))


def silent(lesson):
    lesson.part("A full backlog: no refusal, only silence")
    busy, _holders = full_backlog()
    one, other = socket.socket(), socket.socket()
    one.settimeout(0.2)
    other.settimeout(0.2)
    lesson.start_clock()
    begun = time.monotonic()
    try:
        raised = one.connect(busy)
    except TimeoutError as error:
        raised = error
    lesson.told("connect(busy), timeout 0.2", raised)
    # TimedOut has no errno, and connect_ex must return one. CPython chose EAGAIN.
    returned = connect_ex(other, busy)
    lesson.told("connect_ex(busy), timeout 0.2", returned)
    lesson.check(
        "connect raises TimedOut, connect_ex returns EAGAIN",
        is_timed_out(raised) and returned == errno.EAGAIN,
    )
    lesson.check("neither was early", time.monotonic() - begun >= 0.4)
    again = connect_ex(one, busy)
    lesson.told("connect_ex(busy), once more", again)
    lesson.check("the kernel had not given up: it still tries", again == errno.EALREADY)


def refusing():
    """An address where nobody listens, and the socket that keeps the port from everybody else."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    return holder.getsockname(), holder


if __name__ == "__main__":
    main()
