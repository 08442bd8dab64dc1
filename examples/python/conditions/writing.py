"""The conditions of everything that writes: send and its kin, and the files that write."""

import select
import socket
import tempfile

from .bench import (
    LARGE,
    UNREACHABLE,
    Trial,
    close,
    connected,
    drain,
    fill,
    full_backlog,
    ready,
    reset,
    reset_and_wait,
    set_mode,
    udp,
    until,
)
from .words import told

WRITES = ("send", "sendall", "sendfile", "sendmsg", "makefile-raw-write", "makefile-write-flush")


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
    if op == "sendfile":
        file = tempfile.TemporaryFile()
        file.write(data)
        file.seek(0)

    def writes():
        return write(op, sock, file, data)

    keep, later = write_condition(condition, sock, peer, lambda: told(writes))

    def operation():
        _keep = keep, peer, file
        set_mode(sock, mode)
        return told(writes, lambda written: said(op, written, len(data)))

    return Trial(operation, sock, later)


def write(op, sock, file, data):
    if op == "send":
        return sock.send(data)
    if op == "sendall":
        return sock.sendall(data)
    if op == "sendmsg":
        return sock.sendmsg([data[:2], data[2:]])
    if op == "sendfile":
        return sock.sendfile(file)
    written = file.write(data)
    file.flush()
    return written


def said(op, written, length):
    if op == "sendall":
        return "ok"
    if written is None:
        return "none"
    if length < 16:
        return f"ok:{written}"
    return "ok:all" if written == length else "ok:partial"


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
