"""What can be asked of a socket: its mode, addresses, options and descriptor; and close."""

import fcntl
import os
import select
import socket

from .bench import (
    LIMIT,
    Trial,
    close,
    connected,
    drain,
    full_backlog,
    listener,
    ready,
    refusing,
    reset_and_wait,
    udp,
    until,
)
from .words import errno_name, told


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
    return by_itself(mode, condition), None, None


def by_itself(mode, condition):
    """A socket to which nobody belongs, after what its program did with it."""
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
    return sock


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
