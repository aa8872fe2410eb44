# SPDX-License-Identifier: BSD-3-Clause
"""Connections that say random things in an order that may be: what both firewalls are shown."""
import logging

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)

# pylint: disable=wrong-import-position
from scapy.layers.inet import ICMP, IP, TCP, UDP  # noqa: E402
from scapy.packet import Raw  # noqa: E402

SIDES = ("in", "out")
HOSTS = {"in": ("10.1.0.2", "10.1.0.130"), "out": ("10.2.0.2", "10.2.0.130")}
ROUTERS = {"in": "10.1.0.130", "out": "10.2.0.130"}
PORTS = (22, 53, 80, 443, 8080, 9999)
ERRORS = ((3, 1), (3, 3), (3, 4), (11, 0), (12, 0))
# What may be said: by whom (0 began), flags. A walk through these, mostly forward.
TCP_SCRIPT = ((0, "S"), (1, "SA"), (0, "A"), (0, "PA"), (1, "PA"), (0, "A"), (1, "A"), (0, "FA"), (1, "FA"),
              (0, "A"))
STRAYS = ((0, "S"), (1, "S"), (1, "SA"), (0, "A"), (1, "A"), (0, "R"), (1, "R"), (0, "RA"), (1, "RA"), (0, "FA"),
          (0, "SF"), (0, "SR"), (0, ""), (0, "FPU"))


def describe(p):
    """A packet in a word or two."""
    if TCP in p and p.proto == 6:
        return f"tcp {p[TCP].flags or 'none'}"
    if p.proto == 17:
        return "udp"
    return f"icmp {p[ICMP].type}/{p[ICMP].code}"


class Connection:
    def __init__(self, rng, number):
        self.rng, self.number = rng, number
        self.protocol = rng.choice(("tcp", "tcp", "udp", "icmp"))
        first = rng.choice(SIDES)
        self.sides = first, SIDES[first == "in"]
        self.hosts = [rng.choice(HOSTS[side]) for side in self.sides]
        # No two have the same ports, so that nothing is left of one before.
        self.port, self.remote_port = 1024 + number * 37 % 64000, rng.choice(PORTS)
        self.kind = rng.choice((8, 8, 13))
        self.next, self.step = [1000, 500000], 0
        self.last = None

    def next_packet(self):
        """(name, side it comes from, packet)"""
        if self.last is not None and self.rng.random() < 0.15:
            return self.error()
        make = {"tcp": self.tcp, "udp": self.udp, "icmp": self.echo}[self.protocol]
        who, packet = make()
        self.last = who, packet
        return f"{self.protocol}", self.sides[who], packet

    def ip(self, who):
        return IP(src=self.hosts[who], dst=self.hosts[1 - who])

    def udp(self):
        who = int(self.step > 0 and self.rng.random() < 0.5)
        self.step += 1
        ports = (self.port, self.remote_port)[::1 if who == 0 else -1]
        return who, self.ip(who) / UDP(sport=ports[0], dport=ports[1]) / Raw(b"data")

    def echo(self):
        who = int(self.rng.random() < 0.4)
        self.step += 1
        kind = {8: 0, 13: 14}[self.kind] if who else self.kind
        return who, self.ip(who) / ICMP(type=kind, id=self.port, seq=self.step) / Raw(bytes(12))

    def tcp(self):
        is_stray = self.step == len(TCP_SCRIPT) or self.rng.random() < 0.15
        if not is_stray:
            who, flags = TCP_SCRIPT[self.step]
            self.step += 1
        else:
            who, flags = self.rng.choice(STRAYS)
        data = b"data" if "P" in flags and "U" not in flags else b""
        ports = (self.port, self.remote_port)[::1 if who == 0 else -1]
        tcp = TCP(sport=ports[0], dport=ports[1], flags=flags, seq=self.next[who], window=8192,
                  ack=self.next[1 - who] if "A" in flags else 0)
        if not is_stray:
            self.next[who] += len(data) + ("S" in flags) + ("F" in flags)
        return who, self.ip(who) / tcp / Raw(data)

    def error(self):
        """About the last packet, by its destination or a router there."""
        who, packet = self.last
        kind, code = self.rng.choice(ERRORS)
        side = self.sides[1 - who]
        source = self.rng.choice((packet.dst, ROUTERS[side]))
        quoted = bytes(packet)[:self.rng.choice((28, 1500))]
        return "error", side, IP(src=source, dst=packet.src) / ICMP(type=kind, code=code) / Raw(quoted)
