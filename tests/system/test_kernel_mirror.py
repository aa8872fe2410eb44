# SPDX-License-Identifier: BSD-3-Clause
"""Twins of router interfaces in the kernel: addresses, packets, and routes that reach the router.

    ns a ── a ── lan [ router gw ] wan ── b ── ns b
                      |        |
                   twin l    twin w        (both in ns r)
"""
import json
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from tests.lib.lab import Lab, run, wait_until
from tests.lib.pings import Pings

TAG = f"ck{os.getpid() % 10000}"
NS = {name: f"{TAG}-{name}" for name in "abr"}
L, W = f"{TAG}l", f"{TAG}w"
LAN, WAN = ["10.1.0.1/24", "fd01::1/64"], ["10.2.0.1/24", "fd02::1/64"]


def interface(name, device, addresses, options=""):
    quoted = ", ".join(f'"{address}"' for address in addresses)
    return (f"    - {{name: {name}, kernel: true, kernel-interface: {device}, network-namespace: {NS['r']}, "
            f"addresses: [{quoted}]{options}}}\n")


def config(lan=None, wan=None, before="", router=""):
    return f"""
tenants:
- name: blue
  ports:
  - {{name: a, type: tap, interface: {TAG}a, network-namespace: {NS['a']}}}
  - {{name: b, type: tap, interface: {TAG}b, network-namespace: {NS['b']}}}
  routers:
  - name: gw
    {router}
    routes: [{{prefix: 10.60.0.0/16, next-hop: 10.1.0.2}}]
    interfaces:
{before}{lan or interface("lan", L, LAN)}{wan or interface("wan", W, WAN)}
  chains:
  - {{name: a, inside: a, outside: gw.lan}}
  - {{name: b, inside: b, outside: gw.wan}}
"""


@pytest.fixture(scope="module")
def gw():
    with Lab() as lab:
        for name in NS.values():
            run("ip", "netns", "add", name)
            lab.namespaces.append(name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        lab.start()
        lab.apply(config())
        for name, net in (("a", 1), ("b", 2)):
            lab.wait_port(name)
            where = ("ip", "-n", NS[name])
            run(*where, "address", "add", f"10.{net}.0.2/24", "dev", TAG + name)
            run(*where, "address", "add", f"fd0{net}::2/64", "dev", TAG + name, "nodad")
            run(*where, "route", "add", "default", "via", f"10.{net}.0.1")
            run(*where, "-6", "route", "add", "default", "via", f"fd0{net}::1")
        run("ip", "-n", NS["b"], "address", "add", "10.50.0.1/32", "dev", "lo")
        wait_until(lambda: set(LAN) <= set(addresses(L)) and set(WAN) <= set(addresses(W)), 5, "addresses")
        yield lab


@pytest.fixture(autouse=True)
def clean(gw):
    yield
    r("nexthop", "flush")
    r("route", "flush", "proto", "boot")
    r("-6", "route", "flush", "proto", "boot")
    r("neighbour", "flush", "nud", "permanent")
    wait_same(gw)


def r(*words, check=True):
    """`ip` in the twins' namespace."""
    return run("ip", "-n", NS["r"], *words, check=check).stdout


def link(device):
    return json.loads(r("-d", "-j", "address", "show", "dev", device))[0]


def addresses(device):
    return [f"{a['local']}/{a['prefixlen']}" for a in link(device)["addr_info"]]


def ping(name, target, count=1, interval=0.05):
    return run("ip", "netns", "exec", NS[name], "ping", "-c", str(count), "-i", str(interval), "-W", "1",
               target, check=False)


def reaches(name, target):
    return ping(name, target).returncode == 0


def wide(prefix, family):
    return "0.0.0.0/0" if prefix == "default" and family == 4 else "::/0" if prefix == "default" else \
        prefix if "/" in prefix else f"{prefix}/{32 if family == 4 else 128}"


def kernel_routes():
    """{prefix: next hops} of what daemons or we installed; of one prefix the first is used."""
    names, routes = {L: "lan", W: "wan"}, {}
    for family in (4, 6):
        for row in json.loads(r(f"-{family}", "-d", "-j", "route", "show", "table", "main")):
            if row["protocol"] == "kernel":
                continue
            prefix = wide(row["dst"], family)
            if row.get("type", "unicast") != "unicast":
                routes.setdefault(prefix, row["type"])
                continue
            hops = row.get("nexthops", [row])
            via = [(h.get("gateway") or h.get("via", {}).get("host"), names[h["dev"]], h.get("weight", 1))
                   for h in hops]
            routes.setdefault(prefix, sorted(via, key=str))
    return routes


def router_routes(lab, router="blue/gw"):
    """The same, as the dataplane has them."""
    routes = {}
    for row in lab.show("routes", router):
        if row["source"] != "kernel":
            continue
        hops = [(h.get("address"), h["outgoing-interface"], h["weight"]) for h in row["next-hops"]]
        routes[row["prefix"]] = sorted(hops, key=str) if row["type"] == "unicast" else row["type"]
    return routes


def wait_same(lab, seconds=10):
    wait_until(lambda: router_routes(lab) == kernel_routes(), seconds, "the router has the kernel's routes")


def wait_route(lab, prefix, hops):
    wait_until(lambda: router_routes(lab).get(prefix) == hops, 5, f"{prefix} is {hops}")
    assert router_routes(lab) == kernel_routes()


def counts(lab):
    row = lab.show("routers")[0]
    return row["ipv4-routes"], row["ipv6-routes"]


# The twin.


def test_the_twin_is_like_the_interface(gw):
    for device, name in ((L, "lan"), (W, "wan")):
        shown = next(i for i in gw.show("routers")[0]["interfaces"] if i["name"] == name)
        row = link(device)
        assert (row["address"], row["mtu"]) == (shown["mac-address"], 1500)
        assert "UP" in row["flags"]
        mac = bytes.fromhex(shown["mac-address"].replace(":", ""))
        eui = bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]
        own = socket.inet_ntop(socket.AF_INET6, b"\xfe\x80" + bytes(6) + eui)
        assert f"{own}/64" in addresses(device), "the router's own link-local address"
    assert not [a for a in link(W)["addr_info"] if a.get("tentative") and a["scope"] == "global"]


