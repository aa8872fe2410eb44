# SPDX-License-Identifier: BSD-3-Clause
"""Pictures of a report, drawn by gnuplot: rate over flows, latency over percentiles."""

import os
import re
import subprocess

from bench_process import TrialError
from bench_table import say

HEAD = """\
set terminal svg size 800,480 dynamic background rgb "white" font "sans-serif,13"
set output "{path}"
set title "{title}" noenhanced
set key outside right top noenhanced
set grid
"""
RATE = """\
set logscale x
set format x "%.0s%c"
set xlabel "flows"
set ylabel "M frames a second, both directions"
set yrange [0:*]
"""
# Percentiles as they are read: as far from 90 to 99 as from 99 to 99.9.
LATENCY = """\
set logscale xy
set xrange [1:*]
set xtics ("0" 1, "50" 2, "90" 10, "99" 100, "99.9" 1000, "99.99" 10000, "99.999" 100000)
set xlabel "percentile"
set ylabel "microseconds"
"""


def file_name(text):
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower() + ".svg"


def draw(path, head, title, lines):
    """`lines` is {name: [(x, y)]}."""
    script = HEAD.format(path=path, title=title.replace('"', "'")) + head
    blocks, plots = "", []
    for i, (name, points) in enumerate(lines.items()):
        blocks += f"$d{i} << END\n" + "".join(f"{x} {y}\n" for x, y in points) + "END\n"
        plots.append(f'$d{i} with linespoints linewidth 2 title "{name}"')
    script += blocks + "plot " + ", ".join(plots) + "\n"
    try:
        done = subprocess.run(["gnuplot"], input=script, text=True, capture_output=True, check=False)
    except OSError as error:
        raise TrialError(f"--pictures needs gnuplot, run scripts/setup: {error}") from error
    if done.returncode != 0:
        raise TrialError(f"gnuplot: {done.stderr.strip()[-500:]}")
    say(f"picture: {path}")


def rate_of(row):
    """Of any measure that has one, in M a second."""
    for key, unit in (("mpps", 1), ("pdr", 1e6), ("throughput", 1e6)):
        if row.get(key):
            return row[key] / unit
    return None


def rates_over_flows(report):
    """{(measure, what else the case is): {DUT: [(flows, rate)]}}, where flows differ."""
    found = {}
    for result in report["cases"]:
        if "flows" not in result["case"]:
            continue
        rest = ", ".join(f"{key} {value}" for key, value in result["case"].items()
                         if key != "flows" and value is not None)
        for row in result["rows"]:
            rate = rate_of(row)
            if rate is not None:
                lines = found.setdefault((result["measure"], rest), {})
                lines.setdefault(row["dut"], []).append((result["case"]["flows"], rate))
    return {key: {dut: sorted(points) for dut, points in lines.items()} for key, lines in found.items()
            if any(len(points) > 1 for points in lines.values())}


def percentile_points(curve):
    """(1 / (1 - share), microseconds); all is no percentile of a logarithm."""
    return [(1 / (1 - float(percent) / 100), max(ns, 1) / 1e3)
            for percent, ns in sorted(curve.items(), key=lambda item: float(item[0]))
            if float(percent) < 100]


def draw_all(report, folder):
    """All that there is to be seen in a report."""
    os.makedirs(folder, exist_ok=True)
    n = 0
    for (measure, rest), lines in rates_over_flows(report).items():
        title = f"{report['command']}, {measure}: {rest}"
        draw(os.path.join(folder, file_name(f"{report['command']} {measure} over flows {rest}")), RATE,
             title, lines)
        n += 1
    for result in report["cases"]:
        if result["measure"] != "latency":
            continue
        for load in dict.fromkeys(row["load"] for row in result["rows"]):
            name = ("half the rate of " + result["base"] if load == "same"
                    else f"{load} % of the own rate")
            lines = {row["dut"]: percentile_points(row["percentiles_ns"]) for row in result["rows"]
                     if row["load"] == load or (load == "same" and row["dut"] == result["base"]
                                                and row["load"] == "50")}
            draw(os.path.join(folder, file_name(f"{report['command']} latency {result['name']} {load}")),
                 LATENCY, f"{report['command']}, {result['name']}, at {name}", lines)
            n += 1
    if n == 0:
        say("no pictures: they are of cases that differ in --flows, and of --measure latency")
