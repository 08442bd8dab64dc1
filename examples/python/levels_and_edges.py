"""`levels_and_edges`: what epoll tells, how often, and how a loop comes to use all of a core for nothing.

*Level-triggered*, which is what epoll does unless it is asked otherwise, tells a state: as long as it is so, every
wait returns at once. *Edge-triggered* tells a change, once. `edge_trap` is about what goes wrong with the second;
here is what goes wrong with the first, what is told without having been asked for, and the trap once more, with
datagrams.

Before you run it: a loop waits for EPOLLIN and EPOLLOUT, and has nothing to send. How often is it woken in 0.1 s?
How often with edges? And if it asks for nothing at all?

The twin of examples/levels_and_edges/; on Linux only, where there is epoll. Next: `ready_but_blocks`, where what
is told is not so.
"""

import select
import socket
import struct
import time

from common import Lesson, Varies, connected, needs_linux, recv_exactly, wait_writable

needs_linux("levels_and_edges")
from select import EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT  # Elsewhere there are no such names.


def main():
    lesson = Lesson(
        "levels_and_edges: told while it is so, or told when it comes",
        [
            "ten bytes are there, the program reads four: is it told again?",
            "EPOLLIN and EPOLLOUT, level-triggered, nothing to send: how many wakes in 0.1 s?",
            "the same with EPOLLET: how many?",
            "interest in nothing at all, and the peer resets the connection: is it told?",
            "ten datagrams, edges, one recv for each edge: how many are read?",
        ],
    )
    a_level_is_told_again(lesson)
    write_interest_left_on(lesson)
    write_interest_while_owed(lesson)
    told_unasked(lesson)
    datagrams_under_edges(lesson)
    lesson.end()


# ANCHOR: level
def a_level_is_told_again(lesson):
    lesson.part("A level: told as long as it is so")
    sock, peer = connected()
    sock.setblocking(False)
    epoll = watching(sock, EPOLLIN)
    peer.sendall(b"0123456789")
    first = wait(epoll, 5)
    lesson.told("epoll_wait, ten bytes there", first)
    four = sock.recv(4)
    lesson.told("recv(4)", four)
    # The program may stop here: to be fair to the others, or because it owes this peer an answer already.
    second = wait(epoll, 5)
    lesson.told("epoll_wait", second)
    rest = sock.recv(1024)
    lesson.told("recv(1024)", rest)
    third = wait(epoll, 0.05)
    lesson.told("epoll_wait, for 0.05 s at most", third)
    lesson.check(
        "what is left is told again: nothing can be forgotten", second.flags & EPOLLIN and rest == b"456789"
    )
    lesson.check("and when nothing is left, it sleeps: no EAGAIN was needed", third.flags == 0)
# ANCHOR_END: level


# ANCHOR: left_on
def write_interest_left_on(lesson):
    lesson.part("Write interest left on: a socket is nearly always writable")
    sock, _peer = connected()
    epoll = watching(sock, EPOLLIN | EPOLLOUT)
    with_out = wakes(epoll, 0.1)
    lesson.told("wakes in 0.1 s, EPOLLIN and EPOLLOUT", Varies(with_out))
    epoll.modify(sock, EPOLLIN)
    without = wakes(epoll, 0.1)
    lesson.told("wakes in 0.1 s, EPOLLIN", without)
    epoll.modify(sock, EPOLLIN | EPOLLOUT | EPOLLET)
    edges = wakes(epoll, 0.1)
    lesson.told("wakes in 0.1 s, EPOLLIN, EPOLLOUT and EPOLLET", edges)
    # There is room in the send buffer, so every wait is answered at once, and the loop never sleeps: 100 % CPU, no
    # error, and everything works. Only the electricity bill and strace show it.
    lesson.check("with the level of EPOLLOUT the loop spins", with_out > 2)
    lesson.check("without it, it sleeps", without == 0)
    lesson.check('an edge is told once: "writable" has come, and stays', edges == 1)
# ANCHOR_END: left_on


# ANCHOR: owed
def write_interest_while_owed(lesson):
    lesson.part("The cure: interest in writing while something is owed, and no longer")
    sock, peer = narrow()
    sock.setblocking(False)
    epoll = watching(sock, EPOLLIN)
    taken = fill(sock)
    lesson.told("send, until EAGAIN", Varies(taken))
    # The kernel takes no more: the rest is owed. Now, and only now, "writable" is news.
    epoll.modify(sock, EPOLLIN | EPOLLOUT)
    full = wait(epoll, 0.05)
    lesson.told("epoll_wait, for 0.05 s at most, nobody reads", full)
    recv_exactly(peer, taken)
    room = wait(epoll, 5)
    lesson.told("epoll_wait, the peer has read it", room)
    # (Here the rest would be sent.) Nothing is owed any more, so nothing is asked for.
    epoll.modify(sock, EPOLLIN)
    idle = wakes(epoll, 0.05)
    lesson.told("wakes in 0.05 s, EPOLLIN again", idle)
    lesson.check("full is not writable", full.flags == 0)
    lesson.check("room is told", room.flags & EPOLLOUT)
    lesson.check("and an idle connection costs nothing", idle == 0)
