#!/usr/bin/env python3
"""Random operations on pairs of sockets and their files, with CPython's sockets and with ours: all have to agree.

`compare.py [OPERATIONS [SEED]]`, 100,000 of them unless told otherwise. Each of the two runs all programs in a process
of its own, and tells what every step came to.
"""
import array
import json
import os
import random
import shutil
import subprocess
import sys

import run

KINDS = ["unix-stream", "unix-dgram", "unix-seqpacket", "tcp", "udp", "udp6"]
SIZES = [0, 1, 2, 7, 100, 1000]
STEPS = 25


def program(chance):
    """A kind of pair, and steps: which end, what to do, and three numbers of which each step uses what it needs."""
    steps = []
    names = list(weights())
    for _ in range(STEPS):
        name = chance.choices(names, [weights()[name] for name in names])[0]
        numbers = [chance.choice(SIZES), chance.choice(SIZES), chance.randrange(8)]
        steps.append((chance.randrange(2), name, numbers))
    return chance.choice(KINDS), steps


def weights():
    return {
        "send": 8, "sendall": 5, "sendto": 2, "sendmsg": 5, "rights": 3, "recv": 8, "recv_into": 4, "recvfrom": 3,
        "recvfrom_into": 3, "recvmsg": 6, "recvmsg_into": 4, "flood": 1, "shutdown": 1, "close": 0.3, "detach": 0.2,
        "timeout": 3, "state": 2, "names": 2, "accept": 0.5, "listen": 0.5, "bind": 0.5, "connect_ex": 0.5,
        "option": 1, "file": 2, "read": 4, "read1": 2, "peek": 2, "readinto": 2, "readline": 4, "write": 3,
        "flush": 2, "close_file": 1, "shut_file": 0.5,
    }  # fmt: skip


def pair(socket, kind):
    family, _, sort = kind.partition("-")
    if family == "unix":
        types = {"stream": socket.SOCK_STREAM, "dgram": socket.SOCK_DGRAM, "seqpacket": socket.SOCK_SEQPACKET}
        return list(socket.socketpair(socket.AF_UNIX, types[sort]))
    if kind == "tcp":
        with socket.create_server(("127.0.0.1", 0)) as server:
            one = socket.create_connection(server.getsockname())
            return [one, server.accept()[0]]
    family, host = (socket.AF_INET6, "::1") if kind == "udp6" else (socket.AF_INET, "127.0.0.1")
    both = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(2)]
    for end in both:
        end.bind((host, 0))
    both[0].connect(both[1].getsockname())
    both[1].connect(both[0].getsockname())
    return both


