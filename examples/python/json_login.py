"""`json_login`: the source document's login, with a name and a password in a JSON object; what is missing in it.

It reads 1024 bytes and parses them. But an object on a stream is a message like any other: two can come together,
one in halves, and a half can end within a letter. Then the password: an MD5 without salt tells who has the same
one, and a hash that is slow, as it should be, makes everybody wait if the loop computes it.

Before you run it: two objects have come in one segment. What does a JSON parser say? Where does an object end?
While one login is checked for 0.05 s, who else is served?

The twin of examples/json_login.rs. Next: `both_send`.
"""

import hashlib
import json
import queue
import socket
import threading
import time

from common import Counted, Lesson, connected, wait_readable

# The names and passwords are the source document's: 旭哥 is "brother Xu", 老司机 "an old hand".
XU = '{"username": "旭哥", "passwd": "老司机"}'.encode()
EVA = r'{"username": "eva", "passwd": "a}b\"c"}'.encode()


def main():
    lesson = Lesson(
        "json_login: objects on a stream, and passwords on a loop",
        [
            "two objects came with one recv: what does the parser say?",
            "half of one, or one cut within a letter: what does it say then?",
            "how can a reader know where an object ends, before it parses?",
            "two users have the same password: does the file of hashes tell?",
            "a login is checked for 0.05 s on the loop: when is another client's ping answered?",
        ],
    )
    one_recv_one_object(lesson)
    where_an_object_ends(lesson)
    salt(lesson)
    on_the_loop_and_off_it(lesson)
    lesson.end()


# ANCHOR: one
def one_recv_one_object(lesson):
    lesson.part("One recv, one object: the source document's assumption")
    sock, peer = connected()
    peer.sendall(XU)
    alone = parsed(sock.recv(1024))
    lesson.told("recv(1024), one object sent: parsed", alone)
    peer.sendall(XU)
    peer.sendall(EVA)
    sock.recv(len(XU) + len(EVA), socket.MSG_PEEK | socket.MSG_WAITALL)  # Until both are there.
    glued = parsed(sock.recv(1024))
    lesson.told("recv(1024), two objects sent: parsed", glued)
    peer.sendall(XU[:20])
    half = parsed(sock.recv(1024))
    lesson.told("recv(1024), half an object there: parsed", half)
    lesson.check("it works as long as nobody hurries", alone == "an object")
    lesson.check("two are an error", glued == "an error")
    lesson.check("and so is half of one, though nothing is wrong with it", half == "an error")


def parsed(data):
    try:
        json.loads(data)
        return "an object"
    except ValueError:  # Not JSON, or not UTF-8.
        return "an error"
# ANCHOR_END: one


# ANCHOR: ends
def end_of_object(data):
    """The first object's length, if its end has come; None if not. It knows just as much of JSON as that needs:
    brackets count, but not in strings, and a quotation mark behind a backslash ends no string."""
    depth, in_string, escaped = 0, False, False
    for at, byte in enumerate(data):
        if escaped:
            escaped = False
        elif in_string:
            escaped = byte == ord("\\")
            in_string = byte != ord('"')
        elif byte == ord('"'):
            in_string = True
        elif byte == ord("{"):
            depth += 1
        elif byte == ord("}"):
            depth -= 1
            if depth == 0:
                return at + 1
    return None


def names(pieces):
    """The names in the objects that the pieces make, if they come one by one."""
    kept, names = b"", []
    for piece in pieces:
        kept += piece
        while (end := end_of_object(kept)) is not None:
            # Bytes, until they are whole: a letter that is cut in two can't be decoded, and is no fault of the client.
            login, kept = json.loads(kept[:end]), kept[end:]
            names.append(login["username"])
    return names
# ANCHOR_END: ends


