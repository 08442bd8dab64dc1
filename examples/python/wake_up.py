"""`wake_up`: one thread sleeps in `recv`, another has it return.

A program that wants to end has a thread in a blocking call. `close` looks like the answer, and on Linux it is not:
it takes the number away, and the call under way goes on. `shutdown` is for the connection, whoever holds it.

Before you run it: another thread calls `close` on the socket. Does `recv` return? And after `shutdown`? Is there a
way that leaves the connection whole?

The twin of examples/wake_up.rs. Next: `inheritance`, what copies of a socket have in common.
"""

import errno
import select
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from common import Lesson, connected, is_errno

# The threads of this lesson. What a thread has returned, or raised, is in its future.
THREADS = ThreadPoolExecutor()


def main():
    lesson = Lesson(
        "wake_up: how to get a thread out of recv",
        [
            "a thread sleeps in recv, another calls close(): does recv return?",
            "another calls shutdown(SHUT_RDWR): what does recv return?",
            "after shutdown(SHUT_RD), can the peer still send, and is it read?",
            "how do you wake a thread that sleeps in accept? in recv on UDP?",
            "how do you wake it and keep the connection?",
        ],
    )
    close_does_not(lesson)
    shutdown_does(lesson)
    only_reading(lesson)
    accept_and_udp(lesson)
    a_bell(lesson)
    lesson.end()


# ANCHOR: close
def close_does_not(lesson):
    lesson.part("close: the call under way goes on")
    sock, peer = connected()
    # A thread has the socket, too, and sleeps in `recv(5)`.
    reader = asleep(sock.recv, 5)
    lesson.start_clock()
    sock.close()
    lesson.did("close(), from another thread")
    time.sleep(0.1)
    sleeps = not reader.done()
    lesson.told("does recv(5) still sleep, 0.1 s later?", sleeps)
    peer.sendall(b"hello")
    lesson.did('peer: sendall(b"hello")')
    got = reader.result()
    lesson.told("the reader: recv(5)", got)
    # The call holds the connection until it returns. Then, and not with close, the peer hears of the end.
    end = peer.recv(5)
    lesson.told("peer: recv(5)", end)
    lesson.check("close does not wake, and a closed socket receives", sleeps and got == b"hello")
    lesson.check("the connection ends when the call does", end == b"")
# ANCHOR_END: close


# ANCHOR: shutdown
def shutdown_does(lesson):
    lesson.part("shutdown: the connection ends, whoever sleeps on it")
    sock, peer = connected()
    reader = asleep(sock.recv, 5)
    lesson.start_clock()
    sock.shutdown(socket.SHUT_RDWR)
    lesson.did("shutdown(SHUT_RDWR), from another thread")
    woken = reader.result()
    lesson.told("the reader: recv(5)", woken)
    again = sock.recv(5)
    lesson.told("recv(5)", again)
    try:
        sent = sock.send(b"hello")
    except BrokenPipeError as error:
        sent = error
    lesson.told('send(b"hello")', sent)
    peers = peer.recv(5)
    lesson.told("peer: recv(5)", peers)
    lesson.check("it wakes, with the end of input", woken == b"" and again == b"")
    lesson.check("nothing more can be sent", is_errno(sent, errno.EPIPE))
    lesson.check("and the peer hears of it at once", peers == b"")
    # The number is still ours: close it when the reader has returned, and not before, or another file may get it.
    sock.close()
# ANCHOR_END: shutdown


# ANCHOR: reading
def only_reading(lesson):
    lesson.part("shutdown(SHUT_RD): wakes the reader, and tells nobody else")
    sock, peer = connected()
    reader = asleep(sock.recv, 5)
    lesson.start_clock()
    sock.shutdown(socket.SHUT_RD)
    lesson.did("shutdown(SHUT_RD), from another thread")
    woken = reader.result()
    lesson.told("the reader: recv(5)", woken)
    sent = sock.send(b"bye")
    lesson.told('send(b"bye")', sent)
    peers = peer.recv(5)
    lesson.told("peer: recv(5)", peers)
    peer.sendall(b"more")
    lesson.did('peer: sendall(b"more")')
    after = sock.recv(5)
    lesson.told("recv(5)", after)
    lesson.check("awake, and still able to say goodbye", woken == b"" and peers == b"bye")
    # TCP has no segment for "I do not read any more", and Linux goes on taking what comes.
    lesson.check("on Linux it refuses nothing: what comes is read", after == b"more")
# ANCHOR_END: reading


# ANCHOR: accept
def accept_and_udp(lesson):
    lesson.part("The same for accept, and for a socket without a connection")
    listener = socket.create_server(("127.0.0.1", 0), backlog=1)
    accepting = asleep(listener.accept)
    lesson.start_clock()
    listener.shutdown(socket.SHUT_RDWR)
    lesson.did("listener: shutdown(SHUT_RDWR)")
    accepted = accepting.exception()
    lesson.told("the thread: accept()", accepted)
    lesson.check("accept wakes with EINVAL", is_errno(accepted, errno.EINVAL))

    udp = socket.socket(type=socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    reader = asleep(udp.recv, 5)
    lesson.start_clock()
    try:
        refused = udp.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        refused = error
    lesson.told("UDP: shutdown(SHUT_RDWR)", refused)
    woken = reader.result()
    lesson.told("the thread: recv(5)", woken)
    lesson.check("there is no connection to end", is_errno(refused, errno.ENOTCONN))
    lesson.check("and it wakes the reader all the same", woken == b"")
# ANCHOR_END: accept


# ANCHOR: bell
def a_bell(lesson):
    lesson.part("A bell: wake the thread, and keep the connection")
    sock, peer = connected()
    # Two descriptors that belong together: what is written to one makes the other readable.
    bell, button = socket.socketpair()
    reader = asleep(which_is_ready, sock, bell)
    lesson.start_clock()
    button.sendall(b"!")
    lesson.did("ring")
    first = reader.result()
    lesson.told("the reader: poll([socket, bell])", first)
    peer.sendall(b"hello")
    got = sock.recv(5)
    lesson.told("recv(5), the peer has sent five bytes", got)
    lesson.check("it is awake, and knows who woke it", first == "the bell")
    lesson.check("the connection is as good as before", got == b"hello")


def which_is_ready(sock, bell):
    """Sleeps until one of the two can be read. asyncio's `call_soon_threadsafe` rings such a bell."""
    readable, _, _ = select.select([sock, bell], [], [])
    return "the bell" if bell in readable else "the socket"
# ANCHOR_END: bell


def asleep(call, *arguments):
    """A thread that sleeps in `call`: the future of what comes of it."""
    begun = threading.Event()

    def run():
        begun.set()
        return call(*arguments)

    future = THREADS.submit(run)
    begun.wait()
    # No event tells that it has fallen asleep. From its last line before the call to that is a matter of
    # microseconds.
    time.sleep(0.1)
    return future


if __name__ == "__main__":
    main()
