# SPDX-License-Identifier: BSD-3-Clause
"""Containers of scripts/guest: a network namespace with an interface of the dataplane."""

import contextlib
import json
import os
import signal
import time

from guest_common import STOP_SEC, Error, cidr, number, output_of


def has_namespace(name):
    return os.path.exists(f"/run/netns/{name}")


def need_namespace(name):
    if not has_namespace(name):
        raise Error(f"no namespace {name}: scripts/guest netns add {name} --interface IFACE")


def has_interface(interface, *where):
    return any(link["ifname"] == interface for link in links(*where))


def links(*where):
    return json.loads(output_of("ip", *where, "-d", "-j", "link", "show"))


def command_netns_add(options):
    """Also right when the namespace is there and a restarted dataplane made the tap again."""
    name, interface = options.name, options.interface
    inside = ("ip", "-n", name)
    deadline = time.monotonic() + STOP_SEC
    while not has_interface(interface):
        if has_namespace(name) and has_interface(interface, "-n", name):
            break
        if time.monotonic() > deadline:
            raise Error(f"no interface {interface}: does the dataplane run with that tap port?")
        time.sleep(0.05)
    if not has_namespace(name):
        output_of("ip", "netns", "add", name)
    if has_interface(interface):
        output_of("ip", "link", "set", interface, "netns", name)
    output_of(*inside, "link", "set", "lo", "up")
    if options.mtu:
        output_of(*inside, "link", "set", interface, "mtu", str(options.mtu))
    output_of(*inside, "link", "set", interface, "up")
    for address in options.address:
        # Nobody else is on a test's wire: IPv6 addresses are usable without duplicate detection.
        flag = ["nodad"] if ":" in address else []
        output_of(*inside, "address", "replace", address, "dev", interface, *flag)
    return 0


def command_netns_exec(options):
    need_namespace(options.name)
    os.execvp("ip", ["ip", "netns", "exec", options.name, *options.command])


def command_netns_del(options):
    need_namespace(options.name)
    for pid in output_of("ip", "netns", "pids", options.name).split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    # A tap would die with the namespace, under the hands of the dataplane that made it.
    for link in links("-n", options.name):
        if link.get("linkinfo", {}).get("info_kind") == "tun":
            output_of("ip", "-n", options.name, "link", "set", link["ifname"], "netns", str(os.getpid()))
    output_of("ip", "netns", "del", options.name)
    return 0


def add_netns(commands):
    netns = commands.add_parser("netns", help="containers: a namespace with an interface of the dataplane")
    commands = netns.add_subparsers(metavar="COMMAND", required=True)
    add = commands.add_parser("add", help="move an interface into a namespace (made if needed), bring it up")
    add.set_defaults(run=command_netns_add)
    add.add_argument("name", metavar="NAME")
    add.add_argument("--interface", metavar="IFACE", required=True)
    add.add_argument("--address", metavar="CIDR", type=cidr, action="append", default=[])
    add.add_argument("--mtu", metavar="N", type=number(68, 65535))
    execute = commands.add_parser("exec", help="run a command in it",
                                  usage="guest netns exec NAME -- COMMAND...")
    execute.set_defaults(run=command_netns_exec)
    execute.add_argument("name", metavar="NAME")
    execute.add_argument("command", metavar="COMMAND", nargs="+")
    delete = commands.add_parser("del", help="kill its processes, give taps back, remove it")
    delete.set_defaults(run=command_netns_del)
    delete.add_argument("name", metavar="NAME")
