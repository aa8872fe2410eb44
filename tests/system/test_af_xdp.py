# SPDX-License-Identifier: BSD-3-Clause
"""A kernel interface under the dataplane, by AF_XDP, while the kernel keeps its own traffic on it.

    far (namespace)       host (namespace)            near (namespace)
    10.9.0.2  ── veth ── up (af-xdp) ── lan ── t0 (tap) 10.9.0.3
                          └ the kernel's own: 10.9.0.1

The host is a namespace as well: a machine's own firewall may refuse what comes in.
"""
import array
import json
import os
import re
import signal
import socket
import struct
import subprocess
import time

import pytest

from tests.lib.hosts import inside
from tests.lib.lab import ROOT, Lab, run, wait_until
from tests.lib.pings import Pings

TAG = f"cx{os.getpid() % 100000}"
UP, PEER, TAP, FAR, NEAR, HOST = (TAG + suffix for suffix in ("u", "p", "t", "f", "n", "h"))
BUILD = os.environ.get("CULVERT_BUILD", "build")
SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 263, 8, 16
BPFTOOL = "/usr/sbin/bpftool"
OBJECT = os.path.join(BUILD, "control", "xdp", "culvert_xdp.bpf.o")


def config(uplink="", ports="", switches=""):
    return f"""
tenants:
- name: blue
  ports:
  - {{name: up, type: af-xdp, interface: {UP}{uplink}}}
  - {{name: t0, type: tap, interface: {TAP}, network-namespace: {NEAR}}}
{ports}
  switches:
  - {{name: lan, members: [up, t0]}}
{switches}
"""


class Wire:
    """The veth pair and what is behind it; the namespace that near is to be in."""

    def __init__(self):
        run("ip", "netns", "add", FAR)
        run("ip", "netns", "add", NEAR)
        self.plug()

    @staticmethod
    def plug(mtu=1500, queues=1):
        # Native XDP on a veth wants as many receive queues as the peer has to send by.
        many = ["numrxqueues", str(queues), "numtxqueues", str(queues)] if queues > 1 else []
        run("ip", "link", "add", UP, "mtu", str(mtu), *many, "type", "veth", "peer", "name", PEER,
            "mtu", str(mtu), *many, "netns", FAR)
        for words in (["-n", FAR, "link", "set", PEER, "up"], ["-n", FAR, "link", "set", "lo", "up"],
                      ["-n", FAR, "addr", "add", "10.9.0.2/24", "dev", PEER],
                      ["link", "set", UP, "up"], ["addr", "add", "10.9.0.1/24", "dev", UP]):
            run("ip", *words)
        # VLAN tags that the peer leaves to its "hardware" are nowhere in the frame.
        run("ip", "netns", "exec", FAR, "ethtool", "-K", PEER, "txvlan", "off")

    @staticmethod
    def unplug():
        run("ip", "link", "del", UP, check=False)

    def close(self):
        self.unplug()
        run("ip", "netns", "del", FAR, check=False)
        run("ip", "netns", "del", NEAR, check=False)


@pytest.fixture(scope="module", autouse=True)
def host():
    run("ip", "netns", "add", HOST)
    run("ip", "-n", HOST, "link", "set", "lo", "up")
    with inside(HOST):
        yield
    run("ip", "netns", "del", HOST)


@pytest.fixture
def wire():
    wire = Wire()
    yield wire
    wire.close()


def settle(lab, mtu=1500):
    """Near has its address, and its way to far."""
    lab.wait_port("up")
    lab.wait_port("t0")
    run("ip", "-n", NEAR, "addr", "add", "10.9.0.3/24", "dev", TAP)
    run("ip", "-n", NEAR, "link", "set", TAP, "mtu", str(mtu), "up")
    wait_until(lambda: reaches(NEAR, "10.9.0.2"), 10, "near reaches far")


@pytest.fixture
def net(wire, lab):
    """Both processes, the uplink, and near behind a tap."""
    lab.start()
    lab.apply(config())
    settle(lab)
    return lab


def far(*command, **kwargs):
    return Lab.ns_exec(FAR, *command, **kwargs)


def ping(namespace, address, *options):
    words = ["ping", "-c", "1", "-W", "1", *options, address]
    return run(*(["ip", "netns", "exec", namespace] if namespace else []), *words, check=False)


def reaches(namespace, address, *options):
    return ping(namespace, address, *options).returncode == 0


