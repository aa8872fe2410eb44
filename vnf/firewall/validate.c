// SPDX-License-Identifier: BSD-3-Clause
// Does this firewall make sense? Called by config.c on the main thread before anything is made, and
// by change.c for the rules of a request. Fields were checked one by one at the border; here is
// what they say of each other. Next: config.c.

#include "vnf/firewall/state.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

// The firewall of the model that is looked at.
struct validation {
    const struct model *model;
    const struct api_firewall *item;
    uint32_t index;
    const char *path; // tenant/firewall
    struct error *e;
};

static int refuse_rule(const struct validation *v, uint32_t seq, const char *sentence)
{
    return error_set(v->e, -EINVAL, v->path, "rule %u: %s", seq, sentence);
}

static int has_ports(const struct api_rule *rule)
{
    return (rule->flags & API_RULE_PROTOCOL) &&
           (rule->protocol == IPPROTO_TCP || rule->protocol == IPPROTO_UDP ||
            rule->protocol == IPPROTO_SCTP);
}

static int is_prefix(uint8_t family, const uint8_t *address, unsigned len)
{
    if (len > (family == 6 ? 128U : 32U))
        return 0;
    for (unsigned i = 0; i < 16; i++) {
        unsigned kept = len > i * 8 ? RTE_MIN(len - i * 8, 8U) : 0;

        if (address[i] & (0xffU >> kept))
            return 0;
    }
    return 1;
}

static const char *ports_fault(const struct api_rule *rule)
{
    int is_any = rule->source_port_first == 0 && rule->source_port_last == UINT16_MAX &&
                 rule->destination_port_first == 0 && rule->destination_port_last == UINT16_MAX &&
                 rule->source_port_group == API_NONE && rule->destination_port_group == API_NONE;

    if (rule->source_port_first > rule->source_port_last ||
        rule->destination_port_first > rule->destination_port_last)
        return "a range of ports ends before it begins";
    if (!is_any && !has_ports(rule))
        return "only TCP, UDP and SCTP have ports";
    return NULL;
}

static const char *icmp_fault(const struct api_rule *rule)
{
    uint8_t protocol = rule->flags & API_RULE_PROTOCOL ? rule->protocol : 0;

    if ((rule->flags & API_RULE_ICMP_TYPE) && protocol != IPPROTO_ICMP &&
        protocol != IPPROTO_ICMPV6)
        return "only ICMP and ICMPv6 have types";
    if ((rule->flags & API_RULE_ICMP_CODE) && !(rule->flags & API_RULE_ICMP_TYPE))
        return "an ICMP code belongs to a type";
    return NULL;
}

const char *firewall_rule_fault(const struct api_rule *rule)
{
    const char *fault;

    if (rule->seq == 0)
        return "numbers begin with 1";
    if (rule->family != 0 && rule->family != 4 && rule->family != 6)
        return "is neither of IPv4 nor of IPv6";
    if (rule->family == 0 && (rule->source_len != 0 || rule->destination_len != 0))
        return "has a prefix and no family";
    if (!is_prefix(rule->family, rule->source, rule->source_len) ||
        !is_prefix(rule->family, rule->destination, rule->destination_len))
        return "has a prefix with bits behind its length";
    if (rule->tcp_flags & ~rule->tcp_flags_mask)
        return "wants TCP flags that its mask hides";
    if (rule->tcp_flags_mask != 0 &&
        (!(rule->flags & API_RULE_PROTOCOL) || rule->protocol != IPPROTO_TCP))
        return "only TCP has TCP flags";
    fault = ports_fault(rule);
    return fault != NULL ? fault : icmp_fault(rule);
}

static int is_group_of(const struct validation *v, enum api_type type, uint32_t index)
{
    uint32_t first, n;

    (void)model_owned(v->model, type, v->item->owner, &first, &n);
    return index == API_NONE || (index >= first && index - first < n);
}

