# SPDX-License-Identifier: BSD-3-Clause
"""FRR speaks for a router on the twins of its interfaces, with another FRR behind a port of the
dataplane; either side's processes are killed. At the end the same over an AF_XDP uplink.

    ns a ── a ── lan [ router gw ] wan ── b ── ns b: FRR, 100k prefixes behind it
                      |        |
                   twin l    twin w        (both in ns r, with FRR)
"""
import os

import pytest

from tests.lib.frr import Frr
from tests.lib.hosts import inside
from tests.lib.lab import Lab, run, wait_until
from tests.lib.pings import Pings

TAG = f"cf{os.getpid() % 10000}"
NS = {name: f"{TAG}-{name}" for name in "abr"}
N = 100000
SAMPLES = [0, 1, 255, 4096, 65535, 77777, N - 1]

CONFIG = f"""
tenants:
- name: blue
  ports:
  - {{name: a, type: tap, interface: {TAG}a, network-namespace: {NS['a']}}}
  - {{name: b, type: tap, interface: {TAG}b, network-namespace: {NS['b']}}}
  routers:
  - name: gw
    interfaces:
    - {{name: lan, kernel: true, kernel-interface: {TAG}l, network-namespace: {NS['r']}, addresses: [10.1.0.1/24]}}
    - {{name: wan, kernel: true, kernel-interface: {TAG}w, network-namespace: {NS['r']}, addresses: [10.2.0.1/24]}}
  chains:
  - {{name: a, inside: a, outside: gw.lan}}
  - {{name: b, inside: b, outside: gw.wan}}
"""

BGP = """
router bgp {asn}
 bgp router-id 10.2.0.{own}
 no bgp ebgp-requires-policy
 no bgp network import-check
 bgp graceful-restart
 timers bgp 1 3
 neighbor 10.2.0.{peer} remote-as {peer_asn}
 neighbor 10.2.0.{peer} timers connect 1
 neighbor 10.2.0.{peer} advertisement-interval 0
 address-family ipv4 unicast
  {announce}
"""

OSPF = """
interface {interface}
 ip ospf area 0
 ip ospf hello-interval 1
 ip ospf dead-interval 3
 ip ospf retransmit-interval 1
router ospf
 ospf router-id 10.2.0.{own}
 timers throttle spf 10 50 500
 timers throttle lsa all 0
 timers lsa min-arrival 0
 redistribute connected
"""


def prefix(i, host=0):
    return f"{20 + (i >> 16)}.{i >> 8 & 255}.{i & 255}.{host}"


