"""udp: sendto and recvfrom, messages instead of a stream, and an error that comes one call late.

The twin of examples/udp.rs, which has the comments. Run it: python3 examples/python/udp.py
"""

import errno
import socket

from common import Lesson, done, is_errno, is_timed_out


def udp():
    return socket.socket(type=socket.SOCK_DGRAM)


def bound():
    """A UDP socket with an address of its own."""
    sock = udp()
    sock.bind(("127.0.0.1", 0))
    return sock, sock.getsockname()


def nobody():
    """An address where datagrams find nobody, and the socket that keeps it so."""
    holder, address = bound()
    holder.connect(address)
    return address, holder


def boundaries(lesson):
    lesson.part("A datagram is a message: it arrives whole, or not at all")
    server, address = bound()
    client = udp()
    lesson.step('sendto(b"hello", server)', lambda: client.sendto(b"hello", address))
    lesson.step('sendto(b"world", server)', lambda: client.sendto(b"world", address))
    first, sender = lesson.step("server: recvfrom(1024)", lambda: server.recvfrom(1024))
    second, _ = lesson.step("server: recvfrom(1024)", lambda: server.recvfrom(1024))
    lesson.check(
        "two sends, two receives; on TCP both could have come as one", first == b"hello" and second == b"world"
    )
    lesson.check("the sender's address is the client's", sender[1] == client.getsockname()[1])


def truncation(lesson):
    lesson.part("What does not fit is lost, and nothing is something")
    server, address = bound()
    client = udp()
    client.sendto(b"hello", address)
    client.sendto(b"", address)
    client.sendto(b"next", address)
    cut, _ = lesson.step('server: recvfrom(3) of "hello"', lambda: server.recvfrom(3))
    empty, _ = lesson.step("server: recvfrom(1024)", lambda: server.recvfrom(1024))
    following, _ = lesson.step("server: recvfrom(1024)", lambda: server.recvfrom(1024))
    lesson.check("the rest of a datagram does not come with the next call", cut == b"hel")
    lesson.check("an empty datagram is a message: UDP has no end of input", empty == b"")
    lesson.check("and the next one is intact", following == b"next")


def connected_udp(lesson):
    lesson.part("connect on UDP sends nothing: it picks the only peer")
    sock, address = bound()
    peer, peers_address = bound()
    stranger = udp()
    lesson.step("connect(peer)", done(lambda: sock.connect(peers_address)))
    lesson.step("getpeername()", sock.getpeername)
    lesson.step('stranger: sendto(b"psst", socket)', lambda: stranger.sendto(b"psst", address))
    lesson.step('peer: sendto(b"hello", socket)', lambda: peer.sendto(b"hello", address))
    got = lesson.step("recv(1024)", lambda: sock.recv(1024))
    sock.settimeout(0.1)
    more = lesson.step("recv(1024), timeout 0.1", lambda: sock.recv(1024))
    lesson.check("the stranger's datagram, though first, was not let in", got == b"hello")
    lesson.check("and does not come later", is_timed_out(more))


def the_late_error(lesson):
    lesson.part("Nobody there: the error comes with a later call, and only if connected")
    address, _holder = nobody()
    loose = udp()
    lesson.step('sendto(b"hello", nobody)', lambda: loose.sendto(b"hello", address))
    second = lesson.step('sendto(b"hello", nobody)', lambda: loose.sendto(b"hello", address))
    lesson.check("not connected: never an error", second == 5)

    sock = udp()
    sock.settimeout(5)
    sock.connect(address)
    sent = lesson.step('connected: send(b"hello")', lambda: sock.send(b"hello"))
    refused = lesson.step("connected: recv(5), timeout 5", lambda: sock.recv(5))
    lesson.check("the send had succeeded, as far as anyone knew", sent == 5)
    lesson.check(
        "the refusal is told by the next call, whichever it is", is_errno(refused, errno.ECONNREFUSED)
    )
    sent = lesson.step('connected: send(b"hello")', lambda: sock.send(b"hello"))
    lesson.check("and only once", sent == 5)


lesson = Lesson(
    "udp: messages, not a stream",
    [
        "two sendto of five bytes each, then one recvfrom(1024): how many bytes?",
        "a datagram of five bytes and recvfrom(3): where are the other two?",
        "recvfrom gives no bytes at all: is that the end of input?",
        "sendto to a port where nobody is: does it fail? And on a connected UDP socket?",
    ],
)
boundaries(lesson)
truncation(lesson)
connected_udp(lesson)
the_late_error(lesson)
lesson.end()
