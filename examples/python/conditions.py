"""How each condition of mode_matrix comes about: tests/oracle/*.rs in Python.

`trial(op, mode, condition)` sets the condition up and returns what is to be run. mode_matrix.py runs it.
"""

import errno
import fcntl
import io
import os
import select
import socket
import struct
import time

LIMIT = 0.3
SMALL_BUFFER = 32 * 1024
LARGE = b"x" * (768 * 1024)
LINE = b"hello\n"
# All of 127/8 is this machine, and nothing here binds to .77.
UNREACHABLE = ("127.0.0.77", 9)
MODES = {"blocking": None, "nonblocking": 0, "timeout": LIMIT}


class Trial:
    """An operation, ready to run, and what is to happen meanwhile."""

    def __init__(self, operation, sock=None, peer=None):
        self.operation, self.peer, self.signals = operation, peer, False
        # The socket once more, to wake an operation that waits for ever.
        self.waker = os.dup(sock.fileno()) if sock and sock.fileno() != -1 else None


def trial(op, mode, condition):
    """The trial of a cell: `mode` is set just before the operation."""
    plain = condition.removeprefix("signals-")
    if op in READS:
        made = reading(op, MODES[mode], plain)
    elif op in WRITES:
        made = writing(op, MODES[mode], plain)
    elif op in ("connect", "connect_ex"):
        made = connecting(op, MODES[mode], plain)
    else:
        made = {"sendto": sendto, "makefile-write": buffered_write, "accept": accepting, "close": closing}.get(
            op, lambda mode, condition: asking(op, mode, condition)
        )(MODES[mode], plain)
    made.signals = plain != condition
    return made


# What things are called.


def error_name(error):
    """An exception in the table's words."""
    if isinstance(error, io.UnsupportedOperation):
        return "unsupported"
    if isinstance(error, ValueError):
        return "file-closed" if "closed file" in str(error) else "value-error"
    if isinstance(error, TimeoutError) and error.errno is None:
        return "timed-out"
    if error.errno is None:
        return "file-timed-out" if "timed out object" in str(error) else f"unforeseen: {error}"
    return errno_name(error.errno)


def errno_name(number):
    """An errno in the table's words."""
    words = {0: "ok", errno.EAGAIN: "would-block", errno.EINPROGRESS: "in-progress"}
    return words.get(number) or "errno:" + errno.errorcode[number]


def told(run, say=lambda result: "ok"):
    """What `run` gave, or raised, in the table's words."""
    try:
        return say(run())
    except (OSError, ValueError) as error:
        return error_name(error)


# The parts that conditions are made of.


