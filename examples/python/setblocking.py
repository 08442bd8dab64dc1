"""`setblocking`: one flag in the kernel decides who does the waiting.

Before you run it: a peer says nothing for 0.2 s, then sends five bytes. How long does `recv(5)` take, and what does
it give, on a blocking socket and on a non-blocking one? If a program does not want to block and asks again and again
instead, how often does it ask in 0.2 s, and what does the CPU do meanwhile?

The twin of examples/setblocking.rs. Next: `settimeout`, the mode between the two.
"""

import errno
import fcntl
import os
import time

from common import Lesson, connected, is_errno, later, wait_readable


def main():
    lesson = Lesson(
        "setblocking: one flag decides who waits",
        [
            "nothing has arrived: what does recv(5) give on a blocking socket, and when?",
            "and on a non-blocking one?",
            "where does the mode live: in the program's object, or in the kernel?",
            "waiting by asking again and again: how many calls is that, and how much CPU?",
        ],
    )
    sock, peer = connected()

    blocking(lesson, sock, peer)
    non_blocking(lesson, sock, peer)
    whose_flag(lesson, sock)
    what_waiting_costs(lesson, sock, peer)
    lesson.end()


def blocking(lesson, sock, peer):
    lesson.part("Blocking, as every socket starts")
    lesson.told("getblocking()", sock.getblocking())
    lesson.told("O_NONBLOCK", is_nonblocking(sock))
    sending = later(0.2, lambda: peer.sendall(b"hello"))
    # Nothing is there yet. The kernel takes this thread off the CPU and puts it back when bytes arrive.
    got = sock.recv(5)
    lesson.told("recv(5)", got)
    sending.join()
    lesson.check("one call was enough: it slept until the bytes came", got == b"hello")


def non_blocking(lesson, sock, peer):
    lesson.part("Non-blocking: the same call on the same empty socket")
    sock.setblocking(False)
    lesson.did("setblocking(False)")
    # This is all that it did: ioctl(2), with FIONBIO, set one bit in the kernel's description of the open socket.
    lesson.told("O_NONBLOCK", is_nonblocking(sock))
    try:
        empty = sock.recv(5)
    except BlockingIOError as error:
        empty = error
    lesson.told("recv(5)", empty)
    # EAGAIN, "try again": Python raises BlockingIOError for it. Nobody waited.
    lesson.check('"nothing yet" is an answer of its own, EAGAIN', is_errno(empty, errno.EAGAIN))
    peer.sendall(b"again")
    wait_readable(sock, 5)
    got = sock.recv(5)
    lesson.told("recv(5), once it is there", got)
    lesson.check("it is not an error of the connection, which works on", got == b"again")


def whose_flag(lesson, sock):
    lesson.part("The flag is the kernel's, and a dup shares it")
    twin = sock.dup()
    twin.setblocking(True)
    lesson.did("dup().setblocking(True)")
    # Both objects are names for one open socket. The first still believes what it was told.
    believes = sock.getblocking()
    lesson.told("getblocking() of the first", believes)
    flag = is_nonblocking(sock)
    lesson.told("O_NONBLOCK of the first", flag)
    lesson.check("the first believes that it does not block, and would", not believes and not flag)


def what_waiting_costs(lesson, sock, peer):
    lesson.part("What waiting costs, in three ways")
    rows = []
    sock.setblocking(True)
    rows.append(measure("recv, blocking", sock, peer, sleep_in_recv))
    sock.setblocking(False)
    rows.append(measure("recv again and again", sock, peer, spin))
    rows.append(measure("poll, then recv", sock, peer, poll_then_recv))
    lesson.note("                             calls     waited    CPU time")
    for name, calls, waited, cpu in rows:
        lesson.note(f"{name:<22} {'~' + str(calls):>11} {waited:8.3f} s  {cpu:8.4f} s")
    sleeping, spinning, polling = rows
    lesson.check("sleeping in recv is one call", sleeping[1] == 1)
    lesson.check("spinning asks many times for the same five bytes", spinning[1] > 2)
    lesson.check("polling is two calls, and the thread sleeps in the first", polling[1] == 2)
    lesson.check("spinning burns more CPU than the other two together", spinning[3] > sleeping[3] + polling[3])


def is_nonblocking(sock):
    """Asks the kernel whether the bit that setblocking(False) sets is set."""
    return bool(fcntl.fcntl(sock.fileno(), fcntl.F_GETFL) & os.O_NONBLOCK)


def measure(name, sock, peer, wait):
    """Waits with `wait` for five bytes that come in 0.2 s; `wait` returns how many calls it made."""
    sending = later(0.2, lambda: peer.sendall(b"hello"))
    begun, cpu_before = time.monotonic(), time.thread_time()
    calls = wait(sock)
    waited, cpu = time.monotonic() - begun, time.thread_time() - cpu_before
    sending.join()
    return name, calls, waited, cpu


def sleep_in_recv(sock):
    sock.recv(5)
    return 1


def spin(sock):
    calls = 0
    while True:
        calls += 1
        try:
            sock.recv(5)
            return calls
        except BlockingIOError:
            pass


def poll_then_recv(sock):
    wait_readable(sock, 5)
    sock.recv(5)
    return 2


if __name__ == "__main__":
    main()
