// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/session/opening.h"
#include "tests/unit/nat/lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <cmocka.h>

uint32_t function_is_short;       // of the main thread, which is not here
uint32_t openings[OPENING_N + 1]; // of sessions, likewise
int session_is_shared;

static struct {
    struct function f;
    struct lab_spec spec;
    int is_running;
} lab;

static void parse(const char *text, uint8_t bytes[4])
{
    assert_int_equal(inet_pton(AF_INET, text, bytes), 1);
}

void lab_source(struct lab_spec *spec, uint32_t seq, const char *prefix, uint8_t len)
{
    struct api_nat_source *s = &spec->sources[spec->n_sources++];

    *s = (struct api_nat_source){.seq = seq, .prefix_len = len};
    parse(prefix, s->prefix);
}

void lab_exempt(struct lab_spec *spec, uint32_t seq, const char *prefix, uint8_t len,
                const char *destination, uint8_t destination_len)
{
    struct api_nat_source *s = &spec->sources[spec->n_sources];

    lab_source(spec, seq, prefix, len);
    s->flags = API_NAT_EXEMPT;
    s->destination_len = destination_len;
    parse(destination, s->destination);
}

void lab_pool(struct lab_spec *spec, const char *first, const char *last)
{
    struct api_nat_pool *p = &spec->pools[spec->n_pools++];

    *p = (struct api_nat_pool){.owner = spec->n_sources - 1};
    parse(first, p->first);
    parse(last, p->last);
}

void lab_static(struct lab_spec *spec, const char *inside, const char *outside, uint8_t len)
{
    struct api_nat_static *s = &spec->statics[spec->n_statics++];

    *s = (struct api_nat_static){.prefix_len = len};
    parse(inside, s->inside);
    parse(outside, s->outside);
}

void lab_forward(struct lab_spec *spec, uint8_t protocol, const char *address, uint16_t first,
                 uint16_t last)
{
    struct api_nat_forward *f = &spec->forwards[spec->n_forwards++];

    *f = (struct api_nat_forward){.protocol = protocol, .port_first = first, .port_last = last};
    parse(address, f->address);
}

void lab_forward_to(struct lab_spec *spec, const char *to, uint16_t to_port)
{
    struct api_nat_forward *f = &spec->forwards[spec->n_forwards - 1];

    parse(to, f->to);
    f->to_port = to_port;
}

void lab_spec_init(struct lab_spec *spec)
{
    memset(spec, 0, sizeof(*spec));
    spec->nat = (struct api_nat){.name = "nat",
                                 .mapping = API_NAT_ENDPOINT_INDEPENDENT,
                                 .filtering = API_NAT_ENDPOINT_INDEPENDENT,
                                 .flags = API_NAT_FLAGS,
                                 .port_first = 1024,
                                 .port_last = 65535,
                                 .host_limit = 100000};
    lab_source(spec, 10, "10.0.0.0", 24);
    lab_pool(spec, "198.51.100.2", "198.51.100.2");
}

static void add(struct model *model, enum api_type type, const void *items, uint32_t n)
{
    if (n > 0)
        assert_int_equal(model_add(model, type, items, n), 0);
}

static void fill_model(struct model *model, const struct lab_spec *spec)
{
    struct api_tenant tenant = {.name = "blue"};

    model_init(model);
    assert_int_equal(model_add(model, API_TENANT, &tenant, 1), 0);
    assert_int_equal(model_add(model, API_NAT, &spec->nat, 1), 0);
    add(model, API_NAT_SOURCE, spec->sources, spec->n_sources);
    add(model, API_NAT_POOL, spec->pools, spec->n_pools);
    add(model, API_NAT_STATIC, spec->statics, spec->n_statics);
    add(model, API_NAT_FORWARD, spec->forwards, spec->n_forwards);
}

static int build(const struct lab_spec *spec, struct function *f, struct error *e)
{
    struct model model;
    int rc;

    fill_model(&model, spec);
    memset(f, 0, sizeof(*f));
    f->ops = &nat_ops;
    rc = nat_ops.config_create(f, &model, 0, NULL, e);
    model_fini(&model);
    return rc;
}

int lab_try(const struct lab_spec *spec, struct error *e)
{
    struct function f;
    int rc = build(spec, &f, e);

    if (rc == 0)
        nat_ops.config_destroy(&f);
    return rc;
}

void lab_start(const struct lab_spec *spec)
{
    struct function old = lab.f;
    struct error e = {0};

    if (spec == NULL)
        lab_spec_init(&lab.spec);
    else
        lab.spec = *spec;
    if (build(&lab.spec, &lab.f, &e) != 0)
        fail_msg("%s: %s", e.path, e.sentence);
    if (lab.is_running)
        nat_ops.config_destroy(&old);
    nat_ops.activate(&lab.f, NULL);
    lab.is_running = 1;
}

