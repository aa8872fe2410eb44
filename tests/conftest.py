# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures of the rings that run whole programs."""
import pytest

from tests.lib.lab import Lab


@pytest.fixture
def lab():
    with Lab() as a_lab:
        yield a_lab
