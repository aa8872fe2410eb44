# SPDX-License-Identifier: BSD-3-Clause
"""Hostile vhost-user guests beside a well-behaved one, which must not lose a frame.

    twin a ── lan ── twin b          (tenant blue, numbered frames both ways)

    evil0 ── pit0 ── sink0           (tenant red: every behaviour of culvert-hostile, four at a time;
    ...                               sinks are taps, so that hostile frames go all the way)


"""
import concurrent.futures
import os
import queue

from tests.lib.lab import HOSTILE, run, wait_until
from tests.lib.twins import Twins

N_EVIL = 4
SECONDS = os.environ.get("CULVERT_HOSTILE_SECONDS", "1")


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


def assault(lab, names):
    """All behaviours, on N_EVIL ports at a time; returns {name: output}."""
    ports = queue.SimpleQueue()
    for i in range(N_EVIL):
        ports.put(f"evil{i}")

    def one(name):
        port = ports.get()
        try:
            # The one before may have got the port fenced off for a moment: a few tries.
            for _ in range(5):
                result = run(HOSTILE, "--socket", lab.socket(port, "red"), "--seconds", SECONDS, name,
                             check=False, seconds=60)
                if result.returncode == 0:
                    break
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
    names = [n for n in behaviours() if not n.startswith("rx-")]  # those need an echo, see below
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
