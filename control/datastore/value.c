// SPDX-License-Identifier: BSD-3-Clause
// What may stand here? Judges one value before libyang does, and finds the words when a value is
// refused. Called by read.c for each leaf. The words themselves stand in
// control/schema/culvert.yang. Next: read.c.

#include "control/datastore/value.h"
#include "control/datastore/error.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct lysc_type *leaf_type(const struct lysc_node *leaf)
{
    if (leaf->nodetype == LYS_LEAFLIST)
        return ((const struct lysc_node_leaflist *)leaf)->type;
    return ((const struct lysc_node_leaf *)leaf)->type;
}

static int is_unsigned(const struct lysc_type *type)
{
    return type->basetype == LY_TYPE_UINT8 || type->basetype == LY_TYPE_UINT16 ||
           type->basetype == LY_TYPE_UINT32 || type->basetype == LY_TYPE_UINT64;
}

void value_prepare(const struct lysc_node *leaf, char *text)
{
    if (!schema_extension(leaf, "lower-case"))
        return;
    for (; *text; text++)
        *text = (char)tolower((unsigned char)*text);
}

// Decimal without sign, spaces and leading zeros: others read 010 as eight.
static int is_decimal(const char *text)
{
    size_t n = strspn(text, "0123456789");

    return n && !text[n] && (text[0] != '0' || n == 1);
}

static int is_odd_number(const char *text)
{
    const char *p = text;

    if (text[0] != '0' || !text[1])
        return 0;
    while (isalnum((unsigned char)*p))
        p++;
    return !*p;
}

// Whether a prefix names one bit or more behind its length. What is no prefix is libyang's to
// refuse.
static int has_host_bits(const char *text)
{
    const char *slash = strchr(text, '/');
    unsigned char address[16];
    char buf[INET6_ADDRSTRLEN];
    unsigned bit, size;
    unsigned long len;
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;

    if (!slash || (size_t)(slash - text) >= sizeof(buf) || !is_decimal(slash + 1))
        return 0;
    memcpy(buf, text, (size_t)(slash - text));
    buf[slash - text] = 0;
    if (inet_pton(family, buf, address) != 1)
        return 0;
    len = strtoul(slash + 1, NULL, 10);
    size = family == AF_INET6 ? 128 : 32;
    for (bit = (unsigned)(len < size ? len : size); bit < size; bit++)
        if (address[bit / 8] & (0x80 >> bit % 8))
            return 1;
    return 0;
}

int value_check(const struct lysc_node *leaf, const char *text, char sentence[VALUE_SENTENCE_SIZE])
{
    const struct lysc_type *type = leaf_type(leaf);
    char quoted[ERROR_QUOTE_SIZE];
    char must_be[VALUE_SENTENCE_SIZE];

    if (schema_extension(leaf, "exact-prefix") && has_host_bits(text)) {
        (void)snprintf(sentence, VALUE_SENTENCE_SIZE,
                       "%s has bits set beyond its prefix length; one address is written without a "
                       "length",
                       error_quote(text, quoted));
        return -EINVAL;
    }
    if (is_unsigned(type) ? is_decimal(text)
                          : type->basetype != LY_TYPE_UNION || !is_odd_number(text))
        return 0;
    value_must_be(leaf, NULL, must_be);
    (void)snprintf(sentence, VALUE_SENTENCE_SIZE, "%.160s, not %s", must_be,
                   error_quote(text, quoted));
    return -EINVAL;
}

static void list_enum(const struct lysc_type_enum *type, char sentence[VALUE_SENTENCE_SIZE])
{
    LY_ARRAY_COUNT_TYPE i;
    size_t len = (size_t)snprintf(sentence, VALUE_SENTENCE_SIZE, "must be");

    LY_ARRAY_FOR(type->enums, i)
    {
        LY_ARRAY_COUNT_TYPE left = LY_ARRAY_COUNT(type->enums) - i;
        const char *before = i == 0 ? " " : left == 1 ? " or " : ", ";

        if (len < VALUE_SENTENCE_SIZE)
            len += (size_t)snprintf(sentence + len, VALUE_SENTENCE_SIZE - len, "%s%s", before,
                                    type->enums[i].name);
    }
}

// The sentence of a string's first restriction that has one; those of the schema all do, those of
// the types that it imports don't.
static const char *string_message(const struct lysc_type_str *type)
{
    LY_ARRAY_COUNT_TYPE i;

    LY_ARRAY_FOR(type->patterns, i)
    {
        if (type->patterns[i]->emsg)
            return type->patterns[i]->emsg;
    }
    return type->length && type->length->emsg ? type->length->emsg : "must be another string";
}

void value_must_be(const struct lysc_node *leaf, const char *found,
                   char sentence[VALUE_SENTENCE_SIZE])
{
    const struct lysc_type *type = leaf_type(leaf);
    const char *must_be = schema_extension(leaf, "must-be");
    const struct lysc_range *range;

    if (type->basetype == LY_TYPE_ENUM && !must_be) {
        list_enum((const struct lysc_type_enum *)type, sentence);
        return;
    }
    if (must_be) {
        found = must_be;
    } else if (type->basetype == LY_TYPE_BOOL) {
        found = "must be true or false";
    } else if (is_unsigned(type)) {
        range = ((const struct lysc_type_num *)type)->range;
        found = range && range->emsg ? range->emsg : "must be a whole number";
    } else if (!found || strncmp(found, "must ", 5) != 0) {
        found = type->basetype == LY_TYPE_STRING
                    ? string_message((const struct lysc_type_str *)type)
                    : "must be another value";
    }
    (void)snprintf(sentence, VALUE_SENTENCE_SIZE, "%s", found);
}
