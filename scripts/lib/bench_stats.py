# SPDX-License-Identifier: BSD-3-Clause
"""Medians, bootstrap intervals, and what the machine did meanwhile."""

import os
import platform
import random
import statistics
import subprocess

RESAMPLES = 2000


def median(values):
    values = [v for v in values if v is not None]
    return statistics.median(values) if values else None


def interval(values, confidence=0.95):
    """Bootstrap interval of the median; the same numbers give the same interval."""
    if len(values) < 2:
        return None
    chance = random.Random(1)
    medians = sorted(statistics.median(chance.choices(values, k=len(values)))
                     for _ in range(RESAMPLES))
    edge = int(RESAMPLES * (1 - confidence) / 2)
    return medians[edge], medians[-1 - edge]


class StealMeter:
    """Share of time that the hypervisor gave to others since start(), over the CPUs we use."""

    def __init__(self, cpus):
        self.names = {f"cpu{cpu}" for cpu in cpus}
        self.before = self.read()

    def read(self):
        steal = total = 0
        with open("/proc/stat", encoding="ascii") as f:
            for line in f:
                words = line.split()
                if words[0] in self.names:
                    ticks = [int(w) for w in words[1:9]]  # user … steal; guest time is in user
                    steal, total = steal + ticks[7], total + sum(ticks)
        return steal, total

    def start(self):
        self.before = self.read()

    def share(self):
        steal, total = (now - then for now, then in zip(self.read(), self.before))
        return steal / max(total, 1)


def first_value(path, key):
    try:
        with open(path, encoding="utf-8") as f:
            return next((line.split(":", 1)[1].strip() for line in f if line.startswith(key)), "?")
    except OSError:
        return "?"


def free_huge_mb():
    """Megabytes in free huge pages of the default size."""
    n_free = int(first_value("/proc/meminfo", "HugePages_Free"))
    return n_free * int(first_value("/proc/meminfo", "Hugepagesize").split()[0]) // 1024


def output_of(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "?"


def machine(root):
    return {
        "cpu": first_value("/proc/cpuinfo", "model name"),
        "n_cpus": os.cpu_count(),
        "kernel": platform.release(),
        "huge_pages_total": first_value("/proc/meminfo", "HugePages_Total"),
        "huge_pages_free": first_value("/proc/meminfo", "HugePages_Free"),
        "dpdk": output_of("dpkg-query", "-W", "-f", "${Version}", "dpdk"),
        "ovs": output_of("dpkg-query", "-W", "-f", "${Version}", "openvswitch-switch-dpdk"),
        "mhz": first_value("/proc/cpuinfo", "cpu MHz"),
        "load_average": os.getloadavg(),
        "culvert": output_of("git", "-C", root, "describe", "--always", "--dirty"),
    }
