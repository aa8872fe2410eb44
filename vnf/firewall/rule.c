// SPDX-License-Identifier: BSD-3-Clause
// What is a rule of the configuration here? Groups are sets by now. Rules hold references to the
// sets that they name; one that is only compared holds none. Main thread, called by rules.c. Next:
// vnf/lib/classifier.c.

#include "vnf/firewall/state.h"

#include <stdlib.h>

static const struct classifier_set *set_of(const struct classifier_set *const *sets, uint32_t first,
                                           uint32_t index)
{
    return index != API_NONE ? sets[index - first] : NULL;
}

static void fill_match(struct classifier_rule *match, const struct api_rule *item,
                       const struct firewall_config *config)
{
    const struct classifier_set *const *addresses = config->address_sets;
    const struct classifier_set *const *ports = config->port_sets;

    match->seq = item->seq;
    match->source_port_first = item->source_port_first;
    match->source_port_last = item->source_port_last;
    match->destination_port_first = item->destination_port_first;
    match->destination_port_last = item->destination_port_last;
    match->zone = item->direction;
    match->family = item->family;
    match->flags = (item->flags & API_RULE_PROTOCOL ? CLASSIFIER_PROTOCOL : 0) |
                   (item->flags & API_RULE_ICMP_TYPE ? CLASSIFIER_ICMP_TYPE : 0) |
                   (item->flags & API_RULE_ICMP_CODE ? CLASSIFIER_ICMP_CODE : 0);
    match->protocol = item->protocol;
    match->icmp_type = item->icmp_type;
    match->icmp_code = item->icmp_code;
    match->tcp_flags_mask = item->tcp_flags_mask;
    match->tcp_flags = item->tcp_flags;
    match->source_len = item->source_len;
    match->destination_len = item->destination_len;
    memcpy(match->source, item->source, sizeof(match->source));
    memcpy(match->destination, item->destination, sizeof(match->destination));
    match->source_set = set_of(addresses, config->first_address, item->source_group);
    match->destination_set = set_of(addresses, config->first_address, item->destination_group);
    match->source_port_set = set_of(ports, config->first_port, item->source_port_group);
    match->destination_port_set = set_of(ports, config->first_port, item->destination_port_group);
}

void firewall_rule_fill(struct firewall_rule *rule, const struct api_rule *item,
                        const struct firewall_config *config)
{
    memset(rule, 0, sizeof(*rule));
    fill_match(&rule->match, item, config);
    rule->action = item->action;
    rule->flags = item->flags;
    rule->connection_limit = item->connection_limit;
    rule->rate_limit = item->rate_limit;
    rule->rate_burst = item->rate_burst;
}

int firewall_rule_is_same(const struct firewall_rule *a, const struct firewall_rule *b)
{
    return memcmp(&a->match, &b->match, offsetof(struct classifier_rule, boxes)) == 0 &&
           a->action == b->action && a->flags == b->flags &&
           a->connection_limit == b->connection_limit && a->rate_limit == b->rate_limit &&
           a->rate_burst == b->rate_burst;
}

struct firewall_rule *firewall_rule_copy(const struct firewall_rule *of)
{
    struct firewall_rule *rule = malloc(sizeof(*rule));

    if (rule == NULL)
        return NULL;
    *rule = *of;
    classifier_set_hold(rule->match.source_set);
    classifier_set_hold(rule->match.destination_set);
    classifier_set_hold(rule->match.source_port_set);
    classifier_set_hold(rule->match.destination_port_set);
    return rule;
}

void firewall_rule_destroy(struct firewall_rule *rule)
{
    classifier_forget(&rule->match);
    classifier_set_put(rule->match.source_set);
    classifier_set_put(rule->match.destination_set);
    classifier_set_put(rule->match.source_port_set);
    classifier_set_put(rule->match.destination_port_set);
    free(rule);
}
