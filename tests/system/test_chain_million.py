# SPDX-License-Identifier: BSD-3-Clause
"""A million concurrent sessions through router, firewall and NAT: how many there are, what memory they
take, and that those that were opened first still carry packets, both ways.

    blue  g ── gw ── edge: fw, nat ── s
          a thousand stations 10.0.x.y on a wire          198.51.100.1 on a wire
"""
import os
import socket
import struct
import time

import pytest

from tests.lib.flood import GROUP, Flood, udp_frame
from tests.lib.hosts import TAG, Host, inside
from tests.lib.lab import Lab, wait_until

N_SESSIONS = 1 << 20
N_STATIONS = 1 << 10
AT_ONCE = 1 << 15  # whole groups of a flood
N_SAMPLES = 20
BYTES_EACH = 512  # everything included: records, indexes, bindings, what is kept ahead
N_FLOWS = 65536  # a cache with a bound of its own: what is sent again would fill it
SINK, SINK_MAC = "198.51.100.1", "02:00:00:00:00:77"
GW_MAC, WAN_MAC, STATION_MAC = "02:00:00:01:00:00", "02:00:00:02:00:00", "02:00:00:00:01:00"
PORT_OFF, DATA_OFF = 34, 42  # of a UDP frame


def station(n):
    return f"10.0.{1 + n // 250}.{1 + n % 250}"


