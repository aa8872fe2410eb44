// SPDX-License-Identifier: BSD-3-Clause
// What does the document mean in our schema? Walks document and schema side by side and makes the
// libyang nodes itself, because libyang's own parsers know no YAML, forget the lines, and name
// neither the object that lacks a field nor the field that was meant. Called by parse.c. What
// depends on more than one field is not judged here. Next: check.c.

#include "control/datastore/read.h"
#include "control/datastore/error.h"
#include "control/datastore/index.h"
#include "control/datastore/value.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAX_FIELDS 64 // of one mapping; the schema has fewer
#define MAX_KEYS 3    // of one list

struct reader {
    struct document *d;
    const struct schema *schema;
    struct config_error *e;
    struct lyd_node *tree;
    struct index names; // paths of list entries and leaf-list values
};

static int read_fields(struct reader *s, struct lyd_node *parent, const struct lysc_node *schema,
                       uint32_t mapping);

static int out_of_memory(struct reader *s)
{
    return error_say(s->e, -ENOMEM, "out of memory while the configuration is read");
}

static unsigned line_of(const struct reader *s, uint32_t node)
{
    return s->d->nodes[node].line;
}

// YAML 1.2 section 10.2.1.1; JSON has the third only.
static int is_null(const struct reader *s, uint32_t node)
{
    const char *value = document_value(s->d, node);

    return s->d->nodes[node].is_plain &&
           (!value[0] || strcmp(value, "~") == 0 || strcmp(value, "null") == 0 ||
            strcmp(value, "Null") == 0 || strcmp(value, "NULL") == 0);
}

static int check_scalar(struct reader *s, const struct lyd_node *parent,
                        const struct lysc_node *leaf, uint32_t node)
{
    char sentence[VALUE_SENTENCE_SIZE];
    char *text;

    if (s->d->nodes[node].kind != DOCUMENT_SCALAR)
        return error_below(
            s->e, -EINVAL, line_of(s, node), parent, leaf->name, "must be one value, not a %s",
            s->d->nodes[node].kind == DOCUMENT_SEQUENCE ? "list" : "group of fields");
    if (is_null(s, node))
        return error_below(s->e, -EINVAL, line_of(s, node), parent, leaf->name,
                           "has no value: give one, or leave the field out");
    text = document_value(s->d, node);
    value_prepare(leaf, text);
    if (value_check(leaf, text, sentence) < 0)
        return error_below(s->e, -EINVAL, line_of(s, node), parent, leaf->name, "%s", sentence);
    return 0;
}

static int refuse_value(struct reader *s, const struct lyd_node *parent,
                        const struct lysc_node *leaf, uint32_t node, LY_ERR failure)
{
    char sentence[VALUE_SENTENCE_SIZE], quoted[ERROR_QUOTE_SIZE];

    if (failure == LY_EMEM)
        return out_of_memory(s);
    value_must_be(leaf, ly_errmsg(s->schema->ctx), sentence);
    return error_below(s->e, -EINVAL, line_of(s, node), parent, leaf->name, "%.190s, not %s",
                       sentence, error_quote(document_value(s->d, node), quoted));
}

// Take note of a list entry or a leaf-list value, which must be there once.
static int add_name(struct reader *s, const struct lyd_node *node, const char *value)
{
    char path[sizeof(s->e->path)], quoted[ERROR_QUOTE_SIZE];
    const char *advice = schema_extension(node->schema, "once-more");
    const void *first = NULL;
    int r;

    node_path(node, value, path, sizeof(path));
    r = index_add(&s->names, path, node, &first);
    if (r == -EEXIST)
        return error_at(s->e, -EINVAL, node, "%s%sis there twice, first on line %u%s%s",
                        value ? error_quote(value, quoted) : "", value ? " " : "", node_line(first),
                        advice ? ": " : "", advice ? advice : "");
    return r < 0 ? out_of_memory(s) : 0;
}

static int read_value(struct reader *s, struct lyd_node *parent, const struct lysc_node *leaf,
                      uint32_t node)
{
    struct lyd_node *made = NULL;
    int r = check_scalar(s, parent, leaf, node);
    LY_ERR failure;

    if (r < 0)
        return r;
    failure = lyd_new_term(parent, NULL, leaf->name, document_value(s->d, node), 0, &made);
    if (failure)
        return refuse_value(s, parent, leaf, node, failure);
    node_set_line(made, line_of(s, node));
    return leaf->nodetype == LYS_LEAFLIST ? add_name(s, made, lyd_get_value(made)) : 0;
}

