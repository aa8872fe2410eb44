// SPDX-License-Identifier: BSD-3-Clause
// How is a long list printed? One request after the other, each page as it comes. Called by
// show_router.c, show_chain.c and show_function.c, in the one thread there is. Knows nothing of
// what the entries are. Next: client.c.

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/pages.h"

static int get(const struct options *o, const char *path, struct response *response)
{
    struct request request = {.run_dir = o->run_dir, .method = "GET", .path = path};

    return command_send(o, &request, NULL, response);
}

int pages_add_query(char path[PATH_SIZE], const char *key, const char *value)
{
    char *escaped = client_escape(value);
    size_t len = strlen(path);
    int n = snprintf(path + len, PATH_SIZE - len, "%c%s=%s", strchr(path, '?') == NULL ? '?' : '&',
                     key, escaped == NULL ? "" : escaped);

    curl_free(escaped);
    if (n >= 0 && (size_t)n < PATH_SIZE - len)
        return EXIT_DONE;
    fprintf(stderr, "culvert: %.32s... is too long\n", value);
    return EXIT_USAGE;
}

void pages_print(struct pages *p, const json_t *entries)
{
    char *text;

    if (!p->o->json)
        p->print(entries);
    else if (!p->is_open)
        printf("{\"%s\": [", p->key); // not before, or an error would stand in it
    p->is_open = p->o->json;
    for (size_t i = 0; p->o->json && i < json_array_size(entries); i++) {
        text = json_dumps(json_array_get(entries, i), JSON_PRESERVE_ORDER);
        printf("%s\n  %s", p->n + i == 0 ? "" : ",", text == NULL ? "null" : text);
        free(text);
    }
    p->n += json_array_size(entries);
}

int pages_end(const struct pages *p, int rc)
{
    if (p->is_open && rc == EXIT_DONE)
        puts("\n]}");
    return rc;
}

int pages_show(struct pages *p, const char *path)
{
    char next_path[PATH_SIZE], number[32];
    struct response response;
    const json_t *next;
    bool has_next = true;
    int rc;

    snprintf(next_path, sizeof(next_path), "%s", path);
    while (has_next) {
        rc = get(p->o, next_path, &response);
        if (rc != EXIT_DONE)
            return rc;
        pages_print(p, json_object_get(response.json, p->key));
        next = json_object_get(response.json, "culvert:next");
        has_next = next != NULL;
        snprintf(next_path, sizeof(next_path), "%s", path);
        snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(next));
        if (has_next)
            rc = pages_add_query(next_path, "after",
                                 json_is_string(next) ? json_string_value(next) : number);
        client_release(&response);
        if (rc != EXIT_DONE)
            return rc;
    }
    return EXIT_DONE;
}
