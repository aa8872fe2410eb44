# SPDX-License-Identifier: BSD-3-Clause
"""A run: trials of several DUTs in turn, repeated while the machine spoilt them, and what came of them.

A case says what the frames are and how our dataplane is configured for them:
  str(case), case.as_dict()      its name, and what a report needs to know
  case.words(name)               the generator's options for the DUT of this name
  case.make_ours(setup)          a bench_dut.Culvert, ready for traffic
  case.is_contended              others are meant to use the generator's core
"""

import contextlib
import json
import os
import time

from bench_distance import Distance
from bench_dut import OURS, PEERS, Generator, Setup, make_dut
from bench_process import TrialError
from bench_stats import StealMeter, free_huge_mb, interval, machine, median
from bench_table import print_bounds, print_table, say

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HUGE_MB_NEEDED = 1280
ATTEMPTS = 10  # of a trial, until one is not void
DIRECTIONS = ("a_to_b", "b_to_a")
MEDIANS = ("mpps", "cycles_per_packet", "mean_rx_burst", "generator_needed", "tx_full")


def count_wrong(result):
    """Frames that were not routed as they should be: of those checked, and those that came back to
    their sender. Only where frames are checked."""
    ways = [result[d] for d in DIRECTIONS if "wrong" in result[d]]
    return {"checked": sum(w["checked"] for w in ways),
            "wrong": sum(w["wrong"] + w["reflected_to_sender"] for w in ways),
            "fault": next((w["fault"] for w in ways if w["fault"]), "came back to their sender")}


def summarise(case, duts, trials):
    """Medians of each DUT and of the ratios of the first one to it, within the same round."""
    rows = []
    for name in duts:
        good = {t["round"]: t for t in trials if t["dut"] == name and not t["void"]}
        base = {t["round"]: t for t in trials if t["dut"] == duts[0] and not t["void"]}
        ratios = [base[r]["mpps"] / good[r]["mpps"] for r in sorted(good)
                  if r in base and good[r]["mpps"] > 0]
        cost_ratios = [base[r]["cycles_per_packet"] / good[r]["cycles_per_packet"] for r in sorted(good)
                       if r in base and good[r]["cycles_per_packet"] and base[r]["cycles_per_packet"]]
        row = {"dut": name, "rounds": len(good), "ratio": median(ratios), "interval": interval(ratios),
               "cycles_ratio": median(cost_ratios)}
        for key in MEDIANS:
            row[key] = median([t[key] for t in good.values()])
        row["lost_share"] = median([t["lost"] / max(t["tx"], 1) for t in good.values()])
        rows.append(row)
    return {"case": case.as_dict(), "base": duts[0], "rows": rows}


def describe(trial):
    """A trial in a line."""
    cycles = trial["cycles_per_packet"]
    text = f"{trial['dut']:8s} {trial['mpps']:6.2f} Mpps"
    text += f", {cycles:5.0f} cycles a packet" if cycles else ""
    return text + (f", ring full {trial['tx_full']:4.0%}, "
                   f"generator busy {trial['generator_needed']:4.0%}")


def has_huge_pages(choice):
    if choice == "off":
        return False
    free_mb = free_huge_mb()
    if choice == "on" and free_mb < HUGE_MB_NEEDED:
        raise TrialError(f"--huge on: {HUGE_MB_NEEDED} MB of free huge pages are needed, there are "
                         f"{free_mb}")
    return free_mb >= HUGE_MB_NEEDED