def where_an_object_ends(lesson):
    lesson.part("Find the end first, parse what is whole")
    wire = XU + EVA
    none = end_of_object(wire[:20])
    lesson.told("end_of_object(20 bytes of it)", none)
    first = end_of_object(wire)
    lesson.told("end_of_object(two of them)", first)
    at_once = names([wire])
    lesson.told("names, both in one piece", ", ".join(at_once))
    letter_by_letter = names(bytes([byte]) for byte in wire)
    lesson.told("names, byte by byte", ", ".join(letter_by_letter))
    same = all(names([wire[:cut], wire[cut:]]) == at_once for cut in range(len(wire) + 1))
    lesson.check("the end of the first is where it ends", first == len(XU) and none is None)
    lesson.check("a bracket in a password is no end", at_once == ["旭哥", "eva"])
    lesson.check("wherever they are cut, also within a letter", same and letter_by_letter == at_once)
    lesson.note('(A stranger sends "{" without end: a real reader has a limit of length and depth.)')


# ANCHOR: salt
def salt(lesson):
    lesson.part("A hash, a salt, and time")
    same = quick_hash("老司机", "") == quick_hash("老司机", "")
    lesson.told("md5(password) of two users with one password: equal?", same)
    # So the file tells who has the same one; and one table of the hashes of all usual passwords serves for every file.
    salted = quick_hash("老司机", "salt of one") == quick_hash("老司机", "salt of the other")
    lesson.told("md5(salt + password), each with a salt of its own: equal?", salted)
    lesson.start_clock()
    slow = slow_hash("老司机", "16 random bytes!")
    lesson.told("slow_hash(password, salt)", Counted(slow))
    lesson.check("without a salt, the same password is seen", same)
    lesson.check("with one, it is not", not salted)
    # MD5 was made to be fast, and a graphics card computes many thousand million a second. A hash for passwords is slow
    # on purpose, and takes much memory: for one login that is nothing, for a thief with the file it is everything.
    lesson.note("(A salt stops tables. What stops guessing one by one is how long each guess takes.)")


def quick_hash(password, salt):
    return hashlib.md5((salt + password).encode()).digest()


def slow_hash(password, salt):
    """scrypt, which is in Python's library; the lesson in Rust has Argon2id, which is newer."""
    return hashlib.scrypt(password.encode(), salt=salt.encode(), n=2**14, r=8, p=1, dklen=32)
# ANCHOR_END: salt


# ANCHOR: off
def serve(off_the_loop):
    """Two clients have sent a request each, and one thread serves both. Returns in which order they are answered,
    and how long the second one waited."""
    (logging_in, client), (pinging, other) = connected(), connected()
    client.sendall(XU)
    other.sendall(b"ping")
    begun = time.monotonic()
    answered, waited = [], 0
    finished = queue.Queue()
    under_way = 0
    for sock in (logging_in, pinging):
        wait_readable(sock, 5)
        request = sock.recv(1024)
        if request == b"ping":
            sock.sendall(b"pong")
            waited = time.monotonic() - begun
            answered.append("ping")
        elif off_the_loop:
            # The loop only hands it over, and goes on. The worker says when it is done. (hashlib lets other threads
            # run while it computes.)
            work = threading.Thread(target=lambda: finished.put(slow_hash("老司机", "16 random bytes!")))
            work.start()
            under_way += 1
        else:
            answer_login(sock, slow_hash("老司机", "16 random bytes!"))
            answered.append("login")
    for _ in range(under_way):
        answer_login(logging_in, finished.get())
        answered.append("login")
    return ", ".join(answered), waited
# ANCHOR_END: off


def answer_login(sock, digest):
    sock.sendall(b"success!" if len(digest) == 32 else b"failed!")


def on_the_loop_and_off_it(lesson):
    lesson.part("Who waits for the slow hash")
    inline, waited = serve(off_the_loop=False)
    lesson.told("hashed on the loop, answered", inline)
    lesson.note(f"the ping waited {waited:.3f} s")
    beside, waited = serve(off_the_loop=True)
    lesson.told("hashed by a worker, answered", beside)
    lesson.note(f"the ping waited {waited:.3f} s")
    lesson.check("on the loop, everybody waits for each login", inline == "login, ping")
    lesson.check("with a worker, only who logs in waits", beside == "ping, login")


if __name__ == "__main__":
    main()
