// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/router/note_lab.h"

void note_spec(struct lab_spec *spec)
{
    uint32_t group;

    lab_spec_init(spec);
    lab_neighbor(spec, 1, "10.0.1.7", "52:54:00:00:00:07");
    lab_neighbor(spec, 1, "fd00:1::7", "52:54:00:00:00:07");
    lab_route(spec, "192.0.2.0", 24, 1, "10.0.1.2");
    lab_route(spec, "192.0.3.0", 24, 1, "10.0.1.2");
    lab_route(spec, "2001:db8:1::", 48, 1, "fd00:1::2");
    lab_route_to(spec, "203.0.113.0", 24, lab_group(spec, API_ROUTE_BLACKHOLE));
    lab_route_to(spec, "203.0.112.0", 24, lab_group(spec, API_ROUTE_UNREACHABLE));
    group = lab_group(spec, API_ROUTE_UNICAST);
    lab_next_hop(spec, group, 1, "10.0.1.2", 1);
    lab_next_hop(spec, group, 2, "10.0.2.2", 1);
    lab_route_to(spec, "198.51.100.0", 24, group);
}

int note_send(const char *src, const char *dst)
{
    static struct frame f;

    lab_udp(&f, 0, src, dst, 20);
    lab_receive(0, &f);
    lab_clear();
    return lab_is_plain(0);
}

uint16_t note_route(const char *text)
{
    uint8_t address[16], family = lab_parse(text, address);

    return route_place(lab_state()->routes, family, address);
}

uint16_t note_neighbor(unsigned interface, const char *text)
{
    const struct neighbor_table *t = lab_state()->neighbors;
    uint8_t address[16], family = lab_parse(text, address);

    return neighbor_place(t, neighbor_id(t, lab_interface(interface)->slot, family, address).hash);
}

// Whether two of the objects that tests tell apart have one number.
static int has_met(void)
{
    const uint16_t places[] = {
        route_place_of_all(lab_state()->routes),
        note_route(FAR4),
        note_route(FAR6),
        note_route(TWO4),
        note_route("10.0.0.0"),
        note_route("fd00:1::"),
        note_route("fd00:2::"),
        note_route("fd00:3::"),
        note_neighbor(1, "10.0.1.2"),
        note_neighbor(1, "10.0.1.9"),
        note_neighbor(1, "fd00:1::2"),
        note_neighbor(2, "10.0.2.2"),
    };

    for (unsigned i = 0; i < RTE_DIM(places); i++)
        for (unsigned k = 0; k < i; k++)
            if (places[i] == places[k])
                return 1;
    return 0;
}

int note_setup(void **state)
{
    struct lab_spec spec;

    (void)state;
    memset(&lab_past, 0, sizeof(lab_past));
    note_spec(&spec);
    lab_start(&spec);
    while (has_met())
        walk_version_secret[0]++;
    return 0;
}
