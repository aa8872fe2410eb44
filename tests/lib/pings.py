# SPDX-License-Identifier: BSD-3-Clause
"""Numbered pings in the background, and how many of them were lost. On a busy machine answers are late, at the
end above all: that is no loss, so only those count that a later one was answered before."""
import os
import re
import signal
import subprocess
import tempfile
import time

from tests.lib.lab import die_with_parent, wait_until


def answered(output):
    """The numbers of ping's answers (iputils or busybox)."""
    return {int(n) for n in re.findall(r"bytes from .*\bseq=(\d+)", output.replace("icmp_seq=", "seq="))}


def missing(output):
    """How many were not answered, of those from the first to the last one that was."""
    numbers = answered(output)
    return max(numbers) - min(numbers) + 1 - len(numbers)


class Pings:
    """From a namespace (None: the host's own) to an address."""

    def __init__(self, namespace, address, per_second=20):
        self.address, self.per_second, self.began = address, per_second, time.monotonic()
        self.file = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            (["ip", "netns", "exec", namespace] if namespace else []) +
            ["ping", "-n", "-i", str(1 / per_second), address],
            stdout=self.file, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)

    def answered(self):
        """The file's offset is ping's."""
        return answered(os.pread(self.file.fileno(), os.fstat(self.file.fileno()).st_size, 0).decode())

    def lost(self, n=1):
        """Ends it, as soon as a ping of now, and at least the n-th, has been answered."""
        n = max(n, int((time.monotonic() - self.began) * self.per_second))
        wait_until(lambda: max(self.answered(), default=0) >= n, 60, f"{self.address} answers ping {n}")
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)
        numbers = self.answered()
        self.file.close()
        return max(numbers) - len(numbers)
