// SPDX-License-Identifier: BSD-3-Clause
// What a switch keeps from one generation to the next, what it forgets, what a transaction that
// fails leaves behind (nothing), what it refuses, and what it shows.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "dataplane/core/clock.h"
#include "dataplane/core/qsbr.h"
#include "tests/lib/mbuf_builder.h"
#include "tests/unit/switch/lab.h"

static const uint8_t a[6] = {0x52, 0x54, 0, 0, 0, 0xa};
static const uint8_t b[6] = {0x52, 0x54, 0, 0, 0, 0xb};
static const uint8_t c[6] = {0x52, 0x54, 0, 0, 0, 0xc};
static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static struct lab_generation *build(const struct lab_config *config)
{
    struct error e = {0};
    struct lab_generation *g = lab_build(config, &e);

    if (g == NULL)
        fail_msg("%s: %s", e.path, e.sentence);
    return g;
}

static struct lab_generation *start(const struct lab_config *config)
{
    struct lab_generation *g = build(config);

    lab_activate(g, NULL);
    return g;
}

static struct lab_generation *change(struct lab_generation *old, const struct lab_config *config)
{
    struct lab_generation *g = build(config);

    lab_activate(g, old);
    return g;
}

static int send(const struct lab_generation *g, uint32_t side, const uint8_t *destination,
                const uint8_t *source)
{
    struct lab_frame frame;

    lab_frame(&frame, side, destination, source);
    lab_process(g, &frame, 1, 0, 0);
    return lab_verdict(&frame);
}

static void set_static(struct lab_config *config, uint32_t member, const uint8_t *mac)
{
    struct api_static_mac *item = &config->statics[config->n_statics++];

    item->member = member;
    memcpy(item->mac, mac, 6);
}

static uint32_t n_of_side(const struct lab_generation *g, uint32_t side)
{
    const struct switch_config *config = g->function.config;

    return mac_table_n_of_port(lab_state(g)->table, config->members[side].port->id);
}

static void number_mac(uint8_t *mac, uint32_t number)
{
    const uint8_t bytes[6] = {2, 0, 0, 0, (uint8_t)(number >> 8), (uint8_t)number};

    memcpy(mac, bytes, sizeof(bytes));
}

static void macs_follow_their_member(void **unused)
{
    struct lab_config config = lab_plain(3);
    struct lab_generation *g = start(&config);

    (void)unused;
    send(g, 0, broadcast, a);
    send(g, 1, broadcast, b);
    send(g, 2, broadcast, c);
    // Another order, and p1 is gone.
    config.members[0].port = 2;
    config.members[1].port = 0;
    config.n_members = 2;
    g = change(g, &config);
    assert_int_equal(lab_side(g, c), 0);
    assert_int_equal(lab_side(g, a), 1);
    assert_int_equal(lab_entry(g, b), 0);
    assert_int_equal(lab_state(g)->table->n_entries, 2);
    assert_int_equal(send(g, 0, a, c), lab_verdict_to(1));
    // Nobody inherits: p1 takes the free slot again and knows nothing.
    config.members[2].port = 1;
    config.n_members = 3;
    g = change(g, &config);
    assert_int_equal(lab_state(g)->n_slots, 3);
    assert_int_equal(lab_entry(g, b), 0);
    assert_int_equal(n_of_side(g, 2), 0);
    lab_destroy(g);
}

static void another_vlan_is_another_member(void **unused)
{
    struct lab_config config = lab_plain(2);
    struct lab_generation *g;

    (void)unused;
    config.members[1].outer_vlan = 10;
    g = start(&config);
    send(g, 1, broadcast, b);
    config.members[1].inner_vlan = 20;
    g = change(g, &config);
    assert_int_equal(lab_entry(g, b), 0);
    send(g, 1, broadcast, b);
    // The port's settings are no part of the member's name.
    config.ports[1].mtu = 9000;
    config.ports[1].mac_limit = 3;
    g = change(g, &config);
    assert_int_equal(lab_side(g, b), 1);
    lab_destroy(g);
}

