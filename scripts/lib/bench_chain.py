# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench chain: firewalls, a NAT and a router between the ports of a pair, beside the peers and
OVS-DPDK; or how fast sessions begin."""

import dataclasses
import itertools

from bench_case import Case, numbers, size_text, sizes
from bench_dut import OURS, PEERS
from bench_gateway import MOST, Gateway
from bench_kernel import KERNEL
from bench_ovs import VARIANTS, Ovs
from bench_process import TrialError
from bench_setup import KINDS, run_setup
from bench_trial import Run

ROUTES_MAX = 1200000
TRANSLATING = tuple(OURS) + tuple(VARIANTS) + (KERNEL,)


@dataclasses.dataclass
class ChainCase(Case):
    size: str = "64"
    flows: int = 1000
    functions: int = 2
    routes: int = 10
    rules: int = 10
    churn: float = 0.0
    vlans: int | None = None  # tenants that share the two ports
    n_pairs: int = 1

    family = 4  # for the loader of routes
    paths = 1

    @property
    def tenants(self):
        return self.vlans or self.n_pairs

    def __str__(self):
        text = f"{size_text(self.size)}, {self.flows} flows, {self.functions} functions"
        text += f", {self.routes} routes" if self.routes not in (0, 10) else ""
        text += f", {self.rules} rules" if self.rules != 10 else ""
        text += f", {self.churn:g} of A's frames begin a flow" if self.churn else ""
        text += f", {self.vlans} tenants on VLANs" if self.vlans is not None else ""
        return text + (f", {2 * self.n_pairs} ports" if self.n_pairs > 1 else "")

    def as_dict(self):
        return dataclasses.asdict(self)

    def words(self, name):
        """The same frames for all. Of the routes those are used that so many flows can meet."""
        routes = min(self.routes or 10, 2 * self.flows)
        words = ["--routes", str(routes), "--flows", str(self.flows), "--size", self.size]
        words += ["--churn", str(self.churn)] if self.churn else []
        words += ["--vlans", str(self.vlans)] if self.vlans is not None else []
        return words + (["--nat", "--paths", "1"] if self.is_translated(name) else [])

    def is_translated(self, name):
        return name in TRANSLATING

    def make_ours(self, setup, options):
        return Gateway(setup, self, options)

    def make_ovs(self, setup, name):
        return Ovs(setup, self, name)


def add_arguments(parser):
    parser.set_defaults(dut="culvert,5tswap,ovs")
    parser.add_argument("--flows", help="5-tuples, in random order (1,1000,10000,100000,1000000; with "
                        "--setup 1000000)")
    parser.add_argument("--sizes", default="64", help="bytes with FCS, or imix")
    parser.add_argument("--functions", default="2", help="firewalls and one NAT: 1 to 8")
    parser.add_argument("--routes", default="10", help=f"even, 2 to {ROUTES_MAX}, half behind each port")
    parser.add_argument("--rules", default="10", help="of each firewall: the last one allows, all others "
                        "are met by none")
    parser.add_argument("--churn", default="0", help="share of the inside's frames that begin a flow in "
                        "place of another")
    parser.add_argument("--tenants", help="that have a gateway each, and a VLAN of the two ports")
    parser.add_argument("--ports", default="2", help="in pairs, a tenant and a gateway between each")
    parser.add_argument("--setup", choices=tuple(KINDS), help="instead: how many sessions begin a second "
                        "(udp), or TCP connections begin and end")


def shares(text):
    try:
        found = [float(word) for word in text.split(",")]
    except ValueError:
        found = [-1]
    if not all(0 <= share <= 1 for share in found):
        raise TrialError(f"--churn {text}: shares from 0 to 1, with commas between them")
    return found


def even(values, name, text):
    if any(value % 2 for value in values):
        raise TrialError(f"--{name} {text}: even numbers")
    return values


def cases_of(args):
    flows = args.flows or ("1000000" if args.setup else "1,1000,10000,100000,1000000")
    tenants = numbers(args.tenants, "tenants", 1, 4094) if args.tenants else [None]
    ports = even(numbers(args.ports, "ports", 2, 128), "ports", args.ports)
    if tenants != [None] and ports != [2]:
        raise TrialError("--tenants share two ports: leave --ports out")
    routes = even(numbers(args.routes, "routes", 2, ROUTES_MAX), "routes", args.routes)
    if (tenants != [None] or ports != [2]) and routes != [10]:
        raise TrialError("--routes are one router's: leave --tenants and --ports out")
    found = []
    for size, flow, function, route, rule, churn, tenant, port in itertools.product(
            sizes(args.sizes), numbers(flows, "flows", 1, MOST),
            numbers(args.functions, "functions", 1, 8), routes,
            numbers(args.rules, "rules", 1, 1000000), shares(args.churn), tenants, ports):
        is_alone = tenant is None and port == 2
        found.append(ChainCase(size, max(flow, tenant or 1, port // 2), function,
                               route if is_alone else 0, rule, churn, tenant, port // 2))
    return found


def run_chain(args, folder):
    cases = cases_of(args)
    run = Run(args, folder, tuple(OURS) + PEERS + tuple(VARIANTS) + (KERNEL,))
    if args.setup:
        run_setup(run, cases, args.setup)
    else:
        run.measure_all(cases)
    run.save()
