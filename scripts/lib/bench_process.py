# SPDX-License-Identifier: BSD-3-Clause
"""Processes of one trial: started so that none outlives us, whatever ends us, and ended in order."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class TrialError(Exception):
    """The trial can't be had; the text says why."""


class Process:
    """A child in a session of its own (Ctrl-C at a terminal is ours to handle), its output in a file.
    Killed by the kernel if we die first."""

    def __init__(self, name, args, folder, nice=0, environment=None, has_stdin=False,
                 is_realtime=False):
        self.name = name
        self.log = os.path.join(folder, f"{name}.log")

        def prepare():
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, 0, nice)
                if is_realtime:
                    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
                # Where sessions are scheduled as groups, this is the value that counts.
                with open("/proc/self/autogroup", "w", encoding="ascii") as f:
                    f.write(str(nice))

        try:
            with open(self.log, "wb") as log:
                self.child = subprocess.Popen(
                    args, stdout=log, stderr=log, start_new_session=True, preexec_fn=prepare,
                    stdin=subprocess.PIPE if has_stdin else subprocess.DEVNULL,
                    env=dict(os.environ, **(environment or {})))
        except OSError as error:
            raise TrialError(f"{name} does not start: {error}") from error

    def is_running(self):
        return self.child.poll() is None

    def type(self, line):
        """A line at its prompt."""
        with contextlib.suppress(BrokenPipeError):
            self.child.stdin.write(line.encode() + b"\n")
            self.child.stdin.flush()

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def complaint(self):
        return f"{self.name}: " + "\n    ".join(["last words:"] + self.output().splitlines()[-12:])

    def stop(self, seconds=5):
        """Ask, wait, and kill what does not listen."""
        if self.child.stdin:
            with contextlib.suppress(BrokenPipeError):
                self.child.stdin.close()
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.is_running():
                break
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.child.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(seconds)

    def waiting_share(self):
        """Of its busiest thread: the share of its life in which it was ready and another one had its
        core. None without schedstat."""
        threads = []
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{self.child.pid}/task"):
                with open(f"/proc/{self.child.pid}/task/{thread}/schedstat", encoding="ascii") as f:
                    on_cpu, waiting, _ = map(int, f.read().split())
                threads.append((on_cpu, waiting))
        if not threads:
            return None
        on_cpu, waiting = max(threads)
        return waiting / max(on_cpu + waiting, 1)


def wait_for(condition, seconds, what, processes=(), why=lambda: ""):
    """Until condition() holds; TrialError if it does not in time (why() may say more), or if a process
    ends before."""
    end = time.monotonic() + seconds
    while not condition():
        for p in processes:
            if not p.is_running():
                raise TrialError(f"{p.name} ended (status {p.child.returncode})\n{p.complaint()}")
        if time.monotonic() > end:
            raise TrialError(f"{what}: not within {seconds} s {why()}".rstrip())
        time.sleep(0.02)