@pytest.fixture(scope="module")
def net():
    with Lab() as lab:
        for name in NS.values():
            run("ip", "netns", "add", name)
            lab.namespaces.append(name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        lab.start()
        lab.apply(CONFIG)
        for name, address in (("a", "10.1.0.2/24"), ("b", "10.2.0.2/24")):
            lab.wait_port(name)
            run("ip", "-n", NS[name], "address", "add", address, "dev", TAG + name)
        run("ip", "-n", NS["a"], "route", "add", "default", "via", "10.1.0.1")
        for device, address in (("l", "10.1.0.1"), ("w", "10.2.0.1")):
            wait_until(lambda: address in run("ip", "-n", NS["r"], "address", "show", TAG + device).stdout, 5,
                       "the twins have their addresses")
        yield lab


def ping(target, count=1, interval=0.05):
    return run("ip", "netns", "exec", NS["a"], "ping", "-c", str(count), "-i", str(interval), "-W", "1", target,
               check=False)


def reaches(target):
    return ping(target).returncode == 0


def n_routes(lab):
    return lab.show("routers")[0]["ipv4-routes"]


def test_ospf(net):
    """Hellos to 224.0.0.5 and back."""
    run("ip", "-n", NS["b"], "address", "add", "192.0.2.1/32", "dev", "lo")
    far = Frr(net, NS["b"], {"ospfd": OSPF.format(interface=f"{TAG}b", own=2)})
    near = Frr(net, NS["r"], {"ospfd": OSPF.format(interface=f"{TAG}w", own=1)})
    wait_until(lambda: near.ospf_state("10.2.0.2").startswith("Full"), 30, "the adjacency")
    wait_until(lambda: reaches("192.0.2.1"), 10, "its route reached the router, and ours the other")
    route = net.show("routes", "blue/gw", "192.0.2.1")[0]
    assert (route["prefix"], route["source"]) == ("192.0.2.1/32", "kernel")
    net.kill(net.dataplane)
    net.start_dataplane()
    wait_until(lambda: near.ospf_state("10.2.0.2").startswith("Full"), 30, "the adjacency is back")
    wait_until(lambda: reaches("192.0.2.1"), 10, "the route is back")
    far.kill("ospfd")
    wait_until(lambda: near.ospf_state("10.2.0.2") == "", 10, "the neighbour is dead")
    wait_until(lambda: not reaches("192.0.2.1"), 5, "and its route")
    far.start("ospfd")
    wait_until(lambda: reaches("192.0.2.1"), 20, "it is back")
    near.close()
    far.close()
    wait_until(lambda: not reaches("192.0.2.1"), 10, "zebra took its routes along")


@pytest.fixture(scope="module")
def bgp(net):
    lines = [f"route add blackhole {prefix(i)}/24" for i in range(N)]
    lines += [f"address add {prefix(i, 1)}/32 dev lo" for i in SAMPLES]
    path = os.path.join(net.dir, "batch")
    with open(path, "w", encoding="ascii") as f:
        f.write("\n".join(lines) + "\n")
    run("ip", "-n", NS["b"], "-batch", path)
    far = Frr(net, NS["b"], {"bgpd": BGP.format(asn=65002, own=2, peer=1, peer_asn=65001, announce="")})
    near = Frr(net, NS["r"], {"bgpd": BGP.format(asn=65001, own=1, peer=2, peer_asn=65002,
                                                 announce="network 10.1.0.0/24")})
    wait_until(lambda: near.bgp_peer("10.2.0.2").get("state") == "Established", 20, "the BGP session")
    wait_until(lambda: "10.1.0.0/24" in run("ip", "-n", NS["b"], "route").stdout, 10, "the way back")
    net.base = n_routes(net)
    yield near, far
    for frr in (near, far):
        frr.close()


def announce(far, is_on):
    far.vtysh("configure terminal", "router bgp 65002", "address-family ipv4 unicast",
              ("" if is_on else "no ") + "redistribute kernel")


def wait_all(lab, seconds=30):
    wait_until(lambda: n_routes(lab) >= lab.base + N, seconds, "all prefixes are routed", every=0.1)
    for i in SAMPLES:
        wait_until(lambda: reaches(prefix(i, 1)), 5, f"{prefix(i, 1)} is reached")


def test_100k_prefixes_learned_and_withdrawn(net, bgp):
    _, far = bgp
    for flap in range(2):
        announce(far, True)
        wait_all(net)
        assert not reaches("22.0.0.1"), "beyond the last one"
        route = net.show("routes", "blue/gw", prefix(77777, 1))[0]
        assert (route["prefix"], route["source"]) == (f"{prefix(77777)}/24", "kernel")
        assert [(h["address"], h["outgoing-interface"]) for h in route["next-hops"]] == [("10.2.0.2", "wan")]
        assert net.culvert("show", "status").returncode == 0
        if flap == 0:
            announce(far, False)
            wait_until(lambda: n_routes(net) == net.base, 30, "all are withdrawn", every=0.1)
            assert not reaches(prefix(0, 1))
    assert "read anew" not in net.log("culvertd.log"), "by events alone"


def test_bgpd_is_killed(net, bgp):
    """zebra keeps the routes (graceful restart), so packets go on."""
    near, _ = bgp
    pings = Pings(NS["a"], prefix(4096, 1), 100)
    near.kill("bgpd")
    near.start("bgpd")
    wait_until(lambda: near.bgp_peer("10.2.0.2").get("pfxRcd") == N, 30, "learned again", every=0.1)
    wait_all(net)
    assert pings.lost() < 1000, "ten seconds at the most"


def test_culvertd_is_killed(net, bgp):
    near, _ = bgp
    up = near.bgp_peer("10.2.0.2")["connectionsEstablished"]
    pings = Pings(NS["a"], prefix(4096, 1), 100)
    net.kill(net.culvertd)
    net.start_culvertd()
    wait_until(lambda: n_routes(net) == net.base + N, 20, "all prefixes", every=0.1)
    net.culvert("show", "routes", "blue/gw", prefix(5, 1))
    assert pings.lost() == 0
    assert near.bgp_peer("10.2.0.2")["connectionsEstablished"] == up, "the session did not notice"
    wait_all(net)


def test_the_dataplane_is_killed(net, bgp):
    near, _ = bgp
    net.kill(net.dataplane)
    net.start_dataplane()
    wait_until(lambda: net.show("status")["dataplane"].get("in-step"), 5, "configuration is back")
    wait_until(lambda: near.bgp_peer("10.2.0.2").get("state") == "Established", 20, "the session is back")
    wait_until(lambda: near.bgp_peer("10.2.0.2").get("pfxRcd") == N, 30, "learned again", every=0.1)
    wait_all(net)
    wait_until(lambda: n_routes(net) == net.base + N, 20, "and no others", every=0.1)


# The same by AF_XDP, on a host of its own: a machine's firewall may refuse what comes in.
#
#     ns a ── a ── lan [ router gw ] wan ── up (af-xdp) ── veth ── peer ── ns b: FRR, 1,000 prefixes
#                           |        |
#                        twin l    twin w        (both in ns r, with FRR)

X = {name: f"{TAG}x{name}" for name in "habr"}  # namespaces; h: the host, with both daemons and `up`
UP, PEER = f"{TAG}xu", f"{TAG}xp"
N_FEW = 1000

XDP_CONFIG = f"""
tenants:
- name: blue
  ports:
  - {{name: a, type: tap, interface: {X['a']}, network-namespace: {X['a']}}}
  - {{name: up, type: af-xdp, interface: {UP}}}
  routers:
  - name: gw
    interfaces:
    - {{name: lan, kernel: true, kernel-interface: {X['r']}l, network-namespace: {X['r']}, addresses: [10.1.0.1/24]}}
    - {{name: wan, kernel: true, kernel-interface: {X['r']}w, network-namespace: {X['r']}, addresses: [10.2.0.1/24]}}
  chains:
  - {{name: a, inside: a, outside: gw.lan}}
  - {{name: up, inside: gw.wan, outside: up}}
"""


@pytest.fixture
def uplink():
    with Lab() as lab:
        for name in X.values():
            run("ip", "netns", "add", name)
            lab.namespaces.append(name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", X["h"], "link", "add", UP, "type", "veth", "peer", "name", PEER, "netns", X["b"])
        run("ip", "-n", X["h"], "link", "set", UP, "up")
        run("ip", "-n", X["b"], "link", "set", PEER, "up")
        run("ip", "-n", X["b"], "address", "add", "10.2.0.2/24", "dev", PEER)
        with inside(X["h"]):
            lab.start()
            lab.apply(XDP_CONFIG)
            for name in ("a", "up"):
                lab.wait_port(name)
            run("ip", "-n", X["a"], "address", "add", "10.1.0.2/24", "dev", X["a"])
            run("ip", "-n", X["a"], "route", "add", "default", "via", "10.1.0.1")
            wait_until(lambda: "10.2.0.1" in run("ip", "-n", X["r"], "address").stdout, 5, "the twins' addresses")
            yield lab


def test_bgp_over_af_xdp(uplink):
    def pings(i):
        return Lab.ns_exec(X["a"], "ping", "-c", "1", "-W", "1", prefix(i, 1), check=False).returncode == 0

    few = (0, 255, N_FEW - 1)
    lines = [f"route add blackhole {prefix(i)}/24" for i in range(N_FEW)]
    lines += [f"address add {prefix(i, 1)}/32 dev lo" for i in few]
    run("ip", "-n", X["b"], "-batch", "-", input="\n".join(lines) + "\n")
    far = Frr(uplink, X["b"], {"bgpd": BGP.format(asn=65002, own=2, peer=1, peer_asn=65001, announce="")})
    near = Frr(uplink, X["r"], {"bgpd": BGP.format(asn=65001, own=1, peer=2, peer_asn=65002,
                                                   announce="network 10.1.0.0/24")})
    wait_until(lambda: near.bgp_peer("10.2.0.2").get("state") == "Established", 20, "the BGP session")
    wait_until(lambda: "10.1.0.0/24" in run("ip", "-n", X["b"], "route").stdout, 10, "the way back")
    assert uplink.port("up")["xdp-redirected"] > 0
    base = n_routes(uplink)
    assert not pings(0), "nobody told of it"
    for _ in range(2):
        announce(far, True)
        wait_until(lambda: n_routes(uplink) == base + N_FEW, 15, "all prefixes are routed")
        for i in few:
            wait_until(lambda i=i: pings(i), 5, f"{prefix(i, 1)} is reached")
        route = uplink.show("routes", "blue/gw", prefix(255, 1))[0]
        assert (route["prefix"], route["source"]) == (f"{prefix(255)}/24", "kernel")
        assert [(h["address"], h["outgoing-interface"]) for h in route["next-hops"]] == [("10.2.0.2", "wan")]
        announce(far, False)
        wait_until(lambda: n_routes(uplink) == base, 15, "all are withdrawn")
        assert not pings(0)
    for frr in (near, far):
        frr.close()