static void stop(void)
{
    if (lab.is_running)
        nat_ops.config_destroy(&lab.f);
    lab.is_running = 0;
}

void lab_restart(void)
{
    struct lab_spec spec = lab.spec;

    stop();
    lab_start(&spec);
}

int lab_setup(void **state)
{
    (void)state;
    lab_start(NULL);
    return 0;
}

int lab_teardown(void **state)
{
    (void)state;
    stop();
    return 0;
}

struct function *lab_function(void)
{
    return &lab.f;
}

struct nat_state *lab_state(void)
{
    return lab.f.state;
}

static void parse_endpoint(const char *text, uint8_t address[16], uint16_t *port)
{
    char host[32];
    unsigned number;

    assert_int_equal(sscanf(text, "%31[^:]:%u", host, &number), 2);
    parse(host, address);
    *port = htons((uint16_t)number);
}

struct session_case lab_case(int is_inward, uint8_t protocol, const char *source,
                             const char *destination)
{
    struct session_case s = {.chain = LAB_CHAIN, .is_inward = (uint8_t)is_inward};

    s.tuple.family = 4;
    s.tuple.protocol = protocol;
    s.tuple.icmp_type = protocol == IPPROTO_ICMP ? 8 : 0;
    parse_endpoint(source, s.tuple.source, &s.tuple.source_port);
    parse_endpoint(destination, s.tuple.destination, &s.tuple.destination_port);
    return s;
}

void lab_judge(struct session_case *s, enum function_occasion occasion)
{
    struct session_tuple last = s->final;
    struct function_case c = {.tuple = s->tuple,
                              .last = occasion != FUNCTION_FIRST ? &last : NULL,
                              .slot = &s->slot,
                              .chain = s->chain,
                              .occasion = (uint8_t)occasion,
                              .is_inward = s->is_inward};
    uint64_t kept = s->slot;

    s->verdict = nat_judge(&lab.f, NULL, &c);
    s->drop = c.drop;
    s->is_told_late = c.is_told_late;
    if (s->verdict != FUNCTION_ALLOW && s->verdict != FUNCTION_TURN)
        return;
    // What is translated again is translated alike.
    if (occasion != FUNCTION_FIRST) {
        assert_memory_equal(&c.tuple, &s->final, sizeof(c.tuple));
        assert_int_equal(s->slot, kept);
    }
    s->final = c.tuple;
}

static struct session_case first(int is_inward, uint8_t protocol, const char *source,
                                 const char *destination)
{
    struct session_case s = lab_case(is_inward, protocol, source, destination);

    lab_judge(&s, FUNCTION_FIRST);
    return s;
}

struct session_case lab_out(uint8_t protocol, const char *source, const char *destination)
{
    return first(0, protocol, source, destination);
}

struct session_case lab_in(uint8_t protocol, const char *source, const char *destination)
{
    return first(1, protocol, source, destination);
}

void lab_answer(struct session_case *s)
{
    nat_answered(lab.f.state, s->chain, s->tuple.protocol, &s->slot);
}

void lab_close(struct session_case *s)
{
    if (s->slot != 0)
        nat_release(lab.f.state, s->chain, s->tuple.protocol, s->slot);
    s->slot = 0;
}

static const char *text_of(const uint8_t *address, uint16_t port)
{
    static char texts[4][32];
    static unsigned n;
    char *text = texts[n++ % 4];

    snprintf(text, sizeof(texts[0]), "%u.%u.%u.%u:%u", address[0], address[1], address[2],
             address[3], ntohs(port));
    return text;
}

const char *lab_source_of(const struct session_case *s)
{
    return text_of(s->final.source, s->final.source_port);
}

const char *lab_destination_of(const struct session_case *s)
{
    return text_of(s->final.destination, s->final.destination_port);
}

uint16_t lab_port_of(const struct session_case *s)
{
    return ntohs(s->final.source_port);
}

void lab_expect_allowed(const struct session_case *s, const char *source, const char *destination)
{
    assert_int_equal(s->verdict, FUNCTION_ALLOW);
    assert_string_equal(lab_source_of(s), source);
    assert_string_equal(lab_destination_of(s), destination);
}

void lab_expect_denied(const struct session_case *s, enum function_verdict verdict, uint8_t drop)
{
    assert_int_equal(s->verdict, verdict);
    assert_int_equal(s->drop, drop);
}

struct api_nat_state lab_show(void)
{
    struct api_show_nat show = {.name = "nat"};
    struct api_nat_state answer;
    struct function_request request = {.type = API_SHOW_NAT,
                                       .items = &show,
                                       .n_items = 1,
                                       .answer = &answer,
                                       .answer_size = sizeof(answer)};
    struct error e = {0};

    assert_int_equal(nat_ops.request(&lab.f, &request, &e), 0);
    assert_int_equal(request.answer_type, API_NAT_STATE);
    assert_int_equal(request.n_answers, 1);
    return answer;
}
