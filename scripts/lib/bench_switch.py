# SPDX-License-Identifier: BSD-3-Clause
"""Our switch between two ports."""

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


class SwitchCase:
    is_contended = False

    def __init__(self, macs, size, flows):
        self.macs, self.size, self.flows = macs, size, flows

    def __str__(self):
        return f"{self.size} B, {self.macs} MACs, {self.flows} flows"

    def as_dict(self):
        return {"macs": self.macs, "size": self.size, "flows": self.flows}

    def words(self, _name):
        return ["--learn", "--macs", str(self.macs), "--flows", str(self.flows), "--size", self.size]

    def make_ours(self, setup):
        mac_limit = min(self.macs + 64, MAC_LIMIT_MAX)
        return Culvert(setup, CONFIGURATION.format(mac_limit=mac_limit))


def add_arguments(parser):
    parser.add_argument("--macs", default="1,1000", help="addresses on each side")
    parser.add_argument("--sizes", default="64", help="bytes with FCS, or imix")
    parser.add_argument("--flows", default="1")


def run_switch(args, folder):
    run = Run(args, folder)
    run.compare([SwitchCase(int(macs), size, int(flows)) for size in args.sizes.split(",")
                 for macs in args.macs.split(",") for flows in args.flows.split(",")])
    run.save()
