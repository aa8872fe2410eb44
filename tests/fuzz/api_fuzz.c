// SPDX-License-Identifier: BSD-3-Clause
// Can a client of the control socket break the dataplane with bytes? The input makes datagrams: raw
// ones, and good ones of some type with a few bytes changed. They are checked, collected as a
// transaction does and checked again as a whole. What passes must hold what the builder of a
// generation relies on.

#include <stdlib.h>
#include <string.h>

#include "dataplane/server/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The builder follows these without looking.
static void verify_references(const struct model *model)
{
    uint32_t n_members, n_ports, n_macs, n_addresses;
    const struct api_member *members = model_items(model, API_MEMBER, &n_members);
    const struct api_static_mac *macs = model_items(model, API_STATIC_MAC, &n_macs);
    const struct api_port_address *addresses = model_items(model, API_PORT_ADDRESS, &n_addresses);

    model_items(model, API_PORT, &n_ports);
    for (uint32_t i = 0; i < n_members; i++)
        if (members[i].port >= n_ports || members[i].outer_vlan > 4094 ||
            members[i].inner_vlan > 4094)
            abort();
    for (uint32_t i = 0; i < n_macs; i++)
        if (macs[i].member >= n_members || members[macs[i].member].owner != macs[i].owner)
            abort();
    for (uint32_t i = 0; i < n_addresses; i++)
        if (addresses[i].owner >= n_ports)
            abort();
}

static uint32_t count(const struct model *model, enum api_type type)
{
    uint32_t n;

    (void)model_items(model, type, &n);
    return n;
}

static void verify_end(const struct model *model, const struct api_end *end)
{
    if ((end->kind == API_END_PORT && end->index >= count(model, API_PORT)) ||
        (end->kind == API_END_SWITCH && end->index >= count(model, API_SWITCH)) ||
        (end->kind == API_END_INTERFACE && end->index >= count(model, API_INTERFACE)))
        abort();
}

// What wire.c follows.
static void verify_cables(const struct model *model)
{
    uint32_t n;
    const struct api_chain *chains = model_items(model, API_CHAIN, &n);
    const struct api_interface *interfaces;

    for (uint32_t i = 0; i < n; i++) {
        verify_end(model, &chains[i].inside);
        verify_end(model, &chains[i].outside);
    }
    interfaces = model_items(model, API_INTERFACE, &n);
    for (uint32_t i = 0; i < n; i++)
        if (interfaces[i].owner >= count(model, API_ROUTER) ||
            (interfaces[i].kernel_port != API_NONE &&
             interfaces[i].kernel_port >= count(model, API_PORT)))
            abort();
}

static void collect(struct model *model, const uint8_t *datagram, size_t size)
{
    struct api_reply reply;
    struct api_header header;

    if (api_check(datagram, size, &reply) < 0) {
        if (memchr(reply.sentence, 0, sizeof(reply.sentence)) == NULL || reply.sentence[0] == '\0')
            abort(); // a refusal without its reason
        return;
    }
    memcpy(&header, datagram, sizeof(header));
    if ((header.type >= API_TENANT && header.type <= API_STATIC_MAC) ||
        (header.type >= API_ROUTER && header.type <= API_CHAIN_FUNCTION))
        model_add(model, header.type, datagram + sizeof(header), header.n_items);
}

struct input {
    const uint8_t *data;
    size_t size;
};

static uint8_t take(struct input *in)
{
    if (in->size == 0)
        return 0;
    in->size--;
    return *in->data++;
}

// A datagram of `type` with fields at their minimum, names "a" to "d", then bytes changed.
static size_t make(struct input *in, unsigned type, uint8_t *datagram, size_t capacity)
{
    const struct api_message *message = api_message(type);
    uint32_t n = take(in) % 5;
    struct api_header header = {API_MAGIC, API_VERSION, (uint16_t)type, 0, n, 0, 0};

    header.len = (uint32_t)(sizeof(header) + n * message->item_size);
    memset(datagram, 0, capacity);
    memcpy(datagram, &header, sizeof(header));
    for (uint32_t i = 0; i < n; i++) {
        for (unsigned f = 0; f < message->n_fields; f++) {
            const struct api_field *field = &message->fields[f];
            uint8_t *at = datagram + sizeof(header) + i * message->item_size + field->offset;

            if (field->kind == API_FIELD_NAME)
                *at = (uint8_t)('a' + i % 4);
            else if (field->kind == API_FIELD_UINT)
                memcpy(at, &field->min, field->size);
        }
    }
    for (unsigned n_changes = take(in) % 16; n_changes > 0; n_changes--) {
        unsigned at = take(in) | (unsigned)take(in) << 8;

        datagram[at % header.len] = take(in);
    }
    return header.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t datagram[8192];
    struct input in = {data, size};
    struct error e = {0};
    struct model model;

    model_init(&model);
    while (in.size > 0) {
        unsigned type = take(&in);

        if (api_message(type) != NULL) {
            collect(&model, datagram, make(&in, type, datagram, sizeof(datagram)));
        } else {
            size_t len = take(&in);

            len = len < in.size ? len : in.size;
            collect(&model, in.data, len);
            in.data += len;
            in.size -= len;
        }
    }
    if (check_model(&model, &e) == 0) {
        verify_references(&model);
        verify_cables(&model);
    } else if (e.sentence[0] == '\0') {
        abort();
    }
    model_fini(&model);
    return 0;
}
