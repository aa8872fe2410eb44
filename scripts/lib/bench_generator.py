# SPDX-License-Identifier: BSD-3-Clause
"""The load in front of a device under test: culvert-generator, driven by commands. More pairs of ports
than DPDK has in a process are shared out between several, which take turns on one core."""

import contextlib
import json
import os

from bench_process import TrialError, wait_for

# It holds all buffers of its rings; flows are 16 bytes each outside of that.
MEGABYTES = 256
MEGABYTES_PAIR = 8
PAIRS_OF_PROCESS = 16  # RTE_MAX_ETHPORTS of Debian's DPDK is 32
READY_SEC = 20
READY_SEC_PAIR = 4  # more of each pair: a DUT looks for its ports once a second, one by one
SETUP_SEC = 300  # a million flows through a slow DUT
# How answers of several processes make one; of what is not named here it is the sum. Percentiles of
# several can't be had: there are none.
MEANS = ("cycles_per_sec", "cycles_per_frame", "cycles_per_frame_busy", "busy_cycles_per_forwarded",
         "mean_rx_burst", "tx_full_share", "mean_frame_bytes")
LARGEST = ("seconds",)
FIRST = ("command", "options", "fault")


def merge_value(key, values):
    if isinstance(values[0], dict) and key not in FIRST:
        return merge(values)
    if isinstance(values[0], list):
        return [sum(column) for column in zip(*values)]
    if key in FIRST:
        return next((value for value in values if value), values[0])
    if key in LARGEST:
        return max(values)
    return sum(values) / (len(values) if key in MEANS else 1)


def merge(answers):
    return {key: merge_value(key, [answer[key] for answer in answers]) for key in answers[0]
            if key != "latency_ns"}


class Part:
    """A process of the generator. Listens at once; does what it is asked for."""

    def __init__(self, setup, words, n_pairs, part, n_parts):
        self.n_answers = 0
        self.result = os.path.join(setup.folder, f"generator{part}.json")
        first = n_pairs * part // n_parts
        n_own = n_pairs * (part + 1) // n_parts - first
        sockets = setup.sockets(n_pairs)[2 * first:2 * (first + n_own)]
        for path in sockets + [self.result]:
            if os.path.exists(path):
                os.unlink(path)
        os.makedirs(os.path.dirname(sockets[0]), exist_ok=True)
        share = (["--pairs", str(n_pairs)] if n_pairs > 1 else []) + (
            ["--part", f"{part}/{n_parts}"] if n_parts > 1 else [])
        self.start(setup, part, n_own, [
            "--server", "--a", setup.socket_pattern("a", n_pairs), "--b", setup.socket_pattern("b", n_pairs),
            "--wait", str(READY_SEC + n_pairs * READY_SEC_PAIR), *share, *words])
        wait_for(lambda: os.path.exists(sockets[0]), READY_SEC, "the generator listens", [self.process])

    def start(self, setup, part, n_own, words, before=()):
        self.process = setup.start(f"generator{part}", [
            *before, setup.generator, "--commands", "--queue-size", str(setup.queue_size), "--json",
            self.result, *words] + (["--packed"] if setup.packed else []) + [
                "--", "-l", str(setup.generator_cpu)] +
            setup.eal(f"generator{part}", MEGABYTES + n_own * MEGABYTES_PAIR), has_stdin=True)

    def answers(self):
        """All so far; the line that is being written is none yet."""
        with contextlib.suppress(FileNotFoundError):
            with open(self.result, encoding="utf-8") as f:
                return f.read().split("\n")[:-1]
        return []

    def type(self, command, is_answered):
        self.process.type(command)
        self.n_answers += is_answered

    def wait_answer(self, command, seconds, others):
        wait_for(lambda: len(self.answers()) >= self.n_answers, seconds + READY_SEC,
                 f"the generator's answer to {command!r}", [self.process] + others)
        return json.loads(self.answers()[-1])


class PartOnInterfaces(Part):
    """On ga and gb of another namespace; there is nobody to wait for."""

    def __init__(self, setup, words, before):  # pylint: disable=super-init-not-called
        self.n_answers = 0
        self.result = os.path.join(setup.folder, "generator0.json")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.result)
        self.start(setup, 0, 1, ["--a", "iface:ga", "--b", "iface:gb", *words], before)


class Generator:
    """All of it. `before` are the words of a command that runs it on interfaces of the kernel."""

    def __init__(self, setup, words, n_pairs=1, before=None):
        self.setup, self.parts = setup, []
        if before:
            self.parts.append(PartOnInterfaces(setup, words, before))
            return
        n_parts = -(-n_pairs // PAIRS_OF_PROCESS)
        if n_parts > 1 and "--latency" in words:
            raise TrialError(f"latency is measured at {2 * PAIRS_OF_PROCESS} ports at most")
        try:
            for part in range(n_parts):
                self.parts.append(Part(setup, words, n_pairs, part, n_parts))
        except BaseException:
            self.stop()
            raise

    def type(self, command, is_answered=True):
        for part in self.parts:
            part.type(command, is_answered)

    def ask(self, command, seconds, others):
        """The answer to a command, once it is there; the others must live until then."""
        self.type(command)
        try:
            answers = [part.wait_answer(command, seconds, others) for part in self.parts]
        except TrialError as error:
            raise TrialError("\n".join([str(error)] + [p.complaint() for p in others])) from error
        return merge(answers) if len(answers) > 1 else answers[0]

    def share(self, rate_pps):
        """A process's, of a rate in each direction."""
        return int(rate_pps / len(self.parts))

    def load(self, rate_pps, seconds):
        """Of each direction, 0: as fast as it goes. Not waited for."""
        self.type(f"load {self.share(rate_pps)} {seconds}", is_answered=False)

    def set_up(self, others, command="setup"):
        return self.ask(command, SETUP_SEC, others)

    def trial(self, rate_pps, seconds, others):
        """What came of so many frames a second in each direction, 0: as many as go."""
        return self.ask(f"trial {self.share(rate_pps)} {seconds}", seconds + self.setup.warmup, others)

    def burst(self, n_frames, others):
        return self.ask(f"burst {int(n_frames)}", READY_SEC, others)

    def stop(self):
        for part in self.parts:
            part.process.stop()
