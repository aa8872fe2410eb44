# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench chain --setup: how many sessions a second begin, or TCP connections begin and end."""

from bench_process import TrialError
from bench_stats import interval, median
from bench_table import cell, say

# What the generator is asked for, and what comes of it.
KINDS = {"udp": ("open", "new UDP sessions"), "tcp": ("cycles", "TCP connections, begun and ended")}


def one_round(run, case, name, command):
    """A trial with a DUT that knows no session. Void like any other."""
    def trial(stand):
        answer = stand.generator.set_up(stand.dut.processes, command)
        return {"answer": answer, "rate": answer["per_sec"], "wrong": answer["wrong"],
                "fault": answer["fault"], "failed": answer["flows"] - answer["proven"],
                "cycles_per_sec": answer["cycles_per_sec"]}
    return run.one(name, case, trial, is_set_up=False)


def check(case, result):
    """A DUT that translates has translated all that it opened."""
    answer = result["answer"]
    if answer["command"] == "open" and case.is_translated(result["dut"]) and \
            answer["translated"] < answer["opened"]:
        raise TrialError(f"{result['dut']}: {answer['opened'] - answer['translated']} of "
                         f"{answer['opened']} sessions are not translated")


def tell(label, what, result):
    answer = result["answer"]
    text = (f"{label}: {result['dut']:8s} {answer['per_sec'] / 1e6:6.3f} M a second, {what}: "
            f"{answer['proven']:,} of {answer['flows']:,} in {answer['seconds']:.3f} s")
    drops = {reason: n for reason, n in result["own"].get("drops", {}).items() if n}
    if result["failed"] and drops:
        text += " (drops: " + ", ".join(f"{n:,} {reason}" for reason, n in drops.items()) + ")"
    say(text + (f"  VOID: {result['void']}" if result["void"] else ""))


def summarise(case, duts, results):
    rows = []
    for name in duts:
        good = {r["round"]: r for r in results if r["dut"] == name and not r["void"]}
        base = {r["round"]: r for r in results if r["dut"] == duts[0] and not r["void"]}
        ratios = [base[n]["rate"] / good[n]["rate"] for n in sorted(good)
                  if n in base and good[n]["rate"] > 0]
        rows.append({"dut": name, "rounds": len(good), "ratio": median(ratios),
                     "rate": median([r["rate"] for r in good.values()]), "interval": interval(ratios),
                     "failed_share": median([r["failed"] / r["answer"]["flows"]
                                             for r in good.values()]),
                     "cycles_per_packet": median([r["cycles_per_packet"] for r in good.values()])})
    return {"case": case.as_dict(), "name": str(case), "base": duts[0], "rows": rows, "trials": results}


def print_setup(case, what, result):
    say(f"\n{case}: {what} (medians)")
    say(f"  {'DUT':12s} {'rounds':>6s} {'M a second':>10s} {'failed':>8s}  {result['base']} / DUT [95 %]")
    for row in result["rows"]:
        edges = "[{:.3f} {:.3f}]".format(*row["interval"]) if row["interval"] else "-"
        rate = row["rate"] / 1e6 if row["rate"] is not None else None
        say(f"  {row['dut']:12s} {row['rounds']:6d} {cell(rate, '{:.3f}'):>10s} "
            f"{cell(row['failed_share'], '{:.3%}'):>8s}  {cell(row['ratio'], '{:.3f}')} {edges}")


def run_setup(run, cases, kind):
    """Rounds of the DUTs that keep sessions, in turn."""
    command, what = KINDS[kind]
    duts = [name for name in run.duts if cases[0].is_translated(name)]
    for name in set(run.duts) - set(duts):
        say(f"note: {name} keeps no sessions and is left out")
    if not duts:
        raise TrialError("--setup: none of the --dut keeps sessions")
    run.n_all += len(cases) * len(duts) * run.args.rounds
    for case in cases:
        results = []
        for number in range(1, run.args.rounds + 1):
            for name in duts:
                result = dict(one_round(run, case, name, command), round=number)
                check(case, result)
                tell(f"[{run.n_done}/{run.n_all}] {case}, round {number}", what, result)
                results.append(result)
        summary = dict(summarise(case, duts, results), measure=f"setup {kind}")
        run.report["cases"].append(summary)
        print_setup(case, what, summary)