class Program:
    """One program under way."""

    def __init__(self, socket, kind):
        self.socket, self.kind = socket, kind
        self.ends = pair(socket, kind)
        self.files = [None, None]
        for end in self.ends:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
            end.settimeout(0)

    def flags(self, number):
        return [0, 0, 0, self.socket.MSG_PEEK, self.socket.MSG_DONTWAIT, self.socket.MSG_WAITALL, 0, 0][number]

    def address(self, address):
        """Without the port, which is another every time."""
        if isinstance(address, bytes):
            # A name that the kernel has picked.
            return len(address)
        return [address[0], len(address)] if isinstance(address, tuple) else repr(address)

    def step(self, which, name, numbers):
        n, m, f = numbers
        payload = bytes(97 + (n * 7 + at) % 13 if at % 11 else 10 for at in range(n))
        match name:
            case "send" | "sendall" | "sendto" | "sendmsg" | "rights" | "flood":
                return self.sending(which, name, payload, m, f)
            case "recv" | "recv_into" | "recvfrom" | "recvfrom_into" | "recvmsg" | "recvmsg_into":
                return self.receiving(self.ends[which], name, n, m, f)
            case "shutdown" | "close" | "detach" | "timeout" | "accept" | "listen" | "bind" | "connect_ex":
                return self.changing(self.ends[which], name, f)
            case "state" | "names" | "option":
                return self.asking(self.ends[which], name, f)
            case "file":
                if self.files[which] is None:
                    mode = ["rb", "wb", "rwb", "rwb"][f % 4]
                    self.files[which] = self.ends[which].makefile(mode, [0, 4, 64, -1][(n + m) % 4])
                return "file"
            case "shut_file":
                self.files[which] = None
                return "dropped"
        return self.of_file(self.files[which], name, n, payload)

    def sending(self, which, name, payload, m, f):
        end, socket = self.ends[which], self.socket
        match name:
            case "send" | "sendall":
                return getattr(end, name)(payload)
            case "sendto":
                return end.sendto(payload, f % 2, ("127.0.0.1", 9) if f < 4 else None)
            case "sendmsg":
                return end.sendmsg([payload, b"", b"m" * m])
            case "rights":
                fds = array.array("i", [0] * (f % 3))
                return end.sendmsg([payload], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
            case "flood":
                # How much fits is the same for a pair of Unix sockets only.
                sent = 0
                try:
                    while sent < 10**7:
                        sent += end.send(bytes(4096))
                finally:
                    self.drain(self.ends[1 - which])
                return "it never ended"

    def receiving(self, end, name, n, m, f):
        match name:
            case "recv":
                return end.recv(n, self.flags(f)).hex()
            case "recv_into":
                buffer = bytearray(n)
                flags = self.flags(f) & ~self.socket.MSG_TRUNC
                return end.recv_into(buffer, m if f % 2 else 0, flags), buffer.hex()
            case "recvfrom":
                data, address = end.recvfrom(n, self.flags(f))
                return data.hex(), self.address(address)
            case "recvfrom_into":
                buffer = bytearray(n)
                count, address = end.recvfrom_into(buffer, 0, self.flags(f))
                return count, buffer.hex(), self.address(address)
            case "recvmsg":
                return self.message(*end.recvmsg(n, [0, 3, 16, 20, 24, 64, 200, 1][f]))
            case "recvmsg_into":
                buffers = [bytearray(n), bytearray(), bytearray(m)]
                count, *rest = end.recvmsg_into(buffers, 64)
                return count, b"".join(buffers).hex(), self.message(b"", *rest)

    def changing(self, end, name, f):
        match name:
            case "shutdown":
                return end.shutdown(f)
            case "close":
                return end.close()
            case "detach":
                fd = end.detach()
                return fd >= 0 and os.close(fd)
            case "timeout":
                return end.settimeout([0, 0.001, 0, 0.002][f % 4])
            case "accept":
                return end.accept() and "accepted"
            case "listen":
                return end.listen(f)
            case "bind":
                return end.bind([("", 0), ("::1", 0), "", b"\0", ("127.0.0.1",), None, 7, ("127.0.0.1", -1)][f])
            case "connect_ex":
                return end.connect_ex([("127.0.0.1", 9), ("::1", 9), "/nowhere", ("", 0)][f % 4])

    def asking(self, end, name, f):
        socket = self.socket
        match name:
            case "state":
                return end.gettimeout(), end.getblocking(), end.fileno() >= 0, end.family, end.type, end.proto
            case "names":
                return self.address(end.getsockname()), self.address(end.getpeername())
            case "option":
                return end.getsockopt(socket.SOL_SOCKET, [socket.SO_ERROR, socket.SO_TYPE, socket.SO_ACCEPTCONN][f % 3])

    def of_file(self, file, name, n, payload):
        if file is None:
            return "no file"
        match name:
            case "read":
                data = file.read(n)
                return data if data is None else data.hex()
            case "read1" | "peek":
                data = getattr(file, name)(n)
                return data.hex()
            case "readinto":
                buffer = bytearray(n)
                return file.readinto(buffer), buffer.hex()
            case "readline":
                return file.readline(n if n % 2 else -1).hex()
            case "write":
                return file.write(payload)
            case "flush":
                return file.flush()
            case "close_file":
                return file.close()

    def message(self, data, ancillary, flags, address):
        pieces = []
        for level, kind, value in ancillary:
            if (level, kind) == (self.socket.SOL_SOCKET, self.socket.SCM_RIGHTS):
                fds = array.array("i", value[: len(value) // 4 * 4])
                for fd in fds:
                    os.close(fd)
                value = bytes(len(value))
            pieces.append((level, kind, value.hex()))
        return data.hex(), pieces, flags & ~0x40000000, self.address(address)

    def drain(self, peer):
        before = peer.gettimeout()
        peer.settimeout(0)
        try:
            while peer.recv(65536):
                pass
        except OSError:
            pass
        finally:
            peer.settimeout(before)


def told(under_way, step):
    """What a step came to: a value, or an exception by its class and its number."""
    try:
        return under_way.step(*step)
    except Exception as error:
        if isinstance(error, AttributeError):
            # CPython's files for one direction have no methods of the other, ours have them and refuse.
            return ["UnsupportedOperation", None, None]
        written = getattr(error, "characters_written", None) if isinstance(error, BlockingIOError) else None
        return [type(error).__name__, getattr(error, "errno", None), written]


def work(folder, operations, seed):
    """In a process of its own: one line of JSON for each program."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    if folder:
        import worker

        worker.put_in_place(folder)
    import socket

    chance = random.Random(seed)
    for _ in range(operations // STEPS):
        kind, steps = program(chance)
        under_way = Program(socket, kind)
        print(json.dumps([told(under_way, step) for step in steps]))


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["--work"]:
        return work(arguments[1], int(arguments[2]), int(arguments[3]))
    operations = int(arguments[0]) if arguments else 100_000
    seed = int(arguments[1]) if len(arguments) > 1 else 1
    folder = run.build(run.TARGET)
    answers = []
    for which in ["", folder]:
        command = [sys.executable, "-W", "ignore", __file__, "--work", which, str(operations), str(seed)]
        done = subprocess.run(run.own_network() + command, check=True, stdout=subprocess.PIPE)
        answers.append(done.stdout.splitlines())
    shutil.rmtree(folder)
    chance, differ = random.Random(seed), 0
    for real, ours in zip(*map(lambda lines: map(json.loads, lines), answers), strict=True):
        kind, steps = program(chance)
        for step, theirs, here in zip(steps, real, ours, strict=True):
            if theirs != here:
                differ += 1
                if differ <= 20:
                    print(f"{kind} {step}: CPython {theirs}, here {here}\n  of {steps}")
                break
    print(f"{operations} operations, {differ} programs differ")
    sys.exit(bool(differ))


if __name__ == "__main__":
    main()