// More members than there are chains to find their slots in.
static void many_vlans_are_many_members(void **unused)
{
    struct lab_config config = lab_plain(1);
    struct lab_generation *g;
    uint8_t mac[6];

    (void)unused;
    config.n_members = LAB_MAX_MEMBERS;
    config.mac_table_size = 1000;
    for (uint32_t i = 0; i < LAB_MAX_MEMBERS; i++)
        config.members[i] = (struct api_member){.outer_vlan = (uint16_t)(i + 1)};
    g = start(&config);
    for (uint32_t i = 0; i < LAB_MAX_MEMBERS; i++) {
        number_mac(mac, i);
        send(g, i, broadcast, mac);
    }
    // Every other one goes, the rest changes sides.
    for (uint32_t i = 0; i < LAB_MAX_MEMBERS / 2; i++)
        config.members[i].outer_vlan = (uint16_t)(LAB_MAX_MEMBERS - 2 * i);
    config.n_members = LAB_MAX_MEMBERS / 2;
    g = change(g, &config);
    for (uint32_t i = 0; i < LAB_MAX_MEMBERS; i++) {
        number_mac(mac, i);
        assert_int_equal(lab_side(g, mac), i % 2 == 0 ? SIDE_NONE : (LAB_MAX_MEMBERS - i) / 2);
    }
    assert_int_equal(n_of_side(g, 0), LAB_MAX_MEMBERS / 2);
    lab_destroy(g);
}

static void late_learning_is_forgotten(void **unused)
{
    struct lab_config config = lab_plain(3);
    struct lab_generation *g = start(&config), *next;

    (void)unused;
    config.members[2].outer_vlan = 7;
    next = build(&config);
    // In the grace period one worker has the old generation, another the new one.
    assert_int_equal(send(g, 2, broadcast, a), LAB_FLOODED);
    assert_int_equal(send(next, 0, a, b), LAB_FLOODED); // a is behind a member that is not there
    assert_int_equal(send(next, 2, b, c), lab_verdict_to(0));
    assert_int_equal(send(g, 1, c, b), LAB_FLOODED);
    lab_activate(next, g);
    assert_int_equal(lab_entry(next, a), 0);
    assert_int_equal(lab_side(next, b), 1);
    assert_int_equal(lab_side(next, c), 2);
    lab_destroy(next);
}

static void a_failed_transaction_leaves_nothing(void **unused)
{
    struct lab_config config = lab_plain(2), other = lab_plain(5);
    struct lab_generation *g = start(&config), *never;
    struct switch_state *state = lab_state(g);
    struct mac_table *table = state->table;
    uint16_t chain[STATE_N_CHAINS];
    struct error e = {0};

    (void)unused;
    send(g, 0, broadcast, a);
    memcpy(chain, state->chain, sizeof(chain));
    other.mac_table_size = 5000;
    set_static(&other, 4, b);
    other.members[0].outer_vlan = 9;
    never = build(&other);
    lab_destroy(never);
    set_static(&other, 4, b); // twice: refused when all members have their slots
    assert_null(lab_build(&other, &e));
    assert_int_equal(e.code, -EINVAL);

    assert_ptr_equal(state->table, table);
    assert_ptr_equal(state->active, g->function.config);
    assert_memory_equal(state->chain, chain, sizeof(chain));
    assert_int_equal(state->n_references, 1);
    for (uint32_t slot = 0; slot < state->n_slots; slot++)
        assert_int_equal(state->slots[slot].n_references, slot < 2);
    for (unsigned id = 0; id < MAC_TABLE_MAX_PORTS; id++)
        assert_int_equal(state->ports[id] != NULL, id < 2);
    assert_int_equal(table->n_entries, 1);
    assert_int_equal(send(g, 1, a, b), lab_verdict_to(0));
    lab_destroy(g);
}