def listener():
    """Its connections have a small receive buffer, which they inherit."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    sock.bind(("127.0.0.1", 0))
    sock.listen(8)
    return sock


def connected():
    with listener() as listening:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER)
        sock.connect(listening.getsockname())
        return sock, listening.accept()[0]


def udp():
    """A bound UDP socket, and a peer that is connected to it."""
    sock, peer = (socket.socket(type=socket.SOCK_DGRAM) for _ in range(2))
    for one in (sock, peer):
        one.bind(("127.0.0.1", 0))
    peer.connect(sock.getsockname())
    return sock, peer


def refusing():
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    return holder.getsockname(), holder


def full_backlog():
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    holder.listen(0)
    filling = [holder]
    while True:
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(holder.getsockname())
        got_in = ready(sock, select.POLLOUT, 0.1)
        filling.append(sock)
        if not got_in:
            return holder.getsockname(), filling


def fill(sock):
    """Sends until the kernel has refused forty times, 10 ms apart.

    A refusal alone means little: a delayed ACK makes room after 40 ms, a retransmission 0.2 s after that.
    """
    sock.setblocking(False)
    refusals = 0
    while refusals < 40:
        try:
            sock.send(b"x" * (1 if refusals else 4096))
            refusals = 0
        except BlockingIOError:
            refusals += 1
            if refusals > 1:
                time.sleep(0.01)


def ready(sock, flags, limit):
    poll = select.poll()
    poll.register(sock, flags)
    return bool(poll.poll(limit * 1000))


def until(sock, flags):
    if not ready(sock, flags, 10):
        raise RuntimeError("the condition never came about")


def deliver(peer, data, sock):
    peer.sendall(data)
    until(sock, select.POLLIN)


def close(peer, sock):
    peer.close()
    until(sock, select.POLLRDHUP)


def reset(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def reset_and_wait(peer, sock):
    reset(peer)
    until(sock, 0)


def drain(peer, rest=0):
    """Reads to the end, with a rest 64 KiB at a time; returns how much there was."""
    total = 0
    try:
        while data := peer.recv(65536, socket.MSG_WAITALL if rest else 0):
            total += len(data)
            time.sleep(rest)
    except ConnectionError:
        pass
    return total


# recv and its kin, and the files that read.

READS = ("recv", "recv_into", "recvfrom", "makefile-raw-read", "makefile-read", "makefile-readline")


def reading(op, mode, condition):
    datagrams = condition.startswith("udp-")
    if datagrams:
        sock, peer = udp()
    elif condition in ("not-connected", "closed-socket", "zero-length-closed-socket"):
        sock, peer = socket.socket(), None
    else:
        sock, peer = connected()
    ask = 5
    if condition in ("data-ready-more-than-asked", "udp-datagram-larger-than-asked"):
        ask = 3
    elif "zero-length" in condition:
        ask = 0
    direction = "wb" if condition == "opened-for-writing-only" else "rb"
    file = None
    if op.startswith("makefile"):
        file = sock.makefile(direction, buffering=0 if op == "makefile-raw-read" else -1)
    ask, later = read_condition(condition, sock, peer, file, ask)
    to_end = condition.startswith("until-eof")
    read = {
        "recv": lambda: len(sock.recv(ask)),
        "recv_into": lambda: sock.recv_into(bytearray(ask)),
        "recvfrom": lambda: len(sock.recvfrom(ask)[0]),
        "makefile-raw-read": lambda: count(file.read() if to_end else file.read(ask)),
        "makefile-read": lambda: count(file.read() if to_end else file.read(ask)),
        "makefile-readline": lambda: count(file.readline()),
    }[op]
    nothing = "ok:0" if datagrams or ask == 0 else "eof"

    def operation():
        _keep = peer
        set_mode(sock, mode)
        return told(read, lambda n: "none" if n is None else f"ok:{n}" if n else nothing)

    return Trial(operation, sock, later)


def count(data):
    return None if data is None else len(data)


def set_mode(sock, mode):
    """A closed socket remembers the mode and says EBADF."""
    told(lambda: sock.settimeout(mode))


def read_condition(condition, sock, peer, file, ask):
    """Brings it about. Returns how much to ask for and what the peer does later."""
    later = None
    if condition in ("not-connected", "no-data-ever", "zero-length-no-data", "opened-for-writing-only"):
        pass
    elif condition in ("udp-no-data-ever", "udp-zero-length-no-data"):
        pass
    elif condition in ("closed-socket", "zero-length-closed-socket"):
        sock.close()
    elif condition in ("data-ready", "data-ready-more-than-asked", "until-eof-peer-never-closes"):
        deliver(peer, b"hello", sock)
    elif condition == "file-closed":
        deliver(peer, b"hello", sock)
        file.close()
    elif condition == "socket-closed-file-open-data-ready":
        deliver(peer, b"hello", sock)
        sock.close()
    elif condition == "line-ready":
        deliver(peer, LINE, sock)
    elif condition == "two-lines-ready":
        deliver(peer, b"hello\nworld\n", sock)
    elif condition == "second-of-two-lines-ready":
        deliver(peer, b"hello\nworld\n", sock)
        file.readline()
    elif condition == "second-line-after-unbuffered-makefile-readline":
        deliver(peer, b"hello\nworld\n", sock)
        sock.makefile("rb", buffering=0).readline()
        ask = len(LINE)
    elif condition.startswith("part-ready-rest"):
        deliver(peer, LINE[:3], sock)
        if condition.endswith("100ms"):
            later = lambda: peer.sendall(LINE[3:])
    elif condition == "data-ready-after-earlier-timeout":
        sock.settimeout(0.001)
        told(lambda: sock.recv(5))
        deliver(peer, b"hello", sock)
    elif condition == "own-shutdown-read":
        sock.shutdown(socket.SHUT_RD)
    elif condition in ("data-after-100ms", "line-after-100ms"):
        later = lambda: peer.sendall(LINE if condition.startswith("line") else b"hello")
    elif condition == "peer-closes-after-100ms":
        later = peer.close
    elif condition == "peer-resets-after-100ms":
        later = lambda: reset(peer)
    elif condition == "peer-closed":
        close(peer, sock)
    elif condition in ("data-then-peer-closed", "until-eof-peer-closed"):
        deliver(peer, b"hello", sock)
        close(peer, sock)
    elif condition == "part-ready-then-peer-closed":
        peer.sendall(LINE[:3])
        close(peer, sock)
    elif condition == "peer-reset":
        reset_and_wait(peer, sock)
    elif condition in ("udp-data-ready", "udp-datagram-larger-than-asked", "udp-empty-datagram"):
        deliver(peer, b"" if "empty" in condition else b"hello", sock)
    elif condition == "udp-rest-of-a-truncated-datagram":
        deliver(peer, b"hello", sock)
        sock.recv(3)
    elif condition == "udp-connected-port-unreachable":
        sock.connect(UNREACHABLE)
        sock.send(b"hello")
        until(sock, 0)
    elif condition == "udp-data-after-100ms":
        later = lambda: peer.send(b"hello")
    else:
        raise RuntimeError(f"no such condition of reading: {condition}")
    return ask, later


# send and its kin, and the files that write.

WRITES = ("send", "sendall", "makefile-raw-write", "makefile-write-flush")


def writing(op, mode, condition):
    if condition.startswith("udp-"):
        sock, peer = socket.socket(type=socket.SOCK_DGRAM), None
    elif "not-connected" in condition or "closed-socket" in condition or condition == "connect-in-progress":
        sock, peer = socket.socket(), None
    else:
        sock, peer = connected()
    file = None
    if op.startswith("makefile"):
        file = sock.makefile("wb", buffering=0 if op == "makefile-raw-write" else -1)
    data = b"hello"
    if condition.startswith("larger-than-buffer"):
        data = LARGE
    elif condition.startswith("zero-length"):
        data = b""

    def write():
        if op == "send":
            return sock.send(data)
        if op == "sendall":
            return sock.sendall(data)
        written = file.write(data)
        file.flush()
        return written

    def say(written):
        if op == "sendall":
            return "ok"
        if written is None:
            return "none"
        if len(data) < 16:
            return f"ok:{written}"
        return "ok:all" if written == len(data) else "ok:partial"

    keep, later = write_condition(condition, sock, peer, lambda: told(write))

    def operation():
        _keep = keep, peer, file
        set_mode(sock, mode)
        return told(write, say)

    return Trial(operation, sock, later)


def write_condition(condition, sock, peer, write):
    """Brings it about. Returns what has to live meanwhile, and what the peer does later."""
    if condition.startswith("buffer-full"):
        fill(sock)
    if condition.endswith("peer-drains-after-100ms"):
        return None, lambda: drain(peer)
    if condition == "larger-than-buffer-peer-slow-total-above-timeout":
        return None, lambda: drain(peer, 0.04)
    if condition == "buffer-full-peer-resets-after-100ms":
        return None, lambda: reset(peer)
    if condition in ("closed-socket", "zero-length-closed-socket"):
        sock.close()
    elif condition == "connect-in-progress":
        address, backlog = full_backlog()
        sock.setblocking(False)
        sock.connect_ex(address)
        return backlog, None
    elif condition == "own-shutdown-write":
        sock.shutdown(socket.SHUT_WR)
    elif condition == "peer-closed":
        close(peer, sock)
    elif condition == "peer-closed-second-write":
        close(peer, sock)
        write()
        until(sock, 0)
    elif condition == "peer-reset":
        reset_and_wait(peer, sock)
    elif condition == "peer-reset-second-write":
        reset_and_wait(peer, sock)
        write()
    elif condition == "udp-connected-port-unreachable-second":
        sock.connect(UNREACHABLE)
        sock.send(b"hello")
        until(sock, 0)
    elif not condition.endswith(("never-reads", "has-room", "not-connected", "zero-length")):
        raise RuntimeError(f"no such condition of writing: {condition}")
    return None, None


def sendto(mode, condition):
    sock, peer = udp()
    to, data, keep = peer.getsockname(), b"hello", peer
    if condition == "udp-somebody-receives":
        peer.connect(sock.getsockname())
    elif condition == "udp-zero-length":
        data = b""
    elif condition == "udp-datagram-too-large":
        data = LARGE
    elif condition == "udp-closed-socket":
        sock.close()
    elif condition == "udp-port-unreachable":
        to = UNREACHABLE
    elif condition == "udp-port-unreachable-second":
        to, sock = UNREACHABLE, socket.socket(type=socket.SOCK_DGRAM)
        sock.sendto(b"hello", to)
    elif condition == "tcp-not-connected":
        sock = socket.socket()
    elif condition == "tcp-connected-address-ignored":
        sock, keep = connected()
    else:
        raise RuntimeError(f"no such condition of sendto: {condition}")

    def operation():
        _keep = keep
        set_mode(sock, mode)
        return told(lambda: sock.sendto(data, to), lambda sent: f"ok:{sent}")

    return Trial(operation, sock)


def buffered_write(mode, condition):
    sock, peer = (socket.socket(), None) if condition == "small-not-connected" else connected()
    file = sock.makefile("rb" if condition == "opened-for-reading-only" else "wb")
    if condition == "file-closed":
        file.close()

    def write():
        sock.settimeout(mode)
        written = file.write(b"hello")
        if condition == "small-flushed":
            file.flush()
        elif condition == "small-file-closed-after":
            file.close()
        return written

    def say(written):
        if not condition.startswith("small-") or peer is None:
            return f"ok:{written}"
        # Loopback delivers within the call that sends, so nothing now is nothing.
        return f"peer-got:{len(peer.recv(64)) if ready(peer, select.POLLIN, 0.02) else 0}"

    def operation():
        try:
            return told(write, say)
        finally:
            told(file.detach if condition == "small-not-connected" else bool)

    return Trial(operation, sock)


# connect, connect_ex and accept.


def connecting(op, mode, condition):
    sock = socket.socket(type=socket.SOCK_DGRAM) if condition == "udp" else socket.socket()
    keep, to = None, UNREACHABLE
    if condition in ("listening", "udp", "already-connected", "listening-socket"):
        keep = listener()
        to = keep.getsockname()
        if condition == "already-connected":
            sock.connect(to)
        elif condition == "listening-socket":
            sock.bind(("127.0.0.1", 0))
            sock.listen(1)
    elif condition == "refused":
        to, keep = refusing()
    elif condition == "backlog-full":
        to, keep = full_backlog()
    elif condition == "closed-socket":
        sock.close()
    else:
        to, keep = later_call(condition, sock, mode)

    def operation():
        _keep = keep
        set_mode(sock, mode)
        if op == "connect":
            return told(lambda: sock.connect(to))
        return told(lambda: sock.connect_ex(to), errno_name)

    return Trial(operation, sock)


def later_call(condition, sock, mode):
    """The second call and the third, after one that goes on, or went on, in the background."""
    sock.settimeout(mode if condition.endswith("-in-mode") else 0)
    if "success" in condition:
        keep = listener()
        to = keep.getsockname()
    elif "refusal" in condition:
        to, keep = refusing()
    else:
        to, keep = full_backlog()
    told(lambda: sock.connect(to))
    if "success" in condition or "refusal" in condition:
        until(sock, select.POLLOUT)
    if condition.startswith("third-"):
        sock.connect_ex(to)
    return to, keep


def accepting(mode, condition):
    sock = socket.socket()
    if condition == "closed-socket":
        sock.close()
        return Trial(lambda: told(sock.accept))
    if condition != "not-bound":
        sock.bind(("127.0.0.1", 0))
    if condition not in ("not-bound", "bound-not-listening"):
        sock.listen(8)
    address, pending, later = sock.getsockname(), None, None
    if condition.startswith("connection-pending"):
        pending = socket.create_connection(address)
        until(sock, select.POLLIN)
        if condition.endswith("-but-reset"):
            reset(pending)
    elif condition == "connection-after-100ms":
        later = lambda: socket.create_connection(address).close()

    def operation():
        _keep = pending
        sock.settimeout(mode)
        return told(sock.accept)

    return Trial(operation, sock, later)


# What can be asked of a socket, and close.


def asking(op, mode, condition):
    sock, peer, keep = subject(mode, condition)
    SOL_SOCKET = socket.SOL_SOCKET

    def select_writable():
        if not ready(sock, select.POLLOUT, LIMIT):
            return "not-writable"
        return "writable,SO_ERROR=" + errno_name(sock.getsockopt(SOL_SOCKET, socket.SO_ERROR))

    def option():
        if condition.startswith("SO_TYPE"):
            return str(sock.getsockopt(SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM)
        name = socket.SO_SNDBUF if condition.startswith("SO_SNDBUF") else socket.SO_REUSEADDR
        return str(sock.getsockopt(SOL_SOCKET, name))

    def own_name():
        host, port = sock.getsockname()
        return f"{host}:{port}" if port == 0 else f"{host}:port"

    ask = {
        "O_NONBLOCK": lambda: "set" if fcntl.fcntl(sock, fcntl.F_GETFL) & os.O_NONBLOCK else "clear",
        "SO_ERROR": lambda: errno_name(sock.getsockopt(SOL_SOCKET, socket.SO_ERROR)),
        "select-writable": select_writable,
        "getblocking": lambda: str(sock.getblocking()),
        "gettimeout": lambda: str(sock.gettimeout()),
        "fileno": lambda: "-1" if sock.fileno() == -1 else "valid",
        "getpeername": lambda: "address-of-peer" if sock.getpeername() == peer else "another address",
        "getsockname": own_name,
        "getsockopt": option,
        "setsockopt": lambda: sock.setsockopt(SOL_SOCKET, socket.SO_REUSEADDR, 1) or "ok",
        "setblocking": lambda: sock.setblocking(False) or "ok",
        "settimeout": lambda: sock.settimeout(1) or "ok",
    }[op]

    def operation():
        _keep = keep
        return told(ask, str)

    return Trial(operation)


def subject(mode, condition):
    """The socket that is asked, its peer's address, and what has to live meanwhile."""
    if condition.startswith("of-new-socket-default-"):
        return with_default(condition.rpartition("-")[2], socket.socket), None, None
    if condition.startswith("of-accepted-default-"):
        return accepted(mode, condition.rpartition("-")[2]), None, None
    if condition.startswith("after-connect-"):
        return after_connect(mode, condition)
    if condition.startswith("udp-") or condition in ("connected", "peer-closed", "peer-reset"):
        return with_peer(mode, condition)
    sock = socket.socket()
    sock.settimeout(mode)
    if condition == "after-setblocking(False)":
        sock.setblocking(False)
    elif condition == "after-setblocking(True)":
        sock.setblocking(True)
    elif condition.startswith("after-settimeout("):
        sock.settimeout(seconds(condition[len("after-settimeout(") : -1]))
    elif condition == "of-dup":
        sock = sock.dup()
    elif condition == "bound":
        sock.bind(("127.0.0.1", 0))
    elif condition == "SO_REUSEADDR-after-set":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    elif condition == "SO_SNDBUF-after-set-to-32768":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32768)
    elif condition == "closed-socket":
        sock.close()
    elif condition == "detached":
        os.close(sock.detach())
    elif condition == "socket-open-makefile-closed":
        sock.makefile("rb").close()
    elif condition == "socket-closed-makefile-closed":
        file = sock.makefile("rb")
        sock.close()
        file.close()
    elif condition not in ("after-nothing", "open", "not-bound", "not-connected") + (
        "SO_REUSEADDR-of-new-socket",
        "SO_TYPE-is-SOCK_STREAM",
    ):
        raise RuntimeError(f"no such condition to ask about: {condition}")
    return sock, None, None


