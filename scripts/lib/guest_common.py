# SPDX-License-Identifier: BSD-3-Clause
"""What scripts/guest and its parts share: errors for the user, commands, arguments."""

import argparse
import ipaddress
import pathlib
import shlex
import subprocess

STOP_SEC = 5


class Error(Exception):
    """What went wrong and what to do about it, for the user."""


def output_of(*command, cwd=None):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Error(f"{shlex.join(command)}: {done.stderr.strip() or f'exit {done.returncode}'}")
    return done.stdout


def birth_of(pid):
    """Start time of a process, in ticks, or None: a stale pidfile may name a stranger."""
    state, *fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    n_threads, start = int(fields[16]), fields[18]
    # Of a killed QEMU the first thread may be gone while others still hold the socket.
    return None if state == "Z" and n_threads <= 1 else start


def cidr(text):
    try:
        ipaddress.ip_interface(text if "/" in text else "no length")
    except ValueError:
        raise argparse.ArgumentTypeError(f"not an address with a prefix length: {text}") from None
    return text


def number(low, high):
    def check(text):
        if not text.isdigit() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"not a number of {low} to {high}: {text}")
        return int(text)
    return check
