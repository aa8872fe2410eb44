# SPDX-License-Identifier: BSD-3-Clause
"""Either process dies by kill -9, or a guest does, while packets flow.

    a (QEMU) ── lan ── b (QEMU)
"""
import time

import pytest

from tests.lib.lab import Lab, ping_loss, wait_until
from tests.lib.pings import missing

CONFIG = """
tenants:
- name: blue
  ports: [{name: a, type: vhost-user}, {name: b, type: vhost-user}]
  switches: [{name: lan, members: [a, b]}]
"""


@pytest.fixture(scope="module")
def pair():
    with Lab() as lab:
        lab.start()
        lab.apply(CONFIG)
        for i, name in enumerate("ab", 1):
            lab.guest(name, address=f"10.0.0.{i}/24")
            lab.wait_port(name)
        wait_until(lambda: reaches(lab), 10, "guests reach each other")
        yield lab


def reaches(lab):
    return lab.guest_exec("a", "ping -c 1 -W 1 10.0.0.2", check=False).returncode == 0


class Pings:
    """Pings from a to b in the background, twenty a second."""

    def __init__(self, lab, seconds):
        self.lab, self.n = lab, seconds * 20
        # busybox: -i takes fractions, -w ends it
        self.file = f"/tmp/ping.{time.monotonic_ns()}"
        lab.guest_exec("a", f"(ping -i 0.05 -c {self.n} -W 1 10.0.0.2 > {self.file}; "
                            f"echo done >> {self.file}) &")

    def output(self):
        return wait_until(lambda: (text := self.lab.guest_exec(
            "a", f"cat {self.file}", check=False).stdout).endswith("done\n") and text, 40, "pings end")


def test_traffic_goes_on_without_culvertd(pair):
    pings = Pings(pair, 3)
    log = pair.log("dataplane.log")
    pair.kill(pair.culvertd)
    time.sleep(1)
    pair.start_culvertd()
    assert missing(pings.output()) == 0
    assert reaches(pair)
    assert pair.log("dataplane.log") == log, "nothing had to be configured again"


def test_a_killed_dataplane_is_back(pair):
    pings = Pings(pair, 4)
    time.sleep(0.5)
    pair.kill(pair.dataplane)
    pair.start_dataplane()
    wait_until(lambda: pair.show("status")["dataplane"]["in-step"], 5, "configuration is back")
    # At twenty a second: the restart itself, and a second at the most until the guests are redialled.
    assert ping_loss(pings.output()) <= 40
    wait_until(lambda: reaches(pair), 5, "guests reach each other again")


def test_a_killed_guest_comes_back(pair):
    pair.guest_kill("b")
    pair.wait_port("b", "down")
    pair.guest("b", address="10.0.0.2/24")
    pair.wait_port("b")
    wait_until(lambda: reaches(pair), 10, "the new guest is reached")
    assert pair.port("b")["connects"] >= 2


def test_both_die_and_the_configuration_is_back(pair):
    pair.kill(pair.dataplane)
    pair.kill(pair.culvertd)
    pair.start_culvertd()
    pair.start_dataplane()
    wait_until(lambda: reaches(pair), 10, "guests reach each other")
    assert "name: lan" in pair.culvert("show", "config").stdout
