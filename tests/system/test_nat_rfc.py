# SPDX-License-Identifier: BSD-3-Clause
"""What RFC 4787 (UDP), 5382 (TCP), 5508 (ICMP), 7857 (updates to these) and 5961 (blind attacks on TCP) ask
of a NAT and its connection tracking, requirement by requirement. Hosts are frames of this file.

    i1 .11 ┐                 MTU 1300      1400                          ┌ o1 .201
    i2 .12 ┼ lan (switch) ── gw.lan  gw  gw.wan ── firewall ─ NAT ── net ┤
    i3 .13 ┘ 10.0.0.0/24                           198.51.100.0/24       └ o2 .202

One such tenant for each behaviour, with the same addresses; and one in a Culvert of its own where time can
pass at once. `vnf/nat/README.md` has the matrix.
"""
import itertools
import random
import time

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.packet import Raw

from tests.lib.hosts import TAG
from tests.lib.lab import Lab, run, wait_until
from tests.lib.nat_net import (LAN, LAN_MTU, OUTSIDE, STATIC, WAN_MTU, Conversation, NatNet,
                               SessionTime, destination_of, error, is_late_answer, packet, proven, put_together,
                               quoted_in, source_of)

POOL = OUTSIDE + "10-" + OUTSIDE + "11"
TIGHT_POOL = OUTSIDE + "20"
SOURCE = f"source: [{{seq: 10, prefix: {LAN}0/24, pool: [{POOL}]}}]"
N_TIGHT_PORTS, TIGHT_HOST_LIMIT = 16, 12
BEHAVIOURS = {
    "ei": (f"ports: 512-65535, static: [{{inside: {LAN}13/32, outside: {STATIC}/32}}], {SOURCE}",
           "i1 i2 i3 o1 o2"),
    "ad": (f"filtering: address-dependent, {SOURCE}", "i1 i2 o1 o2"),
    "apd": (f"filtering: address-and-port-dependent, {SOURCE}", "i1 i2 o1 o2"),
    "mad": (f"mapping: address-dependent, {SOURCE}", "i1 o1 o2"),
    "mapd": (f"mapping: address-and-port-dependent, {SOURCE}", "i1 o1 o2"),
    "fast": (SOURCE, "i1 i2 o1 o2"),
    "shut": (f"filtering: address-and-port-dependent, {SOURCE}", "i1 i2 o1 o2"),
    "outward": (f"inbound-refresh: false, {SOURCE}", "i1 i2 o1 o2"),
    "tight": (f"parity: false, ports: 2000-{1999 + N_TIGHT_PORTS}, host-limit: {TIGHT_HOST_LIMIT}, "
              f"source: [{{seq: 10, prefix: {LAN}0/24, pool: [{TIGHT_POOL}]}}]", "i1 i2 o1 o2"),
}
TIMED = "fast", "shut", "outward"  # those in a Culvert where time can pass at once
WITH_PORTS = ("udp", "tcp")
ALL = ("udp", "tcp", "icmp")
ROUTER = "192.0.2.77"  # somewhere on the way: no endpoint of anything


