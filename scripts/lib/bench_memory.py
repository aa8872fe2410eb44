# SPDX-License-Identifier: BSD-3-Clause
"""Resident memory of our dataplane: what a route takes, and what a router does."""

import contextlib

from bench_dut import Culvert
from bench_router import RouteCase, Router
from bench_table import say

ROUTES = {4: 1000000, 6: 200000}
N_ROUTERS = 1000
N_ROUTES_EACH = 10
KINDS = ("Rss:", "Shared_Hugetlb:", "Private_Hugetlb:")

ROUTER = """\
  - name: r{number}
    interfaces:
    - name: a
      addresses: [10.0.0.1/24]
      neighbors: [{{address: 10.0.0.2, mac-address: "02:00:00:aa:00:00"}}]
    - name: b
      addresses: [10.0.1.1/24]
      neighbors: [{{address: 10.0.1.2, mac-address: "02:00:00:bb:00:00"}}]
    routes: [{routes}]
"""


@contextlib.contextmanager
def running(dut):
    try:
        yield dut
    finally:
        dut.stop()


def resident(dut):
    """Bytes of the dataplane's, in pages of any size."""
    with open(f"/proc/{dut.processes[0].child.pid}/smaps_rollup", encoding="ascii") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith(KINDS)) * 1024


def routers(n):
    """A configuration of n routers alike; their addresses overlap, as those of tenants may."""
    routes = ", ".join(f"{{prefix: 172.16.{i}.0/24, next-hop: 10.0.{i % 2}.2}}"
                       for i in range(N_ROUTES_EACH))
    text = "tenants:\n- name: bench\n"
    if n > 0:
        text += "  routers:\n" + "".join(ROUTER.format(number=i, routes=routes) for i in range(n))
    return text


def measure_routes(setup, case):
    """Before, with all routes, and when they are gone."""
    with running(Router(setup, case)) as dut:
        before = resident(dut)
        load = dut.load(case)
        after = resident(dut)
        dut.load(case, "--delete")
        return {"case": case.as_dict(), "before": before, "after": after, "deleted": resident(dut),
                "load": load, "bytes_per_route": (after - before) / case.routes}


def measure_routers(setup):
    with running(Culvert(setup, routers(0))) as dut:
        before = resident(dut)
        dut.apply(routers(N_ROUTERS))
        after = resident(dut)
        return {"routers": N_ROUTERS, "routes_each": N_ROUTES_EACH, "before": before, "after": after,
                "bytes_per_router": (after - before) / N_ROUTERS}


def megabytes(result, key):
    return f"{result[key] / 1e6:.1f} MB"


def run_memory(run, cases):
    """No frames: ports wait for their guests."""
    results = []
    for case in cases or [RouteCase(family, n, 1) for family, n in ROUTES.items()]:
        result = measure_routes(run.setup, case)
        results.append(result)
        say(f"{case}: {result['bytes_per_route']:.1f} bytes a route ({megabytes(result, 'before')} before, "
            f"{megabytes(result, 'after')} with them, {megabytes(result, 'deleted')} when they are gone), "
            f"loaded in {result['load']['seconds']:.3f} s, {result['load']['routes_per_sec']:,.0f} a second")
    result = measure_routers(run.setup)
    results.append(result)
    say(f"{N_ROUTERS} routers of {N_ROUTES_EACH} routes: {result['bytes_per_router'] / 1e3:.1f} kB a router "
        f"({megabytes(result, 'before')} before, {megabytes(result, 'after')} with them)")
    run.report["memory"] = results
