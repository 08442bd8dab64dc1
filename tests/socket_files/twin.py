"""Runs programs on CPython's file objects; `tests/socket_files/main.rs` runs them too and compares.

In: a JSON list of {"access", "buffering", "steps"}. Out: for each a list of what every step came to.
"""
import io
import json
import socket
import sys


def told(step, call):
    try:
        result = call()
    except TimeoutError:
        return "timed-out"
    except (io.UnsupportedOperation, AttributeError):
        # A file that has no such method, as one for the other direction or without a buffer.
        return "unsupported"
    except BlockingIOError as error:
        return f"would-block:{error.characters_written}"
    except ValueError:
        return "file-closed"
    except OSError as error:
        if error.errno is not None:
            return f"errno:{error.errno}"
        return "file-timed-out" if "timed out" in str(error) else "line-would-block"
    if isinstance(result, bytes):
        return "bytes:" + result.decode("ascii")
    if step == "fileno":
        return "has a number" if result >= 0 else "has none"
    if isinstance(result, int):
        return f"count:{result}"
    return "none" if step in ("read", "all", "into", "into-once", "write") else "ok"


def into(read, size):
    buffer = bytearray(size)
    count = read(buffer)
    return count if count is None else bytes(buffer[:count])


def drain(peer):
    peer.setblocking(False)
    total = hashed = 0
    while True:
        try:
            piece = peer.recv(65536)
        except OSError:
            piece = b""
        if not piece:
            return f"drained:{total}:{hashed}"
        total += len(piece)
        for byte in piece:
            hashed = (hashed * 31 + byte) % 2**32


def run(program):
    sock, peer = socket.socketpair()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    sock.setblocking(False)
    file = sock.makefile(program["access"], program["buffering"])
    answers = []
    for at, (step, text, number) in enumerate(program["steps"]):
        payload = bytes([97 + at % 26]) * number
        calls = {
            "read": lambda: file.read(number),
            "all": lambda: file.read(),
            "line": lambda: file.readline(),
            "part-of-line": lambda: file.readline(number),
            "into": lambda: into(file.readinto, number),
            "into-once": lambda: into(file.readinto1, number),
            "peek": lambda: file.peek(),
            "once": lambda: file.read1(number),
            "fileno": lambda: file.fileno(),
            "write": lambda: file.write(payload),
            "flush": lambda: file.flush(),
            "close": lambda: file.close(),
            "timeout": lambda: sock.settimeout(number / 1000),
            "send": lambda: peer.sendall(text.encode("ascii")),
            "end": lambda: peer.shutdown(socket.SHUT_WR),
            "close-socket": lambda: sock.close(),
        }
        answers.append(drain(peer) if step == "drain" else told(step, calls[step]))
    return answers


json.dump([run(program) for program in json.load(sys.stdin)], sys.stdout)
