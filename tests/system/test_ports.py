# SPDX-License-Identifier: BSD-3-Clause
"""Ports come and go while others carry traffic; a port that can't be opened hurts nobody.

    twin a ──┐
    twin b ──┤ lan        (a correct vhost-user guest on both, numbered frames)
    t0..t4 ──┘            taps that come and go
"""
import os
import subprocess

from tests.lib.lab import run, wait_until
from tests.lib.twins import Twins

TWINS = """
tenants:
- name: blue
  ports:
  - {name: a, type: vhost-user}
  - {name: b, type: vhost-user}
%s
  switches: [{name: lan, members: [a, b%s]}]
"""


def config(taps):
    ports = "".join(f"  - {{name: {t}, type: tap, interface: cv{os.getpid() % 10000}{t}}}\n" for t in taps)
    return TWINS % (ports, "".join(f", {t}" for t in taps))


def test_100_adds_and_removes_under_load(lab):
    lab.start()
    lab.apply(config([]))
    twins = Twins(lab, 25)
    for _ in range(25):
        lab.apply(config([f"t{n}" for n in range(4)]))
        lab.apply(config([]))
    assert twins.process.poll() is None, "the load ended before the changes did"
    twins.assert_lost_nothing()


def test_a_port_without_its_device_is_an_error_on_that_port(lab):
    lab.start()
    text = config([]).replace("  switches", "  - {name: bad, type: ethdev, device: '0000:ff:1f.7'}\n"
                                            "  switches").replace("a, b", "a, b, bad")
    applied = lab.apply(text)
    assert "warning: tenants/blue/ports/bad: no driver could open device" in applied.stderr
    row = lab.wait_port("bad", "error")
    assert "0000:ff:1f.7" in row["text"]
    Twins(lab, 1).assert_lost_nothing()


def test_a_device_that_appears_later_is_opened(lab):
    lab.start()
    name = f"cvb{os.getpid() % 10000}"
    holder = run("ip", "tuntap", "add", name, "mode", "tun")  # of another kind: in the way
    assert holder.returncode == 0
    try:
        lab.apply(config([]).replace("  switches", f"  - {{name: late, type: tap, interface: {name}}}\n"
                                                   "  switches"))
        assert name in lab.wait_port("late", "error")["text"]
    finally:
        run("ip", "tuntap", "del", name, "mode", "tun")
    lab.wait_port("late", "up")


def test_odd_devices_are_refused_with_a_sentence(lab):
    fifo = os.path.join(lab.dir, "fifo")
    os.mkfifo(fifo)
    lab.start()
    ports = ["{name: one, type: ethdev, device: net_null7}",
             "{name: two, type: ethdev, device: 'vdev:net_null7,size=64'}",
             "{name: three, type: ethdev, device: 'class=eth'}",
             f"{{name: four, type: pcap, input-file: {fifo}}}"]
    text = "\n".join("  - " + p for p in ports)
    lab.apply(f"tenants:\n- name: blue\n  ports:\n{text}\n", check=False)
    if lab.port("one") is None:  # the schema refuses one of them already: the others alone
        lab.apply(f"tenants:\n- name: blue\n  ports:\n  - {ports[0]}\n  - {ports[3]}\n")
    lab.wait_port("one", "up")
    for row in lab.show("ports"):
        if row["name"] != "one":
            assert row["state"] == "error" and row["text"], row
    assert lab.dataplane.poll() is None


def test_a_deleted_interface_is_told_and_made_anew(lab):
    lab.start()
    lab.apply(config(["t0"]))
    lab.wait_port("t0")
    interface = f"cv{os.getpid() % 10000}t0"
    run("ip", "link", "del", interface)
    wait_until(lambda: "was deleted" in lab.log("dataplane.log"), 5, "the loss is told")
    wait_until(lambda: os.path.exists(f"/sys/class/net/{interface}"), 10, "the interface is back")
    lab.wait_port("t0")


def test_an_mtu_change_keeps_the_others(lab):
    lab.start()
    lab.apply(config(["t0"]))
    twins = Twins(lab, 3)
    lab.apply(config(["t0"]).replace("type: tap", "type: tap, mtu: 4000"))
    lab.wait_port("t0")
    interface = f"cv{os.getpid() % 10000}t0"
    with open(f"/sys/class/net/{interface}/mtu", encoding="ascii") as f:
        assert f.read().strip() == "4000"
    twins.assert_lost_nothing()


def test_idle_costs_little(lab):
    """An idle dataplane takes less than 5 % of a core."""
    lab.start()
    lab.apply(config(["t0"]))

    def cpu_seconds():
        with open(f"/proc/{lab.dataplane.pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def over_two_seconds():
        before = cpu_seconds()
        subprocess.run(["sleep", "2"], check=True)
        return cpu_seconds() - before

    # The kernel greets a new interface with some packets: a quiet moment comes soon.
    wait_until(lambda: over_two_seconds() < 2 * 0.05, 15, "the dataplane is below 5 % of a core")
