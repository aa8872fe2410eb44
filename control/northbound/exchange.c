// SPDX-License-Identifier: BSD-3-Clause
// How does an answer look? Called by the handlers (data.c, state.c, metrics.c) and by server.c for
// what never reaches one. Event loop only. Chooses the status and the tag of an error, not its
// words; sends nothing itself. Next: server.c.

#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/northbound/exchange.h"
#include "control/northbound/server.h"

#define TYPE_JSON "application/yang-data+json"

static const char no_memory_text[] =
    "{\"ietf-restconf:errors\":{\"error\":[{\"error-type\":\"application\","
    "\"error-tag\":\"resource-denied\",\"error-message\":\"out of memory\"}]}}\n";

void exchange_answer(struct exchange *x, unsigned status, const char *content_type, char *text,
                     size_t size)
{
    x->status = text == NULL ? 500 : status;
    x->content_type = text == NULL ? TYPE_JSON : content_type;
    x->answer = text;
    x->answer_size = size;
    if (text == NULL) {
        x->answer = strdup(no_memory_text);
        x->answer_size = x->answer == NULL ? 0 : strlen(x->answer);
    }
    x->is_answered = true;
    if (x->is_suspended)
        server_resume(x);
}

void exchange_answer_json(struct exchange *x, unsigned status, json_t *json)
{
    size_t flags = JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(6);
    char *text = json == NULL ? NULL : json_dumps(json, flags);
    size_t len = text == NULL ? 0 : strlen(text);

    json_decref(json);
    if (text != NULL)
        text[len++] = '\n'; // in the NUL's place: the length is given
    exchange_answer(x, status, TYPE_JSON, text, len);
}

json_t *exchange_id_json(uint64_t id)
{
    char text[17];

    snprintf(text, sizeof(text), "%016" PRIx64, id);
    return json_string(text);
}

void exchange_refuse_as(struct exchange *x, unsigned status, const char *tag,
                        const struct config_error *e)
{
    json_t *error = json_pack("{s:s, s:s}", "error-type", "application", "error-tag", tag);

    // What was quoted from a request need not be UTF-8: such a text is left out.
    if (e->path[0] != '\0')
        json_object_set_new(error, "error-path", json_string(e->path));
    json_object_set_new(error, "error-message", json_string(e->sentence));
    if (e->line != 0)
        json_object_set_new(error, "error-info", json_pack("{s:i}", "culvert:line", (int)e->line));
    exchange_answer_json(x, status,
                         json_pack("{s:{s:[o]}}", "ietf-restconf:errors", "error", error));
}

void exchange_refuse(struct exchange *x, const struct config_error *e)
{
    static const struct {
        int code;
        unsigned status;
        const char *tag;
    } kinds[] = {
        {-EINVAL, 400, "invalid-value"},
        {-ENOENT, 404, "invalid-value"},
        {-EEXIST, 409, "data-exists"},
        {-ENOTSUP, 501, "operation-not-supported"},
        {-EFBIG, 413, "too-big"},
        {-E2BIG, 413, "too-big"},
        {-EACCES, 403, "access-denied"},
        {-ENOMEM, 500, "resource-denied"},
        {-ENOSPC, 500, "resource-denied"},
        {-EBUSY, 503, "resource-denied"},
        {-ENOTCONN, 503, "operation-failed"},
        {-ECONNRESET, 503, "operation-failed"},
        {-ESHUTDOWN, 503, "operation-failed"},
    };

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].code == e->code) {
            exchange_refuse_as(x, kinds[i].status, kinds[i].tag, e);
            return;
        }
    }
    exchange_refuse_as(x, 500, "operation-failed", e);
}

const char *exchange_query(const struct exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_GET_ARGUMENT_KIND, name);
}
