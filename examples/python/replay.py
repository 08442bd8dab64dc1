"""`replay`: whoever has heard one answer to a fixed question can give it for ever.

A client logs in over a line on which somebody listens. The listener learns no secret. Does that keep
the listener out?

Before you run it: the first server always asks the same, the second asks something fresh each time. The
stranger plays the recorded answer back to both. Who lets the stranger in?

The twin of examples/replay.rs. Next: `rogue_clients`, the strangers who have not even listened.
"""

import hashlib
import hmac
import os
import socket
import threading

from common import Counted, Lesson, recv_exactly

# What client and server know, and the listener does not.
SECRET = "天王盖地虎".encode()
# The fixed question of the source document's first server, 27 bytes of UTF-8: "this is a random string".
FIXED_TEXT = "这是一个随机字符串".encode()
# md5(secret + nonce) as 32 hex digits.
DIGEST_LEN = 32


def main():
    lesson = Lesson(
        "replay: a recorded answer, played back",
        [
            "the listener has heard question and answer: is the secret among it?",
            "the server asks the same question again: is the recorded answer right?",
            "the server asks a fresh question: is the recorded answer right?",
        ],
    )

    lesson.part("1. A server that always asks the same")
    server = start_server(lambda: FIXED_TEXT)
    recorded = log_in_overheard(lesson, server, len(FIXED_TEXT))
    lesson.check("what the listener has recorded is not the secret", SECRET not in recorded)
    reply = play_back(lesson, server, len(FIXED_TEXT), recorded)
    lesson.check("the stranger, who knows no secret, is let in and served", reply == b"LET ME IN")

    lesson.part("2. A server that asks 10 fresh random bytes")
    server = start_server(lambda: os.urandom(10))
    recorded = log_in_overheard(lesson, server, 10)
    reply = play_back(lesson, server, 10, recorded)
    # The answer was right, for a question that will not be asked again. That is all that a nonce is for.
    lesson.check("the recorded answer is worth nothing: the server hangs up", reply == b"")
    lesson.end()


def log_in_overheard(lesson, server, nonce_len):
    """The client logs in and says hello, and every byte passes through the hands of somebody else.

    This happens not only in films: every router, every Wi-Fi access point and everybody who can fool your
    resolver could be that somebody, who changes nothing, passes everything on, and keeps a copy.
    """
    with socket.socket() as tap, socket.socket() as client, socket.socket() as towards_server:
        tap.bind(("127.0.0.1", 0))
        tap.listen(1)
        client.connect(tap.getsockname())
        lesson.did("client: connect, to what it takes for the server")
        towards_client, _ = tap.accept()
        with towards_client:
            towards_server.connect(server)
            lesson.did("listener: connect, to the server")

            question = recv_exactly(towards_server, nonce_len)
            towards_client.sendall(question)
            lesson.did("listener: pass on the question")
            heard = recv_exactly(client, nonce_len)
            lesson.told("client: recv", Counted(heard))
            answer = digest(heard)
            client.sendall(answer)
            lesson.did("client: sendall(digest)")
            recorded = recv_exactly(towards_client, DIGEST_LEN)
            lesson.told("listener: recv, and keep a copy", Counted(recorded))
            towards_server.sendall(recorded)
            lesson.did("listener: pass on the answer")

            # The login is real: the client gets its service, and suspects nothing.
            client.sendall(b"hello")
            towards_server.sendall(recv_exactly(towards_client, 5))
            towards_client.sendall(recv_exactly(towards_server, 5))
            lesson.told('client: sendall("hello"), recv', recv_exactly(client, 5))
            return recorded


def play_back(lesson, server, nonce_len, recorded):
    """A stranger who knows the recording and nothing else. Returns what the server says to it."""
    with socket.socket() as stranger:
        stranger.connect(server)
        lesson.did("stranger: connect")
        # The stranger waits for the question only out of politeness: it knows what it will say.
        lesson.told("stranger: recv", Counted(recv_exactly(stranger, nonce_len)))
        stranger.sendall(recorded)
        lesson.did("stranger: sendall(the recorded digest)")
        # A server of this kind sends no "welcome" and no "go away": one has to try.
        stranger.sendall(b"let me in")
        lesson.did('stranger: sendall("let me in")')
        reply = recv_exactly(stranger, 9)
        lesson.told("stranger: recv", reply)
        return reply


def start_server(draw_nonce):
    """The source document's server, as a loop: ask, compare, and serve whoever passes."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(5)

    def run():
        while True:
            client, _ = listener.accept()
            with client:
                try:
                    serve(client, draw_nonce())
                except OSError:
                    pass  # One client's trouble is no reason to stop serving the others.

    threading.Thread(target=run, daemon=True).start()
    return listener.getsockname()


def serve(client, nonce):
    client.sendall(nonce)
    if not hmac.compare_digest(recv_exactly(client, DIGEST_LEN), digest(nonce)):
        hang_up(client)
        return
    while request := client.recv(1024):
        client.sendall(request.upper())


def hang_up(client):
    """Hangs up politely: says "I am done talking", then listens until the other side is done too.

    Closing a socket with unread bytes in it makes the kernel send a *reset*, and a reset throws away
    whatever is still on its way to the peer. The stranger's "let me in" may be such bytes.
    """
    client.shutdown(socket.SHUT_WR)
    while client.recv(1024):
        pass


def digest(nonce):
    """The secret, then the nonce, in one hash; 32 hex digits."""
    return hashlib.md5(SECRET + nonce).hexdigest().encode()


if __name__ == "__main__":
    main()