def test_addresses_follow_the_configuration_and_others_stay(gw):
    index = link(W)["ifindex"]
    r("address", "add", "192.0.2.1/32", "dev", W)  # an administrator's
    gw.apply(config(wan=interface("wan", W, WAN + ["10.3.0.1/24", "fd03::1/64"], ", mtu: 1400")))
    wait_until(lambda: {"10.3.0.1/24", "fd03::1/64", *WAN} <= set(addresses(W)), 5, "added")
    wait_until(lambda: link(W)["mtu"] == 1400, 5, "MTU")
    gw.kill(gw.culvertd)
    gw.start_culvertd()  # remembers nothing but what the kernel tells
    gw.apply(config())
    wait_until(lambda: {a for a in addresses(W) if not a.startswith("fe80")} == {"192.0.2.1/32", *WAN}, 5,
               "what was dropped is gone, what is an administrator's is not")
    assert link(W)["ifindex"] == index
    r("address", "del", "192.0.2.1/32", "dev", W)
    r("address", "del", "10.2.0.1/24", "dev", W)
    wait_until(lambda: "10.2.0.1/24" in addresses(W), 5, "it is put back")
    wait_until(lambda: reaches("r", "10.2.0.2"), 5, "and works")


def test_packets_to_and_from_the_twin(gw):
    for address in ("10.1.0.2", "10.2.0.2", "fd01::2", "fd02::2"):
        wait_until(lambda: reaches("r", address), 5, f"the twin reaches {address}")
    server = subprocess.Popen(["ip", "netns", "exec", NS["r"], "/usr/bin/python3", "-c", """
import socket
s = socket.create_server(("", 2222), family=socket.AF_INET6, dualstack_ipv6=True)
print("ready", flush=True)
while True:
    c = s.accept()[0]
    data = c.recv(65536)
    c.sendall(data[::-1])
    c.close()
"""], stdout=subprocess.PIPE, text=True)
    gw.processes.append(server)
    assert server.stdout.readline() == "ready\n"
    for name, address in (("a", "10.1.0.1"), ("b", "10.2.0.1"), ("a", "10.2.0.1"), ("b", "fd02::1")):
        out = run("ip", "netns", "exec", NS[name], "/usr/bin/python3", "-c", f"""
import socket
s = socket.create_connection(("{address}", 2222), 5)
s.sendall(b"hello {name}")
print(s.recv(100).decode())
""").stdout
        assert out == f"hello {name}"[::-1] + "\n", f"a server on the router's address {address}"
    server.kill()


