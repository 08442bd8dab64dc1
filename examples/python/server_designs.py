"""`server_designs`: the same load against five servers, and what each of them costs.

All five send back in upper case what they hear. They differ in what they do while a client is silent: wait
for it (`blocking`), leave the waiting to a thread (`threads`), ask again at once (`spinning`), wait a little
and then ask the next (`timeouts`), or let the kernel tell (`loop`).

The load: N clients are connected, at most five of them wait for an answer at one time, all others are
silent. Before you run it: how does each design get on as N goes from 1 to 1000? Whose throughput falls, and
in what proportion? Whose memory grows? Which of them uses the CPU when nobody says anything?

The twin of examples/server_designs/, less its picture. Read the five servers first: they are the lesson,
the rest is the measuring of it.
"""

import argparse
import os
import resource
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections import deque

from common import Lesson

DESIGNS = ["blocking", "threads", "spinning", "timeouts", "loop"]
# Nobody has to wait for somebody who says nothing. `blocking` waits for its one client, `timeouts` waits a
# little for each: with those two, how many are served in a given time is what we are here to find out.
SERVES_EVERYONE = ["threads", "spinning", "loop"]
# How many clients there are, from column to column.
CLIENTS = [1, 10, 100, 1000]
# How long the fourth server waits for each client before it turns to the next. A millisecond is as short as
# Python's sockets can wait: they hand `poll` whole milliseconds.
PATIENCE = 0.001
# Requests that are under way at one time, at most.
UNDER_WAY = 5
# A request, and what has to come back: of the same length, so nobody needs to look for its end.
REQUEST = b"hello, sockmodes"
REPLY = b"HELLO, SOCKMODES"
# How long all clients are silent before they begin, in seconds.
SILENCE = 0.02
# By then something is broken, not slow.
HOPELESS = 60


# --- 1: blocking ---------------------------------------------------------------------------------------


def one_after_another(listener, arrivals):
    """The server of the socketserver example, and of every first book.

    The flaw: `recv` waits for *this* client. While this client thinks, nobody else exists.
    """
    while True:
        client, _ = listener.accept()
        arrivals.count()
        serve_to_the_end(client)


def serve_to_the_end(client):
    """Answers one client until it hangs up. Waiting is the kernel's business: we are asleep in `recv`."""
    with client:
        try:
            while request := client.recv(1024):
                client.sendall(request.upper())
        except OSError:
            pass  # It hung up with a slam (ECONNRESET). One client's trouble is no other's.


# --- 2: threads ----------------------------------------------------------------------------------------


def a_thread_each(listener, arrivals):
    """The same code, but somebody else runs it. The scheduler does the juggling.

    The price: a thread is a stack, a place in the scheduler, and two context switches a request. And what
    two clients share, two threads share: from here on there are locks. (CPython has one of its own, the GIL.)
    """
    while True:
        client, _ = listener.accept()
        arrivals.count()
        threading.Thread(target=serve_to_the_end, args=(client,), daemon=True).start()


# --- 3: spinning, 4: timeouts --------------------------------------------------------------------------


def go_round(listener, timeout, arrivals):
    """One thread that asks everybody in turn: "anything?" With sockets that never wait (`settimeout(0)`), or
    that wait a little. One number of difference, and two very different servers:

    - never waiting, it asks as fast as it can, for ever: a whole core, for nothing;
    - waiting a little, it sleeps; but it sleeps once **for each silent client**, one after another.
    """
    clients = []
    listener.settimeout(timeout)
    while True:
        # Everybody who has come since the last round. "Nobody (any more)" comes as an exception, and neither
        # of the two means that anything is broken.
        while True:
            try:
                client, _ = listener.accept()
            except (BlockingIOError, TimeoutError):
                break
            # An accepted socket does not inherit the listener's mode. Forget this line, and the first silent
            # client stops the whole server.
            client.settimeout(timeout)
            clients.append(client)
            arrivals.count()
        clients = [client for client in clients if is_still_there(client)]


