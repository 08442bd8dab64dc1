"""`settimeout`: wait, but not for ever; and the two other modes by other names.

Before you run it: a socket waits 0.1 s for bytes that do not come, and gives up. Is the connection broken now? What
do `settimeout(0)` and `settimeout(None)` mean? And the kernel has a timeout of its own, SO_RCVTIMEO: is it the same?

The twin of examples/settimeout.rs. Next: `send_vs_sendall`, where one timeout covers many calls.
"""

import errno
import fcntl
import os
import socket
import struct
import time

from common import Lesson, connected, is_errno, later, told


def main():
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
        sock.settimeout(timeout)
        lesson.did(f"settimeout({label})")
        lesson.told("  gettimeout()", sock.gettimeout())
        lesson.told("  getblocking()", sock.getblocking())
        lesson.told("  O_NONBLOCK", is_nonblocking(sock))
    # Python calls timeout mode "blocking", because a call may wait. The descriptor is non-blocking all the same: the
    # waiting is done by poll(2) in the library, which takes a limit as an argument; recv(2) has none.
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
    try:
        silent = sock.recv(5)
    except TimeoutError as error:
        silent = error
    lesson.told("recv(5), the peer silent", silent)
    # Late is possible, on a busy machine. Early never is.
    lesson.check("it gave up, and not before the time was over", time.monotonic() - begun >= 0.1)
    sock.settimeout(5)
    sending = later(0.1, lambda: peer.sendall(b"hello"))
    # Five seconds is how long it may take. It takes as long as the peer does.
    got = sock.recv(5)
    lesson.told("recv(5) again, with a timeout of 5", got)
    sending.join()
    sock.sendall(b"thanks")
    lesson.did('sendall(b"thanks")')
    answer = peer.recv(6)
    lesson.told("peer: recv(6)", answer)
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
    set_read_timeout(sock, 0.1)
    lesson.did("SO_RCVTIMEO = 0.1")
    try:
        silent = sock.recv(5)
    except BlockingIOError as error:
        silent = error
    lesson.told("recv(5), the peer silent", silent)
    # EAGAIN: the very answer that a non-blocking socket gives when nothing has happened at all.
    lesson.check('its timeout can\'t be told from "nothing yet"', is_errno(silent, errno.EAGAIN))
    peer.sendall(b"hello")
    buffer = bytearray(5)
    lesson.told("recv(5), after the peer has sent", sock.recv_into(buffer))

    listener = socket.create_server(("127.0.0.1", 0))
    set_read_timeout(listener, 0.1)
    client = socket.create_connection(listener.getsockname())
    accepted, _ = listener.accept()
    inherited = read_timeout(accepted)
    lesson.check("what a listener accepts inherits it", inherited == 0.1)
    # To the kernel, a SO_RCVTIMEO of 0 is no timeout.
    lesson.note('A zero here would mean "for ever", where settimeout(0) means "not at all".')
    table = [
        ("a recv that ran out of time", told(silent)),
        ("O_NONBLOCK", told(is_nonblocking(sock))),
        ("timeout of accepted sockets", told(inherited)),
    ]
    client.close()
    return table


if __name__ == "__main__":
    main()
