// SPDX-License-Identifier: BSD-3-Clause
// What do bytes of a packet sum up to, wherever its segments begin and end? Worker; called by who
// writes or completes a checksum: port/offload.c, the router, the chain. Reads only what the caller
// has proven to be there. Next: the caller.

#include "dataplane/core/checksum.h"

#include <rte_byteorder.h>
#include <rte_ip.h>

// rte_raw_cksum_mbuf of 22.11 cuts carries off behind a segment of odd length.
uint16_t sum_range(const struct rte_mbuf *m, uint32_t off, uint32_t len)
{
    uint64_t sum = 0;
    uint32_t done = 0;

    for (; m != NULL && done < len; m = m->next) {
        uint32_t size;
        uint16_t part;

        if (off >= m->data_len) {
            off -= m->data_len;
            continue;
        }
        size = RTE_MIN(m->data_len - off, len - done);
        part = rte_raw_cksum(rte_pktmbuf_mtod_offset(m, const uint8_t *, off), size);
        sum += done & 1 ? rte_bswap16(part) : part;
        done += size;
        off = 0;
    }
    return sum_fold(sum);
}