static int check_sequence(struct reader *s, const struct lyd_node *parent,
                          const struct lysc_node *schema, uint32_t node)
{
    const struct document_node *n = &s->d->nodes[node];

    if (n->kind == DOCUMENT_SEQUENCE && (n->child || !(schema->flags & LYS_MAND_TRUE)))
        return 0;
    return error_below(s->e, -EINVAL, n->line, parent, schema->name,
                       n->kind == DOCUMENT_SEQUENCE ? "must not be empty"
                                                    : "must be a list: [] is an empty one");
}

static int read_values(struct reader *s, struct lyd_node *parent, const struct lysc_node *schema,
                       uint32_t node)
{
    int r = check_sequence(s, parent, schema, node);
    uint32_t i;

    for (i = s->d->nodes[node].child; r == 0 && i; i = s->d->nodes[i].next)
        r = read_value(s, parent, schema, i);
    return r;
}

static uint32_t find_field(const struct reader *s, uint32_t mapping, const char *name)
{
    uint32_t i;

    for (i = s->d->nodes[mapping].child; i; i = s->d->nodes[i].next)
        if (strcmp(document_key(s->d, i), name) == 0)
            return i;
    return DOCUMENT_NONE;
}

// One key of an entry that can't be named yet: its errors are told with the path of the list.
static int read_key(struct reader *s, const struct lyd_node *parent, const struct lysc_node *key,
                    uint32_t field, const char **value)
{
    char list[sizeof(s->e->path)];
    int r = check_scalar(s, parent, key, field);

    *value = document_value(s->d, field);
    if (r == 0) {
        LY_ERR failure =
            lyd_value_validate(s->schema->ctx, key, *value, strlen(*value), NULL, NULL, NULL);

        r = failure ? refuse_value(s, parent, key, field, failure) : 0;
    }
    if (r < 0) {
        node_path(parent, key->parent->name, list, sizeof(list));
        (void)snprintf(s->e->path, sizeof(s->e->path), "%.200s/%.50s", list, key->name);
    }
    return r;
}

// Find the keys of an entry: values[] gets as many as the list has, those left out by default.
static int read_keys(struct reader *s, const struct lyd_node *parent, const struct lysc_node *list,
                     uint32_t mapping, const char **values)
{
    const struct lysc_node *key;
    size_t n = 0;
    int r = 0;

    for (key = lysc_node_child(list); r == 0 && key && lysc_is_key(key); key = key->next) {
        uint32_t field = find_field(s, mapping, key->name);

        if (field == DOCUMENT_NONE && n < MAX_KEYS)
            values[n] = schema_extension(key, "key-default");
        else if (n < MAX_KEYS)
            r = read_key(s, parent, key, field, &values[n]);
        if (n == MAX_KEYS || (r == 0 && !values[n]))
            return error_below(s->e, -EINVAL, line_of(s, mapping), parent, list->name,
                               "an entry has no %s", key->name);
        n++;
    }
    return r;
}

static int read_entry(struct reader *s, struct lyd_node *parent, const struct lysc_node *list,
                      uint32_t mapping)
{
    const char *keys[MAX_KEYS] = {NULL};
    struct lyd_node *entry = NULL, *key;
    int r;

    if (s->d->nodes[mapping].kind != DOCUMENT_MAPPING)
        return error_below(s->e, -EINVAL, line_of(s, mapping), parent, list->name,
                           "an entry must be a group of fields, such as {name: ...}");
    r = read_keys(s, parent, list, mapping, keys);
    if (r < 0)
        return r;
    if (lyd_new_list(parent, s->schema->module, list->name, 0, &entry, keys[0], keys[1], keys[2]))
        return out_of_memory(s);
    if (!parent && lyd_insert_sibling(s->tree, entry, &s->tree)) {
        lyd_free_tree(entry);
        return out_of_memory(s);
    }
    node_set_line(entry, line_of(s, mapping));
    for (key = lyd_child(entry); key; key = key->next) {
        uint32_t field = find_field(s, mapping, key->schema->name);

        if (field != DOCUMENT_NONE)
            node_set_line(key, line_of(s, field));
    }
    r = add_name(s, entry, NULL);
    return r < 0 ? r : read_fields(s, entry, list, mapping);
}

