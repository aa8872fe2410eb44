# SPDX-License-Identifier: BSD-3-Clause
"""What a user of the command line sees of a router: show routers, routes, neighbors, macs, and ping.

    namespace cvc-a ── h1 ──(inside)── gw.lan   gw   gw.wan ──(uplink)── provider/edge ── up ── namespace cvc-b
             10.0.0.11            10.0.0.1              198.51.100.2                     198.51.100.1
                                                gw.wan's twin e0 in namespace cvc-t
"""
import json
import os
import signal
import subprocess

import pytest

from tests.lib.lab import CULVERT, Lab, run, wait_until

TAG = f"cvc{os.getpid() % 10000}"
A, B, T = f"{TAG}-a", f"{TAG}-b", f"{TAG}-t"
UP = f"{TAG}u"
CONFIG = f"""
tenants:
- name: provider
  ports: [{{name: up, type: tap, interface: {UP}}}]
  switches: [{{name: edge, members: [up], shared: true}}]
- name: blue
  ports: [{{name: h1, type: tap, interface: h1, network-namespace: {A}}}]
  routers:
  - name: gw
    interfaces:
    - {{name: lan, addresses: [10.0.0.1/24, "fd00::1/64"]}}
    - {{name: wan, addresses: [198.51.100.2/24], mtu: 1400, kernel: true, kernel-interface: e0,
       network-namespace: {T},
       neighbors: [{{address: 198.51.100.77, mac-address: "02:00:00:00:00:77"}}]}}
    routes:
    - {{prefix: 0.0.0.0/0, next-hop: 198.51.100.1}}
    - {{prefix: 20.0.0.0/8, next-hops: [{{address: 198.51.100.1}}, {{address: 198.51.100.9, weight: 3}}]}}
    - {{prefix: 20.1.0.0/16, type: blackhole}}
  chains:
  - {{name: inside, inside: h1, outside: gw.lan}}
  - {{name: uplink, inside: gw.wan, outside: provider/edge}}
"""


@pytest.fixture(scope="module")
def running():
    for name in (A, T):
        run("ip", "netns", "add", name)
    try:
        with Lab() as lab:
            lab.start()
            lab.apply(CONFIG)
            lab.namespace(B, UP, "198.51.100.1/24")
            lab.ns_exec(B, "ip", "route", "add", "10.0.0.0/24", "via", "198.51.100.2")
            lab.ns_exec(B, "ip", "route", "add", "unreachable", "9.0.0.0/8")
            lab.ns_exec(B, "sysctl", "-qw", "net.ipv4.ip_forward=1")
            wait_until(lambda: run("ip", "-n", A, "link", "show", "h1", check=False).returncode == 0, 10, "h1")
            run("ip", "-n", A, "address", "replace", "10.0.0.11/24", "dev", "h1")
            run("ip", "-n", A, "link", "set", "h1", "up")
            wait_until(lambda: ping(lab, "10.0.0.11").returncode == 0, 10, "h1 answers")
            wait_until(lambda: ping(lab, "198.51.100.1").returncode == 0, 10, "the uplink answers")
            yield lab
    finally:
        for name in (A, T):
            run("ip", "netns", "del", name, check=False)


def ping(lab, address, *options):
    return lab.culvert("ping", "blue/gw", address, "-c", "1", *options, check=False)


def test_show_routers(running):
    router, = running.show("routers")
    lan, wan = router["interfaces"]
    assert router["ipv4-routes"] == 5 and router["ipv6-routes"] == 1
    assert lan["addresses"] == ["10.0.0.1/24", "fd00::1/64"] and lan["link"] == "up"
    assert wan["mtu"] == 1400 and wan["kernel-interface"] == "e0" and wan["network-namespace"] == T
    twin = json.loads(run("ip", "-n", T, "-j", "link", "show", "e0").stdout)[0]
    assert twin["address"] == wan["mac-address"] and twin["mtu"] == 1400
    text = running.culvert("show", "routers").stdout
    assert text.startswith("blue/gw\n") and "5 IPv4, 1 IPv6" in text and wan["mac-address"] in text


def test_counters_are_told_to_prometheus(running):
    def received():
        text = run("curl", "-s", "--unix-socket", f"{running.run_dir}/culvertd.sock", "http://x/metrics").stdout
        name = 'culvert_router_received_total{tenant="blue",router="gw"} '
        return next(int(line[len(name):]) for line in text.splitlines() if line.startswith(name))

    before = received()
    assert ping(running, "10.0.0.11").returncode == 0
    assert received() > before


