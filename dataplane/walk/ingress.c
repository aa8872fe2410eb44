// SPDX-License-Identifier: BSD-3-Clause
// By which attachment does a packet come in? First thing in the walk (worker): faults of the frame,
// the longest VLAN match, what the sender asked of us, the guard; then the tags come off.
// Next: the function that the attachment leads into.

#include "dataplane/walk/ingress.h"

#include "dataplane/port/offload.h"
#include "dataplane/walk/guard.h"
#include "dataplane/walk/vlan.h"

uint8_t ingress_admit(const struct generation *generation, const struct port_entry *entry,
                      struct rte_mbuf *m)
{
    struct packet *p = packet_of(m);
    unsigned n_tags;

    if (unlikely(p->l2_error != API_DROP_NONE))
        return p->l2_error;
    // A TSO frame is longer than the MTU by its nature; its segments are not (offload.c).
    if (unlikely(m->pkt_len > entry->port->max_frame_len && !(p->offload & PACKET_TSO)))
        return DROP_OVERSIZE_FRAME;
    if (unlikely(p->offload != 0 && !offload_is_sound(m, p)))
        return DROP_OFFLOAD_MISMATCH;
    if (entry->guard != NULL) {
        uint8_t reason = guard_check(entry->guard, m, p);

        if (reason != API_DROP_NONE)
            return reason;
    }
    p->in = port_entry_find(entry, p->outer_vlan, p->inner_vlan);
    if (unlikely(p->in == ATTACHMENT_NONE))
        return entry->plain == ATTACHMENT_NONE && entry->by_outer == NULL ? DROP_PORT_UNATTACHED
                                                                          : DROP_VLAN_UNKNOWN;
    n_tags = generation->attachments[p->in].n_tags;
    if (n_tags > 0)
        vlan_pop(m, p, n_tags);
    return API_DROP_NONE;
}
