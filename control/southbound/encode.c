// SPDX-License-Identifier: BSD-3-Clause
// What does the dataplane have to know of a configuration? Turns the validated tree into the
// datagrams of one transaction, names into indices. Called by apply.c off the event loop; reads the
// tree only and decides nothing: whoever refuses a configuration did so before. Next:
// encode_port.c, encode_switch.c, encode_router.c, encode_firewall.c, encode_nat.c,
// encode_chain.c; then transaction.c.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/southbound/encoder.h"
#include "control/southbound/encoding.h"

// In the order of the datagrams.
static const enum api_type object_types[] = {
    API_TENANT,       API_PORT,           API_PORT_ADDRESS,
    API_SWITCH,       API_MEMBER,         API_STATIC_MAC,
    API_ROUTER,       API_INTERFACE,      API_INTERFACE_ADDRESS,
    API_NEIGHBOR,     API_NEXT_HOP_GROUP, API_NEXT_HOP,
    API_ROUTE,        API_GUEST_FUNCTION, API_ADDRESS_GROUP,
    API_GROUP_PREFIX, API_PORT_GROUP,     API_GROUP_PORTS,
    API_FIREWALL,     API_RULE,           API_NAT,
    API_NAT_SOURCE,   API_NAT_POOL,       API_NAT_STATIC,
    API_NAT_FORWARD,  API_CHAIN,          API_CHAIN_FUNCTION,
};

#define N_OBJECT_TYPES (sizeof(object_types) / sizeof(object_types[0]))

void *encode_add(struct encoder *c, enum api_type type)
{
    return item_list_add(&c->lists[type]);
}

uint32_t encode_count(const struct encoder *c, enum api_type type)
{
    return c->lists[type].n;
}

int encode_no_memory(struct encoder *c)
{
    return failure(c->e, -ENOMEM, NULL, "out of memory");
}

int encode_text(struct encoder *c, char *to, size_t size, const char *text)
{
    if (strlen(text) >= size)
        return failure(c->e, -EINVAL, NULL, "%s is longer than %zu characters", text, size - 1);
    memcpy(to, text, strlen(text)); // the item is zeroed
    return 0;
}

bool encode_is_named(const struct lyd_node *node, const char *name)
{
    return strcmp(node_name(node), name) == 0;
}

uint32_t encode_uint(const struct lyd_node *parent, const char *name)
{
    return (uint32_t)node_number(parent, name);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return (c | 0x20) - 'a' + 10;
}

void encode_mac(uint8_t mac[6], const char *text)
{
    for (unsigned i = 0; i < 6 && strlen(text) >= 2; i++) {
        mac[i] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
        text += text[2] == ':' ? 3 : 2;
    }
}

static void make_key(char *key, size_t size, const char *const words[4])
{
    snprintf(key, size, "%s %s/%s%s%s", words[0], words[1], words[2], words[3] == NULL ? "" : ".",
             words[3] == NULL ? "" : words[3]);
}

int encode_remember(struct encoder *c, const char *kind, const char *tenant, const char *first,
                    const char *second, uint32_t index)
{
    const char *const words[4] = {kind, tenant, first, second};
    const void *before = NULL;
    char key[128];

    make_key(key, sizeof(key), words);
    if (index_add(&c->names, key, (const void *)((uintptr_t)index + 1), &before) == -ENOMEM)
        return encode_no_memory(c);
    return 0;
}

int64_t encode_find(const struct encoder *c, const char *kind, const char *tenant,
                    const char *first, const char *second)
{
    const char *const words[4] = {kind, tenant, first, second};
    char key[128];

    make_key(key, sizeof(key), words);
    return (int64_t)(uintptr_t)index_find(&c->names, key) - 1;
}

static void encode_timeouts(const struct lyd_node *timeouts, uint32_t *seconds)
{
    static const char *const names[API_N_TIMEOUTS] = {
#define TIMEOUT_NAME(name, seconds, text) #name,
        API_TIMEOUTS(TIMEOUT_NAME)
#undef TIMEOUT_NAME
    };
    char name[32];

    for (unsigned i = 0; i < API_N_TIMEOUTS; i++) {
        snprintf(name, sizeof(name), "%s", names[i]);
        for (char *p = strchr(name, '_'); p != NULL; p = strchr(p, '_'))
            *p = '-';
        seconds[i] = encode_uint(timeouts, name);
    }
}

static int encode_tenant(struct encoder *c, const struct lyd_node *node)
{
    const struct lyd_node *sessions = node_child(node, "sessions");
    struct api_tenant *tenant = encode_add(c, API_TENANT);

    if (tenant == NULL)
        return encode_no_memory(c);
    tenant->neighbor_limit = encode_uint(node, "neighbor-limit");
    tenant->session_limit = encode_uint(sessions, "limit");
    tenant->half_open_limit = encode_uint(sessions, "half-open-limit");
    tenant->source_session_limit = encode_uint(sessions, "source-limit");
    tenant->fragment_limit = encode_uint(sessions, "fragment-limit");
    encode_timeouts(node_child(sessions, "timeouts"), tenant->timeout_sec);
    return encode_text(c, tenant->name, sizeof(tenant->name), node_value(node, "name"));
}

