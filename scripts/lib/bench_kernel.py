# SPDX-License-Identifier: BSD-3-Clause
"""The kernel as a gateway, for a footnote: nftables with conntrack, NAT and a flowtable, between veth pairs
instead of vhost-user. So the generator pays for AF_PACKET, and rates are no ratio to those of the others.

    generator: ga, gb | namespace | a, b: forward, nftables: namespace, packets on the DUT's CPU by RPS
"""

import os
import subprocess

from bench_gateway import INSIDE, OUTSIDE, forbidden, pool
from bench_process import TrialError, wait_for

KERNEL = "kernel"
COMMAND_SEC = 60
FLOWTABLE = "flowtable fast {{ hook ingress priority 0; devices = {{ a, b }}; }}"
OFFLOAD = "ip protocol {{ tcp, udp }} flow add @fast"
# As our gateway's: what is forbidden, then all that begins inside; answers.
RULES = """\
table ip bench {{
    {flowtable}
    chain onward {{
        type filter hook forward priority 0; policy drop;
        {offload}
        ct state established,related accept
        {denied}
        iifname "a" accept
    }}
    chain out {{
        type nat hook postrouting priority 100;
        oifname "b" ip protocol {{ tcp, udp }} snat to {pool}:1024-65535
    }}
}}
"""
SYSCTLS = ("net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0",
           "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1",
           "net.netfilter.nf_conntrack_checksum=0")


class Kernel:
    """Two namespaces that end with the processes that hold them."""

    def __init__(self, setup, case):
        self.setup, self.case, self.processes = setup, case, []
        self.settings = {"sysctl": SYSCTLS}
        self.check()
        try:
            self.worker = self.hold("kernel")
            self.outside = self.hold("kernel-outside")
            self.link()
            self.address()
            self.forward()
            self.pin()
        except BaseException:
            self.stop()
            raise

    def check(self):
        """Only what a footnote needs. The limit of connections is the host's: it is not ours to change."""
        if self.case.tenants > 1 or self.case.vlans is not None or self.case.routes > 1000:
            raise TrialError("kernel: one tenant, two ports and 1000 routes at most; leave it out of --dut")
        with open("/proc/sys/net/netfilter/nf_conntrack_max", encoding="ascii") as f:
            most = int(f.read())
        if most < 2 * self.case.flows:
            raise TrialError(f"kernel: {self.case.flows} flows, and nf_conntrack_max is {most}: leave it out "
                             "of --dut, or raise it")

    def hold(self, name):
        process = self.setup.start(name, ["unshare", "--net", "sleep", "infinity"])
        self.processes.append(process)
        host = os.readlink("/proc/self/ns/net")
        wait_for(lambda: os.readlink(f"/proc/{process.child.pid}/ns/net") != host, COMMAND_SEC,
                 "a network namespace", [process])
        return process

    def inside(self, process):
        return ["nsenter", f"--net=/proc/{process.child.pid}/ns/net"]

    def run(self, *words, data=None, is_sure=True):
        done = subprocess.run([*self.inside(self.worker), *words], input=data, text=True,
                              capture_output=True, timeout=COMMAND_SEC, check=False)
        if is_sure and done.returncode != 0:
            raise TrialError(f"kernel: {' '.join(words)}: {done.stderr.strip()[:500]}")
        return done.returncode, done.stderr

    def link(self):
        self.run("sysctl", "-q", "-w", *SYSCTLS)
        for side in "ab":
            self.run("ip", "link", "add", "name", side, "address", f"02:00:00:0{side}:00:00", "type",
                     "veth", "peer", "name", f"g{side}", "netns", str(self.outside.child.pid))
            self.run("ethtool", "-K", side, "gro", "off", "tso", "off", "gso", "off", is_sure=False)
            self.run("ip", "link", "set", "dev", side, "up")
            subprocess.run([*self.inside(self.outside), "ip", "link", "set", f"g{side}", "up"], check=True)

    def address(self):
        for number, (side, prefix) in enumerate((("a", INSIDE), ("b", OUTSIDE))):
            self.run("ip", "address", "add", f"10.0.{number}.1/24", "dev", side)
            self.run("ip", "neigh", "add", f"10.0.{number}.2", "lladdr", f"02:00:00:{side}{side}:00:00",
                     "dev", side, "nud", "permanent")
            self.run("ip", "route", "add", prefix, "via", f"10.0.{number}.2")

    def forward(self):
        """With a flowtable, if this kernel has them."""
        denied = "\n".join(f"ip daddr {network} udp dport {port} drop" for network, port in
                           map(forbidden, range((self.case.rules - 1) * (self.case.functions - 1))))
        address, bits = pool(self.case).split("/")
        first = address.rsplit(".", 1)[0]
        words = {"denied": denied, "pool": f"{address}-{first}.{2 ** (32 - int(bits)) - 1}"}
        status, said = self.run("nft", "-f", "-", is_sure=False, data=RULES.format(
            flowtable=FLOWTABLE.format(), offload=OFFLOAD.format(), **words))
        self.settings["flowtable"] = "yes" if status == 0 else "not in this kernel: " + said.splitlines()[0]
        if status != 0:
            self.run("nft", "-f", "-", data=RULES.format(flowtable="", offload="", **words))

    def pin(self):
        """What comes in on a and b is worked off on the DUT's CPU, not on the sender's."""
        mask = format(1 << self.setup.dut_cpu, "x")
        self.run("unshare", "--mount", "sh", "-c", "mount -t sysfs sysfs /sys && for side in a b; do echo "
                 f"{mask} >/sys/class/net/$side/queues/rx-0/rps_cpus || exit 1; done")

    def why(self):
        return str(self.settings)

    def begin(self):
        pass

    def finish(self, _cycles_per_sec):
        """What a packet costs can't be told apart from the rest of the kernel's work."""
        return {"settings": self.settings}

    def stop(self):
        for process in reversed(self.processes):
            process.stop()
        self.processes.clear()
