# SPDX-License-Identifier: BSD-3-Clause
"""Hostile vhost-user guests beside a well-behaved one, which must not lose a frame.

    twin a ── lan ── twin b          (tenant blue, numbered frames both ways)

    evil0 ── pit0 ── sink0           (tenant red: every behaviour of culvert-hostile, four at a time;
    ...                               sinks are taps, so that hostile frames go all the way)

    evil0 ── pit0 ── x0, y0          (tenant red of the second test: x and y are twins that flood, so
    ...                               that frames reach the receive rings which rx-* spoils)

    case0, case1 … ── pit            (tenant red of the third: a port for each refusal)
"""
import concurrent.futures
import os
import queue
import subprocess

from tests.lib.lab import HOSTILE, run, wait_until
from tests.lib.twins import Twins

N_EVIL = 4
SECONDS = os.environ.get("CULVERT_HOSTILE_SECONDS", "1")
CASES_AT_ONCE = 12  # ports: each has a pool, and an apply makes the new ones before the old ones go

# What the guest's operator reads: without these a guard could go, and the library's own refusal or luck
# would keep the tests green. Only behaviours whose first refusal is always the same.
REFUSALS = {
    "call-file": "a notifier that is no eventfd",
    "call-pipe-full": "a notifier that is no eventfd",
    "kick-pipe": "a notifier that is no eventfd",
    "request-empty": "a request that is not offered",
    "log-base": "a request that is not offered",
    "inflight": "a request that is not offered",
    "iotlb": "a request that is not offered",
    "postcopy": "a request that is not offered",
    "reset-owner": "a request that is not offered",
    "stall-reply": "replies are not read",
    "reconnect-fast": "the guest connects more than once a second",
    "regions-nine": "a message of a length that can't be",
    "regions-count": "no memory regions, or more than eight",
    "regions-overlap": "memory regions that overlap",
    "fds-missing": "a memory table with other regions than it says",
    "region-size-0": "a memory region of no bytes",
    "region-offset-wrap": "a memory region that wraps",
    "region-gpa-wrap": "a memory region that wraps",
    "region-offset-max": "memory regions of more than 1 TiB",
    "memory-short": "a memory region that ends beyond its file",
    "memory-sealed": "guest memory that can't be mapped for writing",
    "memory-read-only": "guest memory that is neither shared memory",
    "vring-num-3": "a ring of a size that can't be",
    "vring-num-live-32768": "the size of a ring in use was changed",
    "vring-base-live": "the index of a ring without a size, or in use, was set",
    "vring-index-255": "a message for a ring that is not offered",  # from 256 the library refuses
}
# What a guest's kernel does is counted, not said. A chain of 512 is in neither table: the library never
# gets past it, and play.c starts the ring anew before that is noticed.
COUNTED = {
    "len-0": "VHOST_CHAIN_REFUSED",
    "len-1": "VHOST_CHAIN_REFUSED",
    "len-header": "VHOST_CHAIN_REFUSED",
    "len-64k": "VHOST_CHAIN_REFUSED",
    "chain-128k": "VHOST_CHAIN_REFUSED",
    "frame-runt": "RUNT_FRAME",
    "frame-tag-cut": "VLAN_TRUNCATED",
    "frame-long": "OVERSIZE_FRAME",
    "header-combine-offload": "OFFLOAD_MISMATCH",
}


def config():
    sinks = "\n".join(f"  - {{name: sink{i}, type: tap, interface: cvs{os.getpid() % 10000}{i}}}"
                      for i in range(N_EVIL))
    evils = "\n".join(f"  - {{name: evil{i}, type: vhost-user}}" for i in range(N_EVIL))
    pits = "\n".join(f"  - {{name: pit{i}, members: [evil{i}, sink{i}]}}" for i in range(N_EVIL))
    return f"""
tenants:
- name: blue
  ports: [{{name: a, type: vhost-user}}, {{name: b, type: vhost-user}}]
  switches: [{{name: lan, members: [a, b]}}]
- name: red
  ports:
{evils}
{sinks}
  switches:
{pits}
"""


def behaviours():
    return [line.split()[0] for line in run(HOSTILE, "--list").stdout.splitlines() if line.strip()]


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def carry_out(lab, port, name):
    """The one before may have got the port fenced off for a moment, and others may hold up the library's
    thread: a few tries."""
    for _ in range(5):
        result = run(HOSTILE, "--socket", lab.socket(port, "red"), "--seconds", SECONDS, name, check=False,
                     seconds=60)
        if result.returncode == 0:
            break
    return result


def assault(lab, names):
    """All behaviours, on N_EVIL ports at a time; returns {name: output}."""
    ports = queue.SimpleQueue()
    for i in range(N_EVIL):
        ports.put(f"evil{i}")

    def one(name):
        port = ports.get()
        try:
            result = carry_out(lab, port, name)
            return name, result.returncode, result.stdout + result.stderr
        finally:
            ports.put(port)

    with concurrent.futures.ThreadPoolExecutor(N_EVIL) as pool:
        return list(pool.map(one, names))


