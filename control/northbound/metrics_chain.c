// SPDX-License-Identifier: BSD-3-Clause
// What does Prometheus read of chains, firewalls and NATs? Counters as the border names them, sizes
// as gauges. Event loop only; called by metrics.c once they have been asked; those that could not
// be have no sample. Next: text.c.

#include <inttypes.h>

#include "control/northbound/metrics.h"

struct family {
    const char *name, *type, *help;
    uint64_t (*value)(const struct state_report *r);
};

#define VALUE(kind, field)                                             \
    static uint64_t get_##kind##_##field(const struct state_report *r) \
    {                                                                  \
        return r->kind.field;                                          \
    }
#define CHAIN_VALUE(name, text) VALUE(chain, name)
#define NAT_VALUE(name, text) VALUE(nat, name)

VALUE(chain, n_sessions)
VALUE(chain, n_half_open)
VALUE(chain, n_guests_down)
VALUE(chain, n_bypassed)
API_CHAIN_COUNTERS(CHAIN_VALUE)
VALUE(firewall, n_rules)
VALUE(firewall, rule_memory)
VALUE(firewall, allowed)
VALUE(firewall, denied)
VALUE(firewall, limited)
VALUE(firewall, default_in_hits)
VALUE(firewall, default_out_hits)
VALUE(nat, n_bindings)
VALUE(nat, n_hosts)
VALUE(nat, n_addresses)
VALUE(nat, n_ports_tcp)
VALUE(nat, n_ports_udp)
VALUE(nat, n_identifiers)
API_NAT_COUNTERS(NAT_VALUE)

static const struct family chain_families[] = {
    {"culvert_chain_sessions", "gauge", "Sessions of the chain.", get_chain_n_sessions},
    {"culvert_chain_half_open_sessions", "gauge", "Of them, those that nobody has answered yet.",
     get_chain_n_half_open},
    {"culvert_chain_guests_down", "gauge", "Guests on the chain whose link is down.",
     get_chain_n_guests_down},
    {"culvert_chain_guests_bypassed", "gauge", "Of them, those that packets pass by.",
     get_chain_n_bypassed},
#define CHAIN_FAMILY(name, text) \
    {"culvert_chain_" #name "_total", "counter", "Of the chain: " text ".", get_chain_##name},
    API_CHAIN_COUNTERS(CHAIN_FAMILY){NULL, NULL, NULL, NULL},
};

static const struct family firewall_families[] = {
    {"culvert_firewall_rules", "gauge", "Rules of the firewall.", get_firewall_n_rules},
    {"culvert_firewall_rule_memory_bytes", "gauge", "Memory of the rules.",
     get_firewall_rule_memory},
    {"culvert_firewall_allowed_total", "counter", "Sessions and stateless packets allowed.",
     get_firewall_allowed},
    {"culvert_firewall_denied_total", "counter", "Packets denied or rejected.",
     get_firewall_denied},
    {"culvert_firewall_limited_total", "counter", "Packets above a connection or rate limit.",
     get_firewall_limited},
    {"culvert_firewall_default_in_total", "counter", "From outside, matched by no rule.",
     get_firewall_default_in_hits},
    {"culvert_firewall_default_out_total", "counter", "From inside, matched by no rule.",
     get_firewall_default_out_hits},
    {NULL, NULL, NULL, NULL},
};

static const struct family nat_families[] = {
    {"culvert_nat_bindings", "gauge", "Bindings of the NAT.", get_nat_n_bindings},
    {"culvert_nat_hosts", "gauge", "Inside hosts with bindings.", get_nat_n_hosts},
    {"culvert_nat_addresses", "gauge", "Outside addresses of the NAT.", get_nat_n_addresses},
    {"culvert_nat_tcp_ports", "gauge", "TCP ports in use.", get_nat_n_ports_tcp},
    {"culvert_nat_udp_ports", "gauge", "UDP ports in use.", get_nat_n_ports_udp},
    {"culvert_nat_icmp_identifiers", "gauge", "ICMP identifiers in use.", get_nat_n_identifiers},
#define NAT_FAMILY(name, text) \
    {"culvert_nat_" #name "_total", "counter", "Of the NAT: " text ".", get_nat_##name},
    API_NAT_COUNTERS(NAT_FAMILY){NULL, NULL, NULL, NULL},
};

static void add_family(struct text *t, const struct family *f, const char *label,
                       const struct state_reports *reports)
{
    bool is_headed = false;

    for (size_t i = 0; i < reports->n; i++) {
        const struct state_report *r = &reports->reports[i];

        if (!r->is_known)
            continue;
        if (!is_headed)
            metrics_add_head(t, f->name, f->type, f->help);
        is_headed = true;
        text_add(t, "%s{", f->name);
        metrics_add_label(t, "tenant", r->name.tenant);
        text_add(t, ",");
        metrics_add_label(t, label, r->name.name);
        text_add(t, "} %" PRIu64 "\n", f->value(r));
    }
}

void metrics_add_states(struct text *t, enum api_type type, const struct state_reports *reports)
{
    const struct family *f = chain_families;
    const char *label = "chain";

    if (type == API_FIREWALL) {
        f = firewall_families;
        label = "firewall";
    } else if (type == API_NAT) {
        f = nat_families;
        label = "nat";
    }
    for (; f->name != NULL; f++)
        add_family(t, f, label, reports);
}
