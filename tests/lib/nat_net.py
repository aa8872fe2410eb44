# SPDX-License-Identifier: BSD-3-Clause
"""Networks behind a NAT whose hosts are written by a test: frames go out by wires, what comes in is read
there, each packet with its checksums proven. Whether something does not come is known by a marker that was
sent behind it, not by waiting.

    i1 i2 i3 ── lan ── gw.lan  gw  gw.wan ── [fw, nat] ── net ── o1 o2
         10.0.0.0/24  1300          1400                  198.51.100.0/24
"""
import logging
import time

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)

# pylint: disable=wrong-import-position
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, in4_chksum  # noqa: E402
from scapy.layers.l2 import ARP, Ether  # noqa: E402
from scapy.packet import Raw  # noqa: E402
from scapy.utils import checksum  # noqa: E402

from tests.lib.hosts import TAG, Wire  # noqa: E402
from tests.lib.lab import run, wait_until  # noqa: E402

LAN, OUTSIDE = "10.0.0.", "198.51.100."
LAN_MTU, WAN_MTU = 1300, 1400
MAC = {"lan": "02:00:00:01:00:01", "wan": "02:00:00:02:00:01"}
# Markers from inside and to there go by forwards of an address of their own: no pool is touched.
MARKER_ADDRESS, MARKER_FROM, MARKER_TO = OUTSIDE + "9", 7000, 7100
STATIC = OUTSIDE + "13"  # of i3, where the NAT has a static rule
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17}


def proven(frame):
    """The IP packet of a frame, its checksums checked."""
    raw = bytes(frame)[14:]
    raw = raw[:int.from_bytes(raw[2:4], "big")]
    packet = IP(raw)
    header_len = packet.ihl * 4
    assert checksum(raw[:header_len]) == 0, "checksum of an IP header"
    if packet.frag == 0 and not packet.flags.MF:
        prove_l4(packet, raw[header_len:])
    return packet


def prove_l4(packet, l4):
    if packet.proto == 1:
        assert checksum(l4) == 0, "checksum of ICMP"
    elif packet.proto == 6 or (packet.proto == 17 and l4[6:8] != b"\0\0"):
        assert in4_chksum(packet.proto, packet, l4) in (0, 0xffff), f"checksum of {packet.proto}"


def put_together(fragments):
    """The packet of which these are all fragments."""
    fragments = sorted(fragments, key=lambda f: f.frag)
    data, end = b"", 0
    for fragment in fragments:
        assert fragment.frag * 8 == end and fragment.id == fragments[0].id, "a hole or an overlap"
        data += bytes(fragment.payload)
        end = len(data)
    assert not fragments[-1].flags.MF
    first = fragments[0]
    whole = IP(src=first.src, dst=first.dst, proto=first.proto, id=first.id, ttl=first.ttl)
    prove_l4(whole, data)
    return IP(bytes(whole / data))


def packet(protocol, source, destination, data=b"", **fields):
    """source and destination are (address, port); of ICMP, (address, identifier) and (address, None)."""
    ip = IP(src=source[0], dst=destination[0], id=fields.pop("ip_id", 1))
    if protocol == "icmp":
        return ip / ICMP(type=fields.get("type", 8), id=source[1] or destination[1], seq=1) / Raw(data)
    layer = (TCP(flags=fields.get("flags", "S"), seq=fields.get("seq", 1000), ack=fields.get("ack", 0))
             if protocol == "tcp" else UDP())
    layer.sport, layer.dport = source[1], destination[1]
    return ip / layer / Raw(data)


def source_of(p):
    """(address, port or identifier) that a packet shows."""
    return p.src, p[ICMP].id if ICMP in p else p[TCP].sport if TCP in p else p[UDP].sport


def destination_of(p):
    return p.dst, p[ICMP].id if ICMP in p else p[TCP].dport if TCP in p else p[UDP].dport


def error(kind, code, source, quoted, quote_len=None, **fields):
    """An ICMP error by `source` about a packet as somebody has received it."""
    raw = bytes(quoted)
    return (IP(src=source, dst=quoted.src) /
            ICMP(type=kind, code=code, **fields) / Raw(raw if quote_len is None else raw[:quote_len]))


def quoted_in(p):
    """The packet that an error quotes; its header's checksum is proven."""
    raw = bytes(p[ICMP].payload)
    assert checksum(raw[:(raw[0] & 15) * 4]) == 0, "checksum of a quoted IP header"
    return IP(raw)


def is_late_answer(p):
    """That a SYN of six seconds ago is not wanted (RFC 5382, REQ-4): maybe of another test. A host's own errors
    have no precedence of internetwork control (RFC 1812, 4.3.2.5)."""
    return ICMP in p and (p[ICMP].type, p[ICMP].code, p.tos) == (3, 3, 0xc0) and quoted_in(p).proto == 6


