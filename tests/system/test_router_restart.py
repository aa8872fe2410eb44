# SPDX-License-Identifier: BSD-3-Clause
"""Routers while something changes: the configuration, either process, their number.

    a ── gw.a  gw  gw.b ── b           (a numbered stream of UDP from a to b, another back)
         n0000 … n0999                 (a thousand routers beside it, ten routes each)
"""
import socket
import struct
import threading
import time

import pytest

from tests.lib.hosts import TAG, Host
from tests.lib.lab import Lab, wait_until

PER_SEC = 200
EXTRA_ROUTER = """
  - name: other
    interfaces: [{name: x, addresses: [10.1.0.1/24]}]
"""
GW = """
  routers:
  - name: gw
    interfaces:
    - {{name: a, addresses: [10.1.0.1/24, "fd01::1/64"]}}
    - {{name: b, addresses: [10.2.0.1/24, "fd02::1/64"]}}
    - {{name: spare, addresses: [10.3.0.1/24], mtu: {mtu}}}
    routes:
    - {{prefix: 10.9.0.0/24, next-hop: 10.2.0.2}}
{routes}
"""
CHAINS = """
  chains:
  - {name: a, inside: gw.a, outside: a}
  - {name: b, inside: gw.b, outside: b}
"""


class Stream:
    """Numbered datagrams to a host, and what arrived when. The kernel's sockets at both ends, so that a
    machine that is busy delays a number and loses none."""

    def __init__(self, near, far, version=4):
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        self.target = (far.address(version), 5000 + version)
        self.receiver = far.socket(family, socket.SOCK_DGRAM)
        self.receiver.bind(self.target)
        self.sender = near.socket(family, socket.SOCK_DGRAM)
        self.sender.bind((near.address(version), 0))
        self.n_sent, self.arrivals, self.is_on = 0, {}, True
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self.send, self.receive)]
        for thread in self.threads:
            thread.start()

    def send(self):
        due = time.monotonic()
        while self.is_on:
            try:
                self.sender.sendto(struct.pack("!I", self.n_sent), self.target)
            except OSError:
                pass  # while there is no route or no carrier: a number that does not arrive
            self.n_sent += 1
            due += 1 / PER_SEC
            time.sleep(max(0, due - time.monotonic()))

    def receive(self):
        self.receiver.settimeout(0.5)
        while self.is_on or self.n_sent - 1 not in self.arrivals:
            try:
                number = struct.unpack("!I", self.receiver.recv(100))[0]
            except TimeoutError:
                if not self.is_on:
                    return
                continue
            self.arrivals[number] = time.monotonic()

    def wait(self, n):
        """Until `n` more have arrived."""
        target = len(self.arrivals) + n
        wait_until(lambda: len(self.arrivals) >= target, 10, f"{n} more arrive")

    def lost(self):
        """Ends it."""
        self.is_on = False
        for thread in self.threads:
            thread.join(5)
        self.sender.close()
        self.receiver.close()
        return self.n_sent - len(self.arrivals)

    def longest_gap(self):
        times = sorted(self.arrivals.values())
        return max(b - a for a, b in zip(times, times[1:]))


class Net:
    def __init__(self, lab):
        self.lab = lab
        self.a, self.b = (Host(lab, f"{TAG}-{name}", f"10.{i}.0.2/24", f"fd0{i}::2/64",
                               via=(f"10.{i}.0.1", f"fd0{i}::1")) for name, i in (("a", 1), ("b", 2)))
        self.apply()
        for host in (self.a, self.b):
            host.up()
        self.ready()

    def text(self, routes="", mtu=1500, routers="", ports=""):
        return ("tenants:\n- name: blue\n  ports:\n" + self.a.port("a") + self.b.port("b") + ports +
                GW.format(routes=routes, mtu=mtu).lstrip("\n") + routers.lstrip("\n") + CHAINS.lstrip("\n"))

    def apply(self, **words):
        self.lab.apply(self.text(**words))

    def ready(self):
        self.a.wait_reaches("10.2.0.2", "fd02::2")


@pytest.fixture(scope="module")
def net():
    with Lab() as lab:
        yield Net(lab.start())


def streams(net):
    return [Stream(net.a, net.b, 4), Stream(net.b, net.a, 6)]


CHANGES = {
    "a router": dict(routers=EXTRA_ROUTER),
    "routes": dict(routes="    - {prefix: 10.20.0.0/16, next-hop: 10.2.0.2}\n"
                          '    - {prefix: "fd20::/32", next-hop: "fd02::2"}\n'
                          "    - {prefix: 10.2.0.0/16, type: blackhole}"),
    "another interface": dict(mtu=1400),
    "a port": dict(ports="  - {name: extra, type: pcap, output-file: /dev/null}\n"),
}


def test_changes_lose_nothing(net):
    both = streams(net)
    for words in CHANGES.values():
        for step in (words, {}):
            both[0].wait(20)
            net.apply(**step)
    for stream in both:
        stream.wait(20)
        assert stream.lost() == 0


def test_a_killed_culvertd_loses_nothing(net):
    both = streams(net)
    both[0].wait(50)
    net.lab.kill(net.lab.culvertd)
    both[0].wait(100)
    net.lab.start_culvertd()
    wait_until(lambda: net.lab.show("status")["dataplane"]["in-step"], 5, "culvertd has its dataplane")
    for stream in both:
        stream.wait(20)
        assert stream.lost() == 0


def test_a_killed_dataplane_is_back_within_a_second(net):
    """After it has started, which a busy machine may delay."""
    both = streams(net)
    both[0].wait(50)
    began = time.monotonic()
    net.lab.kill(net.lab.dataplane)
    net.lab.start_dataplane()
    seconds = time.monotonic() - began
    for stream in both:
        stream.wait(100)
        stream.lost()
        assert stream.longest_gap() < seconds + 1
    net.ready()


def resident(process):
    """Bytes of memory that a process has."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS"))


def test_a_thousand_routers(net):
    n, n_routes = 1000, 10
    lines = []
    for i in range(n):
        near, far = f"10.{i // 250}.{i % 250}", f"192.0.{i % 250}"
        lines.append(f"  - name: n{i:04}\n    interfaces:\n"
                     f"    - {{name: x, addresses: [{near}.1/24]}}\n"
                     f"    - {{name: y, addresses: [{far}.1/24]}}\n    routes:\n" +
                     "".join(f"    - {{prefix: 10.{100 + k}.0.0/16, next-hop: {near}.{k + 2}}}\n"
                             for k in range(n_routes)))
    before = resident(net.lab.dataplane)
    began = time.monotonic()
    stream = Stream(net.a, net.b)
    stream.wait(20)
    net.apply(routers="".join(lines))
    seconds = time.monotonic() - began
    stream.wait(20)
    assert stream.lost() == 0
    more = resident(net.lab.dataplane) - before
    assert more < 100e6, f"{more / 1e6:.0f} MB for {n} routers"
    assert seconds < 30, f"{seconds:.1f} s to apply {n} routers"
    routers = net.lab.show("routers")
    assert len(routers) == n + 1
    assert [r["ipv4-routes"] for r in routers if r["name"] == "n0500"] == [2 + n_routes]
    rows = net.lab.show("routes", "blue/n0999")
    assert sum(row["source"] == "static" for row in rows) == n_routes
    net.apply()
    wait_until(lambda: len(net.lab.show("routers")) == 1, 5, "they are gone")
    net.ready()
