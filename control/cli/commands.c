// SPDX-License-Identifier: BSD-3-Clause
// What do apply and diff do? Read a file, send it, print what culvertd says. Called by main.c, in
// the one thread there is. The file's content is culvertd's business: nothing of it is judged or
// changed here. Next: client.c; for `show`: show.c.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/commands.h"

#define MAX_FILE_SIZE (64U << 20) // what culvertd takes

static void print_error(const json_t *error, const char *file)
{
    const char *path = json_string_value(json_object_get(error, "error-path"));
    const char *message = json_string_value(json_object_get(error, "error-message"));
    const json_t *info = json_object_get(error, "error-info");
    json_int_t line = json_integer_value(json_object_get(info, "culvert:line"));

    if (file != NULL && line > 0)
        fprintf(stderr, "%s:%lld: ", file, (long long)line);
    else
        fprintf(stderr, "%s: ", file == NULL ? "culvert" : file);
    if (path != NULL)
        fprintf(stderr, "%s: ", path);
    fprintf(stderr, "%s\n", message == NULL ? "refused without a reason" : message);
}

static void print_errors(const struct response *r, const char *file)
{
    const json_t *errors =
        json_object_get(json_object_get(r->json, "ietf-restconf:errors"), "error");

    for (size_t i = 0; i < json_array_size(errors); i++)
        print_error(json_array_get(errors, i), file);
    if (json_array_size(errors) == 0)
        fprintf(stderr, "culvert: culvertd answers with HTTP status %ld\n", r->status);
}

int command_send(const struct options *o, const struct request *request, const char *file,
                 struct response *response)
{
    int rc = client_request(request, response);

    if (rc < 0)
        return rc == -EINTR ? EXIT_INTERRUPTED : EXIT_UNREACHABLE;
    if (response->status == 200)
        return EXIT_DONE;
    if (o->json && response->body != NULL)
        fputs(response->body, stdout);
    print_errors(response, file);
    client_release(response);
    return EXIT_REFUSED;
}

// The whole file, or standard input for "-". NULL: the reason has been said.
static char *read_file(const char *name, size_t *size)
{
    FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
    char *text = NULL, *grown;
    size_t n_allocated = 0;

    *size = 0;
    while (file != NULL && *size <= MAX_FILE_SIZE) {
        if (*size + 1 >= n_allocated) {
            n_allocated = n_allocated == 0 ? 65536 : n_allocated * 2;
            grown = realloc(text, n_allocated);
            if (grown == NULL)
                break;
            text = grown;
        }
        *size += fread(text + *size, 1, n_allocated - *size - 1, file);
        if (feof(file) || ferror(file))
            break;
    }
    if (file == NULL || ferror(file) || !feof(file)) {
        fprintf(stderr, "culvert: can't read %s: %s\n", name,
                *size > MAX_FILE_SIZE ? "it is larger than 64 MiB" : strerror(errno));
        free(text);
        text = NULL;
    }
    if (file != NULL && file != stdin)
        fclose(file);
    return text;
}

static const char *content_type(const char *text, size_t size)
{
    size_t i = 0;

    while (i < size && strchr(" \t\r\n", text[i]) != NULL && text[i] != '\0')
        i++;
    return i < size && text[i] == '{' ? "application/yang-data+json" : "application/yaml";
}

static int send_file(const struct options *o, const char *name, const char *method,
                     const char *path, struct response *response)
{
    struct request request = {.run_dir = o->run_dir, .method = method, .path = path};
    char *text = read_file(name, &request.size);
    int rc;

    if (text == NULL)
        return EXIT_REFUSED;
    request.body = text;
    request.content_type = content_type(text, request.size);
    rc = command_send(o, &request, strcmp(name, "-") == 0 ? "stdin" : name, response);
    free(text);
    return rc;
}

static void print_outcome(const json_t *output)
{
    const json_t *warnings = json_object_get(output, "warnings");
    json_int_t n = json_integer_value(json_object_get(output, "changes"));

    for (size_t i = 0; i < json_array_size(warnings); i++) {
        const json_t *warning = json_array_get(warnings, i);
        const char *path = json_string_value(json_object_get(warning, "path"));
        const char *message = json_string_value(json_object_get(warning, "message"));

        fprintf(stderr, "warning: %s%s%s\n", path, path[0] == '\0' ? "" : ": ", message);
    }
    if (json_is_true(json_object_get(output, "changed")))
        printf("applied: %lld change%s\n", (long long)n, n == 1 ? "" : "s");
    else
        puts("no change");
}

int command_apply(const struct options *o, int n_words, char **words)
{
    struct response response;
    int rc;

    if (n_words != 1) {
        fputs("usage: culvert apply FILE (- for standard input)\n", stderr);
        return EXIT_USAGE;
    }
    rc = send_file(o, words[0], "PUT", "/restconf/data", &response);
    if (rc != EXIT_DONE)
        return rc;
    if (o->json)
        fputs(response.body, stdout);
    else
        print_outcome(json_object_get(response.json, "culvert:output"));
    client_release(&response);
    return EXIT_DONE;
}

static void print_change(const json_t *change)
{
    const char *operation = json_string_value(json_object_get(change, "operation"));
    const char *path = json_string_value(json_object_get(change, "path"));
    const char *old_value = json_string_value(json_object_get(change, "old-value"));
    const char *new_value = json_string_value(json_object_get(change, "new-value"));

    if (old_value != NULL && new_value != NULL)
        printf("~ %s: %s -> %s\n", path, old_value, new_value);
    else if (old_value != NULL || new_value != NULL)
        printf("%c %s: %s\n", old_value ? '-' : '+', path, old_value ? old_value : new_value);
    else
        printf("%c %s\n", strcmp(operation, "delete") == 0 ? '-' : '+', path);
}

int command_diff(const struct options *o, int n_words, char **words)
{
    struct response response;
    const json_t *changes;
    int rc;

    if (n_words != 1) {
        fputs("usage: culvert diff FILE (- for standard input)\n", stderr);
        return EXIT_USAGE;
    }
    rc = send_file(o, words[0], "POST", "/restconf/operations/culvert:diff", &response);
    if (rc != EXIT_DONE)
        return rc;
    changes = json_object_get(json_object_get(response.json, "culvert:output"), "change");
    if (o->json)
        fputs(response.body, stdout);
    for (size_t i = 0; !o->json && i < json_array_size(changes); i++)
        print_change(json_array_get(changes, i));
    rc = json_array_size(changes) == 0 ? EXIT_DONE : EXIT_DIFFERENT;
    client_release(&response);
    return rc;
}
