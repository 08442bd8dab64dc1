"""`upper_server`: a whole server in a screenful, and its flaw.

The source document's socketserver pair: a client sends a line, the server sends it back in upper case,
both hang up. Blocking sockets, one thread, nothing to get wrong. Or is there?

Before you run it: a first client connects and says nothing. Then a second one connects and asks at once.
Does its `connect` succeed? Does its `sendall`? When does its answer come?

The twin of examples/upper_server.rs. Next: `edge_trap`. (`server_designs` has four ways to mend the flaw,
and what each costs.)
"""

import socket
import socketserver
import threading

from common import Lesson, is_timed_out


class UpperHandler(socketserver.BaseRequestHandler):
    """The server, all of it: `socketserver.TCPServer` accepts, calls this, and closes the connection."""

    def handle(self):
        request = self.request.recv(1024)  # <- Here it stops until this client says something.
        self.request.sendall(request.strip().upper())


def main():
    lesson = Lesson(
        "upper_server: a server in a screenful, and its flaw",
        [
            "client 1 connects and says nothing: what does the server do?",
            "client 2 connects and asks: do its connect and its sendall succeed?",
            "when does client 2 get its answer?",
        ],
    )
    # One word mends the flaw: `ThreadingTCPServer`. Try it, and see which claims no longer hold.
    server = socketserver.TCPServer(("127.0.0.1", 0), UpperHandler)
    address = server.server_address
    threading.Thread(target=server.serve_forever, daemon=True).start()
    one_client(lesson, address)
    with socket.socket() as first, socket.socket() as second:
        nothing_to_say_yet(lesson, address, first, second)
        client_1_speaks(lesson, first, second)
    lesson.end()


def one_client(lesson, address):
    lesson.part("One client: everything is fine")
    with socket.socket() as client:
        client.connect(address)
        lesson.did("connect")
        client.sendall(b"hello\n")
        lesson.did('sendall("hello\\n")')
        reply = client.recv(1024)
        lesson.told("recv(1024)", reply)
        lesson.check("it is served", reply == b"HELLO")


def nothing_to_say_yet(lesson, address, first, second):
    lesson.part("Two clients, and the first has nothing to say yet")
    first.connect(address)
    lesson.did("client 1: connect")
    # It is the kernel that takes connections, and keeps them in the backlog until somebody accepts. And
    # it is the kernel that takes the bytes. So to client 2 all looks well.
    second.connect(address)
    lesson.did("client 2: connect")
    second.sendall(b"second\n")
    lesson.did('client 2: sendall("second\\n")')
    second.settimeout(0.5)
    try:
        nothing = second.recv(1024)
    except TimeoutError as error:
        nothing = error
    lesson.told("client 2: recv(1024), for 0.5 s at most", nothing)
    # The server is not busy: it is asleep, in the `recv` of client 1. A single telephone call in which
    # nobody speaks, and the whole exchange is dead. (Doing it on purpose to a web server has a name:
    # Slowloris.)
    lesson.check("client 2 waits", is_timed_out(nothing))


def client_1_speaks(lesson, first, second):
    lesson.part("Client 1 speaks at last")
    first.sendall(b"first\n")
    lesson.did('client 1: sendall("first\\n")')
    reply = first.recv(1024)
    lesson.told("client 1: recv(1024)", reply)
    lesson.check("client 1 is served", reply == b"FIRST")
    # A timeout broke nothing: the same call on the same socket goes on where the first one left off.
    second.settimeout(None)
    reply = second.recv(1024)
    lesson.told("client 2: recv(1024)", reply)
    lesson.check("and then, and only then, client 2", reply == b"SECOND")


if __name__ == "__main__":
    main()