class Station:
    """A host: an address, a wire, a gateway."""

    def __init__(self, tenant, name, n):
        self.name, self.is_inside = name, name[0] == "i"
        self.interface = f"{TAG}{tenant}{name}"
        number = int(name[1])
        self.address = f"{LAN}{10 + number}" if self.is_inside else f"{OUTSIDE}{200 + number}"
        self.mac = f"02:00:00:{n:02x}:{0 if self.is_inside else 1:02x}:{number:02x}"
        self.gateway_mac = MAC["lan" if self.is_inside else "wan"]
        self.wire = None

    def send(self, p):
        self.wire.send(Ether(src=self.mac, dst=self.gateway_mac) / p)

    def announce(self):
        """Its switch knows where it is from now on."""
        self.wire.send(Ether(src=self.mac, dst="ff:ff:ff:ff:ff:ff") /
                       ARP(op=1, hwsrc=self.mac, psrc=self.address, pdst=self.address))

    def is_mine(self, frame):
        return frame[:6] == bytes.fromhex(self.mac.replace(":", "")) and frame[12:14] == b"\x08\x00"


class NatNet:
    """A tenant with hosts on both sides of a NAT."""

    def __init__(self, number, name, nat, hosts="i1 i2 o1 o2", more=""):
        self.name, self.nat, self.more = name, nat, more
        self.stations = {h: Station(name, h, 0x10 + number) for h in hosts.split()}
        for host, station in self.stations.items():
            setattr(self, host, station)
        self.n_markers, self.next_port = 0, 20000
        self.lab = None

    def text(self, namespace):
        def neighbors(is_inside):
            return ", ".join(f'{{address: {s.address}, mac-address: "{s.mac}"}}'
                             for s in self.stations.values() if s.is_inside == is_inside)

        def members(is_inside):
            return ", ".join(h for h, s in self.stations.items() if s.is_inside == is_inside)
        ports = "".join(f"  - {{name: {h}, type: tap, interface: {s.interface}, network-namespace: {namespace}, "
                        "offloads: {checksum: false, tso: false}}\n" for h, s in self.stations.items())
        forwards = ", ".join(f"{{protocol: udp, address: {MARKER_ADDRESS}, port: {port + int(h[1])}, "
                             f"to: {s.address}, to-port: {port}}}"
                             for h, s in self.stations.items() if s.is_inside
                             for port in (MARKER_FROM, MARKER_TO))
        return (f"- name: {self.name}\n  ports:\n{ports}"
                f"  switches: [{{name: lan, members: [{members(True)}]}}, "
                f"{{name: net, members: [{members(False)}]}}]\n"
                f"  routers:\n  - name: gw\n    interfaces:\n"
                f'    - {{name: lan, mac-address: "{MAC["lan"]}", mtu: {LAN_MTU}, addresses: [{LAN}1/24], '
                f"neighbors: [{neighbors(True)}]}}\n"
                f'    - {{name: wan, mac-address: "{MAC["wan"]}", mtu: {WAN_MTU}, addresses: [{OUTSIDE}1/24], '
                f"neighbors: [{neighbors(False)}]}}\n"
                f"  firewalls: [{{name: fw, default: allow}}]\n"
                f"  nats: [{{name: nat, forward: [{forwards}], {self.nat}}}]\n{self.more}"
                "  chains:\n  - {name: inside, inside: lan, outside: gw.lan}\n"
                "  - {name: edge, inside: gw.wan, outside: net, functions: [fw, nat]}\n")

    def open(self, lab, namespace):
        self.lab = lab
        for s in self.stations.values():
            wait_until(lambda s=s: run("ip", "-n", namespace, "link", "set", s.interface, "arp", "off", "up",
                                       check=False).returncode == 0, 10, f"tap {s.interface}")
            s.wire = Wire(namespace, s.interface)
        for host in self.stations:
            lab.wait_port(host, tenant=self.name)
        for s in self.stations.values():
            s.announce()
        # All ways are there when each host on one side has heard each one of the other.
        for s in self.stations.values():
            for r in self.stations.values():
                if s.is_inside != r.is_inside:
                    wait_until(lambda s=s, r=r: self.carry(s, [], r, 0.5) is not None, 10, "the way")

    def close(self):
        for s in self.stations.values():
            if s.wire is not None:
                s.wire.socket.close()

    def port(self):
        """A port that no other test has."""
        self.next_port += 1
        return self.next_port

    def marker(self, sender, receiver):
        self.n_markers += 1
        text = f"marker {self.n_markers:8}".encode()
        if sender.is_inside and not receiver.is_inside:
            p = packet("udp", (sender.address, MARKER_FROM), (receiver.address, MARKER_FROM), text)
        elif receiver.is_inside:
            to = MARKER_ADDRESS, MARKER_TO + int(receiver.name[1])
            p = packet("udp", (sender.address, MARKER_FROM), to, text)
        else:
            assert sender is receiver
            p = packet("icmp", (sender.address, MARKER_FROM), (OUTSIDE + "1", None), text)
        # With options it goes hop by hop: by a flow it would overtake what it is behind.
        p[IP].options = [IPOption_NOP()] * 4
        sender.send(p)
        return text

    def carry(self, sender, packets, receiver, seconds=20):
        """What `receiver` gets of what `sender` sends: all IP packets until a marker comes through, but for late
        answers."""
        for s in self.stations.values():
            list(s.wire.pending())
        for p in packets if isinstance(packets, list) else [packets]:
            sender.send(p)
        text = self.marker(sender, receiver)
        got = []
        for frame in receiver.wire.frames(seconds):
            if text in frame and receiver.is_mine(frame):
                return got
            if receiver.is_mine(frame) and not is_late_answer(p := proven(frame)):
                got.append(p)
        if packets:
            raise AssertionError(f"{self.name}: no marker from {sender.name} to {receiver.name}; {got}")
        return None

    def one(self, sender, p, receiver):
        """The same where one packet must come."""
        got = self.carry(sender, p, receiver)
        assert len(got) == 1, got
        return got[0]

    def map(self, protocol, inside, port, outside, remote_port=80, data=b"out"):
        """What an endpoint inside is called outside, as this remote endpoint sees it."""
        sent = packet(protocol, (inside.address, port), (outside.address, remote_port), data)
        seen = self.one(inside, sent, outside)
        assert seen.dst == outside.address and seen.src != inside.address and bytes(seen).endswith(data)
        assert ICMP in seen or destination_of(seen)[1] == remote_port
        return source_of(seen)

    def enter(self, protocol, outside, remote_port, endpoint, inside, port):
        """Whether a packet from outside gets to the endpoint inside; nothing else may come."""
        source = outside.address, remote_port
        if protocol == "icmp":
            sent = packet(protocol, (outside.address, None), endpoint, b"in", type=0)
        else:
            sent = packet(protocol, source, endpoint, b"in")
        got = self.carry(outside, sent, inside)
        if not got:
            return False
        assert len(got) == 1 and got[0].src == outside.address and bytes(got[0]).endswith(b"in"), got
        assert destination_of(got[0]) == (inside.address, port)
        return True

    def sessions(self, protocol, port):
        """Rows of `show sessions` with this port or identifier inside."""
        rows = self.lab.show("sessions", "--tenant", self.name, "--protocol", protocol)
        return [r for r in rows if port in (r["original"]["source-port"], r["reply"]["source-port"],
                                            r["original"]["destination-port"])]

    def counters(self):
        return next(n for n in self.lab.show("nats") if n["tenant"] == self.name)["counters"]


