"""settimeout: wait, but not for ever; and the two other modes by other names.

The twin of examples/settimeout.rs, which has the comments. std's set_read_timeout sets SO_RCVTIMEO; here
setsockopt does. Run it: python3 examples/python/settimeout.py
"""

import errno
import fcntl
import os
import socket
import struct
import time

from common import Lesson, connected, done, is_errno, later, told


def is_nonblocking(sock):
    """Asks the kernel whether the descriptor itself refuses to wait."""
    return bool(fcntl.fcntl(sock.fileno(), fcntl.F_GETFL) & os.O_NONBLOCK)


def set_read_timeout(sock, seconds):
    """SO_RCVTIMEO takes a `struct timeval`: seconds and microseconds."""
    whole = int(seconds)
    value = struct.pack("ll", whole, round((seconds - whole) * 1e6))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)


def read_timeout(sock):
    size = struct.calcsize("ll")
    whole, micros = struct.unpack("ll", sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, size))
    return whole + micros / 1e6


def three_modes_one_door(lesson):
    lesson.part("Three modes, one door")
    sock = socket.socket()
    for timeout, label in [(None, "None"), (0, "0"), (0.1, "0.1")]:
        lesson.step(f"settimeout({label})", done(lambda: sock.settimeout(timeout)))
        lesson.step("  gettimeout()", sock.gettimeout)
        lesson.step("  getblocking()", sock.getblocking)
        lesson.step("  O_NONBLOCK", lambda: is_nonblocking(sock))
    lesson.check(
        "with a timeout it is blocking to Python, and non-blocking to the kernel",
        sock.getblocking() and is_nonblocking(sock),
    )
    sock.setblocking(True)
    lesson.check("setblocking(True) is settimeout(None): it ends timeout mode", sock.gettimeout() is None)


def no_error_of_the_connection(lesson):
    lesson.part("A timeout is not an error of the connection")
    sock, peer = connected()
    sock.settimeout(0.1)
    begun = time.monotonic()
    silent = lesson.step("recv(5), the peer silent", lambda: sock.recv(5))
    lesson.check("it gave up, and not before the time was over", time.monotonic() - begun >= 0.1)
    sock.settimeout(5)
    sending = later(0.1, lambda: peer.sendall(b"hello"))
    got = lesson.step("recv(5) again, with a timeout of 5", lambda: sock.recv(5))
    sending.join()
    lesson.step('sendall(b"thanks")', done(lambda: sock.sendall(b"thanks")))
    answer = lesson.step("peer: recv(6)", lambda: peer.recv(6))
    lesson.check("the same connection works on, both ways", got == b"hello" and answer == b"thanks")

    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    client = socket.create_connection(listener.getsockname())
    accepted, _ = listener.accept()
    table = [
        ("a recv that ran out of time", told(silent)),
        ("O_NONBLOCK", told(is_nonblocking(sock))),
        ("timeout of accepted sockets", told(accepted.gettimeout())),
    ]
    client.close()
    return table


def the_kernels_own(lesson):
    lesson.part("The kernel's own: SO_RCVTIMEO, which is what std's set_read_timeout sets")
    sock, peer = connected()
    lesson.step("SO_RCVTIMEO = 0.1", done(lambda: set_read_timeout(sock, 0.1)))
    silent = lesson.step("recv(5), the peer silent", lambda: sock.recv(5))
    lesson.check('its timeout can\'t be told from "nothing yet"', is_errno(silent, errno.EAGAIN))
    peer.sendall(b"hello")
    buffer = bytearray(5)
    lesson.step("recv(5), after the peer has sent", lambda: sock.recv_into(buffer))

    listener = socket.create_server(("127.0.0.1", 0))
    set_read_timeout(listener, 0.1)
    client = socket.create_connection(listener.getsockname())
    accepted, _ = listener.accept()
    inherited = read_timeout(accepted)
    lesson.check("what a listener accepts inherits it", inherited == 0.1)
    lesson.note('A zero here would mean "for ever", where settimeout(0) means "not at all".')
    table = [
        ("a recv that ran out of time", told(silent)),
        ("O_NONBLOCK", told(is_nonblocking(sock))),
        ("timeout of accepted sockets", told(inherited)),
    ]
    client.close()
    return table


lesson = Lesson(
    "settimeout: wait, but not for ever",
    [
        "settimeout(None), settimeout(0), settimeout(0.1): which modes are they?",
        "a socket with a timeout: is it blocking? is its descriptor?",
        "after a timeout, is the connection broken?",
        "the kernel has a read timeout of its own, SO_RCVTIMEO: is it the same thing?",
    ],
)
three_modes_one_door(lesson)
ours = no_error_of_the_connection(lesson)
kernels = the_kernels_own(lesson)

lesson.part("Side by side")
lesson.note(f"{'':<28}{'settimeout(0.1)':<16}SO_RCVTIMEO of 0.1")
for (what, mine), (_, theirs) in zip(ours, kernels):
    lesson.note(f"{what:<28}{mine:<16}{theirs}")
lesson.check("they differ in every line", all(mine != theirs for mine, theirs in zip(ours, kernels)))
lesson.end()
