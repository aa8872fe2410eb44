# SPDX-License-Identifier: BSD-3-Clause
"""Chains as hosts see them: a firewall and a NAT between a router and the outside, edited under
traffic; a guest in the chain that fails; a dataplane that dies.

    a ── lan ── gw.lan  gw  gw.wan ─── edge: fw, [dpi], nat ─── b
    10.0.0.11      10.0.0.1  198.51.100.2                198.51.100.1
                               dpi: two taps, bridged in a namespace
"""
import contextlib
import hashlib
import socket
import threading

import pytest

from tests.lib.hosts import TAG, Host
from tests.lib.lab import Lab, ping_loss, run, wait_until

A, B, POOL = "10.0.0.11", "198.51.100.1", "198.51.100.2"
CONFIG = """
  switches: [{{name: lan, members: [a]}}]
  routers:
  - name: gw
    interfaces:
    - {{name: lan, addresses: [10.0.0.1/24]}}
    - {{name: wan, addresses: [198.51.100.2/24]}}
  firewalls:
  - {{name: fw, rules: [{{seq: 10, direction: out, action: allow}}]}}
  - {{name: strict, rules: [{{seq: 10, direction: out, {strict}action: allow}}]}}
  - name: both
    rules:
    - {{seq: 10, direction: out, source-network: 10.0.0.0/24, action: allow}}
    - {{seq: 20, direction: out, source-network: 198.51.100.2/32, protocol: udp, destination-port: 7000, action: allow}}
  nats:
  - {{name: nat, source: [{{seq: 10, prefix: 10.0.0.0/24, pool: [198.51.100.2]}}]}}
  guest-functions: [{{name: dpi, inside: left, outside: right, on-failure: {failure}}}]
  chains:
  - {{name: inside, inside: lan, outside: gw.lan}}
  - {{name: edge, inside: gw.wan, outside: b, functions: [{functions}]}}
"""


class Net:
    def __init__(self, lab):
        self.lab = lab
        self.a = Host(lab, f"{TAG}-a", f"{A}/24", via=["10.0.0.1"])
        self.b = Host(lab, f"{TAG}-b", f"{B}/24")
        # A guest's namespace has two interfaces.
        self.guest = f"{TAG}-g"
        lab.namespaces.append(self.guest)
        run("ip", "netns", "add", self.guest)

    def guest_port(self, name):
        return f"  - {{name: {name}, type: tap, interface: {name}, network-namespace: {self.guest}}}\n"

    def apply(self, functions, failure="block", strict=""):
        ports = self.a.port("a") + self.b.port("b") + self.guest_port("left") + self.guest_port("right")
        self.lab.apply("tenants:\n- name: blue\n  ports:\n" + ports +
                       CONFIG.format(functions=functions, failure=failure, strict=strict))

    def guest_ip(self, *words):
        return run("ip", "-n", self.guest, *words)

    def start(self):
        self.lab.start()
        self.apply("fw, nat")
        self.a.up()
        self.b.up()
        self.guest_ip("link", "add", "bridge", "type", "bridge")
        for name in ("left", "right"):
            wait_until(lambda n=name: run("ip", "-n", self.guest, "link", "show", n, check=False).returncode == 0,
                       10, f"interface {name}")
            run("ip", "netns", "exec", self.guest, "sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6=1")
            self.guest_ip("link", "set", name, "master", "bridge", "up")
        run("ip", "netns", "exec", self.guest, "sysctl", "-qw", "net.ipv6.conf.bridge.disable_ipv6=1")
        self.guest_ip("link", "set", "bridge", "up")
        self.a.wait_reaches(B)
        return self

    def drops(self, reason):
        """Of all ports together."""
        return sum(row["packets"] for row in self.lab.show("drops") if row["reason"] == reason)


@pytest.fixture(scope="module", name="net")
def net_fixture():
    with Lab() as lab:
        net = Net(lab)
        yield net.start()


@pytest.fixture(autouse=True)
def plain(net):
    """Each test begins with the firewall and the NAT."""
    net.apply("fw, nat")


