"""`challenge_response`: how a client proves that it knows a secret, without ever saying it.

The server asks a question (the *nonce*), the client answers with a digest of secret and question, and
the server, which knows the secret too, works out the same digest and compares. Three servers do it,
each a little better than the one before.

Before you run it: which bytes does somebody who listens on the wire see? If the question is always the
same, what about the answer? And what is left to improve once the question is random?

The twin of examples/challenge_response.rs. Next: `replay`, which breaks the first of the three.
"""

import hashlib
import hmac
import os
import socket
from typing import NamedTuple

from common import Counted, Lesson, recv_exactly

# What both sides know and nobody else does: the bandits' password from a novel that every Chinese reader
# knows, "the king of heaven covers the tiger of earth".
SECRET = "天王盖地虎".encode()
# The first server's question: "this is a random string". It is not.
FIXED_TEXT = "这是一个随机字符串".encode()


class Conversation(NamedTuple):
    """What happened on one connection."""

    question: bytes
    answer: bytes
    is_let_in: bool


def main():
    lesson = Lesson(
        "challenge_response: prove that you know a secret, without saying it",
        [
            "what crosses the wire: the secret, or something made from it?",
            "the first server always asks the same: what does its client answer the second time?",
            "the second asks 10 random bytes: how often does the same answer come twice?",
            "the third uses hmac in place of md5: what changes on the wire, and what is hmac made of?",
        ],
    )
    a_fixed_text(lesson)
    in_md5 = random_bytes(lesson)
    in_place_of_md5(lesson, in_md5)
    hmac_by_hand(lesson)
    another_secret(lesson)
    lesson.end()


def a_fixed_text(lesson):
    lesson.part("1. A fixed text, answered with the hex digits of md5(secret + text)")
    first = converse(lesson, FIXED_TEXT, SECRET, md5_digest)
    lesson.note(f"the question, as text: {first.question.decode()}")
    lesson.note(f"the answer, as text: {first.answer.decode()}")
    lesson.check("whoever knows the secret is let in", first.is_let_in)
    lesson.check(
        "the secret itself never crosses the wire",
        SECRET not in first.question and SECRET not in first.answer,
    )
    again = converse(lesson, FIXED_TEXT, SECRET, md5_digest)
    # This is the flaw that `replay` exploits: whoever has heard the answer once can give it for
    # ever.
    lesson.check("the same question gets the same answer, every time", again.answer == first.answer)


def random_bytes(lesson):
    """Returns an answer of this kind, 32 hex digits."""
    lesson.part("2. Ten random bytes, answered with the hex digits of md5(secret + bytes)")
    # Ten bytes make 2 to the 80th questions: at a thousand connections a second it takes decades
    # until one is likely to come a second time, and then it is any one, not yours.
    second = converse(lesson, os.urandom(10), SECRET, md5_digest)
    third = converse(lesson, os.urandom(10), SECRET, md5_digest)
    lesson.check("both were let in", second.is_let_in and third.is_let_in)
    lesson.check("two questions, two answers", second.answer != third.answer)
    return second.answer


def in_place_of_md5(lesson, in_md5):
    lesson.part("3. Ten random bytes, answered with hmac-md5(secret, bytes)")
    # md5(secret + text) has a crack of its own: MD5 works through its input block by block, and the
    # digest *is* its state after the last block. Whoever has md5(secret + text) can go on from
    # there and work out md5(secret + text + padding + more) without the secret. Here the nonce has
    # a fixed length and nothing can be appended to it; but HMAC, which hashes a second time with
    # the secret in front again, does not depend on such luck (RFC 2104).
    fourth = converse(lesson, os.urandom(10), SECRET, hmac_digest)
    lesson.check("whoever knows the secret is let in", fourth.is_let_in)
    lesson.check(
        "the answer is 16 raw bytes now, where it was 16 bytes as 32 hex digits",
        len(fourth.answer) == 16 and len(in_md5) == 32,
    )


