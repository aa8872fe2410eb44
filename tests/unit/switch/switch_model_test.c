// SPDX-License-Identifier: BSD-3-Clause
// Property: the switch does what a naive model of it does, whatever happens to both. The model
// keeps an array of MACs and walks it; operations are frames, time, ageing, commits (members,
// limits, static MACs, sizes) with frames of both generations in the grace period, and transactions
// that are given up. After each operation all verdicts and the whole table are compared.
// CULVERT_TEST_SEED=n plays another sequence; a failure prints seed, operation number and kind.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "dataplane/core/clock.h"
#include "tests/lib/mbuf_builder.h"
#include "tests/unit/switch/lab.h"

#define N_OPERATIONS 150000
#define N_MACS 40
#define N_PORTS 5
#define N_PLACES 12 // port i % N_PORTS, VLAN i / N_PORTS: all members there can be
#define NOWHERE (-1)

struct model_mac {
    int place; // or NOWHERE
    int is_static;
    uint32_t seen_sec;
};

struct model_meter {
    uint64_t used_cycles, at_tsc;
};

static struct {
    struct model_mac macs[N_MACS];
    struct model_meter meters[N_PORTS][STORM_N_CLASSES];
    uint32_t size;
    uint32_t now_sec;
    uint64_t now_tsc;
} model;

static uint64_t seed, random_state;
static unsigned operation; // number
static const char *kind;

#define check(what)                                                                    \
    do {                                                                               \
        if (!(what))                                                                   \
            fail_msg("seed %lu, operation %u (%s): %s", seed, operation, kind, #what); \
    } while (0)

// 0 to n - 1 (splitmix64).
static uint32_t draw(uint32_t n)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15U;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return (uint32_t)((z ^ z >> 31) % n);
}

// Addresses beyond the MACs that can be learned.
enum { BROADCAST = N_MACS, MULTICAST, LINK_LOCAL, ZERO, N_ADDRESSES };

static void address(uint8_t *mac, uint32_t number)
{
    static const uint8_t others[][6] = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
                                        {0x33, 0x33, 0, 0, 0, 1},
                                        {0x01, 0x80, 0xc2, 0, 0, 0x0e},
                                        {0}};
    const uint8_t learnable[6] = {2, 0, 0, 0, (uint8_t)(number * 7), (uint8_t)number};

    memcpy(mac, number < N_MACS ? learnable : others[number - N_MACS], 6);
}

static int place_of(const struct lab_config *config, uint32_t side)
{
    const struct api_member *member = &config->members[side];

    return (int)(member->port + N_PORTS * member->outer_vlan);
}

static int side_of(const struct lab_config *config, int place)
{
    for (uint32_t side = 0; side < config->n_members; side++)
        if (place_of(config, side) == place)
            return (int)side;
    return NOWHERE;
}

static uint32_t n_entries(void)
{
    uint32_t n = 0;

    for (unsigned i = 0; i < N_MACS; i++)
        n += model.macs[i].place != NOWHERE;
    return n;
}

static uint32_t n_of_port(int port, int is_static)
{
    uint32_t n = 0;

    for (unsigned i = 0; i < N_MACS; i++)
        n += model.macs[i].place != NOWHERE && model.macs[i].place % N_PORTS == port &&
             model.macs[i].is_static == is_static;
    return n;
}

static void model_learn(const struct lab_config *config, struct model_mac *mac, int place)
{
    int port = place % N_PORTS;

    if (mac->place == NOWHERE && n_entries() >= model.size)
        return;
    if ((mac->place == NOWHERE || mac->place % N_PORTS != port) &&
        n_of_port(port, 0) >= config->ports[port].mac_limit)
        return;
    mac->place = place;
    mac->seen_sec = model.now_sec;
}

static int model_flood(const struct lab_config *config, int port, enum storm_class class)
{
    static const unsigned reasons[] = {DROP_STORM_BROADCAST, DROP_STORM_MULTICAST,
                                       DROP_STORM_UNKNOWN};
    const struct api_port *p = &config->ports[port];
    uint32_t pps = class == STORM_CLASS_BROADCAST   ? p->storm_broadcast_pps
                   : class == STORM_CLASS_MULTICAST ? p->storm_multicast_pps
                                                    : p->storm_unknown_pps;
    struct model_meter *meter = &model.meters[port][class];
    uint64_t cost, depth, elapsed = model.now_tsc - meter->at_tsc;

    if (config->n_members == 1)
        return lab_verdict_drop(DROP_SWITCH_ALONE);
    if (pps == 0)
        return LAB_FLOODED;
    cost = rte_get_tsc_hz() / pps;
    depth = cost * (pps / 10 > 64 ? pps / 10 : 64);
    meter->used_cycles = meter->used_cycles > elapsed ? meter->used_cycles - elapsed : 0;
    meter->at_tsc = model.now_tsc;
    if (meter->used_cycles > depth)
        meter->used_cycles = depth;
    if (meter->used_cycles + cost > depth)
        return lab_verdict_drop(reasons[class]);
    meter->used_cycles += cost;
    return LAB_FLOODED;
}

