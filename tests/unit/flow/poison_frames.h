// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_FLOW_POISON_FRAMES_H
#define TESTS_UNIT_FLOW_POISON_FRAMES_H

// Packets that are to be taken for another one: each function changes the frame.

#include "tests/unit/flow/wire.h"

#define POISON_MARK 0x4b435441 // in the attacker's payload

void poison_pad(struct wire *w);
void poison_pad_ports(struct wire *w);
void poison_pad_ports6(struct wire *w);
void poison_make_protocol_0(struct wire *w);
void poison_make_other_protocol(struct wire *w);
void poison_add_options(struct wire *w);
void poison_add_source_route(struct wire *w);
void poison_add_options_like_ports(struct wire *w);
void poison_add_extension(struct wire *w);
void poison_make_first_fragment(struct wire *w);
void poison_make_later_fragment(struct wire *w);
void poison_make_udp_short(struct wire *w);
void poison_make_udp_long(struct wire *w);
void poison_cut_header(struct wire *w);
void poison_cut_frame(struct wire *w);
void poison_make_tcp_offset_short(struct wire *w);
void poison_make_beyond_window(struct wire *w);
void poison_make_reset(struct wire *w);
void poison_make_flagless(struct wire *w);
void poison_make_ttl_1(struct wire *w);
void poison_make_ttl_0(struct wire *w);
void poison_break_ip_checksum(struct wire *w);
void poison_break_l4_checksum(struct wire *w);
void poison_clear_checksum(struct wire *w);
void poison_set_df_and_size(struct wire *w);
void poison_set_other_mac(struct wire *w);
void poison_set_broadcast(struct wire *w);
void poison_set_source_mac(struct wire *w);
void poison_set_vlan(struct wire *w);
void poison_set_unknown_vlan(struct wire *w);
void poison_add_inner_vlan(struct wire *w);
void poison_remove_vlan(struct wire *w);
void poison_add_priority_tag(struct wire *w);
void poison_add_routing_header(struct wire *w);
void poison_set_inner_vlan(struct wire *w);
void poison_set_unknown_inner_vlan(struct wire *w);

#endif
