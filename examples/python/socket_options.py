"""socket options: what the kernel knows about a socket, and what it can be told.

The twin of examples/socket_options.rs, which has the comments.
Run it: python3 examples/python/socket_options.py
"""

import errno
import socket
import sys
import threading
import time

from common import Lesson, Varies, connected, done, is_errno, told

SOL_SOCKET, SO_REUSEADDR = socket.SOL_SOCKET, socket.SO_REUSEADDR
SO_SNDBUF, SO_RCVBUF = socket.SO_SNDBUF, socket.SO_RCVBUF
IPPROTO_TCP, TCP_NODELAY = socket.IPPROTO_TCP, socket.TCP_NODELAY
ROUNDS = 8


def names_and_numbers(lesson):
    lesson.part("getsockname, getpeername, fileno")
    listener = socket.socket()
    nameless = lesson.step("new: getsockname()", listener.getsockname)
    listener.bind(("127.0.0.1", 0))
    name = lesson.step("after bind(port 0): getsockname()", listener.getsockname)
    lesson.check('port 0 means "you pick"', nameless[1] == 0 and name[1] != 0)
    listener.listen(1)
    peerless = lesson.step("a listener's getpeername()", listener.getpeername)
    lesson.check("a listener is connected to nobody", is_errno(peerless, errno.ENOTCONN))

    client = socket.socket()
    client.connect(name)
    accepted, _ = listener.accept()
    here, there = client.getsockname(), client.getpeername()
    lesson.check(
        "each end's name is the other end's peer",
        accepted.getpeername() == here and accepted.getsockname() == there,
    )
    lesson.step("fileno()", lambda: Varies(client.fileno()))
    client.close()
    closed = lesson.step("closed: fileno()", client.fileno)
    gone = lesson.step("closed: getsockname()", client.getsockname)
    lesson.check("a closed socket is no descriptor at all", closed == -1 and is_errno(gone, errno.EBADF))


def reuse_address(lesson):
    lesson.part("SO_REUSEADDR: a restart must not wait for the past")
    listener = socket.socket()
    lesson.step("getsockopt(SO_REUSEADDR)", lambda: bool(listener.getsockopt(SOL_SOCKET, SO_REUSEADDR)))
    lesson.step("setsockopt(SO_REUSEADDR, 1)", done(lambda: listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)))
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    address = listener.getsockname()
    client = socket.socket()
    client.connect(address)
    accepted, _ = listener.accept()

    second = socket.socket()
    second.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    while_it_runs = lesson.step("bind to a port that is listened on", done(lambda: second.bind(address)))
    lesson.check("it is not for two servers on one port", is_errno(while_it_runs, errno.EADDRINUSE))

    accepted.close()
    client.recv(1)
    client.close()
    listener.close()
    hasty = socket.socket()
    without = lesson.step("restart without it: bind", done(lambda: hasty.bind(address)))
    patient = socket.socket()
    patient.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    bound = lesson.step("restart with it: bind", done(lambda: patient.bind(address)))
    lesson.check("in use, by connections that are over", is_errno(without, errno.EADDRINUSE))
    lesson.check("SO_REUSEADDR says: I know, bind nevertheless", bound == "ok")


def buffer_sizes(lesson):
    lesson.part("SO_SNDBUF and SO_RCVBUF: ask for one, get two")
    sock = socket.socket()
    lesson.step("getsockopt(SO_SNDBUF)", lambda: Varies(sock.getsockopt(SOL_SOCKET, SO_SNDBUF)))
    lesson.step("setsockopt(SO_SNDBUF, 32768)", done(lambda: sock.setsockopt(SOL_SOCKET, SO_SNDBUF, 32768)))
    doubled = lesson.step("getsockopt(SO_SNDBUF)", lambda: sock.getsockopt(SOL_SOCKET, SO_SNDBUF))
    lesson.check("Linux doubles it", sys.platform != "linux" or doubled == 65536)
    lesson.step("setsockopt(SO_SNDBUF, 1)", done(lambda: sock.setsockopt(SOL_SOCKET, SO_SNDBUF, 1)))
    least = lesson.step("getsockopt(SO_SNDBUF)", lambda: Varies(sock.getsockopt(SOL_SOCKET, SO_SNDBUF)))
    lesson.check("it is a wish: there is a least, and a most", least > 2)

    listener = socket.socket()
    listener.setsockopt(SOL_SOCKET, SO_RCVBUF, 32768)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    client = socket.socket()
    client.connect(listener.getsockname())
    accepted, _ = listener.accept()
    inherited = lesson.step(
        "accepted: getsockopt(SO_RCVBUF)", lambda: accepted.getsockopt(SOL_SOCKET, SO_RCVBUF)
    )
    lesson.check(
        "set it on the listener: accepted sockets inherit it",
        inherited == listener.getsockopt(SOL_SOCKET, SO_RCVBUF),
    )


def no_delay(lesson):
    lesson.part("TCP_NODELAY: when two algorithms wait for each other")
    answers = []
    for wanted in (0, 1):
        sock, peer = connected()
        lesson.step(
            f"setsockopt(TCP_NODELAY, {wanted})", done(lambda: sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, wanted))
        )
        taken = lesson.step("getsockopt(TCP_NODELAY)", lambda: bool(sock.getsockopt(IPPROTO_TCP, TCP_NODELAY)))
        lesson.check("the kernel took it", taken == bool(wanted))
        answering = threading.Thread(target=answer_pairs, args=(peer,))
        answering.start()
        begun = time.monotonic()
        got = b""
        for _ in range(ROUNDS):
            sock.sendall(b"a")
            sock.sendall(b"b")
            got += sock.recv(1)
        took = time.monotonic() - begun
        lesson.note(f"8 questions in two sends each: {took:.3f} s")
        sock.close()
        answering.join()
        answers.append(told(got))
    lesson.note("(One send a question, not two, is as good a cure.)")
    lesson.check("the answers are the same; only the waiting differs", answers[0] == answers[1])


def answer_pairs(peer):
    """A peer that answers every two bytes with one."""
    with peer, peer.makefile("rb") as questions:
        while len(questions.read(2)) == 2:
            peer.sendall(b"!")


lesson = Lesson(
    "socket options: what the kernel knows, and can be told",
    [
        "getsockname before bind, after bind(port 0), and on a closed socket?",
        "a server restarts at once on the same port: does bind succeed?",
        "setsockopt(SO_SNDBUF, 32768): what does getsockopt say then?",
        "two small sends, then wait for the answer: what can that cost?",
    ],
)
names_and_numbers(lesson)
reuse_address(lesson)
buffer_sizes(lesson)
no_delay(lesson)
lesson.end()