def test_a_guest_beside_hostile_ones_loses_nothing(lab):
    lab.start()
    lab.apply(config())
    for i in range(N_EVIL):
        lab.wait_port(f"sink{i}", tenant="red")
    names = [n for n in behaviours() if not n.startswith("rx-")]  # those need frames: next test
    assert len(names) >= 100
    files, memory = open_files(lab.dataplane.pid), resident_kib(lab.dataplane.pid)

    for part in range(0, len(names), 40):
        twins = Twins(lab, 600)
        results = assault(lab, names[part:part + 40])
        assert lab.dataplane.poll() is None, f"it died during one of {names[part:part + 40]}"
        twins.process.terminate()
        twins.assert_lost_nothing()
        # "would not shrink": the dataplane has sealed that memory already.
        undone = [r for r in results if r[1] != 0 and "would not shrink" not in r[2]]
        assert not undone, undone

    # What the hostile ones held is given back.
    wait_until(lambda: open_files(lab.dataplane.pid) <= files, 10,
               f"{open_files(lab.dataplane.pid)} files open, as before {files}")
    wait_until(lambda: all(lab.port(f"evil{i}", "red")["buffers-used"] == 0 for i in range(N_EVIL)),
               10, "buffers are given back")
    assert resident_kib(lab.dataplane.pid) < memory + 200 * 1024
    assert len(lab.log("dataplane.log").splitlines()) < 5000


def flood(lab, i):
    """Twins that flood switch i. A ring of 8 sound buffers is used up in the 20 ms that a deed lasts."""
    return lab.spawn(HOSTILE, "twin", "--socket", lab.socket(f"x{i}", "red"), "--peer-socket",
                     lab.socket(f"y{i}", "red"), "--rate", "1000", "--flood-every", "1", "--seconds", "600",
                     stdout=subprocess.DEVNULL)


def test_spoilt_receive_rings_cost_nobody_a_frame(lab):
    lab.start()
    ports = ", ".join(f"{{name: {name}{i}, type: vhost-user}}"
                      for i in range(N_EVIL) for name in ("evil", "x", "y"))
    pits = ", ".join(f"{{name: pit{i}, members: [evil{i}, x{i}, y{i}]}}" for i in range(N_EVIL))
    lab.apply(f"""
tenants:
- name: blue
  ports: [{{name: a, type: vhost-user}}, {{name: b, type: vhost-user}}]
  switches: [{{name: lan, members: [a, b]}}]
- {{name: red, ports: [{ports}], switches: [{pits}]}}
""")
    names = [n for n in behaviours() if n.startswith("rx-")]
    assert len(names) >= 20
    floods = [flood(lab, i) for i in range(N_EVIL)]
    for i in range(N_EVIL):
        lab.wait_port(f"y{i}", tenant="red")
    twins = Twins(lab, 600)
    results = assault(lab, names)
    assert lab.dataplane.poll() is None, "it died"
    twins.process.terminate()
    twins.assert_lost_nothing()
    assert not [r for r in results if r[1] != 0], results
    for i in range(N_EVIL):
        assert floods[i].poll() is None, "a flood ended early"
        assert lab.port(f"evil{i}", "red")["tx-packets"] > 0, "no frame reached a receive ring"


def refusals_of(lab, port):
    """What the dataplane said about a port: its log, and what `show ports` says now."""
    lines = [line for line in lab.log("dataplane.log").splitlines() if f"port red/{port}: " in line]
    return "\n".join(lines + [lab.port(port, "red")["text"]])


def judge_case(lab, port, name):
    """None, or what is wrong with a refusal. The port is the case's own: no older refusal can be taken
    for this one, and nobody has used up its connections."""
    result = carry_out(lab, port, name)
    if result.returncode != 0:
        return f"{name}: {result.stdout}{result.stderr}"
    wanted = REFUSALS.get(name) or COUNTED[name]

    def is_known():
        return wanted in (refusals_of(lab, port) if name in REFUSALS else lab.drops(port, "red"))

    try:
        wait_until(is_known, 3, wanted, every=0.2)  # the port is looked at ten times a second
    except AssertionError:
        return f"{name}: not refused as {wanted!r}: {refusals_of(lab, port)!r}, {lab.drops(port, 'red')}"
    return None


def test_each_refusal_is_the_one_meant(lab):
    lab.start()
    cases = [(f"case{i}", name) for i, name in enumerate([*REFUSALS, *COUNTED])]
    faults = []
    for part in range(0, len(cases), CASES_AT_ONCE):
        some = cases[part:part + CASES_AT_ONCE]
        ports = ", ".join(f"{{name: {port}, type: vhost-user}}" for port, _ in some)
        members = ", ".join(port for port, _ in some)
        lab.apply(f"tenants: [{{name: red, ports: [{ports}], "
                  f"switches: [{{name: pit, members: [{members}]}}]}}]\n")
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            faults += [fault for fault in pool.map(lambda case: judge_case(lab, *case), some) if fault]
    assert lab.dataplane.poll() is None, "it died"
    assert not faults, "\n".join(faults)