static int read_entries(struct reader *s, struct lyd_node *parent, const struct lysc_node *list,
                        uint32_t node)
{
    int r = check_sequence(s, parent, list, node);
    uint32_t i;

    for (i = s->d->nodes[node].child; r == 0 && i; i = s->d->nodes[i].next)
        r = read_entry(s, parent, list, i);
    return r;
}

static int read_container(struct reader *s, struct lyd_node *parent, const struct lysc_node *schema,
                          uint32_t node)
{
    struct lyd_node *made = NULL;

    if (s->d->nodes[node].kind != DOCUMENT_MAPPING)
        return error_below(s->e, -EINVAL, line_of(s, node), parent, schema->name,
                           "must be a group of fields");
    if (lyd_new_inner(parent, s->schema->module, schema->name, 0, &made))
        return out_of_memory(s);
    node_set_line(made, line_of(s, node));
    return read_fields(s, made, schema, node);
}

static int refuse_unknown(struct reader *s, const struct lyd_node *parent,
                          const struct lysc_node *schema, uint32_t node)
{
    const char *name = document_key(s->d, node);
    const struct lysc_node *child = NULL;
    char quoted[ERROR_QUOTE_SIZE];

    error_quote(name, quoted);
    while ((child = lys_getnext(child, schema, s->schema->module->compiled, 0)))
        if (error_is_near(name, child->name))
            return error_below(s->e, -EINVAL, line_of(s, node), parent, name,
                               "no field %s here; did you mean %s?", quoted, child->name);
    return error_below(s->e, -EINVAL, line_of(s, node), parent, name, "no field %s here", quoted);
}

// RFC 7951 section 4: a top-level name is qualified with its module. We don't insist.
static const struct lysc_node *find_schema(const struct reader *s, const struct lysc_node *parent,
                                           const char *name)
{
    size_t len = strlen(s->schema->module->name);

    if (!parent && strncmp(name, s->schema->module->name, len) == 0 && name[len] == ':')
        name += len + 1;
    return lys_find_child(parent, s->schema->module, name, 0, 0, 0);
}

static int read_field(struct reader *s, struct lyd_node *parent, const struct lysc_node *child,
                      uint32_t node)
{
    if (lysc_is_key(child))
        return 0;
    switch (child->nodetype) {
    case LYS_LEAF:
        return read_value(s, parent, child, node);
    case LYS_LEAFLIST:
        return read_values(s, parent, child, node);
    case LYS_LIST:
        return read_entries(s, parent, child, node);
    default:
        return read_container(s, parent, child, node);
    }
}

static int is_in(const struct lysc_node *const *seen, size_t n, const struct lysc_node *child)
{
    while (n > 0)
        if (seen[--n] == child)
            return 1;
    return 0;
}

static int read_fields(struct reader *s, struct lyd_node *parent, const struct lysc_node *schema,
                       uint32_t mapping)
{
    const struct lysc_node *seen[MAX_FIELDS], *child;
    size_t n_seen = 0;
    uint32_t i;
    int r;

    for (i = s->d->nodes[mapping].child; i; i = s->d->nodes[i].next) {
        child = find_schema(s, schema, document_key(s->d, i));
        if (!child || n_seen == MAX_FIELDS)
            return refuse_unknown(s, parent, schema, i);
        if (is_in(seen, n_seen, child))
            return error_below(s->e, -EINVAL, line_of(s, i), parent, child->name,
                               "is there twice in the same place");
        seen[n_seen++] = child;
        r = read_field(s, parent, child, i);
        if (r < 0)
            return r;
    }
    for (child = schema ? lysc_node_child(schema) : NULL; child; child = child->next)
        if ((child->flags & LYS_MAND_TRUE) && !lysc_is_key(child) && !is_in(seen, n_seen, child))
            return error_below(s->e, -EINVAL, line_of(s, mapping), parent, child->name,
                               "is missing");
    return 0;
}

int document_read(struct document *d, const struct schema *schema, struct lyd_node **tree,
                  struct config_error *e)
{
    struct reader s = {.d = d, .schema = schema, .e = e};
    int r;

    if (d->nodes[0].kind != DOCUMENT_MAPPING)
        return error_below(e, -EINVAL, d->nodes[0].line, NULL, NULL,
                           "a configuration is a group of fields: tenants: [...]");
    r = read_fields(&s, NULL, NULL, 0);
    index_fini(&s.names);
    if (r < 0) {
        lyd_free_all(s.tree);
        return r;
    }
    *tree = s.tree;
    return 0;
}
