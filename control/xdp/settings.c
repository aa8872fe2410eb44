// SPDX-License-Identifier: BSD-3-Clause
// What does the configuration want of the XDP programs? Reads the af-xdp ports out of the tree,
// and out of its encoding which VLANs something is attached to. Called by xdp.c after a
// configuration became the running one; decides nothing and touches no interface. Next: maps.c.

#include "control/xdp/settings.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/datastore/node.h"

static const char *const list_names[] = {"mac-addresses", "vlans", "addresses"};

int settings_prefix(const char *text, struct steer_prefix *prefix)
{
    const char *slash = strchr(text, '/');
    size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);
    char address[INET6_ADDRSTRLEN] = {0};

    *prefix = (struct steer_prefix){0};
    if (len >= sizeof(address))
        return -EINVAL;
    memcpy(address, text, len);
    if (inet_pton(AF_INET, address, prefix->address) == 1)
        prefix->family = 4;
    else if (inet_pton(AF_INET6, address, prefix->address) == 1)
        prefix->family = 6;
    else
        return -EINVAL;
    prefix->prefix_len = prefix->family == 4 ? 32 : 128;
    if (slash != NULL)
        prefix->prefix_len = (__u32)strtoul(slash + 1, NULL, 10);
    if (prefix->prefix_len > (prefix->family == 4 ? 32U : 128U))
        return -EINVAL;
    prefix->prefix_len += 32; // the family's bits
    return 0;
}

static size_t compare_size; // qsort takes no argument; the event loop is alone here

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, compare_size);
}

void key_list_sort(struct key_list *list)
{
    unsigned char *keys = list->keys;
    size_t size = list->key_size, n = 0;

    compare_size = size;
    if (list->n > 0)
        qsort(keys, list->n, size, compare_keys);
    for (size_t i = 0; i < list->n; i++)
        if (n == 0 || memcmp(keys + (n - 1) * size, keys + i * size, size) != 0)
            memmove(keys + n++ * size, keys + i * size, size);
    list->n = n;
}

bool key_list_has(const struct key_list *list, const void *key)
{
    compare_size = list->key_size;
    return list->n > 0 && bsearch(key, list->keys, list->n, list->key_size, compare_keys) != NULL;
}

static bool is_named(const struct lyd_node *node, const char *name)
{
    return strcmp(node_name(node), name) == 0;
}

static size_t count_children(const struct lyd_node *parent, const char *name)
{
    size_t n = 0;

    if (parent == NULL)
        return 0;
    for (const struct lyd_node *c = node_first(parent); c != NULL; c = node_next(c))
        n += is_named(c, name);
    return n;
}

static void read_mac(const char *text, struct steer_mac *mac)
{
    unsigned bytes[6] = {0};

    *mac = (struct steer_mac){0};
    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x", &bytes[0], &bytes[1], &bytes[2], &bytes[3],
               &bytes[4], &bytes[5]) == 6)
        for (unsigned i = 0; i < 6; i++)
            mac->bytes[i] = (__u8)bytes[i];
}

// The leaf-list `name` of `parent`, prefixes or MACs, as keys.
static int read_list(const struct lyd_node *parent, const char *name, size_t key_size,
                     struct key_list *list)
{
    size_t n = count_children(parent, name);
    unsigned char *key;

    list->key_size = key_size;
    if (n == 0)
        return 0;
    list->keys = key = calloc(n, key_size);
    if (key == NULL)
        return -ENOMEM;
    for (const struct lyd_node *c = node_first(parent); c != NULL; c = node_next(c)) {
        if (!is_named(c, name))
            continue;
        if (key_size == sizeof(struct steer_mac))
            read_mac(node_text(c), (struct steer_mac *)(void *)key);
        else if (settings_prefix(node_text(c), (struct steer_prefix *)(void *)key) < 0)
            continue; // the schema has checked it
        key += key_size;
        list->n++;
    }
    key_list_sort(list);
    return 0;
}

static enum program_mode read_mode(const char *text)
{
    if (strcmp(text, "native") == 0)
        return PROGRAM_NATIVE;
    return strcmp(text, "generic") == 0 ? PROGRAM_GENERIC : PROGRAM_AUTO;
}

static void read_vlans(const struct lyd_node *steering, bool *is_listed)
{
    if (steering == NULL)
        return;
    for (const struct lyd_node *c = node_first(steering); c != NULL; c = node_next(c))
        if (is_named(c, "vlans"))
            is_listed[strtoul(node_text(c), NULL, 10) % STEER_MAX_VLANS] = true;
}

