# SPDX-License-Identifier: BSD-3-Clause
"""Routers as hosts see them: reach, hops, errors, path MTU, shares of equal routes.

    blue                        MTU 1400
    a ── lan (switch) ── gw.lan  gw  gw.mid ─── core.mid  core  core.far ── b
         10.1.0.0/24              │    10.9.0.0/30                10.2.0.0/24
                       gw.e1 ── e1│e2 ── gw.e2
                    10.3.0.0/24   │   10.4.0.0/24     MTU 9000

    red, the same addresses twice again:  ra ── gw ── rb,  ta ── twin ── tb
"""
import json
import re
import time

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from tests.lib.hosts import TAG, Host
from tests.lib.lab import Lab, wait_until

A4, A6 = ("10.1.0.2/24", "fd01::2/64"), ("10.1.0.1", "fd01::1")
B4, B6 = ("10.2.0.2/24", "fd02::2/64"), ("10.2.0.1", "fd02::1")
LAN, FAR = '[10.1.0.1/24, "fd01::1/64"]', '[10.2.0.1/24, "fd02::1/64"]'
BLUE = """
  switches: [{name: lan, members: [a]}]
  routers:
  - name: gw
    interfaces:
    - {name: lan, addresses: [10.1.0.1/24, "fd01::1/64"]}
    - {name: mid, addresses: [10.9.0.1/30, "fd09::1/64"], mtu: 1400}
    - {name: e1, addresses: [10.3.0.1/24, "fd03::1/64"], mtu: 9000, source-check: strict}
    - {name: e2, addresses: [10.4.0.1/24, "fd04::1/64"], mtu: 9000}
    routes:
    - {prefix: 10.2.0.0/24, next-hop: 10.9.0.2}
    - {prefix: "fd02::/64", next-hop: "fd09::2"}
    - {prefix: 10.66.0.0/16, type: blackhole}
    - {prefix: "fd66::/32", type: blackhole}
    - {prefix: 10.67.0.0/16, type: unreachable}
    - {prefix: "fd67::/32", type: unreachable}
    - {prefix: 10.77.0.0/16, next-hops: [{address: 10.3.0.2}, {address: 10.4.0.2, weight: 3}]}
    - {prefix: "fd77::/32", next-hops: [{address: "fd03::2"}, {address: "fd04::2", weight: 3}]}
  - name: core
    interfaces:
    - {name: mid, addresses: [10.9.0.2/30, "fd09::2/64"], mtu: 1400}
    - {name: far, addresses: [10.2.0.1/24, "fd02::1/64"]}
    routes:
    - {prefix: 0.0.0.0/0, next-hop: 10.9.0.1}
    - {prefix: "::/0", next-hop: "fd09::1"}
  chains:
  - {name: c1, inside: lan, outside: gw.lan}
  - {name: c2, inside: gw.mid, outside: core.mid}
  - {name: c3, inside: core.far, outside: b}
  - {name: c4, inside: gw.e1, outside: e1}
  - {name: c5, inside: e2, outside: gw.e2}
"""
RED = f"""
  routers:
  - {{name: gw, interfaces: [{{name: lan, addresses: {LAN}}}, {{name: far, addresses: {FAR}, tcp-mss: 1300}}]}}
  - {{name: twin, interfaces: [{{name: lan, addresses: {LAN}}}, {{name: far, addresses: {FAR}}}]}}
  chains:
  - {{name: c1, inside: gw.lan, outside: ra}}
  - {{name: c2, inside: gw.far, outside: rb}}
  - {{name: c3, inside: twin.lan, outside: ta}}
  - {{name: c4, inside: twin.far, outside: tb}}
"""


