# SPDX-License-Identifier: BSD-3-Clause
"""What a switch does to frames, byte for byte.

    in ──┬── p1        plain
         ├── p2.10     VLAN 10
         └── p3.30.20  VLAN 20 in 30
"""
import pytest
from scapy.all import ARP, IP, TCP, UDP, Ether, ICMPv6ND_NA, IPv6, Raw

from tests.replay.replay import Replay

A, B, C = "52:54:00:00:00:0a", "52:54:00:00:00:0b", "52:54:00:00:00:0c"
ALL = "ff:ff:ff:ff:ff:ff"
OUTPUTS = {"p1": "", "p2.10": "", "p3.30.20": ""}


def udp(src=A, dst=ALL, size=20):
    return Ether(src=src, dst=dst) / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2) / Raw(b"x" * size)


def with_tags(frame, *tags):
    """The frame with VLAN tags (TPID, VLAN ID) put in front."""
    data = bytes(frame)
    stack = b"".join(tpid.to_bytes(2, "big") + vlan.to_bytes(2, "big") for tpid, vlan in tags)
    return data[:12] + stack + data[12:]


def test_a_flood_gets_the_tags_of_each_way_out(lab):
    replay = Replay(lab, OUTPUTS)
    frames = [bytes(udp(size=n)) for n in (0, 1, 46, 1000, 1458)]
    name = replay.play(frames)
    assert replay.drops(name) == {}
    seen = replay.recorded()
    assert seen["p1"] == frames
    assert seen["p2"] == [with_tags(f, (0x8100, 10)) for f in frames]
    assert seen["p3"] == [with_tags(f, (0x88A8, 30), (0x8100, 20)) for f in frames]


def test_learned_addresses_get_frames_alone(lab):
    replay = Replay(lab, OUTPUTS)
    known = bytes(udp(src=B, dst=A))
    first = replay.play([udp(src=A)])
    # The first port is no member any more, so what was learned there is forgotten: A is flooded to.
    second = replay.play([known, known, udp(src=A, dst=B)])
    assert replay.drops(first) == {}
    assert replay.drops(second) == {"SWITCH_SAME_PORT": 1}
    assert {m["mac-address"]: m["member"] for m in lab.show("macs", "blue/lan")} == {A: second, B: second}
    assert replay.recorded()["p1"] == [bytes(udp(src=A)), known, known]


def test_tags_come_off(lab):
    replay = Replay(lab, {"p1": ""})
    plain = bytes(udp())
    name = replay.play([with_tags(plain, (0x8100, 10)), with_tags(plain, (0x88A8, 10)),
                        with_tags(plain, (0x8100, 10), (0x8100, 7)), with_tags(plain, (0x8100, 11)), plain],
                       "in.10")
    assert replay.drops(name) == {"VLAN_UNKNOWN": 2}
    assert replay.recorded()["p1"] == [plain, plain, with_tags(plain, (0x8100, 7))]


def test_double_tags_come_off(lab):
    replay = Replay(lab, {"p1": ""})
    plain = bytes(udp())
    name = replay.play([with_tags(plain, (0x88A8, 10), (0x8100, 20)), with_tags(plain, (0x8100, 10), (0x8100, 20)),
                        with_tags(plain, (0x8100, 10)), with_tags(plain, (0x8100, 20), (0x8100, 10))],
                       "in.10.20")
    assert replay.drops(name) == {"VLAN_UNKNOWN": 2}
    assert replay.recorded()["p1"] == [plain, plain]


