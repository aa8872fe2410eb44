# SPDX-License-Identifier: BSD-3-Clause
"""Neighbours, links, and pings of the router itself.

    a ── gw.a  gw  gw.mid ── core.mid  core  core.far ── far
               │ │   10.9.0.0/30            10.5.0.0/24
       b ── gw.b gw.c ── c
"""
import re
import time

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import ARP, Ether

from tests.lib.hosts import TAG, Host
from tests.lib.lab import Lab, ping_loss, wait_until

STATIC_MAC = "02:00:00:00:00:63"
CONFIG = f"""
  routers:
  - name: gw
    interfaces:
    - {{name: a, addresses: [10.1.0.1/24, "fd01::1/64"]}}
    - name: b
      addresses: [10.2.0.1/24, "fd02::1/64"]
      neighbors:
      - {{address: 10.2.0.99, mac-address: "{STATIC_MAC}"}}
      - {{address: "fd02::99", mac-address: "{STATIC_MAC}"}}
    - {{name: c, addresses: [10.3.0.1/24, "fd03::1/64"]}}
    - {{name: mid, addresses: [10.9.0.1/30, "fd09::1/64"]}}
    routes:
    - {{prefix: 10.5.0.0/24, next-hop: 10.9.0.2}}
    - {{prefix: "fd05::/64", next-hop: "fd09::2"}}
    - {{prefix: 10.70.0.0/15, next-hop: 10.3.0.2}}
    - {{prefix: 10.70.0.0/16, next-hop: 10.2.0.2}}
    - {{prefix: 10.72.0.0/16, next-hops: [{{address: 10.2.0.2}}, {{address: 10.3.0.2}}]}}
  - name: core
    interfaces:
    - {{name: mid, addresses: [10.9.0.2/30, "fd09::2/64"]}}
    - {{name: far, addresses: [10.5.0.1/24, "fd05::1/64"]}}
    routes:
    - {{prefix: 0.0.0.0/0, next-hop: 10.9.0.1}}
    - {{prefix: "::/0", next-hop: "fd09::1"}}
  chains:
  - {{name: a, inside: gw.a, outside: a}}
  - {{name: b, inside: gw.b, outside: b}}
  - {{name: c, inside: gw.c, outside: c}}
  - {{name: mid, inside: gw.mid, outside: core.mid}}
  - {{name: far, inside: core.far, outside: far}}
"""


class Net:
    def __init__(self, lab):
        self.lab = lab
        hosts = {name: Host(lab, f"{TAG}-{name}", f"10.{i}.0.2/24", f"fd0{i}::2/64",
                            via=(f"10.{i}.0.1", f"fd0{i}::1"))
                 for name, i in (("a", 1), ("b", 2), ("c", 3), ("far", 5))}
        self.a, self.b, self.c, self.far = hosts.values()
        lab.apply("tenants:\n- name: blue\n  ports:\n" + "".join(h.port(n) for n, h in hosts.items()) +
                  CONFIG.lstrip("\n"))
        for host in hosts.values():
            host.up()
        for host in (self.b, self.c):
            host.ip("address", "add", "10.70.0.1/32", "dev", "lo")
            host.ip("address", "add", "10.72.0.1/32", "dev", "lo")
        self.a.wait_reaches("10.2.0.2", "fd02::2", "10.3.0.2", "10.5.0.2", "fd05::2")

    def neighbor(self, address, router="gw"):
        return next((n for n in self.lab.show("neighbors", f"blue/{router}") if n["address"] == address), None)

    def route(self, prefix):
        rows = self.lab.show("routes", "blue/gw")
        return next(row for row in rows if row["prefix"] == prefix)

    def ping(self, *words):
        return self.lab.culvert("ping", *words, check=False)


@pytest.fixture(scope="module")
def net():
    with Lab() as lab:
        yield Net(lab.start())


def test_neighbors_are_shown(net):
    net.a.wait_reaches("10.2.0.2", "fd02::2")
    for address, host, interface in (("10.1.0.2", net.a, "a"), ("fd01::2", net.a, "a"),
                                     ("10.2.0.2", net.b, "b"), ("fd02::2", net.b, "b")):
        row = net.neighbor(address)
        assert (row["mac-address"], row["interface"]) == (host.mac, interface)
        assert row["state"] in ("reachable", "stale", "delay", "probe")
    text = net.lab.culvert("show", "neighbors", "blue/gw").stdout
    assert re.search(rf"^10\.2\.0\.2 +b +{net.b.mac} ", text, re.M)


