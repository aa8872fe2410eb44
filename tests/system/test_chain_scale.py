# SPDX-License-Identifier: BSD-3-Clause
"""Chains under load: a hundred thousand sessions when the dataplane dies, a SYN flood, a NAT without ports,
tenants with the same addresses behind one switch, one rule of a hundred thousand edited under traffic.

    blue  a ┐                                   ┌ provider/net (shared) ┬ b  198.51.100.1, a kernel
          g ┴ lan ── gw ── edge: fw, nat ───────┤                       └ s  198.51.100.77, a wire
    red   a ┐                                   │
          g ┴ lan ── gw ── edge: fw, nat ───────┘
            10.0.0.0/16: a 10.0.0.11, a kernel; g stations 10.0.1.x on a wire, in both tenants
"""
import hashlib
import ipaddress
import random
import socket
import struct
import threading
import time

import pytest
from scapy.layers.l2 import ARP, Ether

from tests.lib.flood import Flood, syn_frame, udp_frame
from tests.lib.hosts import TAG, Host
from tests.lib.lab import Lab, ping_loss, wait_until
from tests.lib.nat_net import LAN, OUTSIDE, NatNet, packet, source_of

A, B, SINK = "10.0.0.11", "198.51.100.1", "198.51.100.77"
SINK_MAC = "02:00:00:00:00:77"
N_STATIONS, N_PORTS = 100, 1000
STATIONS = {f"10.0.1.{i + 1}": f"02:00:00:00:01:{i:02x}" for i in range(N_STATIONS)}
N_SESSIONS = N_STATIONS * N_PORTS
N_PART = 5000  # of them are opened at a time
HALF_OPEN_LIMIT = {"blue": 200000, "red": 10000}
N_RULES = 100000
FRESH_MS = 100  # younger sessions than that may be lost with the dataplane