def is_still_there(client):
    """Answers a client if it has said something; False once it is gone."""
    try:
        request = client.recv(1024)
        # A reply of a few bytes fits into any send buffer. With larger ones this line is a bug: see the
        # example `slow_reader` for what to do when it does not fit.
        client.sendall(request.upper())
    except (BlockingIOError, TimeoutError):
        return True  # It is silent.
    except OSError:
        return False
    return request != b""


# --- 5: the loop ---------------------------------------------------------------------------------------


def the_loop(listener, arrivals):
    """Ask the *kernel* who has something to say, sleep until somebody has, and serve only those.

    What it does in one `select` (epoll_wait, on Linux) is what the third server does with a thousand calls of
    `recv` and the fourth with a thousand naps.
    """
    selector = selectors.DefaultSelector()
    listener.setblocking(False)
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                client, _ = listener.accept()
                client.setblocking(False)
                selector.register(client, selectors.EVENT_READ)
                arrivals.count()
            elif not is_still_there(key.fileobj):
                selector.unregister(key.fileobj)
                key.fileobj.close()


# --- a server in a process of its own ------------------------------------------------------------------


class Arrivals:
    """Where a server says that its clients have come."""

    def __init__(self, expected):
        self.missing = expected

    def count(self):
        self.missing -= 1
        if self.missing == 0:
            print("ready", flush=True)


def serve(design, expected):
    """The child: serves on a second thread; on this one it answers the examiner's questions.

    A line feed on its standard input asks what it has used, the end of input sends it home: also if the
    lesson crashes, so no server is ever left behind.
    """
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    # Room for all the clients that the lesson brings: where the server does not accept (the first one will
    # not), the kernel keeps them in this queue, connected and unheard.
    listener.listen(1024)
    print(listener.getsockname()[1], flush=True)
    arrivals = Arrivals(expected)
    run = {
        "blocking": lambda: one_after_another(listener, arrivals),
        "threads": lambda: a_thread_each(listener, arrivals),
        "spinning": lambda: go_round(listener, 0, arrivals),
        "timeouts": lambda: go_round(listener, PATIENCE, arrivals),
        "loop": lambda: the_loop(listener, arrivals),
    }
    threading.Thread(target=run[design], daemon=True).start()
    for _ in sys.stdin:
        # `process_time` is the clock that runs only while this process does, in all of its threads.
        print(time.process_time_ns(), resident_kib(), flush=True)
    # Not `sys.exit`: it would wait for threads that have no reason ever to end.
    os._exit(0)


