// SPDX-License-Identifier: BSD-3-Clause
// What does a client get for a configuration? Hands requests on whole configurations to
// southbound/apply.c and turns its results into answers. Event loop only; called by server.c
// through the router. Decides nothing. Next: southbound/apply.c.

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "control/northbound/handlers.h"
#include "control/northbound/server.h"

static struct exchange *exchange_of(struct apply_request *r)
{
    return (struct exchange *)((char *)r - offsetof(struct exchange, request));
}

static void submit(struct exchange *x, enum apply_kind kind, void (*done)(struct apply_request *r))
{
    x->request.kind = kind;
    x->request.text = x->body == NULL ? "" : x->body;
    x->request.size = x->size;
    x->request.format = kind == APPLY_PRINT ? x->accept : x->content;
    x->request.done = done;
    apply_submit(northbound_context(x->n)->apply, &x->request);
}

static void on_printed(struct apply_request *r)
{
    struct exchange *x = exchange_of(r);
    const char *type = r->format == CONFIG_YAML ? "application/yaml" : "application/yang-data+json";
    char *text = r->printed;

    if (r->error.code != 0) {
        exchange_refuse(x, &r->error);
        return;
    }
    r->printed = NULL; // the exchange's now
    exchange_answer(x, 200, type, text, strlen(text));
}

void handle_get_data(struct exchange *x)
{
    submit(x, APPLY_PRINT, on_printed);
}

static json_t *warnings_json(const struct apply_request *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->n_warnings; i++)
        json_array_append_new(list, json_pack("{s:s, s:s}", "path", r->warnings[i].path, "message",
                                              r->warnings[i].sentence));
    return list;
}

static void on_applied(struct apply_request *r)
{
    struct exchange *x = exchange_of(r);

    if (r->error.code != 0) {
        exchange_refuse(x, &r->error);
        return;
    }
    exchange_answer_json(x, 200,
                         json_pack("{s:{s:b, s:I, s:o, s:I, s:o}}", "culvert:output", "changed",
                                   r->is_changed, "changes", (json_int_t)r->diff.n, "config-id",
                                   exchange_id_json(r->config_id), "generation",
                                   (json_int_t)r->generation, "warnings", warnings_json(r)));
}

void handle_put_data(struct exchange *x)
{
    submit(x, APPLY_COMMIT, on_applied);
}

static json_t *change_json(const struct config_change *change)
{
    static const char *const operations[] = {
        [CONFIG_CREATE] = "create", [CONFIG_DELETE] = "delete", [CONFIG_REPLACE] = "replace"};
    json_t *json =
        json_pack("{s:s, s:s}", "operation", operations[change->operation], "path", change->path);

    if (change->old_value != NULL)
        json_object_set_new(json, "old-value", json_string(change->old_value));
    if (change->new_value != NULL)
        json_object_set_new(json, "new-value", json_string(change->new_value));
    return json;
}

static void on_compared(struct apply_request *r)
{
    struct exchange *x = exchange_of(r);
    json_t *list = json_array();

    if (r->error.code != 0) {
        json_decref(list);
        exchange_refuse(x, &r->error);
        return;
    }
    for (size_t i = 0; i < r->diff.n; i++)
        json_array_append_new(list, change_json(&r->diff.changes[i]));
    exchange_answer_json(x, 200, json_pack("{s:{s:o}}", "culvert:output", "change", list));
}

void handle_diff(struct exchange *x)
{
    submit(x, APPLY_DIFF, on_compared);
}
