# SPDX-License-Identifier: BSD-3-Clause
"""Real guests of every mix of offloads talk TCP through a switch.

    full ──┐
    full2 ─┤
    notso ─┤ lan          (blue, one worker, MTU 9000)
    nocsum ┘
"""
import json

import pytest

from tests.lib.lab import Lab, ping_loss

CONFIG = """
tenants:
- name: blue
  ports:
  - {name: full, type: vhost-user, mtu: 9000}
  - {name: full2, type: vhost-user, mtu: 9000, packed-ring: true}
  - {name: notso, type: vhost-user, mtu: 9000}
  - {name: nocsum, type: vhost-user, mtu: 9000}
  switches: [{name: lan, members: [full, full2, notso, nocsum]}]
"""
GUESTS = {
    "full": dict(address=["10.0.0.1/24", "fd00::1/64"]),
    "full2": dict(address=["10.0.0.2/24", "fd00::2/64"], packed=True),
    "notso": dict(address=["10.0.0.3/24", "fd00::3/64"], no_tso=True),
    "nocsum": dict(address=["10.0.0.4/24", "fd00::4/64"], no_csum=True),
}
PAIRS = [(a, b) for a in GUESTS for b in GUESTS if a < b]


def address(name, version=4):
    return GUESTS[name]["address"][version == 6].split("/")[0]


@pytest.fixture(scope="module")
def guests():
    with Lab() as lab:
        lab.start()
        lab.apply(CONFIG)
        for name, options in GUESTS.items():
            lab.guest(name, **options)
            lab.wait_port(name)
        for name in GUESTS:
            lab.guest_exec(name, "iperf3 -s -D")
        yield lab


def checksum_errors(lab, name):
    """TCP segments that this guest's kernel found damaged."""
    lines = [line.split() for line in
             lab.guest_exec(name, "grep Tcp: /proc/net/snmp").stdout.splitlines()]
    return int(dict(zip(*lines))["InCsumErrors"])


def transfer(lab, client, server, version, reverse):
    """Two seconds of TCP; asserts that it never stood still and that no segment was damaged."""
    before = [checksum_errors(lab, name) for name in (client, server)]
    command = f"iperf3 -J -t 2 -i 1 -{version} -c {address(server, version)}"
    result = json.loads(lab.guest_exec(client, command + (" -R" if reverse else "")).stdout)
    assert "error" not in result, result["error"]
    intervals = [i["sum"]["bytes"] for i in result["intervals"]]
    assert len(intervals) >= 2 and all(intervals), f"TCP stood still: {intervals}"
    assert result["end"]["sum_received"]["bytes"] > 1000000
    assert [checksum_errors(lab, name) for name in (client, server)] == before


@pytest.mark.parametrize("client,server", PAIRS, ids=["-".join(p) for p in PAIRS])
@pytest.mark.parametrize("mtu", [1500, 9000])
def test_tcp_both_ways(guests, client, server, mtu):
    for name in (client, server):
        guests.guest_exec(name, f"ip link set eth0 mtu {mtu}")
    transfer(guests, client, server, 4, False)
    transfer(guests, client, server, 4, True)


def test_tcp_over_ipv6(guests):
    for name in ("full", "nocsum"):
        guests.guest_exec(name, "ip link set eth0 mtu 1500")
    transfer(guests, "full", "nocsum", 6, False)
    transfer(guests, "full", "nocsum", 6, True)


def test_a_guest_turns_its_offloads_off(guests):
    guests.guest_exec("full", "ip link set eth0 mtu 1500; ethtool -K eth0 tx off tso off gso off")
    transfer(guests, "full", "full2", 4, False)
    transfer(guests, "full", "full2", 4, True)
    guests.guest_exec("full", "ethtool -K eth0 tx on tso on gso on")


def test_large_pings(guests):
    for name in ("full", "notso"):
        guests.guest_exec(name, "ip link set eth0 mtu 9000")
    out = guests.guest_exec("full", f"ping -c 3 -s 8900 -W 2 {address('notso')}").stdout
    assert ping_loss(out) == 0


def test_features_are_what_was_negotiated(guests):
    """The port shows what its guest took, so that an operator can tell why a transfer is slow."""
    host_tso4, csum = 1 << 11, 1 << 0
    features = {row["name"]: int(row["features"], 0) for row in guests.show("ports")}
    assert features["full"] & host_tso4 and features["full"] & csum
    assert not features["notso"] & host_tso4 and features["notso"] & csum
    assert not features["nocsum"] & csum
    assert features["full2"] & 1 << 34  # VIRTIO_F_RING_PACKED


def test_no_packet_was_dropped_as_malformed(guests):
    for name in GUESTS:
        reasons = set(guests.drops(name))
        assert not reasons & {"OFFLOAD_MISMATCH", "VHOST_CHAIN_REFUSED", "OVERSIZE_FRAME"}, reasons


def test_queues_spread_over_workers():
    """Two queue pairs, two workers, and a transfer that uses both."""
    with Lab(workers=2) as lab:
        lab.start()
        lab.apply("""
tenants:
- name: blue
  ports: [{name: m1, type: vhost-user, queues: 2}, {name: m2, type: vhost-user, queues: 2}]
  switches: [{name: lan, members: [m1, m2]}]
""")
        for i, name in enumerate(("m1", "m2"), 1):
            lab.guest(name, address=f"10.0.0.{i}/24", queues=2)
            assert lab.wait_port(name)["queues"] == 2
        lab.guest_exec("m2", "iperf3 -s -D")
        out = lab.guest_exec("m1", "iperf3 -J -t 2 -P 4 -c 10.0.0.2").stdout
        assert json.loads(out)["end"]["sum_received"]["bytes"] > 1000000
        assert all(worker["bursts"] > 0 for worker in lab.show("workers"))