# Routes.


def test_a_route_comes_moves_and_goes(gw):
    assert not reaches("a", "10.50.0.1")
    r("route", "add", "10.50.0.0/16", "via", "10.2.0.2")
    wait_route(gw, "10.50.0.0/16", [("10.2.0.2", "wan", 1)])
    wait_until(lambda: reaches("a", "10.50.0.1"), 5, "packets take it")
    r("route", "replace", "10.50.0.0/16", "via", "10.1.0.9")
    wait_route(gw, "10.50.0.0/16", [("10.1.0.9", "lan", 1)])
    assert not reaches("a", "10.50.0.1")
    r("route", "del", "10.50.0.0/16")
    wait_route(gw, "10.50.0.0/16", None)


@pytest.mark.parametrize("prefix, words, hops", [
    ("10.51.0.0/16", ["nexthop", "via", "10.2.0.2", "weight", "3", "nexthop", "via", "10.1.0.2"],
     [("10.1.0.2", "lan", 1), ("10.2.0.2", "wan", 3)]),
    ("fd51::/32", ["nexthop", "via", "fd02::2", "nexthop", "via", "fd01::2", "weight", "200"],
     [("fd01::2", "lan", 200), ("fd02::2", "wan", 1)]),
    ("10.52.0.0/16", ["dev", W], [(None, "wan", 1)]),
    ("fd52::/32", ["dev", L], [(None, "lan", 1)]),
    ("10.53.0.0/16", ["via", "inet6", "fd02::2", "dev", W], [("fd02::2", "wan", 1)]),
    ("0.0.0.0/0", ["via", "10.2.0.2"], [("10.2.0.2", "wan", 1)]),
    ("::/0", ["via", "fd02::2"], [("fd02::2", "wan", 1)]),
    ("10.54.0.1/32", ["via", "10.2.0.2"], [("10.2.0.2", "wan", 1)]),
])
def test_kinds_of_next_hops(gw, prefix, words, hops):
    family = "-6" if ":" in prefix else "-4"
    r(family, "route", "add", prefix, *words)
    wait_route(gw, prefix, hops)
    r(family, "route", "del", prefix, *(words if family == "-4" else words[:2] if "nexthop" not in words else []))
    wait_route(gw, prefix, None)


@pytest.mark.parametrize("kind, shown", [("blackhole", "blackhole"), ("unreachable", "unreachable"),
                                         ("prohibit", "unreachable")])
def test_routes_without_next_hops(gw, kind, shown):
    for family, prefix in (("-4", "10.55.0.0/16"), ("-6", "fd55::/32")):
        r(family, "route", "add", kind, prefix)
        wait_until(lambda: router_routes(gw).get(prefix) == shown, 5, f"{prefix} is {shown}")
    answer = ping("a", "10.55.0.1")
    assert ("Unreachable" in answer.stdout) == (shown == "unreachable")
    r("route", "del", kind, "10.55.0.0/16")
    r("-6", "route", "del", kind, "fd55::/32")
    wait_until(lambda: router_routes(gw) == {}, 5, "gone")


def test_the_lowest_metric_wins(gw):
    prefix = "10.56.0.0/16"
    for metric, via in ((20, "10.2.0.20"), (30, "10.2.0.30"), (10, "10.2.0.10"), (5, "10.1.0.5")):
        r("route", "add", prefix, "via", via, "metric", str(metric))
    wait_route(gw, prefix, [("10.1.0.5", "lan", 1)])
    r("route", "del", prefix, "metric", "5")
    wait_route(gw, prefix, [("10.2.0.10", "wan", 1)])
    r("route", "del", prefix, "metric", "20")
    r("route", "replace", prefix, "via", "10.2.0.11", "metric", "10")
    wait_route(gw, prefix, [("10.2.0.11", "wan", 1)])
    r("route", "del", prefix, "metric", "10")
    wait_route(gw, prefix, [("10.2.0.30", "wan", 1)])
    # A longer one with the same first address hides it from the kernel's answer.
    r("route", "add", "10.56.0.0/24", "via", "10.2.0.24")
    r("route", "add", prefix, "via", "10.2.0.8", "metric", "8")
    wait_route(gw, prefix, [("10.2.0.8", "wan", 1)])
    r("route", "del", prefix, "metric", "8")
    r("route", "del", prefix, "metric", "30")
    wait_route(gw, prefix, None)


