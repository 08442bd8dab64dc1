"""`udp`: `sendto` and `recvfrom`, messages instead of a stream, and an error that comes one call late.

Before you run it: a datagram of five bytes is there, and you ask for three. Where are the other two? You send a
datagram to a port where nobody is: does `sendto` fail? And what can it mean to "connect" a UDP socket?

The twin of examples/udp.rs. Next: `socket_options`.
"""

import errno
import socket

from common import Lesson, is_errno, is_timed_out


def main():
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
    lesson.told('sendto(b"hello", server)', client.sendto(b"hello", address))
    lesson.told('sendto(b"world", server)', client.sendto(b"world", address))
    # One socket hears everybody, so every datagram comes with its sender: that is whom to answer.
    first, sender = server.recvfrom(1024)
    lesson.told("server: recvfrom(1024)", (first, sender))
    second, sender = server.recvfrom(1024)
    lesson.told("server: recvfrom(1024)", (second, sender))
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
    cut, sender = server.recvfrom(3)
    lesson.told('server: recvfrom(3) of "hello"', (cut, sender))
    empty, sender = server.recvfrom(1024)
    lesson.told("server: recvfrom(1024)", (empty, sender))
    following, sender = server.recvfrom(1024)
    lesson.told("server: recvfrom(1024)", (following, sender))
    lesson.check("the rest of a datagram does not come with the next call", cut == b"hel")
    lesson.check("an empty datagram is a message: UDP has no end of input", empty == b"")
    lesson.check("and the next one is intact", following == b"next")


def connected_udp(lesson):
    lesson.part("connect on UDP sends nothing: it picks the only peer")
    sock, address = bound()
    peer, peers_address = bound()
    stranger = udp()
    sock.connect(peers_address)
    lesson.did("connect(peer)")
    lesson.told("getpeername()", sock.getpeername())
    lesson.told('stranger: sendto(b"psst", socket)', stranger.sendto(b"psst", address))
    lesson.told('peer: sendto(b"hello", socket)', peer.sendto(b"hello", address))
    got = sock.recv(1024)
    lesson.told("recv(1024)", got)
    sock.settimeout(0.1)
    try:
        more = sock.recv(1024)
    except TimeoutError as error:
        more = error
    lesson.told("recv(1024), timeout 0.1", more)
    lesson.check("the stranger's datagram, though first, was not let in", got == b"hello")
    lesson.check("and does not come later", is_timed_out(more))


def the_late_error(lesson):
    lesson.part("Nobody there: the error comes with a later call, and only if connected")
    address, _holder = nobody()
    loose = udp()
    lesson.told('sendto(b"hello", nobody)', loose.sendto(b"hello", address))
    second = loose.sendto(b"hello", address)
    lesson.told('sendto(b"hello", nobody)', second)
    # A refusal did come back (ICMP, "port unreachable"). But a socket that may talk to anybody could not say whom it
    # was about, so the kernel does not pass it on.
    lesson.check("not connected: never an error", second == 5)

    sock = udp()
    sock.settimeout(5)
    sock.connect(address)
    sent = sock.send(b"hello")
    lesson.told('connected: send(b"hello")', sent)
    try:
        refused = sock.recv(5)
    except ConnectionRefusedError as error:
        refused = error
    lesson.told("connected: recv(5), timeout 5", refused)
    lesson.check("the send had succeeded, as far as anyone knew", sent == 5)
    lesson.check(
        "the refusal is told by the next call, whichever it is", is_errno(refused, errno.ECONNREFUSED)
    )
    # Told once, it is over: the socket is as good as before.
    sent = sock.send(b"hello")
    lesson.told('connected: send(b"hello")', sent)
    lesson.check("and only once", sent == 5)


if __name__ == "__main__":
    main()
