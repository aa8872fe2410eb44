# SPDX-License-Identifier: BSD-3-Clause
"""A run: trials of several DUTs in turn, repeated while the machine spoilt them, and what came of them.
What a trial is belongs to the measure: here the rate at saturation; others are in modules of their own.
"""

import contextlib
import dataclasses
import json
import os
import time

from bench_compare import compare_with, read_report
from bench_distance import Distance
from bench_dut import OURS, PEERS, Setup, Testpmd, check_ours
from bench_generator import Generator
from bench_kernel import KERNEL, Kernel
from bench_latency import run_latency
from bench_picture import draw_all
from bench_process import TrialError
from bench_rfc import run_rfc2544, run_rfc9004
from bench_search import run_search
from bench_stats import StealMeter, free_huge_mb, interval, machine, median
from bench_table import describe, print_bounds, print_table, say

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HUGE_MB_NEEDED = 1536
ATTEMPTS = 10  # of a trial, until one is not void
DIRECTIONS = ("a_to_b", "b_to_a")
MEDIANS = ("mpps", "cycles_per_packet", "mean_rx_burst", "generator_needed", "tx_full")
ROUNDS = {"rate": 7, "latency": 3}  # of others one takes long enough
# What --measure offers beside the rate at saturation.
MEASURES = {"search": run_search, "latency": run_latency, "rfc2544": run_rfc2544,
            "rfc9004": run_rfc9004}


@dataclasses.dataclass
class Stand:
    """A DUT and the generator in front of it, both ready."""
    dut: object
    generator: Generator
    set_up: dict | None  # what came of it

    def trial(self, rate_pps, seconds):
        return self.generator.trial(rate_pps, seconds, self.dut.processes)

    def burst(self, n_frames):
        return self.generator.burst(n_frames, self.dut.processes)


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
    return {"case": case.as_dict(), "name": str(case), "base": duts[0], "rows": rows}


def check_set_up(name, case, answer):
    """Do all flows go, by a name of their own if the DUT is to translate?"""
    if answer["wrong"]:
        raise TrialError(f"{name}: {answer['wrong']} wrong frames in the set-up: {answer['fault']}")
    if not case.is_translated(name):
        return
    if not answer["flows"] == answer["proven"] == answer["translated"]:
        raise TrialError(f"{name}: of {answer['flows']} flows {answer['translated']} are translated, and "
                         f"{answer['proven']} go both ways")


