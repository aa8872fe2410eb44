// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/chain/chain_lab.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_ether.h>
#include <rte_ip.h>

#include "dataplane/core/counters.h"
#include "dataplane/core/qsbr.h"
#include "dataplane/session/clock.h"
#include "dataplane/session/fragment.h"
#include "dataplane/session/state.h"
#include "tests/lib/mbuf_builder.h"

#define MAX_SESSIONS 4096
#define PORT_SHIFT 10000

struct lab_function lab_firewalls[LAB_N_FIREWALLS], lab_nats[LAB_N_NATS];
char lab_asked[256];

static char run_dir[] = "/tmp/culvert-chain-test-XXXXXX";

static const char *const firewall_names[] = {"fw", "fw2"}, *const nat_names[] = {"nat", "nat2"};

static void note(char who, const struct function_case *c)
{
    size_t len = strlen(lab_asked);

    if (len + 1 < sizeof(lab_asked))
        lab_asked[len] = (char)(c->is_inward ? who - 'a' + 'A' : who);
}

static enum function_verdict ask_firewall(const struct function *f, const struct walk_context *ctx,
                                          struct function_case *c)
{
    struct lab_function *lab = f->state;
    enum function_verdict verdict = c->is_inward ? lab->in : lab->out;

    (void)ctx;
    assert_int_equal(c->m != NULL, c->occasion == FUNCTION_FIRST);
    note((char)('f' + (lab - lab_firewalls)), c);
    lab->n_asked[c->occasion]++;
    if (c->is_turned)
        verdict = FUNCTION_ALLOW;
    c->drop = verdict == FUNCTION_REJECT ? DROP_FIREWALL_REJECTED : DROP_FIREWALL_DENIED;
    c->is_stateless = lab->is_stateless;
    if (verdict == FUNCTION_ALLOW && !c->is_turned)
        *c->slot = lab->slot;
    return verdict;
}

static int shift(uint8_t *address, uint16_t *port, uint8_t from, uint8_t to, int by)
{
    static const uint8_t nets[2][3] = {{10, 0, 0}, {198, 51, 100}};

    if (memcmp(address, nets[from], 3) != 0)
        return 0;
    memcpy(address, nets[to], 3);
    *port = htons((uint16_t)(ntohs(*port) + by));
    return 1;
}

static enum function_verdict ask_nat(const struct function *f, const struct walk_context *ctx,
                                     struct function_case *c)
{
    struct lab_function *lab = f->state;
    struct session_tuple *t = &c->tuple;
    int is_hairpin;

    (void)ctx;
    note((char)('n' - (lab - lab_nats)), c);
    lab->n_asked[c->occasion]++;
    if (c->occasion == FUNCTION_RESTORE && *c->slot != 77) {
        c->drop = DROP_NAT_FILTERED;
        return FUNCTION_DENY;
    }
    if (c->is_inward) {
        c->is_told_late = lab->is_told_late;
        c->drop = DROP_NAT_FILTERED;
        if (shift(t->destination, &t->destination_port, 1, 0, -PORT_SHIFT) &&
            lab->in == FUNCTION_ALLOW)
            *c->slot = 77;
        return *c->slot == 77 ? FUNCTION_ALLOW : lab->in;
    }
    if (c->is_alone) { // as the real one: it keeps nothing
        c->drop = DROP_NAT_NOT_TRANSLATABLE;
        return memcmp(t->source, (const uint8_t[]){10}, 1) == 0 ? FUNCTION_DENY : FUNCTION_ALLOW;
    }
    is_hairpin = shift(t->destination, &t->destination_port, 1, 0, -PORT_SHIFT);
    if (shift(t->source, &t->source_port, 0, 1, PORT_SHIFT))
        *c->slot = 77;
    return is_hairpin ? FUNCTION_TURN : FUNCTION_ALLOW;
}

static void release(void *state, uint32_t chain, uint8_t protocol, uint64_t slot)
{
    struct lab_function *lab = state;

    assert_int_not_equal(chain, 0);
    assert_int_not_equal(protocol, 0);
    assert_int_not_equal(slot, 0);
    lab->n_released++;
    lab->released = slot;
}

static void credit(void *state, uint64_t slot, uint64_t packets, uint64_t bytes)
{
    assert_int_not_equal(slot, 0);
    assert_true(bytes >= packets * 20);
    ((struct lab_function *)state)->credited += packets;
}

static uint32_t version(const struct function *f)
{
    return ((const struct lab_function *)f->state)->version;
}

static void hold(void *state)
{
    ((struct lab_function *)state)->n_held++;
}

static void let_go(void *state)
{
    assert_true(((struct lab_function *)state)->n_held-- > 0);
}