def test_static_neighbors_are_never_asked_for(net):
    assert net.neighbor("10.2.0.99")["state"] == net.neighbor("fd02::99")["state"] == "static"
    with net.b.wire() as wire:
        for address in ("10.2.0.99", "fd02::99"):
            net.a.ping(address, "-W", "0.1", count=1)
        got = [Ether(f) for f in wire.pending()]
    for_it = [f for f in got if f.dst == STATIC_MAC]
    assert len(for_it) == 2
    assert not [f for f in got if ARP in f and f[ARP].pdst == "10.2.0.99"]


def test_a_neighbor_that_changes_its_mac(net):
    """It says so (gratuitous ARP, unsolicited NA with override): at most one ping is lost."""
    for key in ("ipv4.conf.all.arp_notify=1", f"ipv6.conf.{net.b.name}.ndisc_notify=1"):
        net.b.sysctl(key)
    pings = [net.a.spawn("ping", "-n", "-c", "40", "-i", "0.05", "-W", "1", address)
             for address in ("10.2.0.2", "fd02::2")]
    old = net.b.mac
    new = "02:00:00:00:bb:01"
    wait_until(lambda: net.neighbor("10.2.0.2")["state"] == "reachable", 5, "the pings have begun")
    net.b.ip("link", "set", net.b.name, "address", new)
    for ping in pings:
        assert ping_loss(ping.communicate(timeout=20)[0]) <= 1
    assert [net.neighbor(a)["mac-address"] for a in ("10.2.0.2", "fd02::2")] == [new, new]
    net.b.ip("link", "set", net.b.name, "address", old)
    net.a.wait_reaches("10.2.0.2", "fd02::2")


def test_an_unknown_neighbor(net):
    """The packet waits for three questions, then its sender is told; the next one is told at once."""
    before = net.lab.drops("a").get("NEIGHBOR_UNRESOLVED", 0)
    began = time.monotonic()
    with net.b.wire() as wire:
        pings = [net.a.spawn("ping", "-n", "-c", "1", "-W", "6", address)
                 for address in ("10.2.0.77", "fd02::77")]
        outs = [ping.communicate(timeout=10)[0] for ping in pings]
        asked = [Ether(f) for f in wire.pending()]
    assert 2.5 < time.monotonic() - began < 6
    assert "From 10.1.0.1 icmp_seq=1 Destination Host Unreachable" in outs[0]
    assert "From fd01::1 icmp_seq=1 Destination unreachable: Address unreachable" in outs[1]
    assert len([f for f in asked if ARP in f and f[ARP].pdst == "10.2.0.77"]) == 3
    assert net.lab.drops("a")["NEIGHBOR_UNRESOLVED"] - before >= 2
    assert net.neighbor("10.2.0.77")["state"] == "failed"
    began = time.monotonic()
    net.a.run("ping", "-n", "-c", "1", "-W", "6", "10.2.0.77", check=False)
    assert time.monotonic() - began < 1


def test_held_packets_go_out_in_order(net):
    """Five packets to a neighbour that takes its time to answer."""
    with net.a.wire() as a, net.b.wire() as b:
        mac = next(i["mac-address"] for r in net.lab.show("routers") if r["name"] == "gw"
                   for i in r["interfaces"] if i["name"] == "a")
        for i in range(5):
            a.send(bytes(Ether(src=a.mac, dst=mac) / IP(src="10.1.0.2", dst="10.2.0.55") / ICMP(seq=i)))
        question = Ether(b.wait_for(lambda f: ARP in Ether(f) and Ether(f)[ARP].pdst == "10.2.0.55",
                                    what="the question"))
        wait_until(lambda: net.neighbor("10.2.0.55")["held"] == 5, 2, "five packets are held")
        b.send(bytes(Ether(src="02:00:00:00:00:37", dst=question.src) /
                     ARP(op=2, hwsrc="02:00:00:00:00:37", psrc="10.2.0.55", hwdst=question.src,
                         pdst="10.2.0.1")))
        seen = []
        for one in b.frames(3):
            packet = Ether(one)
            if ICMP in packet and packet[IP].dst == "10.2.0.55":
                assert packet.dst == "02:00:00:00:00:37"
                seen.append(packet[ICMP].seq)
            if len(seen) == 5:
                break
    assert seen == [0, 1, 2, 3, 4]


