# SPDX-License-Identifier: BSD-3-Clause
"""What a router made of a packet: the frames that left it, without what two routers may choose
differently, and a line for people and for waivers.yaml."""
import struct

from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import ARP, Ether

from tests.system.oracle.cases import ROUTER_MAC, checksummed4

ICMP6_MLD = (130, 131, 132, 143)
ICMP6_SOLICITATION, ICMP6_ADVERTISEMENT = 135, 136
ICMP_ERRORS = (3, 11, 12)
ICMP6_OWN = (1, 2, 3, 4, ICMP6_SOLICITATION, ICMP6_ADVERTISEMENT)
OWN_ADDRESSES = ("10.1.0.1", "10.2.0.1")


def is_chatter(raw):
    """What routers say unasked: MLD reports, announcements of their own addresses."""
    ether_type = raw[12:14]
    if ether_type == b"\x08\x06":
        arp = Ether(raw)[ARP]
        return arp.op == 1 and arp.psrc == arp.pdst
    if ether_type != b"\x86\xdd":
        return False
    next_header, at = raw[20], 54
    if next_header == 0:  # MLD goes with a router alert
        next_header, at = raw[54], 54 + 8 * (raw[55] + 1)
    if next_header != 58 or len(raw) <= at + 4:
        return False
    unsolicited = raw[at] == ICMP6_ADVERTISEMENT and not raw[at + 4] & 0x40 and raw[38:54] == bytes.fromhex(
        "ff02" + "00" * 13 + "01")
    return raw[at] in ICMP6_MLD or (raw[at] in (133, 134)) or unsolicited


def is_announcement(raw):
    """Of an address, by a neighbour advertisement that was not asked for."""
    return is_chatter(raw) and raw[12:14] == b"\x86\xdd" and raw[54] == ICMP6_ADVERTISEMENT


def normal4(raw):
    header_len = (raw[14] & 15) * 4
    header = bytearray(raw[14:14 + header_len])
    header[4:6] = b"\0\0"
    header[6] &= 0xbf
    if raw[23] == 1 and raw[14 + header_len] in ICMP_ERRORS:
        header[1] = 0xc0
    return raw[:14] + checksummed4(bytes(header)) + raw[14 + header_len:]


def normal(raw):
    """Without what a router is free to choose in packets of its own: the IP ID, and DF with it (RFC 6864,
    4.1: an ID means something only without DF); the precedence of errors (RFC 1812, 4.3.2.5: SHOULD be 6 or
    7) and of all that is ICMPv6."""
    if len(raw) < 34:
        return raw
    if raw[12:14] == b"\x08\x00" and Ether(raw)[IP].src in OWN_ADDRESSES:
        return normal4(raw)
    # By its source MAC every frame is the router's; what it forwards has another hop limit.
    if raw[12:14] == b"\x86\xdd" and raw[20] == 58 and raw[21] in (64, 255) and raw[54] in ICMP6_OWN:
        return raw[:14] + bytes([0x60, raw[15] & 0x0f]) + raw[16:]
    return raw


def describe4(raw):
    packet = Ether(raw)[IP]
    where = f"{packet.src}>{packet.dst}"
    if packet.proto == 1 and packet.frag == 0 and ICMP in packet and packet.src in OWN_ADDRESSES:
        icmp = packet[ICMP]
        value = f" value {bytes(icmp)[4:8].hex()}" if icmp.type in (3, 12) and any(bytes(icmp)[4:8]) else ""
        return f"icmp {icmp.type}/{icmp.code} {where} tos {packet.tos:02x} len {packet.len}{value}"
    return (f"ip4 {packet.proto} {where} ttl {packet.ttl} tos {packet.tos:02x} len {packet.len} "
            f"off {int(packet.frag)}{' MF' if packet.flags.MF else ''} ihl {packet.ihl}")


def describe6(raw):
    source, target = (":".join(f"{n:x}" for n in struct.unpack("!8H", raw[at:at + 16])).replace(":0:0:0:0:0:", "::")
                      for at in (22, 38))
    traffic_class = struct.unpack("!I", raw[14:18])[0] >> 20 & 0xff
    length = struct.unpack("!H", raw[18:20])[0]
    next_header = raw[20]
    if next_header == 58 and len(raw) >= 62:
        what = f"icmp6 {raw[54]}/{raw[55]}"
        if raw[54] in (2, 4):
            what += f" value {struct.unpack('!I', raw[58:62])[0]}"
    else:
        what = f"ip6 {next_header}"
    return f"{what} {source}>{target} hop {raw[21]} class {traffic_class:02x} len {length}"


def describe(side, raw):
    """One frame in a line."""
    if raw[12:14] == b"\x08\x00":
        text = describe4(raw)
    elif raw[12:14] == b"\x86\xdd":
        text = describe6(raw)
    elif raw[12:14] == b"\x08\x06":
        arp = Ether(raw)[ARP]
        text = f"arp {arp.op} {arp.psrc} for {arp.pdst} to {raw[:6].hex(':')}"
    else:
        text = f"frame {raw[12:14].hex()} len {len(raw)}"
    return f"{side}: {text}" + ("" if raw[6:12] == bytes.fromhex(ROUTER_MAC[side].replace(":", "")) else " OTHER SOURCE MAC")


def line_of(frames):
    """An outcome in a line."""
    return "; ".join(describe(side, raw) for side, raw in frames) or "nothing"