static int model_frame(const struct lab_config *config, uint32_t side, uint32_t destination,
                       uint32_t source)
{
    int place = place_of(config, side), to;
    struct model_mac *mac;

    if (source >= N_MACS)
        return lab_verdict_drop(DROP_SWITCH_SOURCE_NOT_UNICAST);
    if (destination == LINK_LOCAL)
        return lab_verdict_drop(DROP_SWITCH_LINK_LOCAL);
    mac = &model.macs[source];
    if (mac->place != NOWHERE && mac->is_static && mac->place != place)
        return lab_verdict_drop(DROP_SWITCH_STATIC_ELSEWHERE);
    if (mac->place == NOWHERE || !mac->is_static)
        model_learn(config, mac, place);
    if (destination == BROADCAST)
        return model_flood(config, place % N_PORTS, STORM_CLASS_BROADCAST);
    if (destination == MULTICAST)
        return model_flood(config, place % N_PORTS, STORM_CLASS_MULTICAST);
    to = destination < N_MACS ? side_of(config, model.macs[destination].place) : NOWHERE;
    if (to == NOWHERE)
        return model_flood(config, place % N_PORTS, STORM_CLASS_UNKNOWN);
    return to == (int)side ? lab_verdict_drop(DROP_SWITCH_SAME_PORT) : lab_verdict_to((uint32_t)to);
}

static void model_activate(const struct lab_config *config)
{
    int is_configured[N_MACS] = {0};

    for (uint32_t i = 0; i < config->n_statics; i++) {
        uint32_t number = config->statics[i].mac[5];

        model.macs[number] = (struct model_mac){place_of(config, config->statics[i].member), 1, 0};
        is_configured[number] = 1;
    }
    for (unsigned i = 0; i < N_MACS; i++)
        if ((model.macs[i].is_static && !is_configured[i]) ||
            side_of(config, model.macs[i].place) == NOWHERE)
            model.macs[i] = (struct model_mac){NOWHERE, 0, 0};
    for (int port = 0; port < N_PORTS; port++)
        if (side_of(config, port) == NOWHERE && side_of(config, port + N_PORTS) == NOWHERE &&
            side_of(config, port + 2 * N_PORTS) == NOWHERE)
            memset(model.meters[port], 0, sizeof(model.meters[port]));
    model.size = config->mac_table_size;
}

// A burst of random frames under one generation, judged by both.
static void play_frames(const struct lab_generation *g, const struct lab_config *config)
{
    static struct lab_frame frames[BURST_SIZE];
    int expected[BURST_SIZE], is_known[BURST_SIZE];
    unsigned n = draw(16) == 0 ? draw(BURST_SIZE + 1) : draw(6);

    for (unsigned i = 0; i < n; i++) {
        // Sometimes a MAC in ten is enough, so that limits are met and destinations known.
        uint32_t destination = draw(8) == 0 ? draw(N_ADDRESSES) : draw(N_MACS);
        uint32_t source = draw(16) == 0 ? draw(N_ADDRESSES) : draw(N_MACS);
        uint32_t side = draw(config->n_members);
        uint8_t to[6], from[6];

        address(to, destination);
        address(from, source);
        lab_frame(&frames[i], side, to, from);
        is_known[i] = source < N_MACS && model.macs[source].place == place_of(config, side);
        expected[i] = model_frame(config, side, destination, source);
    }
    lab_process(g, frames, n, model.now_sec, model.now_tsc);
    for (unsigned i = 0; i < n; i++) {
        int is_plain = is_known[i] && frames[i].p.verdict == PACKET_FORWARD;

        check(lab_verdict(&frames[i]) == expected[i]);
        check(frames[i].p.plain == (is_plain ? PACKET_PLAIN_LEARNED : PACKET_NOT_PLAIN));
    }
}

// Flows rely on what was known: where that is another now, its number has changed.
static void check_told(const struct lab_generation *g)
{
    static struct model_mac last[N_MACS];
    static uint32_t versions[N_MACS];

    for (uint32_t i = 0; i < N_MACS; i++) {
        const struct model_mac *mac = &model.macs[i];
        uint32_t version;
        uint8_t bytes[6];

        address(bytes, i);
        version = walk_version(mac_table_place(lab_state(g)->table, mac_key(bytes)));
        if (operation > 0 && last[i].place != NOWHERE &&
            (last[i].place != mac->place || last[i].is_static != mac->is_static))
            check(version != versions[i]);
        last[i] = *mac;
        versions[i] = version;
    }
}

static void check_table(const struct lab_generation *g, const struct lab_config *config)
{
    const struct mac_table *table = lab_state(g)->table;
    const struct switch_config *c = g->function.config;

    for (uint32_t i = 0; i < N_MACS; i++) {
        const struct model_mac *mac = &model.macs[i];
        uint64_t entry;
        uint8_t bytes[6];

        address(bytes, i);
        entry = lab_entry(g, bytes);
        check((entry != 0) == (mac->place != NOWHERE));
        if (entry == 0)
            continue;
        check(((entry & MAC_STATIC) != 0) == mac->is_static);
        check(switch_side_of(c, entry) == side_of(config, mac->place));
    }
    check(table->n_entries == n_entries());
    check(table->size == model.size);
    for (uint32_t side = 0; side < config->n_members; side++) {
        uint16_t id = c->members[side].port->id;
        int port = place_of(config, side) % N_PORTS;

        check(table->n_learned[id] == n_of_port(port, 0));
        check(table->n_static[id] == n_of_port(port, 1));
    }
}

