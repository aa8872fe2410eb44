# SPDX-License-Identifier: BSD-3-Clause
"""OVS-DPDK as a gateway: stateful firewall, NAT and routes by conntrack and header rewrites, with its
best known settings. Everything it needs lies in the folder of the run and a network namespace that
ends with it; the host's own OVS, if there is one, is not touched.

One pass of conntrack does firewall and NAT; more firewalls are more tables, which its caches compose.
"""

import contextlib
import os
import re
import subprocess

from bench_gateway import INSIDE, OUTSIDE, forbidden, pool
from bench_process import TrialError, wait_for

VSWITCHD = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
MEGABYTES = 1024
MEGABYTES_PAIR = 192
START_SEC = 30
COMMAND_SEC = 300  # a million flows of OpenFlow

# Settings of Open_vSwitch's other_config for all variants. Flows stay, and nothing is looked at again
# more often than needs be; a mempool for each port, as for the others.
COMMON = {"dpdk-init": "true", "per-port-memory": "true", "max-idle": "3600000",
          "max-revalidator": "10000", "flow-limit": "4000000", "n-handler-threads": "1",
          "n-revalidator-threads": "1", "pmd-auto-lb": "false", "userspace-tso-enable": "false"}
# What differs: its two caches before the classifier. "ovs" was the fastest of them, with 1,000 flows as
# with 100,000. emc-insert-inv-prob: one of so many packets makes an entry of the exact match cache, 0:
# there is none; smc: the signature match cache.
VARIANTS = {
    "ovs": {"emc-insert-inv-prob": "0", "smc-enable": "true"},
    "ovs-emc": {"emc-insert-inv-prob": "100", "smc-enable": "false"},
    "ovs-both": {"emc-insert-inv-prob": "100", "smc-enable": "true"},
    "ovs-nocache": {"emc-insert-inv-prob": "0", "smc-enable": "false"},
}
# Tried by all; what a build or a CPU does not have is said in the report. Debian's 3.1 has the study only.
AVX512 = (("dpif-netdev/dpif-impl-set", "dpif_avx512"),
          ("dpif-netdev/miniflow-parser-set", "study", "200000"),
          ("dpif-netdev/subtable-lookup-prio-set", "avx512_gather", "5"),
          ("odp-execute/action-impl-set", "avx512"))
MAX_CONNECTIONS = "8000000"
# Into these tables; the firewalls' are from FIREWALL on.
ADMIT, COMMIT, ROUTE, ANSWER, FIREWALL = 1, 2, 3, 4, 10


def pool_range(case):
    """The NAT's addresses and ports as OVS wants them."""
    address, bits = pool(case).split("/")
    first = [int(octet) for octet in address.split(".")]
    last = first[:3] + [first[3] + 2 ** (32 - int(bits)) - 1]
    return f"{address}-{'.'.join(map(str, last))}:1024-65535"


def turn_flows(case):
    """Where a frame enters: its tenant's zone, and the port where it leaves in register 1."""
    for i in range(case.tenants):
        pair = 0 if case.vlans is not None else i
        tag = f",dl_vlan={i + 1}" if case.vlans is not None else ""
        a, b = 2 * pair + 1, 2 * pair + 2
        for port, other, table in ((a, b, ADMIT), (b, a, ANSWER)):
            yield (f"table=0,in_port={port}{tag},ip,actions=load:{other}->NXM_NX_REG1[],"
                   f"load:{i + 1}->NXM_NX_REG2[0..15],ct(table={table},zone={i + 1},nat)")


def gateway_flows(case, routes):
    """All tables; what matches nothing is dropped."""
    yield from turn_flows(case)
    yield f"table={ADMIT},priority=20,ct_state=+trk+est-new,ip,actions=resubmit(,{ROUTE})"
    first = FIREWALL if case.functions > 1 else COMMIT
    yield f"table={ADMIT},priority=10,ct_state=+trk+new,ip,actions=resubmit(,{first})"
    for i in range(case.functions - 1):
        table, after = FIREWALL + i, FIREWALL + i + 1 if i < case.functions - 2 else COMMIT
        for rule in range(case.rules - 1):
            network, port = forbidden(rule)
            yield f"table={table},priority=10,udp,nw_dst={network},tp_dst={port},actions=drop"
        yield f"table={table},priority=1,ip,actions=resubmit(,{after})"
    yield (f"table={COMMIT},ip,actions=ct(commit,zone=NXM_NX_REG2[0..15],nat(src={pool_range(case)})),"
           f"resubmit(,{ROUTE})")
    yield f"table={ANSWER},ct_state=+trk+est-new,ip,actions=resubmit(,{ROUTE})"
    for prefix, side in [(INSIDE, "a"), (OUTSIDE, "b"), *routes]:
        number = "ab".index(side)
        yield (f"table={ROUTE},priority={1 + int(prefix.split('/')[1])},ip,nw_dst={prefix},actions="
               f"mod_dl_src:02:00:00:0{'ab'[number]}:00:00,mod_dl_dst:02:00:00:{side}{side}:00:00,"
               "dec_ttl,output:NXM_NX_REG1[]")


