# SPDX-License-Identifier: BSD-3-Clause
"""Frames in at one port, what came out at the others, and what was dropped why."""
import os

from scapy.all import RawPcapReader, wrpcap

from tests.lib.lab import wait_until


class Replay:
    """`outputs`: {member: options} of the ports that record, such as {"p1": "", "p2.10": ""}."""

    def __init__(self, lab, outputs, switch=""):
        self.lab, self.outputs, self.switch = lab, outputs, switch
        self.ports = {}
        self.n = 0
        for member in outputs:
            name = member.split(".")[0]
            self.ports[name] = (f"{{name: {name}, type: pcap, "
                                f"output-file: {self.file(name)}, mac-limit: 1024}}")
        lab.start()
        self.apply(list(outputs))

    def file(self, name):
        return os.path.join(self.lab.dir, f"{name}.pcap")

    def apply(self, members):
        ports = "\n".join(f"  - {p}" for p in self.ports.values())
        self.lab.apply(f"tenants:\n- name: blue\n  ports:\n{ports}\n  switches:\n"
                       f"  - {{name: lan, members: [{', '.join(members)}]{self.switch}}}\n")

    def play(self, frames, member="in", options=""):
        """Send frames (bytes) into a new port and wait until all were received. Its name."""
        self.n += 1
        name = member.split(".")[0] + str(self.n)
        member = ".".join([name] + member.split(".")[1:])
        # One frame more than asked for tells that all before were handled: a runt.
        wrpcap(self.file(name), [bytes(f) for f in frames] + [b"\0" * 13], linktype=1)
        self.ports[name] = f"{{name: {name}, type: pcap, input-file: {self.file(name)}{options}}}"
        self.apply(list(self.outputs) + [member])
        wait_until(lambda: self.lab.drops(name).get("RUNT_FRAME"), 10, "all frames are played")
        return name

    def drops(self, name):
        drops = self.lab.drops(name)
        drops["RUNT_FRAME"] -= 1
        return {reason: n for reason, n in drops.items() if n}

    def recorded(self):
        """{port: [frames]}; ends the dataplane, for a capture is complete when its port is closed."""
        self.lab.dataplane.terminate()
        assert self.lab.dataplane.wait(timeout=10) == 0
        result = {}
        for member in self.outputs:
            name = member.split(".")[0]
            result[name] = [frame for frame, _ in RawPcapReader(self.file(name))]
        return result
