"""connect_ex: connecting is a conversation, and a non-blocking socket does not stay for its end.

The twin of examples/connect_ex.rs, which has the comments. Run it: python3 examples/python/connect_ex.py
"""

import errno
import socket
import time

from common import Errno, Lesson, done, is_errno, is_timed_out, wait_writable


def connect_ex(sock, address):
    return Errno(sock.connect_ex(address))


def so_error(sock):
    return Errno(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))


def raised_or_returned(lesson):
    lesson.part("Blocking: connect raises, connect_ex returns")
    nobody, _holder = refusing()
    one, other = socket.socket(), socket.socket()
    raised = lesson.step("connect(nobody)", done(lambda: one.connect(nobody)))
    returned = lesson.step("connect_ex(nobody)", lambda: connect_ex(other, nobody))
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
    at_once = lesson.step("connect_ex(listener)", lambda: connect_ex(sock, address))
    lesson.check("EINPROGRESS is no failure: it goes on", at_once == errno.EINPROGRESS)
    writable = lesson.step("wait until writable", lambda: wait_writable(sock, 5))
    outcome = lesson.step("SO_ERROR", lambda: so_error(sock))
    lesson.step("getpeername()", sock.getpeername)
    lesson.check("writable, and no error waits: connected", writable and outcome == 0)
    lesson.step("accept()", listener.accept)


def in_progress_then_refused(lesson):
    lesson.part("Non-blocking, and nobody listens")
    nobody, _holder = refusing()
    sock = socket.socket()
    sock.setblocking(False)
    at_once = lesson.step("connect_ex(nobody)", lambda: connect_ex(sock, nobody))
    writable = lesson.step("wait until writable", lambda: wait_writable(sock, 5))
    outcome = lesson.step("SO_ERROR", lambda: so_error(sock))
    again = lesson.step("SO_ERROR, once more", lambda: so_error(sock))
    lesson.check("at once it looks like success to come", at_once == errno.EINPROGRESS)
    lesson.check(
        'writable is only "there is news"; SO_ERROR is the news', writable and outcome == errno.ECONNREFUSED
    )
    lesson.check("reading SO_ERROR clears it: ask once, and keep the answer", again == 0)
    peer = lesson.step("getpeername()", sock.getpeername)
    lesson.check("getpeername tells it too: there is no peer", is_errno(peer, errno.ENOTCONN))


def silent(lesson):
    lesson.part("A full backlog: no refusal, only silence")
    busy, _holders = full_backlog()
    one, other = socket.socket(), socket.socket()
    one.settimeout(0.2)
    other.settimeout(0.2)
    begun = time.monotonic()
    raised = lesson.step("connect(busy), timeout 0.2", done(lambda: one.connect(busy)))
    returned = lesson.step("connect_ex(busy), timeout 0.2", lambda: connect_ex(other, busy))
    lesson.check(
        "connect raises TimedOut, connect_ex returns EAGAIN",
        is_timed_out(raised) and returned == errno.EAGAIN,
    )
    lesson.check("neither was early", time.monotonic() - begun >= 0.4)
    again = lesson.step("connect_ex(busy), once more", lambda: connect_ex(one, busy))
    lesson.check("the kernel had not given up: it still tries", again == errno.EALREADY)


def refusing():
    """An address where nobody listens, and the socket that keeps the port from everybody else."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    return holder.getsockname(), holder


def full_backlog():
    """An address whose queue for accept is full, and the sockets that keep it so."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    holders = [listener]
    while True:
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
        got_in = wait_writable(sock, 0.1)
        holders.append(sock)
        if not got_in:
            return listener.getsockname(), holders


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
