# SPDX-License-Identifier: BSD-3-Clause
"""An apply is all or nothing, whoever dies at whatever moment, and what runs is what is kept.

    a, b ── lan     (configuration A: MTU 1500, B: MTU 4000, and forty more ports)
"""
import contextlib
import os
import signal
import subprocess
import time

import pytest

from tests.lib.lab import CULVERT, run, wait_until


def config(mtu, n=40):
    ports = "\n".join(f"  - {{name: p{i}, type: vhost-user, mtu: {mtu}, offloads: {{tso: false}}}}"
                      for i in range(n))
    members = ", ".join(f"p{i}" for i in range(n))
    return f"tenants:\n- name: blue\n  ports:\n{ports}\n  switches: [{{name: lan, members: [{members}]}}]\n"


A, B = config(1500), config(4000)


def in_step(lab):
    status = lab.show("status")
    return status["dataplane"].get("in-step") and status["control"]["config-id"]


def start_apply(lab, text):
    process = lab.spawn(CULVERT, "--run-dir", lab.run_dir, "apply", "-", stdin=subprocess.PIPE,
                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    process.stdin.write(text)
    process.stdin.close()
    return process


def settled(lab):
    """Which of the configurations both sides have, once they agree: its MTU, of every port."""
    wait_until(lambda: in_step(lab), 10, "both sides agree")
    # A row that the dataplane is writing is left out; on a busy machine that may take a while.
    rows = wait_until(lambda: len(rows := lab.show("ports")) == 40 and rows, 10, "40 ports")
    mtus = {row["mtu"] for row in rows}
    assert len(mtus) == 1, f"half of a configuration: {mtus}"
    assert f"mtu: {4000}" in lab.culvert("show", "config").stdout or mtus == {1500}
    return mtus.pop()


@pytest.mark.parametrize("victim", ["culvertd", "dataplane"])
def test_a_death_during_apply(lab, victim):
    lab.start()
    lab.apply(A)
    for i in range(8):
        process = start_apply(lab, B if i % 2 == 0 else A)
        time.sleep(i * 0.008)  # somewhere between the request and its answer
        lab.kill(getattr(lab, victim))
        process.wait(timeout=20)
        getattr(lab, f"start_{victim}")()
        mtu = settled(lab)
        if process.returncode == 0:
            assert mtu == (4000 if i % 2 == 0 else 1500), "what was answered was done"


def test_a_full_disk_changes_nothing(lab):
    """The state directory on a file system without room."""
    os.makedirs(lab.state_dir)
    run("mount", "-t", "tmpfs", "-o", "size=64k", "none", lab.state_dir)
    try:
        lab.start()
        lab.apply(config(1500, 4))
        before = lab.culvert("show", "config").stdout
        with open(os.path.join(lab.state_dir, "ballast"), "wb", buffering=0) as f:
            with contextlib.suppress(OSError):
                while True:
                    f.write(b"x" * 512)
        log = lab.log("dataplane.log")
        result = lab.apply(config(4000, 60), check=False)
        assert result.returncode == 1 and "No space left" in result.stderr
        assert lab.culvert("show", "config").stdout == before
        assert lab.log("dataplane.log") == log, "the dataplane was not told"
        lab.kill(lab.culvertd)
        lab.start_culvertd()
        assert lab.culvert("show", "config").stdout == before
    finally:
        if lab.culvertd is not None:
            lab.kill(lab.culvertd)
        run("umount", "-l", lab.state_dir, check=False)


def test_a_dataplane_that_hangs_is_told_of(lab):
    lab.start()
    lab.apply(A)
    lab.dataplane.send_signal(signal.SIGSTOP)
    try:
        result = lab.apply(B, check=False)
        assert result.returncode == 1
        assert "did not answer" in result.stderr
    finally:
        lab.dataplane.send_signal(signal.SIGCONT)
    assert settled(lab) == 1500
