# SPDX-License-Identifier: BSD-3-Clause
"""A tap's kernel interface keeps its place over restarts and goes with its port, and only then.

    namespace cvt-a ── a ─┐
    namespace cvt-b ── b ─┤ lan        (a, b live there by network-namespace)
    the host ───────── t ─┘            (what is changed, removed, renamed, taken away)
"""
import fcntl
import json
import os
import signal
import socket
import struct
import time

import pytest

from tests.lib.lab import Lab, run, wait_until

TAG = f"cvt{os.getpid() % 10000}"
NAMESPACES = {"a": f"{TAG}-a", "b": f"{TAG}-b"}
T = f"{TAG}t"  # the interface of the tap that lives on the host
TUNSETIFF, IFF_TAP, IFF_NO_PI, IFF_MULTI_QUEUE = 0x400454CA, 2, 0x1000, 0x100
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def config(*ports):
    names = ", ".join(port.split(",")[0].removeprefix("name: ") for port in ports)
    lines = "\n".join(f"  - {{{port}}}" for port in ports)
    return f"tenants:\n- name: blue\n  ports:\n{lines}\n  switches: [{{name: lan, members: [{names}]}}]\n"


def tap(name, interface, options=""):
    return f"name: {name}, type: tap, interface: {interface}{options}"


def placed(name, options=""):
    return tap(name, f"{TAG}{name}", f", network-namespace: {NAMESPACES[name]}{options}")


PAIR = config(placed("a"), placed("b"))
HOST = config(tap("t", T))
NONE = "tenants:\n- name: blue\n"


def link(interface, *where):
    """What `ip` says of an interface, None if there is none."""
    result = run("ip", *where, "-d", "-j", "address", "show", "dev", interface, check=False)
    return json.loads(result.stdout)[0] if result.returncode == 0 else None


def in_namespace(name):
    return link(f"{TAG}{name}", "-n", NAMESPACES[name])


def reaches(count=1):
    return run("ip", "netns", "exec", NAMESPACES["a"], "ping", "-c", str(count), "-i", "0.05", "-W", "1",
               "10.9.0.2", check=False).returncode == 0


def wait_deleted(interface, *where):
    wait_until(lambda: link(interface, *where) is None, 5, f"{interface} is deleted")


@pytest.fixture
def lab():
    with Lab() as a_lab:
        yield a_lab.start()


@pytest.fixture
def pair(lab):
    """a and b in their namespaces, with addresses, a route and a neighbour."""
    for name in NAMESPACES.values():
        run("ip", "netns", "add", name)
        lab.namespaces.append(name)
    lab.apply(PAIR)
    for i, name in enumerate("ab", 1):
        lab.wait_port(name)
        where, interface = ("ip", "-n", NAMESPACES[name]), f"{TAG}{name}"
        run(*where, "address", "add", f"10.9.0.{i}/24", "dev", interface)
        run(*where, "route", "add", "10.10.0.0/16", "via", "10.9.0.9")
        run(*where, "neighbour", "add", "10.9.0.9", "lladdr", "52:54:00:00:00:09", "dev", interface,
            "nud", "permanent")
    wait_until(reaches, 10, "a reaches b")
    return lab


def kept(name):
    """What must be the same after a restart."""
    row = in_namespace(name)
    where = ("ip", "-n", NAMESPACES[name])
    return (row["ifindex"], row["address"], [a["local"] for a in row["addr_info"] if a["family"] == "inet"],
            "10.10.0.0/16 via 10.9.0.9" in run(*where, "route", "show").stdout,
            "PERMANENT" in run(*where, "neighbour", "show", "10.9.0.9").stdout)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_restart_keeps_the_interfaces(pair, end):
    before = [kept(name) for name in "ab"]
    assert before[0][2:] == (["10.9.0.1"], True, True)
    pair.dataplane.send_signal(end)
    pair.dataplane.wait()
    assert [kept(name) for name in "ab"] == before, "with nobody there"
    assert "NO-CARRIER" in in_namespace("a")["flags"]
    pair.start_dataplane()
    wait_until(reaches, 10, "a reaches b again")
    assert [kept(name) for name in "ab"] == before
    assert reaches(20), "no ping is lost"


