// SPDX-License-Identifier: BSD-3-Clause
// Does that address answer a router? One request to culvertd sends an echo, more of them ask what
// became of it, a line for each. Called by main.c, in the one thread there is; Ctrl-C ends the
// asking, not the summary. The time is the dataplane's, however late we ask. Next: ping_report.c.

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/cli/commands.h"
#include "control/cli/ping_report.h"

#define PATH "/restconf/operations/culvert:ping"
#define PATH_SIZE 512
#define ANSWER_NS 1000000000 // an answer that takes longer is none
#define ASK_NS 10000000
#define MIN_INTERVAL 0.01

struct ping {
    const struct options *o;
    char path[PATH_SIZE];
    unsigned long count; // 0: until Ctrl-C
    int64_t interval_ns;
    struct ping_report report;
};

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void sleep_until(int64_t end_ns)
{
    int64_t left = end_ns - now_ns();
    struct timespec t = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};

    if (left > 0 && !client_is_interrupted())
        nanosleep(&t, NULL); // Ctrl-C wakes it
}

static int add_query(struct ping *p, const char *key, const char *value)
{
    char *escaped = client_escape(value);
    size_t len = strlen(p->path);
    int n = snprintf(p->path + len, sizeof(p->path) - len, "%c%s=%s",
                     strchr(p->path, '?') == NULL ? '?' : '&', key, escaped == NULL ? "" : escaped);

    curl_free(escaped);
    if (n >= 0 && (size_t)n < sizeof(p->path) - len)
        return EXIT_DONE;
    fprintf(stderr, "culvert: %.32s... is too long\n", value);
    return EXIT_USAGE;
}

// One word with culvertd. EXIT_DONE and *state, which the caller frees with json_decref.
static int ask(const struct ping *p, json_int_t id, json_t **state)
{
    char path[PATH_SIZE + 32];
    struct request request = {
        .run_dir = p->o->run_dir, .method = "POST", .path = path, .is_quiet = true};
    struct response response;
    int rc;

    if (id == 0)
        snprintf(path, sizeof(path), "%s", p->path);
    else
        snprintf(path, sizeof(path), "%s&id=%lld", p->path, (long long)id);
    rc = command_send(p->o, &request, NULL, &response);
    if (rc != EXIT_DONE)
        return rc;
    *state = json_incref(json_object_get(response.json, "culvert:output"));
    client_release(&response);
    return EXIT_DONE;
}

static bool is_waiting(const json_t *state)
{
    const char *result = json_string_value(json_object_get(state, "result"));

    return result != NULL && strcmp(result, "waiting") == 0;
}

// One echo request and what became of it.
static int ping_once(struct ping *p, unsigned sequence)
{
    int64_t end_ns = now_ns() + ANSWER_NS;
    json_t *state = NULL, *newer;
    json_int_t id;
    int rc = ask(p, 0, &state);

    if (rc != EXIT_DONE)
        return rc;
    id = json_integer_value(json_object_get(state, "id"));
    while (is_waiting(state) && now_ns() < end_ns && !client_is_interrupted()) {
        sleep_until(now_ns() + ASK_NS);
        rc = ask(p, id, &newer);
        if (rc != EXIT_DONE)
            break;
        json_decref(state);
        state = newer;
    }
    // Who interrupts a wait has not lost a packet.
    if (rc == EXIT_DONE && !(is_waiting(state) && client_is_interrupted())) {
        ping_report_add(&p->report, sequence, state);
        fflush(stdout);
    }
    json_decref(state);
    return rc;
}

static int ping_all(struct ping *p)
{
    int64_t next_ns = now_ns();
    int rc = EXIT_DONE;

    for (unsigned i = 1; (p->count == 0 || i <= p->count) && !client_is_interrupted(); i++) {
        sleep_until(next_ns);
        next_ns = now_ns() + p->interval_ns;
        if (client_is_interrupted())
            break;
        rc = ping_once(p, i);
        if (rc != EXIT_DONE)
            break;
    }
    if (rc == EXIT_INTERRUPTED)
        rc = EXIT_DONE;
    if (rc != EXIT_DONE && p->report.n_sent == 0)
        return rc; // the reason has been said
    ping_report_end(&p->report);
    if (rc != EXIT_DONE)
        return rc;
    return p->report.n_received > 0 ? EXIT_DONE : EXIT_REFUSED;
}

static int refuse(const char *sentence)
{
    fputs(sentence, stderr);
    return EXIT_USAGE;
}

static int take_numbers(struct ping *p)
{
    const char *count = p->o->ping.count, *interval = p->o->ping.interval;
    double seconds = 1;
    char *end;

    if (count != NULL) {
        p->count = strtoul(count, &end, 10);
        if (count[0] < '1' || count[0] > '9' || *end != '\0')
            return refuse("culvert: -c is a number of packets\n");
    }
    if (interval != NULL) {
        seconds = strtod(interval, &end);
        if (interval[0] == '\0' || *end != '\0' || !(seconds >= MIN_INTERVAL && seconds <= 3600))
            return refuse("culvert: -i is a number of seconds from 0.01 to 3600\n");
    }
    p->interval_ns = (int64_t)(seconds * 1e9);
    return EXIT_DONE;
}

int command_ping(const struct options *o, int n_words, char **words)
{
    struct ping p = {.o = o, .path = PATH, .report.out = stdout};
    const char *const queries[][2] = {{"router", n_words == 2 ? words[0] : NULL},
                                      {"address", n_words == 2 ? words[1] : NULL},
                                      {"size", o->ping.size},
                                      {"ttl", o->ping.ttl},
                                      {"source", o->ping.source}};
    int rc = n_words == 2 ? take_numbers(&p) : EXIT_USAGE;

    if (n_words != 2)
        fputs("usage: culvert ping TENANT/ROUTER ADDRESS [-c N] [-i SECONDS] [-s BYTES] [-t TTL] "
              "[-I SOURCE]\n",
              stderr);
    for (unsigned i = 0; rc == EXIT_DONE && i < sizeof(queries) / sizeof(queries[0]); i++)
        if (queries[i][1] != NULL)
            rc = add_query(&p, queries[i][0], queries[i][1]);
    if (rc != EXIT_DONE)
        return rc;
    p.report.to = words[1];
    return ping_all(&p);
}
