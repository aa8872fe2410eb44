# SPDX-License-Identifier: BSD-3-Clause
"""--measure rfc2544 and rfc9004: throughput, latency at it, frame loss over load; the longest burst.

A virtual link has no rate of its own. Here 100 % is what the DUT forwards at saturation, and a burst is
sent as fast as the generator writes; a frame that the ring does not take is lost.
"""

from bench_search import ABOVE, Trials, lost_share
from bench_stats import median
from bench_table import cell, say

WIDTH = 0.005
RFC2544_SEC = 60.0  # section 24
LOADS = (120, 110, 100, 90, 80, 70, 60, 50, 40, 30, 20, 10)
LONGEST_SEC = 2  # RFC 2544, section 26.4
N_BURSTS = 50  # RFC 9004, section 5.4
BURST_RESOLUTION = 16  # frames
PERCENTILES = ("0", "50", "90", "99", "100")


def throughput(trials, top, seconds, tell):
    """RFC 2544, 26.1: the highest rate without a loss, by halves."""
    lower, upper = 0.0, top * ABOVE
    while upper - lower > WIDTH * upper:
        load = (lower + upper) / 2 if lower else upper * 0.75
        lost = lost_share(trials.take(load, seconds))
        lower, upper = (lower, load) if lost > 0 else (load, upper)
        tell(f"{load / 1e6:.3f} M a second: {lost:.4%} lost")
        if upper < top / 1000:
            break
    return lower


def latency_at(trials, load, seconds, n):
    """26.2: percentiles, each the mean of n trials at the throughput."""
    found = [trials.take(load, seconds)["latency_ns"] for _ in range(n)] if load else []
    if not found:
        return None
    return dict({p: sum(f["percentiles"][p] for f in found) / n for p in PERCENTILES},
                mean=sum(f["mean"] for f in found) / n)


def loss_curve(trials, top, seconds):
    """26.3: down from more than all, until two loads in a row lose nothing."""
    found = []
    for percent in LOADS:
        found.append((percent, lost_share(trials.take(top * percent / 100, seconds))))
        if len(found) > 1 and found[-1][1] == found[-2][1] == 0:
            break
    return found


def burst_passes(stand, n):
    result = stand.burst(n)
    sent = sum(result[d]["tx"] for d in ("a_to_b", "b_to_a"))
    return lost_share(result) == 0, sent / max(result["seconds"], 1e-9)


def longest_burst(stand, most):
    """Frames of a direction, and the rate at which they were sent in both; by halves."""
    passes, rate = burst_passes(stand, most)
    if passes:
        return most, rate
    lower, upper, rate = 0, most, 0.0
    while upper - lower > BURST_RESOLUTION:
        n = (lower + upper) // 2
        passes, sent = burst_passes(stand, n)
        lower, upper = (n, upper) if passes else (lower, n)
        rate = sent if passes else rate
    return lower, rate


def back_to_back(stand, top, load, n, tell):
    """RFC 9004: the mean of n searches, and how long the DUT's buffers hold at most, corrected by what
    it forwards while they fill."""
    most = int(top * LONGEST_SEC / 2)
    found = []
    for i in range(n):
        found.append(longest_burst(stand, most))
        if i == 0 or found[-1][0] == most:
            tell(f"burst of {found[-1][0]} frames in each direction")
        if found[-1][0] == most:
            break  # it takes all that can be sent: there is no limit to find
    frames = [length for length, _ in found]
    rate = median([rate for length, rate in found if length]) or 0.0
    implied = 2 * sum(frames) / len(frames) / rate if rate else 0.0
    return {"frames_mean": sum(frames) / len(frames), "frames_min": min(frames), "frames_max": max(frames),
            "n": len(found), "is_unlimited": most in frames, "burst_pps": rate,
            "implied_buffer_sec": implied,
            "corrected_buffer_sec": implied * max(1 - load / rate, 0.0) if rate else 0.0}


def measure(run, stand, kind, tell):
    args, trials = run.args, Trials(run, stand)
    seconds = args.trial_seconds or (RFC2544_SEC if kind == "rfc2544" else args.seconds)
    full = trials.saturation(args.seconds)
    top = full["mpps"] * 1e6
    load = throughput(trials, top, seconds, tell)
    found = {"saturation": top, "throughput": load, "mpps": full["mpps"]}
    if kind == "rfc2544":
        found["latency_ns"] = latency_at(trials, load, args.seconds, args.repeats)
        found["loss"] = loss_curve(trials, top, seconds)
    found["burst"] = back_to_back(stand, top, load, N_BURSTS if kind == "rfc9004" else 1, tell)
    return dict(found, **trials.report())


def print_rfc(result):
    say(f"\n{result['name']}: M frames a second of both directions, burst of one")
    for row in result["trials"]:
        burst = row["burst"]
        say(f"  {row['dut']:12s} throughput {cell(row['throughput'] / 1e6, '{:.3f}')}, saturation "
            f"{row['saturation'] / 1e6:.3f}; burst {'at least ' if burst['is_unlimited'] else ''}"
            f"{burst['frames_mean']:.0f} frames, buffers {burst['implied_buffer_sec'] * 1e6:.0f} us, "
            f"corrected {burst['corrected_buffer_sec'] * 1e6:.0f} us")
        if row.get("latency_ns"):
            say("  " + " " * 13 + "latency at it, microseconds: " + ", ".join(
                f"{'mean' if p == 'mean' else 'p' + p} {ns / 1e3:.1f}"
                for p, ns in row["latency_ns"].items()))
        if row.get("loss"):
            say("  " + " " * 13 + "lost at a share of saturation: " + ", ".join(
                f"{percent} % {lost:.3%}" for percent, lost in row["loss"]))


def run_rfc(run, cases, kind):
    run.n_all += len(cases) * len(run.duts) * run.args.rounds
    for case in cases:
        results = []
        for number in range(1, run.args.rounds + 1):
            for name in run.duts:
                label = f"[{run.n_done + 1}/{run.n_all}] {case}, {name}"
                result = run.one(name, case, lambda stand, label=label: measure(
                    run, stand, kind, lambda text: say(f"{label}: {text}")), is_long=True,
                    words=["--latency"] if kind == "rfc2544" else [])
                results.append(dict(result, round=number))
        summary = {"case": case.as_dict(), "name": str(case), "measure": kind, "trials": results,
                   "rows": [{"dut": name, "throughput": median(
                       [r["throughput"] for r in results if r["dut"] == name])} for name in run.duts]}
        print_rfc(summary)
        run.report["cases"].append(summary)


def run_rfc2544(run, cases):
    run_rfc(run, cases, "rfc2544")


def run_rfc9004(run, cases):
    run_rfc(run, cases, "rfc9004")
