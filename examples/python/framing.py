"""`framing`: TCP carries bytes in their order, and nothing that says where a message ends.

Two messages can come with one `recv` (in Chinese textbooks 粘包, "packets that stick together"), and one message
can take two. That is no fault of TCP: a stream has no packets that could stick. Whoever wants messages has to
say in the bytes where they end, and three ways are enough for everything: a length known in advance, a mark at
the end, a length in front.

Before you run it: "hello" and "world" are sent with a call each, and `recv(1024)` is called once. What does it
give? And which of these cures it: TCP_NODELAY, a rest between the two sends, a larger buffer?

The twin of examples/framing.rs. Next: `json_login`, where the messages are objects.
"""

import socket
import struct

from common import Lesson, connected, later, recv_exactly


def main():
    lesson = Lesson(
        "framing: a stream has no messages",
        [
            '"hello" and "world" are sent with a call each: what does one recv(1024) give?',
            '"hello, world" is sent with one call: can it take two recvs?',
            "TCP_NODELAY, a rest between the sends, a larger buffer: which of them is a cure?",
            "where can a message end, so that both sides agree?",
        ],
    )
    glued(lesson)
    halved(lesson)
    three_wrong_cures(lesson)
    fixed_length(lesson)
    lines(lesson)
    length_in_front(lesson)
    lesson.end()


# ANCHOR: glued
def glued(lesson):
    lesson.part("Glued: two sends, one recv")
    sock, peer = connected()
    peer.sendall(b"hello")
    lesson.did('peer: sendall(b"hello")')
    peer.sendall(b"world")
    lesson.did('peer: sendall(b"world")')
    wait_for(sock, 10)
    got = sock.recv(1024)
    lesson.told("recv(1024)", got)
    # The kernel appends what arrives to one queue of bytes. Where a send ended is written nowhere.
    lesson.check("both at once, and no trace of the border", got == b"helloworld")
# ANCHOR_END: glued


# ANCHOR: halved
def halved(lesson):
    lesson.part("Halved: one send, two recvs")
    sock, peer = connected()
    peer.sendall(b"hello, world")
    lesson.did('peer: sendall(b"hello, world")')
    head = sock.recv(8)
    lesson.told("recv(8)", head)
    tail = sock.recv(8)
    lesson.told("recv(8)", tail)
    lesson.check("cut where the buffer was full", head == b"hello, w" and tail == b"orld")

    # The other reason is the way: a segment holds some 1400 bytes, and the next may come later, or much later.
    peer.sendall(b"hel")
    head = sock.recv(5)
    lesson.told("recv(5), of a message whose rest is on its way", head)
    sending = later(0.05, lambda: peer.sendall(b"lo"))
    tail = sock.recv(5)
    lesson.told("recv(5)", tail)
    sending.join()
    lesson.check("recv returns what is there, not what is wanted", head == b"hel" and tail == b"lo")
# ANCHOR_END: halved


# ANCHOR: wrong
def three_wrong_cures(lesson):
    lesson.part("Three cures that cure nothing")
    # 1. TCP_NODELAY has the sender's kernel send small segments at once. The reader's kernel still has one queue.
    sock, peer = connected()
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.sendall(b"hello")
    peer.sendall(b"world")
    wait_for(sock, 10)
    with_nodelay = sock.recv(1024)
    lesson.told("recv(1024), the peer with TCP_NODELAY", with_nodelay)

    # 2. A rest between the sends helps as long as the reader is faster. One day it is busy.
    peer.sendall(b"hello")
    later(0.05, lambda: peer.sendall(b"world")).join()
    wait_for(sock, 10)
    after_a_rest = sock.recv(1024)
    lesson.told("recv(1024), the peer rests 0.05 s, the reader was busy", after_a_rest)

    # 3. A buffer that is large enough for the message does not make the message be there.
    sock, peer = connected()
    message = b"x" * 100_000
    peer.sendall(message[:50_000])
    wait_for(sock, 50_000)
    in_a_large_buffer = sock.recv(1_048_576)
    lesson.told("recv(1048576), half of 100000 bytes on their way", in_a_large_buffer)
    peer.sendall(message[50_000:])
    lesson.check("no delay, and glued", with_nodelay == b"helloworld")
    lesson.check("a rest, and glued", after_a_rest == b"helloworld")
    lesson.check("a large buffer, and half", len(in_a_large_buffer) == 50_000)
