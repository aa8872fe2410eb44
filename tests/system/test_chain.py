# SPDX-License-Identifier: BSD-3-Clause
"""Chains as hosts see them: a firewall and a NAT between a router and the outside, edited under
traffic; a guest in the chain that fails; a dataplane that dies.

    a ── lan ── gw.lan  gw  gw.wan ─── edge: fw, [dpi], nat ─── b
    10.0.0.11      10.0.0.1  198.51.100.2                198.51.100.1
                               dpi: two taps, bridged in a namespace
"""
import contextlib
import hashlib
import select
import socket
import struct
import threading
import time

import pytest

from tests.lib.hosts import SO_RCVBUFFORCE, TAG, Host, Wire
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


class Stream(threading.Thread):
    """Numbered datagrams from b to a, who has asked for them once and says nothing more."""

    def __init__(self, net):
        super().__init__(daemon=True)
        self.is_on, self.n_sent, self.got = True, 0, set()
        self.server, self.client = (h.socket(socket.AF_INET, socket.SOCK_DGRAM) for h in (net.b, net.a))
        self.client.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)  # for what a busy machine brings at once
        self.server.bind((B, 0))
        self.client.sendto(b"go on", self.server.getsockname())
        self.peer = self.server.recvfrom(64)[1]
        self.client.setblocking(False)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.is_on = False
        self.join()
        self.client.close()
        self.server.close()

    def run(self):
        while self.is_on:
            self.server.sendto(struct.pack("!I", self.n_sent), self.peer)
            self.n_sent += 1
            time.sleep(0.005)
            self.take()

    def take(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.got.add(struct.unpack("!I", self.client.recv(64))[0])

    def wait_more(self, n=20):
        target = self.n_sent + n
        wait_until(lambda: self.n_sent >= target, 10, "the stream goes on")

    def lost(self, patience_sec=10):
        """Ends it, and waits for those that are late."""
        self.is_on = False
        self.join()
        end = time.monotonic() + patience_sec
        while len(self.got) < self.n_sent and time.monotonic() < end:
            time.sleep(0.01)
            self.take()
        return sorted(set(range(self.n_sent)) - self.got)


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
    """A ping, a TCP connection, and a stream whose receiver is silent go on while functions, a guest among them,
    come, go and change places. Only what is inside the guest when it leaves has no way on."""
    def n_left_inside():
        return sum(net.lab.drops(port).get("PORT_UNATTACHED", 0) for port in ("left", "right"))
    before = n_left_inside()
    ping = net.a.spawn("ping", "-n", "-i", "0.005", "-c", "1500", "-W", "5", B)
    with Transfer(net) as transfer, Stream(net) as stream:
        for functions in ("strict, fw, nat", "fw, dpi, nat", "fw, nat, strict", "strict, dpi, fw, nat", "nat, fw",
                          "nat, dpi, fw", "dpi, nat", "nat", "fw, nat"):
            net.apply(functions)
            stream.wait_more()
            transfer.server.sendall(b"outside speaks first")
            assert transfer.client.recv(64) == b"outside speaks first"
            transfer.carry(2)
        n_lost = len(stream.lost())
    n_lost += ping_loss(ping.communicate(timeout=60)[0])
    assert n_lost <= n_left_inside() - before


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


def test_sessions_by_filter(net):
    """The same filters choose what is shown and what is ended."""
    net.lab.culvert("clear", "sessions")
    hosts = net.a.socket(socket.AF_INET, socket.SOCK_DGRAM), net.a.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ports = []
    with contextlib.ExitStack() as stack, Transfer(net) as transfer:
        for one in hosts:
            stack.enter_context(one).sendto(b"one", (B, 7000))
            ports.append(one.getsockname()[1])
        assert net.a.ping(B, count=1) == 0
        wait_until(lambda: len(net.lab.show("sessions")) == 4, 10, "four sessions")

        def n_shown(*words):
            return len(net.lab.show("sessions", *words))

        for words, n in ((("--tenant", "blue"), 4), (("--tenant", "red"), 0), (("--protocol", "udp"), 2),
                         (("--protocol", "17", "--address", POOL), 2), (("--port", "7000"), 2),
                         (("--port", str(ports[0])), 1), (("--address", A), 4), (("--address", "10.0.0.12"), 0),
                         (("--tenant", "blue", "--chain", "edge"), 4), (("--tenant", "blue", "--chain", "inside"), 0),
                         (("--protocol", "icmp", "--address", B), 1)):
            assert n_shown(*words) == n, words
        for words, left in ((("--protocol", "udp", "--port", str(ports[0])), 3), (("--protocol", "icmp"), 2),
                            (("--address", "10.0.0.12"), 2), (("--tenant", "red"), 2), (("--protocol", "udp"), 1)):
            net.lab.culvert("clear", "sessions", *words)
            assert n_shown() == left, words
        transfer.carry(1)  # nobody has touched it


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


class Rewriter(threading.Thread):
    """In place of the guest's bridge: datagrams to one port go out to another one, answers come back from there."""
    ASKED, MEANT = 7000, 7001

    def __init__(self, net):
        super().__init__(daemon=True)
        self.net, self.is_on, self.n_rewritten = net, True, 0

    def __enter__(self):
        for name in ("left", "right"):
            self.net.guest_ip("link", "set", name, "nomaster")
        self.left, self.right = (Wire(self.net.guest, name) for name in ("left", "right"))
        self.start()
        return self

    def __exit__(self, *_):
        self.is_on = False
        self.join()
        for name, wire in ("left", self.left), ("right", self.right):
            wire.socket.close()
            self.net.guest_ip("link", "set", name, "master", "bridge")

    def rewrite(self, frame, offset, port, other):
        """A UDP port at this offset behind the IPv4 header. No checksum is one, too (RFC 768)."""
        if frame[12:14] == b"\x08\x00" and frame[23] == 17 and struct.unpack_from("!H", frame, 34 + offset)[0] == port:
            frame[34 + offset:36 + offset] = struct.pack("!H", other)
            frame[40:42] = b"\0\0"
            self.n_rewritten += 1

    def run(self):
        ways = {self.left.socket: (self.right, 2, self.ASKED, self.MEANT),
                self.right.socket: (self.left, 0, self.MEANT, self.ASKED)}
        while self.is_on:
            for one in select.select(list(ways), [], [], 0.1)[0]:
                to, *change = ways[one]
                frame = bytearray(one.recv(65536))
                self.rewrite(frame, *change)
                to.send(frame)


def test_a_guest_that_rewrites_headers(net):
    """What is behind the guest is another connection to its neighbours: each side has a session of its own."""
    net.apply("fw, dpi, nat")
    server, client = (h.socket(socket.AF_INET, socket.SOCK_DGRAM) for h in (net.b, net.a))
    with Rewriter(net) as rewriter, server, client:
        server.bind((B, Rewriter.MEANT))
        client.connect((B, Rewriter.ASKED))
        for one in (server, client):
            one.settimeout(10)
        for n in range(20):  # by flows, too
            client.send(b"question %d" % n)
            data, peer = server.recvfrom(64)
            assert (data, peer[0]) == (b"question %d" % n, POOL)
            server.sendto(b"answer %d" % n, peer)
            assert client.recv(64) == b"answer %d" % n
        assert rewriter.n_rewritten == 40
        rows = {row["original"]["destination-port"]: row["reply"]["destination"] for row in
                net.lab.show("sessions", "--protocol", "udp", "--port", str(client.getsockname()[1]))}
        assert rows == {Rewriter.ASKED: A, Rewriter.MEANT: POOL}
        assert net.a.ping(B) == 0
        # Unasked from outside: the guest lets it through, the firewall behind it does not.
        before = net.drops("FIREWALL_DENIED")
        with net.b.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"unasked", peer)
            wait_until(lambda: net.drops("FIREWALL_DENIED") > before, 10, "the firewall denies")


def test_sessions_survive_the_dataplane(net):
    with Transfer(net) as transfer:
        transfer.carry(4)
        net.lab.kill(net.lab.dataplane)
        net.lab.start_dataplane()
        transfer.carry(4)
        assert "sessions of the last process go on" in net.lab.log("dataplane.log")
