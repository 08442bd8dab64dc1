"""A bad wire between two network devices: late, lossy, and now and then out of order.

What `tc netem` does in kernels that have it, in a hundred lines for all others: each packet that one TUN
device sends arrives from the other 20 ms later; of 100 packets two never do, and five at once, which
overtakes what is on the way. While a device is down, what it should receive is lost.

Names of two devices are the arguments. It says `ready` once they are there, and when its input ends, how
many packets went through, were lost, and overtook others.
"""

import fcntl
import heapq
import itertools
import os
import random
import select
import struct
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
DELAY, LOSS, HASTE = 0.020, 0.02, 0.05


def tun(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


def packets(device):
    """What a device wants to send, without waiting."""
    try:
        while True:
            yield os.read(device, 65536)
    except OSError:
        return  # there is no more, or the device is down


def main():
    one, other = map(tun, sys.argv[1:])
    peers = {one: other, other: one}
    print("ready", flush=True)
    chance, order, under_way = random.Random(1), itertools.count(), []
    passed = lost = overtook = 0
    while True:
        wait = max(0, under_way[0][0] - time.monotonic()) if under_way else None
        readable, _, _ = select.select([0, one, other], [], [], wait)
        if 0 in readable and not os.read(0, 1):
            break
        for device in set(readable) - {0}:
            for packet in packets(device):
                if chance.random() < LOSS:
                    lost += 1
                    continue
                haste = chance.random() < HASTE
                overtook += haste and bool(under_way)
                due = time.monotonic() + (0 if haste else DELAY)
                heapq.heappush(under_way, (due, next(order), peers[device], packet))
        while under_way and under_way[0][0] <= time.monotonic():
            _, _, device, packet = heapq.heappop(under_way)
            try:
                os.write(device, packet)
                passed += 1
            except OSError:
                lost += 1  # the device is down, or has too much to do
    print(f"passed={passed} lost={lost} overtook={overtook}", flush=True)


main()
