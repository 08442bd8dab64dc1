"""`rogue_clients`: the legal client, the one that does not know the scheme, the one with the wrong key.

The source document's authenticated server, and its three clients. The server says nothing but its nonce
until it is content, and if it never is, it hangs up without a word. So the interesting question is what
somebody who does not belong there sees.

Before you run it: the second client expects a plain server and sends `hello` at once. What does it take
for the reply? How does it learn that something is wrong, and when? And the third: what tells it that its
key is wrong?

The twin of examples/rogue_clients.rs. Next: `upper_server`, a server that trusts everybody.
"""

import hmac
import os
import queue
import socket
import threading
import time

from common import Counted, Lesson, recv_exactly

SECRET = b"linhaifeng bang bang bang"
NONCE_LEN = 32
DIGEST_LEN = 16


def main():
    lesson = Lesson(
        "rogue_clients: one belongs here, two do not; what each of them sees",
        [
            "a client that knows no nonce says hello and reads: what is the reply?",
            "how long does the server wait for a digest that never becomes whole?",
            "a client answers with the wrong key: what does the server tell it?",
        ],
    )
    address, verdicts = start_server(10)
    legal(lesson, address, verdicts)
    without_the_scheme(lesson)
    with_the_wrong_key(lesson, address, verdicts)
    lesson.end()


def legal(lesson, address, verdicts):
    lesson.part("The legal client: it knows the scheme and the key")
    with say_hello(lesson, address, SECRET) as client:
        reply = client.recv(1024)
        lesson.told("recv(1024)", reply)
    # No "welcome" came in between. Being served is how one learns that the digest was right.
    lesson.check("it is served", reply == b"HELLO")
    verdict = verdicts.get()
    lesson.told("the server, about it", verdict)
    lesson.check("for the server all went well", verdict == "done")


def without_the_scheme(lesson):
    lesson.part("The client without the scheme: it expects a server that just answers")
    # The same server, but less patient: it gives a client 0.3 s to be let in, and not ten seconds.
    impatient, verdicts = start_server(0.3)
    with connect(lesson, impatient) as client:
        client.sendall(b"hello")
        lesson.did('sendall("hello")')
        reply = recv_exactly(client, NONCE_LEN)
        lesson.told("recv(1024)", Counted(reply))
        # Its five bytes are the beginning of a digest to the server, and the nonce is a reply to the client.
        # The source's client decodes it as UTF-8, which random bytes are not, and dies of a
        # UnicodeDecodeError.
        lesson.check("it takes the nonce for the reply", len(reply) == NONCE_LEN)
        # The server waits for eleven more bytes, until its deadline, which nothing moves: not even a client
        # that sends a byte now and then to stay in the conversation.
        end = client.recv(1024)
        lesson.told("recv(1024)", end)
        lesson.check("then the connection ends, without a word", end == b"")
    verdict = verdicts.get()
    lesson.told("the server, about it", verdict)
    lesson.check("it was not let in within the time", verdict == "handshake_timeout")


def with_the_wrong_key(lesson, address, verdicts):
    lesson.part("The client with the wrong key: it does everything right, but for four digits")
    with say_hello(lesson, address, b"linhaifeng bang bang bang1111") as client:
        end = client.recv(1024)
        lesson.told("recv(1024)", end)
        # It can't tell this from a server that crashed, and that is as it should be: the less a refusal
        # says, the less there is to learn from it.
        lesson.check("the connection ends, without a word", end == b"")
    verdict = verdicts.get()
    lesson.told("the server, about it", verdict)
    lesson.check("the server knows why, and keeps it to itself", verdict == "wrong_digest")


def say_hello(lesson, address, secret):
    """What a client does that knows the scheme: it answers the nonce, and goes on without waiting to hear how that
    was."""
    client = connect(lesson, address)
    nonce = recv_exactly(client, NONCE_LEN)
    lesson.told("recv(32)", Counted(nonce))
    client.sendall(hmac.new(secret, nonce, "md5").digest())
    lesson.did("sendall(digest)")
    client.sendall(b"hello")
    lesson.did('sendall("hello")')
    return client


def connect(lesson, address):
    client = socket.socket()
    client.connect(address)
    lesson.did("connect")
    return client


def start_server(patience):
    """The source document's server, with a deadline and a way to hang up that loses nothing."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(5)
    verdicts = queue.Queue()

    def run():
        while True:
            client, _ = listener.accept()
            with client:
                try:
                    verdict = serve(client, patience)
                except OSError as error:
                    verdict = str(error)
            verdicts.put(verdict)

    threading.Thread(target=run, daemon=True).start()
    return listener.getsockname(), verdicts


def serve(client, patience):
    """One client, from hello to goodbye. Returns the reason for the goodbye."""
    nonce = os.urandom(NONCE_LEN)
    client.sendall(nonce)
    try:
        received = recv_until(client, DIGEST_LEN, time.monotonic() + patience)
    except TimeoutError:
        hang_up(client)
        return "handshake_timeout"
    if not hmac.compare_digest(received, hmac.new(SECRET, nonce, "md5").digest()):
        hang_up(client)
        return "wrong_digest"
    client.settimeout(None)
    while request := client.recv(1024):
        client.sendall(request.upper())
    return "done"


def recv_until(client, count, deadline):
    """`settimeout` bounds one call, and every byte would buy a new one. A deadline is for all of them."""
    data = b""
    while len(data) < count:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        client.settimeout(left)
        more = client.recv(count - len(data))
        if not more:
            break
        data += more
    return data


def hang_up(client):
    """Hangs up politely: says "I am done talking", then listens a while until the other side is done too.

    Closing a socket with unread bytes in it makes the kernel send a *reset*, and a reset throws away
    whatever is still on its way to the peer. The rogue's "hello" may be such bytes.
    """
    client.shutdown(socket.SHUT_WR)
    client.settimeout(1)
    while client.recv(1024):
        pass


if __name__ == "__main__":
    main()
