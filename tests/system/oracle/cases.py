# SPDX-License-Identifier: BSD-3-Clause
"""Packets that two routers are shown: what is well formed, what is at the edge, and what is neither.
Each has a name, which waivers.yaml speaks of, and the side that it comes from."""
import struct

from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS,
                                ICMPv6ND_RA, ICMPv6ND_Redirect, ICMPv6ND_RS, ICMPv6NDOptDstLLAddr,
                                ICMPv6NDOptSrcLLAddr, ICMPv6PacketTooBig, ICMPv6TimeExceeded, ICMPv6Unknown,
                                IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                                IPv6ExtHdrRouting, PadN, Jumbo)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

HOST_MAC = {"left": "02:00:00:00:01:02", "right": "02:00:00:00:02:02"}
ROUTER_MAC = {"left": "02:00:00:00:01:01", "right": "02:00:00:00:02:01"}
L4, R4, L6, R6 = "10.1.0.2", "10.2.0.2", "fd01::2", "fd02::2"
GW4, GW6 = "10.1.0.1", "fd01::1"
GW_LINK_LOCAL = "fe80::ff:fe00:101"
HOST_LINK_LOCAL = "fe80::2"
BYTES = bytes(range(64))
REFUSED = ("192.0.2.1", "10.67.0.1", "0.1.2.3", "240.0.0.1", "169.254.1.1", "0.0.0.0")
FIRST_SPARE, N_SPARE = 100, 60  # hosts of the left side for them


def patched(packet, offset, value):
    """The bytes of a packet, some of them replaced."""
    raw = bytearray(bytes(packet))
    raw[offset:offset + len(value)] = value
    return bytes(raw)


def checksummed4(raw):
    """IPv4 bytes with a header checksum that fits, whatever the header says its length is."""
    raw = bytearray(raw)
    size = min((raw[0] & 15) * 4, len(raw)) // 2 * 2
    raw[10:12] = b"\0\0"
    total = sum(struct.unpack(f"!{size // 2}H", raw[:size]))
    total = (total & 0xffff) + (total >> 16)
    total = (total & 0xffff) + (total >> 16)
    raw[10:12] = struct.pack("!H", ~total & 0xffff)
    return bytes(raw)


class Cases:
    def __init__(self):
        self.list = []  # (name, side, frame)
        self.n_refused = 0

    def frame(self, name, frame, side="left"):
        assert name not in [n for n, _, _ in self.list], name
        self.list.append((name, side, bytes(frame)))

    def ip4(self, name, payload=None, side="left", mac=None, **fields):
        if fields.get("dst") in REFUSED:  # the kernel counts these errors by source, whatever its sysctls
            fields = {"src": f"10.1.0.{FIRST_SPARE + self.n_refused}", **fields}
            self.n_refused += 1
        fields = {"src": L4, "dst": R4, "id": 0x1234, **fields}
        self.raw4(name, IP(**fields) / (payload if payload is not None else udp()), side, mac)

    def raw4(self, name, packet, side="left", mac=None):
        self.frame(name, Ether(src=HOST_MAC[side], dst=mac or ROUTER_MAC[side], type=0x800) / Raw(bytes(packet)),
                   side)

    def ip6(self, name, payload=None, side="left", mac=None, **fields):
        fields = {"src": L6, "dst": R6, "fl": 0x12345, **fields}
        self.raw6(name, IPv6(**fields) / (payload if payload is not None else udp()), side, mac)

    def raw6(self, name, packet, side="left", mac=None):
        self.frame(name, Ether(src=HOST_MAC[side], dst=mac or ROUTER_MAC[side], type=0x86dd) /
                   Raw(bytes(packet)), side)


def udp(size=32, **fields):
    return UDP(**{"sport": 4000, "dport": 4001, **fields}) / Raw((BYTES * 160)[:size])


def echo(size=32):
    return ICMP(id=7, seq=9) / Raw((BYTES * 160)[:size])


def echo6(size=32):
    return ICMPv6EchoRequest(id=7, seq=9, data=(BYTES * 160)[:size])


