# SPDX-License-Identifier: BSD-3-Clause
"""The kernel as oracle: two routers with the same addresses, MTUs and routes are shown the same packets,
one by one; what comes out must be the same, byte by byte, or waived with the clause that allows it.

    left ── router ── right        Linux:   veth pairs into a namespace that forwards
    1500                1400       Culvert: tap ports
                                   10.1.0.0/24, fd01::/64 and 10.2.0.0/24, fd02::/64

The packets are in oracle/cases.py, the waivers in oracle/waivers.yaml. To see a case:
PYTHONPATH=. /usr/bin/python3 tests/system/test_oracle.py 'ip4-option-*'
"""
import fnmatch
import logging
import os
import sys
import time

import pytest
import yaml

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)

# pylint: disable=wrong-import-position
from scapy.layers.inet import ICMP, IP, UDP, IPOption_NOP  # noqa: E402
from scapy.layers.l2 import Ether  # noqa: E402

from tests.lib.hosts import TAG, Wire  # noqa: E402
from tests.lib.lab import Lab, run, wait_until  # noqa: E402
from tests.system.oracle.cases import FIRST_SPARE, HOST_MAC, N_SPARE, ROUTER_MAC, all_cases  # noqa: E402
from tests.system.oracle.outcome import is_announcement, is_chatter, line_of, normal  # noqa: E402

WAIVERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "oracle", "waivers.yaml")
PER_SEC = 90  # below our limit of ICMP errors; the kernel's is off
SIDES = ("left", "right")
ADDRESSES = {"left": ("10.1.0.1/24", "fd01::1/64"), "right": ("10.2.0.1/24", "fd02::1/64")}
HOSTS = {"left": ("10.1.0.2", "10.1.0.3", "fd01::2", "fd01::3", "fe80::2", "fe80::99",
                  *(f"10.1.0.{FIRST_SPARE + i}" for i in range(N_SPARE))),
         "right": ("10.2.0.2", "10.2.0.77", "fd02::2")}
# What is a host with one of the two only; it would ask for it, and again later.
LINUX_HOSTS = {"left": ("10.1.0.0",), "right": ("10.2.0.0",)}
OUR_HOSTS = {"left": ("fd01::",), "right": ()}
# Namespaces: the kernel's router, its wires' other ends, our taps.
ROUTER, WIRES, TAPS = f"{TAG}-router", f"{TAG}-wires", f"{TAG}-taps"
MTU = {"left": 1500, "right": 1400}
ROUTES = {"blackhole": ("10.66.0.0/16", "fd66::/32"), "unreachable": ("10.67.0.0/16", "fd67::/32")}
VIA = (("10.80.0.0/16", "10.2.0.2"), ("fd80::/32", "fd02::2"), ("10.1.2.0/24", "10.1.0.2"),
       ("172.16.0.0/12", "10.1.0.2"), ("198.51.100.0/24", "10.1.0.2"), ("192.168.0.0/16", "10.2.0.2"),
       ("2001:db8:7::/48", "fd01::2"), ("fec0::/10", "fd01::2"))
SYSCTLS = ("ipv4.ip_forward=1 ipv6.conf.all.forwarding=1 ipv4.icmp_ratelimit=0 ipv4.icmp_ratemask=0 "
           "ipv6.icmp.ratelimit=0 ipv6.icmp.ratemask= ipv4.conf.{i}.rp_filter=0 ipv4.conf.all.rp_filter=0 "
           "ipv4.conf.all.accept_source_route=0 ipv4.conf.{i}.send_redirects=0 ipv4.conf.all.send_redirects=0 "
           "ipv4.conf.{i}.arp_ignore=1 ipv6.auto_flowlabels=0 ipv4.conf.{i}.accept_redirects=0 "
           "ipv6.conf.{i}.accept_redirects=0 ipv4.icmp_errors_use_inbound_ifaddr=1").split()


