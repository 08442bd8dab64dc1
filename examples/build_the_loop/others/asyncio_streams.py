"""The same service on asyncio's streams, without a scheme: a task for each client, on a loop that somebody else wrote.

    sockmodes check --auth none -- python3 examples/build_the_loop/others/asyncio_streams.py {port}
"""

import asyncio
import os
import sys


async def serve(reader, writer):
    while request := await reader.read(16 * 1024):
        writer.write(request.upper())
        # Waits until the outbox is not full any more. Without this line it grows and grows.
        await writer.drain()
    writer.close()


async def main():
    port = int(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PORT") or sys.exit("no port is given"))
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
