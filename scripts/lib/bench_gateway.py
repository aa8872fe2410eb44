# SPDX-License-Identifier: BSD-3-Clause
"""Our gateway between the ports of a pair: a router, and behind it a chain of firewalls and a NAT.

    A: inside hosts -- a -- r.a  r.b -- [fw1 ... nat] -- b -- B: the world

One of them in one tenant, or many: in a tenant each, with ports of their own or with a VLAN of two
shared ports.
"""

import math

from bench_dut import CONTROL_WAIT_SEC
from bench_router import Router

# Behind A lies what begins with a 0 bit, but 10.0.0.0/8; the NAT's addresses are in that.
INSIDE, OUTSIDE = "0.0.0.0/1", "128.0.0.0/1"
POOL_BITS = 25  # 128 addresses, shared out between the tenants
POOL_BITS_MOST = 30
POOL_FIRST = "10.64.0.0"
# So that no limit is met. The dataplane's own is 4,194,304 sessions.
MOST = 4194304
RULES_A_SECOND = 2000  # that an apply may take, at the worst
FORBIDDEN_PORT = 40000  # from here on; the generator's flows end before

TENANT = """\
- name: {name}
  sessions: {{limit: {most}, half-open-limit: {most}, source-limit: {most}}}
{ports}  routers:
  - name: r
    interfaces:
    - name: a
      mac-address: "02:00:00:0a:00:00"
      addresses: [10.0.0.1/24]
      neighbors: [{{address: 10.0.0.2, mac-address: "02:00:00:aa:00:00"}}]
    - name: b
      mac-address: "02:00:00:0b:00:00"
      addresses: [10.0.1.1/24]
      neighbors: [{{address: 10.0.1.2, mac-address: "02:00:00:bb:00:00"}}]
    routes:
    - {{prefix: {inside}, next-hop: 10.0.0.2}}
    - {{prefix: {outside}, next-hop: 10.0.1.2}}
{firewalls}  nats:
  - name: nat
    host-limit: {most}
    source: [{{seq: 10, prefix: {inside}, pool: [{pool}]}}]
  chains:
  - {{name: ca, inside: {a}, outside: r.a}}
  - {{name: cb, inside: r.b, outside: {b}, functions: [{functions}]}}
"""


def pool(case):
    """Of each tenant: addresses may be the same in all."""
    bits = POOL_BITS + math.ceil(math.log2(case.tenants))
    return f"{POOL_FIRST}/{min(bits, POOL_BITS_MOST)}"


def forbidden(i):
    """What rule i denies: a network outside and a port that no flow has."""
    return f"{128 + i % 64}.{i // 64 % 256}.{i // 16384 % 256}.0/24", FORBIDDEN_PORT + i % 20000


def firewalls(case):
    """All but one of the functions, each with the case's rules: what is forbidden, and in the end that
    all may go out."""
    if case.functions < 2:
        return ""
    lines = []
    for i in range(case.rules - 1):
        network, port = forbidden(i)
        lines.append(f"    - {{seq: {i + 1}, direction: out, protocol: udp, destination-network: {network}, "
                     f"destination-port: {port}, action: deny}}\n")
    rules = "".join(lines) + f"    - {{seq: {case.rules}, direction: out, action: allow}}\n"
    return "  firewalls:\n" + "".join(f"  - name: fw{i}\n    default: deny\n    rules:\n{rules}"
                                      for i in range(1, case.functions))


def tenant(case, name, a, b, ports=""):
    functions = [f"fw{i}" for i in range(1, case.functions)] + ["nat"]
    return TENANT.format(name=name, most=MOST, ports=ports, inside=INSIDE, outside=OUTSIDE, pool=pool(case),
                         firewalls=firewalls(case), a=a, b=b, functions=", ".join(functions))


def ports(names, is_shared):
    shared = ", shared: true" if is_shared else ""
    return "  ports:\n" + "".join(f"  - {{name: {name}, type: vhost-user{shared}}}\n" for name in names)


def configuration(case):
    """Of the tenant "bench" and, if there are many, of those that share its ports."""
    if case.vlans is None and case.n_pairs == 1:
        return "tenants:\n" + tenant(case, "bench", "a", "b", ports("ab", False))
    if case.vlans is not None:
        names = ["a", "b"]
        places = [(f"bench/a.{vlan}", f"bench/b.{vlan}") for vlan in range(1, case.vlans + 1)]
    else:
        names = [f"{side}{pair}" for pair in range(case.n_pairs) for side in "ab"]
        places = [(f"bench/a{pair}", f"bench/b{pair}") for pair in range(case.n_pairs)]
    return "tenants:\n- name: bench\n" + ports(names, True) + "".join(
        tenant(case, f"t{i}", a, b) for i, (a, b) in enumerate(places))


class Gateway(Router):
    """Routes of the case beyond the two of the configuration come by the control socket."""

    def __init__(self, setup, case, options):
        patience = CONTROL_WAIT_SEC + case.rules * case.functions * case.tenants // RULES_A_SECOND
        super().__init__(setup, case, options, configuration(case), patience)
        try:
            if case.routes > 0:
                self.loaded = self.load(case)
        except BaseException:
            self.stop()
            raise
