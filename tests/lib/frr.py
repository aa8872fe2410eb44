# SPDX-License-Identifier: BSD-3-Clause
"""FRR's daemons as Debian ships them, in a network namespace and a directory of their own."""
import json
import os
import shutil

from tests.lib.lab import run, wait_until

DAEMONS = "/usr/lib/frr"
NETLINK_BUFFER = str(128 << 20)  # zebra loses what is more



class Frr:
    """zebra and others in one namespace. `configs` is {daemon: text}; zebra is always there."""

    def __init__(self, lab, namespace, configs):
        self.lab, self.namespace = lab, namespace
        self.dir = os.path.join(lab.dir, f"frr-{namespace}")
        os.makedirs(self.dir, exist_ok=True)
        self.processes = {}
        for daemon, text in {"zebra": "", **configs}.items():
            with open(os.path.join(self.dir, f"{daemon}.conf"), "w", encoding="ascii") as f:
                f.write(f"hostname {namespace}\n{text}")
            self.start(daemon)

    def start(self, daemon):
        """Its socket is there when it has read its configuration."""
        socket = os.path.join(self.dir, f"{daemon}.vty")
        if os.path.exists(socket):
            os.unlink(socket)
        with open(os.path.join(self.dir, f"{daemon}.log"), "a", encoding="ascii") as out:
            self.processes[daemon] = self.lab.spawn(
                "ip", "netns", "exec", self.namespace, os.path.join(DAEMONS, daemon),
                "-f", os.path.join(self.dir, f"{daemon}.conf"), "-i", os.path.join(self.dir, f"{daemon}.pid"),
                "-z", os.path.join(self.dir, "zserv.api"), "--vty_socket", self.dir,
                "-u", "root", "-g", "frrvty", "-A", "127.0.0.1", "-P", "0", "--log", "stdout",
                *(["-s", NETLINK_BUFFER] if daemon == "zebra" else []),
                stdout=out, stderr=out)
        wait_until(lambda: os.path.exists(socket) or self.processes[daemon].poll() is not None, 10,
                   f"{daemon} starts")
        assert self.processes[daemon].poll() is None, self.log(daemon)

    def kill(self, daemon):
        """kill -9."""
        self.processes[daemon].kill()
        self.processes[daemon].wait()

    def close(self):
        """End all, zebra last: it takes what it installed out of the kernel."""
        for daemon in reversed(self.processes):
            if self.processes[daemon].poll() is None:
                self.processes[daemon].terminate()
                self.processes[daemon].wait(30)
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self, daemon):
        with open(os.path.join(self.dir, f"{daemon}.log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def vtysh(self, *commands):
        words = sum((["-c", command] for command in commands), [])
        return run("ip", "netns", "exec", self.namespace, "vtysh", "--vty_socket", self.dir, *words).stdout

    def show(self, what):
        return json.loads(self.vtysh(f"show {what} json") or "{}")

    def bgp_peer(self, address):
        """What bgpd says of a neighbour: {"state": …, "pfxRcd": …}; {} if nothing yet."""
        return self.show("bgp ipv4 unicast summary").get("peers", {}).get(address, {})

    def ospf_state(self, router_id):
        rows = self.show("ip ospf neighbor").get("neighbors", {}).get(router_id, [])
        return rows[0].get("nbrState", rows[0].get("state", "")) if rows else ""
