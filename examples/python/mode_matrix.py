"""`mode_matrix`: what happens if …? Every operation, in every condition, in all three modes, measured on the spot.

Before you run it: pick an operation and cover the columns with your hand. What does `recv` do when the peer has
closed; `send`, when the buffer is full; `connect`, when nobody listens; `readline`, when half a line is there? In
which rows do the three modes differ, and what do those have in common?

The conditions are in `conditions/`: `reading.py`, `writing.py`, `connecting.py` and `states.py` say how each comes
about. This file only runs them and prints what came out. With `--json` it prints the table that the library in Rust is
held against, `tests/oracle/`.

The twin of examples/mode_matrix.rs. Next: `challenge_response`, the first of the servers.
"""

import json
import queue
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import conditions
from common import Lesson, complain

MODES = ("blocking", "nonblocking", "timeout")
AT_A_TIME = 64
PEER_ACTS, PEER_IS_LATE, IMMEDIATE, WATCHDOG = 0.1, 0.2, 0.25, 1.3
TABLE = Path(__file__).parents[2] / "tests" / "oracle" / "cpython-3.11.json"
# What Python can say and the library can't: left out, so that the two print the same rows.
LEFT_OUT = {
    ("settimeout", "-1"),
    ("O_NONBLOCK", "after-settimeout(-1)"),
    ("getblocking", "after-settimeout(-1)"),
    ("recv_into", "nbytes-above-buffer-data-ready"),
    ("getsockopt", "unknown-option"),
}


class Run:
    """What came of a trial."""

    def __init__(self, outcome, elapsed, took, peer_was_late):
        self.outcome, self.elapsed, self.took, self.peer_was_late = outcome, elapsed, took, peer_was_late

    def agrees_with(self, cell):
        return (self.outcome, self.elapsed) == (cell["outcome"], cell["elapsed"])


def run(trial):
    """The operation on a thread of its own, a peer that acts while it runs, a watchdog."""
    acted_at, begins, ended, stop_peer = [], queue.Queue(), queue.Queue(), threading.Event()

    def work():
        rain = Rain() if trial.signals else None
        begins.put(time.monotonic())
        outcome = trial.operation()
        end = time.monotonic()
        if rain:
            rain.stop()
        ended.put((outcome, end))

    def act():
        if not stop_peer.wait(max(0, PEER_ACTS - (time.monotonic() - begun))):
            acted_at.append(time.monotonic())
            trial.peer()

    threads = [threading.Thread(target=work)]
    threads[0].start()
    # A busy machine may let the thread wait for longer than the peer does.
    begun = begins.get()
    if trial.peer:
        threads.append(threading.Thread(target=act))
        threads[1].start()
    try:
        outcome, end = ended.get(timeout=WATCHDOG)
    except queue.Empty:
        outcome, end = "waiting", time.monotonic()
    stop_peer.set()
    if trial.waker is not None:
        # Shutting down both directions wakes an operation that would wait for ever, and a peer that still reads.
        waker = socket.socket(fileno=trial.waker)
        conditions.told(lambda: waker.shutdown(socket.SHUT_RDWR))
        waker.close()
    for thread in threads:
        thread.join()
    return judge(outcome, end - begun, acted_at and acted_at[0] - begun)


def judge(outcome, took, acted):
    late = bool(acted) and acted > PEER_IS_LATE
    if outcome == "waiting":
        elapsed = "forever"
    elif outcome in ("timed-out", "not-writable"):
        elapsed = "waits-timeout" if took >= conditions.LIMIT else "too-early"
    elif acted and acted < took:
        elapsed = "waits-for-peer"
    else:
        elapsed = "immediate" if took < IMMEDIATE else "slow"
    return Run(outcome, elapsed, took, late)


class Rain:
    """A signal every 2 ms on the thread that made it, until it is stopped."""

    def __init__(self):
        self.over = threading.Event()
        self.clouds = threading.Thread(target=self.fall, args=(threading.get_ident(),))
        self.clouds.start()

    def fall(self, thread):
        while not self.over.wait(0.002):
            signal.pthread_kill(thread, signal.SIGUSR1)

    def stop(self):
        self.over.set()
        self.clouds.join()


def settled(cell):
    """Runs a cell, and again if a busy machine may have spoilt it: that makes things slow, but never fast."""
    for _ in range(3):
        result = run(conditions.trial(cell["op"], cell["mode"], cell["condition"]))
        may_be_the_machine = result.outcome in (cell["outcome"], "timed-out") or result.peer_was_late
        if result.agrees_with(cell) or not may_be_the_machine:
            break
    return result


