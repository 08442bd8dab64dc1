"""`dead_peer`: who notices that the other side is gone, when, and what each call says then.

A connection is a memory at each end, and nothing else. If one end goes, the other finds out by what arrives, and
if nothing arrives it does not find out. So the first `send` to a dead peer succeeds; and on a connection that is
quiet, a machine that has lost its power looks like one that has nothing to say.

Before you run it: the peer has closed. What does the first `send` return, what the second, what `recv`? Then the
peer's cable is cut instead. Which call tells you, and after how long?

The twin of examples/dead_peer/; on Linux only. Next: `levels_and_edges`, where the same news comes by epoll.
"""

import ctypes
import errno
import socket
import time

from common import Lesson, Varies, connected, is_errno, needs_linux, wait_hung_up, wait_readable


def main():
    needs_linux("dead_peer")
    lesson = Lesson(
        "dead_peer: who notices, and when",
        [
            "the peer has closed: what does the first send return, and what the second?",
            "what does recv give then, how often, and is the socket readable?",
            "the peer closed with something unread: what is different?",
            "the peer's cable is cut: which call tells, and after how long?",
            "does keepalive tell it, if something is sent and not acknowledged?",
        ],
    )
    # Keepalive counts in whole seconds. These two connections wait while the lesson goes on.
    quiet = watched()
    unanswered = watched()
    unanswered[0].sendall(b"hello?")

    the_first_send_succeeds(lesson)
    closed_with_something_unread(lesson)
    the_end_again_and_again(lesson)
    silence(lesson)
    keepalive(lesson, quiet[0], unanswered[0])
    lesson.end()


# ANCHOR: first
def the_first_send_succeeds(lesson):
    lesson.part("The peer has closed, and nothing was left unread")
    sock, peer = connected()
    peer.close()
    lesson.did("peer: close()")
    end = sock.recv(5)
    lesson.told("recv(5)", end)
    # The peer's FIN says "I shall send nothing more". Whether it still reads is not in it: it might have called
    # shutdown(SHUT_WR). So the kernel takes the bytes, sends them, and only the answer to them is "no such
    # connection" (RST).
    first = sock.send(b"hello")
    lesson.told('send(b"hello")', first)
    news = wait_hung_up(sock, 5)
    lesson.told("wait for news", news)
    try:
        second = sock.send(b"hello")
    except BrokenPipeError as error:
        second = error
    lesson.told('send(b"hello")', second)
    lesson.check("the end of input is no error", end == b"")
    lesson.check("the first send is taken: five bytes that nobody will read", first == 5)
    # In C a write like this kills the process with SIGPIPE, unless it has said that it does not want it
    # (MSG_NOSIGNAL). Rust and Python have said so at their start.
    lesson.check("the second says EPIPE", is_errno(second, errno.EPIPE))
# ANCHOR_END: first


# ANCHOR: unread
def closed_with_something_unread(lesson):
    lesson.part("The peer closes with something unread")
    sock, peer = connected()
    sock.sendall(b"a question")
    wait_readable(peer, 5)
    peer.close()
    lesson.did("peer: close(), ten bytes unread")
    # Bytes were lost, and TCP says so: the kernel sends RST at once, in place of FIN.
    wait_hung_up(sock, 5)
    try:
        reset = sock.recv(5)
    except ConnectionResetError as error:
        reset = error
    lesson.told("recv(5)", reset)
    after = sock.recv(5)
    lesson.told("recv(5)", after)
    try:
        sent = sock.send(b"hello")
    except BrokenPipeError as error:
        sent = error
    lesson.told('send(b"hello")', sent)
    lesson.check("a reset is told", is_errno(reset, errno.ECONNRESET))
    lesson.check('once; from then on recv says "end"', after == b"")
    lesson.check("and send says EPIPE", is_errno(sent, errno.EPIPE))
# ANCHOR_END: unread


