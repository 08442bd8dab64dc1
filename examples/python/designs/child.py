"""A server in a process of its own: how it is started, asked what it has used, and sent home.

In one process the load would be billed to the server, and the GIL shared with it.
"""

import os
import socket
import subprocess
import sys
import threading
import time

from .servers import DESIGNS


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

    A line feed on its standard input asks what it has used, the end of input sends it home. That also comes if the
    lesson crashes, so no server is ever left behind.
    """
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    # Room for all the clients that the lesson brings: where the server does not accept (the first one will
    # not), the kernel keeps them in this queue, connected and unheard.
    listener.listen(1024)
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=DESIGNS[design], args=(listener, Arrivals(expected)), daemon=True).start()
    for _ in sys.stdin:
        # `process_time` is the clock that runs only while this process does, in all of its threads.
        print(time.process_time_ns(), resident_kib(), flush=True)
    # Not `sys.exit`: it would wait for threads that have no reason ever to end.
    os._exit(0)


def resident_kib():
    """What really lies in RAM. (Asked for and never touched costs nothing.)"""
    if sys.platform != "linux":
        return 0  # Elsewhere there is no /proc to read it from, and 0 says so.
    with open("/proc/self/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


class Running:
    """A running child. Leaving the `with` ends the server."""

    def __init__(self, design, clients):
        # The first design accepts its first client, and no other while that one stays.
        expected = 1 if design == "blocking" else clients
        self.child = subprocess.Popen(
            # This program again. -S: without site-packages, which nobody here needs, Python starts in half the time.
            [sys.executable, "-S", sys.argv[0], "--serve", design, str(expected)],
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