def ip4_header(c):
    for name, l4 in (("udp", udp()), ("tcp", TCP(dport=80, flags="S")), ("icmp", echo()),
                     ("empty", b""), ("one-byte", b"x")):
        c.ip4(f"ip4-{name}", l4 if not isinstance(l4, bytes) else Raw(l4))
        c.ip4(f"ip4-{name}-from-right", l4 if not isinstance(l4, bytes) else Raw(l4), "right", src=R4, dst=L4)
    for ttl in (0, 1, 2, 255):
        c.ip4(f"ip4-ttl-{ttl}", ttl=ttl)
        c.ip4(f"ip4-ttl-{ttl}-to-router", echo(), dst=GW4, ttl=ttl)
        c.ip4(f"ip4-ttl-{ttl}-no-route", ttl=ttl, dst="192.0.2.1")
    for tos in (0x01, 0x03, 0x28, 0xb8, 0xff):
        c.ip4(f"ip4-tos-{tos:02x}", tos=tos)
        c.ip4(f"ip4-tos-{tos:02x}-ttl-1", tos=tos, ttl=1)
        c.ip4(f"ip4-tos-{tos:02x}-echo-to-router", echo(), dst=GW4, tos=tos)
    for proto in (0, 2, 41, 47, 50, 51, 89, 132, 253, 255):
        c.ip4(f"ip4-proto-{proto}", Raw(BYTES), proto=proto)
        c.ip4(f"ip4-proto-{proto}-to-router", Raw(BYTES), dst=GW4, proto=proto)
    base = IP(src=L4, dst=R4, id=5) / udp()
    for name, value in (("zero", b"\0\0"), ("wrong", b"\x12\x34"), ("ffff", b"\xff\xff")):
        c.raw4(f"ip4-checksum-{name}", patched(base, 10, value))
    for version in (0, 5, 6, 15):
        c.raw4(f"ip4-version-{version}", checksummed4(patched(base, 0, bytes([version << 4 | 5]))))
    for ihl in (0, 4, 6, 15):
        c.raw4(f"ip4-ihl-{ihl}", checksummed4(patched(base, 0, bytes([0x40 | ihl]))))
    for length in (0, 19, 20, 27, 28, 59, 61, 1000, 65535):
        c.raw4(f"ip4-length-{length}", checksummed4(patched(base, 2, struct.pack("!H", length))))
    c.raw4("ip4-padded", bytes(IP(src=L4, dst=R4) / UDP(dport=9)) + b"padding, not to be told on")
    for size in (1, 10, 19):
        c.raw4(f"ip4-cut-at-{size}", bytes(base)[:size])
    c.ip4("ip4-id-0-df", flags="DF", id=0)
    c.ip4("ip4-reserved-flag", flags="evil")


