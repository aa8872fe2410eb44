# SPDX-License-Identifier: BSD-3-Clause
"""--compare: this run beside a report of an earlier one, case by case."""

import json

from bench_process import TrialError
from bench_table import cell, say

# Of a row, with the unit that people read.
FIGURES = (("mpps", 1, "Mpps"), ("ndr", 1e6, "M NDR"), ("pdr", 1e6, "M PDR"), ("rate", 1e6, "M a second"),
           ("throughput", 1e6, "M throughput"), ("cycles_per_packet", 1, "cycles"),
           ("ratio", 1, "of the first DUT to it"), ("p99_ratio", 1, "of p99"))
MACHINE = ("cpu", "n_cpus", "kernel", "dpdk", "ovs")


def read_report(path):
    try:
        with open(path, encoding="utf-8") as f:
            report = json.load(f)
    except (OSError, ValueError) as error:
        raise TrialError(f"--compare {path}: {error}") from error
    if not isinstance(report, dict) or "cases" not in report or "machine" not in report:
        raise TrialError(f"--compare {path}: no report of this bench")
    return report


def key_of(report, result, row):
    """What makes two rows the same thing, measured twice."""
    case = {name: value for name, value in result["case"].items() if value is not None}
    return (report["command"], result.get("measure", "rate"), json.dumps(case, sort_keys=True),
            row["dut"], row.get("load"))


def rows_of(report):
    return {key_of(report, result, row): (result, row)
            for result in report["cases"] for row in result.get("rows", ())}


def changes(old, new):
    """(figure, before, now) of those that both rows have."""
    for key, unit, name in FIGURES:
        if old.get(key) and new.get(key):
            yield name, old[key] / unit, new[key] / unit


def differences(old, new):
    return [f"{key}: {old['machine'].get(key)} then, {new['machine'].get(key)} now" for key in MACHINE
            if old["machine"].get(key) != new["machine"].get(key)]


def compare_with(path, report):
    """Prints what has changed; rates of another machine or hour are no change of ours, so the ratios
    stand beside them."""
    old = read_report(path)
    before, now = rows_of(old), rows_of(report)
    say(f"\nbeside {path}, {old.get('time', '?')}, culvert {old['machine'].get('culvert')}:")
    for text in differences(old, report):
        say(f"  another machine: {text}")
    n_common = 0
    for key, (result, row) in now.items():
        if key not in before:
            continue
        n_common += 1
        texts = [f"{name} {cell(was, '{:.3g}')} -> {cell(is_now, '{:.3g}')} ({is_now / was - 1:+.1%})"
                 for name, was, is_now in changes(before[key][1], row)]
        label = result.get("name") or ", ".join(f"{k} {v}" for k, v in result["case"].items()
                                                if v is not None)
        load = f", load {row['load']}" if row.get("load") else ""
        say(f"  {label}{load}, {row['dut']}: " + ("; ".join(texts) or "nothing in common"))
    if n_common == 0:
        say("  no case and DUT are in both")
