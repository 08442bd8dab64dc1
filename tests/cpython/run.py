#!/usr/bin/env python3
"""CPython's own tests of sockets over `sockmodes::socket`: which pass, and whether the list of those that can't is true.

They are those of the Python that runs this (Debian: libpython3-testsuite). First CPython runs them with its own
sockets: what it passes here, and what makes a socket of ours, counts. `listed.toml` says which of these can't pass,
and why. README.md has the rest.
"""
import argparse
import json
import os
import pathlib
import selectors
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
TARGET = HERE.parent.parent / "target" / "cpython"
# A test that takes longer than this hangs. The longest takes five seconds.
PATIENCE = 30
# The most that may be listed of the tests that count, and the fewest that count where nothing is amiss.
MOST_LISTED = 60
FEWEST = 500


def build(target):
    """The module, built, under the name that Python looks for, in a folder of its own."""
    command = ["cargo", "build", "--locked", "--manifest-path", HERE / "Cargo.toml", "--target-dir", target]
    subprocess.run(command, check=True, env=os.environ | {"PYO3_PYTHON": sys.executable})
    folder = pathlib.Path(tempfile.mkdtemp())
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    shutil.copy(pathlib.Path(target) / "debug" / "libsockmodes_cpython.so", folder / f"_sockmodes{suffix}")
    return folder


def own_network():
    """The words before a command that give it a network of its own, if that can be had: tests guess ports."""
    for words in [["unshare", "--net"], ["unshare", "--map-root-user", "--net"]]:
        words = words + ["sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
        try:
            subprocess.run(words + ["true"], check=True, capture_output=True)
            return words
        except (OSError, subprocess.CalledProcessError):
            continue
    print("no network of its own is to be had: a test that guesses a port may fail for it")
    return []


def run(which, folder, network):
    """What came of each test. A worker that hangs or dies is started anew, without what it had done."""
    came = {}
    while True:
        command = network + [sys.executable, str(HERE / "worker.py"), which, str(folder), *came]
        with tempfile.TemporaryDirectory() as home, tempfile.TemporaryFile() as said:
            worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, cwd=home)
            running = listen(worker, came)
            code = worker.wait()
            if running is None and code == 0:
                return came
            if running is None:
                said.seek(0)
                sys.exit(f"the worker died before its first test:\n{said.read().decode(errors='replace')}")
            why = "it hangs" if code == -9 else f"the process died of it ({code})"
            came[running] = {"outcome": "failed", "why": why, "sockets": 1}


def listen(worker, came):
    """Reads until the worker ends, or ends it; returns the test that was running then."""
    running = None
    with selectors.DefaultSelector() as selector:
        selector.register(worker.stdout, selectors.EVENT_READ)
        os.set_blocking(worker.stdout.fileno(), False)
        rest = b""
        while True:
            if not selector.select(PATIENCE):
                worker.kill()
                return running
            piece = os.read(worker.stdout.fileno(), 65536)
            if not piece:
                return running
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                told = json.loads(line)
                if told["outcome"] == "started":
                    running = told["test"]
                else:
                    came[told.pop("test")] = told
                    running = None


def compare(real, ours, listed):
    """Says what is wrong, and how many of the tests that count there are of each kind."""
    reached = {test for test in ours if ours[test]["sockets"]}
    counting = {test for test in reached if real.get(test, {}).get("outcome") == "passed"}
    passed = {test for test in counting if ours[test]["outcome"] == "passed"}
    wrong = []
    for test in sorted(counting - passed - listed.keys()):
        wrong.append(f"{test} {ours[test]['outcome']}:\n{ours[test]['why']}")
    for test in sorted(passed & listed.keys()):
        wrong.append(f"{test} passes, and is listed: {listed[test]}")
    for test in sorted(listed.keys() - ours.keys()):
        print(f"{test} is listed, and this Python has no such test")
    listed_here = counting & listed.keys()
    if len(listed_here) > MOST_LISTED:
        wrong.append(f"{len(listed_here)} tests are listed, which is more than {MOST_LISTED}")
    if len(counting) < FEWEST:
        wrong.append(f"{len(counting)} tests make a socket, which is fewer than {FEWEST}: something is amiss")
        wrong += [told["why"] for test, told in real.items() if "_FailedTest" in test]
    of_real = sum(told["outcome"] == "passed" for told in real.values())
    print(f"CPython {sys.version.split()[0]}: {len(real)} tests, of which it passes {of_real} here")
    print(f"{len(counting)} of these make a socket: {len(passed)} pass with ours, {len(listed_here)} are listed")
    return wrong


def read_list():
    with open(HERE / "listed.toml", "rb") as file:
        groups = tomllib.load(file)["group"]
    return {test: group["why"] for group in groups for test in group["tests"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target-dir", default=str(TARGET))
    parser.add_argument("--results", help="a file for what came of each test, as JSON")
    parser.add_argument("--module", help="a folder that has the module already; nothing is built")
    options = parser.parse_args()
    folder = pathlib.Path(options.module) if options.module else build(options.target_dir)
    network = own_network()
    try:
        real = run("real", folder, network)
        ours = run("ours", folder, network)
    finally:
        if not options.module:
            shutil.rmtree(folder)
    if options.results:
        pathlib.Path(options.results).write_text(json.dumps({"real": real, "ours": ours}, indent=1))
    wrong = compare(real, ours, read_list())
    print("\n".join(wrong))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
