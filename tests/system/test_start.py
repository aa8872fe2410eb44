# SPDX-License-Identifier: BSD-3-Clause
"""It starts anywhere, in any order, says what is wrong, and leaves nothing behind."""
import json
import os
import signal

import pytest

from tests.lib.lab import DATAPLANE, HOSTILE, run, wait_until
from tests.lib.twins import Twins

CONFIG = """
tenants:
- name: blue
  ports: [{name: a, type: vhost-user}, {name: b, type: vhost-user}]
  switches: [{name: lan, members: [a, b]}]
"""
HUGE = "/proc/sys/vm/nr_hugepages"


@pytest.mark.parametrize("arguments,code,text", [
    (["--help"], 0, "usage: culvert-dataplane"),
    (["--version"], 0, "culvert-dataplane 0."),
    (["--bogus"], 2, "usage: culvert-dataplane"),
    (["--workers", "0"], 2, "--workers takes 1 to 32"),
    (["--workers", "1x"], 2, "--workers takes 1 to 32"),
    (["word"], 2, "what is 'word'? EAL arguments go behind --"),
    (["--workers", "32"], 1, "32 workers need a CPU each"),
    (["--cpus", "x"], 1, "--cpus takes a list such as 1,4-6, not 'x'"),
    (["--cpus", "1000"], 1, "names a CPU that we may not run on"),
    (["--run-dir", "/nowhere/run"], 1, "can't make /nowhere/run: No such file or directory"),
    (["--run-dir", "/tmp/" + "x" * 200], 1, "too long"),
])
def test_arguments(lab, arguments, code, text):
    if "--run-dir" not in arguments:
        arguments = ["--run-dir", lab.run_dir] + arguments
    result = run(DATAPLANE, *arguments, check=False)
    assert result.returncode == code
    assert text in result.stdout + result.stderr


def test_a_second_dataplane_is_refused(lab):
    lab.start_dataplane()
    result = run(DATAPLANE, "--run-dir", lab.run_dir, check=False)
    assert result.returncode == 1
    assert f"a dataplane serves {lab.run_dir} already" in result.stderr
    assert lab.dataplane.poll() is None


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(lab, sent):
    lab.start()
    lab.apply(CONFIG)
    lab.dataplane.send_signal(sent)
    assert lab.dataplane.wait(timeout=10) == 0
    assert not os.path.exists(os.path.join(lab.run_dir, "dataplane.sock"))
    lab.culvertd.send_signal(sent)
    assert lab.culvertd.wait(timeout=10) == 0


def test_culvertd_first(lab):
    lab.start_culvertd()
    applied = lab.apply(CONFIG)
    assert "dataplane is not running" in applied.stdout + applied.stderr
    lab.start_dataplane()
    wait_until(lambda: lab.show("status")["dataplane"]["in-step"], 5, "the configuration arrives")
    Twins(lab, 1).assert_lost_nothing()


def test_huge_pages(lab):
    """The same configuration on huge pages."""
    with open(HUGE, encoding="ascii") as f:
        before = f.read()
    try:
        with open(HUGE, "w", encoding="ascii") as f:
            f.write(str(int(before) + 512))
        lab.start()
        assert "huge pages" in lab.log("dataplane.log")
        lab.apply(CONFIG)
        Twins(lab, 1).assert_lost_nothing()
        lab.dataplane.terminate()
        assert lab.dataplane.wait(timeout=10) == 0
    finally:
        with open(HUGE, "w", encoding="ascii") as f:
            f.write(before)


def test_two_workers(lab):
    lab.workers = 2
    lab.start()
    lab.apply(CONFIG)
    Twins(lab, 1).assert_lost_nothing()
    assert len(lab.show("workers")) == 2


def test_server_mode(lab):
    """The dataplane listens, the guest dials."""
    lab.start()
    lab.apply(CONFIG.replace("type: vhost-user", "type: vhost-user, mode: server"))
    result = json.loads(run(HOSTILE, "twin", "--connect", "--socket", lab.socket("a"), "--peer-socket",
                            lab.socket("b"), "--rate", "2000", "--seconds", "1").stdout)
    assert result["a_to_b"]["lost"] == result["b_to_a"]["lost"] == 0, result
    assert result["a_to_b"]["sent"] > 1000
