"""A slow network, packet by packet: two network namespaces, and a relay between them that counts every IP byte.

The server stands in one namespace, the phone in the other; each has a TUN device whose other end the relay holds. A
packet waits for its turn at the line's bandwidth, then for half a round trip; some are lost. A browser's own throttling
would not do: it counts no handshakes and lets its service worker through at full speed.

Needs root, /dev/net/tun and `ip` (iproute2). `python -m bench.slow_net NAME` is the relay itself: it obeys lines of its
standard input, `line PROFILE` and `count`, and ends with it.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import json
import os
import random
import select
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PHONE_ADDRESS, SERVER_ADDRESS = "10.77.0.1", "10.77.0.2"
TUN = Path("/dev/net/tun")
TUNSETIFF, IFF_TUN_NO_PI = 0x400454CA, 0x1001
MOST_WAIT_SECONDS = 8  # so much an operator's buffer holds; what comes then is dropped
BYTES_PER_KBIT = 125


class Profile(NamedTuple):
    """A line as a phone has it."""

    down_kbit: int
    up_kbit: int
    round_trip_ms: int
    loss: float = 0.0


PROFILES = {
    "2g": Profile(250, 50, 300),
    "gprs": Profile(50, 20, 500),
    "edge": Profile(240, 200, 840),
    "2g-lossy": Profile(250, 50, 300, 0.03),
    "far": Profile(100_000, 100_000, 1000),  # nothing but round trips, a second each
    "near": Profile(100_000, 100_000, 1),
}


class Count(NamedTuple):
    """IP bytes and packets since the line was set, and how many packets were lost."""

    up: int
    down: int
    packets: int
    lost: int

    @property
    def bytes(self) -> int:
        """Both ways together."""
        return self.up + self.down


class SlowNet:
    """The two namespaces and the relay between them, while the block of `slow_net` lasts."""

    def __init__(self, name: str, relay: subprocess.Popen[str]) -> None:
        self.phone, self.server = f"{name}p", f"{name}s"
        self._relay = relay

    def inside(self, namespace: str, command: list[str]) -> list[str]:
        """The command line that runs `command` in a namespace."""
        return ["ip", "netns", "exec", namespace, *command]

    def set_line(self, profile: str) -> None:
        """From now on the line is like this; the count begins anew."""
        self._say(f"line {profile}")

    def count(self) -> Count:
        """What has passed since the line was set."""
        return Count(**json.loads(self._say("count")))

    def _say(self, words: str) -> str:
        assert self._relay.stdin is not None
        assert self._relay.stdout is not None
        self._relay.stdin.write(words + "\n")
        self._relay.stdin.flush()
        return self._relay.stdout.readline()


def why_not() -> str:
    """What is missing for a slow network on this machine, in a sentence; empty where nothing is."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    if not TUN.exists():
        return "needs /dev/net/tun"
    if shutil.which("ip") is None:
        return "needs `ip` (iproute2)"
    name = f"khata{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode != 0:
        return "network namespaces are not allowed here"
    subprocess.run(["ip", "netns", "del", name], check=False)
    return ""


@contextlib.contextmanager
def slow_net() -> Iterator[SlowNet]:
    """Two namespaces with a line between them, for as long as the block lasts."""
    name = f"kh{os.getpid()}"
    for namespace in (f"{name}p", f"{name}s"):
        _run(f"ip netns add {namespace}")
        _run(f"ip -n {namespace} link set lo up")
    relay = subprocess.Popen(
        [sys.executable, "-m", "bench.slow_net", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    try:
        net = SlowNet(name, relay)
        net.set_line("near")
        yield net
    finally:
        relay.terminate()
        relay.wait()
        for namespace in (f"{name}p", f"{name}s"):
            subprocess.run(["ip", "netns", "del", namespace], check=False)


# the relay


class Relay:
    """Takes packets from either end and hands them to the other when their time has come."""

    def __init__(self, phone_end: int, server_end: int) -> None:
        self.other = {phone_end: server_end, server_end: phone_end}
        self.phone_end = phone_end
        self.waiting: list[tuple[float, int, int, bytes]] = []
        self.taken = 0
        self.set_line(PROFILES["near"])

    def set_line(self, profile: Profile) -> None:
        """From now on the line is like this; the count begins anew, and so does the luck."""
        self.profile = profile
        self.chance = random.Random(profile.round_trip_ms)
        self.free_at = dict.fromkeys(self.other, 0.0)
        self.passed = dict.fromkeys(self.other, 0)
        self.packets = self.lost = 0

    def take(self, end: int, packet: bytes, now: float) -> None:
        """A packet has come: lose it, or give it its time. A kernel's own talk over IPv6 is not counted."""
        if packet[0] >> 4 != 4:
            return
        if self.chance.random() < self.profile.loss or self.free_at[end] - now > MOST_WAIT_SECONDS:
            self.lost += 1
            return
        kbit = self.profile.up_kbit if end == self.phone_end else self.profile.down_kbit
        self.passed[end] += len(packet)
        self.packets += 1
        self.free_at[end] = max(self.free_at[end], now) + len(packet) / (kbit * BYTES_PER_KBIT)
        self.taken += 1
        arrives_at = self.free_at[end] + self.profile.round_trip_ms / 2000
        heapq.heappush(self.waiting, (arrives_at, self.taken, self.other[end], packet))

    def hand_over(self, now: float) -> float:
        """Pass on what is due; gives the seconds until there is more to do."""
        while self.waiting and self.waiting[0][0] <= now:
            _at, _number, end, packet = heapq.heappop(self.waiting)
            with contextlib.suppress(OSError):  # the far end is gone
                os.write(end, packet)
        return min(1.0, self.waiting[0][0] - now) if self.waiting else 1.0

    def counted(self) -> dict[str, int]:
        """As `Count` has it."""
        up = self.passed[self.phone_end]
        return {"up": up, "down": sum(self.passed.values()) - up, "packets": self.packets, "lost": self.lost}


def main() -> None:
    """Be the relay between the two namespaces of a name, until standard input ends."""
    name = sys.argv[1]
    ends = [_end(f"{name}p", PHONE_ADDRESS, SERVER_ADDRESS), _end(f"{name}s", SERVER_ADDRESS, PHONE_ADDRESS)]
    relay, asked = Relay(*ends), sys.stdin.fileno()
    wait = 1.0
    while True:
        ready, _, _ = select.select([*ends, asked], [], [], wait)
        for end in ready:
            if end == asked:
                if not (words := sys.stdin.readline().split()):
                    return
                _obey(relay, words)
            else:
                _drain(relay, end)
        wait = relay.hand_over(time.monotonic())


def _obey(relay: Relay, words: list[str]) -> None:
    if words[0] == "line":
        relay.set_line(PROFILES[words[1]])
    print(json.dumps(relay.counted()), flush=True)


def _drain(relay: Relay, end: int) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            relay.take(end, os.read(end, 65535), time.monotonic())


def _end(namespace: str, own: str, peer: str) -> int:
    """A TUN device that stands in the namespace; its other end is given."""
    end = os.open(TUN, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH", namespace.encode(), IFF_TUN_NO_PI))
    _run(f"ip link set {namespace} netns {namespace}")
    _run(f"ip -n {namespace} addr add {own} peer {peer} dev {namespace}")
    _run(f"ip -n {namespace} link set {namespace} up")
    return end


def _run(command: str) -> None:
    subprocess.run(command.split(), check=True)


if __name__ == "__main__":
    main()
