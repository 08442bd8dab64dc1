"""Runs CPython's own tests of sockets, in one process, and tells one JSON line for each that has ended.

`worker.py real|ours FOLDER SKIP...`: with CPython's `_socket`, or with the module in FOLDER in its place; without the
tests whose names are in SKIP. `run.py` starts it.
"""
import json
import sys
import types
import unittest

MODULES = ["test.test_socket", "test.test_timeout"]


def put_in_place(folder):
    """Makes `_socket` a module with all that CPython's has, but for what ours has."""
    import _socket as real

    sys.path.insert(0, folder)
    import _sockmodes as ours

    mixed = types.ModuleType("_socket", real.__doc__)
    mixed.__dict__.update(real.__dict__)
    for name in ["socket", "socketpair", "setdefaulttimeout", "getdefaulttimeout"]:
        setattr(mixed, name, getattr(ours, name))
    mixed.SocketType = mixed.socket
    sys.modules["_socket"] = mixed
    import files
    import socket

    socket.socket.makefile = files.makefile
    return ours.made


class Teller(unittest.TestResult):
    """Tells what came of each test, on the output that the worker began with."""

    def __init__(self, made, output):
        super().__init__()
        self.made = made
        self.output = output

    def startTest(self, test):
        super().startTest(test)
        self.before = self.made()
        self.outcome = ("passed", "")
        self.tell({"test": test.id(), "outcome": "started"})

    def stopTest(self, test):
        outcome, why = self.outcome
        made = self.made() - self.before
        self.tell({"test": test.id(), "outcome": outcome, "why": why, "sockets": made})
        super().stopTest(test)

    def tell(self, what):
        print(json.dumps(what), file=self.output, flush=True)

    def addFailure(self, test, error):
        self.failed(test, error)

    def addError(self, test, error):
        if isinstance(test, unittest.TestCase):
            self.failed(test, error)
        else:
            # A fixture of a whole class: none of its tests is started.
            self.tell({"test": test.id(), "outcome": "failed", "why": self._exc_info_to_string(error, test), "sockets": 0})

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.failed(test, error)

    def failed(self, test, error):
        self.outcome = ("failed", self._exc_info_to_string(error, test))

    def addSkip(self, test, reason):
        if self.outcome[0] == "passed":
            self.outcome = ("skipped", reason)

    def addExpectedFailure(self, test, error):
        self.outcome = ("skipped", "it is expected to fail")


def tests_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_of(test)
        else:
            yield test


def main():
    which, folder, *skip = sys.argv[1:]
    made = put_in_place(folder) if which == "ours" else (lambda: 0)
    from test import support

    # What needs another machine is not asked for, nor what takes long.
    support.use_resources = []
    output, sys.stdout = sys.stdout, sys.stderr
    loaded = unittest.defaultTestLoader.loadTestsFromNames(MODULES)
    skip = set(skip)
    chosen = unittest.TestSuite(test for test in tests_of(loaded) if test.id() not in skip)
    chosen.run(Teller(made, output))


if __name__ == "__main__":
    main()