# ANCHOR_END: wrong


# ANCHOR: fixed
def fixed_length(lesson):
    lesson.part("First way: every message is five bytes long")
    sock, peer = connected()
    for piece in (b"hel", b"lowor", b"ld"):
        peer.sendall(piece)
    lesson.did('peer: sendall, of "hel", "lowor" and "ld"')
    # A loop around `recv` that goes on until five are there: what `sendall` is for `send`. Python has none.
    first = recv_exactly(sock, 5)
    lesson.told("recv_exactly(5)", first)
    second = recv_exactly(sock, 5)
    lesson.told("recv_exactly(5)", second)
    lesson.check("the cuts are not seen any more", first == b"hello" and second == b"world")
# ANCHOR_END: fixed


# ANCHOR: lines
class LineReader:
    """Keeps what has come and is no whole message yet. Without that, the second half of a line would be lost, or
    taken for a line."""

    def __init__(self, sock):
        self.sock = sock
        self.kept = b""

    def read_line(self):
        """The next line, without its end; None when the input ends."""
        while b"\n" not in self.kept:
            more = self.sock.recv(1024)
            if not more:
                return None
            self.kept += more
        line, _, self.kept = self.kept.partition(b"\n")
        return line
# ANCHOR_END: lines


def lines(lesson):
    lesson.part("Second way: a mark at the end, such as a line feed")
    sock, peer = connected()
    reader = LineReader(sock)
    peer.sendall(b"one\ntw")
    lesson.did('peer: sendall(b"one\\ntw")')
    first = reader.read_line()
    lesson.told("read_line()", first)
    lesson.told("  what it keeps for the next", reader.kept)
    peer.sendall(b"o\n\nfour\n")
    lesson.did('peer: sendall(b"o\\n\\nfour\\n")')
    rest = b""
    for _ in range(3):
        line = reader.read_line()
        lesson.told("read_line()", line)
        rest += line
    lesson.check("glued or halved, a line is a line", rest == b"twofour")
    # The price: the message may not contain the mark, or has to escape it; and a reader that does not stop at a
    # length keeps whatever comes until a mark comes. A stranger has all day.
    lesson.note("(A reader for strangers stops at a length: a line need not end.)")


# ANCHOR: prefix
def frame(message):
    """Four bytes that say how long the message is, most significant first (that is the "!"), and the message."""
    return struct.pack("!I", len(message)) + message


def unframe(kept):
    """Takes the first message from what has come, if it is there as a whole; None if not."""
    if len(kept) < 4:
        return None
    (length,) = struct.unpack_from("!I", kept)
    if len(kept) < 4 + length:
        return None
    message = bytes(kept[4 : 4 + length])
    del kept[: 4 + length]
    return message
# ANCHOR_END: prefix


def length_in_front(lesson):
    lesson.part("Third way: the length in front")
    sock, peer = connected()
    messages = [b"hello", b"two\nlines", b""]
    wire = b"".join(map(frame, messages))
    peer.sendall(wire)
    lesson.did("peer: sendall, three messages in their frames")
    kept = bytearray(recv_exactly(sock, len(wire)))
    lesson.told("what is on the wire", kept)
    found = []
    while (message := unframe(kept)) is not None:
        lesson.told("unframe()", message)
        found.append(message)
    lesson.check("a message may contain anything, or nothing", found == messages)

    # The proof that it does not matter how the bytes come: all the ways to cut them in two, and byte by byte.
    cuts = 0
    same = True
    for cut in range(len(wire) + 1):
        same &= decoded([wire[:cut], wire[cut:]]) == messages
        cuts += 1
    same &= decoded(bytes([byte]) for byte in wire) == messages
    lesson.told("ways to cut them in two", cuts)
    lesson.check("however they are cut, the same three messages", same and cuts == 27)


def decoded(pieces):
    """What a reader makes of the pieces, if they come one by one."""
    kept = bytearray()
    found = []
    for piece in pieces:
        kept += piece
        while (message := unframe(kept)) is not None:
            found.append(message)
    return found


def wait_for(sock, count):
    """Waits until `count` bytes have arrived, and leaves them where they are."""
    sock.recv(count, socket.MSG_PEEK | socket.MSG_WAITALL)


if __name__ == "__main__":
    main()
