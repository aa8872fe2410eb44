# SPDX-License-Identifier: BSD-3-Clause
"""The devices under test but OVS: with bench_ovs.py, every setting that a rate depends on is here.

All DUTs get the same: two vhost-user ports that dial (client), rings of the generator's size, one
worker on one CPU, their main thread on the generator's CPU, memory of the same kind.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess

from bench_process import Process, TrialError, wait_for

# Debian's testpmd. 32 is the largest burst that net_vhost moves without splitting it; 64 was no better.
PEERS = ("io", "macswap", "5tswap")
PEER_BURST = 32
PEER_MBUFS = 16384  # of a pair: both rings full, the caches and every burst: never the limit
PEER_MEGABYTES = 512
PEER_MEGABYTES_PAIR = 48  # of each pair more
TESTPMD_PORTS = 32  # RTE_MAX_ETHPORTS
# Ours, and the options of the dataplane that tell them apart.
OURS = {"culvert": [], "culvert-walk": ["--flows", "0"]}
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
        # EAL keeps its run-time files where this says: they go with the folder.
        self.environment = {"RUNTIME_DIRECTORY": folder}

    def socket_pattern(self, side, n_pairs):
        """As the generator takes it; our dataplane has the same names by its ports'."""
        return os.path.join(self.folder, "vhost", f"bench-{side}{'%' if n_pairs > 1 else ''}.sock")

    def sockets(self, n_pairs):
        """a, b of each pair in turn."""
        return [self.socket_pattern(side, n_pairs).replace("%", str(pair))
                for pair in range(n_pairs) for side in "ab"]

    def eal(self, role, megabytes):
        """EAL arguments on which all processes agree."""
        # In memory: a killed process leaves no files that hold pages.
        memory = (["--in-memory", "--single-file-segments"] if self.has_huge_pages
                  else ["--no-huge"])
        return memory + ["-m", str(megabytes), "--no-pci", "--no-telemetry",
                         "--file-prefix", f"culvert-bench-{role}-{os.getpid()}"]

    def start(self, name, args, more_environment=None, **more):
        return Process(name, args, self.folder, nice=self.nice,
                       environment=dict(self.environment, **(more_environment or {})), **more)


class Testpmd:
    """Debian's dpdk-testpmd in one of its forward modes, driven at its prompt."""

    def __init__(self, setup, mode, n_pairs=1):
        if 2 * n_pairs > TESTPMD_PORTS:
            raise TrialError(f"{mode}: Debian's testpmd has {TESTPMD_PORTS} ports at most; leave it out "
                             "of --dut, or give fewer --ports")
        sockets = setup.sockets(n_pairs)
        ports = [f"--vdev=net_vhost{i},iface={path},client=1" for i, path in enumerate(sockets)]
        ring = str(setup.queue_size)
        megabytes = PEER_MEGABYTES + (n_pairs - 1) * PEER_MEGABYTES_PAIR
        self.process = setup.start("testpmd", [
            "dpdk-testpmd", "-l", f"{setup.generator_cpu},{setup.dut_cpu}",
            "--main-lcore", str(setup.generator_cpu)] + setup.eal("testpmd", megabytes) + ports + [
                "--", "--interactive", "--auto-start", f"--forward-mode={mode}", "--nb-cores=1",
                f"--rxd={ring}", f"--txd={ring}", f"--burst={setup.peer_burst}",
                f"--total-num-mbufs={PEER_MBUFS * n_pairs}", "--record-core-cycles"], has_stdin=True)
        self.processes, self.worker = [self.process], self.process

    def why(self):
        return ""

    def begin(self):
        """What it counts begins anew: a start does that."""
        self.process.type("stop")
        self.process.type("start")

    def finish(self, _cycles_per_sec):
        """Cycles of its worker per packet since begin(), over the iterations that moved one."""
        self.process.type("stop")
        self.stop()  # its output is complete only then
        found = re.findall(r"CPU cycles/packet=([\d.]+)", self.process.output())
        return {"cycles_per_packet": float(found[-1])} if found else {}

    def stop(self):
        if self.process.is_running():
            self.process.type("quit")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.child.wait(5)
        self.process.stop()


class Culvert:
    """Our dataplane and culvertd with a configuration."""

    def __init__(self, setup, configuration, options=(), patience=CONTROL_WAIT_SEC):
        self.processes = []
        self.setup, self.patience = setup, patience
        self.before = (0, 0)
        # Nothing of the trial before: neither its configuration nor its sessions.
        state = os.path.join(setup.folder, "state")
        shutil.rmtree(state, ignore_errors=True)
        os.makedirs(state)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(setup.folder, "kept"))
        commands = (("dataplane", ["dataplane/culvert-dataplane", "--workers", "1", "--busy-poll",
                                   "--cpus", str(setup.dut_cpu), *options]),
                    ("culvertd", ["control/culvertd", "--state-dir", state]))
        try:
            for name, (program, *words) in commands:
                self.processes.append(setup.start(name, [
                    os.path.join(setup.build, program), "--run-dir", setup.folder, *words]))
            self.worker = self.processes[0]
            self.apply(configuration)
        except BaseException:
            self.stop()
            raise

    def apply(self, configuration):
        """Until it is taken: culvertd may not have found the dataplane yet."""
        path = os.path.join(self.setup.folder, "bench.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write(configuration)
        said = ""

        def is_applied():
            nonlocal said
            status, said = self.command("apply", path)
            return status == 0

        wait_for(is_applied, self.patience, "the configuration is applied", self.processes,
                 lambda: said)

    def command(self, *words):
        """Status and output of the command line."""
        process = self.setup.start("culvert", [os.path.join(self.setup.build, "control/culvert"),
                                               "--run-dir", self.setup.folder, *words])
        try:
            process.child.wait(self.patience)
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

    def work(self):
        """Seconds that its worker was busy, packets that came in."""
        return (sum(w["busy-seconds"] for w in self.show("workers")),
                sum(int(p["rx-packets"]) for p in self.show("ports")))

    def drops(self):
        """Packets by reason."""
        found = {}
        for row in self.show("drops"):
            found[row["reason"]] = found.get(row["reason"], 0) + int(row["packets"])
        return found

    def why(self):
        """What it has to say when a trial fails."""
        drops = {reason: n for reason, n in self.drops().items() if n}
        return "drops: " + (", ".join(f"{n} {reason}" for reason, n in drops.items()) or "none")

    def begin(self):
        self.before = self.work()

    def finish(self, cycles_per_sec):
        """Cycles of its worker per packet since begin(), over the loops that moved one."""
        busy_sec, n_packets = (now - then for now, then in zip(self.work(), self.before))
        return {"cycles_per_packet": busy_sec * cycles_per_sec / n_packets} if n_packets else {}

    def stop(self):
        for process in reversed(self.processes):
            process.stop()


def check_ours(setup, name):
    """Has the dataplane been built that this name needs?"""
    program = os.path.join(setup.build, "dataplane/culvert-dataplane")
    if not os.path.exists(program):
        raise TrialError(f"there is no {program}: ninja -C {setup.build}, or --build DIR")
    options = [word for word in OURS[name] if word.startswith("--")]
    if options:
        usage = subprocess.run([program, "--help"], capture_output=True, text=True, check=False).stdout
        unknown = [option for option in options if option not in usage.split()
                   and f"[{option}" not in usage.split()]
        if unknown:
            raise TrialError(f"{name} needs a dataplane with {' '.join(unknown)}, which {program} "
                             "does not have: build a later one, or leave it out of --dut")