# ANCHOR: again
def the_end_again_and_again(lesson):
    lesson.part('The end of input is not "nothing yet"')
    living, _peer = connected()
    living.setblocking(False)
    try:
        nothing_yet = living.recv(4)
    except BlockingIOError as error:
        nothing_yet = error
    lesson.told("recv(4), a peer that is silent", nothing_yet)
    sock, peer = connected()
    peer.close()
    readable = wait_readable(sock, 5)
    lesson.told("is it readable, the peer gone?", readable)
    # A loop that takes the end for "nothing yet": it wants four bytes, and asks until they have come.
    begun = time.monotonic()
    rounds, data = 0, b""
    while len(data) < 4 and time.monotonic() - begun < 0.05:
        data += sock.recv(4 - len(data))
        rounds += 1
    lesson.told("rounds of a loop that wants four bytes", Varies(rounds))
    lesson.check("nothing yet is EAGAIN", is_errno(nothing_yet, errno.EAGAIN))
    lesson.check("the end is readable for ever, and every recv gives it", readable and rounds > 2)
    lesson.note("(Without its limit of 0.05 s the loop would have a core to itself from now on.)")
# ANCHOR_END: again


# ANCHOR: silence
def silence(lesson):
    lesson.part("The peer's cable is cut: no FIN, no RST, nothing")
    sock, peer = connected()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 100)
    lesson.did("setsockopt(TCP_USER_TIMEOUT, 100)")
    cut_the_cable(peer)
    sent = sock.send(b"hello")
    lesson.told('send(b"hello")', sent)
    # Nobody acknowledges. The kernel sends the bytes again, after 0.2 s, 0.4 s, 0.8 s and so on, and tells nobody.
    news = wait_hung_up(sock, 5)
    lesson.told("wait for news", news)
    try:
        given_up = sock.recv(5)
    except TimeoutError as error:  # With an errno; the one of settimeout has none.
        given_up = error
    lesson.told("recv(5)", given_up)
    try:
        after = sock.send(b"hello")
    except BrokenPipeError as error:
        after = error
    lesson.told('send(b"hello")', after)
    lesson.check("the send into the void succeeds", sent == 5)
    lesson.check("TCP_USER_TIMEOUT ends it: ETIMEDOUT", is_errno(given_up, errno.ETIMEDOUT))
    lesson.check("told once, then EPIPE", is_errno(after, errno.EPIPE))
    with open("/proc/sys/net/ipv4/tcp_retries2") as file:
        tries = int(file.read())
    lesson.note(f"Without it, the kernel gives up after ~{tries} tries, which take {patience(tries):.1f} s.")


def patience(tries):
    """How long the kernel sends again before it gives up: the first time after 0.2 s (where the way is as short as
    here), then twice as long each time, but never longer than two minutes."""
    return sum(min(0.2 * 2**n, 120) for n in range(tries + 1))


class Instruction(ctypes.Structure):
    """struct sock_filter."""

    _fields_ = [("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32)]


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = [("count", ctypes.c_uint16), ("filter", ctypes.POINTER(Instruction))]


def cut_the_cable(peer):
    """From here on the kernel drops whatever comes for this socket, before TCP sees it, and so nothing is
    answered."""
    # A filter of one instruction: return, with 0 bytes of the packet kept. socket(7), SO_ATTACH_FILTER.
    bpf_ret, so_attach_filter = 0x06, 26
    nothing = Instruction(bpf_ret, 0, 0, 0)
    peer.setsockopt(socket.SOL_SOCKET, so_attach_filter, bytes(Program(1, ctypes.pointer(nothing))))
# ANCHOR_END: silence


# ANCHOR: keepalive
def watched():
    """A connection whose peer is cut off, with keepalive: after a second of silence a question, and if that is not
    answered in a second, the end. (Without the three options it is two hours, then nine questions, 75 s apart.)"""
    sock, peer = connected()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 1)
    cut_the_cable(peer)
    return sock, peer


def keepalive(lesson, quiet, unanswered):
    lesson.part("Keepalive: asking, when there is nothing to send")
    lesson.note("(Two connections that were cut when the lesson began. One has been quiet; on the")
    lesson.note("other six bytes were sent, and not acknowledged.)")
    try:
        dead = quiet.recv(5)
    except TimeoutError as error:
        dead = error
    lesson.told("quiet: recv(5)", dead)
    unanswered.setblocking(False)
    try:
        unknown = unanswered.recv(5)
    except OSError as error:
        unknown = error
    lesson.told("unanswered: recv(5), without waiting", unknown)
    lesson.check("recv alone would have waited for ever", is_errno(dead, errno.ETIMEDOUT))
    # While something is under way, it is TCP's own sending again that asks, with its own patience; keepalive rests.
    lesson.check(
        "keepalive is for silence: what is unacknowledged needs TCP_USER_TIMEOUT", is_errno(unknown, errno.EAGAIN)
    )
# ANCHOR_END: keepalive


if __name__ == "__main__":
    main()
