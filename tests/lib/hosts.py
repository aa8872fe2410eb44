# SPDX-License-Identifier: BSD-3-Clause
"""Hosts of router tests: a network namespace that a tap port's interface lives in, and wires, the same
place without a kernel's IP: frames that a test writes and reads itself."""
import contextlib
import ctypes
import json
import os
import select
import socket
import subprocess
import time

from tests.lib.lab import ping_loss, run, wait_until

CLONE_NEWNET = 0x40000000
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
TAG = f"cr{os.getpid() % 10000}"  # of all names: two runs at once don't meet


@contextlib.contextmanager
def inside(namespace):
    """This thread, and what it starts, in a network namespace; then back."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        assert libc.setns(there, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        try:
            yield
        finally:
            assert libc.setns(home, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
    finally:
        os.close(home)
        os.close(there)


def socket_in(namespace, *words):
    """A socket of a namespace. It stays there."""
    with inside(namespace):
        return socket.socket(*words)


class Wire:
    """All frames that come in by an interface, from now on; and a way to put frames on it."""

    def __init__(self, namespace, interface):
        self.socket = socket_in(namespace, socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        # The interface is looked up in the socket's namespace.
        self.socket.bind((interface, ETH_P_ALL))
        self.mac = self.socket.getsockname()[4]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, frame):
        self.socket.send(bytes(frame))

    def frames(self, seconds):
        """What comes, one by one, until `seconds` from now."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.socket], [], [], left)[0]:
                yield self.socket.recv(65536)

    def wait_for(self, is_it, seconds=5.0, what="a frame"):
        """The first frame that `is_it` likes."""
        for frame in self.frames(seconds):
            if is_it(frame):
                return frame
        raise AssertionError(f"{what}: not within {seconds} s")

    def pending(self):
        """What has come already."""
        while select.select([self.socket], [], [], 0)[0]:
            yield self.socket.recv(65536)


class Host:
    """A namespace; its name is that of its interface too, which a tap port with this
    `network-namespace` makes."""

    def __init__(self, lab, name, *addresses, via=(), mtu=1500):
        self.lab, self.name, self.addresses, self.via, self.mtu = lab, name, addresses, via, mtu
        lab.namespaces.append(name)
        run("ip", "netns", "add", name)
        # Not a router itself, and nobody else is on a test's wire.
        for key in ("ipv6.conf.default.accept_ra=0", "ipv6.conf.default.accept_dad=0",
                    "ipv6.conf.default.router_solicitations=0"):
            self.sysctl(key)

    def port(self, name, options=""):
        """Its line in `ports:`."""
        return (f"  - {{name: {name}, type: tap, interface: {self.name}, network-namespace: {self.name}, "
                f"mtu: {max(self.mtu, 1500)}{options}}}\n")

    def up(self):
        """Once the port is there."""
        wait_until(self.link, 10, f"interface {self.name}")
        self.ip("link", "set", "lo", "up")
        self.ip("link", "set", self.name, "mtu", str(self.mtu), "up")
        for address in self.addresses:
            self.ip("address", "add", address, "dev", self.name, *(["nodad"] if ":" in address else []))
        for gateway in self.via:
            self.ip("-6" if ":" in gateway else "-4", "route", "add", "default", "via", gateway)
        return self

    def link(self):
        result = run("ip", "-n", self.name, "-j", "link", "show", "dev", self.name, check=False)
        return json.loads(result.stdout)[0] if result.returncode == 0 else None

    @property
    def mac(self):
        return self.link()["address"]

    def address(self, version=4):
        return next(a.split("/")[0] for a in self.addresses if (":" in a) == (version == 6))

    def ip(self, *words):
        return run("ip", "-n", self.name, *words)

    def sysctl(self, word):
        self.run("sysctl", "-qw", f"net.{word}")

    def run(self, *command, check=True, seconds=60):
        return run("ip", "netns", "exec", self.name, *command, check=check, seconds=seconds)

    def spawn(self, *command):
        """In the background; its output by communicate()."""
        return self.lab.spawn("ip", "netns", "exec", self.name, *command, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)

    def wire(self):
        return Wire(self.name, self.name)

    def socket(self, *words):
        return socket_in(self.name, *words)

    def ping(self, address, *options, count=3):
        """Packets lost, of some sent at once. What comes back late on a busy machine is not: ping waits for an
        interval after the last one, or twice the longest time that an answer took."""
        return ping_loss(self.run("ping", "-n", "-c", str(count), "-l", str(count), "-i", "5", "-W", "5", *options,
                                  address, check=False).stdout)

    def reaches(self, address):
        return self.run("ping", "-n", "-c", "1", "-W", "1", address, check=False).returncode == 0

    def wait_reaches(self, *addresses):
        for address in addresses:
            wait_until(lambda a=address: self.reaches(a), 10, f"{self.name} reaches {address}")

    def snmp(self, *names):
        """The sum of counters of its kernel, such as TcpInCsumErrors."""
        text = self.run("nstat", "-asz", "--json").stdout
        counters = json.loads(text)["kernel"]
        return sum(counters.get(name, 0) for name in names)

    def checksum_errors(self):
        return self.snmp("TcpInCsumErrors", "UdpInCsumErrors", "Udp6InCsumErrors", "IcmpInCsumErrors",
                         "Icmp6InCsumErrors", "IpExtInCsumErrors", "IpInHdrErrors")
