# SPDX-License-Identifier: BSD-3-Clause
"""Random firewall policies, and how they are written for Culvert and for nftables."""

PREFIXES = {"in": ("10.1.0.0/24", "10.1.0.0/25", "10.1.0.2/32", "0.0.0.0/0"),
            "out": ("10.2.0.0/24", "10.2.0.128/25", "10.2.0.2/32", "0.0.0.0/0")}
DESTINATION_PORTS = ("22", "53", "80-443", "1-65535", "8080")
SOURCE_PORTS = ("1024-32767", "32768-65535")
ICMP_TYPES = (8, 13)
TCP_FLAGS = ("syn/syn,ack,rst,fin", "ack/syn,ack", "/syn")
ACTIONS = ("allow", "allow", "deny", "reject")


def random_rule(rng):
    direction = rng.choice(("in", "out"))
    near, far = ("in", "out") if direction == "out" else ("out", "in")
    rule = {"direction": direction, "action": rng.choice(ACTIONS)}
    for key, side in (("source-network", near), ("destination-network", far)):
        if rng.random() < 0.5:
            rule[key] = rng.choice(PREFIXES[side])
    protocol = rng.choice(("tcp", "tcp", "udp", "udp", "icmp", None))
    if protocol:
        rule["protocol"] = protocol
    if protocol in ("tcp", "udp"):
        if rng.random() < 0.6:
            rule["destination-port"] = rng.choice(DESTINATION_PORTS)
        if rng.random() < 0.2:
            rule["source-port"] = rng.choice(SOURCE_PORTS)
    if protocol == "tcp" and rng.random() < 0.3:
        rule["tcp-flags"] = rng.choice(TCP_FLAGS)
    if protocol == "icmp" and rng.random() < 0.5:
        rule["icmp-type"] = rng.choice(ICMP_TYPES)
    return rule


def random_policy(rng):
    return {"defaults": {d: rng.choice(("allow", "deny", "reject")) for d in ("in", "out")},
            "rules": [random_rule(rng) for _ in range(rng.randrange(10))]}


def as_culvert(policy):
    defaults = "".join(f", default-{d}: {action}" for d, action in policy["defaults"].items())
    rules = [{"direction": d, "protocol": "udp", "destination-port": "9", "action": "allow"} for d in ("in", "out")]
    text = f"  - name: fw{defaults.replace(', ', chr(10) + '    ')}\n    rules:\n"
    for seq, rule in enumerate(rules + policy["rules"], 1):
        fields = ", ".join(f'{key}: "{value}"' if isinstance(value, str) else f"{key}: {value}"
                           for key, value in rule.items())
        text += f"    - {{seq: {seq}, {fields}}}\n"
    return text


def nft_flags(text):
    wanted, _, looked_at = text.partition("/")
    mask = looked_at.replace(",", " | ")
    return f"tcp flags & ({mask}) == {wanted.replace(',', ' | ') or '0x0'}"


def nft_actions(action, protocol):
    """Statements, in order. The first rule that matches decides; allowed is only what may begin something. A
    rejected TCP packet is told by a RST, others by ICMP."""
    if action != "reject":
        return ["ct state new accept", "drop"] if action == "allow" else ["drop"]
    reset = "meta l4proto tcp reject with tcp reset"
    prohibited = "reject with icmp type admin-prohibited"
    return {"tcp": [reset], None: [reset, prohibited]}.get(protocol, [prohibited])


def nft_matches(rule):
    words = [f'iifname "{"in" if rule["direction"] == "out" else "out"}"']
    for key, field in (("source-network", "saddr"), ("destination-network", "daddr")):
        if key in rule:
            words.append(f"ip {field} {rule[key]}")
    protocol = rule.get("protocol")
    if protocol:
        words.append(f"meta l4proto {protocol}")
    for key, field in (("source-port", "sport"), ("destination-port", "dport")):
        if key in rule:
            words.append(f"{protocol} {field} {rule[key]}")
    if "tcp-flags" in rule:
        words.append(nft_flags(rule["tcp-flags"]))
    if "icmp-type" in rule:
        words.append(f"icmp type {rule['icmp-type']}")
    return " ".join(words)


def as_nft(policy):
    lines = ["udp dport 9 accept", "ct state established,related accept"]
    for rule in policy["rules"]:
        lines += [f"{nft_matches(rule)} {action}" for action in nft_actions(rule["action"], rule.get("protocol"))]
    for direction, action in policy["defaults"].items():
        lines += [f"{nft_matches({'direction': direction})} {one}" for one in nft_actions(action, None)]
    body = "\n    ".join(lines)
    return ("flush ruleset\ntable ip fw {\n  chain forward {\n    type filter hook forward priority 0; policy drop;\n"
            f"    {body}\n  }}\n}}\n")
