# SPDX-License-Identifier: BSD-3-Clause
"""What a run tells on the terminal."""

BOUND_BY_DUT = 0.5  # share of the generator's tx bursts that met a full ring
BOUND_BY_GENERATOR = 0.1


def say(text=""):
    print(text, flush=True)


def cell(value, form):
    return form.format(value) if value is not None else "-"


def describe(trial):
    """A trial at saturation in a line."""
    cycles = trial["cycles_per_packet"]
    text = f"{trial['dut']:8s} {trial['mpps']:6.2f} Mpps"
    text += f", {cycles:5.0f} cycles a packet" if cycles else ""
    return text + (f", ring full {trial['tx_full']:4.0%}, "
                   f"generator busy {trial['generator_needed']:4.0%}")


def print_table(case, summary):
    base = summary["base"]
    say(f"\n{case} (medians)")
    say(f"  {'DUT':12s} {'rounds':>6s} {'Mpps':>7s} {'cycles':>7s} {'rx burst':>8s} {'ring full':>9s} "
        f"{'gen. busy':>9s} {'lost':>7s}  {base} / DUT: rate [95 %], cycles")
    for row in summary["rows"]:
        edges = "[{:.3f} {:.3f}]".format(*row["interval"]) if row["interval"] else "-"
        say("  {:12s} {:6d} {:>7s} {:>7s} {:>8s} {:>9s} {:>9s} {:>7s}  {} {}, {}".format(
            row["dut"], row["rounds"], cell(row["mpps"], "{:.2f}"),
            cell(row["cycles_per_packet"], "{:.0f}"), cell(row["mean_rx_burst"], "{:.1f}"),
            cell(row["tx_full"], "{:.0%}"), cell(row["generator_needed"], "{:.0%}"),
            cell(row["lost_share"], "{:.3%}"), cell(row["ratio"], "{:.3f}"), edges,
            cell(row["cycles_ratio"], "{:.3f}")))


def print_bounds(summary):
    """Whose rate is it: the DUT's, or the generator's?"""
    for row in summary["rows"]:
        if row["mpps"] is None:
            say(f"  {row['dut']}: no valid trial")
        elif row["tx_full"] >= BOUND_BY_DUT:
            say(f"  {row['dut']}: bound by the DUT: its ring was full in {row['tx_full']:.0%} of the "
                f"generator's bursts (which was busy for {row['generator_needed']:.0%} of its time)")
        elif row["tx_full"] < BOUND_BY_GENERATOR:
            say(f"  {row['dut']}: bound by the generator: the rate is a lower limit, and its cycles "
                "are those of small bursts")
        else:
            say(f"  {row['dut']}: generator and DUT are about equally fast: the rate is nearly the "
                "DUT's")