class Transfer:
    """A TCP connection from a to b, and bytes on it in both directions, piece by piece."""

    PIECE = bytes(range(256)) * 256

    def __init__(self, net):
        self.listener = net.b.socket()
        self.listener.bind((B, 0))
        self.listener.listen()
        self.client = net.a.socket()
        self.client.settimeout(20)
        self.client.connect(self.listener.getsockname())
        self.server, self.peer = self.listener.accept()
        self.server.settimeout(20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in (self.client, self.server, self.listener):
            one.close()

    @staticmethod
    def _receive(to, size, digest):
        while size > 0:
            data = to.recv(min(size, 1 << 16))
            assert data, "the connection ended"
            digest.update(data)
            size -= len(data)

    def carry(self, n_pieces=16):
        """Both ways, one after the other; what arrives is what was sent."""
        want = hashlib.sha256(self.PIECE * n_pieces).digest()
        for sender, receiver in ((self.client, self.server), (self.server, self.client)):
            got = hashlib.sha256()
            thread = threading.Thread(target=sender.sendall, args=(self.PIECE * n_pieces,))
            thread.start()
            self._receive(receiver, len(self.PIECE) * n_pieces, got)
            thread.join()
            assert got.digest() == want


def test_ping_and_tcp_through_firewall_and_nat(net):
    assert net.a.ping(B) == 0
    with Transfer(net) as transfer:
        assert transfer.peer[0] == POOL
        transfer.carry(64)
    assert net.a.checksum_errors() == net.b.checksum_errors() == 0


def test_what_begins_outside_is_denied(net):
    net.b.ip("route", "replace", "10.0.0.0/24", "via", POOL)
    before = net.drops("FIREWALL_DENIED")
    assert not net.b.reaches(A)
    assert net.drops("FIREWALL_DENIED") > before
    net.b.ip("route", "del", "10.0.0.0/24")


def test_edits_lose_no_packet(net):
    """A ping and a TCP connection go on while functions come, go and change places."""
    ping = net.a.spawn("ping", "-n", "-i", "0.005", "-c", "1000", "-W", "5", B)
    with Transfer(net) as transfer:
        for functions in ("strict, fw, nat", "fw, nat, strict", "nat, fw", "nat", "fw, nat"):
            net.apply(functions)
            transfer.carry(2)
    assert ping_loss(ping.communicate(timeout=60)[0]) == 0


def test_a_firewall_on_both_sides_of_a_nat(net):
    """One firewall at two places: outward it sees the inside address first, then the NAT's. It keeps for each
    session which rule let it pass, at each place."""
    def hits():
        return {r["seq"]: r["sessions"] for r in net.lab.show("rules", "blue/both") if "seq" in r}

    def functions():
        return next(c["functions"] for c in net.lab.show("chains") if c["name"] == "edge")
    places = "both", "nat", "both:2"
    net.apply(", ".join(f'"{p}"' for p in places))
    assert functions() == list(places)
    servers = {port: net.b.socket(socket.AF_INET, socket.SOCK_DGRAM) for port in (7000, 7001)}
    client = net.a.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for port, server in servers.items():
        server.bind((B, port))
        server.settimeout(10)
    with contextlib.ExitStack() as stack:
        for one in (client, *servers.values()):
            stack.enter_context(one)
        client.sendto(b"by both", (B, 7000))
        data, peer = servers[7000].recvfrom(64)
        assert (data, peer[0]) == (b"by both", POOL)
        servers[7000].sendto(b"back", peer)
        client.settimeout(10)
        assert client.recv(64) == b"back"
        assert hits() == {10: 1, 20: 1}
        before = net.drops("FIREWALL_DENIED")
        client.sendto(b"by the inner one", (B, 7001))
        wait_until(lambda: net.drops("FIREWALL_DENIED") == before + 1, 10, "the outer one denies")
        # The first place is gone: what the second one keeps stays with it, the session goes on.
        net.apply('nat, "both:2"')
        assert functions() == ["nat", "both:2"]
        client.sendto(b"by the outer one", (B, 7000))
        assert servers[7000].recvfrom(64) == (b"by the outer one", peer)
        wait_until(lambda: hits() == {10: 0, 20: 1}, 10, "the first place lets go of its rule")
        net.apply("both, nat")
        client.sendto(b"by the inner one", (B, 7001))
        assert servers[7001].recv(64) == b"by the inner one"


def test_policy_ends_what_it_denies(net):
    """What is no longer allowed stops with the commit's answer, the rest goes on."""
    net.apply("fw, nat")
    with Transfer(net) as transfer:
        transfer.carry(1)
        ping = net.a.spawn("ping", "-n", "-i", "0.01", "-c", "100", "-W", "5", B)
        net.apply("strict, fw, nat", strict="protocol: icmp, ")
        before = net.drops("FIREWALL_DENIED")
        transfer.client.send(b"late")
        wait_until(lambda: net.drops("FIREWALL_DENIED") > before, 10, "the connection is denied")
        transfer.server.settimeout(0.5)
        with pytest.raises(TimeoutError):
            transfer.server.recv(4)
        assert ping_loss(ping.communicate(timeout=60)[0]) == 0


@pytest.mark.parametrize("failure", ["bypass", "block"])
def test_a_guest_in_the_chain(net, failure):
    """It sees the packets; when one of its links fails they go by it, or nowhere."""
    net.apply("fw, dpi, nat", failure)
    net.a.wait_reaches(B)
    with Transfer(net) as transfer:
        transfer.carry(8)
        net.guest_ip("link", "set", "right", "down")
        wait_until(lambda: net.lab.port("right")["state"] != "up", 10, "the link is down")
        if failure == "bypass":
            assert net.a.ping(B) == 0
            transfer.carry(8)
        else:
            before = net.drops("CHAIN_GUEST_DOWN")
            assert not net.a.reaches(B)  # the router sees no link behind the guest
            assert not net.b.reaches(POOL)
            assert net.drops("CHAIN_GUEST_DOWN") > before
        net.guest_ip("link", "set", "right", "up")
        net.a.wait_reaches(B)
        transfer.carry(8)


def test_sessions_survive_the_dataplane(net):
    with Transfer(net) as transfer:
        transfer.carry(4)
        net.lab.kill(net.lab.dataplane)
        net.lab.start_dataplane()
        transfer.carry(4)
        assert "sessions of the last process go on" in net.lab.log("dataplane.log")
