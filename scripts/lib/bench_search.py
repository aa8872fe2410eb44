# SPDX-License-Identifier: BSD-3-Clause
"""--measure search: the highest rates without loss (NDR) and with 0.5 % (PDR), of both directions together.

What a full ring refuses is lost, too: the DUT did not take it. What the generator could not write in time
was not offered, if others had its core; it is lost if the generator was too slow, which is said.
"""

import dataclasses

from bench_mlr import NDR, PDR, Search
from bench_stats import StealMeter, interval, median
from bench_table import BOUND_BY_GENERATOR, cell, say

DIRECTIONS = ("a_to_b", "b_to_a")
ABOVE = 1.1  # of the rate at saturation: more than a DUT can take
BELOW = 0.001
SLOW = 0.95  # of the generator's core
SPOILT = 3  # times that a trial may be repeated for stolen time


def is_too_slow(result):
    """Did the generator need all of its core, and write less than it should?"""
    late = sum(result[d]["tx_late"] for d in DIRECTIONS)
    return late > 0 and result["generator"]["needed_share"] > SLOW


def lost_share(result):
    offered = sum(result[d]["tx_attempts"] for d in DIRECTIONS)
    if is_too_slow(result):
        offered += sum(result[d]["tx_late"] for d in DIRECTIONS)
    return max(1 - sum(result[d]["rx"] for d in DIRECTIONS) / max(offered, 1), 0.0)


def wrong_in(result):
    return sum(result[d].get("wrong", 0) + result[d]["reflected_to_sender"]
               for d in DIRECTIONS if "wrong" in result[d])


class Trials:
    """Of one DUT that stays as it is: its sessions are there."""

    def __init__(self, run, stand):
        self.run, self.stand = run, stand
        self.n_spoilt = self.n_too_slow = self.wrong = 0
        self.cycles_per_sec = None

    def take(self, pps, seconds):
        """The generator's result at a rate of both directions, 0: as fast as it goes; again if the
        hypervisor had the CPUs meanwhile."""
        meter = StealMeter([self.run.setup.dut_cpu, self.run.setup.generator_cpu])
        for _ in range(1 + SPOILT):
            meter.start()
            result = self.stand.trial(int(pps / 2), seconds)
            self.wrong += wrong_in(result)
            if meter.share() <= self.run.args.max_steal / 100:
                break
            self.n_spoilt += 1
        self.n_too_slow += is_too_slow(result)
        self.cycles_per_sec = result["generator"]["cycles_per_sec"]
        return result

    def saturation(self, seconds):
        self.stand.generator.load(0, self.run.args.warmup)
        return self.take(0, seconds)

    def report(self):
        return {"cycles_per_sec": self.cycles_per_sec, "n_spoilt": self.n_spoilt, "wrong": self.wrong,
                "n_too_slow": self.n_too_slow,
                "fault": "frames are not what they should be" if self.wrong else ""}


def search(run, stand, tell):
    args, trials = run.args, Trials(run, stand)
    seconds = args.trial_seconds or 1.0
    full = trials.saturation(seconds)
    top = full["mpps"] * 1e6
    one = Search(lambda load: lost_share(trials.take(load, seconds)), top * ABOVE, top * BELOW, tell)
    goals = [dataclasses.replace(goal, duration=seconds, duration_sum=max(args.duration_sum, seconds))
             for goal in (NDR, PDR)]
    found = {goal.name.lower(): one.find(goal, top) for goal in goals}
    return dict(found, saturation=top, n_trials=one.n_trials, mpps=full["mpps"],
                by_generator=trials.n_too_slow > 0 or
                full["generator"]["tx_full_share"] < BOUND_BY_GENERATOR,
                losses=sorted(one.losses.items()), **trials.report())


def summarise(case, duts, results):
    rows = []
    for name in duts:
        good = {r["round"]: r for r in results if r["dut"] == name and not r["void"]}
        base = {r["round"]: r for r in results if r["dut"] == duts[0] and not r["void"]}
        row = {"dut": name, "rounds": len(good),
               "by_generator": any(r["by_generator"] for r in good.values()),
               "cycles_per_packet": median([r["cycles_per_packet"] for r in good.values()])}
        for key in ("ndr", "pdr"):
            rates = {n: r[key]["throughput"] for n, r in good.items() if r[key]["throughput"]}
            ratios = [base[n][key]["throughput"] / rate for n, rate in rates.items()
                      if n in base and base[n][key]["throughput"]]
            row[key] = median(list(rates.values()))
            row[f"{key}_ratio"], row[f"{key}_interval"] = median(ratios), interval(ratios)
        rows.append(row)
    return {"case": case.as_dict(), "name": str(case), "measure": "search", "base": duts[0], "rows": rows,
            "trials": results}


def print_search(result):
    base = result["base"]
    say(f"\n{result['name']}: M frames a second of both directions")
    say(f"  {'DUT':12s} {'NDR':>8s} {'PDR':>8s} {'cycles':>7s}  {base} / DUT: NDR, PDR")
    for row in result["rows"]:
        rates = [row[key] / 1e6 if row[key] else None for key in ("ndr", "pdr")]
        say(f"  {row['dut']:12s} {cell(rates[0], '{:.3f}'):>8s} {cell(rates[1], '{:.3f}'):>8s} "
            f"{cell(row['cycles_per_packet'], '{:.0f}'):>7s}  {cell(row['ndr_ratio'], '{:.3f}')}, "
            f"{cell(row['pdr_ratio'], '{:.3f}')}" +
            ("  at the generator's limit: a lower bound" if row["by_generator"] else ""))


def run_search(run, cases):
    run.n_all += len(cases) * len(run.duts) * run.args.rounds
    for case in cases:
        results = []
        for number in range(1, run.args.rounds + 1):
            for name in run.duts:
                label = f"[{run.n_done + 1}/{run.n_all}] {case}, {name}"
                result = run.one(name, case, lambda stand, label=label: search(
                    run, stand, lambda text: say(f"{label}: {text}")), is_long=True)
                results.append(dict(result, round=number))
        summary = summarise(case, run.duts, results)
        print_search(summary)
        run.report["cases"].append(summary)
