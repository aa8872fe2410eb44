// SPDX-License-Identifier: BSD-3-Clause
// What stands on the chains, and where do they end? Called by genes.c. Next: server/build.c, which
// makes it.

#include "tests/unit/flow/genes.h"
#include "tests/unit/flow/wire.h"

#include <stdio.h>
#include <string.h>

#include <netinet/in.h>

#define LONG_SEC 7440

// By letters: f g firewalls, n m NATs, D the guest.
static const char *const on_edge[] = {"fn", "n",  "f",   "",    "nf", "gfn", "fDn",    "Dn",
                                      "fg", "fD", "gfm", "fgm", "D",  "nm",  "fffgggn"};
static const char *const on_in[] = {"", "g", "f", "", "m", "gf", "D", ""};
static const char *const on_mid[] = {"", "g", "", "D"};
static const char *const on_dmz[] = {"", "g", "f", ""};

static const uint8_t defaults[] = {API_ACTION_ALLOW, API_ACTION_ALLOW, API_ACTION_DENY,
                                   API_ACTION_ALLOW, API_ACTION_ALLOW, API_ACTION_REJECT,
                                   API_ACTION_ALLOW, API_ACTION_DENY};

// Those that a firewall of the configuration may have, in order of seq.
void genes_rule(unsigned i, struct api_rule *rule)
{
    static const struct {
        uint8_t direction, action, protocol;
        uint16_t flags, first, last;
        uint32_t limit;
    } rules[GENES_N_RULES] = {
        {API_DIRECTION_OUT, API_ACTION_DENY, IPPROTO_UDP, 0, 53, 53, 0},
        {API_DIRECTION_OUT, API_ACTION_ALLOW, 0, 0, 0, 65535, 0},
        {API_DIRECTION_IN, API_ACTION_ALLOW, IPPROTO_TCP, 0, 8080, 8080, 0},
        {API_DIRECTION_IN, API_ACTION_ALLOW, IPPROTO_UDP, 0, 1000, 65535, 0},
        {API_DIRECTION_OUT, API_ACTION_REJECT, IPPROTO_TCP, 0, 80, 80, 0},
        {API_DIRECTION_OUT, API_ACTION_ALLOW, IPPROTO_UDP, API_RULE_STATELESS, 0, 65535, 0},
        {API_DIRECTION_IN, API_ACTION_ALLOW, IPPROTO_UDP, API_RULE_STATELESS, 0, 65535, 0},
        {API_DIRECTION_OUT, API_ACTION_ALLOW, IPPROTO_TCP, 0, 443, 8080, 2},
    };
    static const uint8_t order[GENES_N_RULES] = {0, 7, 4, 5, 1, 2, 6, 3};

    memset(rule, 0, sizeof(*rule));
    rule->seq = 10 * (order[i] + 1U);
    rule->direction = rules[i].direction;
    rule->action = rules[i].action;
    rule->flags = rules[i].flags;
    if (rules[i].protocol != 0)
        rule->flags |= API_RULE_PROTOCOL;
    rule->protocol = rules[i].protocol;
    rule->source_port_last = UINT16_MAX;
    rule->destination_port_first = rules[i].first;
    rule->destination_port_last = rules[i].last;
    rule->connection_limit = rules[i].limit;
    if (rule->direction == API_DIRECTION_IN && rule->protocol == IPPROTO_TCP) // begun by SYN only
        rule->tcp_flags = rule->tcp_flags_mask = WIRE_SYN;
    rule->source_group = rule->destination_group = API_NONE;
    rule->source_port_group = rule->destination_port_group = API_NONE;
}

int genes_has_rule(const uint8_t *genes, unsigned firewall, unsigned i)
{
    return genes[firewall == 0 ? GENE_RULES : GENE_RULES2] >> i & 1;
}

static void add_firewalls(const uint8_t *genes, struct model *model)
{
    for (unsigned i = 0; i < 2; i++) {
        uint8_t choice = genes[i == 0 ? GENE_DEFAULTS : GENE_DEFAULTS2];
        struct api_firewall firewall = {.default_in = defaults[choice & 7],
                                        .default_out = defaults[choice >> 3 & 7]};

        snprintf(firewall.name, sizeof(firewall.name), i == 0 ? "fw" : "fw2");
        genes_add(model, API_FIREWALL, &firewall);
    }
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned seq = 10; seq <= 10 * GENES_N_RULES; seq += 10) {
            for (unsigned k = 0; k < GENES_N_RULES; k++) {
                struct api_rule rule;

                genes_rule(k, &rule);
                rule.owner = i;
                if (rule.seq == seq && genes_has_rule(genes, i, k))
                    genes_add(model, API_RULE, &rule);
            }
        }
    }
}

