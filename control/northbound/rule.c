// SPDX-License-Identifier: BSD-3-Clause
// How is one rule edited? As a resource of its own (RFC 8040, 4.5 and 4.7), so that nobody has to
// send 100000 for one: /restconf/data/culvert:tenants=T/firewalls=F/rules=SEQ. Event loop only;
// called by server.c through the router. Decides nothing. Next: southbound/apply.c.

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/failure.h"
#include "control/northbound/handlers.h"
#include "control/northbound/server.h"

static struct exchange *exchange_of(struct apply_request *r)
{
    return (struct exchange *)((char *)r - offsetof(struct exchange, request));
}

// Of what is behind "culvert:tenants=". False: the exchange is answered.
static bool take_place(struct exchange *x, struct rule_place *place)
{
    struct config_error e;
    int end = 0;

    memset(place, 0, sizeof(*place));
    if (sscanf(x->resource, "%31[A-Za-z0-9_-]/firewalls=%31[A-Za-z0-9_-]/rules=%10" SCNu32 "%n",
               place->tenant, place->firewall, &place->seq, &end) == 3 &&
        end > 0 && x->resource[end] == '\0')
        return true;
    failure(&e, -ENOENT, NULL,
            "of what is below the configuration only rules are resources: "
            "culvert:tenants=T/firewalls=F/rules=SEQ");
    exchange_refuse(x, &e);
    return false;
}

static void on_edited(struct apply_request *r)
{
    struct exchange *x = exchange_of(r);
    json_t *warnings = json_array();

    free(x->work);
    x->work = NULL;
    if (r->error.code != 0) {
        json_decref(warnings);
        exchange_refuse(x, &r->error);
        return;
    }
    for (size_t i = 0; i < r->n_warnings; i++)
        json_array_append_new(warnings, json_pack("{s:s, s:s}", "path", r->warnings[i].path,
                                                  "message", r->warnings[i].sentence));
    exchange_answer_json(x, 200,
                         json_pack("{s:{s:b, s:o, s:I, s:o}}", "culvert:output", "changed",
                                   (int)r->is_changed, "config-id", exchange_id_json(r->config_id),
                                   "generation", (json_int_t)r->generation, "warnings", warnings));
}

static void submit(struct exchange *x, const struct rule_place *place, char *text)
{
    x->work = text;
    x->request.kind = APPLY_EDIT;
    x->request.place = *place;
    x->request.text = text;
    x->request.done = on_edited;
    apply_submit(northbound_context(x->n)->apply, &x->request);
}

// The one entry of the list that the body must be, as text. NULL: the exchange is answered.
static char *take_rule(struct exchange *x)
{
    json_t *body =
        json_loadb(x->body == NULL ? "" : x->body, x->size, JSON_REJECT_DUPLICATES, NULL);
    json_t *list = json_object_get(body, "culvert:rules");
    json_t *rule = json_array_size(list) == 1 ? json_array_get(list, 0) : NULL;
    char *text = json_is_object(rule) ? json_dumps(rule, JSON_COMPACT) : NULL;
    struct config_error e;

    json_decref(body);
    if (text != NULL)
        return text;
    failure(&e, -EINVAL, NULL, "the body must be {\"culvert:rules\": [{...}]} with one rule");
    exchange_refuse(x, &e);
    return NULL;
}

void handle_put_rule(struct exchange *x)
{
    struct rule_place place;
    char *text;

    if (!take_place(x, &place))
        return;
    text = take_rule(x);
    if (text != NULL)
        submit(x, &place, text);
}

void handle_delete_rule(struct exchange *x)
{
    struct rule_place place;

    if (take_place(x, &place))
        submit(x, &place, NULL);
}