class Net:
    def __init__(self, lab):
        self.lab = lab
        hosts = [Host(lab, f"{TAG}-{name}", *A4, via=A6) for name in ("a", "ra", "ta")]
        self.a, self.ra, self.ta = hosts
        self.b, self.rb, self.tb = (Host(lab, f"{TAG}-{name}", *B4, via=B6) for name in ("b", "rb", "tb"))
        self.e1, self.e2 = (Host(lab, f"{TAG}-e{i}", f"10.{i + 2}.0.2/24", f"fd0{i + 2}::2/64",
                                 via=(f"10.{i + 2}.0.1", f"fd0{i + 2}::1"), mtu=9000) for i in (1, 2))
        self.hosts = hosts + [self.b, self.rb, self.tb, self.e1, self.e2]
        self.text = ("tenants:\n- name: blue\n  ports:\n" + self.a.port("a") + self.b.port("b") +
                     self.e1.port("e1") + self.e2.port("e2") + BLUE.lstrip("\n") +
                     "- name: red\n  ports:\n" + self.ra.port("ra") + self.rb.port("rb") +
                     self.ta.port("ta") + self.tb.port("tb") + RED.lstrip("\n"))
        lab.apply(self.text)
        for host in self.hosts:
            host.up()
        self.a.wait_reaches("10.2.0.2", "fd02::2", "10.3.0.2", "10.4.0.2", "fd03::2", "fd04::2")

    def router(self, name="gw", tenant="blue"):
        return next(r for r in self.lab.show("routers") if (r["tenant"], r["name"]) == (tenant, name))

    def mac(self, interface, name="gw", tenant="blue"):
        return next(i["mac-address"] for i in self.router(name, tenant)["interfaces"]
                    if i["name"] == interface)


@pytest.fixture(scope="module")
def net():
    with Lab() as lab:
        yield Net(lab.start())


def frame(wire, mac, packet):
    return bytes(Ether(src=wire.mac, dst=mac) / packet)


def ip(version, **fields):
    return IP(**fields) if version == 4 else IPv6(**{"hlim" if k == "ttl" else k: v
                                                     for k, v in fields.items()})


# --- reach ---


@pytest.mark.parametrize("address", ["10.2.0.2", "fd02::2", "10.4.0.2", "fd04::2", "10.1.0.1", "fd01::1",
                                     "10.9.0.2", "fd09::2", "10.2.0.1", "fd02::1"])
def test_ping_across_and_to_the_routers(net, address):
    assert net.a.ping(address) == 0
    out = net.a.run("ping", "-n", "-c", "1", address).stdout
    hops = {"10.1.0.1": 0, "fd01::1": 0, "10.4.0.2": 1, "fd04::2": 1, "10.9.0.2": 1, "fd09::2": 1,
            "10.2.0.1": 1, "fd02::1": 1}.get(address, 2)
    assert f"ttl={64 - hops}" in out


def test_addresses_overlap_between_tenants_and_routers(net):
    """The same packet in three networks: each stays in its own."""
    ends = {"a": "b", "ra": "rb", "ta": "tb"}
    for near, far in ends.items():
        with net.b.wire() as b, net.rb.wire() as rb, net.tb.wire() as tb:
            mark = f"from {near}".encode()
            assert getattr(net, near).ping("10.2.0.2", "-p", mark.hex()) == 0
            assert getattr(net, near).ping("fd02::2", "-p", mark.hex()) == 0
            for name, wire in (("b", b), ("rb", rb), ("tb", tb)):
                n = sum(mark + mark in f for f in wire.pending())
                assert n == (6 if name == far else 0), (near, name)


@pytest.mark.parametrize("options", ["-4", "-4 -I", "-6", "-6 -I"])
def test_traceroute_shows_each_hop(net, options):
    version = options[1]
    out = net.a.run("traceroute", "-n", "-q", "1", "-w", "2", *options.split(),
                    net.b.address(int(version))).stdout
    hops = re.findall(r"^ *\d+  (\S+)", out, re.M)
    assert hops == (["10.1.0.1", "10.9.0.2", "10.2.0.2"] if version == "4" else
                    ["fd01::1", "fd09::2", "fd02::2"]), out


# --- errors ---


@pytest.mark.parametrize("address", ["10.1.0.1", "fd01::1", "10.9.0.2", "fd02::1"])
def test_port_unreachable_from_a_router(net, address):
    with net.a.socket(10 if ":" in address else 2, 2) as udp:
        udp.connect((address, 9))
        udp.settimeout(3)
        udp.send(b"is anybody there?")
        with pytest.raises(ConnectionRefusedError):
            udp.recv(100)


def test_blackhole_and_unreachable_routes(net):
    before = net.lab.drops("a").get("ROUTER_BLACKHOLE", 0)
    for address in ("10.66.0.1", "fd66::1"):
        out = net.a.run("ping", "-n", "-c", "2", "-i", "0.05", "-W", "0.1", address, check=False).stdout
        assert "From" not in out and "100% packet loss" in out
    wait_until(lambda: net.lab.drops("a").get("ROUTER_BLACKHOLE") == before + 4, 5, "all four are counted")
    for address, text in (("10.67.0.1", "From 10.1.0.1 icmp_seq=1 Destination Host Unreachable"),
                          ("fd67::1", "From fd01::1 icmp_seq=1 Destination unreachable: "),
                          ("192.0.2.1", "From 10.1.0.1 icmp_seq=1 Destination Net Unreachable"),
                          ("2001:db8::1", "From fd01::1 icmp_seq=1 Destination unreachable: No route")):
        out = net.a.run("ping", "-n", "-c", "1", "-W", "2", address, check=False).stdout
        assert text in out, out


