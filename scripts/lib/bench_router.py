# SPDX-License-Identifier: BSD-3-Clause
"""Our router between the two ports, and the cases it is measured in. Half of the routes lie behind
either port; they are loaded by the control socket, as a routing daemon's are."""

import json
import os
import subprocess

from bench_case import Case
from bench_dut import CONTROL_WAIT_SEC, OURS, Culvert
from bench_process import TrialError

SIZES = {4: "64", 6: "78"}  # the shortest frames with a UDP header and the generator's mark
LOAD_WAIT_SEC = 60
FLAP_STOP_SEC = 20

# The names are the dataplane's; addresses and MACs also stand in the loader and the generator.
CONFIGURATION = """\
tenants:
- name: bench
  ports:
  - {{name: a, type: vhost-user}}
  - {{name: b, type: vhost-user}}
  routers:
  - name: r
    interfaces:
    - name: a
      mac-address: "02:00:00:0a:00:00"
      addresses: [10.0.0.1/24, "fd00:a::1/64"]
      neighbors: [{neighbors_a}]
    - name: b
      mac-address: "02:00:00:0b:00:00"
      addresses: [10.0.1.1/24, "fd00:b::1/64"]
      neighbors: [{neighbors_b}]
  chains:
  - {{name: ca, inside: a, outside: r.a}}
  - {{name: cb, inside: b, outside: r.b}}
"""


def neighbors(side, n_paths):
    """The guests' addresses, one of each family for a path."""
    found = []
    for i in range(n_paths):
        for address in (f"10.0.{'ab'.index(side)}.{2 + i}", f"fd00:{side}::{2 + i:x}"):
            found.append(f'{{address: "{address}", mac-address: "02:00:00:{side}{side}:00:{i:02x}"}}')
    return ", ".join(found)


class Router(Culvert):
    def __init__(self, setup, case, options=(), configuration=None, patience=CONTROL_WAIT_SEC):
        self.loaded = self.flapper = None
        super().__init__(setup, configuration or CONFIGURATION.format(
            neighbors_a=neighbors("a", case.paths), neighbors_b=neighbors("b", case.paths)),
            options, patience)

    def loader(self, case, *words):
        """On the generator's core, as all that is not measured."""
        return self.setup.start("loader", [
            "taskset", "-c", str(self.setup.generator_cpu),
            os.path.join(self.setup.build, "tests/bench/culvert-route-loader"),
            "--run-dir", self.setup.folder, "--family", str(case.family), "--paths", str(case.paths),
            *words])

    def load(self, case, *words):
        """The case's routes; what the loader says of it."""
        process = self.loader(case, "--routes", str(case.routes), *words)
        try:
            process.child.wait(LOAD_WAIT_SEC)
        except subprocess.TimeoutExpired:
            pass
        finally:
            process.stop()
        if process.child.returncode != 0:
            raise TrialError("\n".join(p.complaint() for p in [process] + self.processes))
        return json.loads(process.output())

    def start_flaps(self, case):
        """Routes beside those that have traffic, until finish()."""
        self.flapper = self.loader(case, "--flap", "--first", str(case.routes),
                                   "--routes", str(case.n_flapping))
        self.processes.append(self.flapper)

    def finish(self, cycles_per_sec):
        own = super().finish(cycles_per_sec)
        own["load"] = self.loaded
        own["drops"] = self.drops()
        if self.flapper:
            self.flapper.stop(FLAP_STOP_SEC)
            if self.flapper.child.returncode != 0:
                raise TrialError(self.flapper.complaint())
            own["flap"] = json.loads(self.flapper.output())
        return own


class RouteCase(Case):
    def __init__(self, family, routes, paths):
        self.family, self.routes, self.paths = family, routes, paths

    def __str__(self):
        text = f"IPv{self.family}, {self.routes} routes"
        return text + (f", {self.paths} next hops" if self.paths > 1 else "")

    def as_dict(self):
        return {"family": self.family, "routes": self.routes, "paths": self.paths,
                "size": SIZES[self.family]}

    def words(self, name):
        """The same frames for all; only a router can be held to have routed them."""
        check = ["--paths", str(self.paths)] if name in OURS else []
        return ["--family", str(self.family), "--routes", str(self.routes),
                "--size", SIZES[self.family]] + check

    def make_ours(self, setup, options):
        dut = Router(setup, self, options)
        try:
            dut.loaded = dut.load(self)
        except BaseException:
            dut.stop()
            raise
        return dut


class FlapCase(RouteCase):
    """Below saturation, while other routes come and go."""

    is_contended = True  # the flapping itself shares the generator's core

    def __init__(self, case, n_flapping, pps, window):
        super().__init__(case.family, case.routes, case.paths)
        self.n_flapping, self.pps, self.window = n_flapping, pps, window

    def __str__(self):
        flapping = f", {self.n_flapping} others flap" if self.n_flapping else ""
        return f"{super().__str__()}, {2 * self.pps / 1e6:.2f} Mpps offered{flapping}"

    def as_dict(self):
        return dict(super().as_dict(), flapping=self.n_flapping, offered_pps=2 * self.pps,
                    window=self.window)

    def words(self, name):
        return super().words(name) + ["--rate", str(self.pps), "--window", str(self.window)]

    def make_ours(self, setup, options):
        dut = super().make_ours(setup, options)
        if self.n_flapping:
            dut.start_flaps(self)
        return dut
