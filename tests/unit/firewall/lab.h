// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_FIREWALL_LAB_H
#define TESTS_UNIT_FIREWALL_LAB_H

// Firewall "fw" of tenant blue, without the house around it: configured from a model, asked by
// judge() as the chain does. Another tenant has a firewall and groups before it. Failures end the
// running test.

#include "dataplane/core/packet.h"
#include "vnf/firewall/state.h"

#define LAB_MAX_RULES 64

// What is configured; group 0 and 1 are the tenant's.
struct lab_spec {
    struct api_firewall firewall;
    struct api_rule rules[LAB_MAX_RULES];
    uint32_t n_rules;
    struct api_group_prefix prefixes[2][8];
    uint32_t n_prefixes[2];
    struct api_group_ports ports[2][8];
    uint32_t n_ports[2];
};

// Default deny in both directions, no rules, empty groups.
void lab_spec_init(struct lab_spec *spec);
// Append a rule that matches all; rules must be in order.
struct api_rule *lab_rule(struct lab_spec *spec, uint32_t seq, enum api_direction direction,
                          enum api_action action);
// "10.0.0.0/8"; sets the family too.
void lab_source(struct api_rule *rule, const char *prefix);
void lab_destination(struct api_rule *rule, const char *prefix);
void lab_protocol(struct api_rule *rule, uint8_t protocol);
void lab_ports(struct api_rule *rule, uint16_t first, uint16_t last); // of the destination, TCP
void lab_prefix(struct lab_spec *spec, unsigned group, const char *prefix);
// The index in the model of the tenant's group 0 or 1.
uint32_t lab_group(unsigned group);

// Make and activate the next configuration; the one before is destroyed.
void lab_start(const struct lab_spec *spec);
// The same without activate.
void lab_build(const struct lab_spec *spec);
// 0 if it could be made (it is not activated), or the error.
int lab_try(const struct lab_spec *spec, struct error *e);
int lab_teardown(void **unused); // cmocka
struct function *lab_function(void);
struct firewall_state *lab_state(void);
struct walk_context *lab_context(void); // time stands still unless a test moves it

// A TCP case from source to destination, port 40000 to `port`. With a packet of 40 + 100 bytes
// while its occasion is FIRST.
void lab_case(struct function_case *c, const char *source, const char *destination, uint16_t port);
void lab_flags(uint8_t flags); // TCP flags of the packet; SYN before each lab_case
void lab_icmp(struct function_case *c, uint8_t type, uint8_t code);
enum function_verdict lab_judge(struct function_case *c);
// The slot that lab_case gave to a case; 0 at first.
extern uint64_t lab_slot;

// Verdict of a first packet. Its slot is released again.
enum function_verdict lab_ask(const char *source, const char *destination, uint16_t port);
enum function_verdict lab_ask_inward(const char *source, const char *destination, uint16_t port);

struct api_rule_hits lab_hits(uint32_t seq);
struct api_firewall_state lab_show(void);

#endif