def test_errors_have_a_rate_limit(net):
    """100 a second and 100 at once, of each interface."""
    before = net.router()["counters"]
    with net.e2.wire() as wire:
        bad = frame(wire, net.mac("e2"), IP(src="10.4.0.2", dst="192.0.2.1") / UDP(dport=9))
        began = time.monotonic()
        for _ in range(400):
            wire.send(bad)
        last = frame(wire, net.mac("e2"), IP(src="10.4.0.2", dst="10.4.0.1") / ICMP(id=77))
        wire.send(last)
        errors = 0
        for one in wire.frames(5):
            packet = Ether(one)
            errors += ICMP in packet and packet[ICMP].type == 3
            if ICMP in packet and packet[ICMP].type == 0 and packet[ICMP].id == 77:
                break
        seconds = time.monotonic() - began
    assert 100 <= errors <= 102 + 100 * seconds
    after = net.router()["counters"]
    assert after["icmp_errors"] - before["icmp_errors"] == errors
    assert after["icmp_limited"] - before["icmp_limited"] == 400 - errors


def test_a_strict_source_check(net):
    before = net.lab.drops("e1").get("ROUTER_URPF", 0)
    with net.e1.wire() as wire, net.e2.wire() as e2:
        for source in ("10.1.0.99", "fd01::99", "192.0.2.99", "10.3.0.99", "10.77.0.99", "fd77::99"):
            version = 6 if ":" in source else 4
            wire.send(frame(wire, net.mac("e1"), ip(version, src=source, dst=net.e2.address(version)) /
                            UDP(dport=9) / b"whose is this?"))
        wire.send(frame(wire, net.mac("e1"), IP(src="10.3.0.98", dst="10.4.0.2") / UDP(dport=9)))
        seen = []
        for one in e2.frames(5):
            packet = Ether(one)
            if UDP in packet:
                seen.append(packet[1].src)
            if seen and seen[-1] == "10.3.0.98":
                break
    assert sorted(set(seen)) == ["10.3.0.98", "10.3.0.99", "10.77.0.99", "fd77::99"]
    assert net.lab.drops("e1")["ROUTER_URPF"] == before + 3


# --- sizes ---


def cached_mtu(host, address):
    found = re.search(r" mtu (\d+)", host.ip("route", "get", address).stdout)
    return int(found.group(1)) if found else None


@pytest.mark.parametrize("version", [4, 6])
def test_path_mtu_discovery_by_tcp(net, version):
    """The narrow link is in the middle: nobody knows before the first large segment."""
    target = net.b.address(version)
    before = [host.checksum_errors() for host in (net.a, net.b)]
    for sender, options in ((net.a, ()), (net.b, ("-R",))):
        for host in (net.a, net.b):  # or a's MSS would say what it learned
            host.ip(f"-{version}", "route", "flush", "cache")
        server = net.b.spawn("iperf3", "-s", "-1")
        assert iperf(net.a, version, target, *options)["end"]["sum_received"]["bytes"] > 1000000
        server.wait(10)
        assert cached_mtu(sender, target if sender is net.a else net.a.address(version)) == 1400
    assert [host.checksum_errors() for host in (net.a, net.b)] == before


def iperf(host, version, target, *options, seconds=1):
    """A client's report, once the server listens."""
    def attempt():
        report = json.loads(host.run("iperf3", "-J", f"-{version}", "-t", str(seconds), *options, "-c", target,
                                     check=False).stdout)
        return report if "error" not in report else None
    return wait_until(attempt, 10, "iperf3 gets through")


def has_large_frames(net, name, before):
    row = net.lab.port(name)
    return (row["rx-bytes"] - before["rx-bytes"]) / (row["rx-packets"] - before["rx-packets"]) > 1600


@pytest.mark.parametrize("version", [4, 6])
def test_udp_learns_the_path_mtu(net, version):
    """A too big packet with DF, and an IPv6 one, is answered with the MTU; the kernel remembers it."""
    for near, far in ((net.a, net.b), (net.b, net.a)):
        target = far.address(version)
        near.ip(f"-{version}", "route", "flush", "cache")
        near.run("ping", "-n", "-M", "do", "-c", "1", "-W", "1", "-s", "1440", target, check=False)
        wait_until(lambda n=near, t=target: cached_mtu(n, t) == 1400, 5, "the cache knows the MTU")
        assert near.ping(target, "-M", "do", "-s", str(1400 - (28 if version == 4 else 48))) == 0


