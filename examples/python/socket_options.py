"""`socket_options`: what the kernel knows about a socket, and what it can be told.

Before you run it: a server is restarted, and its port is "already in use", by nobody. Why, and what is the cure? You
ask for a send buffer of 32,768 bytes: what does the kernel say that it is? Two small sends and then a `recv`, eight
times over: how long can that take on one machine?

The twin of examples/socket_options.rs. Next: `makefile`.
"""

import errno
import socket
import sys
import threading
import time

from common import Lesson, Varies, connected, is_errno, told

SOL_SOCKET, SO_REUSEADDR = socket.SOL_SOCKET, socket.SO_REUSEADDR
SO_SNDBUF, SO_RCVBUF = socket.SO_SNDBUF, socket.SO_RCVBUF
IPPROTO_TCP, TCP_NODELAY = socket.IPPROTO_TCP, socket.TCP_NODELAY
ROUNDS = 8


def main():
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


def names_and_numbers(lesson):
    lesson.part("getsockname, getpeername, fileno")
    listener = socket.socket()
    nameless = listener.getsockname()
    lesson.told("new: getsockname()", nameless)
    listener.bind(("127.0.0.1", 0))
    name = listener.getsockname()
    lesson.told("after bind(port 0): getsockname()", name)
    lesson.check('port 0 means "you pick"', nameless[1] == 0 and name[1] != 0)
    listener.listen(1)
    try:
        peerless = listener.getpeername()
    except OSError as error:
        peerless = error
    lesson.told("a listener's getpeername()", peerless)
    lesson.check("a listener is connected to nobody", is_errno(peerless, errno.ENOTCONN))

    client = socket.socket()
    client.connect(name)
    accepted, _ = listener.accept()
    here, there = client.getsockname(), client.getpeername()
    # A connection is these two pairs and nothing else; both ends agree on them, crosswise.
    lesson.check(
        "each end's name is the other end's peer",
        accepted.getpeername() == here and accepted.getsockname() == there,
    )
    # The file descriptor: the process's number for it, the smallest that was free.
    lesson.told("fileno()", Varies(client.fileno()))
    client.close()
    closed = client.fileno()
    lesson.told("closed: fileno()", closed)
    try:
        gone = client.getsockname()
    except OSError as error:
        gone = error
    lesson.told("closed: getsockname()", gone)
    lesson.check("a closed socket is no descriptor at all", closed == -1 and is_errno(gone, errno.EBADF))


def reuse_address(lesson):
    lesson.part("SO_REUSEADDR: a restart must not wait for the past")
    listener = socket.socket()
    lesson.told("getsockopt(SO_REUSEADDR)", bool(listener.getsockopt(SOL_SOCKET, SO_REUSEADDR)))
    listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    lesson.did("setsockopt(SO_REUSEADDR, 1)")
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    address = listener.getsockname()
    client = socket.socket()
    client.connect(address)
    accepted, _ = listener.accept()

    second = socket.socket()
    second.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    try:
        while_it_runs = second.bind(address)
    except OSError as error:
        while_it_runs = error
    lesson.told("bind to a port that is listened on", while_it_runs)
    lesson.check("it is not for two servers on one port", is_errno(while_it_runs, errno.EADDRINUSE))
    restart(lesson, listener, client, accepted)


def restart(lesson, listener, client, accepted):
    address = listener.getsockname()
    # Whoever closes first keeps the memory of the connection for a minute (TIME_WAIT), so that late segments can't be
    # taken for a newer connection's. Here the server closes first.
    accepted.close()
    client.recv(1)
    client.close()
    listener.close()
    hasty = socket.socket()
    try:
        without = hasty.bind(address)
    except OSError as error:
        without = error
    lesson.told("restart without it: bind", without)
    patient = socket.socket()
    patient.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    try:
        patient.bind(address)
        bound = "ok"
    except OSError as error:
        bound = error
    lesson.told("restart with it: bind", bound)
    lesson.check("in use, by connections that are over", is_errno(without, errno.EADDRINUSE))
    lesson.check("SO_REUSEADDR says: I know, bind nevertheless", bound == "ok")


def buffer_sizes(lesson):
    lesson.part("SO_SNDBUF and SO_RCVBUF: ask for one, get two")
    sock = socket.socket()
    lesson.told("getsockopt(SO_SNDBUF)", Varies(sock.getsockopt(SOL_SOCKET, SO_SNDBUF)))
    sock.setsockopt(SOL_SOCKET, SO_SNDBUF, 32768)
    lesson.did("setsockopt(SO_SNDBUF, 32768)")
    doubled = sock.getsockopt(SOL_SOCKET, SO_SNDBUF)
    lesson.told("getsockopt(SO_SNDBUF)", doubled)
    # The kernel charges its own book-keeping (some hundred bytes a packet) to the same account. It doubles what you
    # ask for, so that about as many bytes fit as you asked for. See socket(7).
    lesson.check("Linux doubles it", sys.platform != "linux" or doubled == 65536)
    sock.setsockopt(SOL_SOCKET, SO_SNDBUF, 1)
    lesson.did("setsockopt(SO_SNDBUF, 1)")
    least = sock.getsockopt(SOL_SOCKET, SO_SNDBUF)
    lesson.told("getsockopt(SO_SNDBUF)", Varies(least))
    lesson.check("it is a wish: there is a least, and a most", least > 2)

    listener = socket.socket()
    listener.setsockopt(SOL_SOCKET, SO_RCVBUF, 32768)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    client = socket.socket()
    client.connect(listener.getsockname())
    accepted, _ = listener.accept()
    inherited = accepted.getsockopt(SOL_SOCKET, SO_RCVBUF)
    lesson.told("accepted: getsockopt(SO_RCVBUF)", inherited)
    # How much the other side may send ahead is agreed on in the first segments, before accept.
    lesson.check(
        "set it on the listener: accepted sockets inherit it",
        inherited == listener.getsockopt(SOL_SOCKET, SO_RCVBUF),
    )


def no_delay(lesson):
    lesson.part("TCP_NODELAY: when two algorithms wait for each other")
    answers = []
    for wanted in (0, 1):
        sock, peer = connected()
        sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, wanted)
        lesson.did(f"setsockopt(TCP_NODELAY, {wanted})")
        taken = bool(sock.getsockopt(IPPROTO_TCP, TCP_NODELAY))
        lesson.told("getsockopt(TCP_NODELAY)", taken)
        lesson.check("the kernel took it", taken == bool(wanted))
        answering = threading.Thread(target=answer_pairs, args=(peer,))
        answering.start()
        begun = time.monotonic()
        got = b""
        for _ in range(ROUNDS):
            # Nagle: the second small segment waits for the ACK of the first. Delayed ACK: the peer, which has only half a
            # question, sends no ACK for 40 ms, in the hope of an answer to put it on.
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


if __name__ == "__main__":
    main()
