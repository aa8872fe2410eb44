# SPDX-License-Identifier: BSD-3-Clause
"""Protocols other than TCP, UDP and ICMP through a firewall and a NAT, and errors about them: the session is found
by the packet that an error quotes, whatever that carries. Hosts are frames of this file.

    i1 .11 ┐                                      ┌ o1 .201
    i2 .12 ┼ lan ── gw ── edge: fw, nat ── net ───┤
           ┘ 10.0.0.0/24       198.51.100.0/24    └ o2 .202
"""
import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.sctp import SCTP, SCTPChunkAbort, SCTPChunkInit, SCTPChunkInitAck
from scapy.packet import Raw

from tests.lib.hosts import TAG
from tests.lib.lab import Lab, run
from tests.lib.nat_net import LAN, OUTSIDE, NatNet, error, quoted_in

GRE, ESP, UNKNOWN, SCTP_NUMBER = 47, 50, 253, 132
POOL = [OUTSIDE + "10", OUTSIDE + "11"]
ROUTER = "192.0.2.77"


@pytest.fixture(scope="module", name="net")
def net_fixture():
    nat = f"source: [{{seq: 10, prefix: {LAN}0/24, pool: [{POOL[0]}-{POOL[1]}]}}]"
    with Lab() as lab:
        namespace = f"{TAG}-p"
        lab.namespaces.append(namespace)
        run("ip", "netns", "add", namespace)
        run("ip", "netns", "exec", namespace, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
        net = NatNet(1, "blue", nat)
        lab.start()
        lab.apply("tenants:\n" + net.text(namespace).replace(
            "default: allow", "rules: [{seq: 10, direction: out, action: allow}, "
            "{seq: 20, direction: in, protocol: udp, action: allow}]"))  # in: markers
        net.open(lab, namespace)
        yield net
        net.close()


def plain(protocol, source, destination, text):
    return IP(src=source, dst=destination, proto=protocol) / Raw(text)


def check_errors(net, sent, seen, answer, got):
    """From a router outside about what went out, from the host inside about what came in."""
    about = net.one(net.o1, error(3, 2, ROUTER, seen, 28), net.i1)
    inner = quoted_in(about)
    assert (about.src, about.dst, inner.src, inner.dst, inner.proto) == (ROUTER, net.i1.address, net.i1.address,
                                                                       net.o1.address, sent.proto)
    assert bytes(inner.payload) == bytes(sent.payload)[:8]
    about = net.one(net.i1, error(3, 2, net.i1.address, got, 28), net.o1)
    inner = quoted_in(about)
    assert (about.src, about.dst, inner.src, inner.dst) == (seen.src, net.o1.address, net.o1.address, seen.src)
    assert bytes(inner.payload) == bytes(answer.payload)[:8]
    assert about[ICMP].type == 3


@pytest.mark.parametrize("protocol", [GRE, ESP, UNKNOWN])
def test_by_address_pair(net, protocol):
    """Bytes behind the IP header stay. Who speaks to the same host from inside, too, has the other address."""
    sent = plain(protocol, net.i1.address, net.o1.address, b"tunnelled bytes")
    seen = net.one(net.i1, sent, net.o1)
    assert seen.src in POOL and (seen.proto, bytes(seen.payload)) == (protocol, b"tunnelled bytes")
    answer = plain(protocol, net.o1.address, seen.src, b"and back again")
    got = net.one(net.o1, answer, net.i1)
    assert (got.src, got.dst, bytes(got.payload)) == (net.o1.address, net.i1.address, b"and back again")
    check_errors(net, sent, seen, answer, got)
    other = net.one(net.i2, plain(protocol, net.i2.address, net.o1.address, b"tunnelled bytes"), net.o1)
    assert other.src in POOL and other.src != seen.src
    # Another protocol, another remote: of no session.
    for stray in (plain(protocol + 1, net.o1.address, seen.src, b"stray"),
                  plain(protocol, net.o2.address, seen.src, b"stray")):
        assert net.carry(net.o1 if stray.src == net.o1.address else net.o2, stray, net.i1) == []
    assert net.carry(net.o1, error(3, 2, ROUTER, plain(protocol + 1, seen.src, net.o1.address, b"stray")), net.i1) == []


def is_sound(p):
    """The CRC of RFC 9260, appendix A."""
    again = SCTP(bytes(p.payload))
    checksum, again.chksum = again.chksum, None
    return SCTP(bytes(again)).chksum == checksum


def test_sctp(net):
    sent = (IP(src=net.i1.address, dst=net.o1.address, proto=SCTP_NUMBER) / SCTP(sport=5000, dport=5001, tag=0) /
            SCTPChunkInit(init_tag=7, a_rwnd=65536, n_out_streams=1, n_in_streams=1, init_tsn=1))
    seen = net.one(net.i1, sent, net.o1)
    port = SCTP(bytes(seen.payload)).sport
    assert seen.src in POOL and is_sound(seen)
    answer = (IP(src=net.o1.address, dst=seen.src, proto=SCTP_NUMBER) / SCTP(sport=5001, dport=port, tag=7) /
              SCTPChunkInitAck(init_tag=8, a_rwnd=65536, n_out_streams=1, n_in_streams=1, init_tsn=1))
    got = net.one(net.o1, answer, net.i1)
    assert (got.dst, SCTP(bytes(got.payload)).dport) == (net.i1.address, 5000) and is_sound(got)
    about = quoted_in(net.one(net.o1, error(3, 2, ROUTER, seen), net.i1))
    assert (about.src, SCTP(bytes(about.payload)).sport) == (net.i1.address, 5000) and is_sound(about)
    about = quoted_in(net.one(net.i1, error(3, 2, net.i1.address, got), net.o1))
    assert (about.dst, SCTP(bytes(about.payload)).dport) == (seen.src, port) and is_sound(about)
    # A tag that is not the association's ends nothing (RFC 9260, 8.5).
    abort = (IP(src=net.o1.address, dst=seen.src, proto=SCTP_NUMBER) / SCTP(sport=5001, dport=port, tag=9) /
             SCTPChunkAbort())
    assert net.carry(net.o1, abort, net.i1) == []
