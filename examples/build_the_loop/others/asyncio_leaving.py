"""asyncio_streams.py with an end: SIGTERM lets nobody new in, and whoever is owed something gets it.

    sockmodes check --auth none -- python3 examples/build_the_loop/others/asyncio_leaving.py {port}
"""

import asyncio
import os
import signal
import sys

SIGNALS = signal.SIGTERM, signal.SIGINT
DRAIN = 3  # Seconds for those who are owed something.


async def serve(reader, writer, told, clients):
    clients[asyncio.current_task()] = writer
    try:
        while not told.is_set() and (request := await reader.read(16 * 1024)):
            writer.write(request.upper())
            await writer.drain()
        # What is owed, then the end of our side; and nothing may be left unread, or `close` makes a reset of it.
        writer.write_eof()
        while await reader.read(16 * 1024):
            pass
    finally:
        del clients[asyncio.current_task()]
        writer.close()


async def main():
    port = int(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PORT") or sys.exit("no port is given"))
    told, clients = asyncio.Event(), {}
    server = await asyncio.start_server(lambda *client: serve(*client, told, clients), "127.0.0.1", port)
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, told.set)
    await told.wait()
    for number in SIGNALS:
        loop.remove_signal_handler(number)  # The second one ends it at once, as if nobody minded.
    server.close()
    owed = [task for task, writer in clients.items() if writer.transport.get_write_buffer_size()]
    if owed:
        await asyncio.wait(owed, timeout=DRAIN)
    # Back in `run`, which ends all tasks that are left.


if __name__ == "__main__":
    asyncio.run(main())