def measure(cells):
    """Runs every cell, many at a time; the results are in the order of the cells."""
    results = [None] * len(cells)
    together = queue.SimpleQueue()
    for at, cell in enumerate(cells):
        # The default timeout is the whole process's: nothing else may make a socket meanwhile.
        if "default" in cell["condition"]:
            results[at] = settled(cell)
        else:
            together.put(at)

    def work():
        while True:
            try:
                at = together.get_nowait()
            except queue.Empty:
                return
            results[at] = settled(cells[at])

    workers = [threading.Thread(target=work) for _ in range(AT_A_TIME)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return results


def shown(result):
    if result is None:
        return ""
    waited_for = {"immediate": "-", "waits-for-peer": "peer", "waits-timeout": "limit", "forever": "ever"}
    outcome = result.outcome.removeprefix("errno:")
    return f"{outcome:<15} {result.took:.3f} s {waited_for.get(result.elapsed, result.elapsed)}"


def print_table(cells):
    lesson = Lesson(
        "mode_matrix: what happens if",
        [
            "in which conditions do all three modes give the same answer?",
            "where does blocking wait for ever? What do the two others do in the same row?",
            "which operations can end with less than all of it, and in which modes?",
        ],
    )
    how_to_read_it(lesson)
    measured = measure(cells)
    runs = {(c["op"], c["mode"], c["condition"]): r for c, r in zip(cells, measured)}
    rows = list(dict.fromkeys((cell["op"], cell["condition"]) for cell in cells))
    print_rows(lesson, rows, runs)
    and_cpython(lesson, cells, measured, len(rows))
    for_ever(lesson, rows, runs)
    lesson.end()


def how_to_read_it(lesson):
    lesson.part("How to read it")
    lesson.note("Each cell: what came of it, how long it took, and what it waited for:")
    lesson.note("  -      nothing, it came back at once")
    lesson.note("  peer   the peer, which acts after 0.1 s")
    lesson.note("  limit  the timeout of 0.3 s, which ran out")
    lesson.note("  ever   it would wait for ever; it was given up after 1.3 s")


def print_rows(lesson, rows, runs):
    """Prints the rows, an operation a part."""
    last = None
    for op, condition in rows:
        if op != last:
            last = op
            lesson.part(f"{op:<51}{MODES[0]:<33}{MODES[1]:<33}timeout")
        columns = [shown(runs.get((op, mode, condition))) for mode in MODES]
        print(f"  {condition:<49}{columns[0]:<33}{columns[1]:<33}{columns[2]}".rstrip())


def and_cpython(lesson, cells, measured, rows):
    lesson.part("And CPython?")
    lesson.note(f"{len(cells)} cells in {rows} rows were measured.")
    differing = [(c, r) for c, r in zip(cells, measured) if not r.agrees_with(c)]
    for cell, result in differing:
        lesson.note(f"differs: {' / '.join(cell.values())}: {result.outcome} {result.elapsed}")
    lesson.check("every cell is what was measured on CPython", not differing)


def for_ever(lesson, rows, runs):
    """What the rows have in common in which blocking mode never comes back."""

    def waits(row, mode):
        result = runs.get((row[0], mode, row[1]))
        return result and result.elapsed

    never_back = [row for row in rows if waits(row, "blocking") == "forever"]
    lesson.check(
        "where blocking waits for ever, non-blocking never waits at all",
        all(waits(row, "nonblocking") == "immediate" for row in never_back),
    )
    lesson.check(
        "and timeout mode does not wait for ever either",
        all(waits(row, "timeout") != "forever" for row in never_back),
    )


def print_json(cells):
    measured = measure(cells)
    lines = [json.dumps({**c, "outcome": r.outcome, "elapsed": r.elapsed}) for c, r in zip(cells, measured)]
    print("[\n" + ",\n".join(lines) + "\n]")
    sys.exit(0 if all(r.agrees_with(c) for c, r in zip(cells, measured)) else 1)


def main(arguments):
    # A handler that does nothing: the signals are there to interrupt calls.
    signal.signal(signal.SIGUSR1, lambda *_: None)
    cells = [c for c in json.loads(TABLE.read_text()) if (c["op"], c["condition"]) not in LEFT_OUT]
    ops = list(dict.fromkeys(cell["op"] for cell in cells))
    show = print_table
    while arguments:
        match arguments:
            case ["--json", *arguments]:
                show = print_json
            case ["--op", op, *arguments] if op in ops:
                cells = [cell for cell in cells if cell["op"] == op]
            case _:
                complain("usage: mode_matrix [--json] [--op OPERATION], with one of the operations:")
                complain("  " + ", ".join(ops))
                sys.exit(2)
    show(cells)


main(sys.argv[1:])
