"""What the Python twins share: examples/common/mod.rs, line for line, in Python.

A twin prints the same lines as its lesson in Rust. Numbers that differ from run to run are masked by the
test that compares the two; examples/common/mod.rs says in which forms to write them.
"""

import errno
import io
import os
import select
import signal
import socket
import sys
import threading
import time


class Output(io.TextIOWrapper):
    """Standard output. Whoever closes the pipe has seen enough, and the lesson ends, without a traceback."""

    def write(self, text):
        return ended_by_errors(super().write, text)

    def flush(self):
        return ended_by_errors(super().flush)


def ended_by_errors(call, *arguments):
    """Ends the process where standard output fails: at once, whatever its other threads are doing."""
    try:
        return call(*arguments)
    except BrokenPipeError:
        os._exit(0)
    except OSError as error:
        complain(f"cannot write to standard output: {error.strerror}")
        os._exit(1)


def complain(what):
    """Tells on standard error what is wrong. If nobody can be told, there is the exit status."""
    try:
        print(what, file=sys.stderr or io.StringIO(), flush=True)
    except OSError:
        pass


def needs_linux(name):
    """Ends a lesson that can't run on this system, in one sentence."""
    if sys.platform == "linux":
        return
    complain(
        f"{name} uses what Linux alone has, and can't run here; "
        f"docs/src/output/{name}.txt has what it prints there"
    )
    sys.exit(1)


# A pipe must get the same bytes as a terminal, whatever the locale is. Where standard output is closed there is none.
sys.stdout = Output(
    sys.stdout.detach() if sys.stdout else open(os.devnull, "wb"), encoding="utf-8", line_buffering=True
)


# Ctrl-C ends a lesson as it ends any program, without a traceback. (Who ignores it, as in the background, still does.)
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Lesson:
    """One lesson while it runs."""

    def __init__(self, title, predictions):
        """Prints the title and what to predict; on a terminal, waits until somebody has."""
        self.steps = 0
        self.claims = 0
        self.failed = []
        print(f"{title}\n\nPredict:")
        for prediction in predictions:
            print(f"  ? {prediction}")
        wait_for_a_guess()
        # When the last line was printed: what the next one tells of has taken since then.
        self.clock = time.monotonic()

    def part(self, heading):
        """A heading: what the next steps are about."""
        print(f"\n{heading}")
        self.clock = time.monotonic()

    def note(self, text):
        """A line between steps."""
        print(f"     {text}")
        self.clock = time.monotonic()

    def told(self, call, result):
        """Tells of a call that the lesson has just made: its number, the time since the line before, what came
        of it."""
        took = time.monotonic() - self.clock
        self.steps += 1
        print(f"{self.steps:3}. [{took:8.3f} s] {call} -> {told(result)}")
        self.clock = time.monotonic()

    def did(self, call):
        """The same of a call that returns nothing and did not fail."""
        self.told(call, "ok")

    def start_clock(self):
        """Lets the time of the next line begin here, after what was only prepared."""
        self.clock = time.monotonic()

    def check(self, claim, holds):
        """A claim of the lesson. One that does not hold makes the lesson end with status 1."""
        self.claims += 1
        if holds:
            print(f"     so: {claim}")
        else:
            print(f"     DOES NOT HOLD: {claim}")
            self.failed.append(claim)
        self.clock = time.monotonic()

    def end(self):
        """Counts the claims, and ends the program with the status that they deserve."""
        print(f"\nClaims that hold: {self.claims - len(self.failed)} of {self.claims}")
        if not self.failed:
            sys.exit(0)
        for claim in self.failed:
            print(f"  DOES NOT HOLD: {claim}")
        sys.exit(1)


