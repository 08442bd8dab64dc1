"""A cell of the table: one server, one number of clients, and what came of it."""

import time

from .child import Running
from .load import Load
from .servers import SERVES_EVERYONE

# How long all clients are silent before they begin, in seconds.
SILENCE = 0.02


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