static uint32_t n_firewalls(const struct model *model)
{
    uint32_t n;

    (void)model_items(model, API_FIREWALL, &n);
    return n;
}

static uint32_t n_nats(const struct model *model)
{
    uint32_t n;

    (void)model_items(model, API_NAT, &n);
    return n;
}

static void identify_firewall(const struct model *model, uint32_t index, const char **tenant,
                              const char **name, uint32_t *n_sides)
{
    (void)model;
    *tenant = "blue";
    *name = firewall_names[index];
    *n_sides = 0;
}

static void identify_nat(const struct model *model, uint32_t index, const char **tenant,
                         const char **name, uint32_t *n_sides)
{
    (void)model;
    *tenant = "blue";
    *name = nat_names[index];
    *n_sides = 0;
}

static int make_firewall(struct function *f, const struct model *model, uint32_t index,
                         const struct generation *generation, struct error *e)
{
    (void)model;
    (void)generation;
    (void)e;
    f->state = &lab_firewalls[index];
    return 0;
}

static int make_nat(struct function *f, const struct model *model, uint32_t index,
                    const struct generation *generation, struct error *e)
{
    (void)model;
    (void)generation;
    (void)e;
    f->state = &lab_nats[index];
    return 0;
}

static void activate(struct function *f, const struct generation *generation)
{
    (void)f;
    (void)generation;
}

static void destroy(struct function *f)
{
    (void)f;
}

static const struct function_ops firewall_ops = {
    .name = "firewall",
    .n_instances = n_firewalls,
    .identify = identify_firewall,
    .config_create = make_firewall,
    .activate = activate,
    .config_destroy = destroy,
    .judge = ask_firewall,
    .release = release,
    .credit = credit,
    .version = version,
    .state_get = hold,
    .state_put = let_go,
};

static const struct function_ops nat_ops = {
    .name = "nat",
    .n_instances = n_nats,
    .identify = identify_nat,
    .config_create = make_nat,
    .activate = activate,
    .config_destroy = destroy,
    .judge = ask_nat,
    .release = release,
    .version = version,
    .state_get = hold,
    .state_put = let_go,
};

static void start(void)
{
    struct error e = {0};

    session_clock_init(NULL);
    if (state_init(run_dir, &e) < 0 || session_init(1, MAX_SESSIONS, &e) < 0 ||
        fragment_init(1, &e) < 0 || chains_init(&e) < 0)
        fail_msg("%s", e.sentence);
}

static void stop(void)
{
    generation_publish(NULL);
    chains_fini();
    fragment_fini();
    session_fini();
    state_fini();
}

int lab_group_setup(void **state)
{
    static const struct function_ops *const kinds[] = {&firewall_ops, &nat_ops, &chain_ops, NULL};

    (void)state;
    walk_lab_init(kinds, 512);
    return mkdtemp(run_dir) == NULL;
}

int lab_group_teardown(void **state)
{
    (void)state;
    return rmdir(run_dir);
}

int lab_setup(void **state)
{
    (void)state;
    memset(lab_asked, 0, sizeof(lab_asked));
    memset(lab_firewalls, 0, sizeof(lab_firewalls));
    memset(lab_nats, 0, sizeof(lab_nats));
    for (unsigned i = 0; i < LAB_N_FIREWALLS; i++)
        lab_firewalls[i].slot = 100 + i;
    start();
    return 0;
}

int lab_teardown(void **state)
{
    char path[sizeof(run_dir) + 8];

    (void)state;
    walk_lab_end();
    stop();
    snprintf(path, sizeof(path), "%s/kept", run_dir);
    (void)unlink(path);
    for (unsigned i = 0; i < LAB_N_FIREWALLS; i++)
        assert_int_equal(lab_firewalls[i].n_held, 0);
    for (unsigned i = 0; i < LAB_N_NATS; i++)
        assert_int_equal(lab_nats[i].n_held, 0);
    return 0;
}

void lab_restart(void)
{
    walk_lab_end();
    stop();
    start();
}

static void add(struct model *model, enum api_type type, const void *items, uint32_t n)
{
    assert_int_equal(model_add(model, type, items, n), 0);
}

struct model *lab_model(enum api_on_failure on_failure)
{
    static struct model model;
    struct api_tenant tenant = {.name = "blue",
                                .neighbor_limit = 1,
                                .session_limit = 1000,
                                .half_open_limit = 500,
                                .source_session_limit = 500,
                                .fragment_limit = 16};
    const struct api_port ports[LAB_N_PORTS] = {
        walk_lab_port_config("in"), walk_lab_port_config("out"), walk_lab_port_config("left"),
        walk_lab_port_config("right")};
    const struct api_firewall firewalls[] = {{.name = "fw"}, {.name = "fw2"}};
    const struct api_nat nats[] = {{.name = "nat"}, {.name = "nat2"}};
    const struct api_guest_function guest = {.name = "dpi",
                                             .inside = LAB_GUEST_IN,
                                             .outside = LAB_GUEST_OUT,
                                             .on_failure = (uint8_t)on_failure};

