# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench as its users start it, with trials too short for figures: what it says is right, wrong
frames and untranslated flows are seen, nothing stays behind. And the search for rates, against models.

    generator A ── a [ DUT: gateway with firewall and NAT, testpmd, OVS, the kernel ] b ── generator B
"""
import glob
import json
import os
import random
import signal
import subprocess
import sys
import xml.etree.ElementTree as xml

import pytest

from tests.lib.lab import ROOT, wait_until

sys.path.insert(0, os.path.join(ROOT, "scripts", "lib"))

# pylint: disable=wrong-import-position
import bench_compare  # noqa: E402
import bench_generator  # noqa: E402
import bench_mlr  # noqa: E402
from bench_chain import ChainCase  # noqa: E402
from bench_process import TrialError  # noqa: E402
from bench_trial import check_set_up  # noqa: E402

QUICK = ["--seconds", "0.2", "--warmup", "0.1", "--rounds", "1", "--max-steal", "100",
         "--max-contention", "100", "--patience", "1"]
N_FLOWS = 300


def bench(*words, status=0):
    """Its output; the report too if words have a --json."""
    done = subprocess.run([os.path.join(ROOT, "scripts/bench"), *words, *QUICK], cwd=ROOT, text=True,
                          capture_output=True, timeout=300, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def report_of(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def folders():
    return set(glob.glob("/dev/shm/culvert-bench.*") + glob.glob("/tmp/culvert-bench.*"))


def test_chain_beside_its_peers(tmp_path):
    """All flows are set up, translated and proven by those that translate; frames of the load are held
    to be of their flow."""
    json_path, pictures = tmp_path / "r.json", tmp_path / "pictures"
    duts = ["culvert", "5tswap", "ovs", "kernel"]
    bench("chain", "--flows", f"1,{N_FLOWS}", "--dut", ",".join(duts), "--json", str(json_path),
          "--pictures", str(pictures))
    report = report_of(json_path)
    assert [case["case"]["flows"] for case in report["cases"]] == [1, N_FLOWS]
    for case in report["cases"]:
        assert [row["dut"] for row in case["rows"]] == duts
        for trial in case["trials"]:
            way = trial["generator"]["b_to_a"]
            assert trial["mpps"] > 0 and trial["wrong"] == 0 and way["reflected_to_sender"] == 0
            assert trial["dut"] == "kernel" or trial["cycles_per_packet"] > 0
            if trial["dut"] == "5tswap":
                assert trial["set_up"]["flows"] == 0
                continue
            assert trial["checked"] > 0
            for what in ("flows", "opened", "translated", "proven"):
                assert trial["set_up"][what] == case["case"]["flows"], what
    drawn = glob.glob(f"{pictures}/*.svg")
    assert len(drawn) == 1
    text = "".join(xml.parse(drawn[0]).getroot().itertext())
    assert all(name in text for name in duts + ["flows"])


@pytest.mark.parametrize("words", [("--tenants", "3"), ("--ports", "6"), ("--functions", "1"),
                                   ("--functions", "8", "--rules", "3"), ("--churn", "0.01"),
                                   ("--routes", "200"), ("--sizes", "imix")], ids=" ".join)
def test_shapes_of_a_chain(tmp_path, words):
    """A gateway for each tenant or pair of ports, long chains, flows that come and go."""
    path = tmp_path / "r.json"
    bench("chain", "--flows", str(N_FLOWS), "--dut", "culvert,ovs", "--json", str(path), *words)
    for trial in report_of(path)["cases"][0]["trials"]:
        assert trial["wrong"] == 0 and trial["checked"] > 0 and trial["mpps"] > 0
        assert trial["set_up"]["translated"] == trial["set_up"]["proven"] == N_FLOWS
        new = trial["generator"]["a_to_b"]["tx_new"] / trial["generator"]["a_to_b"]["tx"]
        assert new == pytest.approx(0.01 if "--churn" in words else 0, abs=0.002)


@pytest.mark.parametrize("kind", ["udp", "tcp"])
def test_sessions_a_second(tmp_path, kind):
    """Each begins, and is answered; TCP connections end, too."""
    path = tmp_path / "r.json"
    bench("chain", "--setup", kind, "--flows", "5000", "--dut", "culvert,5tswap,ovs", "--json", str(path))
    case = report_of(path)["cases"][0]
    assert [row["dut"] for row in case["rows"]] == ["culvert", "ovs"], "testpmd keeps no sessions"
    for trial in case["trials"]:
        assert trial["answer"]["opened"] == trial["answer"]["proven"] == 5000
        assert trial["answer"]["wrong"] == 0 and trial["rate"] > 0


def test_latency_and_an_older_report(tmp_path):
    paths = [str(tmp_path / name) for name in ("old.json", "new.json")]
    words = ["switch", "--macs", "1", "--dut", "culvert,io", "--measure", "latency"]
    bench(*words, "--json", paths[0])
    said = bench(*words, "--json", paths[1], "--compare", paths[0], "--pictures", str(tmp_path))
    assert "of p99" in said and "another machine" not in said
    rows = report_of(paths[1])["cases"][0]["rows"]
    assert [(row["dut"], row["load"]) for row in rows] == [
        ("culvert", "10"), ("culvert", "50"), ("culvert", "90"), ("io", "10"), ("io", "50"), ("io", "90"),
        ("io", "same")]
    for row in rows:
        curve = [row["percentiles_ns"][p] for p in ("0", "50", "90", "99", "99.9", "100")]
        assert curve == sorted(curve) and 100 < curve[0]
    assert len(glob.glob(f"{tmp_path}/*.svg")) == 4


def test_searches(tmp_path):
    path = str(tmp_path / "r.json")
    bench("switch", "--macs", "1", "--dut", "io", "--measure", "search", "--trial-seconds", "0.05",
          "--duration-sum", "0.15", "--json", path)
    trial = report_of(path)["cases"][0]["trials"][0]
    assert trial["ndr"]["lower"] <= trial["pdr"]["lower"] <= trial["saturation"] * 1.1
    bench("switch", "--macs", "1", "--dut", "io", "--measure", "rfc2544", "--trial-seconds", "0.05",
          "--repeats", "2", "--json", path)
    trial = report_of(path)["cases"][0]["trials"][0]
    assert trial["loss"][0][0] == 120 and trial["burst"]["frames_mean"] > 0


@pytest.mark.parametrize("words, reason", [
    (["chain", "--dut", "nonsense"], "no such DUT here: nonsense; there are culvert"),
    (["switch", "--dut", "ovs"], "no such DUT here: ovs"),
    (["chain", "--tenants", "2", "--ports", "4"], "leave --ports out"),
    (["chain", "--churn", "2"], "shares from 0 to 1"),
    (["chain", "--flows", "many"], "--flows many: numbers from 1"),
    (["chain", "--sizes", "63"], "64 to 9000 bytes"),
    (["chain", "--functions", "9"], "numbers from 1 to 8"),
    (["chain", "--setup", "udp", "--dut", "io"], "none of the --dut keeps sessions"),
    (["chain", "--flows", "100", "--ports", "64", "--dut", "io"], "32 ports at most"),
    (["chain", "--compare", "/nonexistent"], "--compare /nonexistent"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_what_can_not_be(words, reason):
    assert reason in bench(*words, status=1)


def test_nothing_stays_after_a_signal():
    before = folders()
    process = subprocess.Popen([os.path.join(ROOT, "scripts/bench"), "chain", "--flows", "100", "--dut",
                                "ovs", "--seconds", "60"], cwd=ROOT, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)

    def processes(folder):
        found = []
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as f:
                    words = f.read().decode(errors="replace")
            except OSError:
                continue
            found += [words.split("\0")[0]] if folder in words else []
        return found
    try:
        folder = wait_until(lambda: next(iter(folders() - before), None), 20, "it begins")
        wait_until(lambda: any("vswitchd" in name for name in processes(folder)), 60, "OVS starts")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
    finally:
        process.kill()
        process.wait()
    assert processes(folder) == [] and not os.path.exists(folder)


def test_an_untranslated_flow_fails_the_set_up():
    answer = {"flows": 10, "opened": 10, "translated": 10, "proven": 10, "wrong": 0, "fault": ""}
    check_set_up("ovs", ChainCase(), answer)
    for what in ("translated", "proven", "flows"):
        with pytest.raises(TrialError, match="of .* flows"):
            check_set_up("ovs", ChainCase(), dict(answer, **{what: 9}))
    with pytest.raises(TrialError, match="a wrong one"):
        check_set_up("5tswap", ChainCase(), dict(answer, wrong=1, fault="a wrong one"))
    check_set_up("5tswap", ChainCase(), dict(answer, translated=0))


def search(capacity, spoilt=0.0, max_load=10e6, goal=bench_mlr.NDR):
    """Of a DUT that forwards so many, and loses 3 % of any trial now and then."""
    chance = random.Random(7)

    def trial(load):
        loss = max(1 - capacity / load, 0)
        return max(loss, 0.03) if chance.random() < spoilt else loss
    one = bench_mlr.Search(trial, max_load, max_load / 1000)
    return one, one.find(goal, 5e6)


@pytest.mark.parametrize("capacity", [0.5e6, 3.21e6, 5e6, 9.9e6])
def test_search_finds_the_capacity(capacity):
    one, found = search(capacity)
    assert found["lower"] <= capacity < found["upper"]
    assert (found["upper"] - found["lower"]) / found["upper"] <= 0.005
    assert found["throughput"] == found["lower"]
    assert one.n_trials < 200
    _, found = search(capacity, goal=bench_mlr.PDR)
    assert found["lower"] * 0.995 <= capacity < found["upper"] * 0.995


def test_search_forgives_less_than_half():
    """Spoilt trials decide nothing unless they are more than the exceed ratio."""
    _, found = search(3e6, spoilt=0.2)
    assert found["lower"] <= 3e6 < found["upper"] * 1.001 and found["lower"] > 2.9e6
    _, found = search(3e6, spoilt=0.9)
    assert found["lower"] is None and found["throughput"] is None


def test_search_ends_at_the_most_that_can_be_offered():
    one, found = search(20e6)
    assert found == {"lower": one.max_load, "upper": None, "throughput": one.max_load}


def test_loads_are_classified_as_the_draft_says():
    """Goal of 21 s of trials of 1 s, half of which may exceed it."""
    one = bench_mlr.Search(None, 1, 1)
    for losses, is_lower in (([0] * 10, None), ([0] * 11, True), ([1] * 10, None), ([1] * 11, False),
                             ([0] * 10 + [1] * 10, None), ([0] * 11 + [1] * 10, True),
                             ([0] * 10 + [1] * 11, False), ([0.004] * 11, False)):
        one.losses[1] = losses
        assert one.classify(1, bench_mlr.NDR) is is_lower, losses
    one.losses[1] = [0.004] * 11
    assert one.classify(1, bench_mlr.PDR) is True


def test_answers_of_several_generators_make_one():
    answer = {"command": "trial", "seconds": 1.0, "mpps": 2.0, "options": {"flows": 3},
              "a_to_b": {"tx": 5, "fault": "", "paths": [1, 2], "mean_frame_bytes": 64.0},
              "generator": {"core_share": 0.5, "tx_full_share": 0.9}}
    other = json.loads(json.dumps(answer))
    other.update(seconds=2.0, mpps=1.0)
    other["a_to_b"].update(fault="bad", tx=7)
    other["generator"]["tx_full_share"] = 0.7
    assert bench_generator.merge([answer, other]) == {
        "command": "trial", "seconds": 2.0, "mpps": 3.0, "options": {"flows": 3},
        "a_to_b": {"tx": 12, "fault": "bad", "paths": [2, 4], "mean_frame_bytes": 64.0},
        "generator": {"core_share": 1.0, "tx_full_share": pytest.approx(0.8)}}


def test_rows_are_compared_with_their_like(tmp_path, capsys):
    def report(mpps, flows=5):
        return {"command": "chain", "machine": {"cpu": "x", "culvert": "y"}, "cases": [
            {"case": {"flows": flows, "vlans": None}, "measure": "rate",
             "rows": [{"dut": "culvert", "mpps": mpps}]}]}
    path = tmp_path / "old.json"
    path.write_text(json.dumps(report(2.0)))
    bench_compare.compare_with(str(path), report(3.0))
    assert "flows 5, culvert: Mpps 2 -> 3 (+50.0%)" in capsys.readouterr().out
    bench_compare.compare_with(str(path), report(3.0, flows=6))
    assert "no case and DUT are in both" in capsys.readouterr().out
    path.write_text("{")
    with pytest.raises(TrialError, match="--compare"):
        bench_compare.compare_with(str(path), report(3.0))
