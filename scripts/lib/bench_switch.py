# SPDX-License-Identifier: BSD-3-Clause
"""Our switch between two ports."""

from bench_case import Case, numbers, size_text, sizes
from bench_dut import Culvert
from bench_trial import Run

# The names are the dataplane's.
CONFIGURATION = """\
tenants:
- name: bench
  ports:
  - {{name: a, type: vhost-user, mac-limit: {mac_limit}}}
  - {{name: b, type: vhost-user, mac-limit: {mac_limit}}}
  switches:
  - {{name: lan, members: [a, b]}}
"""
MAC_LIMIT_MAX = 65535


class SwitchCase(Case):
    def __init__(self, macs, size, flows):
        self.macs, self.size, self.flows = macs, size, flows

    def __str__(self):
        return f"{size_text(self.size)}, {self.macs} MACs, {self.flows} flows"

    def as_dict(self):
        return {"macs": self.macs, "size": self.size, "flows": self.flows}

    def words(self, _name):
        return ["--learn", "--macs", str(self.macs), "--flows", str(self.flows), "--size", self.size]

    def make_ours(self, setup, options):
        mac_limit = min(self.macs + 64, MAC_LIMIT_MAX)
        return Culvert(setup, CONFIGURATION.format(mac_limit=mac_limit), options)


def add_arguments(parser):
    parser.add_argument("--macs", default="1,1000", help="addresses on each side")
    parser.add_argument("--sizes", default="64", help="bytes with FCS, or imix")
    parser.add_argument("--flows", default="1")


def run_switch(args, folder):
    cases = [SwitchCase(macs, size, flows) for size in sizes(args.sizes)
             for macs in numbers(args.macs, "macs", 1, MAC_LIMIT_MAX)
             for flows in numbers(args.flows, "flows", 1, 16 << 20)]
    run = Run(args, folder)
    run.measure_all(cases)
    run.save()