def test_next_hops_of_ipv6_come_and_go_alone(gw):
    prefix = "fd57::/32"
    r("-6", "route", "add", prefix, "via", "fd02::2")
    r("-6", "route", "append", prefix, "via", "fd01::2")
    wait_route(gw, prefix, [("fd01::2", "lan", 1), ("fd02::2", "wan", 1)])
    r("-6", "route", "del", prefix, "via", "fd02::2")
    wait_route(gw, prefix, [("fd01::2", "lan", 1)])
    r("-6", "route", "del", prefix, "via", "fd01::2")
    wait_route(gw, prefix, None)


@pytest.mark.parametrize("compat", ["1", "0"])
def test_next_hop_objects(gw, compat):
    """With and without the kernel's long form of such routes."""
    run("ip", "netns", "exec", NS["r"], "sysctl", "-q", f"net.ipv4.nexthop_compat_mode={compat}")
    for words in (("id", "101", "via", "10.2.0.2", "dev", W), ("id", "102", "via", "10.1.0.2", "dev", L),
                  ("id", "103", "group", "101/102,3"), ("id", "111", "via", "fd02::2", "dev", W),
                  ("id", "104", "blackhole")):
        r("nexthop", "add", *words)
    r("route", "add", "10.58.0.0/16", "nhid", "103")
    r("route", "add", "10.59.0.0/16", "nhid", "101")
    r("route", "add", "10.57.0.0/16", "nhid", "104")
    r("-6", "route", "add", "fd58::/32", "nhid", "111")
    one = [("10.2.0.2", "wan", 1)]
    wait_until(lambda: router_routes(gw) == {
        "10.58.0.0/16": [("10.1.0.2", "lan", 3), *one], "10.59.0.0/16": one, "10.57.0.0/16": "blackhole",
        "fd58::/32": [("fd02::2", "wan", 1)]}, 5, "added")
    r("nexthop", "replace", "id", "101", "via", "10.2.0.3", "dev", W)
    r("nexthop", "replace", "id", "111", "via", "fd01::3", "dev", L)
    one = [("10.2.0.3", "wan", 1)]
    wait_until(lambda: router_routes(gw) == {
        "10.58.0.0/16": [("10.1.0.2", "lan", 3), *one], "10.59.0.0/16": one, "10.57.0.0/16": "blackhole",
        "fd58::/32": [("fd01::3", "lan", 1)]}, 5, "members replaced")
    r("nexthop", "replace", "id", "103", "group", "101")
    wait_until(lambda: router_routes(gw).get("10.58.0.0/16") == one, 5, "group replaced")
    r("nexthop", "del", "id", "101")  # the kernel does not tell of the IPv4 routes that go
    wait_until(lambda: set(router_routes(gw)) == {"10.57.0.0/16", "fd58::/32"}, 5, "gone with their object")
    run("ip", "netns", "exec", NS["r"], "sysctl", "-q", "net.ipv4.nexthop_compat_mode=1")


def test_a_link_that_goes_down_takes_its_routes(gw):
    r("route", "add", "10.61.0.0/16", "via", "10.2.0.2")
    r("route", "add", "10.62.0.0/16", "nexthop", "via", "10.2.0.2", "nexthop", "via", "10.1.0.2")
    wait_same(gw)
    r("link", "set", W, "down")
    wait_until(lambda: router_routes(gw) == {"10.62.0.0/16": [("10.1.0.2", "lan", 1)]}, 5, "not told, but seen")
    r("link", "set", W, "up")
    wait_until(lambda: set(WAN) <= set(addresses(W)), 5, "the addresses stay or are put back")
    wait_same(gw)
    wait_until(lambda: reaches("r", "10.2.0.2") and reaches("r", "fd02::2"), 5, "it works again")


def test_a_static_route_wins(gw):
    r("route", "add", "10.60.0.0/16", "via", "10.2.0.2")
    rows = wait_until(lambda: (rows := [row for row in gw.show("routes", "blue/gw")
                                        if row["prefix"] == "10.60.0.0/16"]) and len(rows) == 2 and rows, 5, "both")
    assert {row["source"]: row["active"] for row in rows} == {"static": True, "kernel": False}