# What a switch carries although a router would not: it is not its business.
CARRIED = {
    "bad IPv4 checksum": Ether(src=A, dst=ALL) / IP(src="10.0.0.1", dst="10.0.0.2", chksum=1) / UDP(),
    "IPv4 header length of 0": Ether(src=A, dst=ALL) / IP(ihl=0, len=20) / Raw(b"y" * 20),
    "IPv4 length beyond the frame": Ether(src=A, dst=ALL) / IP(len=9000) / UDP(),
    "IPv6 with 40 options headers": Ether(src=A, dst=ALL) / IPv6(nh=60) / Raw(b"\x3c\0\0\0\0\0\0\0" * 40),
    "TCP with every flag": Ether(src=A, dst=ALL) / IP(src="10.0.0.1", dst="10.0.0.2") / TCP(flags=0x1FF),
    "802.3 length": Ether(src=A, dst=ALL, type=46) / Raw(b"\xaa\xaa\x03" + b"z" * 43),
    "unknown EtherType": Ether(src=A, dst=ALL, type=0x88B5) / Raw(b"z" * 46),
    "ARP with a wrong length": Ether(src=A, dst=ALL) / ARP(hwlen=7),
    "padding": bytes(udp(size=0)) + b"\0" * 18,
    "five VLAN tags": with_tags(udp(), *[(0x8100, n) for n in range(1, 6)]),
    "priority tag": with_tags(udp(), (0x8100, 0)),
    "multicast": Ether(src=A, dst="01:00:5e:00:00:01") / IP() / UDP(),
    "an Ethernet header alone": bytes(Ether(src=A, dst=ALL, type=0x88B5)),
}
DROPPED = {
    "13 bytes": (b"\xff" * 13, "RUNT_FRAME"),
    "1 byte": (b"\xff", "RUNT_FRAME"),
    "cut VLAN tag": (bytes(Ether(src=A, dst=ALL, type=0x8100)) + b"\0", "VLAN_TRUNCATED"),
    "source is a group": (udp(src="01:00:5e:00:00:01"), "SWITCH_SOURCE_NOT_UNICAST"),
    "source is zero": (udp(src="00:00:00:00:00:00"), "SWITCH_SOURCE_NOT_UNICAST"),
    "spanning tree": (udp(dst="01:80:c2:00:00:00"), "SWITCH_LINK_LOCAL"),
    "LLDP": (udp(dst="01:80:c2:00:00:0e"), "SWITCH_LINK_LOCAL"),
    "too long": (udp(size=1600), "OVERSIZE_FRAME"),
    "to itself": (udp(dst=A), "SWITCH_SAME_PORT"),
}


def test_frames_that_a_switch_carries_as_they_are(lab):
    replay = Replay(lab, {"p1": ""})
    frames = [bytes(f) for f in CARRIED.values()]
    name = replay.play(frames)
    assert replay.drops(name) == {}
    assert replay.recorded()["p1"] == frames


def test_frames_that_a_switch_drops(lab):
    replay = Replay(lab, {"p1": ""})
    first = bytes(udp())
    name = replay.play([first] + [bytes(f) for f, _ in DROPPED.values()])
    expected = {}
    for _, reason in DROPPED.values():
        expected[reason] = expected.get(reason, 0) + 1
    assert replay.drops(name) == expected
    assert replay.recorded()["p1"] == [first]


