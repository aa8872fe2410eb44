# SPDX-License-Identifier: BSD-3-Clause
"""What all cases have: the frames, and how the devices under test are configured for them."""

from bench_process import TrialError


class Case:
    """str(case) is its name, as_dict() what a report needs to know."""

    n_pairs = 1  # of ports
    is_contended = False  # others are meant to use the generator's core

    def as_dict(self):
        raise NotImplementedError

    def words(self, name):
        """The generator's options for the DUT of this name."""
        raise NotImplementedError

    def make_ours(self, setup, options):
        """A bench_dut.Culvert with these options, ready for traffic."""
        raise NotImplementedError

    def make_ovs(self, _setup, name):
        raise TrialError(f"{name} is a peer of bench chain only")

    def is_translated(self, _name):
        """Must this DUT have set up and translated all flows?"""
        return False


def numbers(text, name, least, most):
    """A list of an option, each number in its range."""
    found = []
    for word in text.split(","):
        if not word.isdigit() or not least <= int(word) <= most:
            raise TrialError(f"--{name} {text}: numbers from {least} to {most}, with commas between them")
        found.append(int(word))
    return found


def sizes(text, least=64):
    for word in text.split(","):
        if word != "imix" and not (word.isdigit() and least <= int(word) <= 9000):
            raise TrialError(f"--sizes {text}: {least} to 9000 bytes with FCS, or imix, with commas "
                             "between them")
    return text.split(",")


def size_text(size):
    return "IMIX" if size == "imix" else f"{size} B"
