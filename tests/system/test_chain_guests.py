# SPDX-License-Identifier: BSD-3-Clause
"""What programs do through a firewall and a NAT: a QEMU guest that browses, resolves names, transfers and
traces routes; an FTP server behind a forward of a range of ports.

    vm1 (QEMU) 10.0.0.11 ┬─ lan ─ gw.lan  gw  gw.wan ─ edge: fw, nat ─ isp ─────────── net
    ftp        10.0.0.12 ┘      10.0.0.1   198.51.100.2     198.51.100.1   MTU 1300    203.0.113.2

`isp` is a router of the kernel's, `net` a host; neither has a route to 10.0.0.0/24.
"""
import contextlib
import hashlib
import http.server
import json
import re
import socket
import struct
import threading

import pytest

from tests.lib.hosts import TAG, Host, inside
from tests.lib.lab import Lab, run, wait_until

VM1, FTP, POOL, ISP, NET = "10.0.0.11", "10.0.0.12", "198.51.100.2", "198.51.100.1", "203.0.113.2"
NARROW = 1300
PASSIVE = range(50000, 50010)
NAME = "www.example.net"
FILE = bytes(range(256)) * 2048
CONFIG = f"""
  - {{name: vm1, type: vhost-user}}
  switches: [{{name: lan, members: [vm1, ftp]}}]
  routers:
  - name: gw
    interfaces:
    - {{name: lan, addresses: [10.0.0.1/24]}}
    - {{name: wan, addresses: [{POOL}/24]}}
    routes: [{{prefix: 0.0.0.0/0, next-hop: {ISP}}}]
  port-groups:
  - {{name: ftp, ports: [21, {PASSIVE[0]}-{PASSIVE[-1]}]}}
  firewalls:
  - name: fw
    default: deny
    rules:
    - {{seq: 10, direction: out, action: allow}}
    - {{seq: 20, direction: in, protocol: tcp, destination-network: {FTP}/32, destination-port-group: ftp,
       action: allow}}
  nats:
  - name: nat
    source: [{{seq: 10, prefix: 10.0.0.0/24, pool: [{POOL}]}}]
    forward:
    - {{protocol: tcp, address: {POOL}, port: 21, to: {FTP}}}
    - {{protocol: tcp, address: {POOL}, port: {PASSIVE[0]}-{PASSIVE[-1]}, to: {FTP}}}
  chains:
  - {{name: inside, inside: lan, outside: gw.lan}}
  - {{name: edge, inside: gw.wan, outside: isp, functions: [fw, nat]}}
"""


class Page(http.server.BaseHTTPRequestHandler):
    """Says who asked; takes what is posted and says its digest."""

    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):  # pylint: disable=invalid-name
        self.answer(self.client_address[0])

    def do_POST(self):  # pylint: disable=invalid-name
        self.answer(hashlib.sha256(self.rfile.read(int(self.headers["Content-Length"]))).hexdigest())

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


def listening(host, address, port):
    listener = host.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen()
    return listener


def serve_pages(host):
    server = http.server.ThreadingHTTPServer((NET, 80), Page, bind_and_activate=False)
    server.socket.close()
    server.socket = listening(host, NET, 80)
    server.serve_forever()


def serve_names(host, askers):
    """A DNS server that knows one address. RFC 1035, 4.1: the question comes back with an answer."""
    with host.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((NET, 53))
        while True:
            query, asker = server.recvfrom(512)
            askers.add(asker[0])
            question = query[12:query.index(b"\0", 12) + 5]
            is_known = question[-4:-2] == b"\0\1" and question.startswith(b"\3www\7example\3net\0")
            answer = struct.pack(">HHHIH", 0xc00c, 1, 1, 60, 4) + socket.inet_aton(NET) if is_known else b""
            server.sendto(query[:2] + struct.pack(">5H", 0x8580, 1, int(is_known), 0, 0) + question + answer,
                          asker)


def serve_ftp(host):
    """RFC 959 as far as a passive RETR goes. It tells its outside address, as it would be configured."""
    ports = iter(list(PASSIVE) * 100)
    listener = listening(host, FTP, 21)
    while True:
        control, _ = listener.accept()
        with control, control.makefile("rw", newline="\r\n") as lines, contextlib.ExitStack() as stack:
            data = None

            def say(text, lines=lines):
                lines.write(text + "\n")
                lines.flush()

            say("220 ready")
            for line in lines:
                verb = line.split()[0].upper()
                if verb == "PASV":
                    port = next(ports)
                    data = stack.enter_context(listening(host, FTP, port))
                    say(f"227 Entering ({POOL.replace('.', ',')},{port >> 8},{port & 255})")
                elif verb == "RETR":
                    say("150 here it comes")
                    with data.accept()[0] as connection:
                        connection.sendall(FILE)
                    say("226 done")
                else:
                    say({"USER": "331 and?", "PASS": "230 in", "PWD": '257 "/"', "TYPE": "200 so be it",
                         "SIZE": f"213 {len(FILE)}", "QUIT": "221 bye"}.get(verb, "502 what?"))