def program():
    """(id, name) of the XDP program on the uplink, None if there is none."""
    link = json.loads(run("ip", "-j", "-d", "link", "show", UP).stdout)[0]
    return (link["xdp"]["prog"]["id"], link["xdp"]["prog"]["name"]) if "xdp" in link else None


def counter(lab, name, port="up"):
    return lab.port(port).get("xdp-" + name, 0)


def iperf(client, server, address, port, seconds=2):
    """Bits a second of TCP from one namespace (None: the host) to another."""
    prefix = {name: ["ip", "netns", "exec", name] if name else [] for name in (client, server)}
    with subprocess.Popen(prefix[server] + ["iperf3", "-s", "-1", "-p", str(port)],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            wait_until(lambda: f":{port} " in run(*prefix[server], "ss", "-ltnH").stdout, 5, "iperf3")
            result = run(*prefix[client], "iperf3", "-c", address, "-p", str(port), "-t",
                         str(seconds), "--json", seconds=30)
        finally:
            process.kill()
    return json.loads(result.stdout)["end"]["sum_received"]["bits_per_second"]


def test_guest_and_kernel_share_the_interface(net):
    assert "up" in net.culvert("show", "ports").stdout
    assert net.port("up")["xdp-mode"] == "native, copy"
    assert reaches(FAR, "10.9.0.3") and reaches(FAR, "10.9.0.1") and reaches(None, "10.9.0.2")
    before = net.port("up")
    assert Pings(NEAR, "10.9.0.2").lost(20) == 0
    pings = [Pings(None, "10.9.0.2"), Pings(FAR, "10.9.0.1")]
    # The peer of a veth leaves its checksums to us, near its large frames.
    assert iperf(FAR, NEAR, "10.9.0.3", 5301) > 1e7
    assert iperf(NEAR, FAR, "10.9.0.2", 5302) > 1e7
    assert iperf(FAR, None, "10.9.0.1", 5303) > 1e7
    assert [p.lost() for p in pings] == [0, 0]
    after = net.port("up")
    assert after["xdp-redirected"] - before["xdp-redirected"] > 1000
    assert after["xdp-passed"] - before["xdp-passed"] > 1000
    assert "OFFLOAD_MISMATCH" not in net.drops("up")
    text = net.culvert("show", "ports").stdout
    assert re.search(r"XDP PORT +MODE +REDIRECTED +PASSED +DENIED +MALFORMED", text), text
    assert re.search(r"blue/up +native, copy +[0-9]", text), text


def test_ipv6(net):
    for words in (["-n", FAR, "addr", "add", "fd09::2/64", "dev", PEER, "nodad"],
                  ["-n", NEAR, "addr", "add", "fd09::3/64", "dev", TAP, "nodad"],
                  ["addr", "add", "fd09::1/64", "dev", UP, "nodad"]):
        run("ip", *words)
    wait_until(lambda: reaches(FAR, "fd09::1"), 5, "far reaches the kernel")
    wait_until(lambda: reaches(FAR, "fd09::3"), 5, "far reaches near")
    assert reaches(NEAR, "fd09::2") and reaches(None, "fd09::2")


def has_vlan_interfaces():
    probe = ("ip", "link", "add", "cxprobe", "link", "lo", "type", "vlan", "id", "9")
    found = run(*probe, check=False).returncode == 0
    if found:
        run("ip", "link", "del", "cxprobe")
    return found


class Wiretap:
    """A raw socket on an interface in a namespace: what other end sees frame by frame."""

    def __init__(self, namespace, interface):
        with inside(namespace):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            self.socket.bind((interface, 0))
            self.socket.settimeout(0.2)

    def send(self, frame):
        self.socket.send(frame)

    def receive(self):
        """A frame with the VLAN tag that the kernel has taken out in its place."""
        data, rights, _, _ = self.socket.recvmsg(65536, 128)
        for _, kind, words in rights:
            status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", words[:20])
            if kind == PACKET_AUXDATA and status & TP_STATUS_VLAN_VALID:
                data = data[:12] + struct.pack(">HH", tpid, tci) + data[12:]
        return data

    def sees(self, wanted, seconds=3):
        """Whether a frame with these bytes comes by."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if wanted in self.receive():
                    return True
            except TimeoutError:
                pass
        return False


def frame(text, vlans=(), to="ff:ff:ff:ff:ff:ff", source="02:00:00:00:09:01"):
    tags = b"".join(struct.pack(">HH", 0x8100, vlan) for vlan in vlans)
    return (bytes.fromhex((to + source).replace(":", "")) + tags + b"\x88\xb5" + text).ljust(64, b"\0")


def test_vlans(net):
    tap, near = TAP + "2", NEAR + "2"
    net.apply(config(ports=f"  - {{name: t1, type: tap, interface: {tap}}}",
                     switches="  - {name: lan20, members: [up.20, t1]}"))
    net.namespace(near, tap, "10.20.0.3/24")
    net.wait_port("t1")
    here, there = Wiretap(near, tap), Wiretap(FAR, PEER)
    there.send(frame(b"to VLAN 20", [20]))
    assert here.sees(b"\x88\xb5to VLAN 20")
    here.send(frame(b"from VLAN 20", source="02:00:00:00:09:02"))
    assert there.sees(struct.pack(">HHH", 0x8100, 20, 0x88b5) + b"from VLAN 20")
    there.send(frame(b"to VLAN 21", [21]))
    wait_until(lambda: net.drops("up").get("VLAN_UNKNOWN"), 3, "VLAN 21 is nobody's")
    assert reaches(NEAR, "10.9.0.2")


def check_vlans_of_the_kernel(net):
    for words in (["-n", FAR, "link", "add", f"{PEER}.9", "link", PEER, "type", "vlan", "id", "9"],
                  ["-n", FAR, "addr", "add", "10.30.0.2/24", "dev", f"{PEER}.9"],
                  ["-n", FAR, "link", "set", f"{PEER}.9", "up"],
                  ["link", "add", f"{UP}.9", "link", UP, "type", "vlan", "id", "9"],
                  ["addr", "add", "10.30.0.1/24", "dev", f"{UP}.9"],
                  ["link", "set", f"{UP}.9", "up"]):
        run("ip", *words)
    wait_until(lambda: reaches(FAR, "10.30.0.1"), 5, "far reaches the kernel in its VLAN")
    before = counter(net, "redirected")
    far("ping", "-c", "20", "-i", "0.02", "10.30.0.1")
    assert counter(net, "redirected") - before < 20
    # Once it is attached, it is the dataplane's.
    tap = TAP + "2"
    net.apply(config(ports=f"  - {{name: t1, type: tap, interface: {tap}}}",
                     switches="  - {name: lan9, members: [up.9, t1]}"))
    assert not reaches(FAR, "10.30.0.1")


# Where the kernel has no VLAN interfaces, tests/unit/xdp has their part of the program.
if has_vlan_interfaces():
    test_vlans_of_the_kernel = check_vlans_of_the_kernel


def test_steering(net):
    net.apply(config(uplink=", steering: {addresses: [10.9.0.3]}"))
    assert reaches(FAR, "10.9.0.3") and reaches(FAR, "10.9.0.1")
    before = counter(net, "redirected")
    far("ping", "-c", "20", "-i", "0.02", "-b", "10.9.0.255", check=False)  # broadcast: the kernel's
    far("ping", "-c", "20", "-i", "0.02", "10.9.0.1")
    assert counter(net, "redirected") - before < 20  # some neighbours are asked again
    net.apply(config(uplink=", broadcast: dataplane, steering: {addresses: [10.9.0.3]}"))
    far("ping", "-c", "20", "-i", "0.02", "-b", "10.9.0.255", check=False)
    assert counter(net, "redirected") >= before + 20
    # By the MAC address: without a claim on its ARP requests near is found only by who knows it.
    mac = json.loads(run("ip", "-n", NEAR, "-j", "link", "show", TAP).stdout)[0]["address"]
    net.apply(config(uplink=f", steering: {{mac-addresses: ['{mac}']}}"))
    run("ip", "-n", FAR, "neigh", "flush", "dev", PEER)
    assert not reaches(FAR, "10.9.0.3")
    run("ip", "-n", FAR, "neigh", "replace", "10.9.0.3", "lladdr", mac, "dev", PEER)
    run("ip", "-n", NEAR, "neigh", "replace", "10.9.0.2", "lladdr", far(
        "cat", f"/sys/class/net/{PEER}/address").stdout.strip(), "dev", TAP)
    assert reaches(FAR, "10.9.0.3")


def test_deny_list_is_edited_live(net):
    run("ip", "-n", FAR, "addr", "add", "10.9.0.66/24", "dev", PEER)
    assert reaches(FAR, "10.9.0.3", "-I", "10.9.0.66") and reaches(FAR, "10.9.0.1", "-I", "10.9.0.66")
    loaded = program()
    others = Pings(FAR, "10.9.0.3")
    net.apply(config(uplink=", drop-prefixes: [10.9.0.64/26, 'fd09:bad::/32']"))
    for address in ("10.9.0.3", "10.9.0.1"):
        before = counter(net, "denied")
        far("ping", "-c", "10", "-i", "0.02", "-W", "0.1", "-I", "10.9.0.66", address, check=False)
        wait_until(lambda n=before: counter(net, "denied") - n == 10, 5, "all are denied")
    net.apply(config(uplink=", drop-prefixes: ['fd09:bad::/32']"))
    before = counter(net, "denied")
    assert reaches(FAR, "10.9.0.3", "-I", "10.9.0.66") and reaches(FAR, "10.9.0.1", "-I", "10.9.0.66")
    assert counter(net, "denied") == before
    assert program() == loaded, "the program was not touched"
    assert others.lost() == 0


def test_a_long_deny_list(net):
    prefixes = [f"10.{64 + i // 256}.{i % 256}.0/24" for i in range(10000)]
    net.apply(config(uplink=f", drop-prefixes: [{', '.join(prefixes)}]"))
    assert reaches(FAR, "10.9.0.3")
    run("ip", "-n", FAR, "addr", "add", "10.80.7.1/24", "dev", PEER)
    before = counter(net, "denied")
    assert not reaches(FAR, "10.9.0.3", "-I", "10.80.7.1")
    wait_until(lambda: counter(net, "denied") == before + 1, 5, "it is denied")


def test_traffic_goes_on_without_culvertd(net):
    loaded, before = program(), counter(net, "redirected")
    pings = [Pings(NEAR, "10.9.0.2"), Pings(None, "10.9.0.2")]
    net.kill(net.culvertd)
    assert program() == loaded
    wait_until(lambda: pings[0].process.poll() is None, 1, "pings run")
    net.start_culvertd()
    assert [p.lost() for p in pings] == [0, 0]
    assert program() == loaded, "the program was adopted"
    assert counter(net, "redirected") > before, "with its counters"
    run("ip", "-n", FAR, "addr", "add", "10.9.0.66/24", "dev", PEER)
    net.apply(config(uplink=", drop-prefixes: [10.9.0.66]"))
    assert not reaches(FAR, "10.9.0.3", "-I", "10.9.0.66") and reaches(FAR, "10.9.0.3")
    assert program() == loaded


def test_a_killed_dataplane_harms_no_kernel_traffic(net):
    loaded = program()
    pings = Pings(None, "10.9.0.2")
    net.kill(net.dataplane)
    assert program() == loaded
    assert not reaches(NEAR, "10.9.0.2")
    net.start_dataplane()
    net.wait_port("up")
    wait_until(lambda: reaches(NEAR, "10.9.0.2"), 10, "near reaches far")
    assert pings.lost() == 0
    assert program() == loaded


@pytest.mark.parametrize("first", ["dataplane", "culvertd"])
def test_nothing_is_left_when_both_are_killed(net, first):
    second = {"dataplane": "culvertd", "culvertd": "dataplane"}[first]
    net.kill(getattr(net, first))
    assert program()
    net.kill(getattr(net, second))
    wait_until(lambda: program() is None, 5, "no program is left")
    assert reaches(FAR, "10.9.0.1")


def test_nothing_is_left_after_a_stop_or_a_removal(net):
    assert program()
    net.apply("tenants: [{name: blue}]\n")
    wait_until(lambda: program() is None, 5, "the port's program is gone")
    net.apply(config())
    net.wait_port("up")
    assert program()
    for process in (net.culvertd, net.dataplane):
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    wait_until(lambda: program() is None, 5, "no program is left")
    flags = json.loads(run("ip", "-j", "-d", "link", "show", UP).stdout)[0]
    assert flags["promiscuity"] == 0


def test_a_foreign_program_is_refused_and_waited_for(wire, lab):
    del wire
    run("ip", "link", "set", "dev", UP, "xdp", "obj", OBJECT, "sec", "xdp.frags")
    foreign = program()
    lab.start()
    applied = lab.apply(config())
    assert f"warning: tenants/blue/ports/up: {UP} has another XDP program" in applied.stderr
    row = lab.wait_port("up", "error")
    assert f"(id {foreign[0]})" in row["text"] and "take it off first" in row["text"]
    assert program() == foreign
    run("ip", "link", "set", "dev", UP, "xdp", "off")
    lab.wait_port("up")
    assert program() not in (None, foreign)


def test_an_interface_comes_and_goes(wire, lab):
    wire.unplug()
    lab.start()
    applied = lab.apply(config())
    assert f"there is no interface {UP}" in applied.stderr
    lab.wait_port("up", "error")
    wire.plug()
    settle(lab)
    wire.unplug()
    row = lab.wait_port("up", "error")
    assert "there is no interface" in row["text"]
    wire.plug()
    lab.wait_port("up")
    run("ip", "-n", NEAR, "neigh", "flush", "dev", TAP)  # far has another MAC address by now
    wait_until(lambda: reaches(NEAR, "10.9.0.2"), 10, "near reaches far again")
    assert reaches(None, "10.9.0.2")


def test_link_state_is_followed(net):
    run("ip", "-n", FAR, "link", "set", PEER, "down")
    net.wait_port("up", "down")
    run("ip", "-n", FAR, "link", "set", PEER, "up")
    net.wait_port("up", "up")
    run("ip", "link", "set", UP, "down")
    net.wait_port("up", "down")
    wait_until(lambda: f"ip link set {UP} up" in net.port("up")["text"], 5, "culvertd says why")
    run("ip", "link", "set", UP, "up")
    net.wait_port("up", "up")
    wait_until(lambda: reaches(NEAR, "10.9.0.2"), 5, "near reaches far")


def test_generic_mode_and_back(net):
    for mode in ("generic", "native"):
        net.apply(config(uplink=f", xdp-mode: {mode}"))
        wait_until(lambda: net.wait_port("up").get("xdp-mode") == f"{mode}, copy", 5, mode)
        wait_until(lambda: reaches(NEAR, "10.9.0.2"), 5, "near reaches far")
        assert reaches(FAR, "10.9.0.1")


def test_frames_of_several_chunks(wire, lab):
    wire.unplug()
    wire.plug(mtu=9000)
    lab.start()
    lab.apply(config(uplink=", mtu: 9000").replace(f"interface: {TAP}", f"interface: {TAP}, mtu: 9000"))
    settle(lab, mtu=9000)
    for size in (3000, 3450, 3600, 4096, 5000, 8000, 8972):
        wait_until(lambda: reaches(NEAR, "10.9.0.2", "-s", str(size), "-M", "do"), 3, f"{size} bytes")
        assert reaches(FAR, "10.9.0.3", "-s", str(size), "-M", "do")
    assert iperf(FAR, NEAR, "10.9.0.3", 5304, 1) > 1e7
    assert iperf(NEAR, FAR, "10.9.0.2", 5305, 1) > 1e7


def test_a_queue_without_a_socket_is_the_kernels(wire, lab):
    wire.unplug()
    wire.plug(queues=2)
    run("ethtool", "-L", UP, "rx", "2", "tx", "2")
    lab.start()
    lab.apply(config())
    assert "has 2 receive queues, the port 1" in lab.wait_port("up")["text"]
    lab.apply(config(uplink=", queues: 2"))
    wait_until(lambda: lab.wait_port("up")["text"] == "", 5, "a socket on each queue")
    settle(lab)
    applied = lab.apply(config(uplink=", queues: 4"))
    assert f"{UP} has no queue 2" in applied.stderr


def test_a_small_mtu_of_the_interface_is_told(wire, lab):
    del wire
    run("ip", "link", "set", UP, "mtu", "1400")
    lab.start()
    lab.apply(config())
    assert "has an MTU of 1400, less than the port's 1500" in lab.wait_port("up")["text"]


def test_what_finds_no_room_is_counted(net):
    """Each frame that the program handed over was received or is counted as lost."""
    there = Wiretap(FAR, PEER)
    before, received = counter(net, "redirected"), net.port("up")["rx-packets"]
    for _ in range(20):  # the rings hold 2048; the veth pair may lose any number before
        net.dataplane.send_signal(signal.SIGSTOP)
        try:
            for _ in range(4000):
                there.send(frame(b"flood"))
        finally:
            net.dataplane.send_signal(signal.SIGCONT)
        wait_until(lambda: counter(net, "redirected") - before ==
                   net.port("up")["rx-packets"] - received + net.drops("up").get("XDP_LOST", 0), 10, "the sum")
        if net.drops("up").get("XDP_LOST"):
            break
    assert net.drops("up").get("XDP_LOST")
    assert reaches(NEAR, "10.9.0.2")


def test_frames_longer_than_the_port_takes(wire, lab):
    wire.unplug()
    wire.plug(mtu=3000)
    lab.start()
    lab.apply(config())
    settle(lab)
    before = counter(lab, "redirected")
    Wiretap(FAR, PEER).send(frame(b"long" + b"x" * 2800))
    wait_until(lambda: lab.drops("up").get("XDP_BAD_FRAME") == 1, 5, "the frame is dropped")
    assert counter(lab, "redirected") > before
    assert reaches(NEAR, "10.9.0.2")


def test_workers_that_share_a_queue(wire):
    del wire
    with Lab(workers=2) as lab:
        lab.start()
        lab.apply(config())
        settle(lab)
        assert iperf(FAR, NEAR, "10.9.0.3", 5306, 1) > 1e7
        assert iperf(NEAR, FAR, "10.9.0.2", 5307, 1) > 1e7
        assert Pings(NEAR, "10.9.0.2").lost(20) == 0


def test_a_port_that_is_renamed_keeps_the_program(net):
    loaded = program()
    net.apply(config().replace("name: up,", "name: uplink,").replace("[up,", "[uplink,"))
    net.wait_port("uplink")
    wait_until(lambda: reaches(NEAR, "10.9.0.2"), 5, "near reaches far")
    assert program() == loaded and net.port("up") is None
    assert net.port("uplink")["xdp-redirected"] > 0


def test_a_program_taken_off_by_hand_comes_back(net):
    loaded = program()
    for link in json.loads(run(BPFTOOL, "-j", "link").stdout):
        if link.get("prog_id") == loaded[0]:
            run(BPFTOOL, "link", "detach", "id", str(link["id"]))
    wait_until(lambda: program() not in (None, loaded), 5, "another program")
    net.wait_port("up")
    wait_until(lambda: reaches(NEAR, "10.9.0.2"), 5, "near reaches far")


def api_type(name):
    """The number of a message on the control socket."""
    with open(os.path.join(ROOT, "dataplane", "api", "culvert_api.h"), encoding="utf-8") as f:
        words = re.findall(r"API_(\w+)", f.read().split("enum api_type {")[1].split("}")[0])
    return 1 + words.index(name)


def test_descriptors_that_nobody_asked_for_are_closed(net):
    """A client of the control socket sends descriptors with everything."""
    hello, xdp = api_type("HELLO"), api_type("XDP")
    header = struct.Struct("<IHHIIII")
    name = struct.Struct("<32s32s32sIBB2x")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.connect(os.path.join(net.run_dir, "dataplane.sock"))

        def send(kind, items, n_fds):
            pipes = [os.pipe() for _ in range((n_fds + 1) // 2)]
            fds = [fd for pair in pipes for fd in pair]
            data = header.pack(0x54564c43, 1, kind, header.size + len(items), 1, 0, 0) + items
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds[:n_fds]))]
            client.sendmsg([data], rights if n_fds else [])
            for fd in fds:
                os.close(fd)
            return client.recv(65536)

        def n_open():
            return len(os.listdir(f"/proc/{net.dataplane.pid}/fd"))

        answer = send(hello, struct.pack("<QQQ", 0, 0, 0), 0)
        schema = struct.unpack_from("<Q", answer, header.size)[0]
        send(hello, struct.pack("<QQQ", schema, 0, 0), 0)
        before = n_open()
        item = name.pack(b"blue", b"up", UP.encode(), 64, 1, 1)
        for n_fds in (1, 2, 3, 10, 250):
            send(hello, struct.pack("<QQQ", schema, 0, 0), n_fds)
            answer = send(xdp, item, n_fds)
            error = struct.unpack_from("<i", answer, header.size)[0]
            assert error < 0 and (b"descriptor" in answer)
            send(xdp, b"\0" * len(item), n_fds)
        assert n_open() == before
    assert reaches(NEAR, "10.9.0.2")