static void a_table_of_another_size_keeps_macs(void **unused)
{
    static const uint32_t sizes[] = {4096, 64, 100000};
    struct lab_config config = lab_plain(3);
    struct lab_generation *g;
    struct lab_frame frame;

    (void)unused;
    config.mac_table_size = 512;
    set_static(&config, 2, c);
    g = start(&config);
    lab_frame(&frame, 0, broadcast, a);
    lab_process(g, &frame, 1, 77, 0);
    lab_frame(&frame, 1, broadcast, b);
    lab_process(g, &frame, 1, 88, 0);
    for (unsigned i = 0; i < RTE_DIM(sizes); i++) {
        config.mac_table_size = sizes[i];
        g = change(g, &config);
        assert_int_equal(lab_state(g)->table->size, sizes[i]);
        assert_int_equal(lab_state(g)->table->n_entries, 3);
        for (uint32_t side = 0; side < 3; side++)
            assert_int_equal(n_of_side(g, side), 1);
        assert_int_equal(lab_side(g, a), 0);
        assert_int_equal(lab_side(g, b), 1);
        assert_true(lab_entry(g, c) & MAC_STATIC);
    }
    // Their age came along.
    clock_sec_now = 77 + 300;
    lab_age(g);
    assert_int_equal(lab_entry(g, a), 0);
    assert_int_equal(lab_side(g, b), 1);
    lab_destroy(g);
    clock_sec_now = 0;
}

// MACs of a member that goes take no room in a table that shrinks.
static void a_smaller_table_is_for_those_who_stay(void **unused)
{
    struct lab_config config = lab_plain(3);
    struct lab_generation *g = start(&config);
    uint8_t mac[6];

    (void)unused;
    for (uint32_t i = 0; i < 200; i++) {
        number_mac(mac, i);
        send(g, i < 16 ? 0 : 2, broadcast, mac);
    }
    config.n_members = 2;
    config.mac_table_size = 16;
    g = change(g, &config);
    assert_int_equal(lab_state(g)->table->n_entries, 16);
    assert_int_equal(n_of_side(g, 0), 16);
    lab_destroy(g);
}

#define N_KNOWN 500

struct worker {
    const struct lab_generation *generation; // what main has published
    unsigned n_other;                        // frames that were not forwarded
    unsigned n_frames;
    int is_over;
};

// Sends to known MACs only.
static void *work(void *argument)
{
    struct worker *w = argument;
    static struct lab_frame frames[BURST_SIZE];
    uint32_t next = 0;
    uint8_t mac[6];

    qsbr_online(0);
    while (!__atomic_load_n(&w->is_over, __ATOMIC_ACQUIRE)) {
        const struct lab_generation *g = __atomic_load_n(&w->generation, __ATOMIC_ACQUIRE);

        for (unsigned i = 0; i < BURST_SIZE; i++) {
            number_mac(mac, next++ % N_KNOWN);
            lab_frame(&frames[i], 1, mac, b);
        }
        lab_process(g, frames, BURST_SIZE, 0, 0);
        for (unsigned i = 0; i < BURST_SIZE; i++)
            w->n_other += lab_verdict(&frames[i]) != lab_verdict_to(0);
        __atomic_fetch_add(&w->n_frames, BURST_SIZE, __ATOMIC_RELEASE);
        qsbr_quiescent(0);
    }
    qsbr_offline(0);
    return NULL;
}

