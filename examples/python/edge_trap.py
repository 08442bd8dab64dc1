"""`edge_trap`: an edge-triggered reader that does not drain hangs, with the data under its nose.

epoll can report readiness in two ways. *Level-triggered*: "there **is** something to read", again and again
while it is so. *Edge-triggered*: "something **has come**", once. Python's `selectors` is level-triggered;
with `select.epoll` and EPOLLET one can have edges too, and with them the best-known trap of network
programming.

Before you run it: ten bytes arrive. The program is told, reads four, and asks again to be told when there
is something to read. Six bytes lie there. Is it told?

The twin of examples/edge_trap.rs; on Linux only, where Python has epoll. Next: `slow_reader`, the same care
for the other direction.
"""

import select
import socket

from common import Lesson, connected, needs_linux

# The program reads in pieces of four, so that ten bytes do not fit. Real programs take 4096 or
# 65536; the trap is the same, but snaps more rarely: in production, not in the test.
PIECE = 4


def main():
    needs_linux("edge_trap")
    lesson = Lesson(
        "edge_trap: told once, and never again",
        [
            "ten bytes come, the program reads four: does epoll tell it again?",
            "would poll(2), which is level-triggered?",
            "one more byte comes: does epoll tell it now, and can it catch up?",
            "what must the program do before it may wait again?",
        ],
    )
    reader, peer = connected()
    reader.setblocking(False)
    epoll = select.epoll()
    # From here on the kernel keeps a note for `reader`: put it on the list whenever something comes.
    epoll.register(reader, select.EPOLLIN | select.EPOLLET)

    the_trap(lesson, epoll, reader, peer)
    a_level(lesson, reader)
    one_more_byte(lesson, epoll, reader, peer)
    until_eagain(lesson, epoll, reader, peer)
    lesson.end()


def the_trap(lesson, epoll, reader, peer):
    lesson.part("The trap")
    peer.sendall(b"0123456789")
    lesson.did("peer: send ten bytes")
    told = len(epoll.poll(5))
    lesson.told("wait for an edge", told)
    lesson.check("the arrival is an edge", told == 1)
    lesson.told("recv(4)", reader.recv(PIECE))
    # The mistake is to go back to waiting now. Nothing *arrives* any more: the six bytes are here already.
    told = len(epoll.poll(0.3))
    lesson.told("wait for an edge, for 0.3 s at most", told)
    left = peek(reader)
    lesson.told("recv(1024, MSG_PEEK)", left)
    lesson.check("six bytes lie there, and nobody says so", told == 0 and left == b"456789")
    # If the peer now waits for an answer to its ten bytes, both wait for ever. No error, no CPU time, no
    # line in the log: a hang is the quietest of all bugs.


def a_level(lesson, reader):
    lesson.part("What a level says")
    level = wait_for_level(reader)
    lesson.told("poll(2), for 5 s at most", level)
    # It answers at once. Level-triggered readiness is a question about the state, and the state has
    # not changed. The price: on every turn one is told about everybody who has something left.
    lesson.check("the level is high: there is something to read", level == 1)


def one_more_byte(lesson, epoll, reader, peer):
    lesson.part("New data makes a new edge, but does not mend the reader")
    peer.sendall(b"!")
    lesson.did("peer: send one byte more")
    told = len(epoll.poll(5))
    lesson.told("wait for an edge", told)
    lesson.told("recv(4)", reader.recv(PIECE))
    left = peek(reader)
    lesson.told("recv(1024, MSG_PEEK)", left)
    # So under load the bug can't be seen: there is always a next byte. It bites when the talk pauses.
    lesson.check("it runs after the data and never catches up", told == 1 and left == b"89!")


def until_eagain(lesson, epoll, reader, peer):
    lesson.part("The fix: read until EAGAIN, and only then wait")
    peer.sendall(b"abcdefghij")
    lesson.did("peer: send ten bytes")
    lesson.told("wait for an edge", len(epoll.poll(5)))
    everything = b""
    while True:
        try:
            piece = reader.recv(PIECE)
        except BlockingIOError as error:
            piece = error
        lesson.told("recv(4)", piece)
        # "Nothing left": whatever comes from now on is new, and an edge. Now it may wait.
        if isinstance(piece, BlockingIOError):
            break
        everything += piece
    lesson.check("everything has been read", everything == b"89!abcdefghij")
    peer.sendall(b"end")
    lesson.did("peer: send three bytes more")
    told = len(epoll.poll(5))
    lesson.told("wait for an edge", told)
    lesson.told("recv(4)", reader.recv(PIECE))
    # Three bytes where there was room for four: a *short read*. It says as well that no data was left, and
    # saves the call that would only have brought EAGAIN. (The end of input may still have come along in the
    # same edge.)
    lesson.check("and the next arrival is an edge again", told == 1)


def peek(reader):
    """What could be read, without reading it: MSG_PEEK leaves the bytes where they are, and makes no edge."""
    return reader.recv(1024, socket.MSG_PEEK)


def wait_for_level(reader):
    """poll(2), the older call: it has no memory, so it can only ask for the state."""
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    return len(poll.poll(5000))


if __name__ == "__main__":
    main()