def test_fragments_of_hosts_and_of_the_router(net):
    """3000 bytes: two fragments of 1500 and a rest, cut again for 1400, put together by the other end."""
    before = {n: net.router(n)["counters"]["fragmented"] for n in ("gw", "core")}
    for near, far in ((net.a, net.b), (net.b, net.a)):
        for host in (near, far):
            host.ip("route", "flush", "cache")
        errors = far.snmp("IpReasmFails")
        assert near.ping(far.address(), "-M", "dont", "-s", "3000") == 0
        assert near.ping(far.address(), "-M", "dont", "-s", "1460") == 0
        assert far.snmp("IpReasmFails") == errors
        assert near.ping(far.address(6), "-s", "3000", "-M", "dont") == 0
    after = {n: net.router(n)["counters"]["fragmented"] for n in ("gw", "core")}
    assert all(after[n] - before[n] == 18 for n in after), (before, after)


def test_mtu_9000_on_both_sides(net):
    for version in (4, 6):
        assert net.e1.ping(net.e2.address(version), "-M", "do", "-s", "8900") == 0
    server = net.e2.spawn("iperf3", "-s", "-1")
    before = net.lab.port("e1")
    assert iperf(net.e1, 4, "10.4.0.2")["end"]["sum_received"]["bytes"] > 1000000
    server.wait(10)
    assert has_large_frames(net, "e1", before)
    assert net.e2.checksum_errors() == 0


def test_tcp_mss_is_clamped(net):
    """Of SYNs in and out, where it stands at an odd offset too; the checksum stays right."""
    ways = ((net.ra, net.rb, "lan", "gw", 1300), (net.rb, net.ra, "far", "gw", 1300),
            (net.ta, net.tb, "lan", "twin", 9000))
    for near, far, interface, router, limit in ways:
        mac = net.mac(interface, router, "red")
        with near.wire() as here, far.wire() as there:
            for version in (4, 6):
                to = ip(version, src=near.address(version), dst=far.address(version))
                for i, mss in enumerate((1460, 1300, 536, 8960)):
                    for options in ([("MSS", mss)], [("NOP", None), ("MSS", mss)]):
                        here.send(frame(here, mac, to / TCP(dport=9000 + i, flags="S", options=options)))
                        got = Ether(there.wait_for(lambda f, p=9000 + i: TCP in Ether(f) and
                                                   Ether(f)[TCP].dport == p, what="the SYN"))
                        assert ("MSS", min(mss, limit)) in got[TCP].options
                        assert_checksum(got)


def assert_checksum(packet):
    again = packet.copy()
    del again[TCP].chksum
    assert Ether(bytes(again))[TCP].chksum == packet[TCP].chksum


# --- shares ---


@pytest.mark.parametrize("version", [4, 6])
def test_flows_are_shared_out_by_weight(net, version):
    n_flows, repeats = 400, 3
    paths = {10000 + i: [] for i in range(n_flows)}  # of each flow, by its source port
    target = "10.77.1.1" if version == 4 else "fd77::1"
    with net.a.wire() as a, net.e1.wire() as e1, net.e2.wire() as e2:
        mac = net.mac("lan")

        def all_came():
            """Once more for those that did not come often enough: a tap's queue is short."""
            for port in (p for p, seen in paths.items() if len(seen) < repeats):
                a.send(frame(a, mac, ip(version, src=net.a.address(version), dst=target) /
                             UDP(sport=port, dport=53) / Raw(b"x" * 20)))
            for name, wire in (("e1", e1), ("e2", e2)):
                for one in wire.frames(0.05):
                    packet = Ether(one)
                    if UDP in packet and packet[1].dst == target:
                        paths[packet[UDP].sport].append(name)
            return all(len(seen) >= repeats for seen in paths.values())

        wait_until(all_came, 30, f"{repeats} packets of each flow")
    assert all(len(set(seen)) == 1 for seen in paths.values()), "a flow took both paths"
    n_e1 = sum(seen[0] == "e1" for seen in paths.values())
    assert 0.15 < n_e1 / n_flows < 0.35, f"{n_e1} of {n_flows} flows, a quarter was asked for"