// One pass over all tenants.
static int for_each_tenant(struct encoder *c, const struct lyd_node *tree,
                           int (*encode)(struct encoder *c, const struct encode_owner *tenant,
                                         const struct lyd_node *node))
{
    struct encode_owner tenant = {0};
    int rc = 0;

    for (; tree != NULL && rc == 0; tree = node_next(tree)) {
        if (!encode_is_named(tree, "tenants"))
            continue;
        tenant.name = node_value(tree, "name");
        rc = encode(c, &tenant, tree);
        tenant.index++;
    }
    return rc;
}

// A tenant and its ports: whatever follows may name any tenant's port.
static int encode_tenant_and_ports(struct encoder *c, const struct encode_owner *tenant,
                                   const struct lyd_node *node)
{
    int rc = encode_tenant(c, node);

    return rc < 0 ? rc : encode_ports(c, tenant, node);
}

static int encode_tree(struct encoder *c, const struct lyd_node *tree)
{
    static int (*const passes[])(struct encoder *, const struct encode_owner *,
                                 const struct lyd_node *) = {
        encode_switches, encode_routers, encode_firewalls,
        encode_nats,     encode_guests,  encode_chains,
    };
    int rc = for_each_tenant(c, tree, encode_tenant_and_ports);

    if (rc < 0)
        return rc;
    c->port_index = port_index_create(&c->lists[API_TENANT], &c->lists[API_PORT]);
    if (c->port_index == NULL)
        return encode_no_memory(c);
    for (unsigned i = 0; i < sizeof(passes) / sizeof(passes[0]) && rc == 0; i++)
        rc = for_each_tenant(c, tree, passes[i]);
    return rc;
}

static int write_datagrams(const struct encoder *c, struct encoding *encoding)
{
    struct api_begin begin = {.config_id = encoding->config_id};
    int rc = datagrams_add(&encoding->datagrams, API_BEGIN, &begin, 1);

    for (unsigned i = 0; rc == 0 && i < N_OBJECT_TYPES; i++)
        rc = datagrams_add_list(&encoding->datagrams, &c->lists[object_types[i]]);
    if (rc == 0)
        rc = datagrams_add(&encoding->datagrams, API_COMMIT, NULL, 0);
    return rc < 0 ? failure(c->e, rc, NULL, "out of memory") : 0;
}

static void encoder_init(struct encoder *c, struct config_error *e)
{
    *c = (struct encoder){.e = e};
    for (unsigned i = 0; i < N_OBJECT_TYPES; i++)
        item_list_init(&c->lists[object_types[i]], object_types[i]);
}

static void encoder_fini(struct encoder *c)
{
    for (unsigned i = 0; i < N_OBJECT_TYPES; i++)
        item_list_fini(&c->lists[object_types[i]]);
    port_index_destroy(c->port_index);
    index_fini(&c->names);
}

int encoding_create(const struct config *config, struct encoding **encoding, struct config_error *e)
{
    struct encoding *result = calloc(1, sizeof(*result));
    struct encoder c;
    int rc;

    if (result == NULL)
        return failure(e, -ENOMEM, NULL, "out of memory");
    result->config_id = config_id(config);
    encoder_init(&c, e);
    rc = encode_tree(&c, config_tree(config));
    if (rc == 0)
        rc = write_datagrams(&c, result);
    encoder_fini(&c);
    if (rc < 0) {
        encoding_destroy(result);
        return rc;
    }
    *encoding = result;
    return 0;
}

void encoding_destroy(struct encoding *encoding)
{
    if (encoding == NULL)
        return;
    free(encoding->datagrams.bytes);
    free(encoding);
}

uint64_t encoding_config_id(const struct encoding *encoding)
{
    return encoding->config_id;
}

const struct api_header *encoding_next(const struct encoding *encoding, size_t *cursor)
{
    const struct api_header *h;

    if (*cursor >= encoding->datagrams.size)
        return NULL;
    h = (const void *)(encoding->datagrams.bytes + *cursor);
    *cursor += (h->len + 7U) & ~7U;
    return h;
}

const void *encoding_item(const struct encoding *encoding, unsigned type, uint32_t index)
{
    const struct api_header *h;
    size_t cursor = 0;

    while ((h = encoding_next(encoding, &cursor)) != NULL) {
        if (h->type != type)
            continue;
        if (index < h->n_items)
            return (const char *)(h + 1) + index * (size_t)api_message(type)->item_size;
        index -= h->n_items;
    }
    return NULL;
}

static int compare_rule(const struct api_rule *rule, uint32_t firewall, uint32_t seq)
{
    if (rule->owner != firewall)
        return rule->owner < firewall ? -1 : 1;
    return rule->seq < seq ? -1 : rule->seq > seq;
}

const struct api_rule *encoding_rule(const struct encoding *encoding, uint32_t firewall,
                                     uint32_t seq)
{
    const struct api_header *h;
    const struct api_rule *rules = NULL;
    uint32_t low = 0, high, middle;
    size_t cursor = 0;

    // The datagram whose last rule is this one or behind it.
    while ((h = encoding_next(encoding, &cursor)) != NULL) {
        rules = (const void *)(h + 1);
        if (h->type == API_RULE && compare_rule(&rules[h->n_items - 1], firewall, seq) >= 0)
            break;
    }
    high = h == NULL ? 0 : h->n_items;
    while (low < high) {
        middle = low + (high - low) / 2;
        if (compare_rule(&rules[middle], firewall, seq) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return h != NULL && compare_rule(&rules[low], firewall, seq) == 0 ? &rules[low] : NULL;
}
