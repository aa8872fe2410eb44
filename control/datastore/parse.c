// SPDX-License-Identifier: BSD-3-Clause
// Is this text a configuration? The way of a text, top to bottom: document, tree, schema's rules,
// our own rules, identity. Called by southbound/apply.c off the event loop and by store.c at the
// start, one at a time per schema. Changes nothing outside the new configuration. Next: document.c.

#include "control/datastore/document.h"
#include "control/datastore/error.h"
#include "control/datastore/read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int read_text(const struct schema *schema, const char *text, size_t size,
                     enum config_format format, struct lyd_node **tree, struct config_error *e)
{
    struct document d;
    int r;

    r = document_parse(&d, text, size, format, e);
    if (r < 0)
        return r;
    r = document_read(&d, schema, tree, e);
    document_fini(&d);
    return r;
}

static int validate(const struct schema *schema, struct lyd_node **tree, struct config_error *e)
{
    LY_ERR failure;

    if (!*tree)
        return 0;
    failure = lyd_validate_module(tree, schema->module, 0, NULL);
    if (failure)
        return error_of_libyang(e, failure, *tree);
    return tree_check(*tree, e);
}

int config_parse(struct schema *schema, const char *text, size_t size, enum config_format format,
                 struct config **config, struct config_error *e)
{
    struct lyd_node *tree = NULL;
    int r;

    memset(e, 0, sizeof(*e));
    r = read_text(schema, text, size, format, &tree, e);
    if (r < 0)
        return r;
    r = validate(schema, &tree, e);
    if (r < 0)
        goto free_tree;
    r = config_empty(schema, config);
    if (r < 0) {
        error_say(e, r, "out of memory while the configuration is read");
        goto free_tree;
    }
    (*config)->tree = tree;
    (*config)->sum = tree_sum(tree);
    (*config)->id = sum_identity((*config)->sum);
    return 0;

free_tree:
    lyd_free_all(tree);
    return r;
}

int config_empty(struct schema *schema, struct config **config)
{
    struct config *c = calloc(1, sizeof(*c));

    if (!c)
        return -ENOMEM;
    c->schema = schema;
    c->id = sum_identity(0);
    *config = c;
    return 0;
}

void config_destroy(struct config *config)
{
    if (!config)
        return;
    lyd_free_all(config->tree);
    free(config);
}

uint64_t config_id(const struct config *config)
{
    return config->id;
}

const struct lyd_node *config_tree(const struct config *config)
{
    return config->tree;
}