def test_what_is_no_router_s_stays_in_the_kernel(gw):
    r("route", "add", "10.63.0.0/16", "dev", "lo")
    r("route", "add", "10.64.0.0/16", "via", "10.2.0.2", "table", "77")
    r("route", "add", "10.65.0.0/16", "via", "10.2.0.2")
    wait_until(lambda: "10.65.0.0/16" in router_routes(gw), 5, "the last one")
    assert set(router_routes(gw)) == {"10.65.0.0/16"}
    r("route", "replace", "10.65.0.0/16", "dev", "lo")
    wait_until(lambda: router_routes(gw) == {}, 5, "moved away from the twins")
    r("route", "flush", "table", "77")
    r("route", "flush", "dev", "lo", "proto", "boot")


def test_neighbours(gw):
    def shown():
        return {(n["address"], n["interface"]): n["mac-address"] for n in gw.show("neighbors", "blue/gw")
                if n["state"] == "kernel"}
    r("neighbour", "add", "10.2.0.77", "lladdr", "02:00:00:00:00:77", "dev", W, "nud", "permanent")
    r("neighbour", "add", "fd01::77", "lladdr", "02:00:00:00:00:78", "dev", L, "nud", "permanent")
    both = {("10.2.0.77", "wan"): "02:00:00:00:00:77", ("fd01::77", "lan"): "02:00:00:00:00:78"}
    wait_until(lambda: shown() == both, 5, "both")
    gw.kill(gw.dataplane)
    gw.start_dataplane()
    wait_until(lambda: gw.show("status")["dataplane"].get("in-step") and shown() == both, 5, "given again")
    r("neighbour", "replace", "10.2.0.77", "lladdr", "02:00:00:00:00:79", "dev", W, "nud", "permanent")
    r("neighbour", "del", "fd01::77", "dev", L)
    r("neighbour", "add", "fd01::78", "lladdr", "02:00:00:00:00:7a", "dev", L, "nud", "noarp")
    wait_until(lambda: ("fd01::78", "lan") in shown(), 5, "noarp")
    r("neighbour", "del", "fd01::78", "dev", L)
    wait_until(lambda: shown() == {("10.2.0.77", "wan"): "02:00:00:00:00:79"}, 5, "replaced and deleted")
    r("neighbour", "change", "10.2.0.77", "lladdr", "02:00:00:00:00:79", "dev", W, "nud", "stale")
    wait_until(lambda: not shown(), 5, "it is the kernel's own again")


# What is lost is found again.


def batch(lab, lines):
    path = os.path.join(lab.dir, "batch")
    with open(path, "w", encoding="ascii") as f:
        f.write("\n".join(lines) + "\n")
    run("ip", "-n", NS["r"], "-force", "-batch", path, check=False)


def test_a_flap_of_100k_routes(gw):
    n, before = 100000, counts(gw)[0]
    prefixes = [f"20.{i >> 16}.{i >> 8 & 255}.{i & 255}/32" for i in range(n)]
    seconds = [0]

    def shows(n_routes):
        """The routers as the API tells of them, meanwhile: it may not take long."""
        began = time.monotonic()
        seen = counts(gw)[0]
        seconds.append(time.monotonic() - began)
        return seen == n_routes

    for change, n_routes in ((lambda: batch(gw, [f"route add {p} via 10.2.0.2" for p in prefixes]), before + n),
                             (lambda: r("route", "flush", "root", "20.0.0.0/8"), before)):
        flap = threading.Thread(target=change)
        flap.start()
        wait_until(lambda wanted=n_routes: shows(wanted), 40, f"{n_routes} routes")
        flap.join()
    print(f"asked {len(seconds)} times, the longest answer took {max(seconds):.3f} s")
    assert max(seconds) < 2, "the API is not delayed"
    assert "everything is read anew" not in gw.log("culvertd.log"), "by events alone"


