# SPDX-License-Identifier: BSD-3-Clause
"""The devices under test and the load in front of them: every setting that a rate depends on is here.

All DUTs get the same: two vhost-user ports that dial (client), rings of the generator's size, one
worker on one CPU, their main thread on the generator's CPU, memory of the same kind.
"""

import contextlib
import json
import os
import re
import subprocess

from bench_process import Process, TrialError, wait_for

# Debian's testpmd. 32 is the largest burst that net_vhost moves without splitting it; 64 was no better.
PEERS = ("io", "macswap", "5tswap")
PEER_BURST = 32
PEER_MBUFS = 16384  # both rings full, the caches and every burst: never the limit
OURS = ("culvert",)
CONTROL_WAIT_SEC = 20


class Setup:
    """What is common to all trials of a run."""

    def __init__(self, args, folder, has_huge_pages):
        self.build = os.path.abspath(args.build)
        self.generator = os.path.join(self.build, "tests/bench/culvert-generator")
        self.folder = folder
        self.dut_cpu, self.generator_cpu = args.dut_cpu, args.generator_cpu
        self.queue_size, self.packed, self.nice = args.queue_size, args.packed, args.nice
        self.seconds, self.warmup = args.seconds, args.warmup
        self.has_huge_pages = has_huge_pages
        self.peer_burst = args.peer_burst
        self.sockets = [os.path.join(folder, "vhost", f"bench-{port}.sock") for port in "ab"]
        # EAL keeps its run-time files where this says: they go with the folder.
        self.environment = {"RUNTIME_DIRECTORY": folder}

    def eal(self, role, megabytes):
        """EAL arguments on which all processes agree."""
        # In memory: a killed process leaves no files that hold pages.
        memory = (["--in-memory", "--single-file-segments"] if self.has_huge_pages
                  else ["--no-huge"])
        return memory + ["-m", str(megabytes), "--no-pci", "--no-telemetry",
                         "--file-prefix", f"culvert-bench-{role}-{os.getpid()}"]

    def start(self, name, args, **more):
        return Process(name, args, self.folder, nice=self.nice, environment=self.environment, **more)


class Generator:
    """Listens at once and sends after go()."""

    def __init__(self, setup, words):
        self.result = os.path.join(setup.folder, "generator.json")
        self.go_path = os.path.join(setup.folder, "generator.go")
        self.limit = 60 + setup.seconds + setup.warmup
        for path in setup.sockets + [self.result, self.go_path]:
            if os.path.exists(path):
                os.unlink(path)
        os.makedirs(os.path.dirname(setup.sockets[0]), exist_ok=True)
        self.process = setup.start("generator", [
            setup.generator, "--server", "--go", self.go_path,
            "--a", setup.sockets[0], "--b", setup.sockets[1], "--queue-size", str(setup.queue_size),
            "--duration", str(setup.seconds), "--warmup", str(setup.warmup), "--json", self.result,
        ] + words + (["--packed"] if setup.packed else []) + [
            "--", "-l", str(setup.generator_cpu)] + setup.eal("generator", 256))
        wait_for(lambda: os.path.exists(setup.sockets[0]), 20, "the generator listens", [self.process])

    def go(self):
        with open(self.go_path, "w", encoding="ascii"):
            pass

    def finish(self, others):
        """Its result, once it has ended by itself; the DUT's processes must live until then."""
        child = self.process.child
        wait_for(lambda: child.poll() is not None, self.limit, "the generator's end", others)
        if child.returncode != 0:
            raise TrialError("\n".join(p.complaint() for p in [self.process] + others))
        with open(self.result, encoding="utf-8") as f:
            return json.load(f)

    def stop(self):
        self.process.stop()


class Testpmd:
    """Debian's dpdk-testpmd in one of its forward modes, driven at its prompt."""

    def __init__(self, setup, mode):
        ports = [f"--vdev=net_vhost{i},iface={path},client=1" for i, path in enumerate(setup.sockets)]
        ring = str(setup.queue_size)
        self.process = setup.start("testpmd", [
            "dpdk-testpmd", "-l", f"{setup.generator_cpu},{setup.dut_cpu}",
            "--main-lcore", str(setup.generator_cpu)] + setup.eal("testpmd", 512) + ports + [
                "--", "--interactive", "--auto-start", f"--forward-mode={mode}", "--nb-cores=1",
                f"--rxd={ring}", f"--txd={ring}", f"--burst={setup.peer_burst}",
                f"--total-num-mbufs={PEER_MBUFS}", "--record-core-cycles"], has_stdin=True)
        self.processes = [self.process]

    def finish(self, _cycles_per_sec):
        """Cycles of its worker per packet, over the iterations that moved one."""
        self.process.type("stop")
        self.stop()  # its output is complete only then
        found = re.search(r"CPU cycles/packet=([\d.]+)", self.process.output())
        return {"cycles_per_packet": float(found.group(1))} if found else {}

    def stop(self):
        if self.process.is_running():
            self.process.type("quit")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.child.wait(5)
        self.process.stop()


class Culvert:
    """Our dataplane and culvertd with a configuration."""

    def __init__(self, setup, configuration):
        self.processes = []
        self.setup = setup
        state = os.path.join(setup.folder, "state")
        os.makedirs(state, exist_ok=True)
        commands = (("dataplane", ["dataplane/culvert-dataplane", "--workers", "1", "--busy-poll",
                                   "--cpus", str(setup.dut_cpu)]),
                    ("culvertd", ["control/culvertd", "--state-dir", state]))
        try:
            for name, (program, *words) in commands:
                self.processes.append(setup.start(name, [
                    os.path.join(setup.build, program), "--run-dir", setup.folder, *words]))
            self.apply(configuration)
        except BaseException:
            self.stop()
            raise

    def apply(self, configuration):
        """Until it is taken: culvertd may not have found the dataplane yet."""
        path = os.path.join(self.setup.folder, "bench.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(configuration)
        wait_for(lambda: self.command("apply", path)[0] == 0, CONTROL_WAIT_SEC,
                 "the configuration is applied", self.processes,
                 lambda: self.command("apply", path)[1])

    def command(self, *words):
        """Status and output of the command line."""
        process = self.setup.start("culvert", [os.path.join(self.setup.build, "control/culvert"),
                                               "--run-dir", self.setup.folder, *words])
        try:
            process.child.wait(CONTROL_WAIT_SEC)
        except subprocess.TimeoutExpired:
            pass
        finally:
            process.stop()
        return process.child.returncode, process.output()

    def show(self, what):
        """A list of the state, empty if it can't be had."""
        try:
            return json.loads(self.command("--json", "show", what)[1])[f"culvert:{what}"]
        except (ValueError, KeyError):
            return []

    def finish(self, cycles_per_sec):
        """Cycles of its worker per packet, over the loops that moved one."""
        workers, ports = self.show("workers"), self.show("ports")
        busy_sec = sum(w["busy-seconds"] for w in workers)
        n_packets = sum(int(p["rx-packets"]) for p in ports)
        return {"cycles_per_packet": busy_sec * cycles_per_sec / n_packets} if n_packets else {}

    def stop(self):
        for process in reversed(self.processes):
            process.stop()


def make_dut(setup, name, case):
    return case.make_ours(setup) if name in OURS else Testpmd(setup, name)