class Tenant:
    """A network behind the shared switch; `number` tells its outside addresses and MACs."""

    def __init__(self, lab, name, number):
        self.lab, self.name, self.number = lab, name, number
        self.wan, self.pool = f"198.51.100.{2 + number}", f"198.51.100.{16 * (1 + number)}/30"
        self.gw_mac, self.wan_mac = f"02:00:00:01:00:0{number}", f"02:00:00:02:00:0{number}"
        self.a = Host(lab, f"{TAG}{name[0]}a", f"{A}/16", via=["10.0.0.1"])
        self.g = Host(lab, f"{TAG}{name[0]}g")
        self.wire = None

    def text(self, rules=""):
        return (f"- name: {self.name}\n  sessions: {{half-open-limit: {HALF_OPEN_LIMIT[self.name]}}}\n"
                f"  ports:\n{self.a.port('a')}{self.g.port('g')}"
                "  switches: [{name: lan, members: [a, g]}]\n  routers:\n  - name: gw\n    interfaces:\n"
                f'    - {{name: lan, mac-address: "{self.gw_mac}", addresses: [10.0.0.1/16]}}\n'
                f'    - {{name: wan, mac-address: "{self.wan_mac}", addresses: [{self.wan}/24],\n'
                f'       neighbors: [{{address: {SINK}, mac-address: "{SINK_MAC}"}}]}}\n'
                f"    routes: [{{prefix: 0.0.0.0/0, next-hop: {SINK}}}]\n"
                f"  firewalls:\n  - name: fw\n    rules:\n{rules}"
                "    - {seq: 2000000, direction: out, source-network: 10.0.0.0/16, action: allow}\n"
                f"  nats: [{{name: nat, source: [{{seq: 10, prefix: 10.0.0.0/16, pool: [{self.pool}]}}]}}]\n"
                "  chains:\n  - {name: inside, inside: lan, outside: gw.lan}\n"
                "  - {name: edge, inside: gw.wan, outside: provider/net, functions: [fw, nat]}\n")

    def up(self):
        self.a.up()
        self.g.ip("link", "set", "dev", self.g.name, "arp", "off")
        self.g.up()
        self.wire = self.g.wire()
        self.a.wait_reaches(B)

    def announce(self):
        """All stations ask for the router, which so knows them, as the switch does."""
        for address, mac in STATIONS.items():
            self.wire.send(Ether(src=mac, dst="ff:ff:ff:ff:ff:ff") /
                           ARP(op=1, hwsrc=mac, psrc=address, pdst="10.0.0.1"))

    def macs(self):
        return {row["mac-address"] for row in self.lab.show("macs", f"{self.name}/lan")}

    def neighbors(self):
        """{address: MAC} of those that it has learned."""
        return {row["address"]: row.get("mac-address")
                for row in self.lab.show("neighbors", f"{self.name}/gw")}

    def chain(self):
        return next(row for row in self.lab.show("chains")
                    if (row["tenant"], row["name"]) == (self.name, "edge"))

    def frame(self, n):
        """Datagram n: of a station and a port of its own."""
        address, mac = list(STATIONS.items())[n % N_STATIONS]
        return udp_frame((mac, self.gw_mac), (address, 10000 + n // N_STATIONS), (SINK, 9000),
                         struct.pack("!8sI6x", b"datagram", n))


class Net:
    def __init__(self, lab):
        self.lab = lab
        self.b, self.s = Host(lab, f"{TAG}b", f"{B}/24"), Host(lab, f"{TAG}s")
        self.blue, self.red = Tenant(lab, "blue", 0), Tenant(lab, "red", 1)
        self.tenants = self.blue, self.red

    def apply(self, blue_rules=""):
        self.lab.apply(f"tenants:\n- name: provider\n  ports:\n{self.b.port('b')}{self.s.port('s')}"
                       "  switches: [{name: net, members: [b, s], shared: true}]\n" +
                       self.blue.text(blue_rules) + self.red.text())

    def start(self):
        self.lab.start()
        self.apply()
        self.b.up()
        self.s.ip("link", "set", "dev", self.s.name, "arp", "off")
        self.s.up()
        for tenant in self.tenants:
            tenant.up()
        self.announce_sink()
        return self

    def announce_sink(self):
        with self.s.wire() as wire:
            wire.send(Ether(src=SINK_MAC, dst="ff:ff:ff:ff:ff:ff") /
                      ARP(op=1, hwsrc=SINK_MAC, psrc=SINK, pdst=SINK))

    def endpoints(self, tenant, numbers):
        """{number: (outside address, port)} of datagrams that are sent now."""
        found = {}
        with self.s.wire() as wire:
            for n in numbers:
                frame = tenant.frame(n)
                tenant.wire.send(frame)
                got = wire.wait_for(lambda f, tail=frame[42:]: f[42:60] == tail, 10, f"datagram {n}")
                found[n] = socket.inet_ntoa(got[26:30]), struct.unpack("!H", got[34:36])[0]
        return found

    def drops(self, reason):
        return sum(row["packets"] for row in self.lab.show("drops") if row["reason"] == reason)


@pytest.fixture(scope="module", name="net")
def net_fixture():
    with Lab() as lab:
        yield Net(lab).start()


class Transfer(threading.Thread):
    """A TCP connection from a host to b that carries bytes until stop(); then both ends' hashes are one."""

    def __init__(self, net, host):
        super().__init__(daemon=True)
        self.is_on, self.n_bytes, self.failure = True, 0, None
        self.sent, self.received = hashlib.sha256(), hashlib.sha256()
        with net.b.socket() as listener:
            listener.bind((B, 0))
            listener.listen()
            self.client = host.socket()
            self.client.settimeout(20)
            self.client.connect(listener.getsockname())
            self.server, self.peer = listener.accept()
        self.server.settimeout(20)
        self.receiver = threading.Thread(target=self.receive, daemon=True)
        for thread in (self, self.receiver):
            thread.start()

    def run(self):
        piece = random.randbytes(1 << 16)
        try:
            while self.is_on:
                self.client.sendall(piece)
                self.sent.update(piece)
                piece = piece[1:] + piece[:1]
                time.sleep(0.001)  # others need the CPU, too
            self.client.shutdown(socket.SHUT_WR)
        except OSError as e:
            self.failure = e

    def receive(self):
        try:
            while data := self.server.recv(1 << 18):
                self.received.update(data)
                self.n_bytes += len(data)
        except OSError as e:
            self.failure = e

    def wait_more(self, n_bytes=1 << 20):
        target = self.n_bytes + n_bytes
        wait_until(lambda: self.n_bytes >= target or self.failure, 20, "the transfer goes on")

    def stop(self):
        self.is_on = False
        for thread in (self, self.receiver):
            thread.join(30)
            assert not thread.is_alive()
        assert self.failure is None
        assert self.sent.digest() == self.received.digest()
        self.client.close()
        self.server.close()


class Echo(threading.Thread):
    """Numbered datagrams of one socket to b and back, two hundred a second. Kernels hold both ends, so a busy
    machine delays them and loses none."""

    def __init__(self, net, host, port=0):
        super().__init__(daemon=True)
        self.server, self.client = (h.socket(socket.AF_INET, socket.SOCK_DGRAM) for h in (net.b, host))
        self.server.bind((B, port))
        self.server.settimeout(0.2)
        self.client.bind((A, 5555))
        self.client.connect(self.server.getsockname())
        self.client.setblocking(False)
        self.is_on, self.is_answering, self.peers = True, True, set()
        self.sent, self.back = [], {}
        self.answerer = threading.Thread(target=self.answer, daemon=True)
        for thread in (self, self.answerer):
            thread.start()

    def answer(self):
        while self.is_answering:
            try:
                data, peer = self.server.recvfrom(64)
            except TimeoutError:
                continue
            self.peers.add(peer)
            self.server.sendto(data, peer)

    def take(self):
        try:
            while True:
                self.back.setdefault(struct.unpack("!I", self.client.recv(64))[0], time.monotonic())
        except BlockingIOError:
            pass

    def run(self):
        while self.is_on:
            try:
                self.client.send(struct.pack("!I", len(self.sent)))
            except OSError:
                pass  # no carrier while the dataplane is away: a number that does not come back
            self.sent.append(time.monotonic())
            time.sleep(0.005)
            self.take()

    def wait_more(self, n=20):
        target = len(self.back) + n
        wait_until(lambda: len(self.back) >= target, 20, f"{n} more datagrams come back")

    def first_after(self, moment):
        """When the first of those came back that were sent after a moment."""
        return wait_until(lambda: min((t for n, t in list(self.back.items()) if self.sent[n] > moment),
                                      default=None), 20, "an answer")

    def stop(self):
        self.lost(patience_sec=0)

    def lost(self, patience_sec=5):
        """Ends it, and waits for those that are late."""
        self.is_on = False
        self.join()
        end = time.monotonic() + patience_sec
        while len(self.back) < len(self.sent) and time.monotonic() < end:
            time.sleep(0.01)
            self.take()
        self.is_answering = False
        self.answerer.join()
        self.client.close()
        self.server.close()
        return len(self.sent) - len(self.back)


def open_sessions(net):
    """A hundred thousand of blue's stations; what a full queue dropped is sent again, part by part."""
    net.blue.announce()
    before, began = net.blue.chain()["sessions"], time.monotonic()
    for first in range(0, N_SESSIONS, N_PART):
        flood = Flood([net.blue.frame(n) for n in range(first, first + N_PART)])

        def are_open(flood=flood, wanted=before + first + N_PART):
            flood.send(net.blue.wire)
            return net.blue.chain()["sessions"] >= wanted

        wait_until(are_open, 30, f"sessions {first} to {first + N_PART}")
    print(f"{N_SESSIONS} sessions by packets within {time.monotonic() - began:.2f} s")


def kill_amid_openings(net):
    """kill -9 while red's sessions are being opened, and a restart at once. Says when."""
    flood = Flood([net.red.frame(n) for n in range(30000)])
    is_alive = threading.Event()
    is_alive.set()
    opener = threading.Thread(target=flood.send, args=(net.red.wire, is_alive.is_set))
    before = net.red.chain()["counters"]["opened"]
    opener.start()
    wait_until(lambda: net.red.chain()["counters"]["opened"] > before + 1000, 10, "red opens sessions", 0)
    killed = time.monotonic()
    net.lab.kill(net.lab.dataplane)
    net.lab.start_dataplane(wait=False)
    is_alive.clear()
    opener.join()
    return killed


def answer_from_outside(net, sample):
    """The first packets of sessions after the restart come from outside, and find their way in."""
    with net.s.wire() as outside, net.blue.g.wire() as inside:
        for n, (address, port) in sample.items():
            text = struct.pack("!8sI6x", b"answered", n)
            outside.send(udp_frame((SINK_MAC, net.blue.wan_mac), (SINK, 9000), (address, port), text))
            got = inside.wait_for(lambda f, text=text: f[42:60] == text, 10, f"answer {n}")
            asked = net.blue.frame(n)
            assert got[:6] == asked[6:12], "the station's MAC"
            assert (got[30:34], got[36:38]) == (asked[26:30], asked[34:36])


def test_a_hundred_thousand_sessions_survive_the_dataplane(net):
    open_sessions(net)
    stations = set(STATIONS.values())
    wait_until(lambda: stations <= net.blue.macs() and STATIONS.items() <= net.blue.neighbors().items(), 10,
               "stations are known")
    sample = net.endpoints(net.blue, range(0, N_SESSIONS, N_SESSIONS // 20 + 1))
    assert len(set(sample.values())) == len(sample)
    transfer, echo = Transfer(net, net.blue.a), Echo(net, net.blue.a)
    transfer.wait_more()
    echo.wait_more(200)  # and what was learned is written once a second
    time.sleep(1.5)
    n_before = net.blue.chain()["sessions"]
    assert n_before >= N_SESSIONS + 2
    time.sleep(FRESH_MS / 1000)
    killed = kill_amid_openings(net)
    print(f"first answer {echo.first_after(killed) - killed:.2f} s after the kill")
    net.lab.wait_connected()
    # Their stations have not said a word since.
    assert stations <= net.blue.macs()
    assert STATIONS.items() <= net.blue.neighbors().items()
    n_after = net.blue.chain()["sessions"]
    assert n_before * 0.9999 <= n_after <= n_before, f"{n_after} of {n_before}"
    answer_from_outside(net, sample)
    assert net.endpoints(net.blue, sample) == sample
    assert net.blue.chain()["sessions"] == n_after, "none was opened anew"
    transfer.wait_more()
    transfer.stop()
    echo.wait_more()
    assert echo.first_after(killed) - killed < 10
    echo.stop()
    assert "sessions of the last process go on" in net.lab.log("dataplane.log")


def syn_frames(tenant, n):
    """From anywhere inside to anywhere outside."""
    def endpoint(network):
        return str(ipaddress.ip_address(network + random.randrange(256, 65280))), random.randrange(1024, 65536)
    inside, outside = (int(ipaddress.ip_address(a)) for a in ("10.0.0.0", "203.0.0.0"))
    macs = STATIONS["10.0.1.1"], tenant.gw_mac
    return [syn_frame(macs, endpoint(inside), endpoint(outside), i) for i in range(n)]


def test_a_syn_flood_costs_only_itself(net):
    limit, n = HALF_OPEN_LIMIT["red"], 200000
    flood = Flood(syn_frames(net.red, n))
    net.lab.culvert("clear", "sessions", "--tenant", "red")
    transfer, echo, other = Transfer(net, net.red.a), Echo(net, net.red.a), Echo(net, net.blue.a)
    ping = net.blue.a.spawn("ping", "-n", "-i", "0.01", "-c", "300", "-W", "5", B)
    for one in (transfer, echo, other):
        one.wait_more()
    before, seen = net.red.chain()["counters"], []
    sender = threading.Thread(target=flood.send, args=(net.red.wire,))
    sender.start()
    while sender.is_alive():
        seen.append(net.red.chain()["half-open"])
    sender.join()
    after = net.red.chain()
    opened, closed, evicted = (after["counters"][key] - before[key] for key in ("opened", "closed", "evicted"))
    print(f"{opened} of {n} SYNs opened a session, {closed} ended, at most {max(seen)} half-open")
    assert opened > limit * 2
    assert max(seen) == limit and after["half-open"] == limit
    assert closed == evicted == opened - limit, "the oldest half-open one ends for each newcomer"
    transfer.wait_more()
    transfer.stop()
    assert (echo.lost(), other.lost()) == (0, 0)
    assert ping_loss(ping.communicate(timeout=60)[0]) == 0


def test_same_addresses_behind_one_switch(net):
    echoes = [Echo(net, tenant.a, 7000 + i) for i, tenant in enumerate(net.tenants)]
    for tenant, echo in zip(net.tenants, echoes):
        echo.wait_more()
        (peer, port), = echo.peers
        assert ipaddress.ip_address(peer) in ipaddress.ip_network(tenant.pool)
        rows = [row for row in net.lab.show("sessions", "--tenant", tenant.name, "--address", A)
                if row["original"]["destination-port"] == 7000 + tenant.number]
        assert [(row["original"]["source"], row["original"]["source-port"], row["reply"]["destination"],
                 row["reply"]["destination-port"]) for row in rows] == [(A, 5555, peer, port)]
    # The end of all of red's does nothing to blue's.
    blue = net.blue.chain()
    net.lab.culvert("clear", "sessions", "--tenant", "red")
    assert net.blue.chain()["counters"]["closed"] == blue["counters"]["closed"]
    for echo in echoes:
        echo.wait_more()
    assert echoes[0].lost() == 0 and len(echoes[0].peers) == 1
    echoes[1].stop()
    for tenant in net.tenants:
        assert tenant.a.ping(B) == 0


def numbered_rules():
    return "".join(f"    - {{seq: {10 * (i + 1)}, direction: out, protocol: udp, "
                   f"destination-network: 203.{i // 62500}.{i // 250 % 250}.{i % 250}/32, "
                   f"destination-port: {1 + i % 60000}, "
                   "action: deny}\n" for i in range(N_RULES))


def test_one_rule_of_a_hundred_thousand_is_edited_under_traffic(net):
    net.apply(numbered_rules())
    ping = net.blue.a.spawn("ping", "-n", "-i", "0.005", "-c", "800", "-W", "5", B)
    client, server = (h.socket(socket.AF_INET, socket.SOCK_DGRAM) for h in (net.blue.a, net.b))
    times = []

    def edit(action):
        began = time.monotonic()
        net.lab.culvert("set", "rule", "blue/fw", "50005", "direction=out", "protocol=udp",
                        f"destination-network={B}/32", "destination-port=7100", f"action={action}")
        times.append(time.monotonic() - began)

    with client, server:
        server.bind((B, 7100))
        server.settimeout(5)
        client.connect((B, 7100))
        for n in range(5):
            edit("deny")
            before = net.drops("FIREWALL_DENIED")
            for _ in range(10):
                client.send(b"denied %d" % n)
            wait_until(lambda b=before: net.drops("FIREWALL_DENIED") == b + 10, 5, "all ten are denied")
            edit("allow")
            client.send(b"allowed %d" % n)
            assert server.recv(64) == b"allowed %d" % n, "this and nothing before it"
    print("set rule:", " ".join(f"{t * 1000:.0f}" for t in times), "ms with the program's start")
    assert ping_loss(ping.communicate(timeout=60)[0]) == 0


def test_a_nat_without_ports():
    """host-limit keeps one host from all of them; the rest is first come, first served; they come back."""
    n_ports, limit, first = 64, 40, 2000
    nat = (f"parity: false, ports: {first}-{first + n_ports - 1}, host-limit: {limit}, "
           f"source: [{{seq: 10, prefix: {LAN}0/24, pool: [{OUTSIDE}20]}}]")
    with Lab(can_pass_time=True) as lab:
        space = Host(lab, f"{TAG}x")
        few = NatNet(1, "few", nat, "i1 i2 i3 o1")
        lab.start()
        lab.apply("tenants:\n" + few.text(space.name))
        few.open(lab, space.name)

        def ask(host, ports):
            got = few.carry(host, [packet("udp", (host.address, p), (few.o1.address, 80)) for p in ports], few.o1)
            return [source_of(p)[1] for p in got]

        def drops(reason):
            return sum(r["packets"] for r in lab.show("drops") if r["reason"] == reason)

        greedy, other = range(30000, 30060), range(31000, 31030)
        mine = ask(few.i1, greedy)
        assert (len(mine), drops("NAT_HOST_LIMIT")) == (limit, len(greedy) - limit)
        theirs = ask(few.i2, other)
        assert (len(theirs), drops("NAT_NO_FREE_PORT")) == (n_ports - limit, len(other) - n_ports + limit)
        assert set(mine) | set(theirs) == set(range(first, first + n_ports))
        # What the greedy one has asked for in vain changed nothing for the other; what is bound stays.
        assert ask(few.i1, greedy) == mine
        assert ask(few.i2, other[:n_ports - limit]) == theirs
        assert drops("NAT_HOST_LIMIT") == 2 * (len(greedy) - limit)
        before = drops("NAT_NO_FREE_PORT")
        assert ask(few.i3, [32000]) == [] and drops("NAT_NO_FREE_PORT") == before + 1
        wait_until(lambda: "nat few/nat: no outside port left for" in lab.log("dataplane.log"), 10, "a line in the log")
        lab.pass_time(301)  # silent for the 300 s of UDP: all of them are free again
        wait_until(lambda: len(ask(few.i3, range(33000, 33000 + limit))) == limit, 30, "they come back", every=1)
        few.close()
