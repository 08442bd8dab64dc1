"""`server_designs`: the same load against five servers, and what each of them costs.

All five send back in upper case what they hear. They differ in what they do while a client is silent: wait
for it (`blocking`), leave the waiting to a thread (`threads`), ask again at once (`spinning`), wait a little
and then ask the next (`timeouts`), or let the kernel tell them (`loop`).

The load: N clients are connected, at most five of them wait for an answer at one time, and all others are
silent. Before you run it: how does each design get on as N goes from 1 to 1000? Whose throughput falls, and
in what proportion? Whose memory grows? Which of them uses the CPU when nobody says anything?

The twin of examples/server_designs/, less its picture. Read designs/servers.py first: the five servers are the
lesson, the rest is the measuring of it.
"""

import argparse
import resource

from common import Lesson
from designs.cell import Cell
from designs.child import serve
from designs.servers import DESIGNS, PATIENCE, SERVES_EVERYONE

# How many clients there are, from column to column.
CLIENTS = [1, 10, 100, 1000]


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
            cell = Cell(design, clients, time_slice)
            lesson.told(f"{design:8}", cell)
            cells.append(cell)
    return cells


def check_load(lesson, cells):
    """What has to hold on any machine, however slow: who is served, never how fast."""

    def of(*designs):
        return [cell for cell in cells if cell.design in designs]

    lesson.check(
        "blocking: of many clients one is served, and one request of it answered",
        all(cell.served == cell.answered == 1 for cell in of("blocking") if cell.clients > 1),
    )
    # A round asks everybody once, and every round waits its millisecond at the listener at least.
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
    # Asleep in the kernel, however many clients there are: waiting costs these three only memory.
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