// Under load a commit floods nothing that was known, even when the table changes.
static void a_commit_is_not_noticed(void **unused)
{
    struct lab_config config = lab_plain(3);
    struct lab_generation *g;
    struct worker w = {0};
    pthread_t thread;
    uint8_t mac[6];

    (void)unused;
    config.mac_table_size = 2000;
    g = start(&config);
    for (uint32_t i = 0; i < N_KNOWN; i++) {
        number_mac(mac, i);
        send(g, 0, broadcast, mac);
    }
    assert_int_equal(qsbr_init(1), 0);
    w.generation = g;
    assert_int_equal(pthread_create(&thread, NULL, work, &w), 0);
    for (uint32_t i = 0; i < 16; i++) {
        unsigned n_before = __atomic_load_n(&w.n_frames, __ATOMIC_ACQUIRE);
        struct lab_generation *next;

        config.mac_table_size = i % 2 == 0 ? 5000 : 2000;
        config.n_members = 2 + i % 2;
        next = build(&config);
        __atomic_store_n(&w.generation, next, __ATOMIC_RELEASE);
        qsbr_wait();
        lab_activate(next, g);
        g = next;
        while (__atomic_load_n(&w.n_frames, __ATOMIC_ACQUIRE) < n_before + 10 * BURST_SIZE)
            sched_yield();
    }
    __atomic_store_n(&w.is_over, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    qsbr_fini();
    assert_int_equal(w.n_other, 0);
    assert_int_equal(n_of_side(g, 0), N_KNOWN);
    lab_destroy(g);
}

static void static_macs_follow_the_configuration(void **unused)
{
    struct lab_config config = lab_plain(3);
    struct lab_generation *g = start(&config);

    (void)unused;
    send(g, 0, broadcast, a); // learned first
    set_static(&config, 1, a);
    g = change(g, &config);
    assert_int_equal(lab_side(g, a), 1);
    assert_int_equal(n_of_side(g, 0), 0);
    assert_int_equal(n_of_side(g, 1), 1);
    assert_int_equal(send(g, 0, broadcast, a), lab_verdict_drop(DROP_SWITCH_STATIC_ELSEWHERE));
    config.statics[0].member = 2;
    g = change(g, &config);
    assert_int_equal(lab_side(g, a), 2);
    assert_int_equal(n_of_side(g, 1), 0);
    assert_int_equal(send(g, 0, a, b), lab_verdict_to(2));
    config.n_statics = 0;
    g = change(g, &config);
    assert_int_equal(lab_entry(g, a), 0);
    assert_int_equal(send(g, 0, broadcast, a), LAB_FLOODED);
    assert_int_equal(lab_side(g, a), 0);
    lab_destroy(g);
}

static void state_belongs_to_the_name(void **unused)
{
    struct lab_config config = lab_plain(2), other = config;
    struct lab_generation *g = start(&config), *of_green;

    (void)unused;
    other.tenant = "green";
    of_green = start(&other);
    send(g, 0, broadcast, a);
    assert_ptr_not_equal(lab_state(g), lab_state(of_green));
    assert_int_equal(lab_entry(of_green, a), 0);
    config.name = "wan";
    g = change(g, &config);
    assert_int_equal(lab_entry(g, a), 0);
    lab_destroy(g);
    lab_destroy(of_green);
}

static void nonsense_is_refused(void **unused)
{
    static const uint8_t group[6] = {1, 0, 0, 0, 0, 1}, zero[6];
    struct {
        const char *sentence;
        struct lab_config config;
    } cases[] = {
        {"member 1 refers to port 9 of 2", lab_plain(2)},
        {"members 0 and 1 are the same", lab_plain(2)},
        {"static MAC 0 is zero or a group's", lab_plain(2)},
        {"static MAC 0 is zero or a group's", lab_plain(2)},
        {"static MAC 1 is at a member of another switch", lab_plain(2)},
        {"static MAC 0 is at a member of another switch", lab_plain(2)},
        {"a static MAC is given twice", lab_plain(2)},
        {"2 static MACs in a table of 1", lab_plain(2)},
        {"the tenant has two switches of this name", lab_plain(2)},
    };
    struct error e;

    (void)unused;
    cases[0].config.members[1].port = 9;
    cases[1].config.members[1].port = 0;
    set_static(&cases[2].config, 0, group);
    set_static(&cases[3].config, 0, zero);
    set_static(&cases[4].config, 0, a);
    set_static(&cases[4].config, 2, b);
    set_static(&cases[5].config, UINT32_MAX, a); // the other switch's member
    set_static(&cases[6].config, 0, a);
    set_static(&cases[6].config, 1, a);
    set_static(&cases[7].config, 0, a);
    set_static(&cases[7].config, 1, b);
    cases[7].config.mac_table_size = 1;
    cases[8].config.is_twice = 1;
    for (unsigned i = 0; i < RTE_DIM(cases); i++) {
        memset(&e, 0, sizeof(e));
        assert_null(lab_build(&cases[i].config, &e));
        assert_int_equal(e.code, -EINVAL);
        assert_string_equal(e.sentence, cases[i].sentence);
        assert_string_equal(e.path, "blue/lan");
    }
}

// Find a MAC in a listing; NULL if it is not there exactly once.
static const struct api_mac *listed(const struct api_mac *items, uint32_t n, const uint8_t *mac)
{
    const struct api_mac *found = NULL;

    for (uint32_t i = 0; i < n; i++)
        if (memcmp(items[i].mac, mac, 6) == 0) {
            if (found != NULL)
                return NULL;
            found = &items[i];
        }
    return found;
}

// What the switch answers to API_LIST_MACS, at most n_max items from `cursor` on.
static uint32_t list(struct lab_generation *g, uint32_t cursor, struct api_mac *items,
                     uint32_t n_max)
{
    struct api_list_macs list = {.tenant = "blue", .name = "lan", .cursor = cursor};
    struct function_request request = {
        .generation = &g->generation,
        .type = API_LIST_MACS,
        .items = &list,
        .n_items = 1,
        .answer = items,
        .answer_size = n_max * sizeof(*items),
    };
    struct error e;

    assert_int_equal(switch_ops.request(&g->function, &request, &e), 0);
    assert_int_equal(request.answer_type, API_MACS);
    return request.n_answers;
}

static void shows_what_it_knows(void **unused)
{
    struct lab_config config = lab_plain(3);
    uint32_t n_macs[API_MAX_PORTS] = {[10] = 5};
    struct lab_generation *g;
    struct lab_frame frame;
    struct api_mac items[8];

    (void)unused;
    config.members[0].outer_vlan = 10;
    config.members[2] = (struct api_member){.port = 0, .outer_vlan = 10, .inner_vlan = 20};
    set_static(&config, 1, b);
    g = start(&config);
    lab_frame(&frame, 0, broadcast, a);
    lab_process(g, &frame, 1, 30, 0);
    lab_frame(&frame, 2, broadcast, c);
    lab_process(g, &frame, 1, 40, 0);
    clock_sec_now = 42;

    // Two at a time: the cursor leads from one answer to the next.
    assert_int_equal(list(g, 0, items, 2), 2);
    assert_int_equal(items[0].next, 0);
    assert_int_not_equal(items[1].next, 0);
    assert_int_equal(list(g, items[1].next, items + 2, 2), 1);
    assert_int_equal(items[2].next, 0);
    assert_int_equal(listed(items, 3, a)->age_sec, 12);
    assert_string_equal(listed(items, 3, a)->port, "p0");
    assert_string_equal(listed(items, 3, a)->port_tenant, "blue");
    assert_int_equal(listed(items, 3, a)->outer_vlan, 10);
    assert_int_equal(listed(items, 3, a)->inner_vlan, 0);
    assert_int_equal(listed(items, 3, a)->is_static, 0);
    assert_int_equal(listed(items, 3, b)->age_sec, 0);
    assert_int_equal(listed(items, 3, b)->is_static, 1);
    assert_string_equal(listed(items, 3, b)->port, "p1");
    assert_int_equal(listed(items, 3, c)->inner_vlan, 20);

    // Counts are added; a port with two VLANs counts once.
    switch_count_macs(&g->generation, n_macs);
    assert_int_equal(n_macs[10], 5 + 2);
    assert_int_equal(n_macs[11], 1);
    assert_int_equal(n_macs[12], 0);

    assert_int_equal(list(g, UINT32_MAX, items, 8), 1);
    assert_memory_equal(items[0].mac, "\0\0\0\0\0\0", 6);
    assert_int_equal(items[0].next, 0);
    lab_destroy(g);
    clock_sec_now = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(macs_follow_their_member),
        cmocka_unit_test(another_vlan_is_another_member),
        cmocka_unit_test(many_vlans_are_many_members),
        cmocka_unit_test(late_learning_is_forgotten),
        cmocka_unit_test(a_failed_transaction_leaves_nothing),
        cmocka_unit_test(a_table_of_another_size_keeps_macs),
        cmocka_unit_test(a_smaller_table_is_for_those_who_stay),
        cmocka_unit_test(a_commit_is_not_noticed),
        cmocka_unit_test(static_macs_follow_the_configuration),
        cmocka_unit_test(state_belongs_to_the_name),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(shows_what_it_knows),
    };

    mbuf_eal_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
