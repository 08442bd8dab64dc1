"""The conditions of everything that reads: recv and its kin, and the files that read."""

import socket

from .bench import LINE, UNREACHABLE, Trial, close, connected, deliver, reset, reset_and_wait, set_mode, udp, until
from .words import told

READS = (
    "recv",
    "recv-dontwait",
    "recv-peek",
    "recv-waitall",
    "recv_into",
    "recvfrom",
    "recvmsg",
    "recvmsg_into",
    "makefile-peek",
    "makefile-raw-read",
    "makefile-read",
    "makefile-read1",
    "makefile-readinto",
    "makefile-readline",
)


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
    read = way_of_reading(op, sock, file, ask, condition.startswith("until-eof"))
    nothing = "ok:0" if datagrams or ask == 0 else "eof"

    def operation():
        _keep = peer
        set_mode(sock, mode)
        return told(read, lambda n: "none" if n is None else f"ok:{n}" if n else nothing)

    return Trial(operation, sock, later)


def way_of_reading(op, sock, file, ask, to_end):
    return {
        "recv": lambda: len(sock.recv(ask)),
        "recv-dontwait": lambda: len(sock.recv(ask, socket.MSG_DONTWAIT)),
        "recv-peek": lambda: len(sock.recv(ask, socket.MSG_PEEK)),
        "recv-waitall": lambda: len(sock.recv(ask, socket.MSG_WAITALL)),
        "recv_into": lambda: sock.recv_into(bytearray(ask)),
        "recvfrom": lambda: len(sock.recvfrom(ask)[0]),
        "recvmsg": lambda: len(sock.recvmsg(ask, 64)[0]),
        "recvmsg_into": lambda: sock.recvmsg_into([bytearray(2), bytearray(ask - 2)], 64)[0],
        "makefile-peek": lambda: len(file.peek()),
        "makefile-read1": lambda: len(file.read1(ask)),
        "makefile-readinto": lambda: file.readinto(bytearray(ask)),
        "makefile-raw-read": lambda: count(file.read() if to_end else file.read(ask)),
        "makefile-read": lambda: count(file.read() if to_end else file.read(ask)),
        "makefile-readline": lambda: count(file.readline()),
    }[op]


def count(data):
    return None if data is None else len(data)


def read_condition(condition, sock, peer, file, ask):
    """Brings it about. Returns how much to ask for and what the peer does later."""
    if condition.startswith("udp-"):
        return ask, udp_condition(condition, sock, peer)
    if condition in ("not-connected", "opened-for-writing-only"):
        return ask, None
    if condition in ("closed-socket", "zero-length-closed-socket"):
        sock.close()
        return ask, None
    if (data := delivered(condition)) is None:
        return ask, ending(condition, sock, peer)
    if condition == "data-ready-after-earlier-timeout":
        sock.settimeout(0.001)
        told(lambda: sock.recv(5))
    deliver(peer, data, sock)
    if condition == "file-closed":
        file.close()
    elif condition == "socket-closed-file-open-data-ready":
        sock.close()
    elif condition == "second-of-two-lines-ready":
        file.readline()
    elif condition == "second-line-after-unbuffered-makefile-readline":
        sock.makefile("rb", buffering=0).readline()
        ask = len(LINE)
    elif condition == "part-ready-rest-after-100ms":
        return ask, lambda: peer.sendall(LINE[3:])
    return ask, None


def delivered(condition):
    """What has come when the operation begins, in the conditions in which the peer lives on."""
    if condition == "line-ready":
        return LINE
    if condition in ("two-lines-ready", "second-of-two-lines-ready"):
        return b"hello\nworld\n"
    if condition == "second-line-after-unbuffered-makefile-readline":
        return b"hello\nworld\n"
    if condition in ("part-ready-rest-after-100ms", "part-ready-rest-never-comes"):
        return LINE[:3]
    if condition in ("data-ready", "data-ready-more-than-asked", "data-ready-after-earlier-timeout") + (
        "file-closed",
        "socket-closed-file-open-data-ready",
        "until-eof-peer-never-closes",
    ):
        return b"hello"
    return None


def ending(condition, sock, peer):
    """The peer has ended the connection, or has said nothing so far. Returns what it does later."""
    if condition in ("no-data-ever", "zero-length-no-data"):
        return None
    if condition in ("data-after-100ms", "line-after-100ms"):
        return lambda: peer.sendall(LINE if condition.startswith("line") else b"hello")
    if condition == "peer-closes-after-100ms":
        return peer.close
    if condition == "peer-resets-after-100ms":
        return lambda: reset(peer)
    if condition == "own-shutdown-read":
        sock.shutdown(socket.SHUT_RD)
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
    else:
        raise RuntimeError(f"no such condition of reading: {condition}")
    return None


def udp_condition(condition, sock, peer):
    """With datagrams. Returns what the peer does later."""
    if condition == "udp-data-after-100ms":
        return lambda: peer.send(b"hello")
    if condition in ("udp-data-ready", "udp-datagram-larger-than-asked", "udp-empty-datagram"):
        deliver(peer, b"" if "empty" in condition else b"hello", sock)
    elif condition == "udp-rest-of-a-truncated-datagram":
        deliver(peer, b"hello", sock)
        sock.recv(3)
    elif condition == "udp-connected-port-unreachable":
        sock.connect(UNREACHABLE)
        sock.send(b"hello")
        until(sock, 0)
    elif condition not in ("udp-no-data-ever", "udp-zero-length-no-data"):
        raise RuntimeError(f"no such condition of reading: {condition}")
    return None