def ip4_options(c):
    options = {
        "nop": b"\x01\x01\x01\x00", "eol": b"\x00\x00\x00\x00", "eol-then-rubbish": b"\x00\x83\x03\x01",
        "rr": b"\x07\x07\x04\0\0\0\0\0", "rr-full": b"\x07\x07\x08\x0a\x09\x09\x09\0",
        "ts": b"\x44\x08\x05\x00\0\0\0\0", "ts-full": b"\x44\x08\x09\x00\1\1\1\1",
        "lsrr": b"\x83\x07\x04\x0a\x02\x00\x09\0", "ssrr": b"\x89\x07\x04\x0a\x02\x00\x09\0",
        "lsrr-done": b"\x83\x07\x08\x0a\x02\x00\x09\0",
        "ra": b"\x94\x04\0\0", "security": b"\x82\x0b" + bytes(9) + b"\0", "unknown": b"\x1e\x04\1\2",
        "unknown-copied": b"\x9e\x04\1\2", "len-0": b"\x07\x00\x01\x01", "len-1": b"\x07\x01\x01\x01",
        "overrun": b"\x07\x27\x04\0", "last-byte": b"\x01\x01\x01\x07", "forty": b"\x01" * 40,
        "rr-pointer-3": b"\x07\x07\x03\0\0\0\0\0", "cipso-short": b"\x86\x03\x00\x00",
    }
    for name, raw in options.items():
        header = IP(src=L4, dst=R4, id=6, ihl=5 + len(raw) // 4)
        for where, fields in (("", {}), ("-to-router", {"dst": GW4}), ("-ttl-1", {"ttl": 1})):
            packet = header.copy()
            for key, value in fields.items():
                setattr(packet, key, value)
            l4 = bytes(echo() if where == "-to-router" else udp())
            packet.proto = 1 if where == "-to-router" else 17
            packet.len = 20 + len(raw) + len(l4)
            c.raw4(f"ip4-option-{name}{where}", checksummed4(bytes(packet)[:20] + raw + l4))
    raw = b"\x94\x04\0\0" + b"\x07\x07\x04\0\0\0\0\0"
    l4 = bytes(udp(1420))
    packet = IP(src=L4, dst=R4, id=7, ihl=8, proto=17, len=32 + len(l4))
    c.raw4("ip4-option-copied-and-not-cut", checksummed4(bytes(packet)[:20] + raw + l4))
    assert IPOption  # named so that scapy registers its options


def ip4_sizes(c):
    """The right side has an MTU of 1400."""
    for size in (1372, 1373, 1472):
        for flags in ("", "DF"):
            c.ip4(f"ip4-size-{size + 28}-{flags or 'may-cut'}", udp(size), flags=flags)
    c.ip4("ip4-size-1500-tcp-df", TCP(dport=80, flags="A") / Raw(bytes(1460)), flags="DF")
    c.ip4("ip4-size-1500-ttl-1", udp(1472), ttl=1)
    c.ip4("ip4-fragment-first-cut-again", udp(1472), flags="MF")
    c.ip4("ip4-fragment-later-cut-again", Raw(bytes(1480)), frag=185, proto=17)
    c.ip4("ip4-fragment-middle-cut-again", Raw(bytes(1480)), flags="MF", frag=185, proto=17)
    c.ip4("ip4-fragment-later-df-oversize", Raw(bytes(1480)), flags="DF", frag=185, proto=17)
    c.ip4("ip4-fragment-first-df-oversize", udp(1472), flags="DF+MF")
    c.ip4("ip4-oversize-mcast", udp(1472), dst="224.1.1.1")


def ip4_fragments(c):
    c.ip4("ip4-fragment-first", udp(32), flags="MF")
    c.ip4("ip4-fragment-tiny", Raw(b"8 bytes!"), flags="MF", proto=6)
    c.ip4("ip4-fragment-later", Raw(BYTES), frag=10, proto=17)
    c.ip4("ip4-fragment-later-ttl-1", Raw(BYTES), frag=10, proto=17, ttl=1)
    c.ip4("ip4-fragment-first-ttl-1", udp(32), flags="MF", ttl=1)
    c.ip4("ip4-fragment-odd-length", Raw(b"x" * 13), flags="MF", proto=17)
    c.ip4("ip4-fragment-empty", Raw(b""), flags="MF", frag=3, proto=17)
    c.ip4("ip4-fragment-beyond-64k", Raw(BYTES), frag=8190, proto=17)
    c.ip4("ip4-fragment-offset-1", Raw(BYTES), frag=1, proto=6)
    c.ip4("ip4-fragment-to-router", Raw(bytes(echo())[:24]), flags="MF", dst=GW4, proto=1)
    c.ip4("ip4-fragment-to-router-rest", Raw(bytes(echo())[24:]), frag=3, dst=GW4, proto=1)


def ip4_addresses(c):
    sources = {"zero": "0.0.0.0", "zero-net": "0.1.2.3", "loopback": "127.0.0.1", "multicast": "224.0.0.5",
               "class-e": "240.0.0.1", "broadcast": "255.255.255.255", "link-local": "169.254.1.1",
               "router": GW4, "router-far-side": "10.2.0.1", "subnet-broadcast": "10.1.0.255",
               "far-broadcast": "10.2.0.255", "subnet-zero": "10.1.0.0", "elsewhere": "198.51.100.7",
               "itself": R4, "far-subnet": "10.2.0.77", "private": "192.168.3.4"}
    for name, src in sources.items():
        c.ip4(f"ip4-source-{name}", src=src)
        c.ip4(f"ip4-source-{name}-to-router", echo(), src=src, dst=GW4)
        c.ip4(f"ip4-source-{name}-ttl-1", src=src, ttl=1)
    targets = {"zero": "0.0.0.0", "zero-net": "0.1.2.3", "loopback": "127.0.0.1", "class-e": "240.0.0.1",
               "link-local": "169.254.1.1", "router-far-side": "10.2.0.1", "far-broadcast": "10.2.0.255",
               "far-zero": "10.2.0.0", "no-route": "192.0.2.1", "blackhole": "10.66.0.1",
               "unreachable": "10.67.0.1", "next-hop": "10.80.0.1", "private": "192.168.3.4"}
    for name, dst in targets.items():
        c.ip4(f"ip4-to-{name}", dst=dst)
        c.ip4(f"ip4-echo-to-{name}", echo(), dst=dst)
    for name, dst in {"own-broadcast": "10.1.0.255", "own-zero": "10.1.0.0", "limited": "255.255.255.255"}.items():
        for frame, mac in (("", None), ("-as-broadcast", "ff:ff:ff:ff:ff:ff")):
            c.ip4(f"ip4-to-{name}{frame}", echo(), dst=dst, mac=mac)
            c.ip4(f"ip4-udp-to-{name}{frame}", dst=dst, mac=mac)
    for name, dst, mac in (("all-hosts", "224.0.0.1", "01:00:5e:00:00:01"),
                           ("all-routers", "224.0.0.2", "01:00:5e:00:00:02"),
                           ("ospf", "224.0.0.5", "01:00:5e:00:00:05"), ("group", "239.1.2.3", "01:00:5e:01:02:03")):
        c.ip4(f"ip4-to-{name}", dst=dst, mac=mac)
        c.ip4(f"ip4-echo-to-{name}", echo(), dst=dst, mac=mac)
        c.ip4(f"ip4-to-{name}-as-unicast", dst=dst)
    c.ip4("ip4-unicast-in-broadcast-frame", mac="ff:ff:ff:ff:ff:ff")
    c.ip4("ip4-unicast-in-broadcast-frame-no-route", mac="ff:ff:ff:ff:ff:ff", dst="192.0.2.1")
    c.ip4("ip4-unicast-in-multicast-frame", mac="01:00:5e:00:00:01")
    c.ip4("ip4-other-mac", mac="02:00:00:00:09:09")
    c.ip4("ip4-far-side-mac", mac=ROUTER_MAC["right"])
    c.ip4("ip4-echo-in-broadcast-frame", echo(), dst=GW4, mac="ff:ff:ff:ff:ff:ff")
    c.ip4("ip4-back-out-the-same-side", dst="10.1.0.3")


def icmp4(c):
    quoted = IP(src=R4, dst=L4) / udp()
    for name, message in {
            "unreachable": ICMP(type=3, code=3) / quoted, "redirect": ICMP(type=5, code=1, gw=R4) / quoted,
            "time-exceeded": ICMP(type=11) / quoted, "parameter": ICMP(type=12, ptr=20) / quoted,
            "quench": ICMP(type=4) / quoted, "reply": ICMP(type=0) / Raw(BYTES), "request": echo(),
            "timestamp": ICMP(type=13), "mask": ICMP(type=17) / Raw(bytes(4)), "info": ICMP(type=15),
            "solicitation": ICMP(type=10) / Raw(bytes(4)), "unknown": ICMP(type=99) / Raw(BYTES),
            "cut": Raw(b"\x08\x00\x12"), "empty": Raw(b"")}.items():
        fields = {"proto": 1} if isinstance(message, Raw) else {}
        for where, more in (("", {}), ("-ttl-1", {"ttl": 1}), ("-no-route", {"dst": "192.0.2.1"}),
                            ("-unreachable", {"dst": "10.67.0.1"}), ("-to-router", {"dst": GW4})):
            c.ip4(f"icmp4-{name}{where}", message, **{**fields, **more})
    c.ip4("icmp4-echo-bad-checksum-to-router", ICMP(chksum=1) / Raw(BYTES), dst=GW4)
    c.ip4("icmp4-echo-df-to-router", echo(), dst=GW4, flags="DF")
    c.ip4("icmp4-echo-large-to-router", echo(1400), dst=GW4)
    c.ip4("icmp4-echo-code-1-to-router", ICMP(code=1, id=7) / Raw(BYTES), dst=GW4)
    c.ip4("icmp4-long-quote", udp(1400), ttl=1)
    for size in (0, 1, 8, 540, 548, 549):
        c.ip4(f"icmp4-quote-of-{size}", udp(size), ttl=1)


def l4(c):
    for name, raw in {"udp-short": bytes(udp())[:7], "udp-length-7": patched(udp(), 4, b"\0\7"),
                      "udp-length-long": patched(udp(), 4, b"\1\0"), "udp-checksum-0": patched(udp(), 6, b"\0\0"),
                      "udp-checksum-bad": patched(udp(), 6, b"\1\1")}.items():
        for to, dst, dst6 in (("", R4, R6), ("-to-router", GW4, GW6)):
            c.ip4(f"{name}{to}", Raw(raw), proto=17, dst=dst)
            c.ip6(f"{name}-6{to}", Raw(raw), nh=17, dst=dst6)
    for name, raw in {"tcp-short": bytes(TCP())[:19], "tcp-doff-4": patched(TCP(), 12, b"\x40"),
                      "tcp-doff-15": patched(TCP(), 12, b"\xf0"), "tcp-no-flags": bytes(TCP(flags=0)),
                      "tcp-all-flags": bytes(TCP(flags=0x1ff)), "tcp-syn-fin": bytes(TCP(flags="SF")),
                      "tcp-option-len-0": bytes(TCP(dataofs=6, flags="S")) + b"\x02\x00\x05\xb4"}.items():
        c.ip4(name, Raw(raw), proto=6)
        c.ip6(f"{name}-6", Raw(raw), nh=6)
    for name, raw in {"sctp": bytes(12), "sctp-short": bytes(11)}.items():
        c.ip4(name, Raw(raw), proto=132)
    c.ip4("tcp-to-router", TCP(dport=81, flags="S"), dst=GW4)
    c.ip6("tcp-to-router-6", TCP(dport=81, flags="S"), dst=GW6)
    c.ip4("udp-to-router", dst=GW4)
    c.ip6("udp-to-router-6", dst=GW6)
    c.ip4("udp-to-router-large", udp(1400), dst=GW4)
    c.ip6("udp-to-router-large-6", udp(1400), dst=GW6)


def ip6_header(c):
    for name, l4_ in (("udp", udp()), ("tcp", TCP(dport=80, flags="S")), ("echo", echo6())):
        c.ip6(f"ip6-{name}", l4_)
        c.ip6(f"ip6-{name}-from-right", l4_, "right", src=R6, dst=L6)
    for hlim in (0, 1, 2, 255):
        c.ip6(f"ip6-hop-limit-{hlim}", hlim=hlim)
        c.ip6(f"ip6-hop-limit-{hlim}-to-router", echo6(), dst=GW6, hlim=hlim)
        c.ip6(f"ip6-hop-limit-{hlim}-no-route", dst="2001:db8::1", hlim=hlim)
    for tc in (0x01, 0x03, 0xb8):
        c.ip6(f"ip6-class-{tc:02x}", tc=tc)
        c.ip6(f"ip6-class-{tc:02x}-echo-to-router", echo6(), dst=GW6, tc=tc)
        c.ip6(f"ip6-class-{tc:02x}-hop-limit-1", tc=tc, hlim=1)
    for nh in (59, 61, 132, 253, 255):
        c.ip6(f"ip6-next-header-{nh}", Raw(BYTES), nh=nh)
        c.ip6(f"ip6-next-header-{nh}-to-router", Raw(BYTES), nh=nh, dst=GW6)
    base = IPv6(src=L6, dst=R6) / udp()
    for version in (0, 4, 15):
        c.raw6(f"ip6-version-{version}", patched(base, 0, bytes([version << 4])))
    for length in (0, 1, 39, 41, 1000, 65535):
        c.raw6(f"ip6-length-{length}", patched(base, 4, struct.pack("!H", length)))
    c.raw6("ip6-padded", bytes(IPv6(src=L6, dst=R6) / UDP(dport=9)) + b"padding")
    for size in (1, 39):
        c.raw6(f"ip6-cut-at-{size}", bytes(base)[:size])
    for size in (1352, 1353, 1452):
        c.ip6(f"ip6-size-{size + 48}", udp(size))
    c.ip6("ip6-size-1500-tcp", TCP(dport=80, flags="A") / Raw(bytes(1440)))
    c.ip6("ip6-size-1500-hop-limit-1", udp(1452), hlim=1)
    c.ip6("ip6-quote-of-1500", udp(1452), dst="2001:db8::1")
    for size in (1184, 1185, 1300):
        c.ip6(f"ip6-quote-of-{size + 48}", udp(size), hlim=1)


def ip6_extensions(c):
    pad = PadN(optdata=bytes(4))
    chains = {
        "hbh": IPv6ExtHdrHopByHop(options=[pad]), "dst": IPv6ExtHdrDestOpt(options=[pad]),
        "hbh-dst": IPv6ExtHdrHopByHop(options=[pad]) / IPv6ExtHdrDestOpt(options=[pad]),
        "dst-hbh": IPv6ExtHdrDestOpt(options=[pad]) / IPv6ExtHdrHopByHop(options=[pad]),
        "hbh-hbh": IPv6ExtHdrHopByHop(options=[pad]) / IPv6ExtHdrHopByHop(options=[pad]),
        "atomic-fragment": IPv6ExtHdrFragment(id=5), "fragment-first": IPv6ExtHdrFragment(id=5, m=1),
        "rh0": IPv6ExtHdrRouting(type=0, addresses=["fd02::9"], segleft=1),
        "rh0-done": IPv6ExtHdrRouting(type=0, addresses=["fd02::9"], segleft=0),
        "rh4": IPv6ExtHdrRouting(type=4, addresses=["fd02::9"], segleft=0),
        "rh-unknown": IPv6ExtHdrRouting(type=77, addresses=["fd02::9"], segleft=1),
    }
    for n in (2, 7, 8, 9, 20):
        chain = IPv6ExtHdrDestOpt(options=[pad])
        for _ in range(n - 1):
            chain = chain / IPv6ExtHdrDestOpt(options=[pad])
        chains[f"dst-x{n}"] = chain
    for name, chain in chains.items():
        c.ip6(f"ip6-{name}", chain / udp())
        c.ip6(f"ip6-{name}-hop-limit-1", chain / udp(), hlim=1)
        c.ip6(f"ip6-{name}-echo-to-router", chain / echo6(), dst=GW6)
    # An option that must be understood (RFC 8200, 4.2): skip, discard, say so, say so unless multicast.
    for kind in (0x1e, 0x5e, 0x9e, 0xde):
        option = bytes([17, 0, kind, 4, 1, 2, 3, 4])
        c.ip6(f"ip6-hbh-option-{kind:02x}", Raw(option + bytes(udp())), nh=0)
        c.ip6(f"ip6-hbh-option-{kind:02x}-to-router", Raw(option + bytes(udp())), nh=0, dst=GW6)
        c.ip6(f"ip6-dst-option-{kind:02x}", Raw(option + bytes(udp())), nh=60)
        c.ip6(f"ip6-dst-option-{kind:02x}-to-router", Raw(option + bytes(udp())), nh=60, dst=GW6)
    c.ip6("ip6-hbh-jumbo", IPv6ExtHdrHopByHop(options=[Jumbo(jumboplen=70000)]) / udp())
    c.ip6("ip6-hbh-router-alert", Raw(bytes([17, 0, 5, 2, 0, 0, 1, 0]) + bytes(udp())), nh=0)
    c.ip6("ip6-hbh-overrun", Raw(bytes([17, 40, 1, 4, 0, 0, 0, 0]) + bytes(udp())), nh=0)
    c.ip6("ip6-dst-overrun", Raw(bytes([17, 40, 1, 4, 0, 0, 0, 0]) + bytes(udp())), nh=60)
    c.ip6("ip6-hbh-option-overrun", Raw(bytes([17, 0, 1, 40, 0, 0, 0, 0]) + bytes(udp())), nh=0)
    c.ip6("ip6-ext-cut", Raw(b"\x11"), nh=60)
    c.ip6("ip6-fragment-later", IPv6ExtHdrFragment(id=5, offset=10, nh=17) / Raw(BYTES))
    c.ip6("ip6-fragment-later-hop-limit-1", IPv6ExtHdrFragment(id=5, offset=10, nh=17) / Raw(BYTES), hlim=1)
    c.ip6("ip6-fragment-odd", IPv6ExtHdrFragment(id=5, m=1, nh=17) / Raw(b"x" * 13))
    c.ip6("ip6-fragment-beyond-64k", IPv6ExtHdrFragment(id=5, offset=8190, nh=17) / Raw(BYTES))
    c.ip6("ip6-fragment-cut", IPv6ExtHdrFragment(id=6, m=1, nh=17) / Raw(b""))
    c.ip6("ip6-fragment-oversize", IPv6ExtHdrFragment(id=5, m=1) / udp(1440))


def ip6_addresses(c):
    sources = {"unspecified": "::", "loopback": "::1", "multicast": "ff02::1", "link-local": HOST_LINK_LOCAL,
               "v4-mapped": "::ffff:10.1.0.2", "router": GW6, "router-far-side": "fd02::1",
               "elsewhere": "2001:db8:7::7", "itself": R6, "site-local": "fec0::1"}
    for name, src in sources.items():
        c.ip6(f"ip6-source-{name}", src=src)
        c.ip6(f"ip6-source-{name}-to-router", echo6(), src=src, dst=GW6)
        c.ip6(f"ip6-source-{name}-hop-limit-1", src=src, hlim=1)
    targets = {"unspecified": "::", "loopback": "::1", "router-far-side": "fd02::1", "link-local": "fe80::99",
               "router-link-local": GW_LINK_LOCAL, "v4-mapped": "::ffff:10.2.0.2", "no-route": "2001:db8::1",
               "anycast": "fd01::", "blackhole": "fd66::1", "unreachable": "fd67::1", "next-hop": "fd80::1", "site-local": "fec0::1"}
    for name, dst in targets.items():
        c.ip6(f"ip6-to-{name}", dst=dst)
        c.ip6(f"ip6-echo-to-{name}", echo6(), dst=dst)
    c.ip6("ip6-link-local-to-router-link-local", echo6(), src=HOST_LINK_LOCAL, dst=GW_LINK_LOCAL)
    c.ip6("ip6-link-local-to-router", echo6(), src=HOST_LINK_LOCAL, dst=GW6)
    c.ip6("ip6-udp-link-local-to-router-link-local", src=HOST_LINK_LOCAL, dst=GW_LINK_LOCAL)
    for name, dst in (("all-nodes", "ff02::1"), ("all-routers", "ff02::2"), ("interface-local", "ff01::1"),
                      ("site-routers", "ff05::2"), ("group", "ff0e::99"), ("reserved-scope", "ff00::1"),
                      ("solicited", "ff02::1:ff00:1"), ("solicited-other", "ff02::1:ff00:77")):
        mac = "33:33:" + ":".join(f"{b:02x}" for b in bytes(IPv6(dst=dst))[36:40])
        c.ip6(f"ip6-to-{name}", dst=dst, mac=mac)
        c.ip6(f"ip6-echo-to-{name}", echo6(), dst=dst, mac=mac)
    c.ip6("ip6-unicast-in-broadcast-frame", mac="ff:ff:ff:ff:ff:ff")
    c.ip6("ip6-unicast-in-multicast-frame", mac="33:33:00:00:00:01")
    c.ip6("ip6-other-mac", mac="02:00:00:00:09:09")
    c.ip6("ip6-back-out-the-same-side", dst="fd01::3")


def icmp6(c):
    quoted = IPv6(src=R6, dst=L6) / udp()
    for name, message in {
            "unreachable": ICMPv6DestUnreach(code=4) / quoted, "too-big": ICMPv6PacketTooBig(mtu=1280) / quoted,
            "time-exceeded": ICMPv6TimeExceeded() / quoted, "reply": ICMPv6EchoReply(data=BYTES),
            "unknown-error": ICMPv6Unknown(type=100, msgbody=BYTES),
            "unknown-info": ICMPv6Unknown(type=200, msgbody=BYTES)}.items():
        for where, more in (("", {}), ("-hop-limit-1", {"hlim": 1}), ("-no-route", {"dst": "2001:db8::1"}),
                            ("-to-router", {"dst": GW6})):
            c.ip6(f"icmp6-{name}{where}", message, **more)
    c.ip6("icmp6-echo-bad-checksum-to-router", ICMPv6EchoRequest(cksum=1, data=BYTES), dst=GW6)
    c.ip6("icmp6-echo-large-to-router", echo6(1400), dst=GW6)
    c.ip6("icmp6-echo-cut-to-router", Raw(b"\x80\0\0"), nh=58, dst=GW6)


def neighbors(c):
    solicited = {"mac": "33:33:ff:00:00:01", "dst": "ff02::1:ff00:1", "hlim": 255}
    lladdr = ICMPv6NDOptSrcLLAddr(lladdr=HOST_MAC["left"])
    ask = ICMPv6ND_NS(tgt=GW6)
    c.ip6("nd-ns", ask / lladdr, **solicited)
    c.ip6("nd-ns-unicast", ask / lladdr, dst=GW6, hlim=255)
    c.ip6("nd-ns-no-option", ask, **solicited)
    c.ip6("nd-ns-hop-limit-254", ask / lladdr, **{**solicited, "hlim": 254})
    c.ip6("nd-ns-code-1", ICMPv6ND_NS(tgt=GW6, code=1) / lladdr, **solicited)
    c.ip6("nd-ns-multicast-target", ICMPv6ND_NS(tgt="ff02::1") / lladdr, **solicited)
    c.ip6("nd-ns-other-target", ICMPv6ND_NS(tgt="fd01::77") / lladdr, **solicited)
    c.ip6("nd-ns-far-side-target", ICMPv6ND_NS(tgt="fd02::1") / lladdr, **solicited)
    c.ip6("nd-ns-link-local-target", ICMPv6ND_NS(tgt=GW_LINK_LOCAL) / lladdr, src=HOST_LINK_LOCAL,
          dst="ff02::1:ff00:101", mac="33:33:ff:00:01:01", hlim=255)
    c.ip6("nd-ns-option-len-0", ask / Raw(b"\x01\x00" + bytes(6)), **solicited)
    c.ip6("nd-ns-option-overrun", ask / Raw(b"\x01\x02" + bytes(6)), **solicited)
    c.ip6("nd-ns-hundred-options", ask / lladdr / Raw((b"\xfd\x01" + bytes(6)) * 100), **solicited)
    c.ip6("nd-ns-bad-checksum", ICMPv6ND_NS(tgt=GW6, cksum=1) / lladdr, **solicited)
    c.ip6("nd-ns-cut", Raw(bytes(ask)[:20]), nh=58, **solicited)
    c.ip6("nd-dad", ask, src="::", **solicited)
    c.ip6("nd-dad-with-option", ask / lladdr, src="::", **solicited)
    c.ip6("nd-dad-unicast", ask, src="::", dst=GW6, hlim=255)
    c.ip6("nd-ns-fragmented", IPv6ExtHdrFragment(id=9) / ask / lladdr, **solicited)
    c.ip6("nd-ns-with-hbh", IPv6ExtHdrHopByHop(options=[PadN(optdata=bytes(4))]) / ask / lladdr, **solicited)
    c.ip6("nd-na", ICMPv6ND_NA(tgt="fd01::3", S=0, O=1) / ICMPv6NDOptDstLLAddr(lladdr=HOST_MAC["left"]),
          dst="ff02::1", mac="33:33:00:00:00:01", hlim=255)
    c.ip6("nd-ra", ICMPv6ND_RA(), src=HOST_LINK_LOCAL, dst="ff02::1", mac="33:33:00:00:00:01", hlim=255)
    c.ip6("nd-rs", ICMPv6ND_RS() / lladdr, src=HOST_LINK_LOCAL, dst="ff02::2", mac="33:33:00:00:00:02", hlim=255)
    c.ip6("nd-redirect", ICMPv6ND_Redirect(tgt="fe80::9", dst=R6), src=HOST_LINK_LOCAL, dst=GW6, hlim=255)
    c.ip6("nd-forwarded", ICMPv6ND_NS(tgt=R6) / lladdr, hlim=255)

    def arp(name, mac="ff:ff:ff:ff:ff:ff", outer=HOST_MAC["left"], **fields):
        packet = ARP(**{"op": 1, "hwsrc": HOST_MAC["left"], "psrc": L4, "pdst": GW4, **fields})
        c.frame(f"arp-{name}", Ether(src=outer, dst=mac) / packet)

    arp("request")
    arp("request-unicast", mac=ROUTER_MAC["left"])
    arp("request-other-target", pdst="10.1.0.77")
    arp("request-far-side", pdst="10.2.0.1")
    arp("request-far-host", pdst=R4)
    arp("probe", psrc="0.0.0.0")
    arp("gratuitous", psrc=L4, pdst=L4)
    arp("gratuitous-reply", op=2, psrc=L4, pdst=L4)
    arp("request-from-elsewhere", psrc="192.0.2.9")
    arp("request-from-broadcast", psrc="255.255.255.255")
    arp("request-from-multicast", psrc="224.0.0.1")
    arp("request-from-loopback", psrc="127.0.0.1")
    arp("multicast-sender-mac", hwsrc="01:00:5e:00:00:01")
    arp("other-sender-mac", hwsrc="02:00:00:00:07:07")
    arp("zero-sender-mac", hwsrc="00:00:00:00:00:00")
    arp("op-0", op=0)
    arp("op-3", op=3)
    arp("op-ffff", op=0xffff)
    arp("hwlen-5", hwlen=5)
    arp("plen-3", plen=3)
    arp("hwtype-2", hwtype=2)
    arp("ptype-ipv6", ptype=0x86dd)
    c.frame("arp-cut", bytes(Ether(src=HOST_MAC["left"], dst="ff:ff:ff:ff:ff:ff") /
                             ARP(psrc=L4, pdst=GW4))[:30])


def ethernet(c):
    """No VLAN is attached, no other protocol is spoken."""
    ether = Ether(src=HOST_MAC["left"], dst=ROUTER_MAC["left"])
    c.frame("ether-unknown-type", Ether(src=HOST_MAC["left"], dst=ROUTER_MAC["left"], type=0x1234) / Raw(BYTES))
    c.frame("ether-length", Ether(src=HOST_MAC["left"], dst=ROUTER_MAC["left"], type=40) / Raw(BYTES))
    c.frame("ether-vlan", ether / Dot1Q(vlan=7) / IP(src=L4, dst=R4) / udp())
    c.frame("ether-ip6-as-ip4", Ether(src=HOST_MAC["left"], dst=ROUTER_MAC["left"], type=0x800) /
            Raw(bytes(IPv6(src=L6, dst=R6) / udp())))
    c.frame("ether-ip4-as-ip6", Ether(src=HOST_MAC["left"], dst=ROUTER_MAC["left"], type=0x86dd) /
            Raw(bytes(IP(src=L4, dst=R4) / udp())))
    c.frame("ether-priority-tag", ether / Dot1Q(vlan=0, prio=5) / IP(src=L4, dst=R4) / udp())


def all_cases():
    c = Cases()
    for group in (ip4_header, ip4_options, ip4_sizes, ip4_fragments, ip4_addresses, icmp4, l4, ip6_header,
                  ip6_extensions, ip6_addresses, icmp6, neighbors, ethernet):
        group(c)
    assert c.n_refused <= N_SPARE
    return c.list
