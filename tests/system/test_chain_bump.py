# SPDX-License-Identifier: BSD-3-Clause
"""A machine as a function of a chain, a bump in the wire: two vhost-user ports of a QEMU guest that bridges them.
Whether it lives is told by the links of its two ports.

    a ── lan ── gw ── edge: fw, dpi, nat ─── b
    10.0.0.11            dpi: eth0, eth1     198.51.100.1
"""
import hashlib
import threading

import pytest

from tests.lib.hosts import TAG, Host
from tests.lib.lab import Lab, wait_until

A, B, POOL = "10.0.0.11", "198.51.100.1", "198.51.100.2"
CONFIG = """
  - {{name: left, type: vhost-user}}
  - {{name: right, type: vhost-user}}
  switches: [{{name: lan, members: [a]}}]
  routers:
  - name: gw
    interfaces:
    - {{name: lan, addresses: [10.0.0.1/24]}}
    - {{name: wan, addresses: [198.51.100.2/24]}}
  firewalls: [{{name: fw, rules: [{{seq: 10, direction: out, action: allow}}]}}]
  nats: [{{name: nat, source: [{{seq: 10, prefix: 10.0.0.0/24, pool: [198.51.100.2]}}]}}]
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

    def apply(self, failure, functions="fw, dpi, nat"):
        self.lab.apply("tenants:\n- name: blue\n  ports:\n" + self.a.port("a") + self.b.port("b") +
                       CONFIG.format(failure=failure, functions=functions))

    def start(self):
        self.lab.start()
        self.apply("block")
        self.a.up()
        self.b.up()
        self.boot()
        return self

    def boot(self):
        self.lab.guest("dpi", port="left", bridge=self.lab.socket("right"))
        for name in ("left", "right"):
            self.lab.wait_port(name)
        self.a.wait_reaches(B)

    def n_seen(self):
        """Frames that the machine's two interfaces have received."""
        return [int(n) for n in self.lab.guest_exec("dpi", "cat /sys/class/net/eth[01]/statistics/rx_packets")
                .stdout.split()]

    def drops(self, reason):
        return sum(row["packets"] for row in self.lab.show("drops") if row["reason"] == reason)


class Transfer:
    """A TCP connection from a to b; pieces of it in both directions, whole segments of TSO if they like."""

    def __init__(self, net):
        with net.b.socket() as listener:
            listener.bind((B, 0))
            listener.listen()
            self.ends = [net.a.socket()]
            self.ends[0].settimeout(20)
            self.ends[0].connect(listener.getsockname())
            server, self.peer = listener.accept()
        server.settimeout(20)
        self.ends.append(server)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for end in self.ends:
            end.close()

    def carry(self, size=1 << 20):
        data = bytes(range(251)) * (size // 251)
        for sender, receiver in (self.ends, self.ends[::-1]):
            thread = threading.Thread(target=sender.sendall, args=(data,))
            thread.start()
            got, n = hashlib.sha256(), 0
            while n < len(data):
                piece = receiver.recv(1 << 16)
                assert piece, "the connection ended"
                got.update(piece)
                n += len(piece)
            thread.join()
            assert got.digest() == hashlib.sha256(data).digest()


@pytest.fixture(scope="module", name="net")
def net_fixture():
    with Lab() as lab:
        yield Net(lab).start()


def test_a_machine_sees_what_goes_by(net):
    before = net.n_seen()
    with Transfer(net) as transfer:
        assert transfer.peer[0] == POOL
        transfer.carry()
        assert all(after > n for n, after in zip(before, net.n_seen()))
    assert net.a.checksum_errors() == net.b.checksum_errors() == 0


@pytest.mark.parametrize("failure", ["bypass", "block"])
def test_a_machine_that_dies(net, failure):
    """kill -9 of its QEMU; then another one takes its place. The connection goes on, at once or when it is back."""
    net.apply(failure)
    with Transfer(net) as transfer:
        transfer.carry()
        net.lab.guest_kill("dpi")
        wait_until(lambda: net.lab.port("left")["state"] != "up", 10, "the link is down")
        if failure == "bypass":
            transfer.carry()
            assert net.a.ping(B) == 0
        else:
            before = net.drops("CHAIN_GUEST_DOWN")
            assert not net.a.reaches(B) and not net.b.reaches(POOL)
            assert net.drops("CHAIN_GUEST_DOWN") > before
        net.boot()
        before = net.n_seen()
        transfer.carry()
        assert all(after > n for n, after in zip(before, net.n_seen()))


def test_a_machine_comes_and_goes(net):
    """By a commit, between functions that know the connection: it goes on, whoever speaks first."""
    net.apply("block", "fw, nat")
    with Transfer(net) as transfer:
        for functions in ("fw, dpi, nat", "fw, nat", "dpi, fw, nat", "fw, dpi, nat"):
            net.apply("block", functions)
            transfer.ends[1].sendall(b"outside speaks first")
            assert transfer.ends[0].recv(64) == b"outside speaks first"
            transfer.carry(1 << 18)