class Router:
    """A wire on either side of a router."""

    def __init__(self, wires):
        self.wires = wires
        self.n = 0

    def send(self, side, frame):
        try:
            self.wires[side].send(frame)
        except OSError as error:  # the kernel refuses some frames before they are on the wire
            return str(error)
        return None

    def markers(self, side):
        """Two packets behind a case: one across, one to the router and back."""
        self.n += 1
        other = SIDES[side == "left"]
        host, far, own = (f"10.{1 + SIDES.index(s)}.0.{n}" for s, n in ((side, 2), (other, 2), (side, 1)))
        ether = Ether(src=HOST_MAC[side], dst=ROUTER_MAC[side])
        # With options it goes hop by hop: by a flow it would overtake what it is behind.
        across = ether / IP(src=host, dst=far, options=[IPOption_NOP()] * 4) / UDP(sport=9, dport=9) / f"marker {self.n:8}".encode()
        back = ether / IP(src=host, dst=own) / ICMP(id=9) / f"marker {self.n:8}".encode()
        return {other: bytes(across), side: bytes(back)}

    def outcome(self, side, frame):
        """[(side, bytes)] of what the router made of it."""
        markers = self.markers(side)
        mark = f"marker {self.n:8}".encode()
        refused = self.send(side, frame)
        assert refused is None, refused
        for marker in markers.values():
            self.send(side, marker)
        frames = []
        for where in SIDES:
            for one in self.wires[where].frames(5):
                if mark in one:
                    break
                if not is_chatter(one):
                    frames.append((where, normal(one)))
            else:
                raise AssertionError(f"{where}: the marker behind the case did not come")
        return frames


def link_local(side):
    """EUI-64 of the router's MAC, as both make it."""
    return f"fe80::ff:fe00:{SIDES.index(side) + 1}01"


