"""The same service on socketserver.ThreadingTCPServer, without a scheme: a thread for each client.

    sockmodes check --auth none -- python3 examples/build_the_loop/others/threading_tcp.py {port}
"""

import os
import socketserver
import sys


class Upper(socketserver.BaseRequestHandler):
    def handle(self):
        while request := self.request.recv(16 * 1024):
            self.request.sendall(request.upper())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True  # Or it could not be started again for a minute.
    daemon_threads = True  # Or its end would wait for every client.


if __name__ == "__main__":
    port = int(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PORT") or sys.exit("no port is given"))
    with Server(("127.0.0.1", port), Upper) as server:
        server.serve_forever()