def frame(n):
    """Datagram n: of a station and a port of its own."""
    return udp_frame((STATION_MAC, GW_MAC), (station(n % N_STATIONS), 1024 + n // N_STATIONS), (SINK, 9000),
                     struct.pack("!8sI6x", b"datagram", n))


class Pace:
    """Holds a flood back while too many frames are on their way: the queue of a tap has room for a thousand."""
    UNDER_WAY, PATIENCE_SEC = 512, 2

    def __init__(self, host):
        self.name, self.n_sent = host.name, 0
        with inside(host.name):
            self.file = open("/proc/thread-self/net/dev", encoding="ascii")  # pylint: disable=consider-using-with
        self.before = self.arrived()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def arrived(self):
        """Frames that the interface got from the dataplane."""
        self.file.seek(0)
        return next(int(line.split()[2]) for line in self.file if line.split()[0] == self.name + ":")

    def is_on(self):
        """For Flood.send, before each group."""
        end = time.monotonic() + self.PATIENCE_SEC
        while self.n_sent - (self.arrived() - self.before) > self.UNDER_WAY:
            if time.monotonic() > end:  # some are lost
                self.before = self.arrived() - self.n_sent
                break
            time.sleep(0.0005)
        self.n_sent += GROUP
        return True


class Net:
    def __init__(self, lab):
        self.lab, self.g, self.s = lab, Host(lab, f"{TAG}g"), Host(lab, f"{TAG}s")

    def text(self):
        neighbors = ", ".join(f'{{address: {station(n)}, mac-address: "{STATION_MAC}"}}'
                              for n in range(N_SAMPLES))
        return ("tenants:\n- name: blue\n  sessions:\n"
                f"    {{limit: {2 * N_SESSIONS}, half-open-limit: {2 * N_SESSIONS}}}\n"
                f"  ports:\n{self.g.port('g')}{self.s.port('s')}  routers:\n  - name: gw\n    interfaces:\n"
                f'    - {{name: lan, mac-address: "{GW_MAC}", addresses: [10.0.0.1/16], neighbors: [{neighbors}]}}\n'
                f'    - {{name: wan, mac-address: "{WAN_MAC}", addresses: [198.51.100.2/24],\n'
                f'       neighbors: [{{address: {SINK}, mac-address: "{SINK_MAC}"}}]}}\n'
                "  firewalls: [{name: fw, rules: [{seq: 10, direction: out, action: allow}]}]\n"
                "  nats: [{name: nat, source: [{seq: 10, prefix: 10.0.0.0/16, pool: [198.51.100.64/26]}]}]\n"
                "  chains:\n  - {name: inside, inside: g, outside: gw.lan}\n"
                "  - {name: edge, inside: gw.wan, outside: s, functions: [fw, nat]}\n")

    def start(self):
        self.lab.start()
        self.lab.apply(self.text())
        for host in (self.g, self.s):
            host.ip("link", "set", "dev", host.name, "arp", "off")
            host.up()
        wait_until(self.is_ready, 10, "the router's links are up")
        return self

    def is_ready(self):
        gw = self.lab.show("routers")[0]
        return gw["ipv4-routes"] == 2 and all(row["link"] == "up" for row in gw["interfaces"])

    def chain(self):
        return next(row for row in self.lab.show("chains") if row["name"] == "edge")

    def memory(self):
        """Bytes of the dataplane: its own, and the file that outlives it."""
        with open(f"/proc/{self.lab.dataplane.pid}/status", encoding="ascii") as f:
            own = next(int(line.split()[1]) for line in f if line.startswith("RssAnon:")) * 1024
        return own + os.stat(os.path.join(self.lab.run_dir, "kept")).st_blocks * 512

    def endpoints(self, numbers):
        """{number: (outside address, port)} of datagrams that are sent now."""
        found = {}
        with self.g.wire() as inside, self.s.wire() as outside:
            for n in numbers:
                sent = frame(n)
                inside.send(sent)
                got = outside.wait_for(lambda f, s=sent: f[DATA_OFF:60] == s[DATA_OFF:60], 10, f"datagram {n}")
                found[n] = socket.inet_ntoa(got[26:30]), struct.unpack_from("!H", got, PORT_OFF)[0]
        return found

    def answer(self, endpoints):
        """Packets from outside find their way in."""
        with self.g.wire() as inside, self.s.wire() as outside:
            for n, endpoint in endpoints.items():
                text = struct.pack("!8sI6x", b"answered", n)
                outside.send(udp_frame((SINK_MAC, WAN_MAC), (SINK, 9000), endpoint, text))
                got = inside.wait_for(lambda f, t=text: f[DATA_OFF:60] == t, 10, f"answer {n}")
                asked = frame(n)
                assert (got[30:34], got[36:38]) == (asked[26:30], asked[34:36])

    def open_all(self):
        """What a full queue dropped is sent again."""
        with self.g.wire() as wire, Pace(self.s) as pace:
            for first in range(0, N_SESSIONS, AT_ONCE):
                flood = Flood([frame(n) for n in range(first, first + AT_ONCE)])
                for _ in range(20):
                    flood.send(wire, pace.is_on)
                    if self.has(first + AT_ONCE):
                        break
                else:
                    raise AssertionError(f"{self.chain()}: not {first + AT_ONCE} sessions")

    def has(self, n):
        """Soon: what is on its way counts."""
        before = -1
        while (now := self.chain()["sessions"]) > before:
            if now == n:
                return True
            before = now
            time.sleep(0.01)
        return False


@pytest.fixture(scope="module", name="net")
def net_fixture():
    with Lab(dataplane_options=["--flows", str(N_FLOWS)]) as lab:
        yield Net(lab).start()


def test_a_million_sessions(net):
    before = net.memory()
    samples = net.endpoints(range(N_SAMPLES))
    assert len(set(samples.values())) == N_SAMPLES
    began = time.monotonic()
    net.open_all()
    chain = net.chain()
    each = (net.memory() - before) / N_SESSIONS
    print(f"{chain['sessions']} sessions within {time.monotonic() - began:.1f} s, {each:.0f} bytes each")
    assert chain["sessions"] == N_SESSIONS
    assert each <= BYTES_EACH
    # Those that were opened first, and some of all ages.
    more = range(N_SAMPLES, N_SESSIONS, N_SESSIONS // 10)
    assert net.endpoints(samples) == samples
    assert len(set(net.endpoints(more).values()) | set(samples.values())) == len(more) + N_SAMPLES
    net.answer(samples)
    assert net.chain()["counters"]["opened"] == N_SESSIONS, "none was opened anew"
    assert net.chain()["sessions"] == N_SESSIONS
    assert net.chain()["counters"]["evicted"] == 0