def rate_of(result):
    """What a trial of the generator's says of the DUT."""
    load = result["generator"]
    return {"mpps": result["mpps"], "mean_rx_burst": load["mean_rx_burst"],
            "generator_needed": load["needed_share"], "tx_full": load["tx_full_share"],
            "lost": sum(result[d]["lost"] for d in DIRECTIONS),
            "tx": sum(result[d]["tx"] for d in DIRECTIONS), **count_wrong(result),
            "generator_waiting": 1 - load["core_share"], "generator": result}


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

    def __init__(self, args, folder, known=tuple(OURS) + PEERS):
        self.args = args
        if args.compare:
            read_report(args.compare)  # a fault in it is told before the run, not after
        self.duts = args.dut.split(",")
        unknown = [d for d in self.duts if d not in known]
        if unknown:
            raise TrialError(f"--dut: no such DUT here: {', '.join(unknown)}; there are {', '.join(known)}")
        args.rounds = args.rounds or ROUNDS.get(args.measure, 1)
        self.setup = Setup(args, folder, has_huge_pages(args.huge))
        for name in set(self.duts) & set(OURS):
            check_ours(self.setup, name)
        self.report = {"command": args.command, "measure": args.measure,
                       "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
                       "settings": {k: v for k, v in vars(args).items() if k != "function"},
                       "huge_pages": self.setup.has_huge_pages, "machine": machine(ROOT), "cases": []}
        self.n_done = self.n_all = self.n_wrong = 0
        self.announce()
        self.distance = Distance(self.setup)

    def announce(self):
        facts, args, setup = self.report["machine"], self.args, self.setup
        say(f"{facts['cpu']}, {facts['n_cpus']} CPUs, Linux {facts['kernel']}, DPDK {facts['dpdk']}, "
            f"OVS {facts['ovs']}, culvert {facts['culvert']}")
        say(f"{'huge' if setup.has_huge_pages else '4 KB'} pages, rings of {args.queue_size}"
            f"{' (packed)' if args.packed else ''}, testpmd --burst={args.peer_burst}, DUT on CPU "
            f"{args.dut_cpu}, generator and main threads on CPU {args.generator_cpu}, both directions")
        if not setup.has_huge_pages and set(self.duts) & set(OURS) and free_huge_mb() > 0:
            say("note: there are free huge pages, which our dataplane takes by itself if they are enough "
                "for it; the others run without: give all of them more, or none")

    def reason_to_void(self, trial, case):
        if trial["wrong"] > 0:
            return f"{trial['wrong']} wrong frames: {trial['fault']}"
        if trial["steal"] > self.args.max_steal / 100:
            return f"steal {trial['steal']:.1%}"
        for who in () if case.is_contended else ("generator", "dut"):
            share = trial.get(f"{who}_waiting")
            if share is not None and share > self.args.max_contention / 100:
                return f"others had the {who}'s core for {share:.1%}"
        apart = max(trial["distance"])
        if self.distance.is_apart(apart):
            return f"CPUs apart ({apart} cycles there and back, {self.distance.best} at best)"
        return None

    def make_dut(self, name, case):
        if name in OURS:
            return case.make_ours(self.setup, OURS[name])
        if name in PEERS:
            return Testpmd(self.setup, name, case.n_pairs)
        return case.make_ovs(self.setup, name)

    @contextlib.contextmanager
    def stand(self, name, case, words=(), is_set_up=True):
        """All of it is gone in the end, whatever happens."""
        words = case.words(name) + list(words)
        with contextlib.ExitStack() as stack:
            if name == KERNEL:
                dut = Kernel(self.setup, case)
                stack.callback(dut.stop)
                generator = Generator(self.setup, words, before=dut.inside(dut.outside))
                stack.callback(generator.stop)
            else:
                generator = Generator(self.setup, words, case.n_pairs)
                stack.callback(generator.stop)
                dut = self.make_dut(name, case)
                stack.callback(dut.stop)
            try:
                answer = generator.set_up(dut.processes) if is_set_up else None
                if is_set_up:
                    check_set_up(name, case, answer)
            except TrialError as error:
                raise TrialError(f"{error}\n{name}: {dut.why()}") from error
            yield Stand(dut, generator, answer)

    def measure(self, name, case, action, is_set_up=True, words=()):
        """What action(stand) found, and what the machine did meanwhile."""
        setup = self.setup
        meter = StealMeter([setup.dut_cpu, setup.generator_cpu])
        with contextlib.ExitStack() as stack:
            stand = stack.enter_context(self.stand(name, case, words, is_set_up))
            watch = self.distance.watch()
            stack.callback(watch.stop)
            meter.start()
            stand.dut.begin()
            found = {"wrong": 0, "fault": "", **action(stand)}
            steal = meter.share()
            waiting = stand.dut.worker.waiting_share()
            own = stand.dut.finish(found["cycles_per_sec"])
        return {"dut": name, "case": case.as_dict(), "steal": steal, "dut_waiting": waiting, "own": own,
                "distance": self.distance.samples(watch), "set_up": stand.set_up,
                "cycles_per_packet": own.get("cycles_per_packet"), **found}

    def one(self, name, case, action, tell=None, is_long=False, **more):
        """Repeated while void for the machine's sake; the last one is returned in any case, with "void"
        saying why. A long one looks after its own trials, and is void only if the DUT was wrong."""
        self.n_done += 1
        for attempt in range(1, ATTEMPTS + 1):
            before = self.distance.wait_near(self.args.patience, say)
            trial = self.measure(name, case, action, **more)
            trial["distance"].insert(0, before)
            trial["void"] = (None if is_long and not trial["wrong"]
                             else self.reason_to_void(trial, case))
            is_last = attempt == ATTEMPTS or not trial["void"] or trial["wrong"] > 0
            void = f"VOID: {trial['void']}; {'left out' if is_last else 'again'}" if trial["void"] else ""
            if tell:
                say(f"{tell(trial)}  {void}".rstrip())
            elif void and not is_last:
                say(f"{name}: {void}")
            if is_last:
                break
        self.n_wrong += trial["wrong"]
        return trial

    def at_saturation(self, stand):
        stand.generator.load(0, self.args.warmup)
        result = stand.trial(0, self.args.seconds)
        return dict(rate_of(result), cycles_per_sec=result["generator"]["cycles_per_sec"])

    def one_trial(self, name, case, label, action=None):
        """The rate at saturation, or what the action says in the same words."""
        number = f"[{self.n_done + 1}/{self.n_all}]"
        return self.one(name, case, action or self.at_saturation,
                        lambda trial: f"{number} {case}, {label}: {describe(trial)}")

    def trials_of(self, case, duts, action=None):
        """All rounds of a case, DUTs in turn."""
        trials = []
        for number in range(1, self.args.rounds + 1):
            for name in duts:
                trials.append(dict(self.one_trial(name, case, f"round {number}", action), round=number))
        for trial in trials:  # the best distance may have been found after it
            trial["void"] = trial["void"] or self.reason_to_void(trial, case)
        return trials

    def compare(self, cases, tell_more=lambda result: None):
        """The rate at saturation: cases one after the other, then their tables."""
        self.n_all += len(cases) * len(self.duts) * self.args.rounds
        results = []
        for case in cases:
            trials = self.trials_of(case, self.duts)
            results.append(dict(summarise(case, self.duts, trials), measure="rate", trials=trials))
        for case, result in zip(cases, results):
            print_table(case, result)
            print_bounds(result)
            tell_more(result)
        self.report["cases"] += results

    def measure_all(self, cases, tell_more=lambda result: None):
        """By what --measure says."""
        if self.args.measure == "rate":
            self.compare(cases, tell_more)
        else:
            MEASURES[self.args.measure](self, cases)

    def save(self):
        """The report, also of a DUT that can't route."""
        if self.args.json:
            with open(self.args.json, "w", encoding="utf-8") as f:
                json.dump(self.report, f, indent=1)
                f.write("\n")
        if self.args.pictures:
            draw_all(self.report, self.args.pictures)
        if self.args.compare:
            compare_with(self.args.compare, self.report)
        if self.n_wrong > 0:
            raise TrialError(f"{self.n_wrong} wrong frames: see above")
