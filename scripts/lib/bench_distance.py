# SPDX-License-Identifier: BSD-3-Clause
"""Are the two CPUs near each other just now? Asked before each trial and watched during it."""

import subprocess
import time

from bench_process import TrialError


class Distance:
    """How far the two CPUs are from each other: a hypervisor moves virtual CPUs between core complexes
    now and then, and all rates fall to a third while they are apart."""

    FACTOR = 3  # what is more than this over the best ever seen is "apart"

    def __init__(self, setup):
        self.setup = setup
        self.best = self.last = None

    def measure(self):
        """Cycles for a cache line to go there and back."""
        process = self.start()
        try:
            process.child.wait(10)
            self.last = int(process.output())
        except (subprocess.TimeoutExpired, ValueError) as error:
            raise TrialError(f"the distance of the CPUs can't be measured\n{process.complaint()}"
                             ) from error
        finally:
            process.stop()
        self.best = min(self.best or self.last, self.last)
        return self.last

    def start(self, *words):
        """At real-time priority, if we may: it takes a fraction of a millisecond, in any load."""
        cpus = f"{self.setup.generator_cpu},{self.setup.dut_cpu}"
        return self.setup.start("distance", [self.setup.generator, "--distance", cpus, *words],
                                is_realtime=True)

    def watch(self):
        """A process that measures on and on, twice a second; then samples()."""
        return self.start("--every", "0.5")

    def samples(self, process):
        """What it saw."""
        found = [int(line) for line in process.output().split() if line.isdigit()]
        self.best = min(found + [self.best])
        return found

    def is_apart(self, cycles):
        return cycles > self.FACTOR * self.best

    def wait_near(self, seconds, announce):
        """Measure until near again, or the time is over."""
        end = time.monotonic() + seconds
        while self.is_apart(self.measure()) and time.monotonic() < end:
            if announce:
                announce(f"waiting up to {seconds:.0f} s: CPUs are apart ({self.last} cycles there and "
                         f"back, {self.best} before)")
            announce = None
            time.sleep(1)
        return self.last