class Run:
    """What a command of the bench does, from the first line printed to the report."""

    def __init__(self, args, folder):
        self.args = args
        self.duts = args.dut.split(",")
        unknown = [d for d in self.duts if d not in OURS + PEERS]
        if unknown:
            raise TrialError(f"no such DUT: {', '.join(unknown)}; there are {', '.join(OURS + PEERS)}")
        self.setup = Setup(args, folder, has_huge_pages(args.huge))
        self.report = {"command": args.command, "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
                       "settings": {k: v for k, v in vars(args).items() if k != "function"},
                       "huge_pages": self.setup.has_huge_pages, "machine": machine(ROOT), "cases": []}
        self.n_done = self.n_all = self.n_wrong = 0
        self.announce()
        self.distance = Distance(self.setup)

    def announce(self):
        facts, args, setup = self.report["machine"], self.args, self.setup
        say(f"{facts['cpu']}, {facts['n_cpus']} CPUs, Linux {facts['kernel']}, DPDK {facts['dpdk']}, "
            f"culvert {facts['culvert']}")
        say(f"{'huge' if setup.has_huge_pages else '4 KB'} pages, rings of {args.queue_size}"
            f"{' (packed)' if args.packed else ''}, testpmd --burst={args.peer_burst}, DUT on CPU "
            f"{args.dut_cpu}, generator and main threads on CPU {args.generator_cpu}, both directions")
        if not setup.has_huge_pages and "culvert" in self.duts and free_huge_mb() > 0:
            say("note: there are free huge pages, which our dataplane takes by itself if they are enough "
                "for it; the others run without: give all of them more, or none")

    def reason_to_void(self, trial, case):
        if trial["wrong"] > 0:
            return f"{trial['wrong']} wrong frames of {trial['checked']} checked: {trial['fault']}"
        if trial["steal"] > self.args.max_steal / 100:
            return f"steal {trial['steal']:.1%}"
        for who in () if case.is_contended else ("generator", "dut"):
            share = trial[f"{who}_waiting"]
            if share is not None and share > self.args.max_contention / 100:
                return f"others had the {who}'s core for {share:.1%}"
        apart = max(trial["distance"])
        if self.distance.is_apart(apart):
            return f"CPUs apart ({apart} cycles there and back, {self.distance.best} at best)"
        return None

    def measure(self, name, case):
        """One trial, with all its processes gone when it returns or raises."""
        setup = self.setup
        meter = StealMeter([setup.dut_cpu, setup.generator_cpu])
        with contextlib.ExitStack() as stack:
            generator = Generator(setup, case.words(name))
            stack.callback(generator.stop)
            dut = make_dut(setup, name, case)
            stack.callback(dut.stop)
            watch = self.distance.watch()
            stack.callback(watch.stop)
            meter.start()
            generator.go()
            result = generator.finish(dut.processes)
            steal = meter.share()
            waiting = dut.processes[0].waiting_share()
            own = dut.finish(result["generator"]["cycles_per_sec"])
        load = result["generator"]
        return {
            "dut": name, "case": case.as_dict(), "mpps": result["mpps"],
            "cycles_per_packet": own.get("cycles_per_packet"),
            "mean_rx_burst": load["mean_rx_burst"], "generator_needed": load["needed_share"],
            "tx_full": load["tx_full_share"], "lost": sum(result[d]["lost"] for d in DIRECTIONS),
            "tx": sum(result[d]["tx"] for d in DIRECTIONS), "steal": steal, **count_wrong(result),
            "generator_waiting": 1 - load["core_share"], "dut_waiting": waiting, "generator": result,
            "own": own, "distance": self.distance.samples(watch),
        }

    def one_trial(self, name, case, label):
        """Repeated while void for the machine's sake; the last one is returned in any case, with "void"
        saying why."""
        self.n_done += 1
        for attempt in range(1, ATTEMPTS + 1):
            before = self.distance.wait_near(self.args.patience, say)
            trial = self.measure(name, case)
            trial["distance"].insert(0, before)
            trial["void"] = self.reason_to_void(trial, case)
            is_last = attempt == ATTEMPTS or not trial["void"] or trial["wrong"] > 0
            text = f"[{self.n_done}/{self.n_all}] {case}, {label}: {describe(trial)}"
            if trial["void"]:
                text += f"  VOID: {trial['void']}; {'left out' if is_last else 'again'}"
            say(text)
            if is_last:
                break
        self.n_wrong += trial["wrong"]
        return trial

    def trials_of(self, case, duts):
        """All rounds of a case, DUTs in turn."""
        trials = []
        for number in range(1, self.args.rounds + 1):
            for name in duts:
                trials.append(dict(self.one_trial(name, case, f"round {number}"), round=number))
        for trial in trials:  # the best distance may have been found after it
            trial["void"] = trial["void"] or self.reason_to_void(trial, case)
        return trials

    def compare(self, cases, tell_more=lambda result: None):
        """Cases one after the other, then their tables."""
        self.n_all += len(cases) * len(self.duts) * self.args.rounds
        results = []
        for case in cases:
            trials = self.trials_of(case, self.duts)
            results.append(dict(summarise(case, self.duts, trials), trials=trials))
        for case, result in zip(cases, results):
            print_table(case, result)
            print_bounds(result)
            tell_more(result)
        self.report["cases"] = results

    def save(self):
        """The report, also of a DUT that can't route."""
        if self.args.json:
            with open(self.args.json, "w", encoding="utf-8") as f:
                json.dump(self.report, f, indent=1)
                f.write("\n")
        if self.n_wrong > 0:
            raise TrialError(f"{self.n_wrong} wrong frames: see above")