class Conversation:
    """A TCP connection by hand, number by number. "i" speaks inside, "o" outside."""

    def __init__(self, net, inside, outside, remote_port=80, endpoint=None, port=None):
        self.net, self.hosts = net, {"i": inside, "o": outside}
        self.port, self.remote_port = port or net.port(), remote_port
        self.endpoint = endpoint  # outside; known from the first segment otherwise
        self.next = {"i": 1000, "o": 5000000}

    def segment(self, who, flags, data=b"", seq=None, ack=None, **fields):
        other = "o" if who == "i" else "i"
        seq = self.next[who] if seq is None else seq % 2**32
        ack = (self.next[other] if ack is None else ack % 2**32) if "A" in flags else 0
        inside, remote = (self.hosts["i"].address, self.port), (self.hosts["o"].address, self.remote_port)
        source, destination = (inside, remote) if who == "i" else (remote, self.endpoint)
        return (IP(src=source[0], dst=destination[0]) /
                TCP(sport=source[1], dport=destination[1], flags=flags, seq=seq, ack=ack,
                    window=fields.get("window", 65535), options=fields.get("options", [])) / Raw(data))

    def say(self, who, flags, data=b"", **fields):
        """Whether a segment gets through; it must be the same but for addresses and ports."""
        p = self.segment(who, flags, data, **fields)
        other = "o" if who == "i" else "i"
        got = self.net.carry(self.hosts[who], p, self.hosts[other])
        if not got:
            return False
        assert len(got) == 1, got
        seen = got[0][TCP]
        assert (seen.flags, seen.seq, seen.ack, bytes(seen.payload)) == (flags, p[TCP].seq, p[TCP].ack, data)
        if who == "i":
            assert self.endpoint in (None, source_of(got[0]))
            self.endpoint = source_of(got[0])
        else:
            assert destination_of(got[0]) == (self.hosts["i"].address, self.port)
        if "seq" not in fields and "R" not in flags:
            self.next[who] += len(data) + ("S" in flags) + ("F" in flags)
        return True

    def all(self, *segments):
        for who, flags, *data in segments:
            assert self.say(who, flags, *data), (who, flags)
        return self

    def established(self):
        return self.all(("i", "S"), ("o", "SA"), ("i", "A"), ("i", "PA", b"GET /"), ("o", "PA", b"200 OK"))

    def state(self):
        rows = self.net.sessions("tcp", self.port)
        return rows[0]["state"] if rows else None


class SessionTime:
    """How long ago was this, for sessions?"""

    def __init__(self, lab):
        self.lab, self.passed, self.began = lab, 0, time.monotonic()

    def now(self):
        return time.monotonic() - self.began + self.passed

    def at(self, seconds):
        """Let the rest of so many seconds pass."""
        rest = max(0, seconds - self.now())
        self.lab.pass_time(rest)
        self.passed += rest
