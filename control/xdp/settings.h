// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_XDP_SETTINGS_H
#define CONTROL_XDP_SETTINGS_H

// What the configuration says of af-xdp ports, in the form of the maps.

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "control/datastore/datastore.h"
#include "control/southbound/encoding.h"
#include "control/xdp/program.h"

// Keys of a map, in ascending order of their bytes, none twice.
struct key_list {
    void *keys;
    size_t n, key_size;
};

struct settings {
    char tenant[API_NAME_SIZE], port[API_NAME_SIZE], interface[IFNAMSIZ];
    enum program_mode mode;
    __u8 flags; // enum steer_flag
    bool is_listed[STEER_MAX_VLANS];
    bool is_attached[STEER_MAX_VLANS]; // something of the configuration is in this VLAN
    struct key_list macs, prefixes, denied;
    struct settings *next;
};

// The settings of all af-xdp ports, in the order of the configuration. -ENOMEM. `encoding` is of
// the same configuration.
int settings_create(const struct config *config, const struct encoding *encoding,
                    struct settings **settings);
void settings_destroy(struct settings *settings); // the whole list

// Whether two ports want the same in their maps.
bool settings_steer_alike(const struct settings *a, const struct settings *b);

// Sort and drop what is there twice. Public for maps.c.
void key_list_sort(struct key_list *list);
bool key_list_has(const struct key_list *list, const void *key);

// "10.0.0.0/8", "fd00::1" as a key. -EINVAL: neither.
int settings_prefix(const char *text, struct steer_prefix *prefix);

#endif