def test_more_than_there_is_room_for(gw):
    """culvertd sleeps while the kernel tells of 64 next hops for each route."""
    n, before = 80000, counts(gw)[0]
    for i in range(64):
        r("nexthop", "add", "id", str(1000 + i), "via", f"10.2.0.{100 + i}", "dev", W)
    r("nexthop", "add", "id", "999", "group", "/".join(str(1000 + i) for i in range(64)))
    r("route", "add", "10.66.0.0/16", "nhid", "999")
    wait_same(gw)
    os.kill(gw.culvertd.pid, signal.SIGSTOP)
    try:
        batch(gw, [f"route add 21.{i >> 16}.{i >> 8 & 255}.{i & 255}/32 nhid 999" for i in range(n)])
        r("route", "del", "10.66.0.0/16")  # this is told when nobody can hear it any more
    finally:
        os.kill(gw.culvertd.pid, signal.SIGCONT)
    wait_until(lambda: counts(gw)[0] == before + n, 20, "all are there")
    assert "more of" in gw.log("culvertd.log") and "everything is read anew" in gw.log("culvertd.log")
    wait_until(lambda: gw.culvert("show", "routes", "blue/gw", "10.66.0.1", check=False).returncode == 1, 5, "gone")
    r("nexthop", "flush")  # with the routes, of which the kernel does not tell
    wait_until(lambda: counts(gw)[0] == before, 20, "all are gone")


def test_culvertd_does_not_blame_the_dataplane_for_its_own_sleep(gw):
    """Either one stands still; the dataplane answers long before culvertd is back to read it."""
    r("route", "add", "10.50.0.0/16", "via", "10.2.0.2")
    wait_same(gw)
    os.kill(gw.dataplane.pid, signal.SIGSTOP)
    r("route", "add", "10.71.0.0/16", "via", "10.2.0.2")
    time.sleep(0.5)  # what is under way can't be seen from outside
    os.kill(gw.culvertd.pid, signal.SIGSTOP)
    os.kill(gw.dataplane.pid, signal.SIGCONT)
    time.sleep(6)  # more than an answer may take
    os.kill(gw.culvertd.pid, signal.SIGCONT)
    wait_route(gw, "10.71.0.0/16", [("10.2.0.2", "wan", 1)])
    assert "did not answer" not in gw.log("culvertd.log")


def test_culvertd_is_killed_and_packets_go_on(gw):
    r("route", "add", "10.50.0.0/16", "via", "10.2.0.2")
    r("route", "add", "10.67.0.0/16", "via", "10.2.0.2")
    wait_same(gw)
    wait_until(lambda: reaches("a", "10.50.0.1"), 5, "packets take it")
    pings = Pings(NS["a"], "10.50.0.1")
    gw.kill(gw.culvertd)
    r("route", "del", "10.67.0.0/16")
    r("route", "add", "10.68.0.0/16", "via", "10.1.0.2")
    gw.start_culvertd()
    wait_same(gw)
    assert set(router_routes(gw)) == {"10.50.0.0/16", "10.68.0.0/16"}
    assert pings.lost() == 0


def test_the_dataplane_is_killed(gw):
    r("route", "add", "10.50.0.0/16", "via", "10.2.0.2")
    r("-6", "route", "add", "fd69::/32", "via", "fd01::2")
    wait_same(gw)
    gw.kill(gw.dataplane)
    r("route", "add", "10.69.0.0/16", "via", "10.1.0.2")
    gw.start_dataplane()
    wait_until(lambda: gw.show("status")["dataplane"].get("in-step"), 5, "configuration is back")
    wait_same(gw)
    assert len(router_routes(gw)) == 3
    wait_until(lambda: reaches("a", "10.50.0.1"), 5, "packets take it")


def test_interfaces_change_places(gw):
    r("route", "add", "10.50.0.0/16", "via", "10.2.0.2")
    r("neighbour", "add", "10.1.0.70", "lladdr", "02:00:00:00:00:70", "dev", L, "nud", "permanent")
    wait_same(gw)
    gw.apply(config(before="    - {name: aa, addresses: [10.9.0.1/24]}\n"))
    wait_same(gw)
    assert router_routes(gw)["10.50.0.0/16"] == [("10.2.0.2", "wan", 1)]
    assert ("10.1.0.70", "lan", "kernel") in {(n["address"], n["interface"], n["state"])
                                              for n in gw.show("neighbors", "blue/gw")}
    wait_until(lambda: reaches("a", "10.50.0.1"), 5, "packets take it")
    r("route", "add", "10.70.0.0/16", "via", "10.1.0.2")
    wait_route(gw, "10.70.0.0/16", [("10.1.0.2", "lan", 1)])
    gw.apply(config())
    wait_same(gw)