# ANCHOR_END: owed


# ANCHOR: unasked
def told_unasked(lesson):
    lesson.part("Told without being asked: EPOLLERR and EPOLLHUP")
    sock, peer = connected()
    epoll = watching(sock, 0)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()  # Lingering for no time at all means: reset.
    reset = wait(epoll, 5)
    lesson.told("epoll_wait, no interest, the peer has reset", reset)
    spinning = wakes(epoll, 0.05)
    lesson.told("wakes in 0.05 s", Varies(spinning))
    # "I don't want to hear of this one for a while" can't be said with interest 0. Whoever ignores an event that is
    # told again has a loop that spins. Act on it: close the socket, or take it out.
    epoll.unregister(sock)
    removed = wakes(epoll, 0.05)
    lesson.told("wakes in 0.05 s, after EPOLL_CTL_DEL", removed)
    lesson.check("both are told, though nobody asked", reset.flags == EPOLLERR | EPOLLHUP)
    lesson.check("and again and again", spinning > 2)
    lesson.check("taken out, it is quiet", removed == 0)

    sock, peer = connected()
    epoll = watching(sock, 0)
    peer.close()
    half = wait(epoll, 0.05)
    lesson.told("epoll_wait, no interest, the peer has closed", half)
    sock.shutdown(socket.SHUT_WR)
    whole = wait(epoll, 5)
    lesson.told("epoll_wait, after our shutdown(SHUT_WR)", whole)
    # The end of one direction is an input like any other: EPOLLIN, or EPOLLRDHUP, which has to be asked for.
    lesson.check("HUP is the end of both directions", half.flags == 0)
    lesson.check("not of one", whole.flags == EPOLLHUP)
# ANCHOR_END: unasked


# ANCHOR: datagrams
def datagrams_under_edges(lesson):
    lesson.part("Ten datagrams and an edge")
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    address = sock.getsockname()
    epoll = watching(sock, EPOLLIN | EPOLLET)
    sender = socket.socket(type=socket.SOCK_DGRAM)
    for number in range(10):
        sender.sendto(f"no. {number}".encode(), address)
    first = wait(epoll, 5)
    lesson.told("epoll_wait, ten datagrams there", first)
    zero = sock.recv(1024)
    lesson.told("recv(1024)", zero)
    second = wait(epoll, 0.05)
    lesson.told("epoll_wait, for 0.05 s at most", second)
    sender.sendto(b"no. 10", address)
    third = wait(epoll, 5)
    lesson.told("epoll_wait, one more has come", third)
    one = sock.recv(1024)
    lesson.told("recv(1024)", one)
    # Nine lie there, and each that comes pushes one out: a program that is always nine late. When the queue is full
    # the kernel drops what comes, and it looks as if the network lost it.
    lesson.check("ten arrivals made one edge", second.flags == 0)
    lesson.check("the eleventh brings the second", third.flags & EPOLLIN and one == b"no. 1")
    drained = 0
    is_empty = False
    while not is_empty:
        try:
            sock.recv(1024)
            drained += 1
        except BlockingIOError:
            is_empty = True
    lesson.told("datagrams until EAGAIN", drained)
    lesson.check("read until EAGAIN, and none is left", drained == 9)
# ANCHOR_END: datagrams


def watching(sock, interest):
    """A new epoll that watches one socket."""
    epoll = select.epoll()
    epoll.register(sock, interest)
    return epoll


def wait(epoll, at_most):
    """What one `epoll_wait` tells of the one socket."""
    events = epoll.poll(at_most)
    return News(events[0][1] if events else 0)


def wakes(epoll, limit):
    """How often a loop that only waits is woken."""
    end = time.monotonic() + limit
    count = 0
    while (left := end - time.monotonic()) > 0:
        count += len(epoll.poll(left))
    return count


class News:
    """The flags of an event, none if there was none in time."""

    def __init__(self, flags):
        self.flags = flags

    def __str__(self):
        names = {EPOLLIN: "EPOLLIN", EPOLLOUT: "EPOLLOUT", EPOLLERR: "EPOLLERR", EPOLLHUP: "EPOLLHUP"}
        return ", ".join(name for flag, name in names.items() if self.flags & flag) or "nothing"


def fill(sock):
    """Sends until there is no room any more; returns how much that was."""
    taken = 0
    while True:
        try:
            taken += sock.send(bytes(16 * 1024))
        except BlockingIOError:
            # The peer's kernel may still be taking in what is on its way, which makes room here.
            if not wait_writable(sock, 0.05):
                return taken


def narrow():
    """A connection with little room in it, so that it is soon full."""
    sock, peer = connected()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 * 1024)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
    return sock, peer


if __name__ == "__main__":
    main()
