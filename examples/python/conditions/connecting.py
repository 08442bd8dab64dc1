"""The conditions of connect, connect_ex and accept."""

import select
import socket

from .bench import UNREACHABLE, Trial, full_backlog, listener, refusing, reset, set_mode, until
from .words import errno_name, told


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


def creating(mode, condition):
    """A connection in one call, which makes the socket itself."""
    if condition == "listening":
        keep = listener()
        to = keep.getsockname()
    elif condition == "refused":
        to, keep = refusing()
    elif condition == "backlog-full":
        to, keep = full_backlog()
    else:
        raise RuntimeError(f"no such condition of create_connection: {condition}")

    def operation():
        _keep = keep
        return told(lambda: socket.create_connection(to, mode).close())

    return Trial(operation, None)


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