def test_both_die_and_the_interfaces_stay(pair):
    before = [kept(name) for name in "ab"]
    pair.kill(pair.dataplane)
    pair.kill(pair.culvertd)
    pair.start_dataplane()
    pair.start_culvertd()
    wait_until(reaches, 10, "a reaches b again")
    assert [kept(name) for name in "ab"] == before


def test_mtu_mac_and_offloads_change_on_the_living_interface(pair):
    before = kept("a")
    pair.apply(config(placed("a", ", mtu: 4000, mac-address: '52:54:00:00:00:aa', offloads: {tso: false}"),
                      placed("b")))
    pair.wait_port("a")
    row = in_namespace("a")
    assert (row["mtu"], row["address"]) == (4000, "52:54:00:00:00:aa")
    features = run("ip", "netns", "exec", NAMESPACES["a"], "ethtool", "-k", f"{TAG}a").stdout
    assert "tcp-segmentation-offload: off" in features
    # The kernel forgets the neighbours of an interface whose MAC changes.
    assert kept("a") == (before[0], "52:54:00:00:00:aa", before[2], True, False)
    wait_until(reaches, 10, "a reaches b")


def test_another_number_of_queues_makes_it_anew(lab):
    lab.apply(HOST)
    index = lab.wait_port("t") and link(T)["ifindex"]
    lab.apply(config(tap("t", T, ", queues: 2")))
    wait_until(lambda: link(T) and link(T)["ifindex"] != index, 5, "it is made anew")
    assert lab.wait_port("t")["text"] == ""
    index = link(T)["ifindex"]
    lab.apply(config(tap("t", T, ", queues: 3")))
    lab.wait_port("t")
    assert link(T)["ifindex"] == index, "two and three are of the same kind"
    lab.kill(lab.dataplane)
    lab.start_dataplane()
    wait_until(lambda: lab.show("status")["dataplane"].get("in-step"), 5, "configuration is back")
    lab.wait_port("t")
    assert link(T)["ifindex"] == index
    lab.apply(NONE)
    wait_deleted(T)


def test_a_removed_port_takes_its_interface_along(pair):
    pair.apply(config(placed("b")))
    wait_deleted(f"{TAG}a", "-n", NAMESPACES["a"])
    assert in_namespace("b")


def test_wherever_it_was_moved(lab):
    """By hand into a namespace without a name: the descriptor still finds it."""
    lab.apply(HOST)
    lab.wait_port("t")
    # A process that is the namespace; it ends with the test.
    holder = lab.spawn("unshare", "-n", "sleep", "1000")
    wait_until(lambda: os.stat(f"/proc/{holder.pid}/ns/net").st_ino != os.stat("/proc/self/ns/net").st_ino,
               5, "a namespace")
    inside = ("nsenter", "-t", str(holder.pid), "-n", "ip", "link")
    run("ip", "link", "set", T, "netns", str(holder.pid))
    lab.wait_port("t", "down")
    run(*inside, "set", T, "name", "moved", "up")
    lab.wait_port("t")
    lab.apply(NONE)
    wait_until(lambda: run(*inside, "show", "moved", check=False).returncode != 0, 5, "it is deleted")


def test_what_was_moved_by_hand_is_swept_after_a_restart(lab):
    name = NAMESPACES["a"]
    run("ip", "netns", "add", name)
    lab.namespaces.append(name)
    lab.apply(HOST)
    index = lab.wait_port("t") and link(T)["ifindex"]
    run("ip", "link", "set", T, "netns", name)
    lab.kill(lab.dataplane)
    lab.start_dataplane()
    lab.wait_port("t")
    assert link(T)["ifindex"] != index, "a new one where the configuration says"
    wait_deleted(T, "-n", name)