static void put4(const char *text, uint8_t bytes[4])
{
    uint8_t address[16], family;

    genes_parse(text, address, &family);
    memcpy(bytes, address, 4);
}

static void add_source(struct model *model, uint32_t nat, uint32_t seq, const char *pool[2])
{
    struct api_nat_source source = {.owner = nat, .seq = seq, .prefix_len = 16};
    struct api_nat_pool item = {.owner = API_NONE};

    put4("10.0.0.0", source.prefix);
    if (pool == NULL) { // what goes to the dmz
        source.flags = API_NAT_EXEMPT;
        source.destination_len = 24;
        put4("10.0.4.0", source.destination);
    }
    genes_add(model, API_NAT_SOURCE, &source);
    if (pool == NULL)
        return;
    (void)model_items(model, API_NAT_SOURCE, &item.owner);
    item.owner--;
    put4(pool[0], item.first);
    put4(pool[1], item.last);
    genes_add(model, API_NAT_POOL, &item);
}

static void add_forward(struct model *model, uint8_t protocol, uint16_t port, const char *to,
                        uint16_t to_port)
{
    struct api_nat_forward f = {
        .protocol = protocol, .port_first = port, .port_last = port, .to_port = to_port};

    put4("198.51.100.2", f.address);
    put4(to, f.to);
    genes_add(model, API_NAT_FORWARD, &f);
}

static void add_nats(const uint8_t *genes, struct model *model)
{
    static const char *own[2] = {"198.51.100.2", "198.51.100.2"};
    static const char *range[2] = {"198.51.100.50", "198.51.100.52"};
    static const char *other[2] = {"198.51.100.60", "198.51.100.60"};
    uint8_t bits = genes[GENE_NAT], kind = genes[GENE_NAT_KIND];
    struct api_nat nat = {.port_first = 1024, .port_last = 65535, .host_limit = 1000};
    struct api_nat_static mapped = {.prefix_len = 32};

    nat.mapping = (uint8_t)(API_NAT_ENDPOINT_INDEPENDENT + (kind & 3) % 3);
    nat.filtering = (uint8_t)(API_NAT_ENDPOINT_INDEPENDENT + (kind >> 2 & 3) % 3);
    nat.flags = (uint16_t)(~(kind >> 4) & API_NAT_FLAGS);
    if (kind & 0x80)
        nat.port_last = 1026;
    snprintf(nat.name, sizeof(nat.name), "nat");
    genes_add(model, API_NAT, &nat);
    snprintf(nat.name, sizeof(nat.name), "nat2");
    genes_add(model, API_NAT, &nat);
    if (bits & 1)
        add_source(model, 0, 5, NULL);
    add_source(model, 0, 10, bits & 2 ? range : own);
    add_source(model, 1, 10, other);
    put4("10.0.0.12", mapped.inside);
    put4("198.51.100.12", mapped.outside);
    if (bits & 4)
        genes_add(model, API_NAT_STATIC, &mapped);
    if (bits & 8)
        add_forward(model, IPPROTO_TCP, 80, "10.0.0.11", 8080);
    if (bits & 16)
        add_forward(model, IPPROTO_UDP, 53, "10.0.0.21", 5353);
}

static void add_tenant(const uint8_t *genes, struct model *model)
{
    struct api_tenant tenant = {.name = "blue",
                                .neighbor_limit = 100,
                                .session_limit = 1000,
                                .half_open_limit = 500,
                                .source_session_limit = 500,
                                .fragment_limit = 16};

    for (unsigned i = 0; i < API_N_TIMEOUTS; i++)
        tenant.timeout_sec[i] = gene(genes, GENE_TIMEOUTS, 4) == 3 ? 20 : 300;
    tenant.timeout_sec[API_TIMEOUT_tcp_established] = LONG_SEC;
    tenant.timeout_sec[API_TIMEOUT_fragment] = 2;
    if (gene(genes, GENE_LIMITS, 4) == 2)
        tenant.session_limit = 6;
    if (gene(genes, GENE_LIMITS, 4) == 3)
        tenant.half_open_limit = tenant.source_session_limit = 3;
    genes_add(model, API_TENANT, &tenant);
}

