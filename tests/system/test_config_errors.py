# SPDX-License-Identifier: BSD-3-Clause
"""Every row of config_errors/cases.txt through the command line: what the user reads, the exit code,
and that nothing changes."""
import os
import re

import pytest

from tests.lib.lab import Lab

CASES = os.path.join(os.path.dirname(__file__), "config_errors", "cases.txt")
GOOD = """
tenants:
- name: blue
  ports: [{name: a, type: vhost-user}, {name: b, type: vhost-user}]
  switches: [{name: lan, members: [a, b]}]
"""


def cases():
    """(title, text, line, path, sentence) of each."""
    with open(CASES, encoding="utf-8") as f:
        blocks = re.split(r"^## ", f.read(), flags=re.M)[1:]
    for block in blocks:
        match = re.match(r"([^\n]*)\n(.*)^=> \S+ (\d+) (\S+)\n([^\n]*)", block, re.M | re.S)
        title, text, line, path, sentence = match.groups()
        if "[json]" in title and text.lstrip()[:1] not in ("{", ""):
            continue  # the command line takes this for YAML
        yield title, text, int(line), "" if path == "-" else path, sentence


@pytest.fixture(scope="module")
def running():
    with Lab() as lab:
        lab.start()
        lab.apply(GOOD)
        yield lab


def test_each_error_is_told_and_changes_nothing(running):
    config = running.culvert("show", "config").stdout
    log = running.log("dataplane.log")
    wrong = []
    for title, text, line, path, sentence in cases():
        result = running.apply(text, check=False)
        place = f"stdin:{line}: " if line else "stdin: "
        expected = place + (f"{path}: " if path else "") + sentence
        if result.returncode != 1 or expected not in result.stderr:
            wrong.append(f"{title}: exit {result.returncode}\n  {result.stderr}  wanted {expected}")
    assert not wrong, "\n".join(wrong)
    assert running.culvert("show", "config").stdout == config
    assert running.log("dataplane.log") == log, "the dataplane was not told"


def test_a_file_that_is_not_there(running):
    result = running.culvert("apply", "/nowhere.yaml", check=False)
    assert result.returncode == 1
    assert "/nowhere.yaml: No such file or directory" in result.stderr


def test_apply_is_idempotent(running):
    log = running.log("dataplane.log")
    result = running.apply(GOOD)
    assert "no change" in result.stdout
    assert running.log("dataplane.log") == log


def test_diff_tells_and_its_exit_code_too(running):
    changed = GOOD.replace("type: vhost-user}, {", "type: vhost-user, mtu: 4000}, {")
    diff = running.culvert("diff", "-", text=changed, check=False)
    assert "tenants/blue/ports/a/mtu" in diff.stdout and "4000" in diff.stdout
    same = running.culvert("diff", "-", text=GOOD, check=False)
    assert same.returncode == 0 and diff.returncode != 0
    assert running.culvert("show", "config").stdout.count("4000") == 0


def test_a_client_without_culvertd(lab):
    result = lab.culvert("show", "ports", check=False)
    assert result.returncode == 3
    assert "culvertd" in result.stderr
