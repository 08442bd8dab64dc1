"""`names_and_timeouts`: a timeout of 0.1 s, and a call that takes as long as it likes.

`settimeout` is about a socket. Before there is one, a name has to become addresses; getaddrinfo(3) does that, in the
program, with a socket and timeouts of its own (5 s for each try, two tries, each server), and has no argument for
yours. Then there may be several addresses, and a timeout that each of them gets anew.

Before you run it: resolving a name takes 0.3 s, and the timeout is 0.1 s. What happens? A name has three addresses,
two of which do not answer: how long does it take to reach the third?

It needs no network: `localhost` is in a file, and what does not answer is a full queue on this machine.

The twin of examples/names_and_timeouts.rs.
"""

import concurrent.futures
import select
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

from common import Lesson, Varies, full_backlog


def main():
    lesson = Lesson(
        "names_and_timeouts: what a timeout does not cover",
        [
            'the timeout of all sockets is a microsecond: does getaddrinfo("localhost") end by it?',
            "resolving takes 0.3 s, the timeout is 0.1 s: what does create_connection do?",
            "three addresses, the first two silent, a timeout of 0.1 s: how long is it to the third?",
            "one deadline of 0.15 s for all three: is the third reached?",
            "what reaches it sooner than any timeout?",
        ],
    )
    no_socket_no_timeout(lesson)
    # Two that are silent, and one that answers.
    (one, _ones), (two, _others) = full_backlog(), full_backlog()
    listener = socket.create_server(("127.0.0.1", 0))
    good = listener.getsockname()
    addresses = [one, two, good]

    a_slow_resolver(lesson, good)
    resolving_with_a_deadline(lesson)
    each_its_own_timeout(lesson, addresses)
    one_deadline(lesson, addresses)
    a_little_apart(lesson, addresses)
    lesson.end()


# ANCHOR: resolver
def no_socket_no_timeout(lesson):
    lesson.part("No socket, no timeout")
    socket.setdefaulttimeout(0.000001)
    lesson.did("setdefaulttimeout(0.000001)")
    begun = time.monotonic()
    found = len(socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM))
    took = time.monotonic() - begun
    lesson.told('getaddrinfo("localhost", 80): addresses', Varies(found))
    socket.setdefaulttimeout(None)
    lesson.note(f"It took {took * 1_000_000:.0f} µs.")
    lesson.check("more than a microsecond, and no timeout", took > 0.000001 and found > 0)


def slow(host, port, *_):
    """A resolver whose server is slow. (The real wait can't be had without a network: 5 s, twice, for each server
    that does not answer. It is the same call that waits.)"""
    time.sleep(0.3)
    return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))]


def a_slow_resolver(lesson, good):
    lesson.part("A slow resolver, and a timeout of 0.1 s")
    begun = time.monotonic()
    with patch("socket.getaddrinfo", slow):  # What create_connection calls first.
        socket.create_connection(("slow.example", good[1]), timeout=0.1)
    took = time.monotonic() - begun
    lesson.did('create_connection(("slow.example", port), timeout=0.1)')
    lesson.check("it took longer than its timeout, and succeeded", took >= 0.3)
# ANCHOR_END: resolver


# ANCHOR: thread
def resolving_with_a_deadline(lesson):
    lesson.part("The cure: resolve in a thread, and wait here, with a deadline")
    threads = ThreadPoolExecutor()
    answered = threading.Event()
    resolving = threads.submit(answered.wait)  # The resolver, whose server answers when the lesson lets it.
    try:
        resolving.result(timeout=0.1)
        in_time = "found"
    except concurrent.futures.TimeoutError:
        in_time = "too late"
    lesson.told("resolve in a thread, wait 0.1 s at most", in_time)
    still_there = not resolving.done()
    lesson.told("is the thread still there?", still_there)
    answered.set()
    threads.shutdown(wait=True)
    # The program goes on in time. But nobody can interrupt getaddrinfo: with a thread for each try, a dead server
    # collects threads. asyncio does the same in a pool of a few, which can be full.
    lesson.check("the caller keeps its deadline, the thread stays behind", in_time == "too late" and still_there)
# ANCHOR_END: thread


# ANCHOR: each
def each_its_own_timeout(lesson, addresses):
    lesson.part("Three addresses, and a timeout for each")
    begun = time.monotonic()
    # This loop is what create_connection does with the addresses of a name.
    reached = False
    for address in addresses:
        sock = socket.socket()
        sock.settimeout(0.1)
        try:
            sock.connect(address)
            outcome = "ok"
        except TimeoutError as error:
            outcome = error
        lesson.told("settimeout(0.1), connect", outcome)
        reached = outcome == "ok"
    took = time.monotonic() - begun
    lesson.check("a timeout of 0.1 s, and 0.2 s until it is connected", reached and took >= 0.2)
# ANCHOR_END: each


# ANCHOR: deadline
def one_deadline(lesson, addresses):
    lesson.part("One deadline of 0.15 s for all")
    deadline = time.monotonic() + 0.15
    tried = 0
    for address in addresses:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        sock = socket.socket()
        sock.settimeout(left)
        try:
            sock.connect(address)
            outcome = "ok"
        except TimeoutError as error:
            outcome = error
        lesson.told("settimeout(what is left), connect", outcome)
        tried += 1
    lesson.told("addresses that were tried", tried)
    # It keeps its word, and the first silent address has eaten it all. Better than a wait without an end, and no
    # help to whoever wants to arrive.
    lesson.check("in time, and nowhere", tried == 1)
# ANCHOR_END: deadline


# ANCHOR: apart
def a_little_apart(lesson, addresses):
    lesson.part("All of them, a little apart: who answers first has won")
    # "Happy Eyeballs" (RFC 8305), in which the next is tried after 0.25 s, and none is given up for it.
    attempts = []
    winner = None
    for address in addresses:
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(address)  # EINPROGRESS: it goes on while we try others.
        attempts.append(sock)
        winner = first_connected(attempts, 5 if address is addresses[-1] else 0.05)
        if winner is not None:
            break
    lesson.told("connects 0.05 s apart: who is connected", None if winner is None else winner + 1)
    lesson.check("the third, and none was waited for in vain", winner == 2)


def first_connected(attempts, limit):
    """Which of the attempts is connected, if one is within `limit`."""
    _, writable, _ = select.select([], attempts, [], limit)
    for sock in writable:
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
            return attempts.index(sock)
    return None
# ANCHOR_END: apart


if __name__ == "__main__":
    main()