def test_no_room_in_the_router(gw):
    gw.apply(config(router="route-limit: 20"))
    for i in range(30):
        r("route", "add", f"10.7{i // 10}.{i}.0/24", "via", "10.2.0.2")
    wait_until(lambda: counts(gw)[0] == 20, 5, "as many as there is room for")
    wait_until(lambda: "route-limit allows" in gw.log("culvertd.log"), 5, "and it says so")
    for i in range(30):
        r("route", "del", f"10.7{i // 10}.{i}.0/24")
    wait_until(lambda: router_routes(gw) == {}, 5, "those that were there are gone")
    gw.apply(config())


def test_a_namespace_that_goes_and_comes_back(gw):
    r("route", "add", "10.50.0.0/16", "via", "10.2.0.2")
    wait_same(gw)
    run("ip", "netns", "del", NS["r"])
    wait_until(lambda: router_routes(gw) == {}, 5, "its routes go with it")
    wait_until(lambda: f"no network namespace {NS['r']}" in gw.log("culvertd.log"), 5, "it is missed")
    run("ip", "netns", "add", NS["r"])
    wait_until(lambda: os.path.exists(f"/run/netns/{NS['r']}") and r("link", "show", W, check=False), 10, "a twin")
    wait_until(lambda: set(LAN) <= set(addresses(L)) and set(WAN) <= set(addresses(W)), 10, "addresses")
    r("link", "set", "lo", "up")
    r("route", "add", "10.50.0.0/16", "via", "10.2.0.2")
    wait_route(gw, "10.50.0.0/16", [("10.2.0.2", "wan", 1)])
    wait_until(lambda: reaches("a", "10.50.0.1"), 5, "packets take it")


def test_without_the_twin_its_routes_go(gw):
    r("route", "add", "10.50.0.0/16", "via", "10.2.0.2")
    wait_same(gw)
    gw.apply(config(wan='    - {name: wan, addresses: [10.2.0.1/24, "fd02::1/64"]}\n'))
    wait_until(lambda: router_routes(gw) == {}, 5, "gone")
    gw.apply(config())
    wait_until(lambda: r("link", "show", W, check=False) and set(WAN) <= set(addresses(W)), 5, "addresses")


def test_routers_are_told_apart(gw):
    """By tenant and name; those with twins have a mirror, and each interface its own addresses."""
    twin = f", kernel: true, network-namespace: {NS['r']}, kernel-interface: {TAG}"
    routers = [("blue", "zz", twin + "1"), ("blue", "gw", ""), ("blue", "aa", twin + "2"),
               ("amber", "gw", twin + "3"), ("amber", "aa", "")]
    text = "tenants:\n"
    for tenant in ("blue", "amber"):
        text += f"- name: {tenant}\n  routers:\n"
        for i, (owner, name, options) in enumerate(routers):
            if owner == tenant:
                text += (f"  - name: {name}\n    interfaces:\n"
                         f"    - {{name: lan, addresses: [10.{i}.1.1/24, \"fd0{i}::1/64\"]{options}}}\n"
                         f"    - {{name: wan, addresses: [10.{i}.2.1/24]}}\n")
    gw.apply(text)

    def rows():
        return {(row["tenant"], row["name"]): row for row in gw.show("routers")}

    wait_until(lambda: sum(row.get("kernel-mirror", {}).get("state") == "complete" for row in rows().values()) == 3,
               10, "three mirrors")
    shown = rows()
    assert len(shown) == len(routers)
    for i, (tenant, name, options) in enumerate(routers):
        lan, wan = shown[tenant, name]["interfaces"]
        assert lan["addresses"] == [f"10.{i}.1.1/24", f"fd0{i}::1/64"] and wan["addresses"] == [f"10.{i}.2.1/24"]
        assert lan.get("kernel-interface") == (f"{TAG}{options[-1]}" if options else None)
        assert "kernel-interface" not in wan and ("kernel-mirror" in shown[tenant, name]) == bool(options)
    gw.apply(config())
    wait_until(lambda: r("link", "show", W, check=False) and r("link", "show", L, check=False), 10, "twins")
    wait_until(lambda: set(LAN) <= set(addresses(L)) and set(WAN) <= set(addresses(W)), 10, "addresses")