class Ovs:
    """A bridge with the ports of all pairs and the flows of a gateway."""

    def __init__(self, setup, case, name):
        if not os.path.exists(VSWITCHD):
            raise TrialError(f"{name} needs Debian's openvswitch-switch-dpdk: run scripts/setup")
        self.setup, self.case, self.variant = setup, case, VARIANTS[name]
        self.folder = os.path.join(setup.folder, "ovs")
        os.makedirs(self.folder, exist_ok=True)
        self.environment = {"OVS_RUNDIR": self.folder, "OVS_LOGDIR": self.folder,
                            "OVS_DBDIR": self.folder, "OVS_SYSCONFDIR": self.folder}
        self.socket = f"unix:{self.folder}/db.sock"
        self.processes, self.settings, self.worker = [], {}, None
        try:
            self.start_database()
            self.start_switch()
            self.add_ports()
            self.add_flows()
            self.use_avx512()
        except BaseException:
            self.stop()
            raise

    def run(self, *words, is_sure=True, data=None):
        """On the generator's core, as all that is not measured. Status and output."""
        try:
            done = subprocess.run(["taskset", "-c", str(self.setup.generator_cpu), *words], text=True,
                                  input=data, capture_output=True, timeout=COMMAND_SEC, check=False,
                                  env=dict(os.environ, **self.environment))
        except (OSError, subprocess.TimeoutExpired) as error:
            raise TrialError(f"{words[0]}: {error}") from error
        if is_sure and done.returncode != 0:
            raise TrialError(f"{' '.join(words[:6])}: {done.stderr.strip()[:500]}\n" +
                             "\n".join(p.complaint() for p in self.processes))
        return done.returncode, done.stdout + done.stderr

    def vsctl(self, *words):
        return self.run("ovs-vsctl", f"--db={self.socket}", "--no-wait", *words)

    def appctl(self, *words, is_sure=True):
        return self.run("ovs-appctl", "-t", f"{self.folder}/vswitchd.ctl", *words, is_sure=is_sure)

    def start(self, name, *words):
        process = self.setup.start(name, ["taskset", "-c", str(self.setup.generator_cpu), *words],
                                   more_environment=self.environment)
        self.processes.append(process)
        return process

    def start_database(self):
        database = os.path.join(self.folder, "conf.db")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(database)
        self.run("ovsdb-tool", "create", database, SCHEMA)
        self.start("ovsdb-server", "ovsdb-server", database, f"--remote=p{self.socket}", "--no-chdir",
                   f"--unixctl={self.folder}/ovsdb.ctl", "-vconsole:warn")
        wait_for(lambda: os.path.exists(f"{self.folder}/db.sock"), START_SEC, "OVS's database listens",
                 self.processes)
        self.vsctl("init")

    def start_switch(self):
        setup = self.setup
        memory = MEGABYTES + (self.case.n_pairs - 1) * MEGABYTES_PAIR
        eal = " ".join(setup.eal("ovs", memory))
        if not setup.has_huge_pages:
            eal += " --legacy-mem"  # else OVS asks for --in-memory, which goes with huge pages only
        config = dict(COMMON, **self.variant)
        config["dpdk-lcore-mask"] = hex(1 << setup.generator_cpu)
        config["pmd-cpu-mask"] = hex(1 << setup.dut_cpu)
        config["dpdk-extra"] = eal
        self.settings = dict(config)
        self.vsctl("set", "Open_vSwitch", ".", *(f'other_config:{k}="{v}"' for k, v in config.items()))
        # Its bridge is a tap, too: in a namespace of its own nobody sees it.
        self.worker = self.start("ovs-vswitchd", "unshare", "--net", VSWITCHD, self.socket, "--no-chdir",
                   f"--unixctl={self.folder}/vswitchd.ctl", "-vconsole:warn")
        wait_for(lambda: os.path.exists(f"{self.folder}/vswitchd.ctl") and
                 self.appctl("version", is_sure=False)[0] == 0, START_SEC, "OVS starts", self.processes)

    def add_ports(self):
        words = ["add-br", "br", "--", "set", "bridge", "br", "datapath_type=netdev",
                 "fail_mode=secure"]
        for i, path in enumerate(self.setup.sockets(self.case.n_pairs)):
            words += ["--", "add-port", "br", f"p{i}", "--", "set", "Interface", f"p{i}",
                      "type=dpdkvhostuserclient", f"options:vhost-server-path={path}",
                      f"ofport_request={i + 1}"]
        self.vsctl(*words)
        wait_for(lambda: os.path.exists(f"{self.folder}/br.mgmt"), START_SEC, "OVS makes its bridge",
                 self.processes)

    def routes(self):
        """(prefix, side) of each, as the loader would give them."""
        if self.case.routes == 0:
            return []
        loader = os.path.join(self.setup.build, "tests/bench/culvert-route-loader")
        return [line.split() for line in
                self.run(loader, "--print", "--routes", str(self.case.routes))[1].splitlines()]

    def add_flows(self):
        flows = "\n".join(gateway_flows(self.case, self.routes())) + "\n"
        self.run("ovs-ofctl", "-O", "OpenFlow15", "add-flows", f"unix:{self.folder}/br.mgmt", "-",
                 data=flows)
        self.appctl("dpctl/ct-set-maxconns", MAX_CONNECTIONS)

    def use_avx512(self):
        for command, *words in AVX512:
            status, said = self.appctl(command, *words, is_sure=False)
            self.settings[command] = " ".join(words) if status == 0 else f"no: {said.strip().splitlines()[0]}"

    def why(self):
        """What it drops and why, and how many connections it has."""
        counters = [line for line in self.appctl("coverage/show", is_sure=False)[1].splitlines()
                    if "drop" in line]
        return "\n".join(counters) + "\n" + self.appctl("dpctl/ct-stats-show", is_sure=False)[1]

    def begin(self):
        self.appctl("dpif-netdev/pmd-stats-clear")

    def finish(self, _cycles_per_sec):
        """Of its PMD thread, since begin()."""
        _, text = self.appctl("dpif-netdev/pmd-stats-show", is_sure=False)
        found = re.search(r"avg processing cycles per packet: ([\d.]+)", text)
        own = {"settings": self.settings, "pmd": text}
        return dict(own, cycles_per_packet=float(found.group(1))) if found else own

    def stop(self):
        for process in reversed(self.processes):
            process.stop()
        self.processes.clear()