void genes_add_functions(const uint8_t *genes, struct model *model)
{
    struct api_guest_function guest = {.name = "dpi", .inside = PORT_G, .outside = PORT_H};

    guest.on_failure = gene(genes, GENE_GUEST, 2) ? API_ON_FAILURE_BYPASS : API_ON_FAILURE_BLOCK;
    add_tenant(genes, model);
    add_firewalls(genes, model);
    add_nats(genes, model);
    genes_add(model, API_GUEST_FUNCTION, &guest);
}

static struct api_end end_at(enum api_end_kind kind, uint32_t index)
{
    return (struct api_end){.kind = (uint8_t)kind, .index = index};
}

static struct api_end port_end(const uint8_t *genes, enum genes_host host)
{
    struct genes_place place = genes_place(genes, host);

    return (struct api_end){.kind = API_END_PORT,
                            .index = place.port,
                            .outer_vlan = place.outer_vlan,
                            .inner_vlan = place.inner_vlan};
}

struct cable {
    const char *name;
    struct api_end inside, outside;
    const char *functions;
};

static unsigned list_cables(const uint8_t *genes, struct cable *cables)
{
    const struct api_end lan =
        genes_has_switch(genes, GENE_LAN) ? end_at(API_END_SWITCH, 0) : port_end(genes, HOST_A1);
    const struct api_end wan =
        genes_has_switch(genes, GENE_WAN) ? end_at(API_END_SWITCH, 1) : port_end(genes, HOST_W1);
    const char *edge = on_edge[gene(genes, GENE_EDGE, 15)];
    unsigned shape = genes_shape(genes), n = 0;

    if (shape == SHAPE_BRIDGED) {
        cables[n++] = (struct cable){"edge", lan, wan, edge};
        return n;
    }
    cables[n++] =
        (struct cable){"edge", end_at(API_END_INTERFACE, shape == SHAPE_ROUTED ? 1 : 4), wan, edge};
    cables[n++] =
        (struct cable){"in", lan, end_at(API_END_INTERFACE, 0), on_in[gene(genes, GENE_IN, 8)]};
    if (shape == SHAPE_TWO_ROUTERS)
        cables[n++] =
            (struct cable){"mid", end_at(API_END_INTERFACE, 1), end_at(API_END_INTERFACE, 3),
                           on_mid[gene(genes, GENE_MID, 4)]};
    if (genes_has_dmz(genes))
        cables[n++] = (struct cable){"dmz", end_at(API_END_INTERFACE, 2), port_end(genes, HOST_D1),
                                     on_dmz[gene(genes, GENE_DMZ_CHAIN, 4)]};
    return n;
}

static void add_function(struct model *model, uint32_t chain, char letter, int *has_guest)
{
    struct api_chain_function f = {.owner = chain, .kind = API_FUNCTION_FIREWALL};

    if (letter == 'D' && *has_guest)
        return;
    if (letter == 'D') {
        f.kind = API_FUNCTION_GUEST;
        *has_guest = 1;
    } else if (letter == 'n' || letter == 'm') {
        f.kind = API_FUNCTION_NAT;
        f.index = letter == 'm';
    } else {
        f.index = letter == 'g';
    }
    genes_add(model, API_CHAIN_FUNCTION, &f);
}

void genes_add_chains(const uint8_t *genes, struct model *model)
{
    struct cable cables[4];
    unsigned n = list_cables(genes, cables);
    int has_guest = 0;

    for (unsigned k = 0; k < n; k++) {
        unsigned i = genes[GENE_ORDER] & 2 ? n - 1 - k : k;
        struct api_chain chain = {.inside = cables[i].inside, .outside = cables[i].outside};

        chain.flags = genes[GENE_TRACKING] & API_CHAIN_FLAGS;
        snprintf(chain.name, sizeof(chain.name), "%s", cables[i].name);
        genes_add(model, API_CHAIN, &chain);
        for (const char *c = cables[i].functions; *c != '\0'; c++)
            add_function(model, k, *c, &has_guest);
    }
}
