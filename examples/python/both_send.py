"""`both_send`: two peers that send all they have before they read, and neither can.

A blocking `sendall` returns when the kernel has taken everything. It takes what there is room for: the own send
buffer and the peer's receive buffer. The rest has to wait until the peer reads; and the peer is in its own
`sendall`, and waits until we read.

Before you run it: both sides call `sendall` with 768 KiB, then read. What happens? And with 1000 bytes? If one side
only sends back what it gets, is that enough?

The twin of examples/both_send.rs. Next: `wake_up`, how to get a thread out of such a wait.
"""

import select
import socket
from concurrent.futures import ThreadPoolExecutor

from common import Lesson, is_timed_out, recv_exactly

# More than all the buffers on the way hold.
LENGTH = 768 * 1024
# The threads of this lesson. What a thread has returned, or raised, is in its future.
THREADS = ThreadPoolExecutor()


def main():
    lesson = Lesson(
        "both_send: who reads, if both send first?",
        [
            "both sides call sendall(786432 bytes), then read: what happens?",
            "and with 1000 bytes?",
            "one side sends all before it reads, the other only echoes: is that better?",
            "which ways out are there, and which of them need no agreement with the peer?",
        ],
    )
    # Every byte tells where it belongs; 251 is a prime number, so that no buffer's size hides a loss.
    payload = bytes(at % 251 for at in range(LENGTH))

    both_first(lesson, payload)
    small_enough(lesson, payload[:1000])
    an_echo(lesson, payload)
    in_turn(lesson, payload)
    a_thread_that_reads(lesson, payload)
    whichever_is_possible(lesson, payload)
    lesson.end()


# ANCHOR: both
def both_first(lesson, payload):
    lesson.part("Both send first")
    one, other = narrow()
    # Without a timeout this lesson would never end: no error, no CPU time, nothing in any log.
    one.settimeout(0.2)
    other.settimeout(0.2)
    peer = THREADS.submit(other.sendall, payload)
    try:
        ours = one.sendall(payload)
    except TimeoutError as error:
        ours = error
    theirs = peer.exception()
    lesson.told("sendall(786432 bytes), timeout 0.2", ours)
    lesson.told("peer: sendall(786432 bytes), timeout 0.2", theirs)
    lesson.check("each waits for the other to read", is_timed_out(ours) and is_timed_out(theirs))
# ANCHOR_END: both


# ANCHOR: small
def small_enough(lesson, message):
    lesson.part("The same with 1000 bytes")
    one, other = narrow()
    one.sendall(message)
    lesson.did("sendall(1000 bytes)")
    other.sendall(message)
    lesson.did("peer: sendall(1000 bytes)")
    ours = recv_exactly(one, len(message))
    lesson.told("recv, until 1000 bytes are there", ours)
    theirs = recv_exactly(other, len(message))
    lesson.told("peer: recv, until 1000 bytes are there", theirs)
    # Both lie in the buffers meanwhile. So the test passes, and the first large message in production hangs.
    lesson.check("it works, as long as the buffers hold it", ours == message and theirs == message)
# ANCHOR_END: small


# ANCHOR: echo
def an_echo(lesson, payload):
    lesson.part("An innocent echo, and a client that sends all before it reads")
    client, server = narrow()
    client.settimeout(0.2)
    echoing = THREADS.submit(echo, server)
    try:
        sent = client.sendall(payload)
    except TimeoutError as error:
        sent = error
    client.close()  # Which lets the echo end.
    echoing.result()
    lesson.told("client: sendall(786432 bytes), timeout 0.2", sent)
    # The echo can't send, since the client does not read; so it does not read, and the client can't send.
    lesson.check("one that sends all first is enough, if the other answers as it reads", is_timed_out(sent))


def echo(sock):
    """Sends back what it gets, until its client ends or has gone."""
    try:
        while data := sock.recv(16 * 1024):
            sock.sendall(data)
    except (ConnectionResetError, BrokenPipeError):
        pass
# ANCHOR_END: echo


# ANCHOR: turns
def in_turn(lesson, payload):
    lesson.part("First way out: agree who is first")
    one, other = narrow()
    # The peer reads first. Then it knows that we have sent all, and that we read.
    peer = THREADS.submit(read_then_send, other, payload)
    one.sendall(payload)
    lesson.did("sendall(786432 bytes)")
    ours = recv_exactly(one, LENGTH)
    lesson.told("recv, until 786432 bytes are there", ours)
    lesson.check("both have everything", ours == payload and peer.result() == payload)


def read_then_send(sock, payload):
    got = recv_exactly(sock, LENGTH)
    sock.sendall(payload)
    return got
# ANCHOR_END: turns


# ANCHOR: thread
def a_thread_that_reads(lesson, payload):
    lesson.part("Second way out: a thread that reads while this one sends")
    one, other = narrow()
    peer = THREADS.submit(send_and_read, other, payload)
    ours = send_and_read(one, payload)
    lesson.told("sendall, and recv in another thread, on both sides", ours)
    lesson.check("both have everything", ours == payload and peer.result() == payload)


def send_and_read(sock, payload):
    """One socket, two threads, each in one direction. A socket allows that; two readers would not know who got
    what."""
    reader = THREADS.submit(recv_exactly, sock, LENGTH)
    sock.sendall(payload)
    return reader.result()
# ANCHOR_END: thread


# ANCHOR: poll
def whichever_is_possible(lesson, payload):
    lesson.part("Third way out: one thread, and poll says which direction can move")
    one, other = narrow()
    peer = THREADS.submit(exchange, other, payload)
    ours = exchange(one, payload)
    lesson.told("poll, then send or recv, on both sides", ours)
    lesson.check("both have everything", ours == payload and peer.result() == payload)


def exchange(sock, payload):
    """Sends all of `payload` and reads as much, whichever can go on. It never waits in `send` or `recv`."""
    sock.setblocking(False)
    rest, got = memoryview(payload), bytearray()
    while rest or len(got) < LENGTH:
        wants_to_read = [sock] if len(got) < LENGTH else []
        wants_to_send = [sock] if rest else []
        readable, writable, _ = select.select(wants_to_read, wants_to_send, [])
        if readable:
            got += sock.recv(64 * 1024)
        if writable:
            rest = rest[sock.send(rest) :]
    return got
# ANCHOR_END: poll


def narrow():
    """A connection with little room in it, in both directions."""
    with socket.socket() as listener:
        one = socket.socket()
        for sock in (listener, one):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 * 1024)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)  # What is accepted inherits both.
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        one.connect(listener.getsockname())
        other, _ = listener.accept()
        return one, other


if __name__ == "__main__":
    main()