# ANCHOR: hmac
def hmac_by_hand(lesson):
    """HMAC without a library, from two calls of MD5 (RFC 2104)."""
    lesson.part("What HMAC is, by hand")
    nonce = b"0123456789"
    # MD5 works in blocks of 64 bytes. The secret is filled up with zeros to one block. (A longer one is hashed
    # first.)
    block = SECRET.ljust(64, b"\0")
    lesson.told("the secret, filled up to a block", Counted(block))
    # Two keys are made of it, which differ in half their bits. So neither hash can stand in for the other.
    inner_key = bytes(byte ^ 0x36 for byte in block)
    outer_key = bytes(byte ^ 0x5C for byte in block)
    inner = hashlib.md5(inner_key + nonce)
    lesson.told("inner = md5(secret ^ 0x36.. + nonce)", inner.hexdigest())
    # The inner hash could be continued by whoever sees it. Nobody does: it goes into the second, the secret in front.
    outer = hashlib.md5(outer_key + inner.digest())
    lesson.told("outer = md5(secret ^ 0x5c.. + inner)", outer.hexdigest())
    digest = hmac.new(SECRET, nonce, "md5").hexdigest()
    lesson.told("the library's hmac-md5(secret, nonce)", digest)
    lesson.check("it is the outer hash", outer.hexdigest() == digest)
# ANCHOR_END: hmac


def another_secret(lesson):
    lesson.part("And somebody who knows another secret")
    fifth = converse(lesson, os.urandom(10), "宝塔镇河妖".encode(), hmac_digest)
    lesson.check("is not let in", not fifth.is_let_in)


def converse(lesson, nonce, clients_secret, digest):
    """One server, one client, one conversation. Both sides run on this one thread, in turn: every message
    is so short that the kernel keeps it until the other side asks for it."""
    with socket.socket() as listener, socket.socket() as client:
        # The source's servers sit on port 9090. Port 0 lets the kernel pick a free one.
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        client.connect(listener.getsockname())
        lesson.did("client: connect")
        server, address = listener.accept()
        lesson.told("server: accept", (server, address))
        with server:
            # The server asks: a nonce is a "number used once".
            server.sendall(nonce)
            lesson.did("server: sendall(nonce)")

            # The client answers with what only somebody who knows the secret can work out. One `recv` may
            # give only a part of the nonce; `recv_exactly` goes on until it is whole.
            question = recv_exactly(client, len(nonce))
            lesson.told("client: recv(nonce)", Counted(question))
            answer = digest(clients_secret, question)
            client.sendall(answer)
            lesson.did("client: sendall(digest)")

            # The server does the same sum and compares. `compare_digest` takes the same time
            # wherever the first wrong byte is; a plain `==`, as in the source, stops at that byte,
            # and where the question stays the same, somebody with a good stopwatch can guess the
            # answer byte by byte.
            expected = digest(SECRET, nonce)
            received = recv_exactly(server, len(expected))
            lesson.told("server: recv(digest)", Counted(received))
            is_let_in = hmac.compare_digest(received, expected)
            lesson.told("server: compare", verdict(is_let_in))
            # Here the connection would go on with "the logic of sending and receiving data".
            return Conversation(question, received, is_let_in)


def md5_digest(secret, nonce):
    """The secret, then the nonce, in one hash; 32 hex digits."""
    return hashlib.md5(secret + nonce).hexdigest().encode()


def hmac_digest(secret, nonce):
    """16 raw bytes. The source leaves "md5" out; since Python 3.8 that is a TypeError."""
    return hmac.new(secret, nonce, "md5").digest()


def verdict(is_let_in):
    """What the source's servers print; literally "hello, buddy" and "you are no old hand at all"."""
    return "你好机油! (welcome)" if is_let_in else "你根本不是老司机 (go away)"


if __name__ == "__main__":
    main()
