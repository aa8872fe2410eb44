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
from scapy.layers.inet6 import IPv6
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
    - {{prefix: 10.74.0.0/16, next-hop: 10.3.0.2, preference: 9}}
    - {{prefix: 10.74.0.0/16, next-hop: 10.2.0.2}}
    - {{prefix: 10.74.0.0/16, type: unreachable, preference: 200}}
    - prefix: fd76::/64
      next-hops: [{{address: "fe80::99", outgoing-interface: b}}, {{address: "fe80::99", outgoing-interface: c}}]
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
            host.ip("address", "add", "10.74.0.1/32", "dev", "lo")
            host.ip("address", "add", "fd76::1/128", "dev", "lo")
            self.name_link_local(host)
        self.a.wait_reaches("10.2.0.2", "fd02::2", "10.3.0.2", "10.5.0.2", "fd05::2")

    def neighbor(self, address, router="gw"):
        return next((n for n in self.lab.show("neighbors", f"blue/{router}") if n["address"] == address), None)

    @staticmethod
    def name_link_local(host):
        host.ip("address", "add", "fe80::99/64", "dev", host.name, "nodad")

    def down(self, host):
        host.ip("link", "set", host.name, "down")

    def up(self, host):
        """With all that its kernel forgot meanwhile."""
        host.ip("link", "set", host.name, "up")
        for address, gateway in zip(host.addresses, host.via):
            host.ip("address", "replace", address, "dev", host.name, *(["nodad"] if ":" in address else []))
            host.ip("-6" if ":" in gateway else "-4", "route", "replace", "default", "via", gateway)
        self.name_link_local(host)

    def arrives(self, host, address):
        """Whether pings to this address arrive at this host."""
        with host.wire() as wire:
            assert self.a.ping(address) == 0
            frames = [Ether(f) for f in wire.pending()]
        got = [f for f in frames if any(layer in f and f[layer].dst == address for layer in (IP, IPv6))]
        assert len(got) in (0, 3)
        return len(got) == 3

    def preferences(self, prefix):
        """Of its routes, and which of them is used."""
        rows = [row for row in self.lab.show("routes", "blue/gw") if row["prefix"] == prefix]
        return {row["preference"]: row["active"] for row in rows}

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
            first = Ether(wire.wait_for(lambda f: Ether(f).dst == STATIC_MAC or ARP in Ether(f), what=address))
            assert first.dst == STATIC_MAC


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
    assert not net.arrives(net.c, "10.70.0.1")
    assert net.route("10.70.0.0/16")["active"] and net.route("10.2.0.0/24")["active"]
    net.down(net.b)
    wait_until(lambda: not net.route("10.70.0.0/16")["active"], 5, "the routes by b are inactive")
    assert not net.route("10.2.0.0/24")["active"] and net.route("10.70.0.0/15")["active"]
    hops = {h["address"]: h["up"] for h in net.route("10.72.0.0/16")["next-hops"]}
    assert hops == {"10.2.0.2": False, "10.3.0.2": True}
    assert net.arrives(net.c, "10.70.0.1") and net.arrives(net.c, "10.72.0.1")
    out = net.a.run("ping", "-n", "-c", "1", "-W", "2", "10.2.0.2", check=False).stdout
    assert "From 10.1.0.1 icmp_seq=1 Destination Net Unreachable" in out
    net.up(net.b)
    wait_until(lambda: net.route("10.70.0.0/16")["active"], 5, "the routes by b are back")
    net.a.wait_reaches("10.70.0.1", "fd02::2")
    assert net.arrives(net.b, "10.70.0.1")


def test_a_floating_route_waits_for_its_turn(net):
    """Three static routes of one prefix: of those whose link is up the one with the lowest preference."""
    net.a.wait_reaches("10.74.0.1")
    assert net.preferences("10.74.0.0/16") == {1: True, 9: False, 200: False}
    assert net.arrives(net.b, "10.74.0.1")
    net.down(net.b)
    wait_until(lambda: net.preferences("10.74.0.0/16") == {1: False, 9: True, 200: False}, 5, "the second")
    assert net.arrives(net.c, "10.74.0.1")
    net.down(net.c)
    wait_until(lambda: net.preferences("10.74.0.0/16") == {1: False, 9: False, 200: True}, 5, "the third")
    out = net.a.run("ping", "-n", "-c", "1", "-W", "5", "10.74.0.1", check=False).stdout
    assert "From 10.1.0.1 icmp_seq=1 Destination Host Unreachable" in out
    net.up(net.b)
    net.up(net.c)
    wait_until(lambda: net.preferences("10.74.0.0/16") == {1: True, 9: False, 200: False}, 5, "the first again")
    net.a.wait_reaches("10.74.0.1", "fd02::2", "fd03::2")
    assert net.arrives(net.b, "10.74.0.1")


def test_one_link_local_next_hop_on_two_interfaces(net):
    """fe80::99 is b on one link and c on the other: each carries, when the other one is down."""
    for gone, left in ((net.b, net.c), (net.c, net.b)):
        net.a.wait_reaches("fd76::1")
        hops = {(h["address"], h["outgoing-interface"]): h["up"] for h in net.route("fd76::/64")["next-hops"]}
        assert hops == {("fe80::99", "b"): True, ("fe80::99", "c"): True}
        net.down(gone)
        wait_until(lambda: not all(h["up"] for h in net.route("fd76::/64")["next-hops"]), 5, "one is down")
        assert net.arrives(left, "fd76::1")
        net.up(gone)
        wait_until(lambda: all(h["up"] for h in net.route("fd76::/64")["next-hops"]), 5, "both are up")
    net.a.wait_reaches("fd02::2", "fd03::2")


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
