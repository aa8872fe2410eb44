# SPDX-License-Identifier: BSD-3-Clause
"""--measure latency: how long frames are under way at shares of the DUT's own rate at saturation, and of
all DUTs at the rate that is half of the first one's. The time is written into each frame when it is
due, and read when it arrives: the generator's own loop is in it, for all DUTs alike."""

from bench_search import Trials, lost_share
from bench_stats import median
from bench_table import cell, say

SHARES = (10, 50, 90)
SAME = "same"  # half of the first DUT's
SHOWN = ("50", "90", "99", "99.9")


def at_rate(trials, pps, seconds):
    result = trials.take(pps, seconds)
    return {"offered_mpps": pps / 1e6, "mpps": result["mpps"], "lost_share": lost_share(result),
            "latency_ns": result["latency_ns"]}


def latencies(run, stand, same_pps):
    """At each share, and at a rate that was another one's half."""
    trials, seconds = Trials(run, stand), run.args.seconds
    full = trials.saturation(seconds)
    found = {str(share): at_rate(trials, full["mpps"] * 1e6 * share / 100, seconds) for share in SHARES}
    if same_pps:
        found[SAME] = at_rate(trials, same_pps, seconds)
    return dict(trials.report(), mpps=full["mpps"], loads=found, cycles_per_packet=None)


def summarise(case, duts, results):
    """Medians of the rounds; ratios of p99 within a round, of the first DUT to each."""
    rows = []
    for name in duts:
        good = {r["round"]: r for r in results if r["dut"] == name and not r["void"]}
        base = {r["round"]: r for r in results if r["dut"] == duts[0] and not r["void"]}
        for load in [str(share) for share in SHARES] + [SAME]:
            there = {n: r["loads"][load] for n, r in good.items() if load in r["loads"]}
            if not there:
                continue
            curve = {p: median([r["latency_ns"]["percentiles"][p] for r in there.values()])
                     for p in next(iter(there.values()))["latency_ns"]["percentiles"]}
            first = {n: base[n]["loads"]["50" if load == SAME else load] for n in there if n in base}
            ratios = [first[n]["latency_ns"]["percentiles"]["99"] /
                      max(there[n]["latency_ns"]["percentiles"]["99"], 1) for n in first]
            rows.append({"dut": name, "load": load, "rounds": len(there), "percentiles_ns": curve,
                         "offered_mpps": median([r["offered_mpps"] for r in there.values()]),
                         "lost_share": median([r["lost_share"] for r in there.values()]),
                         "p99_ratio": median(ratios)})
    return {"case": case.as_dict(), "name": str(case), "measure": "latency", "base": duts[0],
            "rows": rows, "trials": results}


def print_latency(result):
    base = result["base"]
    say(f"\n{result['name']}: latency in microseconds (medians)")
    say(f"  {'DUT':12s} {'load':>16s} {'Mpps':>7s} " + " ".join(f"{'p' + p:>8s}" for p in SHOWN) +
        f" {'lost':>7s}  {base} / DUT: p99")
    for row in result["rows"]:
        load = f"half of {base}'s" if row["load"] == SAME else f"{row['load']} % of its own"
        say(f"  {row['dut']:12s} {load:>16s} {row['offered_mpps']:7.2f} " +
            " ".join(f"{row['percentiles_ns'][p] / 1e3:8.1f}" for p in SHOWN) +
            f" {row['lost_share']:7.3%}  {cell(row['p99_ratio'], '{:.2f}')}")


def run_latency(run, cases):
    run.n_all += len(cases) * len(run.duts) * run.args.rounds
    for case in cases:
        results = []
        for number in range(1, run.args.rounds + 1):
            half = None
            for name in run.duts:
                label = f"[{run.n_done + 1}/{run.n_all}] {case}, round {number}: {name}"
                result = run.one(name, case, lambda stand, half=half: latencies(run, stand, half),
                                 lambda trial, label=label: f"{label} p99 at half load " + "{:.1f} us".format(
                                     trial["loads"]["50"]["latency_ns"]["percentiles"]["99"] / 1e3),
                                 words=["--latency"])
                half = half or result["loads"]["50"]["offered_mpps"] * 1e6
                results.append(dict(result, round=number))
        summary = summarise(case, run.duts, results)
        print_latency(summary)
        run.report["cases"].append(summary)