def test_moved_by_hand_and_then_by_configuration(lab):
    name = NAMESPACES["a"]
    run("ip", "netns", "add", name)
    lab.namespaces.append(name)
    lab.apply(HOST)
    lab.wait_port("t")
    run("ip", "link", "set", T, "netns", name)
    run("ip", "-n", name, "address", "add", "10.9.0.1/24", "dev", T)
    index = link(T, "-n", name)["ifindex"]
    lab.apply(config(tap("t", T, f", network-namespace: {name}")))
    run("ip", "-n", name, "link", "set", T, "up")
    lab.wait_port("t")
    row = link(T, "-n", name)
    assert row["ifindex"] == index and row["addr_info"][0]["local"] == "10.9.0.1"
    assert link(T) is None


def test_what_lost_its_port_while_the_dataplane_was_dead_is_swept(pair):
    pair.kill(pair.dataplane)
    pair.apply(config(placed("b")))
    assert in_namespace("a")
    pair.start_dataplane()
    wait_deleted(f"{TAG}a", "-n", NAMESPACES["a"])
    pair.wait_port("b")
    assert in_namespace("b")["ifalias"] == f"culvert {pair.run_dir}"


def test_another_dataplane_s_interfaces_are_left_alone(lab):
    lab.apply(HOST)
    lab.wait_port("t")
    lab.kill(lab.dataplane)
    with Lab() as other:
        other.start()
        other.apply(config(tap("x", f"{TAG}x")))
        other.wait_port("x")
        other.apply(NONE)
        wait_deleted(f"{TAG}x")
        assert link(T)["ifalias"] == f"culvert {lab.run_dir}"


@pytest.fixture
def foreign(request):
    """A tap that somebody else made, set up."""
    words = ["mode", "tap", *getattr(request, "param", [])]
    run("ip", "tuntap", "add", T, *words)
    run("ip", "link", "set", T, "up")
    yield link(T)["ifindex"]
    run("ip", "link", "del", T, check=False)


def test_an_interface_that_we_did_not_make_stays(lab, foreign):
    lab.apply(config(tap("t", T, ", mtu: 2000")))
    lab.wait_port("t")
    assert link(T)["mtu"] == 2000 and "ifalias" not in link(T)
    lab.kill(lab.dataplane)
    lab.start_dataplane()
    lab.wait_port("t")
    lab.apply(NONE)
    wait_until(lambda: lab.port("t") is None and "NO-CARRIER" in link(T)["flags"], 5, "it is let go")
    assert link(T)["ifindex"] == foreign
    lab.kill(lab.dataplane)
    lab.start_dataplane()
    wait_until(lambda: lab.show("status")["dataplane"].get("in-step"), 5, "configuration is back")
    assert link(T)["ifindex"] == foreign


@pytest.mark.parametrize("foreign", [["multi_queue"]], indirect=True)
def test_one_of_other_queues_is_refused(lab, foreign):
    lab.apply(HOST)
    text = lab.wait_port("t", "error")["text"]
    assert text == (f"interface {T} was made for many queues, the port has 1: make it with: "
                    f"ip tuntap add {T} mode tap")
    assert link(T)["ifindex"] == foreign
    lab.apply(config(tap("t", T, ", queues: 2")))
    lab.wait_port("t")
    assert link(T)["ifindex"] == foreign


@pytest.mark.parametrize("foreign", [[], ["multi_queue"]], indirect=True)
def test_one_that_another_program_holds_is_refused(lab, foreign):
    many = "multi_queue" in run("ip", "tuntap", "show", "dev", T).stdout
    holder = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(holder, TUNSETIFF, struct.pack("16sH22x", T.encode(), IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE * many))
    lab.apply(config(tap("t", T, ", queues: 2" if many else "")))
    text = lab.wait_port("t", "error")["text"]
    assert text == f"can't have {T} as a tap interface: Device or resource busy; another program has it"
    os.close(holder)
    lab.wait_port("t")
    assert link(T)["ifindex"] == foreign