static int check_rules(const struct validation *v)
{
    uint32_t first, n, last = 0;
    const struct api_rule *rules = model_owned(v->model, API_RULE, v->index, &first, &n);

    for (uint32_t i = 0; i < n; i++) {
        const struct api_rule *rule = &rules[i];
        const char *fault = firewall_rule_fault(rule);

        if (fault != NULL)
            return refuse_rule(v, rule->seq, fault);
        if (rule->seq <= last)
            return refuse_rule(v, rule->seq, "rules come in ascending order, each number once");
        if (!is_group_of(v, API_ADDRESS_GROUP, rule->source_group) ||
            !is_group_of(v, API_ADDRESS_GROUP, rule->destination_group) ||
            !is_group_of(v, API_PORT_GROUP, rule->source_port_group) ||
            !is_group_of(v, API_PORT_GROUP, rule->destination_port_group))
            return refuse_rule(v, rule->seq, "names a group that the tenant does not have");
        last = rule->seq;
    }
    return 0;
}

static int check_address_groups(const struct validation *v)
{
    uint32_t first, n, first_prefix, n_prefixes;
    const struct api_address_group *groups =
        model_owned(v->model, API_ADDRESS_GROUP, v->item->owner, &first, &n);

    for (uint32_t i = 0; i < n; i++) {
        const struct api_group_prefix *prefixes =
            model_owned(v->model, API_GROUP_PREFIX, first + i, &first_prefix, &n_prefixes);

        for (uint32_t j = 0; j < n_prefixes; j++)
            if ((prefixes[j].family != 4 && prefixes[j].family != 6) ||
                !is_prefix(prefixes[j].family, prefixes[j].address, prefixes[j].prefix_len))
                return error_set(v->e, -EINVAL, v->path, "group %s: prefix %u is none",
                                 groups[i].name, j);
    }
    return 0;
}

static int check_port_groups(const struct validation *v)
{
    uint32_t first, n, first_range, n_ranges;
    const struct api_port_group *groups =
        model_owned(v->model, API_PORT_GROUP, v->item->owner, &first, &n);

    for (uint32_t i = 0; i < n; i++) {
        const struct api_group_ports *ranges =
            model_owned(v->model, API_GROUP_PORTS, first + i, &first_range, &n_ranges);

        for (uint32_t j = 0; j < n_ranges; j++)
            if (ranges[j].first > ranges[j].last)
                return error_set(v->e, -EINVAL, v->path,
                                 "group %s: a range of ports ends before it begins",
                                 groups[i].name);
    }
    return 0;
}

static int check_name(const struct validation *v, const struct api_firewall *all)
{
    uint32_t first, n;

    (void)model_owned(v->model, API_FIREWALL, v->item->owner, &first, &n);
    for (uint32_t i = first; i < v->index; i++)
        if (strcmp(all[i].name, v->item->name) == 0)
            return error_set(v->e, -EINVAL, v->path, "the tenant has two firewalls of this name");
    return 0;
}

int firewall_validate(const struct model *model, uint32_t index, struct error *e)
{
    uint32_t n_firewalls, n_tenants;
    const struct api_firewall *all = model_items(model, API_FIREWALL, &n_firewalls);
    const struct api_tenant *tenants = model_items(model, API_TENANT, &n_tenants);
    struct validation v = {.model = model, .index = index, .e = e};
    char path[API_PATH_SIZE];
    int rc;

    if (index >= n_firewalls || all[index].owner >= n_tenants)
        return error_set(e, -EINVAL, NULL, "firewall %u has no tenant", index);
    v.item = &all[index];
    snprintf(path, sizeof(path), "%s/%s", tenants[v.item->owner].name, v.item->name);
    v.path = path;
    rc = check_name(&v, all);
    if (rc == 0)
        rc = check_address_groups(&v);
    if (rc == 0)
        rc = check_port_groups(&v);
    if (rc == 0)
        rc = check_rules(&v);
    return rc;
}