static int read_port(const struct lyd_node *port, const char *tenant, struct settings *s)
{
    const struct lyd_node *steering = node_child(port, "steering");
    const char *broadcast = node_value(port, "broadcast");
    bool is_explicit = false;
    int rc;

    snprintf(s->tenant, sizeof(s->tenant), "%s", tenant);
    snprintf(s->port, sizeof(s->port), "%s", node_value(port, "name"));
    snprintf(s->interface, sizeof(s->interface), "%s", node_value(port, "interface"));
    s->mode = read_mode(node_value(port, "xdp-mode"));
    for (unsigned i = 0; i < sizeof(list_names) / sizeof(list_names[0]); i++)
        is_explicit |= count_children(steering, list_names[i]) > 0;
    if (is_explicit)
        s->flags |= STEER_EXPLICIT;
    if (broadcast[0] == '\0' ? !is_explicit : strcmp(broadcast, "dataplane") == 0)
        s->flags |= STEER_BROADCAST;
    read_vlans(steering, s->is_listed);
    rc = read_list(steering, "mac-addresses", sizeof(struct steer_mac), &s->macs);
    if (rc == 0)
        rc = read_list(steering, "addresses", sizeof(struct steer_prefix), &s->prefixes);
    if (rc == 0)
        rc = read_list(port, "drop-prefixes", sizeof(struct steer_prefix), &s->denied);
    return rc;
}

static bool are_lists_equal(const struct key_list *a, const struct key_list *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->keys, b->keys, a->n * a->key_size) == 0);
}

bool settings_steer_alike(const struct settings *a, const struct settings *b)
{
    return a->flags == b->flags && memcmp(a->is_listed, b->is_listed, sizeof(a->is_listed)) == 0 &&
           memcmp(a->is_attached, b->is_attached, sizeof(a->is_attached)) == 0 &&
           are_lists_equal(&a->macs, &b->macs) && are_lists_equal(&a->prefixes, &b->prefixes) &&
           are_lists_equal(&a->denied, &b->denied);
}

void settings_destroy(struct settings *settings)
{
    struct settings *next;

    for (; settings != NULL; settings = next) {
        next = settings->next;
        free(settings->macs.keys);
        free(settings->prefixes.keys);
        free(settings->denied.keys);
        free(settings);
    }
}

// The settings of the port at this place of the configuration's ports, NULL if it is of another
// kind.
static struct settings *of_port(const struct encoding *encoding, struct settings *settings,
                                uint32_t index)
{
    const struct api_port *port = encoding_item(encoding, API_PORT, index);

    if (port == NULL || port->type != API_PORT_AF_XDP)
        return NULL;
    for (; settings != NULL; settings = settings->next)
        if (strcmp(settings->interface, port->device) == 0)
            return settings;
    return NULL;
}

static void note_vlan(const struct encoding *encoding, struct settings *settings, uint32_t port,
                      uint16_t outer_vlan)
{
    struct settings *s = of_port(encoding, settings, port);

    if (s != NULL && outer_vlan != 0)
        s->is_attached[outer_vlan % STEER_MAX_VLANS] = true;
}

static void note_end(const struct encoding *encoding, struct settings *settings,
                     const struct api_end *end)
{
    if (end->kind == API_END_PORT)
        note_vlan(encoding, settings, end->index, end->outer_vlan);
}

static void read_attachments(const struct encoding *encoding, struct settings *settings)
{
    const struct api_header *h;
    size_t cursor = 0;

    while (settings != NULL && (h = encoding_next(encoding, &cursor)) != NULL) {
        const struct api_member *members = (const void *)(h + 1);
        const struct api_chain *chains = (const void *)(h + 1);

        for (uint32_t i = 0; h->type == API_MEMBER && i < h->n_items; i++)
            note_vlan(encoding, settings, members[i].port, members[i].outer_vlan);
        for (uint32_t i = 0; h->type == API_CHAIN && i < h->n_items; i++) {
            note_end(encoding, settings, &chains[i].inside);
            note_end(encoding, settings, &chains[i].outside);
        }
    }
}

int settings_create(const struct config *config, const struct encoding *encoding,
                    struct settings **settings)
{
    struct settings *first = NULL, **last = &first;

    for (const struct lyd_node *t = config_tree(config); t != NULL; t = node_next(t)) {
        for (const struct lyd_node *n = node_first(t); n != NULL; n = node_next(n)) {
            if (!is_named(n, "ports") || strcmp(node_value(n, "type"), "af-xdp") != 0)
                continue;
            *last = calloc(1, sizeof(**last));
            if (*last == NULL || read_port(n, node_value(t, "name"), *last) < 0) {
                settings_destroy(first);
                return -ENOMEM;
            }
            last = &(*last)->next;
        }
    }
    read_attachments(encoding, first);
    *settings = first;
    return 0;
}