class Tenants:
    """Networks in one Culvert, by name."""

    def __init__(self, lab, tag, behaviours):
        namespace = f"{TAG}-{tag}"
        lab.namespaces.append(namespace)
        run("ip", "netns", "add", namespace)
        run("ip", "netns", "exec", namespace, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
        nets = [NatNet(i, name, *behaviours[name]) for i, name in enumerate(behaviours)]
        lab.start()
        lab.apply("tenants:\n" + "".join(net.text(namespace) for net in nets))
        for net in nets:
            net.open(lab, namespace)
            setattr(self, net.name, net)
        self.lab = lab

    def __getitem__(self, name):
        return getattr(self, name)


@pytest.fixture(scope="module")
def nets():
    with Lab() as lab:
        yield Tenants(lab, "nat", {name: b for name, b in BEHAVIOURS.items() if name not in TIMED})


@pytest.fixture(scope="module", name="timed")
def fixture_timed():
    with Lab(can_pass_time=True) as lab:
        yield Tenants(lab, "fast", {name: BEHAVIOURS[name] for name in TIMED})


@pytest.fixture(name="fast")
def fixture_fast(timed):
    return timed.fast


@pytest.fixture(name="ei")
def fixture_ei(nets):
    return nets.ei


# --- RFC 4787 REQ-1, RFC 5382 REQ-1, RFC 5508 REQ-1 a: mapping ---


@pytest.mark.parametrize("protocol", ALL)
def test_rfc4787_req1_rfc5382_req1_rfc5508_req1a_endpoint_independent_mapping(ei, protocol):
    port = ei.port()
    maps = {ei.map(protocol, ei.i1, port, o, remote) for o in (ei.o1, ei.o2) for remote in (80, 81)}
    assert len(maps) == 1
    assert ei.map(protocol, ei.i1, ei.port(), ei.o1) not in maps


@pytest.mark.parametrize("behaviour, n", [("mad", 2), ("mapd", 4)])
@pytest.mark.parametrize("protocol", WITH_PORTS)
def test_rfc4787_4_1_other_mappings_if_configured(nets, behaviour, n, protocol):
    net, port = nets[behaviour], nets[behaviour].port()
    maps = [net.map(protocol, net.i1, port, o, remote) for o in (net.o1, net.o2) for remote in (80, 81)]
    assert len(set(maps)) == n
    assert (maps[0] == maps[1]) == (behaviour == "mad")
    assert maps[0] == net.map(protocol, net.i1, port, net.o1, 80)


def test_rfc7857_5_mappings_are_of_one_protocol(ei):
    """And so are filters (section 6): the UDP endpoint is closed to TCP."""
    port = ei.port()
    endpoint = ei.map("udp", ei.i1, port, ei.o1)
    assert ei.enter("udp", ei.o2, 99, endpoint, ei.i1, port)
    assert not ei.enter("tcp", ei.o2, 99, endpoint, ei.i1, port)


# --- RFC 4787 REQ-2, RFC 7857 4: one outside address for each inside host ---


def test_rfc4787_req2_rfc7857_4_paired_pooling(ei):
    pairs = {}
    for n in range(20, 60):
        host = f"{LAN}{n}"
        for protocol, o in itertools.product(ALL, (ei.o1, ei.o2)):
            p = ei.one(ei.i1, packet(protocol, (host, 5000 + n), (o.address, 80)), o)
            pairs.setdefault(host, set()).add(p.src)
    assert all(len(addresses) == 1 for addresses in pairs.values())
    assert set().union(*pairs.values()) == {OUTSIDE + "10", OUTSIDE + "11"}


# --- RFC 4787 REQ-3, RFC 5382 REQ-7, RFC 4787 REQ-4, RFC 7857 8 and 9: ports ---


@pytest.mark.parametrize("protocol", ALL)
def test_rfc4787_req3_rfc5382_req7_rfc5508_req8_no_overloading_and_told_so(nets, protocol):
    """Each endpoint has a port of its own, whatever the destinations, until the last one. Who gets none, for
    his quota or for that, is told with code 13; the others keep theirs."""
    net = nets.tight
    net.lab.culvert("clear", "sessions", "--tenant", "tight")
    before = net.counters()
    wanted = [(i, net.port()) for i in (net.i1, net.i2) for _ in range(TIGHT_HOST_LIMIT)]
    seen, refused = [], []
    for n, (i, port) in enumerate(wanted):
        sent = packet(protocol, (i.address, port), (net.o1.address, 80 + n), b"a port, please")
        got = net.carry(i, sent, net.o1)
        seen += [source_of(p) for p in got]
        refused += [i.name] if not got else []
    assert sorted(seen) == [(TIGHT_POOL, port) for port in range(2000, 2000 + N_TIGHT_PORTS)]
    assert refused == ["i2"] * (len(wanted) - N_TIGHT_PORTS)
    more = [(i, net.port()) for i in (net.i1, net.i2)]
    for i, port in more:
        sent = packet(protocol, (i.address, port), (net.o1.address, 80), b"a port, please")
        got = net.one(i, sent, i)
        assert (got.dst, got[ICMP].type, got[ICMP].code) == (i.address, 3, 13)
        assert source_of(quoted_in(got)) == source_of(sent)
    after = net.counters()
    assert after["host_limited"] - before["host_limited"] == 1
    assert after["no_port"] - before["no_port"] == len(refused) + 1
    assert net.map(protocol, *wanted[0], net.o2) == seen[0]


@pytest.mark.parametrize("protocol", WITH_PORTS)
def test_rfc4787_req3a_port_ranges(ei, protocol):
    for port in (600, 1023):
        assert ei.map(protocol, ei.i1, port, ei.o1)[1] < 1024
    for port in (1024, 40000, 65535):
        assert ei.map(protocol, ei.i1, port, ei.o1)[1] >= 1024


def test_rfc4787_req4_port_parity(ei):
    for _ in range(40):
        port = ei.port()
        assert ei.map("udp", ei.i1, port, ei.o1)[1] % 2 == port % 2


def test_rfc7857_9_ports_are_random(ei):
    """RFC 6056, 4: of what went before the next one can't be told."""
    first = ei.next_port + 1
    ei.next_port += 64
    ports = [ei.map("tcp", ei.i1, first + n, ei.o1)[1] for n in range(64)]
    steps = [abs(b - a) for a, b in itertools.pairwise(ports)]
    assert len(set(steps)) > 50 and max(ports) - min(ports) > 20000
    assert not any(port == first + n for n, port in enumerate(ports[:8])), "the inside port shows"


# --- RFC 4787 REQ-8, RFC 5382 REQ-3: filtering ---


@pytest.mark.parametrize("behaviour, others_port, other_host", [("ei", True, True), ("ad", True, False),
                                                                ("apd", False, False)])
@pytest.mark.parametrize("protocol", WITH_PORTS)
def test_rfc4787_req8_rfc5382_req3_filtering(nets, behaviour, others_port, other_host, protocol):
    net = nets[behaviour]
    port = net.port()
    endpoint = net.map(protocol, net.i1, port, net.o1, 80)
    before = net.counters()["filtered"]
    if protocol == "udp":
        assert net.enter(protocol, net.o1, 80, endpoint, net.i1, port)
    assert net.enter(protocol, net.o1, 81, endpoint, net.i1, port) == others_port
    assert net.enter(protocol, net.o2, 80, endpoint, net.i1, port) == other_host
    assert net.counters()["filtered"] - before == (not others_port) + (not other_host)
    # Whom it speaks to may answer.
    net.map(protocol, net.i1, port, net.o2, 80)
    if protocol == "udp":
        assert net.enter(protocol, net.o2, 80, endpoint, net.i1, port)


def test_rfc4787_req11_deterministic(ei):
    """The first and the second host with one source port fare alike, now and later."""
    port = ei.port()
    first = {i.name: ei.map("udp", i, port, ei.o1) for i in (ei.i1, ei.i2)}
    assert first["i1"] != first["i2"]
    for _ in range(30):
        ei.map("udp", ei.i2, ei.port(), ei.o2)
    for i in (ei.i1, ei.i2):
        assert ei.map("udp", i, port, ei.o2, 1234) == first[i.name]
        assert ei.enter("udp", ei.o2, 77, first[i.name], i, port)


# --- RFC 4787 REQ-9, RFC 5382 REQ-8, RFC 5508 REQ-7, RFC 7857 12: hairpinning ---


@pytest.mark.parametrize("protocol", WITH_PORTS)
@pytest.mark.parametrize("behaviour", ["ei", "ad"])
def test_rfc4787_req9_rfc5382_req8_hairpinning(nets, behaviour, protocol):
    """Each host sees the other by its outside endpoint (REQ-9 a); and a filter is one here, too."""
    net = nets[behaviour]
    ports = net.port(), net.port()
    ends = [net.map(protocol, i, port, net.o1) for i, port in zip((net.i1, net.i2), ports)]
    if behaviour == "ad":
        blocked = packet(protocol, (net.i1.address, ports[0]), ends[1], b"too early")
        assert net.carry(net.i1, blocked, net.i2) == []
    check_hairpin(net, protocol, ports, ends)


def check_hairpin(net, protocol, ports, ends):
    """From i2 to i1 and back."""
    p = net.one(net.i2, packet(protocol, (net.i2.address, ports[1]), ends[0], b"there"), net.i1)
    assert source_of(p) == ends[1] and destination_of(p) == (net.i1.address, ports[0])
    flags = {"flags": "SA", "seq": 7, "ack": 1001 + len(b"there")} if protocol == "tcp" else {}
    p = net.one(net.i1, packet(protocol, (net.i1.address, ports[0]), ends[1], b"back", **flags), net.i2)
    assert source_of(p) == ends[0] and destination_of(p) == (net.i2.address, ports[1])
    assert any(s["hairpin"] for s in net.sessions(protocol, ports[1]))


@pytest.mark.parametrize("protocol", WITH_PORTS)
def test_rfc4787_req9_hairpinning_through_two_strict_filters(nets, protocol):
    """What the other one's filter stops opens the way back, for that endpoint only."""
    net = nets.apd
    ports = net.port(), net.port()
    ends = [net.map(protocol, i, port, net.o1) for i, port in zip((net.i1, net.i2), ports)]
    early = packet(protocol, (net.i1.address, ports[0]), ends[1], b"too early")
    assert net.carry(net.i1, early, net.i2) == []
    another = net.port()
    net.map(protocol, net.i2, another, net.o1)
    assert net.carry(net.i2, packet(protocol, (net.i2.address, another), ends[0], b"not asked"), net.i1) == []
    check_hairpin(net, protocol, ports, ends)


def test_rfc5508_req7_rfc7857_12_hairpinned_queries(ei):
    """By the address of a static rule (Basic NAT), and answers the other way."""
    identifier = ei.port()
    query = packet("icmp", (ei.i1.address, identifier), (STATIC, None), b"query")
    seen = ei.one(ei.i1, query, ei.i3)
    assert seen.dst == ei.i3.address and seen.src.startswith(OUTSIDE) and seen[ICMP].type == 8
    reply = IP(src=ei.i3.address, dst=seen.src) / ICMP(type=0, id=seen[ICMP].id, seq=1) / Raw(b"query")
    back = ei.one(ei.i3, reply, ei.i1)
    assert (back.src, back.dst, back[ICMP].id) == (STATIC, ei.i1.address, identifier)


def test_rfc7857_12_hairpinned_queries_by_a_mapping(ei):
    """To the outside identifier of another host's queries."""
    identifier = ei.port()
    end = ei.map("icmp", ei.i1, identifier, ei.o1)
    seen = ei.one(ei.i2, packet("icmp", (ei.i2.address, end[1]), (end[0], None), b"query"), ei.i1)
    assert (seen.dst, seen[ICMP].type) == (ei.i1.address, 8) and seen.src.startswith(OUTSIDE)
    reply = IP(src=ei.i1.address, dst=seen.src) / ICMP(type=0, id=seen[ICMP].id, seq=1) / Raw(b"query")
    back = ei.one(ei.i1, reply, ei.i2)
    assert (back.src, back.dst, back[ICMP].id) == (end[0], ei.i2.address, end[1])


@pytest.mark.parametrize("protocol", WITH_PORTS)
def test_rfc5508_req7a_hairpinned_errors(ei, protocol):
    ports = ei.port(), ei.port()
    ends = [ei.map(protocol, i, port, ei.o1) for i, port in zip((ei.i1, ei.i2), ports)]
    sent = packet(protocol, (ei.i2.address, ports[1]), ends[0], b"nobody there?")
    seen = ei.one(ei.i2, sent, ei.i1)
    got = ei.one(ei.i1, error(3, 3, ei.i1.address, seen), ei.i2)
    assert (got.src, got.dst, got[ICMP].type, got[ICMP].code) == (ends[0][0], ei.i2.address, 3, 3)
    inner = quoted_in(got)
    assert source_of(inner) == (ei.i2.address, ports[1]) and destination_of(inner) == ends[0]


# --- RFC 4787 REQ-10, RFC 5382 REQ-6: no ALG ---


@pytest.mark.parametrize("protocol, port, text", [
    ("udp", 5060, b"INVITE sip:b@%s SIP/2.0\r\nContact: <sip:a@%s:5060>\r\n"),
    ("udp", 69, b"\0\1file %s %s\0octet\0"),
    ("tcp", 21, b"PORT 10,0,0,11,20,1 %s %s\r\n"),
    ("tcp", 1720, b"\3\0\0\x2a%s %s")])
def test_rfc4787_req10_rfc5382_req6_no_alg(ei, protocol, port, text):
    address = ei.i1.address.encode()
    ei.map(protocol, ei.i1, ei.port(), ei.o1, port, data=text % (address, address))


# --- RFC 4787 REQ-12, RFC 5382 REQ-9 and REQ-10: ICMP leaves mappings alone ---


def icmp_kinds():
    """Types and codes of RFC 792, RFC 1122, RFC 1812; those of no use, too."""
    return ([(3, code) for code in range(16)] + [(4, 0)] + [(5, code) for code in range(4)] +
            [(11, 0), (11, 1), (12, 0), (12, 1), (12, 2)])


@pytest.mark.parametrize("protocol", WITH_PORTS)
def test_rfc4787_req12_rfc5382_req10_icmp_ends_no_mapping(ei, protocol):
    port = ei.port()
    sent = packet(protocol, (ei.i1.address, port), (ei.o1.address, 80), b"quote me")
    seen = ei.one(ei.i1, sent, ei.o1)
    errors = [error(kind, code, source, seen) for kind, code in icmp_kinds()
              for source in (ei.o1.address, ROUTER)]
    ei.carry(ei.o1, errors, ei.i1)
    assert ei.map(protocol, ei.i1, port, ei.o1) == source_of(seen)
    assert ei.enter(protocol, ei.o2, 99, source_of(seen), ei.i1, port)


def test_rfc5382_req10_icmp_ends_no_connection(ei):
    c = Conversation(ei, ei.i1, ei.o1).established()
    seen = ei.one(ei.i1, c.segment("i", "PA", b"data"), ei.o1)
    ei.carry(ei.o1, [error(kind, code, ROUTER, seen) for kind, code in icmp_kinds()], ei.i1)
    c.next["i"] += 4
    c.all(("o", "A"), ("o", "PA", b"more"), ("i", "A"))
    assert c.state() == "established"


@pytest.mark.parametrize("protocol", WITH_PORTS)
@pytest.mark.parametrize("source", ["the endpoint", "a router"])
def test_rfc4787_req12ab_rfc5382_req9_unreachables_are_translated(ei, protocol, source):
    """Whoever sends them."""
    source = ei.o1.address if source == "the endpoint" else ROUTER
    for code in (0, 1, 2, 3, 4, 9, 10, 13):
        sent = packet(protocol, (ei.i1.address, ei.port()), (ei.o1.address, 80), b"who is there?")
        seen = ei.one(ei.i1, sent, ei.o1)
        got = ei.one(ei.o1, error(3, code, source, seen, **({"nexthopmtu": 1280} if code == 4 else {})), ei.i1)
        check_error(got, seen, sent, (3, code), source)
        assert code != 4 or got[ICMP].nexthopmtu == 1280


def check_error(got, seen, sent, kind, source):
    """RFC 5508 REQ-4: the quoted packet as it was sent, type and code as they were, to who sent it."""
    assert (got[ICMP].type, got[ICMP].code) == kind
    assert (got.src, got.dst) == (source, sent.src)
    inner, sent = quoted_in(got), IP(bytes(sent))
    inner_l4, sent_l4 = bytes(inner.payload), bytes(sent.payload)
    assert (inner.src, inner.dst) == (sent.src, sent.dst)
    assert inner_l4 == sent_l4[:len(inner_l4)], "the quoted L4 header with its checksum"
    assert inner.ttl == seen.ttl and inner.id == seen.id


# --- RFC 4787 REQ-13: path MTU; REQ-14: fragments ---


def test_rfc4787_req13_too_long_with_df(ei):
    """And, of packets from outside, an error that shows nothing of the inside (RFC 5508 REQ-5 c)."""
    sent = packet("udp", (ei.i1.address, ei.port()), (ei.o1.address, 80), bytes(WAN_MTU))
    sent.flags = "DF"
    got = ei.one(ei.i1, sent, ei.i1)
    assert (got.src, got[ICMP].type, got[ICMP].code, got[ICMP].nexthopmtu) == (LAN + "1", 3, 4, WAN_MTU)
    assert source_of(quoted_in(got)) == source_of(sent)
    port = ei.port()
    endpoint = ei.map("udp", ei.i1, port, ei.o1)
    sent = packet("udp", (ei.o1.address, 80), endpoint, bytes(LAN_MTU))
    sent.flags = "DF"
    got = ei.one(ei.o1, sent, ei.o1)
    assert (got.src, got[ICMP].type, got[ICMP].code, got[ICMP].nexthopmtu) == (endpoint[0], 3, 4, LAN_MTU)
    assert destination_of(quoted_in(got)) == endpoint


@pytest.mark.parametrize("protocol", ["udp", "icmp"])
def test_rfc4787_req13a_too_long_without_df(ei, protocol):
    sent = packet(protocol, (ei.i1.address, ei.port()), (ei.o1.address, 80), random.randbytes(WAN_MTU))
    got = ei.carry(ei.i1, sent, ei.o1)
    assert len(got) == 2 and [p.frag for p in got] == sorted(p.frag for p in got)
    whole = put_together(got)
    assert source_of(whole) == ei.map(protocol, ei.i1, source_of(sent)[1], ei.o2)
    assert bytes(whole).endswith(bytes(sent[Raw]))


def orders(n):
    return [order for order in itertools.permutations(range(n))]


@pytest.mark.parametrize("order", orders(3))
@pytest.mark.parametrize("behaviour", ["ei", "apd"])
def test_rfc4787_req14_fragments_in_any_order(nets, behaviour, order):
    net, port = nets[behaviour], nets[behaviour].port()
    data = random.randbytes(1200)
    sent = packet("udp", (net.i1.address, port), (net.o1.address, 80), data, ip_id=random.randrange(65536))
    pieces = fragment(sent, 512)
    assert len(pieces) == 3
    whole = put_together(net.carry(net.i1, [pieces[i] for i in order], net.o1))
    assert bytes(whole).endswith(data)
    back = packet("udp", (net.o1.address, 80), source_of(whole), data[::-1], ip_id=random.randrange(65536))
    got = put_together(net.carry(net.o1, [fragment(back, 512)[i] for i in order], net.i1))
    assert destination_of(got) == (net.i1.address, port) and bytes(got).endswith(data[::-1])


def test_rfc4787_req14a_lone_fragments_do_not_stop_others(ei):
    port = ei.port()
    endpoint = ei.map("udp", ei.i1, port, ei.o1)
    whole = packet("udp", (ei.o1.address, 80), endpoint, bytes(1000))
    later = fragment(whole, 512)[1]
    flood = []
    for n in range(2000):
        one = later.copy()
        one.id = 10000 + n
        flood.append(one)
    data = random.randbytes(1000)
    good = packet("udp", (ei.o1.address, 80), endpoint, data, ip_id=9)
    got = ei.carry(ei.o1, flood + fragment(good, 512), ei.i1)
    assert bytes(put_together(got)).endswith(data)
    assert ei.enter("udp", ei.o2, 80, endpoint, ei.i1, port)


# --- RFC 5382 REQ-2: all valid sequences of TCP ---

ENDINGS = {
    "inside first": [("i", "FA"), ("o", "A"), ("o", "PA", b"late"), ("i", "A"), ("o", "FA"), ("i", "A")],
    "outside first": [("o", "FA"), ("i", "A"), ("i", "PA", b"late"), ("o", "A"), ("i", "FA"), ("o", "A")],
    "FIN is acknowledged with FIN": [("i", "FA"), ("o", "FA"), ("i", "A")],
    "reset inside": [("i", "RA")],
    "reset outside": [("o", "RA")],
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_rfc5382_req2_three_way_handshake_and_end(ei, ending):
    c = Conversation(ei, ei.i1, ei.o1).established().all(*ENDINGS[ending])
    assert c.state() == "closing"


def test_rfc5382_req2_simultaneous_close(ei):
    c = Conversation(ei, ei.i1, ei.o1).established()
    fins = {who: c.segment(who, "FA") for who in "io"}
    for who, to in (("i", "o"), ("o", "i")):
        assert len(ei.carry(c.hosts[who], fins[who], c.hosts[to])) == 1
        c.next[who] += 1
    c.all(("i", "A"), ("o", "A"))
    assert c.state() == "closing"


@pytest.mark.parametrize("behaviour", ["ei", "ad", "apd"])
def test_rfc5382_req2a_simultaneous_open(nets, behaviour):
    net = nets[behaviour]
    c = Conversation(net, net.i1, net.o1)
    c.all(("i", "S"), ("o", "S"), ("i", "SA"), ("o", "SA"), ("i", "PA", b"hello"), ("o", "A"), ("i", "FA"))
    # A SYN-ACK repeats the SYN's number.


def test_rfc5382_req2_begun_outside(ei):
    port = ei.port()
    endpoint = ei.map("tcp", ei.i1, port, ei.o1, 80)
    c = Conversation(ei, ei.i1, ei.o2, 3333, endpoint, port)
    c.all(("o", "S"), ("i", "SA"), ("o", "A"), ("o", "PA", b"GET /"), ("i", "PA", b"200"), ("o", "A"), ("i", "FA"),
          ("o", "FA"), ("i", "A"))


def test_rfc5382_req2_repeated_segments_and_a_new_connection(ei):
    """Each segment twice; then the same endpoints again (RFC 1122, 4.2.2.13)."""
    c = Conversation(ei, ei.i1, ei.o1)
    for who, flags in (("i", "S"), ("o", "SA"), ("i", "A"), ("i", "FA"), ("o", "FA"), ("i", "A")):
        seq, ack = c.next[who], c.next["o" if who == "i" else "i"]
        assert c.say(who, flags)
        assert c.say(who, flags, seq=seq, ack=ack), (who, flags)
    again = Conversation(ei, ei.i1, ei.o1, port=c.port, endpoint=c.endpoint)
    again.next = {"i": 900000, "o": 7000000}
    again.established()


# --- RFC 5382 REQ-4: unsolicited SYNs ---


@pytest.mark.parametrize("behaviour", ["ei", "apd"])
def test_rfc5382_req4_an_unsolicited_syn_is_not_answered(nets, behaviour):
    """To a port without a mapping, and to one whose filter does not admit it: for six seconds there is no
    answer (real time); nobody inside sees it."""
    net = nets[behaviour]
    port = net.port()
    endpoint = net.map("tcp", net.i1, port, net.o1, 80)
    syns = [packet("tcp", (net.o2.address, net.port()), (OUTSIDE + "10", 40001))]
    if behaviour == "apd":
        syns.append(packet("tcp", (net.o2.address, net.port()), endpoint))
    began = time.monotonic()
    assert net.carry(net.o2, syns, net.i1) == []
    late_answers(net, syns[0])
    assert time.monotonic() - began >= UNSOLICITED_SEC


def test_rfc5382_req4_a_syn_from_inside_makes_way(nets):
    """The unsolicited one stays dropped; sent again it gets through."""
    net = nets.apd
    port = net.port()
    endpoint = net.map("tcp", net.i1, port, net.o1, 80)
    c = Conversation(net, net.i1, net.o2, 4444, endpoint, port)
    assert not c.say("o", "S")
    seq = c.next["o"]
    c.all(("i", "S"))
    assert c.say("o", "S", seq=seq)
    c.next["o"] = seq + 1
    c.all(("i", "A"), ("o", "A"))


def late_syn(net, endpoint):
    """A SYN that nobody inside gets to see, sent now."""
    syn = packet("tcp", (net.o2.address, net.port()), endpoint, b"open the door")
    assert net.carry(net.o2, syn, net.i1) == []
    return syn, SessionTime(net.lab)


def late_answers(net, last):
    """All that o2 is told until it is about this SYN. They wait in the order in which they came."""
    got = []
    for frame in filter(net.o2.is_mine, net.o2.wire.frames(30)):
        got.append(proven(frame))
        assert is_late_answer(got[-1]), got[-1]
        if source_of(quoted_in(got[-1])) == source_of(last):
            return got
    raise AssertionError(f"no answer; {got}")


@pytest.mark.parametrize("behaviour", ["fast", "shut"])
def test_rfc5382_req4_a_late_port_unreachable(timed, behaviour):
    """After six seconds, once: by the address without a mapping, by the mapping with a filter."""
    net = timed[behaviour]
    endpoint = (OUTSIDE + "10", 40001)
    if behaviour == "shut":
        endpoint = net.map("tcp", net.i1, net.port(), net.o1, 80)
    syn, t = late_syn(net, endpoint)
    t.at(UNSOLICITED_SEC)
    got = late_answers(net, syn)[-1]
    assert (got.src, got[ICMP].type, got[ICMP].code) == (endpoint[0], 3, 3)
    assert (source_of(quoted_in(got)), destination_of(quoted_in(got))) == (source_of(syn), endpoint)
    other, t = late_syn(net, endpoint)
    t.at(UNSOLICITED_SEC)
    assert len(late_answers(net, other)) == 1


def test_rfc5382_req4_no_late_port_unreachable_for_an_opening(timed):
    """The one inside has sent his own SYN meanwhile."""
    net, port = timed.shut, timed.shut.port()
    endpoint = net.map("tcp", net.i1, port, net.o1, 80)
    syn, t = late_syn(net, endpoint)
    Conversation(net, net.i1, net.o2, syn[TCP].sport, endpoint, port).all(("i", "S"))
    other, t = late_syn(net, endpoint)  # behind it would have come the first one's answer
    t.at(UNSOLICITED_SEC)
    assert len(late_answers(net, other)) == 1


# --- RFC 5508: queries ---


@pytest.mark.parametrize("kind, answer", [(8, 0), (13, 14), (15, 16), (17, 18)])
def test_rfc5508_req1_queries(ei, kind, answer):
    """Echo, timestamp, information, address mask."""
    identifier = ei.port()
    sent = packet("icmp", (ei.i1.address, identifier), (ei.o1.address, None), bytes(12), type=kind)
    seen = ei.one(ei.i1, sent, ei.o1)
    assert seen[ICMP].type == kind and seen.src.startswith(OUTSIDE)
    reply = IP(bytes(seen))
    reply.src, reply.dst, reply[ICMP].type = seen.dst, seen.src, answer
    del reply.chksum, reply[ICMP].chksum
    got = ei.one(ei.o1, reply, ei.i1)
    assert (got.src, got.dst, got[ICMP].type, got[ICMP].id) == (ei.o1.address, ei.i1.address, answer, identifier)


def test_rfc5508_req1_no_reply_without_a_query(ei):
    reply = IP(src=ei.o1.address, dst=OUTSIDE + "10") / ICMP(type=0, id=4711) / Raw(b"in")
    assert ei.carry(ei.o1, reply, ei.i1) == []


# --- RFC 5508: errors ---


def quoted_packet(net, protocol="udp", data=b"some data to quote", **fields):
    """(sent, as it was seen outside)"""
    sent = packet(protocol, (net.i1.address, net.port()), (net.o1.address, 80), data, **fields)
    return sent, net.one(net.i1, sent, net.o1)


@pytest.mark.parametrize("protocol", ALL)
@pytest.mark.parametrize("kind", [(3, 1), (11, 0), (12, 0)])
def test_rfc5508_req4_errors_from_outside(ei, protocol, kind):
    sent, seen = quoted_packet(ei, protocol)
    for quote_len in (None, 28):
        got = ei.one(ei.o1, error(*kind, ROUTER, seen, quote_len), ei.i1)
        check_error(got, seen, sent, kind, ROUTER)


def test_rfc5508_req4_no_mapping_no_error(ei):
    """Silently dropped: another endpoint, another protocol, another remote."""
    _, seen = quoted_packet(ei)
    for change in ({"sport": seen[UDP].sport ^ 1}, {"dport": 81}):
        other = IP(bytes(seen))
        for key, value in change.items():
            setattr(other[UDP], key, value)
        assert ei.carry(ei.o1, error(3, 3, ROUTER, IP(bytes(other))), ei.i1) == []
    other = IP(bytes(seen))
    other.proto = 6
    assert ei.carry(ei.o1, error(3, 3, ROUTER, other), ei.i1) == []


@pytest.mark.parametrize("protocol", ALL)
@pytest.mark.parametrize("source", ["the endpoint", "a router inside"])
def test_rfc5508_req5_errors_from_inside(ei, protocol, source):
    """What is behind the NAT is not seen: any sender shows the mapping's address (c)."""
    if protocol == "icmp":
        query = IP(src=ei.o1.address, dst=STATIC) / ICMP(id=ei.port(), seq=1) / Raw(b"who?")
        seen, inside, endpoint = ei.one(ei.o1, query, ei.i3), ei.i3, (STATIC, query[ICMP].id)
    else:
        port = ei.port()
        endpoint, inside = ei.map(protocol, ei.i1, port, ei.o1), ei.i1
        seen = ei.one(ei.o1, packet(protocol, (ei.o1.address, 99), endpoint, b"who?"), ei.i1)
    by = inside.address if source == "the endpoint" else LAN + "77"
    got = ei.one(inside, error(3, 3, by, seen), ei.o1)
    assert (got.src, got.dst, got[ICMP].type, got[ICMP].code) == (endpoint[0], ei.o1.address, 3, 3)
    inner = quoted_in(got)
    assert inner.dst == endpoint[0] and LAN.encode() not in bytes(got)
    assert destination_of(inner) == endpoint
    assert bytes(map(int, inside.address.split("."))) not in bytes(got)


def test_rfc5508_req5_no_mapping_no_error(ei):
    stray = packet("udp", (ei.o1.address, 5), (ei.i1.address, 6), b"never came")
    assert ei.carry(ei.i1, error(3, 3, ei.i1.address, stray), ei.o1) == []


def test_rfc5508_req3_bad_checksum_of_an_error(ei):
    _, seen = quoted_packet(ei)
    bad = error(3, 3, ROUTER, seen)
    bad[ICMP].chksum = 0x1234
    assert ei.carry(ei.o1, bad, ei.i1) == []


def test_rfc5508_req3a_bad_checksum_of_the_quoted_ip_header(ei):
    _, seen = quoted_packet(ei)
    broken = IP(bytes(seen))
    broken.chksum ^= 0x5555
    assert ei.carry(ei.o1, error(3, 3, ROUTER, broken), ei.i1) == []


def test_rfc5508_req3b_options_in_the_quoted_header(ei):
    sent, seen = quoted_packet(ei)
    with_options = IP(bytes(seen))
    with_options.options = [b"\x07\x07\x08\xc0\x00\x02\x01\x00"]  # a route that was recorded on the way
    del with_options.ihl, with_options.len, with_options.chksum
    got = ei.one(ei.o1, error(11, 0, ROUTER, IP(bytes(with_options))), ei.i1)
    inner = quoted_in(got)
    assert inner.ihl == 7 and (inner.src, inner.dst) == (sent.src, sent.dst)
    assert bytes(inner.payload) == bytes(IP(bytes(sent)).payload)


@pytest.mark.parametrize("protocol", ALL)
def test_rfc5508_req3c_the_quoted_l4_checksum_is_not_checked(ei, protocol):
    _, seen = quoted_packet(ei, protocol)
    broken = IP(bytes(seen))
    broken[{"udp": UDP, "tcp": TCP, "icmp": ICMP}[protocol]].chksum ^= 0x5555
    assert len(ei.carry(ei.o1, error(3, 1, ROUTER, broken), ei.i1)) == 1


def test_rfc5508_req3d_extensions(ei):
    """RFC 4884: a quote of 128 bytes, padded, and an extension (RFC 4950) behind it: left as they are."""
    sent, seen = quoted_packet(ei)
    extension = bytes.fromhex("2000dfff0008010100010140")
    padded = bytes(seen).ljust(128, b"\0")
    p = IP(src=ROUTER, dst=seen.src) / ICMP(type=11, length=len(padded) // 4) / Raw(padded + extension)
    got = ei.one(ei.o1, p, ei.i1)
    raw = bytes(got[ICMP].payload)
    assert len(raw) == 128 + len(extension) and raw.endswith(extension) and bytes(got[ICMP])[5] == 32
    inner = IP(raw[:len(seen)])
    assert source_of(inner) == source_of(sent) and raw[len(seen):128] == bytes(128 - len(seen))
    assert bytes(inner.payload) == bytes(IP(bytes(sent)).payload)


def test_rfc5508_req10a_unreachable_time_exceeded_echo(ei):
    """Of the router that the NAT stands at."""
    late = packet("udp", (ei.i1.address, ei.port()), (ei.o1.address, 80))
    late.ttl = 1
    got = ei.one(ei.i1, late, ei.i1)
    assert (got.src, got[ICMP].type, got[ICMP].code) == (LAN + "1", 11, 0)
    got = ei.one(ei.i1, packet("udp", (ei.i1.address, ei.port()), ("203.0.113.1", 80)), ei.i1)
    assert (got.src, got[ICMP].type) == (LAN + "1", 3)
    for address in (LAN + "1", OUTSIDE + "1"):
        got = ei.one(ei.i1, packet("icmp", (ei.i1.address, 5), (address, None)), ei.i1)
        assert (got.src, got[ICMP].type) == (address, 0)


def test_rfc5508_req10a_time_exceeded_from_outside_shows_no_inside(ei):
    """A packet from outside ends behind the NAT: the error is about what was sent, from the mapping."""
    port = ei.port()
    endpoint = ei.map("udp", ei.i1, port, ei.o1)
    late = packet("udp", (ei.o1.address, 80), endpoint, b"late")
    late.ttl = 1
    got = ei.one(ei.o1, late, ei.o1)
    assert (got.src, got[ICMP].type, got[ICMP].code) == (endpoint[0], 11, 0)
    assert destination_of(quoted_in(got)) == endpoint


@pytest.mark.parametrize("kind", [5, 9, 10, 40, 253])
def test_rfc5508_req11_other_messages_show_no_inside(ei, kind):
    """Neither queries nor errors: they may be dropped; with an address of the inside nothing leaves."""
    got = ei.carry(ei.i1, IP(src=ei.i1.address, dst=ei.o1.address) / ICMP(type=kind) / Raw(bytes(28)), ei.o1)
    assert not any(p.src.startswith(LAN) for p in got)


# --- RFC 7857 10: identification ---


def test_rfc7857_10_identifications_are_apart(ei):
    """Fragmentable packets of two hosts that share an address, to one destination: not with one
    identification (RFC 6864, 5.3.1)."""
    seen = {}
    for n in range(60, 70):
        p = packet("udp", (f"{LAN}{n}", 5000), (ei.o1.address, 80), ip_id=4711)
        got = ei.one(ei.i1, p, ei.o1)
        seen.setdefault(got.src, []).append(got.id)
    assert all(len(set(ids)) == len(ids) for ids in seen.values())


# --- RFC 5961: blind attacks. "i" and "o" take turns as the one attacked ---


@pytest.mark.parametrize("who, victim", ["oi", "io"])
def test_rfc5961_3_a_reset_must_be_exact(ei, who, victim):
    c = Conversation(ei, ei.i1, ei.o1).established()
    number = c.next[who]
    # In the window, not exact: the receiver answers by a challenge ACK, all goes on.
    assert c.say(who, "R", seq=number + 100)
    assert c.state() == "established"
    c.all((victim, "A"), (who, "PA", b"still here"))
    number = c.next[who]
    # Out of the window: not even seen.
    assert not c.say(who, "R", seq=number + 0x40000000)
    assert not c.say(who, "R", seq=number - 0x40000000)
    assert c.state() == "established"
    assert c.say(who, "R", seq=number)
    assert c.state() == "closing"


@pytest.mark.parametrize("who, victim", ["oi", "io"])
def test_rfc5961_4_a_syn_ends_nothing(ei, who, victim):
    """Whatever its number. It passes, the challenge ACK passes, and then decides what the answer says."""
    c = Conversation(ei, ei.i1, ei.o1).established()
    for number in (c.next[who], c.next[who] + 1000, c.next[who] + 0x70000000):
        c.say(who, "S", seq=number)
        assert c.state() == "established"
        c.all((victim, "A"))
    c.all((who, "PA", b"still here"), (victim, "PA", b"so am I"))
    # A host that has begun anew answers the challenge with a RST of the number asked for.
    assert c.say(who, "R", seq=c.next[who])
    assert c.state() == "closing"


@pytest.mark.parametrize("who, victim", ["oi", "io"])
def test_rfc5961_5_data_with_an_impossible_acknowledgment(ei, who, victim):
    """5.2: beyond what was sent, or older than the largest window."""
    c = Conversation(ei, ei.i1, ei.o1).established()
    for ack in (c.next[victim] + 1000, c.next[victim] + 0x7fff0000, c.next[victim] - 0x1000000):
        assert not c.say(who, "PA", b"injected", seq=c.next[who], ack=ack)
    assert not c.say(who, "PA", b"injected", seq=c.next[who] + 0x1000000)
    c.all((who, "PA", b"genuine"), (victim, "A"))
    assert c.state() == "established"


def test_rfc5961_3_a_reset_of_an_opening(ei):
    """In SYN-SENT only one that acknowledges the SYN counts (RFC 9293, 3.10.7.3)."""
    c = Conversation(ei, ei.i1, ei.o1).all(("i", "S"))
    assert not c.say("o", "RA", ack=c.next["i"] + 7)
    assert c.say("o", "RA")
    assert c.state() == "closing"


# --- timers: 4787 REQ-5 and REQ-6, 5382 REQ-5, 5508 REQ-2 and REQ-6, 7857 2 and 7 ---
# Time passes at once, so what a test asks before a timer ends it may ask slowly. A mapping is probed from a
# host that it has not spoken to.

UDP_SEC, TRANSITORY_SEC, ESTABLISHED_SEC, QUERY_SEC, UNSOLICITED_SEC = 300, 240, 7440, 60, 6  # the defaults
LATE_SEC = 5  # ageing visits each session within some two seconds


def is_mapped(net, protocol, endpoint, port):
    return net.enter(protocol, net.o2, net.port(), endpoint, net.i1, port)


def wait_end(is_there):
    wait_until(lambda: not is_there(), 30, "the session ends")


def test_rfc4787_req5_a_udp_mapping_lives_two_minutes(fast):
    """Five, by default (REQ-5 c), then it ends."""
    ports = fast.port(), fast.port()
    endpoints = [fast.map("udp", fast.i1, port, fast.o1, 3478) for port in ports]
    t = SessionTime(fast.lab)
    t.at(125)
    assert is_mapped(fast, "udp", endpoints[0], ports[0])
    t.at(UDP_SEC + LATE_SEC)
    wait_end(lambda: fast.sessions("udp", ports[1]))
    assert not is_mapped(fast, "udp", endpoints[1], ports[1])


def test_rfc4787_req6_outbound_packets_refresh(fast):
    port = fast.port()
    endpoint = fast.map("udp", fast.i1, port, fast.o1)
    for _ in range(3):
        SessionTime(fast.lab).at(200)
        assert fast.map("udp", fast.i1, port, fast.o1) == endpoint
    assert is_mapped(fast, "udp", endpoint, port)


@pytest.mark.parametrize("behaviour", ["fast", "outward"])
def test_rfc4787_req6_rfc7857_6_1_inbound_packets_refresh_or_not(timed, behaviour):
    """As configured (REQ-6 a): of a remote endpoint that was spoken to, and of others."""
    net, port = timed[behaviour], timed[behaviour].port()
    endpoint, others_port = net.map("udp", net.i1, port, net.o1), net.port()
    for _ in range(2):
        SessionTime(net.lab).at(200)
        for o, remote_port in ((net.o1, 80), (net.o2, others_port)):
            net.enter("udp", o, remote_port, endpoint, net.i1, port)
    assert is_mapped(net, "udp", endpoint, port) == (behaviour == "fast")


def test_rfc4787_req6_an_answer_to_another_host_refreshes(timed):
    """It is an outbound packet, whoever began."""
    net, port = timed.outward, timed.outward.port()
    endpoint, others_port = net.map("udp", net.i1, port, net.o1), net.port()
    assert net.enter("udp", net.o2, others_port, endpoint, net.i1, port)
    for _ in range(2):
        SessionTime(net.lab).at(200)
        assert net.map("udp", net.i1, port, net.o2, others_port) == endpoint
    assert is_mapped(net, "udp", endpoint, port)


def test_rfc4787_req12_rfc7857_7_errors_do_not_refresh(fast):
    """Inbound ones, and answers of the inside host that are errors."""
    port = fast.port()
    sent = packet("udp", (fast.i1.address, port), (fast.o1.address, 80), b"quote me")
    seen = fast.one(fast.i1, sent, fast.o1)
    t = SessionTime(fast.lab)
    t.at(200)
    assert len(fast.carry(fast.o1, error(3, 3, fast.o1.address, seen), fast.i1)) == 1
    assert fast.sessions("udp", port)[0]["expires"] <= UDP_SEC - 200
    t.at(UDP_SEC + LATE_SEC)
    wait_end(lambda: fast.sessions("udp", port))


def test_rfc5508_req2_a_query_lives_a_minute(fast):
    """And an error about it neither ends it nor keeps it alive (REQ-6)."""
    identifiers = fast.port(), fast.port()
    endpoints = [fast.map("icmp", fast.i1, n, fast.o1) for n in identifiers]
    t = SessionTime(fast.lab)
    quoted = packet("icmp", endpoints[0], (fast.o1.address, None), b"out")
    assert len(fast.carry(fast.o1, error(11, 0, ROUTER, quoted), fast.i1)) == 1
    t.at(QUERY_SEC // 2)
    assert fast.enter("icmp", fast.o1, None, endpoints[1], fast.i1, identifiers[1])
    assert len(fast.carry(fast.o1, error(11, 0, ROUTER, quoted), fast.i1)) == 1
    assert [s["expires"] <= QUERY_SEC // 2 for s in fast.sessions("icmp", identifiers[0])] == [True]
    t.at(QUERY_SEC + LATE_SEC)
    wait_end(lambda: fast.sessions("icmp", identifiers[0]))
    assert not fast.enter("icmp", fast.o1, None, endpoints[0], fast.i1, identifiers[0])


def test_rfc5382_req5_rfc7857_2_1_an_opening_lives_four_minutes(fast):
    """A SYN from inside; and one that is answered, but not acknowledged."""
    alone, answered = Conversation(fast, fast.i1, fast.o1), Conversation(fast, fast.i1, fast.o1)
    alone.all(("i", "S"))
    answered.all(("i", "S"), ("o", "SA"))
    t = SessionTime(fast.lab)
    t.at(TRANSITORY_SEC // 2)
    assert [c.state() for c in (alone, answered)] == ["opening"] * 2
    t.at(TRANSITORY_SEC + LATE_SEC)
    for c in (alone, answered):
        wait_end(c.state)
    assert not answered.say("o", "SA", seq=0)


@pytest.mark.parametrize("end", ["i RST", "o RST", "FIN", "both FIN"])
def test_rfc5382_req5_rfc7857_2_2_a_closing_lives_four_minutes(fast, end):
    """A mapping survives the RST by four minutes, its packets go on being translated."""
    c = Conversation(fast, fast.i1, fast.o1).established()
    c.all(*{"i RST": [("i", "R")], "o RST": [("o", "R")], "FIN": [("i", "FA")],
            "both FIN": [("i", "FA"), ("o", "FA"), ("i", "A")]}[end])
    t = SessionTime(fast.lab)
    t.at(TRANSITORY_SEC // 2)
    assert c.state() == "closing"
    t.at(TRANSITORY_SEC + LATE_SEC)
    wait_end(c.state)
    assert not is_mapped(fast, "tcp", c.endpoint, c.port)


def test_rfc5382_req4_an_unsolicited_opening_is_short(fast):
    """Let in by the filter, answered by nobody: forgotten after six seconds, not before; the mapping's own
    connection lives on."""
    own = Conversation(fast, fast.i1, fast.o1).established()
    t = SessionTime(fast.lab)
    Conversation(fast, fast.i1, fast.o2, fast.port(), own.endpoint, own.port).all(("o", "S"))

    def unsolicited():
        return [s for s in fast.sessions("tcp", own.port) if s["begun"] == "outside"]
    rows = unsolicited()
    assert [r["expires"] <= UNSOLICITED_SEC for r in rows] == [True] or t.now() >= UNSOLICITED_SEC
    t.at(UNSOLICITED_SEC + LATE_SEC)
    wait_end(unsolicited)
    assert own.state() == "established"


def test_rfc5382_req5_an_idle_connection_lives_two_hours(fast):
    """And four minutes."""
    alive, dead = [Conversation(fast, fast.i1, fast.o1).established() for _ in range(2)]
    t = SessionTime(fast.lab)
    t.at(2 * 3600)
    assert [c.state() for c in (alive, dead)] == ["established"] * 2
    assert alive.say("o", "PA", b"still there?")
    t.at(ESTABLISHED_SEC + LATE_SEC)
    wait_end(dead.state)
    assert not is_mapped(fast, "tcp", dead.endpoint, dead.port)
    assert alive.state() == "established"
