// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_CONTROL_TEXTS_H
#define TESTS_UNIT_CONTROL_TEXTS_H

// What the tests of the datastore share: texts that must parse.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "control/datastore/datastore.h"

extern struct schema *test_schema;

// The configuration of a text; fails the test with the datastore's sentence if it is refused.
static inline struct config *must_parse(const char *text, enum config_format format)
{
    struct config *config = NULL;
    struct config_error e;

    if (config_parse(test_schema, text, strlen(text), format, &config, &e) < 0)
        fail_msg("line %u, %s: %s", e.line, e.path, e.sentence);
    return config;
}

// A port, two VLANs on another tenant's, a guard and a static MAC: each kind of value once.
static const char test_text[] =
    "# comment\n"
    "tenants:\n"
    "- name: provider\n"
    "  ports: [{name: up, type: tap, interface: tap0, shared: true, mtu: 9000}]\n"
    "- name: blue\n"
    "  ports:\n"
    "  - name: vm1\n"
    "    type: vhost-user\n"
    "    mac-address: 52:54:00:AB:00:11\n"
    "    guard: true\n"
    "    addresses: [10.0.0.11, \"FD00:0::1\", 10.1.0.0/16]\n"
    "  - {name: vm2, type: vhost-user, queues: 2, offloads: {tso: false}}\n"
    "  - {name: \"12\", type: pcap, input-file: /tmp/a.pcap, storm-control: {broadcast: 5}}\n"
    "  - {name: nic, type: ethdev, device: \"0000:03:00.0,x=1\", queue-size: 512}\n"
    "  switches:\n"
    "  - name: lan\n"
    "    members: [vm1, vm2.10.20, provider/up.5]\n"
    "    ageing-time: 0\n"
    "    static-macs: [{mac-address: \"02:00:00:00:00:01\", member: provider/up.5}]\n";

#endif
