// SPDX-License-Identifier: BSD-3-Clause
// What is a configuration made of? Compiles the YANG text that is part of the program. Called once
// at start-up, on the main thread. Reads no file, so that it can't meet another version. Next:
// parse.c.

#include "control/datastore/error.h"
#include "control/schema/culvert_yang.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int schema_create(struct schema **schema, struct config_error *e)
{
    struct schema *s = calloc(1, sizeof(*s));

    if (!s)
        return error_say(e, -ENOMEM, "out of memory while the schema is compiled");
    // libyang's errors come to the user through struct config_error, never by stderr.
    ly_log_options(LY_LOSTORE_LAST);
    if (ly_ctx_new(NULL, LY_CTX_DISABLE_SEARCHDIRS | LY_CTX_NO_YANGLIBRARY, &s->ctx)) {
        free(s);
        return error_say(e, -ENOMEM, "libyang can't start");
    }
    if (lys_parse_mem(s->ctx, culvert_yang, LYS_IN_YANG, &s->module)) {
        error_say(e, -EINVAL, "the schema in this program is faulty: %s", ly_errmsg(s->ctx));
        schema_destroy(s);
        return -EINVAL;
    }
    *schema = s;
    return 0;
}

void schema_destroy(struct schema *schema)
{
    if (!schema)
        return;
    ly_ctx_destroy(schema->ctx);
    free(schema);
}

const char *schema_extension(const struct lysc_node *node, const char *name)
{
    LY_ARRAY_COUNT_TYPE i;

    LY_ARRAY_FOR(node->exts, i)
    {
        const struct lysc_ext_instance *x = &node->exts[i];

        if (strcmp(x->def->name, name) == 0)
            return x->argument ? x->argument : "";
    }
    return NULL;
}
