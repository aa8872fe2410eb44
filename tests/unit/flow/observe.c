// SPDX-License-Identifier: BSD-3-Clause
// What does the operator see, and what is kept? Counters of routers, chains, rules and NATs as the
// control socket tells them; sessions to the last bit; MACs and routes. Called by run.c at check
// steps and at the end. Next: transcript.c.

#include "tests/unit/flow/run.h"

#include <stdio.h>
#include <string.h>

#include "dataplane/session/session.h"

static void tell_hex(char *text, unsigned size, const void *bytes, unsigned n)
{
    const uint8_t *b = bytes;

    for (unsigned i = 0; i < n && 2 * i + 3 <= size; i++)
        snprintf(text + 2 * i, size - 2 * i, "%02x", b[i]);
}

static void tell_router(struct run *run, const char *name)
{
    struct function_request request = {.type = API_SHOW_ROUTER};
    struct world_answer answer;
    const struct api_router_state *s;

    if (world_request("router", name, &request, &answer) < 0)
        return;
    s = answer.items;
    // What is asked depends on when packets walk.
#define TELL(counter, text)                                                             \
    if (!genes_are_neighbors_learned(run->genes) || strcmp(#counter, "solicited") != 0) \
        transcript_text(run->transcript, "router %s: %s %llu", name, #counter,          \
                        (unsigned long long)s->counter);
    API_ROUTER_COUNTERS(TELL)
#undef TELL
    transcript_text(run->transcript, "router %s: routes %u %u neighbors %u", name, s->n_routes4,
                    s->n_routes6, s->n_neighbors);
}

static void tell_chain(struct run *run, const char *name)
{
    struct api_show_chain show = {.tenant = WORLD_TENANT};
    struct function_request request = {.type = API_SHOW_CHAIN, .items = &show, .n_items = 1};
    struct world_answer answer;
    const struct api_chain_state *s;

    snprintf(show.name, sizeof(show.name), "%s", name);
    if (world_request(NULL, NULL, &request, &answer) < 0)
        return;
    s = answer.items;
#define TELL(counter, text)                                               \
    transcript_text(run->transcript, "chain %s: %s %llu", name, #counter, \
                    (unsigned long long)s->counter);
    API_CHAIN_COUNTERS(TELL)
#undef TELL
    transcript_text(run->transcript, "chain %s: sessions %u half open %u up %u %u guests down %u",
                    name, s->n_sessions, s->n_half_open, s->is_inside_up, s->is_outside_up,
                    s->n_guests_down);
}

static void tell_firewall(struct run *run, const char *name)
{
    struct api_list_rules list = {.tenant = WORLD_TENANT};
    struct function_request request = {.type = API_LIST_RULES, .items = &list, .n_items = 1};
    struct function_request show = {.type = API_SHOW_FIREWALL};
    struct world_answer answer;
    const struct api_rule_hits *hits;
    const struct api_firewall_state *s;

    snprintf(list.name, sizeof(list.name), "%s", name);
    if (world_request("firewall", name, &request, &answer) < 0)
        return;
    hits = answer.items;
    for (uint32_t i = 0; i < answer.n; i++)
        transcript_text(run->transcript,
                        "firewall %s rule %u: hits %llu sessions %u packets %llu bytes %llu", name,
                        hits[i].seq, (unsigned long long)hits[i].hits, hits[i].n_sessions,
                        (unsigned long long)hits[i].packets, (unsigned long long)hits[i].bytes);
    if (world_request("firewall", name, &show, &answer) < 0)
        return;
    s = answer.items;
    transcript_text(run->transcript,
                    "firewall %s: allowed %llu denied %llu limited %llu in %llu out %llu", name,
                    (unsigned long long)s->allowed, (unsigned long long)s->denied,
                    (unsigned long long)s->limited, (unsigned long long)s->default_in_hits,
                    (unsigned long long)s->default_out_hits);
}

static void tell_nat(struct run *run, const char *name)
{
    struct api_list_bindings list = {.tenant = WORLD_TENANT};
    struct function_request request = {.type = API_LIST_BINDINGS, .items = &list, .n_items = 1};
    struct function_request show = {.type = API_SHOW_NAT};
    struct world_answer answer;
    const struct api_binding *b;
    const struct api_nat_state *s;
    char inside[16], outside[16];

    snprintf(list.name, sizeof(list.name), "%s", name);
    if (world_request("nat", name, &request, &answer) < 0)
        return;
    b = answer.items;
    for (uint32_t i = 0; i < answer.n; i++) {
        tell_hex(inside, sizeof(inside), b[i].inside, 4);
        tell_hex(outside, sizeof(outside), b[i].outside, 4);
        transcript_text(run->transcript, "nat %s: %u %s:%u = %s:%u sessions %u", name,
                        b[i].protocol, inside, b[i].inside_port, outside, b[i].outside_port,
                        b[i].n_sessions);
    }
    if (world_request("nat", name, &show, &answer) < 0)
        return;
    s = answer.items;
#define TELL(counter, text)                                             \
    transcript_text(run->transcript, "nat %s: %s %llu", name, #counter, \
                    (unsigned long long)s->counter);
    API_NAT_COUNTERS(TELL)
#undef TELL
}

static void tell_tuple(struct run *run, const char *what, const struct session_tuple *t)
{
    char text[2 * sizeof(*t) + 1];

    tell_hex(text, sizeof(text), t, sizeof(*t));
    transcript_text(run->transcript, "  %s %s", what, text);
}

static void tell_session(struct session *s, void *context)
{
    struct run *run = context;
    char tcp[2 * sizeof(s->tcp) + 1], asked[2 * sizeof(s->asked) + 1],
        slots[2 * sizeof(s->slots) + 1];

    transcript_text(
        run->transcript,
        "session %u: chain %u side %u %u translated %u state %u timeout %u half open %u "
        "protocol state %u lives %d ms",
        session_id(s), s->chain, s->side[0], s->side[1], s->is_translated, s->state, s->timeout,
        s->is_half_open, s->protocol_state, (int)(s->expires_ms - s->opened_ms));
    tell_tuple(run, "original", &s->key_original);
    tell_tuple(run, "reply", &s->key_reply);
    for (unsigned i = 0; i < 2; i++)
        transcript_text(run->transcript, "  direction %u: packets %llu bytes %llu", i,
                        (unsigned long long)s->packets[i] + s->total_packets[i],
                        (unsigned long long)s->bytes[i] + s->total_bytes[i]);
    if (s->key_original.protocol == 6) {
        tell_hex(tcp, sizeof(tcp), s->tcp, sizeof(s->tcp));
        tell_hex(asked, sizeof(asked), &s->asked, sizeof(s->asked));
        transcript_text(run->transcript, "  tcp %s asked %s", tcp, asked);
    }
    tell_hex(slots, sizeof(slots), s->slots, sizeof(s->slots));
    transcript_text(run->transcript, "  slots %s", slots);
}

static void tell_macs(struct run *run, const char *name)
{
    struct api_list_macs list = {.tenant = WORLD_TENANT};
    struct function_request request = {.type = API_LIST_MACS, .items = &list, .n_items = 1};
    struct world_answer answer;
    const struct api_mac *m;
    char mac[16];

    snprintf(list.name, sizeof(list.name), "%s", name);
    if (world_request("switch", name, &request, &answer) < 0)
        return;
    m = answer.items;
    for (uint32_t i = 0; i < answer.n; i++) {
        tell_hex(mac, sizeof(mac), m[i].mac, 6);
        transcript_text(run->transcript, "switch %s: %s at %s vlan %u %u static %u", name, mac,
                        m[i].port, m[i].outer_vlan, m[i].inner_vlan, m[i].is_static);
    }
}

void run_observe(struct run *run)
{
    static const char *const chains[] = {"edge", "in", "mid", "dmz"};
    uint32_t cursor = 0;

    world_pass(2500); // a round of ageing
    run_react(run);
    world_tell_drops();
    tell_router(run, "gw");
    tell_router(run, "gw2");
    for (unsigned i = 0; i < 4; i++)
        tell_chain(run, chains[i]);
    tell_firewall(run, "fw");
    tell_firewall(run, "fw2");
    tell_nat(run, "nat");
    tell_nat(run, "nat2");
    tell_macs(run, "lan");
    tell_macs(run, "wan");
    session_visit(&cursor, UINT32_MAX, tell_session, run);
}