def wait_for_a_guess():
    """Where there is somebody to guess, waits for Enter. The end of input says that nobody wants to see it."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout.isatty()):
        return
    print("\nYour guess? Enter shows what happens. ", end="", flush=True)
    try:
        line = sys.stdin.buffer.readline()
    except OSError as error:
        complain(f"cannot read from the terminal: {error.strerror}")
        sys.exit(1)
    if not line:
        print()
        sys.exit(0)


class Errno(int):
    """What connect_ex and SO_ERROR give: an errno, 0 for none. Its name says more than its number."""


class Counted:
    """Bytes that differ from run to run: a lesson prints how many there are."""

    def __init__(self, data):
        self.data = data

    def __str__(self):
        return f"{len(self.data)} bytes"


class Varies(int):
    """A count that differs from run to run."""


def told(result):
    """How a result is written down: examples/common/told.rs in Python. Change them together."""
    if result is None:
        return "None"
    if isinstance(result, Varies):
        return f"~{int(result)}"
    if isinstance(result, Errno):
        return errno.errorcode[result] if result else "0"
    if isinstance(result, TimeoutError) and result.errno is None:
        return "TimedOut"
    if isinstance(result, OSError) and result.errno is not None:
        return errno.errorcode[result.errno]
    if isinstance(result, (bytes, bytearray)):
        return f"{len(result)} bytes" if len(result) > 40 else f'"{escaped(result)}"'
    if isinstance(result, tuple) and isinstance(result[0], socket.socket):
        return f"a socket, from {address(result[1])}"
    if isinstance(result, tuple) and isinstance(result[0], bytes):
        return f"{told(result[0])} from {told(result[1])}"
    if isinstance(result, tuple):
        return address(result)
    return str(result)


def escaped(data):
    """Bytes as text, with what is not printable escaped as Rust's escape_ascii does."""
    named = {9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 39: "\\'", 92: "\\\\"}
    return "".join(named.get(b) or (chr(b) if 32 <= b < 127 else f"\\x{b:02x}") for b in data)


def address(pair):
    """An address as Rust prints it."""
    host, port = pair[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_timed_out(result):
    """Whether it is a timeout of timeout mode, which has no errno."""
    return isinstance(result, TimeoutError) and result.errno is None


def is_errno(result, number):
    """Whether it is an OSError with this errno."""
    return isinstance(result, OSError) and result.errno == number


def connected():
    """Two TCP sockets on this machine, connected to each other, both in blocking mode."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # Port 0: the kernel picks one that is free.
        listener.listen(1)
        ours = socket.create_connection(listener.getsockname())
        peer, _ = listener.accept()
        return ours, peer


def full_backlog():
    """An address of this machine that is silent, and the sockets that keep it so: its queue of connections that wait
    for `accept` is full.

    Linux does not refuse the next one: it drops the segment, in the hope of room by the time the client sends it again,
    a second later.
    """
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    holders = [listener]
    while True:
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
        got_in = wait_writable(sock, 0.1)
        holders.append(sock)
        if not got_in:
            return listener.getsockname(), holders


def recv_exactly(sock, count):
    """Receives exactly `count` bytes, or what came before the end of input.

    One `recv(1024)` need not give the whole message, as the source document assumes. TCP carries a stream, and
    32 bytes sent at once may well arrive as 20 and 12. Whoever knows how many bytes are to come goes on until
    they are there.
    """
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            break  # The peer has hung up: no more will come.
        data += more
    return data


def wait_readable(sock, limit):
    """Waits, for `limit` seconds at most, until a read would not have to wait; False if the time ran out."""
    return bool(select.select([sock], [], [], limit)[0])


def wait_writable(sock, limit):
    """Waits, for `limit` seconds at most, until a write would not have to wait; False if the time ran out."""
    return bool(select.select([], [sock], [], limit)[1])


def wait_hung_up(sock, limit):
    """Waits, for `limit` seconds at most, until the connection is over in both directions or has failed; False if
    the time ran out. Nobody has to ask for that: poll(2) tells it to whoever asks for nothing."""
    poll = select.poll()
    poll.register(sock, 0)
    return bool(poll.poll(limit * 1000))


def later(wait, act):
    """A peer that does something a while later, so that waiting can be seen. `join` it to wait for its end."""

    def run():
        time.sleep(wait)
        act()

    thread = threading.Thread(target=run)
    thread.start()
    return thread
