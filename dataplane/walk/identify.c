// SPDX-License-Identifier: BSD-3-Clause
// What is the same in two generations? An attachment is, if the same side of the same function has
// the same plugged in. Called by server/build.c for each generation, main thread. Next: flow/way.c,
// whose ways live on while their attachments do.

#include <string.h>

#include "dataplane/walk/generation.h"
#include "dataplane/walk/guard.h"
#include "dataplane/walk/version.h"

static uint64_t mix_text(uint64_t hash, const char *text)
{
    uint64_t word;
    size_t len = strlen(text);

    for (size_t i = 0; i <= len; i += sizeof(word)) {
        word = 0;
        memcpy(&word, text + i, len - i < sizeof(word) ? len - i : sizeof(word));
        hash = walk_mix(hash, word);
    }
    return hash;
}

static uint64_t mix_function(uint64_t hash, const struct generation *generation, uint32_t index)
{
    const struct function *f = &generation->functions[index];

    if (index == FUNCTION_NONE)
        return walk_mix(hash, FUNCTION_NONE);
    return mix_text(mix_text(mix_text(hash, f->ops->name), f->tenant), f->name);
}

static uint64_t mix_port(uint64_t hash, const struct generation *generation,
                         const struct port *port)
{
    const struct guard *guard;

    if (port == NULL)
        return walk_mix(hash, 0);
    guard = generation->ports[port->slot].guard;
    hash = walk_mix(walk_mix(hash, (uint64_t)(uintptr_t)port), port->slot);
    return guard != NULL ? walk_mix(hash, guard_fingerprint(guard)) : hash;
}

static uint64_t identify(const struct generation *generation, const struct attachment *a)
{
    uint64_t hash = mix_function(0, generation, a->function);

    hash = mix_port(hash, generation, a->port);
    hash = mix_port(hash, generation, a->guest_port);
    hash = walk_mix(hash, (uint64_t)a->outer_vlan << 32 | (uint64_t)a->inner_vlan << 16 |
                              (uint64_t)a->n_tags << 8 | a->is_passed_by);
    if (a->peer != ATTACHMENT_NONE)
        hash = mix_function(hash, generation, generation->attachments[a->peer].function);
    return hash;
}

// Cables of one function are told apart by their order; where that has changed they are others.
static void identify_sides(struct generation *generation, uint32_t first, uint32_t n)
{
    struct attachment *sides = &generation->attachments[first];

    for (uint32_t i = 0; i < n; i++)
        sides[i].id = walk_mix(identify(generation, &sides[i]), sides[i].port == NULL ? i : 0);
}

void generation_identify(struct generation *generation)
{
    uint32_t end = 0;

    for (uint32_t i = 0; i < generation->n_functions; i++) {
        const struct function *f = &generation->functions[i];

        identify_sides(generation, f->first_attachment, f->n_attachments);
        end = f->first_attachment + f->n_attachments;
    }
    identify_sides(generation, end, generation->n_attachments - end);
}
