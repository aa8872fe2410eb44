# SPDX-License-Identifier: BSD-3-Clause
"""Routers between guests with kernels of their own: segments that are still whole, VLANs, large MTUs.

    full (QEMU, all offloads) ── lan (switch) ── gw.lan
    bare (QEMU, no checksum, no TSO)  ────────── gw.bare
            bare.10     ──────────────────────── gw.v10        VLAN 10
            bare.20.30  ──────────────────────── gw.q          VLAN 30 in 20 (802.1ad)
"""
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lib.lab import Lab, ping_loss, wait_until

CONFIG = """
tenants:
- name: blue
  ports:
  - {name: full, type: vhost-user, mtu: 9000}
  - {name: bare, type: vhost-user, mtu: 9000}
  switches: [{name: lan, members: [full]}]
  routers:
  - name: gw
    interfaces:
    - {name: lan, addresses: [10.1.0.1/24, "fd01::1/64"], mtu: 9000}
    - {name: bare, addresses: [10.2.0.1/24, "fd02::1/64"], mtu: 9000}
    - {name: v10, addresses: [10.10.0.1/24, "fd10::1/64"]}
    - {name: q, addresses: [10.20.0.1/24, "fd20::1/64"]}
  chains:
  - {name: lan, inside: lan, outside: gw.lan}
  - {name: bare, inside: gw.bare, outside: bare}
  - {name: v10, inside: gw.v10, outside: bare.10}
  - {name: q, inside: gw.q, outside: bare.20.30}
"""
QINQ = """
ip link add link eth0 name eth0.20 type vlan protocol 802.1ad id 20 && ip link set eth0.20 up
ip link add link eth0.20 name q30 type vlan id 30 && ip link set q30 up
ip address add 10.20.0.2/24 dev q30 && ip address add fd20::2/64 dev q30
"""
SIZE = 8 << 20
FAR = {"plain": ("10.2.0.2", "fd02::2"), "vlan": ("10.10.0.2", "fd10::2"),
       "vlan in vlan": ("10.20.0.2", "fd20::2")}


@pytest.fixture(scope="module")
def guests():
    with Lab() as lab:
        lab.start()
        lab.apply(CONFIG)
        with ThreadPoolExecutor() as pool:
            boots = [pool.submit(lab.guest, "full", address=["10.1.0.2/24", "fd01::2/64"], mtu=9000),
                     pool.submit(lab.guest, "bare", address=["10.2.0.2/24", "fd02::2/64"], mtu=9000,
                                 vlan="10:10.10.0.2/24", no_csum=True)]
            for boot in boots:
                boot.result()
        lab.guest_exec("bare", "ip address add fd10::2/64 dev eth0.10" + QINQ)
        for name, net in (("full", 1), ("bare", 2)):
            lab.wait_port(name)
            lab.guest_exec(name, f"ip route add default via 10.{net}.0.1; "
                                 f"ip -6 route add default via fd0{net}::1")
        lab.guest_exec("bare", "iperf3 -s -D")
        for addresses in FAR.values():
            for address in addresses:
                wait_until(lambda a=address: lab.guest_exec("full", f"ping -c 1 -W 1 {a}",
                                                            check=False).returncode == 0, 10, address)
        yield lab


def damaged(lab):
    """TCP segments that either kernel found damaged."""
    total = 0
    for name in ("full", "bare"):
        lines = [line.split() for line in
                 lab.guest_exec(name, "grep Tcp: /proc/net/snmp").stdout.splitlines()]
        total += int(dict(zip(*lines))["InCsumErrors"])
    return total


def transfer(lab, address, *options):
    """Some megabytes from `full`, or to it with -R. Returns the bytes of a frame from it."""
    before = lab.port("full")
    report = json.loads(lab.guest_exec(
        "full", f"iperf3 -J -n {SIZE} -c {address} {' '.join(options)}").stdout)
    assert "error" not in report, report["error"]
    assert report["end"]["sum_received"]["bytes"] > SIZE / 2  # the rest may be in buffers when it ends
    after = lab.port("full")
    return (after["rx-bytes"] - before["rx-bytes"]) / (after["rx-packets"] - before["rx-packets"])


def set_mtu(lab, mtu):
    for name in ("full", "bare"):
        lab.guest_exec(name, f"ip link set eth0 mtu {mtu}")


@pytest.mark.parametrize("way", list(FAR))
def test_ping_over_plain_and_tagged_attachments(guests, way):
    for address in FAR[way]:
        for size in (56, 1400):
            out = guests.guest_exec("full", f"ping -c 3 -i 0.05 -W 5 -s {size} {address}").stdout
            assert ping_loss(out) == 0 and "ttl=63" in out


@pytest.mark.parametrize("way,version", [("plain", 4), ("plain", 6), ("vlan", 4), ("vlan in vlan", 6)])
def test_tcp_both_ways(guests, way, version):
    """`full` hands over segments of up to 64 KB, `bare` can take none of them, not even unsummed."""
    address = FAR[way][version == 6]
    set_mtu(guests, 1500)
    assert transfer(guests, address) > 1514, "the router was given whole segments"
    transfer(guests, address, "-R")


def test_mtu_9000_on_one_side_and_1500_on_the_other(guests):
    """9000 on both ends, then 9000 behind a VLAN interface of 1500: path MTU discovery."""
    set_mtu(guests, 9000)
    transfer(guests, "10.2.0.2")
    transfer(guests, "10.2.0.2", "-R")
    out = guests.guest_exec("full", "ping -c 2 -W 1 -s 8900 10.2.0.2").stdout
    assert ping_loss(out) == 0
    errors = guests.show("routers")[0]["counters"]["icmp_errors"]
    transfer(guests, "10.10.0.2")
    assert guests.show("routers")[0]["counters"]["icmp_errors"] > errors, "the router said what fits"


def test_nothing_was_damaged_or_dropped_as_malformed(guests):
    assert damaged(guests) == 0
    for name in ("full", "bare"):
        reasons = set(guests.drops(name))
        assert not reasons & {"OFFLOAD_MISMATCH", "VHOST_CHAIN_REFUSED", "OVERSIZE_FRAME"}, reasons
