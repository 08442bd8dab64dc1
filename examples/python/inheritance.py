"""`inheritance`: what an accepted socket has from its listener, and what copies of a descriptor share.

Three things look like one socket: the *descriptor* (a number in a process), the *open file* behind it (which has
O_NONBLOCK), and the *socket* itself (which has the options and the connection). `accept` makes all three anew.
`dup` and `fork` make a new descriptor for the old file.

Before you run it: the listener is non-blocking and has TCP_NODELAY. Which of the two has the accepted socket? Does
a child process that makes its standard input non-blocking change yours?

The twin of examples/inheritance.rs. Next: `dead_peer`.
"""

import fcntl
import os
import socket
import struct
import subprocess

from common import Lesson, connected, is_timed_out


def main():
    lesson = Lesson(
        "inheritance: what comes along, and what is shared",
        [
            "the listener is non-blocking: is what it accepts?",
            "options that are set on the listener: does the accepted socket have them?",
            "and if they are set after the client has connected, but before accept?",
            "two descriptors of one socket: is O_NONBLOCK theirs, or shared? and close, and shutdown?",
            "a child has the socket, too, and we close it: does the peer hear of it?",
        ],
    )
    accepted(lesson)
    when_it_is_inherited(lesson)
    two_descriptors(lesson)
    a_child_and_the_flag(lesson)
    a_child_and_the_end(lesson)
    lesson.end()


# ANCHOR: accepted
def accepted(lesson):
    lesson.part("From the listener to what it accepts")
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 500_000))
    client = socket.create_connection(listener.getsockname())
    accepted, _ = listener.accept()
    nonblocking = is_nonblocking(accepted)
    lesson.told("O_NONBLOCK, set on the listener", nonblocking)
    nodelay = bool(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
    lesson.told("TCP_NODELAY, set on the listener", nodelay)
    keepalive = bool(accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
    lesson.told("SO_KEEPALIVE, set on the listener", keepalive)
    seconds, microseconds = struct.unpack("ll", accepted.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16))
    timeout = seconds + microseconds / 1_000_000
    lesson.told("SO_RCVTIMEO, set on the listener", timeout)
    close_on_exec = not accepted.get_inheritable()
    lesson.told("close-on-exec", close_on_exec)
    # The flag belongs to the open file, and accept has made a new one. (On macOS and the BSDs it is copied.)
    lesson.check("on Linux O_NONBLOCK does not come along", not nonblocking)
    lesson.check("options do", nodelay and keepalive and timeout == 0.5)
    lesson.check("close-on-exec is what accept was told, not what the listener has", close_on_exec)
    client.close()
# ANCHOR_END: accepted


# ANCHOR: when
def when_it_is_inherited(lesson):
    lesson.part("When it is inherited: with the handshake, not with accept")
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())  # The kernel has made it. It waits in the queue.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    lesson.did("connect, then setsockopt(TCP_NODELAY) on the listener")
    early, _ = listener.accept()
    early = bool(early.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
    lesson.told("TCP_NODELAY of the accepted", early)
    client.close()
    client = socket.create_connection(listener.getsockname())
    late, _ = listener.accept()
    late = bool(late.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
    lesson.told("TCP_NODELAY of the next", late)
    lesson.check("whoever was in the queue already has the old options", not early and late)
    client.close()
# ANCHOR_END: when


# ANCHOR: dup
def two_descriptors(lesson):
    lesson.part("dup: two numbers, one open file")
    sock, peer = connected()
    twin = sock.dup()
    twin.setblocking(False)
    lesson.did("dup().setblocking(False)")
    shared = is_nonblocking(sock)
    lesson.told("O_NONBLOCK of the first", shared)
    twin.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    same = recv_buffer(sock) == recv_buffer(twin)
    lesson.told("SO_RCVBUF, set on the second: the same on both?", same)
    peer.sendall(b"one")
    twin.close()
    lesson.did("close() of the second")
    got = sock.recv(3)
    lesson.told("recv(3) on the first", got)
    twin = sock.dup()
    twin.shutdown(socket.SHUT_RDWR)
    lesson.did("shutdown(SHUT_RDWR) of another second")
    end = sock.recv(3)
    lesson.told("recv(3) on the first", end)
    lesson.check("the flag and the options are shared", shared and same)
    lesson.check("close takes one number away, and the connection stays", got == b"one")
    lesson.check("shutdown is for the connection, by whichever number", end == b"")
# ANCHOR_END: dup


# ANCHOR: flag
def a_child_and_the_flag(lesson):
    lesson.part("A child process: our flag is its flag")
    sock, _peer = connected()
    sock.setblocking(False)
    # The child has the socket as its standard input: fork(2) copies the numbers, not the open files.
    english = {**os.environ, "LC_ALL": "C"}
    cat = subprocess.run(["cat"], stdin=sock, capture_output=True, text=True, env=english)
    success = cat.returncode == 0
    complaint = "temporarily unavailable" in cat.stderr
    lesson.told("cat, its standard input our non-blocking socket: success?", success)
    lesson.told("  and it says that the resource is temporarily unavailable", complaint)
    lesson.check("a program that has never heard of O_NONBLOCK meets it", not success and complaint)
# ANCHOR_END: flag


# ANCHOR: end
def a_child_and_the_end(lesson):
    lesson.part("A child process: closed is not the end")
    sock, peer = connected()
    # Those descriptors that we keep are closed in the child (close-on-exec), or it would have them all.
    cat = subprocess.Popen(["cat"], stdin=sock, stdout=subprocess.DEVNULL)
    sock.close()
    lesson.did("close(), while a child has the socket, too")
    peer.settimeout(0.2)
    try:
        silence = peer.recv(5)
    except TimeoutError as error:
        silence = error
    lesson.told("peer: recv(5), timeout 0.2", silence)
    peer.shutdown(socket.SHUT_WR)  # The end of cat's input, so that it ends.
    success = cat.wait() == 0
    lesson.told("the child ends", success)
    peer.settimeout(5)
    end = peer.recv(5)
    lesson.told("peer: recv(5)", end)
    # "My server has closed, and the client hangs": a child that somebody started meanwhile holds the connection.
    lesson.check("no end as long as somebody has it", is_timed_out(silence))
    lesson.check("the last one to close is the end", end == b"" and success)
# ANCHOR_END: end


def is_nonblocking(sock):
    return bool(fcntl.fcntl(sock.fileno(), fcntl.F_GETFL) & os.O_NONBLOCK)


def recv_buffer(sock):
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


if __name__ == "__main__":
    main()
