// SPDX-License-Identifier: BSD-3-Clause
// How does the dataplane hear of one rule? As a message of its own; and the whole configuration,
// for when it has to be sent again, is copied with the rule in its place, names looked up in what
// was encoded before. And of two configurations: do they differ in a few rules only? Called by
// apply.c off the event loop. Next: apply.c.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/southbound/encode_edit.h"
#include "control/southbound/encoder.h"

// Owner and name begin all of them.
static uint32_t find_item(const struct encoding *encoding, enum api_type type, uint32_t owner,
                          const char *name)
{
    size_t size = api_message(type)->item_size, cursor = 0;
    const struct api_header *h;
    uint32_t index = 0;

    while ((h = encoding_next(encoding, &cursor)) != NULL)
        for (uint32_t i = 0; h->type == type && i < h->n_items; i++, index++) {
            const struct api_firewall *item = (const void *)((const char *)(h + 1) + i * size);

            if (item->owner == owner && strcmp(item->name, name) == 0)
                return index;
        }
    return API_NONE;
}

static uint32_t find_tenant(const struct encoding *encoding, const char *name)
{
    const struct api_tenant *tenant;

    for (uint32_t i = 0; (tenant = encoding_item(encoding, API_TENANT, i)) != NULL; i++)
        if (strcmp(tenant->name, name) == 0)
            return i;
    return API_NONE;
}

static void fill_rule(const struct encoding *encoding, uint32_t tenant, const struct lyd_node *node,
                      struct api_rule *item)
{
    const struct {
        enum rule_field field;
        enum api_type type;
        uint32_t *index;
    } groups[] = {
        {RULE_SOURCE_GROUP, API_ADDRESS_GROUP, &item->source_group},
        {RULE_DESTINATION_GROUP, API_ADDRESS_GROUP, &item->destination_group},
        {RULE_SOURCE_PORT_GROUP, API_PORT_GROUP, &item->source_port_group},
        {RULE_DESTINATION_PORT_GROUP, API_PORT_GROUP, &item->destination_port_group},
    };
    struct rule rule;

    rule_read(node, &rule);
    encode_rule(&rule, item);
    for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        if (rule.field[groups[i].field])
            *groups[i].index =
                find_item(encoding, groups[i].type, tenant, rule_text(&rule, groups[i].field));
}

static bool is_before(const struct api_rule *a, const struct api_rule *b)
{
    return a->owner != b->owner ? a->owner < b->owner : a->seq < b->seq;
}

// All rules with `rule` in its place, or without it. NULL: out of memory.
static struct api_rule *edit_rules(const struct encoding *encoding, const struct api_rule *rule,
                                   bool is_delete, uint32_t *n)
{
    const struct api_header *h;
    bool is_placed = is_delete;
    struct api_rule *rules;
    size_t cursor = 0;

    *n = 0;
    while ((h = encoding_next(encoding, &cursor)) != NULL)
        *n += h->type == API_RULE ? h->n_items : 0;
    rules = malloc((*n + 1) * sizeof(*rules));
    cursor = *n = 0;
    while (rules != NULL && (h = encoding_next(encoding, &cursor)) != NULL) {
        const struct api_rule *from = (const void *)(h + 1);

        for (uint32_t i = 0; h->type == API_RULE && i < h->n_items; i++) {
            if (!is_placed && !is_before(&from[i], rule)) {
                rules[(*n)++] = *rule;
                is_placed = true;
            }
            if (from[i].owner != rule->owner || from[i].seq != rule->seq)
                rules[(*n)++] = from[i];
        }
    }
    if (rules != NULL && !is_placed)
        rules[(*n)++] = *rule;
    return rules;
}

// Types may come in any order; what refers to rules there is not.
static int copy(const struct encoding *from, uint64_t config_id, struct item_list *rules,
                struct encoding *to)
{
    struct api_begin begin = {.config_id = config_id};
    const struct api_header *h;
    size_t cursor = 0;
    int rc = datagrams_reserve(&to->datagrams, from->datagrams.size + 2 * API_DATAGRAM_SIZE);

    if (rc == 0)
        rc = datagrams_add(&to->datagrams, API_BEGIN, &begin, 1);
    while (rc == 0 && (h = encoding_next(from, &cursor)) != NULL) {
        if (h->type == API_COMMIT)
            rc = datagrams_add_list(&to->datagrams, rules);
        if (rc == 0 && h->type != API_BEGIN && h->type != API_RULE)
            rc = datagrams_add(&to->datagrams, h->type, h + 1, h->n_items);
    }
    return rc;
}

// In range, and of no account.
static struct api_rule deleted_rule(uint32_t seq)
{
    return (struct api_rule){.seq = seq, .direction = API_DIRECTION_OUT, .action = API_ACTION_DENY};
}

