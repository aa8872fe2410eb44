# SPDX-License-Identifier: BSD-3-Clause
"""The kernel as oracle for the firewall: the same random rules and the same packets in the same order, through
a namespace that forwards by nftables with connection tracking, and through a chain with a firewall. Packet by
packet both must say the same: through, dropped, or what the sender is told; or oracle/firewall_waivers.yaml
has the clause that allows the difference.

    in ── router with nft ── out     Linux:   veth pairs into a namespace
    in ──── chain [fw] ───── out     Culvert: tap ports
    10.1.0.0/24       10.2.0.0/24

To see what a seed makes: PYTHONPATH=. /usr/bin/python3 tests/system/test_firewall_oracle.py SEED
"""
import fnmatch
import os
import random
import sys

import pytest
import yaml
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from tests.lib.hosts import TAG, Wire
from tests.lib.lab import Lab, run, wait_until
from tests.system.oracle.connections import Connection, SIDES, HOSTS, describe
from tests.system.oracle.rules import as_culvert, as_nft, random_policy

WAIVERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "oracle", "firewall_waivers.yaml")
N_POLICIES, N_CONNECTIONS, N_PACKETS = 40, 8, 60
ROUTER, WIRES, TAPS = f"{TAG}-fwr", f"{TAG}-fww", f"{TAG}-fwt"
HOST_MAC = {"in": "02:00:00:00:01:02", "out": "02:00:00:00:02:02"}
ROUTER_MAC = {"in": "02:00:00:00:01:01", "out": "02:00:00:00:02:01"}
MARKER_PORT = 9  # rules let it through, both ways


class Way:
    """Wires on both sides of a firewall."""

    def __init__(self, wires, destinations):
        self.wires, self.destinations, self.n = wires, destinations, 0

    def send(self, side, packet):
        self.wires[side].send(Ether(src=HOST_MAC[side], dst=self.destinations[side]) / packet)

    def marked(self, side):
        """What has come out at `side` until a marker from the other one does."""
        self.n += 1
        other = SIDES[side == "in"]
        text = f"marker {self.n:8}".encode()
        # A session of its own goes hop by hop: by a flow it would overtake what it is behind.
        self.send(other, IP(src=HOSTS[other][0], dst=HOSTS[side][0]) /
                  UDP(sport=10000 + self.n % 50000, dport=MARKER_PORT) / text)
        found = []
        for frame in self.wires[side].frames(5):
            if text in frame:
                return found
            if frame[12:14] == b"\x08\x00" and b"marker " not in frame:
                found.append(IP(frame[14:]))
        raise AssertionError(f"no marker at {side}")

    def verdict(self, side, packet):
        """In words."""
        other = SIDES[side == "in"]
        self.send(side, packet)
        through, told = self.marked(other), self.marked(side)
        said = ["through"] if through else []
        for p in through:
            assert bytes(p.payload) == bytes(IP(bytes(packet)).payload), "it has changed"
        return "; ".join(said + ["told " + describe(p) for p in told]) or "dropped"


def linux(lab):
    for name in (ROUTER, WIRES):
        lab.namespaces.append(name)
        run("ip", "netns", "add", name)
        run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
    for n, side in enumerate(SIDES, 1):
        run("ip", "-n", ROUTER, "link", "add", side, "address", ROUTER_MAC[side], "type", "veth", "peer", "name",
            side, "netns", WIRES)
        run("ip", "-n", WIRES, "link", "set", side, "up", "arp", "off")
        run("ip", "netns", "exec", ROUTER, "ethtool", "-K", side, "gro", "off", "tso", "off", "gso", "off", "tx",
            "off", "rx", "off")
        run("ip", "-n", ROUTER, "link", "set", side, "up")
        run("ip", "-n", ROUTER, "address", "add", f"10.{n}.0.1/24", "dev", side)
        for host in HOSTS[side]:
            run("ip", "-n", ROUTER, "neighbour", "add", host, "lladdr", HOST_MAC[side], "dev", side, "nud",
                "permanent")
        for key in (f"conf.{side}.rp_filter=0", f"conf.{side}.send_redirects=0"):
            run("ip", "netns", "exec", ROUTER, "sysctl", "-qw", f"net.ipv4.{key}")
    for key in ("ip_forward=1", "icmp_ratelimit=0", "icmp_ratemask=0", "conf.all.send_redirects=0",
                "icmp_msgs_per_sec=100000"):
        run("ip", "netns", "exec", ROUTER, "sysctl", "-qw", f"net.ipv4.{key}", check=False)
    return Way({side: Wire(WIRES, side) for side in SIDES}, ROUTER_MAC)


