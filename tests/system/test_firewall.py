# SPDX-License-Identifier: BSD-3-Clause
"""What a firewall's configuration does to two hosts: refusals as their kernels hear them, limits, log, rules without
sessions, defaults; and the tenant's limits and timeouts of sessions.

    a ─── lan ── gw ── edge: fw ─── b
    10.0.0.11, fd00::11     198.51.100.1, fd01::1
"""
import contextlib
import errno
import re
import socket
import time

import pytest

from tests.lib.hosts import TAG, Host
from tests.lib.lab import Lab, wait_until

A, B = {4: "10.0.0.11", 6: "fd00::11"}, {4: "198.51.100.1", 6: "fd01::1"}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
EVERYTHING = "{seq: 1000, direction: out, action: allow}"


class Net:
    def __init__(self, lab):
        self.lab = lab
        self.a = Host(lab, f"{TAG}-a", f"{A[4]}/24", f"{A[6]}/64", via=["10.0.0.1", "fd00::1"])
        self.b = Host(lab, f"{TAG}-b", f"{B[4]}/24", f"{B[6]}/64", via=["198.51.100.2", "fd01::2"])

    def apply(self, *rules, firewall="default: deny", sessions="", clear=True):
        self.lab.apply(
            f"tenants:\n- name: blue\n  sessions: {{{sessions}}}\n  ports:\n{self.a.port('a')}{self.b.port('b')}"
            "  switches: [{name: lan, members: [a]}]\n  routers:\n  - name: gw\n    interfaces:\n"
            '    - {name: lan, addresses: [10.0.0.1/24, "fd00::1/64"]}\n'
            '    - {name: wan, addresses: [198.51.100.2/24, "fd01::2/64"]}\n'
            f"  firewalls: [{{name: fw, {firewall}, rules: [{', '.join(rules)}]}}]\n"
            "  chains:\n  - {name: inside, inside: lan, outside: gw.lan}\n"
            "  - {name: edge, inside: gw.wan, outside: b, functions: [fw]}\n")
        if clear:
            self.lab.culvert("clear", "sessions")

    def start(self):
        self.lab.start()
        self.apply(EVERYTHING)
        self.a.up()
        self.b.up()
        self.a.wait_reaches(*B.values())
        return self

    def drops(self, reason):
        return sum(row["packets"] for row in self.lab.show("drops") if row["reason"] == reason)

    def n_sessions(self, *words):
        return len(self.lab.show("sessions", *words))

    def rule(self, seq):
        return next(row for row in self.lab.show("rules", "blue/fw") if row.get("seq") == seq)


@pytest.fixture(scope="module", name="net")
def net_fixture():
    with Lab() as lab:
        yield Net(lab).start()


