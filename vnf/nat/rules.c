// SPDX-License-Identifier: BSD-3-Clause
// What does the configuration say of this address and port? Called by process.c and choose.c on
// workers, without a lock, and by config.c. Pure: reads what config.c has sorted. Source rules are
// tried one by one in their order, all else is a binary search. Next: process.c.

#include <netinet/in.h>

#include <rte_byteorder.h>

#include "vnf/nat/state.h"

const struct nat_source *nat_source_find(const struct nat_config *config, uint32_t source,
                                         uint32_t destination)
{
    for (uint32_t i = 0; i < config->n_sources; i++) {
        const struct nat_source *s = &config->sources[i];

        if ((source & s->mask) == s->prefix &&
            (destination & s->destination_mask) == s->destination)
            return s;
    }
    return NULL;
}

int nat_static_find(const struct nat_static *statics, uint32_t n, uint32_t address, uint32_t *to)
{
    uint32_t low = 0, high = n;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (statics[middle].from <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || address - statics[low - 1].from >= statics[low - 1].n)
        return 0;
    *to = statics[low - 1].to + (address - statics[low - 1].from);
    return 1;
}

static int is_behind(const struct nat_forward *a, const struct nat_forward *key)
{
    if (a->protocol != key->protocol)
        return a->protocol > key->protocol;
    if (a->from != key->from)
        return a->from > key->from;
    return a->first > key->first;
}

int nat_forward_find(const struct nat_forward *forwards, uint32_t n, const struct nat_forward *key,
                     uint32_t *to, uint16_t *to_port)
{
    uint32_t low = 0, high = n;
    const struct nat_forward *f;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (is_behind(&forwards[middle], key))
            high = middle;
        else
            low = middle + 1;
    }
    if (low == 0)
        return 0;
    f = &forwards[low - 1];
    if (f->protocol != key->protocol || f->from != key->from || key->first > f->last)
        return 0;
    *to = f->to;
    *to_port = (uint16_t)(f->to_first + (key->first - f->first));
    return 1;
}

int nat_is_outside(const struct nat_config *config, uint32_t address)
{
    uint32_t low = 0, high = config->n_outside;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (config->outside[middle].first <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && address <= config->outside[low - 1].last;
}

int nat_source_number(const struct nat_source *source, uint32_t address)
{
    uint32_t low = 0, high = source->n_runs;
    const struct nat_run *run;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (source->runs[middle].first <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return -1;
    run = &source->runs[low - 1];
    return address - run->first < run->n ? (int)(run->number + (address - run->first)) : -1;
}

int nat_class_of(uint8_t protocol)
{
    switch (protocol) {
    case IPPROTO_TCP:
        return NAT_TCP;
    case IPPROTO_UDP:
        return NAT_UDP;
    case IPPROTO_SCTP:
        return NAT_SCTP;
    case IPPROTO_ICMP:
        return NAT_ICMP;
    default:
        return -1;
    }
}

uint16_t nat_digest(uint32_t remote)
{
    uint64_t product = (rte_be_to_cpu_32(remote) + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);

    return (uint16_t)(product >> 40);
}