GUARDED = ", mac-address: \"%s\", addresses: [10.0.0.1], guard: true" % A
OTHERS = {
    "another MAC": (udp(src=B), "GUARD_MAC"),
    "another IPv4 source": (Ether(src=A, dst=ALL) / IP(src="10.0.0.9", dst="10.0.0.2") / UDP(), "GUARD_IP4_SOURCE"),
    "another IPv4 source behind a tag": (
        with_tags(Ether(src=A, dst=ALL) / IP(src="10.0.0.9", dst="10.0.0.2") / UDP(), (0x8100, 5)), "GUARD_IP4_SOURCE"),
    "ARP for the gateway": (Ether(src=A, dst=ALL) / ARP(op=2, hwsrc=A, psrc="10.0.0.254", pdst="10.0.0.2"), "GUARD_ARP"),
    "ARP with another MAC inside": (Ether(src=A, dst=ALL) / ARP(op=2, hwsrc=B, psrc="10.0.0.1", pdst="10.0.0.2"), "GUARD_ARP"),
    "another IPv6 source": (Ether(src=A, dst="33:33:00:00:00:01") / IPv6(src="fd00::9", dst="ff02::1") / UDP(), "GUARD_IP6_SOURCE"),
    "another protocol": (Ether(src=A, dst=ALL, type=0x88B5) / Raw(b"z" * 46), "GUARD_ETHERTYPE"),
    "a DHCP server": (Ether(src=A, dst=ALL) / IP(src="10.0.0.1", dst="255.255.255.255") / UDP(sport=67, dport=68) / Raw(b"\2" * 240),
                      "GUARD_ROUTER"),
    "ND with an option of length 0": (
        bytes(Ether(src=A, dst="33:33:00:00:00:01") / IPv6(src="fe80::5054:ff:fe00:a", dst="ff02::1", hlim=255) /
              ICMPv6ND_NA(tgt="fe80::5054:ff:fe00:a") / Raw(b"\2\0" + b"\0" * 6)), "GUARD_MALFORMED"),
    "ND for another address": (
        Ether(src=A, dst="33:33:00:00:00:01") / IPv6(src="fe80::5054:ff:fe00:a", dst="ff02::1", hlim=255) /
        ICMPv6ND_NA(tgt="fe80::1"), "GUARD_ND"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_a_guarded_port_speaks_for_itself_only(lab, what):
    frame, reason = OTHERS[what]
    replay = Replay(lab, {"p1": ""})
    own = bytes(udp())
    name = replay.play([own, bytes(frame), own], options=GUARDED)
    assert replay.drops(name) == {reason: 1}
    assert replay.recorded()["p1"] == [own, own]


def ip4(**fields):
    """An IPv4 header and twenty bytes; fields of the header as wanted."""
    return bytes(Ether(src=A, dst=ALL) / IP(src="10.0.0.1", dst="10.0.0.2", **fields) / Raw(b"y" * 20))


def ip6(next_header, payload, length=None):
    return bytes(Ether(src=A, dst=ALL) / IPv6(src="fd00::1", dst="fd00::2", nh=next_header, plen=length) / Raw(payload))


# What a guarded port may not send because it can't be judged, by the fault that parse names.
MALFORMED = {
    "ARP_TRUNCATED": bytes(Ether(src=A, dst=ALL) / ARP())[:41],
    "ARP_BAD_FORMAT": Ether(src=A, dst=ALL) / ARP(hwlen=7),
    "IP4_TRUNCATED": ip4()[:30],
    "IP4_BAD_VERSION": ip4(version=5),
    "IP4_BAD_IHL": ip4(ihl=4),
    "IP4_BAD_LENGTH": ip4(len=41),
    "IP4_BAD_OPTION": bytes(Ether(src=A, dst=ALL) / IP(src="10.0.0.1", ihl=6, len=24) / Raw(b"\x83\0\0\0")),
    "IP4_BAD_FRAGMENT": ip4(frag=8191),
    "IP6_TRUNCATED": ip6(59, b"")[:53],
    "IP6_BAD_VERSION": ip6(59, b"")[:14] + b"\x50" + ip6(59, b"")[15:],
    "IP6_BAD_LENGTH": ip6(17, b"", 8),
    "IP6_BAD_EXTENSION": ip6(60, b"\x3b\1" + b"\0" * 6),
    "IP6_BAD_FRAGMENT": ip6(44, b"\x11\0\0\1\0\0\0\1" + b"z" * 7),
    "TCP_TRUNCATED": ip4(proto=6, len=39)[:53],
    "TCP_BAD_OFFSET": bytes(Ether(src=A, dst=ALL) / IP(src="10.0.0.1") / TCP(dataofs=4)),
    "UDP_TRUNCATED": ip4(proto=17, len=27)[:41],
    "UDP_BAD_LENGTH": bytes(Ether(src=A, dst=ALL) / IP(src="10.0.0.1") / UDP(len=7)),
    "ICMP_TRUNCATED": ip4(proto=1, len=27)[:41],
    "ICMP6_TRUNCATED": ip6(58, b"\x80\0\0\0\0\0\0"),
    "SCTP_TRUNCATED": ip4(proto=132, len=31)[:45],
}


def test_a_guarded_port_sends_nothing_malformed(lab):
    replay = Replay(lab, {"p1": ""})
    options = f', mac-address: "{A}", guard: true'
    name = replay.play([bytes(f) for f in MALFORMED.values()], options=options)
    assert replay.drops(name) == {reason: 1 for reason in MALFORMED}
    assert replay.recorded()["p1"] == []


def test_storms_are_cut(lab):
    replay = Replay(lab, {"p1": ""})
    groups = Ether(src=A, dst="01:00:5e:00:00:01") / IP() / UDP()
    unknown = udp(dst=C)
    name = replay.play([udp()] * 500 + [groups] * 500 + [unknown] * 500,
                       options=", storm-control: {broadcast: 100, multicast: 200, unknown-unicast: 300}")
    drops = replay.drops(name)
    # The bucket holds a tenth of a second, 64 frames at least; the file is played at once.
    for reason in ("STORM_BROADCAST", "STORM_MULTICAST", "STORM_UNKNOWN"):
        assert 400 <= drops[reason] <= 436, drops
    assert len(replay.recorded()["p1"]) == 1500 - sum(drops.values())