    for (unsigned i = 0; i < API_N_TIMEOUTS; i++)
        tenant.timeout_sec[i] = 60;
    model_init(&model);
    add(&model, API_TENANT, &tenant, 1);
    add(&model, API_PORT, ports, LAB_N_PORTS);
    add(&model, API_FIREWALL, firewalls, LAB_N_FIREWALLS);
    add(&model, API_NAT, nats, LAB_N_NATS);
    add(&model, API_GUEST_FUNCTION, &guest, 1);
    return &model;
}

void lab_add_chain(struct model *model, const char *functions)
{
    const struct api_chain chain = {.name = "edge",
                                    .inside = {.kind = API_END_PORT, .index = LAB_IN},
                                    .outside = {.kind = API_END_PORT, .index = LAB_OUT}};

    add(model, API_CHAIN, &chain, 1);
    for (const char *c = functions; *c != '\0'; c++) {
        struct api_chain_function function = {.kind = API_FUNCTION_GUEST};
        uint8_t n_before = 0;

        if (*c == 'f' || *c == 'g')
            function = (struct api_chain_function){.kind = API_FUNCTION_FIREWALL,
                                                   .index = (uint32_t)(*c - 'f')};
        if (*c == 'n' || *c == 'm')
            function = (struct api_chain_function){.kind = API_FUNCTION_NAT,
                                                   .index = (uint32_t)('n' - *c)};
        for (const char *b = functions; b < c; b++)
            n_before = (uint8_t)(n_before + (*b == *c));
        function.further = n_before > 0 ? (uint8_t)(n_before + 1) : 0;
        add(model, API_CHAIN_FUNCTION, &function, 1);
    }
}

void lab_publish(const char *functions)
{
    struct model *model = lab_model(API_ON_FAILURE_BLOCK);

    lab_add_chain(model, functions);
    walk_lab_publish(model);
}

void lab_udp(struct frame *f, int is_inside, const char *src, uint16_t src_port, const char *dst,
             uint16_t dst_port)
{
    frame_ether(f, is_inside ? GATE_MAC : HOST_MAC, is_inside ? HOST_MAC : GATE_MAC);
    frame_ip4(f, src, dst);
    frame_ip4_whole(f);
    frame_udp(f, src_port, dst_port);
    frame_payload(f, 20);
    frame_end(f);
}

void lab_tcp(struct frame *f, int is_inside, const char *const addresses[2],
             const uint16_t ports[2], uint8_t flags)
{
    frame_ether(f, is_inside ? GATE_MAC : HOST_MAC, is_inside ? HOST_MAC : GATE_MAC);
    frame_ip4(f, addresses[0], addresses[1]);
    frame_ip4_whole(f);
    frame_tcp(f, ports[0], ports[1], flags, 0);
    memset(f->bytes + f->l4_off + 4, 0, 8);
    f->bytes[f->l4_off + 11] = (flags & 0x10) != 0;
    frame_end(f);
}

void lab_receive(unsigned port, const struct frame *f)
{
    walk_lab_receive(port, f->bytes, f->len, 0, 0);
}

void lab_expect(unsigned port, unsigned n, const struct frame *f)
{
    assert_int_equal(walk_lab_n_sent(port), n);
    assert_true(mbuf_holds(walk_lab_sent(port, n - 1), f->bytes, f->len));
}

static struct rte_ipv4_hdr *ip4_of(uint8_t *frame)
{
    return (struct rte_ipv4_hdr *)(frame + RTE_ETHER_HDR_LEN);
}

uint16_t lab_identification(unsigned port, unsigned number)
{
    struct rte_mbuf *m = walk_lab_sent(port, number);

    assert_non_null(m);
    return ntohs(ip4_of(rte_pktmbuf_mtod(m, uint8_t *))->packet_id);
}

void lab_identify(struct frame *f, uint16_t identification)
{
    struct rte_ipv4_hdr *ip = ip4_of(f->bytes);

    ip->packet_id = htons(identification);
    ip->hdr_checksum = 0;
    ip->hdr_checksum = rte_ipv4_cksum(ip);
}

struct chain_state *lab_state(void)
{
    return chain_state_of(session_chain_id("blue", "edge"));
}

struct chain_counters lab_counters(void)
{
    return *chain_counters_of(lab_state(), 0);
}

uint32_t lab_n_sessions(void)
{
    uint32_t n_sessions, n_half_open;

    session_chain_counts(session_chain_id("blue", "edge"), &n_sessions, &n_half_open);
    return n_sessions;
}