def linux(lab):
    for name in (ROUTER, WIRES):
        lab.namespaces.append(name)
        run("ip", "netns", "add", name)
    run("ip", "netns", "exec", WIRES, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
    for key in ("accept_dad=0", "accept_ra=0", "router_solicitations=0"):
        run("ip", "netns", "exec", ROUTER, "sysctl", "-qw", f"net.ipv6.conf.default.{key}")
    ip = ["ip", "-n", ROUTER]
    for side in SIDES:
        run(*ip, "link", "add", side, "address", ROUTER_MAC[side], "type", "veth", "peer", "name", side,
            "netns", WIRES)
        run("ip", "-n", WIRES, "link", "set", side, "up", "arp", "off")
        # What arrives is a packet of a wire: nothing is merged or left to be summed.
        run("ip", "netns", "exec", ROUTER, "ethtool", "-K", side, "gro", "off", "tso", "off", "gso", "off",
            "tx", "off", "rx", "off")
        run(*ip, "link", "set", side, "up")
        for address in ADDRESSES[side]:
            run(*ip, "address", "add", address, "dev", side, *(["nodad"] if ":" in address else ["brd", "+"]))
        for host in HOSTS[side] + LINUX_HOSTS[side]:
            run(*ip, "neighbour", "add", host, "lladdr", HOST_MAC[side], "dev", side, "nud", "permanent")
        for word in SYSCTLS:
            run("ip", "netns", "exec", ROUTER, "sysctl", "-qw", "net." + word.format(i=side))
    run(*ip, "link", "set", "lo", "up")
    run(*ip, "link", "set", "right", "mtu", str(MTU["right"]))
    for kind, prefixes in ROUTES.items():
        for prefix in prefixes:
            run(*ip, "route", "add", kind, prefix)
    for prefix, hop in VIA:
        run(*ip, "route", "add", prefix, "via", hop)
    return Router({side: Wire(WIRES, side) for side in SIDES})


def culvert(lab):
    ports, interfaces = [], []
    lab.namespaces.append(TAPS)
    run("ip", "netns", "add", TAPS)
    run("ip", "netns", "exec", TAPS, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
    for side in SIDES:
        ports.append(f"{{name: {side}, type: tap, interface: {TAG}-{side}, network-namespace: {TAPS}, "
                     "offloads: {checksum: false, tso: false}}")
        neighbors = ", ".join(f'{{address: "{a}", mac-address: "{HOST_MAC[side]}"}}'
                              for a in HOSTS[side] + OUR_HOSTS[side])
        addresses = ", ".join(f'"{a}"' for a in ADDRESSES[side])
        interfaces.append(f'{{name: {side}, mac-address: "{ROUTER_MAC[side]}", mtu: {MTU[side]}, '
                          f"addresses: [{addresses}], neighbors: [{neighbors}]}}")
    routes = [f'{{prefix: "{p}", next-hop: "{h}"}}' for p, h in VIA]
    routes += [f'{{prefix: "{p}", type: {kind}}}' for kind, ps in ROUTES.items() for p in ps]
    lab.start()
    lab.apply(f"tenants:\n- name: blue\n  ports: [{', '.join(ports)}]\n  routers:\n  - name: r\n"
              f"    interfaces: [{', '.join(interfaces)}]\n    routes: [{', '.join(routes)}]\n  chains:\n" +
              "".join(f"  - {{name: {s}, inside: r.{s}, outside: {s}}}\n" for s in SIDES))
    wires = {}
    for side in SIDES:
        wait_until(lambda s=side: run("ip", "-n", TAPS, "link", "show", f"{TAG}-{s}", check=False)
                   .returncode == 0, 10, "taps")
        run("ip", "-n", TAPS, "link", "set", f"{TAG}-{side}", "arp", "off", "up")
        wires[side] = Wire(TAPS, f"{TAG}-{side}")
    for side in SIDES:  # then it has nothing more to say unasked
        for _ in range(2 * 3):
            wires[side].wait_for(is_announcement, 10, "announcements")
    return Router(wires)


@pytest.fixture(scope="module")
def outcomes():
    """{case: (side, frame, what Linux did, what Culvert did)}"""
    cpus = os.sched_getaffinity(0)
    with Lab() as lab:
        ours = culvert(lab)
        theirs = linux(lab)
        # One CPU for what the kernel does on our behalf, so that markers stay behind.
        os.sched_setaffinity(0, {min(cpus)})
        try:
            yield show_all(theirs, ours, all_cases())
        finally:
            os.sched_setaffinity(0, cpus)


def show_all(theirs, ours, cases):
    found = {}
    due = time.monotonic()
    for name, side, frame in cases:
        time.sleep(max(0.0, due - time.monotonic()))
        due += 1 / PER_SEC
        found[name] = (side, frame, theirs.outcome(side, frame), ours.outcome(side, frame))
    return found


def read_waivers():
    with open(WAIVERS, encoding="utf-8") as file:
        return yaml.safe_load(file)


def differences(outcomes):
    """{case: (Linux's line, ours)}; where the lines are the same, the bytes are not."""
    found = {}
    for name, (_, _, theirs, ours) in outcomes.items():
        if theirs == ours:
            continue
        lines = line_of(theirs), line_of(ours)
        if lines[0] == lines[1]:
            offsets = [i for a, b in zip(theirs, ours) for i, (x, y) in enumerate(zip(a[1], b[1])) if x != y]
            lines = lines[0], f"{lines[1]} but bytes {offsets}"
        found[name] = lines
    return found


def is_waived(waiver, name, lines):
    return (any(fnmatch.fnmatchcase(name, case) for case in waiver["cases"]) and
            fnmatch.fnmatchcase(lines[0], waiver["linux"]) and fnmatch.fnmatchcase(lines[1], waiver["culvert"]))


def test_packets_fare_as_with_the_kernel(outcomes):
    waivers = read_waivers()
    wrong = [f"{name}\n    Linux:   {lines[0]}\n    Culvert: {lines[1]}"
             for name, lines in differences(outcomes).items()
             if not any(is_waived(waiver, name, lines) for waiver in waivers)]
    assert not wrong, f"{len(wrong)} of {len(outcomes)} cases differ:\n" + "\n".join(wrong)


def test_each_waiver_is_needed(outcomes):
    """A waiver, and each pattern of it, covers a difference that there is; and says why it may be."""
    found = differences(outcomes)
    for waiver in read_waivers():
        assert waiver["clause"] and waiver["because"]
        for case in waiver["cases"]:
            assert any(is_waived({**waiver, "cases": [case]}, name, lines) for name, lines in found.items()), (
                f"the waiver for {case} ({waiver['because']}) covers nothing any more")


def test_the_oracle_sees(outcomes):
    """It compares something: packets went through on both sides, and errors came back."""
    lines = [line_of(ours) for _, _, _, ours in outcomes.values()]
    assert len(lines) > 600
    assert sum("right: ip" in line for line in lines) > 100
    for text in ("icmp 3/0", "icmp 3/1", "icmp 3/4", "icmp 11/0", "icmp 12/0", "icmp6 1/0", "icmp6 2/0",
                 "icmp6 3/0", "icmp6 4/", "icmp6 136/0", "arp 2"):
        assert any(text in line for line in lines), text


def main(pattern):
    with Lab() as lab:
        ours, theirs = culvert(lab), linux(lab)
        os.sched_setaffinity(0, {0})
        cases = [case for case in all_cases() if fnmatch.fnmatchcase(case[0], pattern)]
        found = show_all(theirs, ours, cases)
        differing = differences(found)
        for name, (_, frame, _, made) in found.items():
            print(name, frame.hex() if "-v" in sys.argv else "")
            lines = differing.get(name)
            print(f"    both:    {line_of(made)}" if lines is None else
                  f"    Linux:   {lines[0]}\n    Culvert: {lines[1]}")


if __name__ == "__main__":
    main(sys.argv[1])