// A configuration that comes from nowhere. The table has room for what is known, as which MACs are
// left out of a smaller one is nobody's business.
static struct lab_config random_config(void)
{
    static const uint32_t rates[] = {0, 0, 1, 100, 2000}, ages[] = {0, 3, 20};
    struct lab_config config = {.n_ports = N_PORTS, .ageing_sec = ages[draw(3)]};
    uint32_t places[N_PLACES];

    config.mac_table_size = 1 + draw(4) * 20 + n_entries();
    for (uint32_t i = 0; i < N_PORTS; i++) {
        struct api_port *port = &config.ports[i];

        snprintf(port->name, sizeof(port->name), "p%u", i);
        port->mac_limit = 1 + draw(12);
        port->storm_broadcast_pps = rates[draw(RTE_DIM(rates))];
        port->storm_multicast_pps = rates[draw(RTE_DIM(rates))];
        port->storm_unknown_pps = rates[draw(RTE_DIM(rates))];
    }
    for (uint32_t i = 0; i < N_PLACES; i++) {
        uint32_t j = draw(i + 1);

        places[i] = places[j];
        places[j] = i;
    }
    config.n_members = 1 + draw(N_PLACES);
    for (uint32_t i = 0; i < config.n_members; i++) {
        config.members[i].port = places[i] % N_PORTS;
        config.members[i].outer_vlan = (uint16_t)(places[i] / N_PORTS);
    }
    for (uint32_t i = draw(12); i < N_MACS; i += 10 + draw(20)) {
        struct api_static_mac *item = &config.statics[config.n_statics++];

        item->member = draw(config.n_members);
        address(item->mac, i);
    }
    config.mac_table_size += config.n_statics;
    return config;
}

static struct lab_generation *build(const struct lab_config *config)
{
    struct error e = {0};
    struct lab_generation *g = lab_build(config, &e);

    if (g == NULL)
        fail_msg("seed %lu, operation %u (%s): %s", seed, operation, kind, e.sentence);
    return g;
}

// Workers take the new generation one after the other, then the old one goes. While they do they
// may learn, so there are frames only if all that could be known fits into the next table.
static void commit(struct lab_generation **g, struct lab_config *config)
{
    struct lab_config next_config = random_config();
    struct lab_generation *next = build(&next_config);
    int has_room = next_config.mac_table_size >= N_MACS + next_config.n_statics;

    for (unsigned n = has_room ? draw(4) : 0; n > 0; n--) {
        play_frames(*g, config);
        play_frames(next, &next_config);
    }
    model_activate(&next_config);
    lab_activate(next, *g);
    *g = next;
    *config = next_config;
}

static void age(struct lab_generation *g, const struct lab_config *config)
{
    clock_sec_now = model.now_sec;
    lab_state(g)->told_sec = model.now_sec; // what was not learned is not said again and again
    lab_age(g);
    for (unsigned i = 0; config->ageing_sec != 0 && i < N_MACS; i++)
        if (!model.macs[i].is_static &&
            model.now_sec - model.macs[i].seen_sec >= config->ageing_sec)
            model.macs[i].place = NOWHERE;
}

static void play(struct lab_generation **g, struct lab_config *config)
{
    uint32_t dice = draw(100);

    if (dice < 80) {
        kind = "frames";
        play_frames(*g, config);
    } else if (dice < 90) {
        kind = "time";
        model.now_sec += draw(4);
        model.now_tsc += draw(4) == 0 ? rte_get_tsc_hz() * draw(30) : draw(UINT32_MAX) / 100;
    } else if (dice < 97) {
        kind = "age";
        age(*g, config);
    } else if (dice < 99) {
        kind = "commit";
        commit(g, config);
    } else {
        struct lab_config given_up = random_config();

        kind = "abort";
        lab_destroy(build(&given_up));
    }
    check_table(*g, config);
    check_told(*g);
}

static void switch_does_what_the_model_does(void **unused)
{
    const char *given = getenv("CULVERT_TEST_SEED");
    struct lab_config config;
    struct lab_generation *g;

    (void)unused;
    seed = given != NULL ? strtoull(given, NULL, 0) : 1;
    random_state = seed;
    print_message("seed %lu\n", seed);
    kind = "start";
    model.now_tsc = rte_get_tsc_hz();
    for (unsigned i = 0; i < N_MACS; i++)
        model.macs[i].place = NOWHERE;
    config = random_config();
    g = build(&config);
    model_activate(&config);
    lab_activate(g, NULL);
    for (operation = 0; operation < N_OPERATIONS; operation++)
        play(&g, &config);
    lab_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(switch_does_what_the_model_does),
    };

    mbuf_eal_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