def seconds(text):
    return None if text == "None" else float(text)


def with_default(text, make):
    socket.setdefaulttimeout(seconds(text))
    try:
        return make()
    finally:
        socket.setdefaulttimeout(None)


def accepted(mode, text):
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(1)
    with socket.create_connection(listening.getsockname()):
        until(listening, select.POLLIN)
        listening.settimeout(mode)
        return with_default(text, listening.accept)[0]


def after_connect(mode, condition):
    """A socket that has tried to connect in its mode, whatever came of it."""
    if condition == "after-connect-listening":
        keep = listener()
        address = keep.getsockname()
    elif condition == "after-connect-refused":
        address, keep = refusing()
    else:
        address, keep = full_backlog()
    sock = socket.socket()
    sock.settimeout(mode)
    told(lambda: sock.connect(address))
    if condition != "after-connect-backlog-full":
        until(sock, select.POLLOUT)
    return sock, address, keep


def with_peer(mode, condition):
    if condition.startswith("udp-"):
        sock, peer = udp()
        if condition == "udp-connected":
            sock.connect(peer.getsockname())
        return sock, peer.getsockname(), peer
    sock, peer = connected()
    address = peer.getsockname()
    if condition == "peer-closed":
        close(peer, sock)
    elif condition == "peer-reset":
        reset_and_wait(peer, sock)
    sock.settimeout(mode)
    return sock, address, peer


def closing(mode, condition):
    sock, peer = connected()
    sock.settimeout(mode)
    if condition == "closed-socket":
        sock.close()
    elif condition.startswith("bytes-"):
        sock.send(b"hello")

    def operation():
        sock.close()
        return f"peer-got:{drain(peer)}" if condition.startswith("bytes-") else "ok"

    return Trial(operation)
