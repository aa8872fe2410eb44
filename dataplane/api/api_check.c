// SPDX-License-Identifier: BSD-3-Clause
// Is this datagram what the table says? Called for every datagram on either side before anything
// looks at its fields, on any thread; touches nothing but its arguments. Next:
// server/transaction.c.

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/api/culvert_api.h"

static int refuse(struct api_reply *reply, uint32_t index, const char *path, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

static int refuse(struct api_reply *reply, uint32_t index, const char *path, const char *format,
                  ...)
{
    va_list args;

    if (reply == NULL)
        return -EPROTO;
    reply->error = -EPROTO;
    reply->index = index;
    snprintf(reply->path, sizeof(reply->path), "%s", path);
    va_start(args, format);
    vsnprintf(reply->sentence, sizeof(reply->sentence), format, args);
    va_end(args);
    return -EPROTO;
}

static uint64_t read_uint(const uint8_t *at, uint16_t size)
{
    uint64_t value = 0;

    memcpy(&value, at, size); // little endian: x86 only
    return value;
}

static int is_zero(const uint8_t *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (at[i] != 0)
            return 0;
    return 1;
}

static int is_name_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

// Text with its NUL inside the field and zeros behind it.
static int is_string(const uint8_t *at, size_t size, int is_name)
{
    size_t len = 0;

    while (len < size && at[len] != 0) {
        if (is_name ? !is_name_char(at[len]) : (at[len] < 0x20 || at[len] == 0x7f))
            return 0;
        len++;
    }
    if (len == size || (is_name && len == 0))
        return 0;
    return is_zero(at + len, size - len);
}

// Which field of which item: made for a refusal only, for a million items are checked as well.
static int refuse_field(struct api_reply *reply, const struct api_message *message,
                        const struct api_field *field, uint32_t index, const char *sentence)
{
    char path[API_PATH_SIZE];

    snprintf(path, sizeof(path), "%s[%u]: %s", message->name, index, field->name);
    return refuse(reply, index, path, "%s", sentence);
}

static int refuse_value(struct api_reply *reply, const struct api_message *message,
                        const struct api_field *field, uint32_t index, uint64_t value)
{
    char sentence[API_TEXT_SIZE];

    if (field->kind == API_FIELD_FLAGS)
        snprintf(sentence, sizeof(sentence), "unknown flags 0x%llx",
                 (unsigned long long)(value & ~field->max));
    else
        snprintf(sentence, sizeof(sentence), "%llu is not in %llu to %llu",
                 (unsigned long long)value, (unsigned long long)field->min,
                 (unsigned long long)field->max);
    return refuse_field(reply, message, field, index, sentence);
}

static int check_field(const struct api_message *message, const struct api_field *field,
                       const uint8_t *item, uint32_t index, struct api_reply *reply)
{
    const uint8_t *at = item + field->offset;
    uint64_t value;

    switch (field->kind) {
    case API_FIELD_UINT:
        value = read_uint(at, field->size);
        if (value < field->min || value > field->max)
            return refuse_value(reply, message, field, index, value);
        return 0;
    case API_FIELD_FLAGS:
        value = read_uint(at, field->size);
        if (value & ~field->max)
            return refuse_value(reply, message, field, index, value);
        return 0;
    case API_FIELD_ZERO:
        if (!is_zero(at, field->size))
            return refuse_field(reply, message, field, index, "padding is not zero");
        return 0;
    case API_FIELD_NAME:
    case API_FIELD_STRING:
        if (!is_string(at, field->size, field->kind == API_FIELD_NAME))
            return refuse_field(reply, message, field, index,
                                "is no text that ends in the field, padded with zeros");
        return 0;
    default:
        return 0;
    }
}

int api_check(const void *data, size_t size, struct api_reply *reply)
{
    struct api_header header;
    const struct api_message *message;
    const uint8_t *items = (const uint8_t *)data + sizeof(header);
    int rc;

    if (size < sizeof(header) || size > API_DATAGRAM_SIZE)
        return refuse(reply, 0, "", "a datagram of %zu bytes", size);
    memcpy(&header, data, sizeof(header));
    if (header.magic != API_MAGIC || header.version != API_VERSION)
        return refuse(reply, 0, "", "magic 0x%x version %u, expected 0x%x version %u", header.magic,
                      header.version, API_MAGIC, API_VERSION);
    message = api_message(header.type);
    if (message == NULL)
        return refuse(reply, 0, "", "unknown message type %u", header.type);
    if (header.reserved != 0)
        return refuse(reply, 0, message->name, "padding is not zero");
    if (header.len != size ||
        size - sizeof(header) != (uint64_t)header.n_items * message->item_size)
        return refuse(reply, 0, message->name, "%zu bytes with %u items of %u", size,
                      header.n_items, message->item_size);
    if (header.n_items < message->min_items || header.n_items > message->max_items)
        return refuse(reply, 0, message->name, "%u items", header.n_items);

    for (uint32_t i = 0; i < header.n_items; i++, items += message->item_size) {
        for (unsigned f = 0; f < message->n_fields; f++) {
            rc = check_field(message, &message->fields[f], items, i, reply);
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

// FNV-1a, 64 bits.
static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
    const uint8_t *at = data;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * 0x100000001b3ULL;
    return hash;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    return hash_bytes(hash, text, strlen(text) + 1);
}

uint64_t api_schema_hash(void)
{
    const uint64_t sizes[] = {
        API_VERSION,
        sizeof(struct api_header),
        sizeof(struct api_stats),
        sizeof(struct api_stats_port),
        sizeof(struct api_stats_worker),
        sizeof(struct api_counters),
        offsetof(struct api_stats, worker),
        offsetof(struct api_stats, port),
        offsetof(struct api_stats, counters),
    };
    uint64_t hash = hash_bytes(0xcbf29ce484222325ULL, sizes, sizeof(sizes));

    for (unsigned type = 0; type < API_N_TYPES; type++) {
        const struct api_message *message = api_message(type);

        if (message == NULL)
            continue;
        hash = hash_text(hash, message->name);
        hash = hash_bytes(hash, &message->item_size, sizeof(message->item_size));
        for (unsigned f = 0; f < message->n_fields; f++) {
            const struct api_field *field = &message->fields[f];

            hash = hash_text(hash, field->name);
            hash = hash_bytes(hash, &field->offset, sizeof(field->offset));
            hash = hash_bytes(hash, &field->size, sizeof(field->size));
            hash = hash_bytes(hash, &field->kind, sizeof(field->kind));
            hash = hash_bytes(hash, &field->min, sizeof(field->min));
            hash = hash_bytes(hash, &field->max, sizeof(field->max));
        }
    }
    for (unsigned reason = 0; reason < API_N_DROPS; reason++)
        hash = hash_text(hash, api_drop_name(reason));
    return hash;
}