def configuration(policy):
    ports = ", ".join(f"{{name: {s}, type: tap, interface: {TAG}f{s}, network-namespace: {TAPS}, "
                      "offloads: {checksum: false, tso: false}}" for s in SIDES)
    return (f"tenants:\n- name: blue\n  ports: [{ports}]\n  firewalls:\n{as_culvert(policy)}"
            "  chains: [{name: c, inside: in, outside: out, functions: [fw]}]\n")


def culvert(lab):
    lab.namespaces.append(TAPS)
    run("ip", "netns", "add", TAPS)
    run("ip", "netns", "exec", TAPS, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
    lab.start()
    lab.apply(configuration(random_policy(random.Random(0))))
    wires = {}
    for side in SIDES:
        wait_until(lambda s=side: run("ip", "-n", TAPS, "link", "set", f"{TAG}f{s}", "arp", "off", "up",
                                      check=False).returncode == 0, 10, "taps")
        wires[side] = Wire(TAPS, f"{TAG}f{side}")
    for side in SIDES:
        lab.wait_port(side)
    way = Way(wires, {"in": HOST_MAC["out"], "out": HOST_MAC["in"]})
    for side in SIDES:
        wait_until(lambda s=side: is_open(way, s), 10, "the chain carries")
    return way


def is_open(way, side):
    try:
        way.marked(side)
    except AssertionError:
        return False
    return True


def show_all(lab, theirs, ours, seed):
    """[(name, policy, Linux's verdict, Culvert's)]"""
    rng = random.Random(seed)
    policy = random_policy(rng)
    run("ip", "netns", "exec", ROUTER, "nft", "-f", "-", input=as_nft(policy))
    lab.apply(configuration(policy))
    connections = [Connection(rng, seed * N_CONNECTIONS + i) for i in range(N_CONNECTIONS)]
    found = []
    for _ in range(N_PACKETS):
        name, side, packet = rng.choice(connections).next_packet()
        verdicts = theirs.verdict(side, packet), ours.verdict(side, packet)
        found.append((f"{seed} {name} {side} {describe(packet)}", *verdicts))
    return found


@pytest.fixture(scope="module", name="verdicts")
def fixture_verdicts():
    cpus = os.sched_getaffinity(0)
    with Lab() as lab:
        ours, theirs = culvert(lab), linux(lab)
        os.sched_setaffinity(0, {min(cpus)})
        try:
            yield [v for seed in range(1, N_POLICIES + 1) for v in show_all(lab, theirs, ours, seed)]
        finally:
            os.sched_setaffinity(0, cpus)


def read_waivers():
    with open(WAIVERS, encoding="utf-8") as file:
        return yaml.safe_load(file)


def is_waived(waiver, verdict):
    name, theirs, ours = verdict
    return (any(fnmatch.fnmatchcase(name, case) for case in waiver["cases"]) and
            fnmatch.fnmatchcase(theirs, waiver["linux"]) and fnmatch.fnmatchcase(ours, waiver["culvert"]))


def test_verdicts_are_those_of_the_kernel(verdicts):
    waivers = read_waivers()
    wrong = [f"{name}\n    Linux:   {theirs}\n    Culvert: {ours}" for name, theirs, ours in verdicts
             if theirs != ours and not any(is_waived(w, (name, theirs, ours)) for w in waivers)]
    assert not wrong, f"{len(wrong)} of {len(verdicts)} verdicts differ:\n" + "\n".join(wrong)


def test_each_waiver_is_needed(verdicts):
    for waiver in read_waivers():
        assert waiver["clause"] and waiver["because"]
        for case in waiver["cases"]:
            assert any(v[1] != v[2] and is_waived({**waiver, "cases": [case]}, v) for v in verdicts), (
                f"the waiver for {case} ({waiver['because']}) covers nothing any more")


def test_the_oracle_sees(verdicts):
    """All kinds of verdicts, of all protocols."""
    ours = [(name.split(), verdict) for name, _, verdict in verdicts]
    for protocol in ("tcp", "udp", "icmp"):
        for kind in ("through", "dropped", "told"):
            assert sum(protocol in name and kind in verdict for name, verdict in ours) > 20, (protocol, kind)


def main(seed):
    with Lab() as lab:
        ours, theirs = culvert(lab), linux(lab)
        os.sched_setaffinity(0, {0})
        print(as_nft(random_policy(random.Random(seed))))
        for name, linux_verdict, culvert_verdict in show_all(lab, theirs, ours, seed):
            print(" " if linux_verdict == culvert_verdict else "!", name, "|", linux_verdict, "|", culvert_verdict)


if __name__ == "__main__":
    main(int(sys.argv[1]))