int encoding_edit(const struct encoding *old, const struct edit *edit, struct encoding **encoding,
                  struct api_rule_change *change)
{
    uint32_t tenant = find_tenant(old, edit->place.tenant);
    uint32_t firewall = find_item(old, API_FIREWALL, tenant, edit->place.firewall);
    struct encoding *made = calloc(1, sizeof(*made));
    struct item_list rules;
    int rc = -ENOMEM;

    memset(change, 0, sizeof(*change));
    memcpy(change->tenant, edit->place.tenant, API_NAME_SIZE);
    memcpy(change->name, edit->place.firewall, API_NAME_SIZE);
    change->config_id = edit->to;
    change->is_delete = edit_rule(edit) == NULL;
    change->rule = deleted_rule(edit->place.seq);
    if (edit_rule(edit) != NULL)
        fill_rule(old, tenant, edit_rule(edit), &change->rule);
    item_list_init(&rules, API_RULE);
    change->rule.owner = firewall;
    rules.items = (void *)edit_rules(old, &change->rule, change->is_delete, &rules.n);
    change->rule.owner = 0;
    if (made != NULL && rules.items != NULL) {
        made->config_id = edit->to;
        rc = copy(old, edit->to, &rules, made);
    }
    item_list_fini(&rules);
    if (rc < 0) {
        encoding_destroy(made);
        return rc;
    }
    *encoding = made;
    return 0;
}

// The rules of an encoding, one after the other.
struct rule_walk {
    const struct encoding *encoding;
    const struct api_header *h;
    size_t cursor;
    uint32_t i;
};

static const struct api_rule *current_rule(struct rule_walk *w)
{
    while (w->h == NULL || w->h->type != API_RULE || w->i == w->h->n_items) {
        w->h = encoding_next(w->encoding, &w->cursor);
        w->i = 0;
        if (w->h == NULL) {
            w->cursor = SIZE_MAX; // there is no next one
            return NULL;
        }
    }
    return (const struct api_rule *)(const void *)(w->h + 1) + w->i;
}

static const struct api_header *next_other(const struct encoding *encoding, size_t *cursor)
{
    const struct api_header *h;

    do {
        h = encoding_next(encoding, cursor);
    } while (h != NULL && (h->type == API_RULE || h->type == API_BEGIN));
    return h;
}

// All but the rules: then whatever is named by an index is the same in both.
static bool is_rest_the_same(const struct encoding *from, const struct encoding *to)
{
    const struct api_header *a, *b;
    size_t cursors[2] = {0, 0};

    do {
        a = next_other(from, &cursors[0]);
        b = next_other(to, &cursors[1]);
        if (a == NULL || b == NULL)
            return a == b;
    } while (a->len == b->len && memcmp(a, b, a->len) == 0);
    return false;
}

static void fill_change(const struct encoding *to, const struct api_rule *old,
                        const struct api_rule *made, struct api_rule_change *change)
{
    uint32_t owner = made == NULL ? old->owner : made->owner;
    const struct api_firewall *firewall = encoding_item(to, API_FIREWALL, owner);
    const struct api_tenant *tenant = encoding_item(to, API_TENANT, firewall->owner);

    memset(change, 0, sizeof(*change));
    memcpy(change->tenant, tenant->name, API_NAME_SIZE);
    memcpy(change->name, firewall->name, API_NAME_SIZE);
    change->config_id = to->config_id;
    change->is_delete = made == NULL;
    change->rule = made == NULL ? deleted_rule(old->seq) : *made;
    change->rule.owner = 0;
}

uint32_t encoding_changes(const struct encoding *from, const struct encoding *to,
                          struct api_rule_change *changes, uint32_t max)
{
    struct rule_walk walks[2] = {{.encoding = from}, {.encoding = to}};
    uint32_t n = 0, owner = API_NONE;

    if (!is_rest_the_same(from, to))
        return 0;
    for (;;) {
        const struct api_rule *a = current_rule(&walks[0]), *b = current_rule(&walks[1]);
        bool has_old = a != NULL && (b == NULL || !is_before(b, a));
        bool has_new = b != NULL && (a == NULL || !is_before(a, b));

        if (!has_old && !has_new)
            return n;
        walks[0].i += has_old;
        walks[1].i += has_new;
        if (has_old && has_new && memcmp(a, b, sizeof(*a)) == 0)
            continue;
        if (n == max || (n > 0 && owner != (has_new ? b : a)->owner))
            return 0;
        owner = (has_new ? b : a)->owner;
        fill_change(to, a, has_new ? b : NULL, &changes[n++]);
    }
}
