// SPDX-License-Identifier: BSD-3-Clause
// What do `set rule` and `delete rule` do? Send one rule to its own resource: words FIELD=VALUE as
// the configuration has them, all as text, for the schema decides what a value is. Called by
// main.c, in the one thread there is. Next: commands.c, client.c.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/commands.h"

// Names have no character that a path would have to escape; what is none is refused here.
static int make_path(char *path, size_t size, const char *firewall, const char *seq)
{
    const char *slash = strchr(firewall, '/');
    size_t n =
        strspn(firewall, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-/");
    int len = -1;

    if (slash != NULL && firewall[n] == '\0' && seq[0] != '\0' &&
        strspn(seq, "0123456789") == strlen(seq))
        len = snprintf(path, size, "/restconf/data/culvert:tenants=%.*s/firewalls=%s/rules=%s",
                       (int)(slash - firewall), firewall, slash + 1, seq);
    if (len >= 0 && (size_t)len < size)
        return EXIT_DONE;
    fputs("culvert: a rule is named TENANT/FIREWALL SEQ\n", stderr);
    return EXIT_USAGE;
}

static int send_rule(const struct options *o, const struct request *request)
{
    struct response response;
    int rc = command_send(o, request, NULL, &response);
    const json_t *output, *warnings;

    if (rc != EXIT_DONE)
        return rc;
    output = json_object_get(response.json, "culvert:output");
    warnings = json_object_get(output, "warnings");
    for (size_t i = 0; i < json_array_size(warnings); i++)
        fprintf(stderr, "warning: %s\n",
                json_string_value(json_object_get(json_array_get(warnings, i), "message")));
    if (o->json)
        fputs(response.body, stdout);
    else
        puts(json_is_true(json_object_get(output, "changed")) ? "applied" : "no change");
    client_release(&response);
    return EXIT_DONE;
}

// NULL: the reason has been said.
static char *make_rule(const char *seq, int n_words, char **words)
{
    json_t *rule = json_pack("{s:s}", "seq", seq), *body;
    char name[64], *text;

    for (int i = 0; i < n_words; i++) {
        size_t len = strcspn(words[i], "=");

        if (words[i][len] == '\0' || len >= sizeof(name)) {
            fprintf(stderr, "culvert: %s is not of the form FIELD=VALUE\n", words[i]);
            json_decref(rule);
            return NULL;
        }
        memcpy(name, words[i], len);
        name[len] = '\0';
        json_object_set_new(rule, name, json_string(words[i] + len + 1));
    }
    body = json_pack("{s:[o]}", "culvert:rules", rule);
    text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    if (text == NULL)
        fputs("culvert: a value is not UTF-8\n", stderr);
    return text;
}

int command_set(const struct options *o, int n_words, char **words)
{
    char path[256];
    struct request request = {.run_dir = o->run_dir, .method = "PUT", .path = path};
    char *text;
    int rc;

    if (n_words < 4 || strcmp(words[0], "rule") != 0) {
        fputs("usage: culvert set rule TENANT/FIREWALL SEQ direction=in|out action=ACTION\n"
              "       [FIELD=VALUE]...\n",
              stderr);
        return EXIT_USAGE;
    }
    rc = make_path(path, sizeof(path), words[1], words[2]);
    text = rc == EXIT_DONE ? make_rule(words[2], n_words - 3, words + 3) : NULL;
    if (text == NULL)
        return EXIT_USAGE;
    request.content_type = "application/yang-data+json";
    request.body = text;
    request.size = strlen(text);
    rc = send_rule(o, &request);
    free(text);
    return rc;
}

int command_delete(const struct options *o, int n_words, char **words)
{
    char path[256];
    struct request request = {.run_dir = o->run_dir, .method = "DELETE", .path = path};
    int rc;

    if (n_words != 3 || strcmp(words[0], "rule") != 0) {
        fputs("usage: culvert delete rule TENANT/FIREWALL SEQ\n", stderr);
        return EXIT_USAGE;
    }
    rc = make_path(path, sizeof(path), words[1], words[2]);
    return rc == EXIT_DONE ? send_rule(o, &request) : rc;
}
