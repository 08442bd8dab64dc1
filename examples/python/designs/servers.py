"""The five servers. They are the lesson; the rest is the measuring of it.

Each gets a listener and serves until its process ends, and tells `arrivals` of every client that it has accepted.
"""

import selectors
import threading

# How long the fourth server waits for each client before it turns to the next. A millisecond is as short as
# Python's sockets can wait: they hand `poll` whole milliseconds.
PATIENCE = 0.001


# --- 1: blocking ---------------------------------------------------------------------------------------


def one_after_another(listener, arrivals):
    """The server of the socketserver example, and of every first book.

    The flaw: `recv` waits for *this* client. While this client thinks, nobody else exists.
    """
    while True:
        client, _ = listener.accept()
        arrivals.count()
        serve_to_the_end(client)


def serve_to_the_end(client):
    """Answers one client until it hangs up. Waiting is the kernel's business: we are asleep in `recv`."""
    with client:
        try:
            while request := client.recv(1024):
                client.sendall(request.upper())
        except OSError:
            pass  # It hung up with a slam (ECONNRESET). One client's trouble is no other's.


# --- 2: threads ----------------------------------------------------------------------------------------


def a_thread_each(listener, arrivals):
    """The same code, but somebody else runs it. The scheduler does the juggling.

    The price: a thread is a stack, a place in the scheduler, and two context switches for each request. And what
    two clients share, two threads share: from here on there are locks. (CPython has one of its own, the GIL.)
    """
    while True:
        client, _ = listener.accept()
        arrivals.count()
        threading.Thread(target=serve_to_the_end, args=(client,), daemon=True).start()


# --- 3: spinning, 4: timeouts --------------------------------------------------------------------------


def go_round(listener, timeout, arrivals):
    """One thread that asks everybody in turn: "anything?" With sockets that never wait (`settimeout(0)`), or
    that wait a little. One number of difference, and two very different servers:

    - never waiting, it asks as fast as it can, for ever: a whole core, for nothing;
    - waiting a little, it sleeps; but it sleeps once **for each silent client**, one after another.
    """
    clients = []
    listener.settimeout(timeout)
    while True:
        # Everybody who has come since the last round. "Nobody (any more)" comes as an exception, and neither
        # of the two means that anything is broken.
        while True:
            try:
                client, _ = listener.accept()
            except (BlockingIOError, TimeoutError):
                break
            # An accepted socket does not inherit the listener's mode. Forget this line, and the first silent
            # client stops the whole server.
            client.settimeout(timeout)
            clients.append(client)
            arrivals.count()
        clients = [client for client in clients if is_still_there(client)]


def is_still_there(client):
    """Answers a client if it has said something; False once it is gone."""
    try:
        request = client.recv(1024)
        # A reply of a few bytes fits into any send buffer. With larger ones this line is a bug: see the
        # example `slow_reader` for what to do when it does not fit.
        client.sendall(request.upper())
    except (BlockingIOError, TimeoutError):
        return True  # It is silent.
    except OSError:
        return False
    return request != b""


# --- 5: the loop ---------------------------------------------------------------------------------------


def the_loop(listener, arrivals):
    """Ask the *kernel* who has something to say, sleep until somebody has, and serve only those.

    What it does in one `select` (epoll_wait, on Linux) is what the third server does with a thousand calls of
    `recv` and the fourth with a thousand naps.
    """
    selector = selectors.DefaultSelector()
    listener.setblocking(False)
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                client, _ = listener.accept()
                client.setblocking(False)
                selector.register(client, selectors.EVENT_READ)
                arrivals.count()
            elif not is_still_there(key.fileobj):
                selector.unregister(key.fileobj)
                key.fileobj.close()


# The names that the table gives them.
DESIGNS = {
    "blocking": one_after_another,
    "threads": a_thread_each,
    "spinning": lambda listener, arrivals: go_round(listener, 0, arrivals),
    "timeouts": lambda listener, arrivals: go_round(listener, PATIENCE, arrivals),
    "loop": the_loop,
}
# Nobody has to wait for somebody who says nothing. `blocking` waits for its one client, `timeouts` waits a
# little for each: with those two, how many are served in a given time is what we are here to find out.
SERVES_EVERYONE = ["threads", "spinning", "loop"]