def test_what_is_no_tap_is_refused(lab):
    run("ip", "link", "add", T, "type", "veth", "peer", "name", f"{T}p")
    try:
        lab.apply(HOST)
        assert lab.wait_port("t", "error")["text"] == (
            f"interface {T} exists and is no tap but of kind veth: take another name, or delete it with: "
            f"ip link del {T}")
        lab.apply(NONE)
        wait_until(lambda: lab.port("t") is None, 5, "the port is gone")
        assert link(T), "not ours to delete"
        lab.apply(HOST)
    finally:
        run("ip", "link", "del", T)
    lab.wait_port("t")


def test_a_namespace_that_comes_later_and_goes(lab):
    name = NAMESPACES["a"]
    lab.apply(config(placed("a")))
    assert lab.wait_port("a", "error")["text"] == (
        f"there is no network namespace {name}: make it with: ip netns add {name}")
    run("ip", "netns", "add", name)
    lab.namespaces.append(name)
    lab.wait_port("a")
    assert in_namespace("a")
    run("ip", "netns", "del", name)
    lab.namespaces.remove(name)
    wait_until(lambda: "no network namespace" in lab.port("a")["text"], 10, "the namespace is missed")
    run("ip", "netns", "add", name)
    lab.namespaces.append(name)
    lab.wait_port("a")
    assert in_namespace("a")


def test_an_interface_that_is_set_down_is_a_port_that_is_down(pair):
    where = ("ip", "-n", NAMESPACES["b"], "link", "set", f"{TAG}b")
    run(*where, "down")
    row = pair.wait_port("b", "down")
    assert row["text"] == f"the interface is set down: ip link set {TAG}b up"
    sent, down = row["tx-packets"], pair.drops("b").get("PORT_DOWN", 0)
    assert not reaches()
    assert pair.port("b")["tx-packets"] == sent, "nothing counts as sent"
    assert pair.drops("b")["PORT_DOWN"] > down
    pair.kill(pair.dataplane)
    pair.start_dataplane()
    pair.wait_port("b", "down")  # a restart leaves the administrator's word alone
    run(*where, "up")
    assert pair.wait_port("b")["text"] == ""
    run("ip", "-n", NAMESPACES["b"], "address", "replace", "10.9.0.2/24", "dev", f"{TAG}b")
    wait_until(reaches, 10, "a reaches b again")


def test_a_foreign_interface_that_is_deleted_is_made_by_us(lab, foreign):
    lab.apply(HOST)
    lab.wait_port("t")
    run("ip", "link", "del", T)
    wait_until(lambda: "was deleted" in lab.log("dataplane.log"), 5, "the loss is told")
    lab.wait_port("t")
    assert link(T)["ifalias"] == f"culvert {lab.run_dir}"


def set_flags(flags):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sH22x", T.encode(), flags))


def sleeps(pid):
    """How often each thread of a process went to sleep: {thread: times}."""
    times = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as f:
            times[thread] = next(int(line.split()[1]) for line in f if line.startswith("voluntary"))
    return times


def test_frames_that_nobody_polls_keep_nobody_awake(lab):
    """Sent while it was up for a moment: the port never was, so there are no buffers for them."""
    before = set(os.listdir(f"/proc/{lab.dataplane.pid}/task"))
    run("ip", "tuntap", "add", T, "mode", "tap")
    try:
        lab.apply(HOST)
        lab.wait_port("t", "down")
        threads = set(os.listdir(f"/proc/{lab.dataplane.pid}/task")) - before
        assert len(threads) == 1, "the thread behind taps"
        thread = threads.pop()
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
            set_flags(IFF_UP)
            s.bind((T, 0))
            for _ in range(3):
                s.send(bytes(60))
            set_flags(0)
        with open(f"/sys/class/net/{T}/statistics/tx_packets", encoding="ascii") as f:
            assert int(f.read()) >= 3
        start = sleeps(lab.dataplane.pid)[thread]
        time.sleep(1)  # what is measured
        assert sleeps(lab.dataplane.pid)[thread] - start < 1000
        assert lab.port("t")["rx-packets"] == 0
    finally:
        run("ip", "link", "del", T, check=False)