class Net:
    def __init__(self, lab):
        self.lab = lab
        self.ftp = Host(lab, f"{TAG}-f", f"{FTP}/24", via=["10.0.0.1"])
        self.isp = Host(lab, f"{TAG}-i", f"{ISP}/24")
        self.net = Host(lab, f"{TAG}-n")
        self.askers = set()

    def connect_net(self):
        """The narrow wire: narrow for the isp only, so that net asks for segments of full size."""
        self.isp.ip("link", "add", "wire", "mtu", str(NARROW), "type", "veth", "peer", "name", "wire",
                    "netns", self.net.name)
        self.isp.ip("link", "set", "wire", "up")
        self.isp.ip("address", "add", "203.0.113.1/24", "dev", "wire")
        self.isp.sysctl("ipv4.ip_forward=1")
        for words in (("link", "set", "lo", "up"), ("link", "set", "wire", "mtu", "1500", "up"),
                      ("address", "add", f"{NET}/24", "dev", "wire"),
                      ("route", "add", "default", "via", "203.0.113.1")):
            self.net.ip(*words)
        run("ip", "netns", "exec", self.net.name, "ethtool", "-K", "wire", "tso", "off", "gso", "off")

    def start(self):
        self.lab.start()
        self.lab.apply("tenants:\n- name: blue\n  ports:\n" + self.ftp.port("ftp") + self.isp.port("isp") +
                       CONFIG)
        self.ftp.up()
        self.isp.up()
        self.connect_net()
        for serve, *arguments in ((serve_pages, self.net), (serve_names, self.net, self.askers),
                                  (serve_ftp, self.ftp)):
            threading.Thread(target=serve, args=arguments, daemon=True).start()
        with inside(self.net.name):
            self.lab.spawn("iperf3", "-s", stdout=-3, stderr=-3)
        self.lab.guest("vm1", address=[f"{VM1}/24"])
        self.lab.wait_port("vm1")
        self.vm1("ip route add default via 10.0.0.1")
        wait_until(lambda: self.vm1(f"ping -c 1 -W 1 {NET}", check=False).returncode == 0, 10, "net answers")
        return self

    def vm1(self, command, check=True):
        return self.lab.guest_exec("vm1", command, check=check)

    def sessions(self, *words):
        """(source, destination, who answers, to whom) of vm1's."""
        return {(row["original"]["source"], row["original"]["destination"], row["reply"]["source"],
                 row["reply"]["destination"]) for row in self.lab.show("sessions", "--tenant", "blue", *words)}


@pytest.fixture(scope="module", name="net")
def net_fixture():
    with Lab() as lab:
        yield Net(lab).start()


def test_http(net):
    assert net.vm1(f"wget -q -O - http://{NET}/").stdout == POOL
    assert net.sessions("--protocol", "tcp", "--port", "80") == {(VM1, NET, NET, POOL)}


def test_dns(net):
    net.askers.clear()
    out = net.vm1(f"nslookup {NAME} {NET}").stdout
    assert re.search(rf"Name:\s+{NAME}\s+Address( 1)?: {NET}", out), out
    assert net.askers == {POOL}


@pytest.mark.parametrize("options", ["", "-R"])
def test_iperf3(net, options):
    n = 4 << 20
    report = json.loads(net.vm1(f"iperf3 -J -n {n} -c {NET} {options}").stdout)
    assert "error" not in report, report["error"]
    assert report["end"]["sum_received"]["bytes"] > n / 2  # the rest may be in buffers when it ends
    names, values = (line.split() for line in net.vm1("grep Tcp: /proc/net/snmp").stdout.splitlines())
    assert dict(zip(names, values))["InCsumErrors"] == "0"
    assert net.net.checksum_errors() == 0


@pytest.mark.parametrize("options", ["", "-I"])
def test_traceroute_sees_all_hops(net, options):
    """Errors of routers on the way, and of the host at the end, quote what the NAT made of a packet."""
    out = net.vm1(f"traceroute -n -q 1 -w 3 -m 6 {options} {NET}").stdout
    assert re.findall(r"^ *\d+ +([0-9.]+)", out, re.M) == ["10.0.0.1", ISP, NET], out


def test_path_mtu_discovery(net):
    """The isp's ICMP error reaches the guest, whose segments get through then, and are as large as can be."""
    refused = net.isp.snmp("IcmpOutDestUnreachs")
    net.vm1("ip route flush cache; ethtool -K eth0 tso off gso off; head -c 1000000 /dev/urandom >/tmp/data")
    with net.isp.wire() as wire:
        answer = net.vm1(f"(printf 'POST / HTTP/1.0\\r\\nContent-Length: 1000000\\r\\n\\r\\n'; cat /tmp/data) |"
                         f" nc -w 20 {NET} 80").stdout
        sizes = [len(frame) - 14 for frame in wire.pending()]
    assert answer.endswith(net.vm1("sha256sum /tmp/data").stdout.split()[0])
    assert net.isp.snmp("IcmpOutDestUnreachs") > refused
    assert sizes.count(NARROW) > sizes.count(1500) > 0, sorted(sizes)
    assert max(sizes) == 1500


def test_passive_ftp_through_a_forwarded_range(net):
    """The control connection says an outside address and a port of the range."""
    for _ in range(3):
        out = run("ip", "netns", "exec", net.net.name, "sh", "-c",
                  f"curl -s --disable-epsv --max-time 20 ftp://{POOL}/file | sha256sum").stdout
        assert out.split()[0] == hashlib.sha256(FILE).hexdigest()
    ports = [row["original"]["destination-port"] for row in
             net.lab.show("sessions", "--tenant", "blue", "--address", FTP)]
    assert set(ports) == {21, *PASSIVE[:3]}


def test_what_is_not_forwarded_or_not_allowed_is_denied(net):
    def denied():
        return sum(row["packets"] for row in net.lab.show("drops") if row["reason"] == "FIREWALL_DENIED")

    for port in (22, PASSIVE[-1] + 1):
        before = denied()
        with net.net.socket() as client, pytest.raises(TimeoutError):
            client.settimeout(1)
            client.connect((POOL, port))
        assert denied() > before