# --- links ---


def test_a_link_goes_down_and_comes_back(net):
    """Its routes go: the next shorter prefix takes over, and the other of two next hops."""
    net.a.wait_reaches("10.70.0.1", "10.72.0.1")

    def to_c(address):
        """Whether pings to this address arrive at c."""
        with net.c.wire() as wire:
            lost = net.a.ping(address)
            return lost == 0 and sum(address in (Ether(f)[IP].dst for _ in "1" if IP in Ether(f))
                                     for f in wire.pending()) == 3

    assert not to_c("10.70.0.1")
    assert net.route("10.70.0.0/16")["active"] and net.route("10.2.0.0/24")["active"]
    net.b.ip("link", "set", net.b.name, "down")
    wait_until(lambda: not net.route("10.70.0.0/16")["active"], 5, "the routes by b are inactive")
    assert not net.route("10.2.0.0/24")["active"] and net.route("10.70.0.0/15")["active"]
    hops = {h["address"]: h["up"] for h in net.route("10.72.0.0/16")["next-hops"]}
    assert hops == {"10.2.0.2": False, "10.3.0.2": True}
    assert to_c("10.70.0.1") and to_c("10.72.0.1")
    out = net.a.run("ping", "-n", "-c", "1", "-W", "2", "10.2.0.2", check=False).stdout
    assert "From 10.1.0.1 icmp_seq=1 Destination Net Unreachable" in out
    net.b.ip("link", "set", net.b.name, "up")
    net.b.ip("route", "replace", "default", "via", "10.2.0.1")
    wait_until(lambda: net.route("10.70.0.0/16")["active"], 5, "the routes by b are back")
    wait_until(lambda: net.a.reaches("10.70.0.1") and not to_c("10.70.0.1"), 5, "b has its pings again")
    for address, gateway in (("fd02::2/64", "fd02::1"),):  # the kernel forgot them
        net.b.ip("address", "replace", address, "dev", net.b.name, "nodad")
        net.b.ip("-6", "route", "replace", "default", "via", gateway)
    net.a.wait_reaches("fd02::2")


# --- culvert ping ---


@pytest.mark.parametrize("address", ["10.1.0.2", "fd01::2", "10.5.0.2", "fd05::2", "10.9.0.2"])
def test_the_router_pings(net, address):
    result = net.ping("blue/gw", address, "-c", "3", "-i", "0.05")
    assert result.returncode == 0
    assert result.stdout.count(f"reply from {address}: seq=") == 3
    assert f"ttl={63 if '5' in address else 64}" in result.stdout
    assert "3 packets transmitted, 3 received, 0% packet loss" in result.stdout
    result = net.ping("blue/gw", address, "-c", "1", "-s", "1400")
    assert result.returncode == 0


def test_the_router_pings_in_vain(net):
    result = net.ping("blue/gw", "10.2.0.78", "-c", "1")
    assert result.returncode == 1 and "100% packet loss" in result.stdout
    result = net.ping("blue/gw", "192.0.2.1", "-c", "1")
    assert result.returncode == 1 and "no route to 192.0.2.1" in result.stdout
    for address, hop, code in (("10.5.0.2", "10.9.0.2", 11), ("fd05::2", "fd09::2", 3)):
        result = net.ping("blue/gw", address, "-c", "1", "-t", "1")
        assert result.returncode == 1
        assert f"from {hop}: seq=1 " in result.stdout
        assert f"(ICMP type {code}, code 0)" in result.stdout
    result = net.ping("blue/gw", "10.5.0.2", "-c", "1", "-I", "10.1.0.1")
    assert result.returncode == 0, result.stdout + result.stderr
    for words, sentence in ((("blue/nobody", "10.1.0.2"), "nobody"), (("blue/gw", "10.1.0"), "must be an IPv4 or IPv6 address"),
                            (("blue/gw", "10.1.0.2", "-I", "10.1.0.7"), "10.1.0.7")):
        result = net.ping(*words, "-c", "1")
        assert result.returncode in (1, 2) and sentence in result.stderr + result.stdout, result