def resident_kib():
    """What really lies in RAM. (Asked for and never touched costs nothing.)"""
    with open("/proc/self/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


class Running:
    """A running child. Leaving the `with` ends the server."""

    def __init__(self, design, clients):
        # The first design accepts its first client, and no other while that one stays.
        expected = 1 if design == "blocking" else clients
        self.child = subprocess.Popen(
            # -S: without site-packages, which nobody here needs, Python starts in half the time.
            [sys.executable, "-S", __file__, "--serve", design, str(expected)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.address = ("127.0.0.1", int(self.child.stdout.readline()))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        self.child.wait()
        self.child.stdout.close()

    def wait_until_ready(self):
        """Waits until the server has accepted as many clients as it was told to expect."""
        if self.child.stdout.readline() != "ready\n":
            raise OSError("the child is gone")

    def usage(self):
        """CPU time in seconds, memory in KiB."""
        self.child.stdin.write("\n")
        cpu, memory = self.child.stdout.readline().split()
        return int(cpu) / 1e9, int(memory)


# --- the load ------------------------------------------------------------------------------------------


class Client:
    def __init__(self, address):
        self.sock = socket.create_connection(address)
        self.sock.setblocking(False)
        # When its request went out; None while it is silent.
        self.asked = None
        self.received = b""
        self.served = False


class Load:
    """N clients are connected the whole time, and at most five of them are waiting for an answer; the others
    are silent. Whoever gets an answer falls silent, and somebody else speaks up, as chance has it."""

    def __init__(self, address, count):
        self.selector = selectors.DefaultSelector()
        self.clients = [Client(address) for _ in range(count)]
        for client in self.clients:
            self.selector.register(client.sock, selectors.EVENT_READ, client)
        self.deck = Deck(self.clients)
        self.latencies = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.sock.close()
        self.selector.close()

    def run(self, time_slice, everyone):
        """Keeps five requests under way until the slice is over, and longer if everyone is to be served once:
        on a slow machine the numbers get worse, but no client is ever left out by chance."""
        unserved = len(self.clients) if everyone else 0
        start = time.monotonic()
        for _ in range(min(UNDER_WAY, len(self.clients))):
            self.next_speaks()
        while True:
            elapsed = time.monotonic() - start
            if elapsed >= time_slice and unserved == 0:
                return elapsed
            if elapsed >= HOPELESS:
                raise OSError("some client was not served within a minute")
            until = time_slice if elapsed < time_slice else HOPELESS
            for key, _ in self.selector.select(until - elapsed):
                client, was_served = key.data, key.data.served
                if self.listen_to(client):
                    if not was_served:
                        unserved = max(0, unserved - 1)
                    self.next_speaks()

    def next_speaks(self):
        client = self.deck.draw()
        client.asked = time.monotonic()
        client.sock.sendall(REQUEST)

    def listen_to(self, client):
        """Reads what has come; True once the reply is whole."""
        more = client.sock.recv(len(REPLY) - len(client.received))
        client.received += more
        if not more or not REPLY.startswith(client.received):
            raise OSError("the server hung up, or sent something else")
        if client.received != REPLY:
            return False
        self.latencies.append(time.monotonic() - client.asked)
        client.asked, client.received, client.served = None, b"", True
        return True

    def all_waits(self):
        """Whoever is still waiting counts with the time waited so far. Leave them out, as many a benchmark
        does, and a server that answers one client and forgets the others looks splendid."""
        now = time.monotonic()
        waiting = [now - client.asked for client in self.clients if client.asked is not None]
        return sorted(self.latencies + waiting)


class Deck:
    """The order in which clients speak: a pack of cards with every client in it once, and when it is used up,
    another, shuffled anew.

    Why so much ado? In the order of connecting, or with whoever has been silent longest speaking next, the load
    would run ahead of the servers that go round their clients, as if it knew whom they ask next. And with dice
    in place of cards it would take long until everybody has had a turn.
    """

    def __init__(self, clients):
        self.clients = clients
        self.cards = deque()
        self.random = 9090

    def draw(self):
        """The next client that is free to speak; who is still waiting for an answer keeps the card for later."""
        while True:
            for at, client in enumerate(self.cards):
                if client.asked is None:
                    del self.cards[at]
                    return client
            self.shuffle()

    def shuffle(self):
        """Adds a pack: client 0 on top, since the first server serves no other, and the rest in any order."""
        pack = self.clients.copy()
        for at in range(len(pack) - 1, 1, -1):
            # Knuth's "quick and dirty" generator: plenty for this, and the same in Rust.
            self.random = (self.random * 1_664_525 + 1_013_904_223) % 2**32
            other = 1 + (self.random >> 16) % at
            pack[at], pack[other] = pack[other], pack[at]
        self.cards.extend(pack)


def percentile(values, percent):
    """The smallest value that at least `percent` of all values do not exceed."""
    rank = -(-len(values) * percent // 100)
    return values[max(rank, 1) - 1]


class Cell:
    """What one server did for one number of clients."""

    def __init__(self, design, clients, time_slice):
        self.design = design
        self.clients = clients
        everyone = design in SERVES_EVERYONE or clients == 1
        with Running(design, clients) as server, Load(server.address, clients) as load:
            server.wait_until_ready()
            self.idle = idle_share(server)
            before, _ = server.usage()
            self.elapsed = load.run(time_slice, everyone)
            after, self.memory_kib = server.usage()
            waits = load.all_waits()
            self.answered = len(load.latencies)
            self.served = sum(client.served for client in load.clients)
        self.cpu = after - before
        self.p50, self.p99 = percentile(waits, 50), percentile(waits, 99)

    def __str__(self):
        answers = f"~{self.answered / self.elapsed:.0f}"
        cpu = self.cpu / max(self.answered, 1)
        memory = f"~{self.memory_kib}"
        return (
            f"{answers:>9} {self.p50 * 1e6:7.0f} µs {self.p99 * 1e6:7.0f} µs {cpu * 1e6:8.1f} µs"
            f" {self.idle * 100:4.0f} % {memory:>6} KiB  ~{self.served} of {self.clients}"
        )


def idle_share(server):
    """For how much of a short pause the server is on the CPU. Nobody says anything meanwhile."""
    start, (before, _) = time.monotonic(), server.usage()
    # There is no event to wait for: that nothing happens is what is being measured.
    time.sleep(SILENCE)
    after, _ = server.usage()
    return (after - before) / (time.monotonic() - start)


# --- the lesson ----------------------------------------------------------------------------------------


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--slice", type=float, default=0.05, help="seconds for each cell of the table")
    # The hidden way in: this process is to be one of the servers.
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve[0], int(arguments.serve[1]))
    allow_many_sockets()

    lesson = Lesson(
        "server_designs: five servers, one load",
        [
            "1 to 1000 clients, nearly all of them silent: whose throughput falls, and why?",
            "who answers one client and nobody else?",
            "whose memory grows with the clients?",
            "nobody says anything: who uses the CPU all the same?",
        ],
    )
    cells = measure_all(lesson, arguments.slice)
    check_load(lesson, cells)
    lesson.end()


def measure_all(lesson, time_slice):
    """Every server with every number of clients, a row of the table each."""
    lesson.part("The columns")
    lesson.note("answers/s    answers a second, of the server to all clients together")
    lesson.note("p50, p99     half, and 99 of 100, of all requests had been waiting no longer than that;")
    lesson.note("             one that got no answer counts with the time for which it had waited")
    lesson.note("CPU          CPU time of the server for each answer")
    lesson.note("idle         CPU time of the server, of one core, while nobody says anything")
    lesson.note("memory       of the server, resident, with all clients connected")
    lesson.note("served       how many of the clients got an answer at all")
    cells = []
    for clients in CLIENTS:
        title = f"{clients} client{'' if clients == 1 else 's'}"
        lesson.part(f"{title:<29} answers/s        p50        p99         CPU   idle     memory  served")
        for design in DESIGNS:
            cells.append(lesson.step(f"{design:8}", lambda: Cell(design, clients, time_slice)))
    return cells


def check_load(lesson, cells):
    """What has to hold on any machine, however slow: who is served, never how fast."""

    def of(*designs):
        return [cell for cell in cells if cell.design in designs]

    lesson.check(
        "blocking: of many clients one is served, and one request of it answered",
        all(cell.served == cell.answered == 1 for cell in of("blocking") if cell.clients > 1),
    )
    # A round asks everybody once, and every round waits its millisecond at the listener, at the least.
    lesson.check(
        "timeouts: never more than one request a client and millisecond",
        all(
            cell.answered <= cell.clients * (int(cell.elapsed / PATIENCE) + 1) for cell in of("timeouts")
        ),
    )
    lesson.check(
        "threads, spinning, loop: everybody is served",
        all(cell.served == cell.clients for cell in of(*SERVES_EVERYONE)),
    )
    most = {design: max(cell.memory_kib for cell in of(design)) for design in DESIGNS}
    lesson.check("threads take more memory than the loop", most["threads"] > most["loop"])
    idle = {design: sum(cell.idle for cell in of(design)) for design in DESIGNS}
    # Asleep in the kernel, however many clients there are: to wait costs these three nothing but memory.
    lesson.check(
        "nobody says anything: blocking, threads and loop sleep",
        all(idle[design] < 0.5 * idle["spinning"] for design in ["blocking", "threads", "loop"]),
    )
    lesson.check("and spinning is the busiest of all, for nothing", idle["spinning"] > idle["timeouts"])


def allow_many_sockets():
    """A socket is an open file, and many systems allow a process 1024 of them unless it asks for more. The
    servers inherit what is set here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CLIENTS[-1] + 100
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


if __name__ == "__main__":
    main()