@contextlib.contextmanager
def datagrams(host, n=1, version=4):
    """Sockets of a host."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(host.socket(FAMILY[version], socket.SOCK_DGRAM)) for _ in range(n)]
        for one in sockets:
            one.settimeout(10)
        yield sockets


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("direction", ["out", "in"])
def test_a_reject_is_told(net, version, direction):
    """TCP by a RST, UDP by ICMP: administratively prohibited (RFC 1812, 5.2.7.1; RFC 4443, 3.1)."""
    net.apply(f"{{seq: 10, direction: {direction}, protocol: tcp, destination-port: 81, action: reject}}",
              f"{{seq: 20, direction: {direction}, protocol: udp, destination-port: 81, action: reject}}", EVERYTHING)
    client, server = (net.a, B[version]) if direction == "out" else (net.b, A[version])
    before = net.drops("FIREWALL_REJECTED")
    with client.socket(FAMILY[version], socket.SOCK_STREAM) as one, pytest.raises(ConnectionRefusedError):
        one.settimeout(10)
        one.connect((server, 81))
    with datagrams(client, version=version) as (one,):
        one.connect((server, 81))
        one.send(b"?")
        with pytest.raises(OSError) as e:
            one.recv(1)
        assert e.value.errno == (errno.EHOSTUNREACH if version == 4 else errno.EACCES)
    assert net.drops("FIREWALL_REJECTED") == before + 2
    assert net.n_sessions() == 0


def test_defaults_are_of_a_direction(net):
    net.apply(firewall="default: allow, default-out: deny")
    assert net.b.reaches(A[4]) and not net.a.reaches(B[4])
    net.apply(firewall="default: deny, default-out: allow")
    assert net.a.reaches(B[6]) and not net.b.reaches(A[6])


def test_a_connection_limit(net):
    net.apply("{seq: 10, direction: out, protocol: udp, destination-port: 82, action: allow, connection-limit: 3}",
              EVERYTHING)
    before = net.drops("FIREWALL_CONNECTION_LIMIT")
    with datagrams(net.a, 5) as sockets:
        for one in sockets + sockets:
            one.sendto(b"in turn", (B[4], 82))
        wait_until(lambda: net.drops("FIREWALL_CONNECTION_LIMIT") == before + 4, 10, "two of five are refused, twice")
        assert (net.rule(10)["sessions"], net.n_sessions("--port", "82")) == (3, 3)
        net.lab.culvert("clear", "sessions", "--port", str(sockets[0].getsockname()[1]))
        sockets[4].sendto(b"in turn", (B[4], 82))
        wait_until(lambda: net.n_sessions("--port", str(sockets[4].getsockname()[1])) == 1, 10, "there is room again")
        assert net.rule(10)["sessions"] == 3


def test_a_rate_limit(net):
    """So many at once, then so many a second."""
    net.apply("{seq: 10, direction: out, protocol: udp, destination-port: 83, action: allow, rate-limit: 2, "
              "rate-burst: 6}", EVERYTHING)
    before, began = net.drops("FIREWALL_RATE_LIMIT"), time.monotonic()
    with datagrams(net.a, 40) as sockets:
        for one in sockets:
            one.sendto(b"all at once", (B[4], 83))
        wait_until(lambda: net.drops("FIREWALL_RATE_LIMIT") - before + net.n_sessions("--port", "83") == 40, 10,
                   "all are decided")
        assert 6 <= net.n_sessions("--port", "83") <= 7 + 2 * (time.monotonic() - began)


def test_what_is_logged(net):
    """Lines of words, five a second; each tells how many before it found no room."""
    net.apply("{seq: 10, direction: out, protocol: udp, destination-port: 84, action: deny, log: true}", EVERYTHING)
    n, before = 200, net.rule(10)["hits"]

    def lines():
        return re.findall(rf"firewall=blue/fw rule=10 verdict=deny direction=out protocol=17 source={A[4]} "
                          rf"source-port=\d+ destination={B[4]} destination-port=84 .*lost=(\d+)",
                          net.lab.log("dataplane.log"))

    began = time.monotonic()
    with datagrams(net.a) as (one,):
        for _ in range(n):
            one.sendto(b"refused", (B[4], 84))
        wait_until(lambda: net.rule(10)["hits"] == before + n, 10, "all are refused")

        def one_more():
            nonlocal n
            one.sendto(b"refused", (B[4], 84))
            n += 1
            return len(lines()) + sum(map(int, lines())) >= n - 1
        wait_until(one_more, 60, "all are told of", every=0.5)
    assert len(lines()) <= 10 + 5 * (time.monotonic() - began), "five a second, and some at once"


def test_a_rule_without_sessions(net):
    answers = "{seq: 20, direction: in, protocol: udp, source-port: 85, action: allow, stateless: true}"
    rule = "{seq: 10, direction: out, protocol: udp, destination-port: 85, action: allow, stateless: true}"
    net.apply(rule, EVERYTHING)
    with datagrams(net.a) as (client,), datagrams(net.b) as (server,):
        server.bind((B[4], 85))

        def ask():
            client.sendto(b"?", (B[4], 85))
            server.sendto(b"!", server.recvfrom(1)[1])
        before = net.drops("FIREWALL_DENIED")
        ask()
        wait_until(lambda: net.drops("FIREWALL_DENIED") == before + 1, 10, "the answer has no rule")
        net.apply(rule, answers, EVERYTHING)
        ask()
        assert client.recv(1) == b"!"
        assert net.n_sessions("--port", "85") == 0


def test_a_source_has_its_share(net):
    """Of a tenant's sessions; others are not bothered."""
    net.apply(EVERYTHING, "{seq: 2000, direction: in, action: allow}", sessions="source-limit: 3")
    before = net.drops("SESSION_SOURCE_LIMIT")
    with datagrams(net.a, 5) as sockets:
        for one in sockets:
            one.sendto(b"one more", (B[4], 86))
        wait_until(lambda: net.drops("SESSION_SOURCE_LIMIT") == before + 2, 10, "two of five are refused")
    assert net.n_sessions("--address", A[4]) == 3
    assert net.b.reaches(A[4]) and net.a.reaches(B[6])


def test_timeouts_are_configured(net):
    """By protocol; a new one is that of open sessions, too, from their next packet on."""
    net.apply(EVERYTHING)
    with datagrams(net.a) as (one,):
        def send():
            one.sendto(b"on", (B[4], 87))
            return [row["expires"] for row in net.lab.show("sessions", "--port", "87")]
        wait_until(lambda: (expires := send()) and 250 < expires[0] <= 300, 10, "the default")
        net.apply(EVERYTHING, sessions="timeouts: {udp: 2, icmp: 1000}", clear=False)
        wait_until(lambda: (expires := send()) and expires[0] <= 2, 10, "the new one")
        assert net.a.ping(B[4], count=1) == 0
        wait_until(lambda: net.n_sessions("--port", "87") == 0, 20, "its session ends")
        rows = net.lab.show("sessions", "--protocol", "icmp")
        assert len(rows) == 1 and 900 < rows[0]["expires"] <= 1000
