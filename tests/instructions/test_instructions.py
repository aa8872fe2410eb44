# SPDX-License-Identifier: BSD-3-Clause
"""The regression gate: instructions that a packet costs, counted by callgrind on path-bench, by flows
and hop by hop, against what is written in baseline.json. Counts are of Debian's compiler and don't
depend on the machine's speed or load.

  CULVERT_BASELINE=write scripts/test instructions      write the figures of this build down
"""
import json
import os
import re
import subprocess

import pytest

from tests.lib.lab import BUILD

BENCH = os.path.join(BUILD, "tests", "bench", "path-bench")
BASELINE = os.path.join(os.path.dirname(__file__), "baseline.json")
FLOWS = 256
SHORT, LONG = 2, 6  # windows of 2,048 packets: what comes before them is in both runs
PACKETS = (LONG - SHORT) * 2048
TOLERANCE = 1.02
CASES = {
    "flow": [str(FLOWS), "1"],
    "flow, eight functions": [str(FLOWS), "7"],
    "walk": ["--walk", str(FLOWS), "1"],
    "walk, eight functions": ["--walk", str(FLOWS), "7"],
}


def instructions(arguments, windows, folder):
    result = subprocess.run(
        ["valgrind", "--tool=callgrind", "--toggle-collect=gateway_path",
         f"--callgrind-out-file={folder}/callgrind.out", BENCH, *arguments, str(windows)],
        text=True, capture_output=True, timeout=300, check=False)
    counts = re.findall(r"Collected : (\d+)", result.stderr)
    assert result.returncode == 0 and counts, result.stdout + result.stderr
    return int(counts[0])


def of_a_packet(name, folder):
    short, long = (instructions(CASES[name], windows, folder) for windows in (SHORT, LONG))
    return (long - short) / PACKETS


@pytest.mark.parametrize("name", CASES)
def test_instructions_of_a_packet(name, tmp_path):
    with open(BASELINE, encoding="utf-8") as f:
        baseline = json.load(f)
    got = of_a_packet(name, tmp_path)
    print(f"{name}: {got:.1f} instructions a packet, {baseline.get(name)} before")
    if os.environ.get("CULVERT_BASELINE") == "write":
        baseline[name] = round(got, 1)
        with open(BASELINE, "w", encoding="utf-8") as f:
            json.dump(baseline, f, indent=2, sort_keys=True)
            f.write("\n")
        return
    assert got <= TOLERANCE * baseline[name], f"{got:.1f} instructions a packet, {baseline[name]} before"