def test_show_routes(running):
    lines = running.culvert("show", "routes", "blue/gw").stdout.splitlines()
    assert "* 0.0.0.0/0           static/1     via 198.51.100.1  dev wan" in lines
    assert "* 20.1.0.0/16         static/1     blackhole" in lines
    assert "* 10.0.0.0/24         connected/0  dev lan" in lines
    at = lines.index("* 20.0.0.0/8          static/1     via 198.51.100.1  dev wan  weight 1")
    assert lines[at + 1].split() == ["via", "198.51.100.9", "dev", "wan", "weight", "3"]
    six = running.culvert("show", "routes", "blue/gw", "--family", "6").stdout
    assert "fd00::/64" in six and "10.0.0.0" not in six


@pytest.mark.parametrize("address, prefix", [
    ("20.2.3.4", "20.0.0.0/8"), ("20.1.3.4", "20.1.0.0/16"), ("10.0.0.0/16", "10.0.0.0/32"),
    ("1.1.1.1", "0.0.0.0/0"), ("fd00::7", "fd00::/64")])
def test_longest_match(running, address, prefix):
    route, = running.show("routes", "blue/gw", address)
    assert route["prefix"] == prefix and route["active"]


def test_no_route(running):
    result = running.culvert("show", "routes", "blue/gw", "fd77::1", check=False)
    assert result.returncode == 1 and "blue/gw has no route to fd77::1" in result.stderr


def test_show_neighbors(running):
    rows = {row["address"]: row for row in running.show("neighbors")}
    assert rows["10.0.0.11"]["interface"] == "lan"
    assert rows["198.51.100.77"]["state"] == "static"
    assert rows["198.51.100.77"]["mac-address"] == "02:00:00:00:00:77"
    assert set(rows) == {row["address"] for row in running.show("neighbors", "blue/gw")}


def test_a_switch_shows_its_chains(running):
    wan = running.show("routers")[0]["interfaces"][1]["mac-address"]
    rows = {row["mac-address"]: row["member"] for row in running.show("macs", "provider/edge")}
    assert rows[wan] == "chain blue/uplink"
    assert running.show("switches")[0]["chains"] == ["blue/uplink"]


@pytest.mark.parametrize("words", [("show", "routes", "blue/gx"), ("show", "neighbors", "blue/gx"),
                                   ("ping", "blue/gx", "10.0.0.11")])
def test_a_router_that_is_not_there(running, words):
    result = running.culvert(*words, check=False)
    assert result.returncode == 1
    assert "there is no router blue/gx; there is blue/gw" in result.stderr


def test_ping(running):
    result = running.culvert("ping", "blue/gw", "10.0.0.11", "-c", "3", "-i", "0.05", "-s", "1000", "-t", "7",
                             "-I", "10.0.0.1")
    assert result.stdout.count("reply from 10.0.0.11: seq=") == 3
    assert "3 packets transmitted, 3 received, 0% packet loss" in result.stdout


@pytest.mark.parametrize("address, options, line", [
    ("198.51.100.99", (), "seq=1 no answer"),
    ("9.1.2.3", (), "from 198.51.100.1: seq=1 host unreachable (ICMP type 3, code 1)"),
    ("20.1.1.1", (), "seq=1 not sent: the router has no route to 20.1.1.1"),
])
def test_ping_without_an_answer(running, address, options, line):
    result = ping(running, address, *options)
    assert result.returncode == 1 and line in result.stdout.splitlines()
    assert "1 packets transmitted, 0 received" in result.stdout


@pytest.mark.parametrize("words, code, sentence", [
    (("10.0.0.11", "-I", "10.0.0.7"), 1, "10.0.0.7 is no address of blue/gw"),
    (("nobody",), 1, "address must be an IPv4 or IPv6 address"),
    (("10.0.0.11", "-s", "1401"), 1, "size must be a number from 0 to 1400"),
    (("10.0.0.11", "-i", "0"), 2, "-i is a number of seconds from 0.01 to 3600"),
    ((), 2, "usage: culvert ping"),
])
def test_ping_refused(running, words, code, sentence):
    result = running.culvert("ping", "blue/gw", *words, check=False)
    assert result.returncode == code and sentence in result.stderr


def test_ping_until_interrupted(running):
    process = subprocess.Popen([CULVERT, "--run-dir", running.run_dir, "ping", "blue/gw", "10.0.0.11", "-i", "0.05"],
                               stdout=subprocess.PIPE, text=True)
    lines = [process.stdout.readline() for _ in range(3)]
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=10)[0]
    assert all(line.startswith("reply from 10.0.0.11") for line in lines)
    assert "packets transmitted" in rest and ", 0% packet loss" in rest and process.returncode == 0
