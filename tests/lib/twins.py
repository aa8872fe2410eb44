# SPDX-License-Identifier: BSD-3-Clause
"""A well-behaved vhost-user guest on two ports, beside whatever a test does: numbered frames both ways,
of which none may be lost."""
import json
import subprocess

from tests.lib.lab import HOSTILE

RING = 1024  # frames that the twin's rings hold while it is not scheduled


class Twins:
    """Ports a and b of tenant blue, `rate` frames a second each way, for `seconds`."""

    def __init__(self, lab, seconds, rate=2000, options=()):
        self.rate = rate
        self.process = lab.spawn("nice", "-n", "-10", HOSTILE, "twin", "--socket", lab.socket("a"),
                                 "--peer-socket", lab.socket("b"), "--rate", str(rate),
                                 "--seconds", str(seconds), *options, stdout=subprocess.PIPE, text=True)
        for name in "ab":
            lab.wait_port(name)

    def result(self):
        out, _ = self.process.communicate(timeout=120)
        assert self.process.returncode == 0, out
        return json.loads(out)

    def assert_lost_nothing(self):
        result = self.result()
        ways = result["a_to_b"], result["b_to_a"]
        # A machine that did not let the twin run for so long that its own rings overflowed says
        # nothing about the dataplane.
        assert result["max_nap_ms"] * self.rate / 1000 < RING, f"the machine was too busy: {result}"
        for way in ways:
            assert way["sent"] > 0 and way["received"] == way["sent"], result
            assert way["lost"] == way["duplicated"] == way["reordered"] == 0, result
        assert result["closed"] == 0, result
        return result
