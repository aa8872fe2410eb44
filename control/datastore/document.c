// SPDX-License-Identifier: BSD-3-Clause
// What does the text say, and on which line? Turns libyaml's events into nodes; JSON is read the
// same way, as YAML in which some things are not allowed. Called by parse.c. Knows no schema,
// expands nothing, and stops at the first thing that it does not take. Next: read.c.

#include "control/datastore/document.h"
#include "control/datastore/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct builder {
    struct document *d;
    struct config_error *e;
    uint32_t open[DOCUMENT_MAX_DEPTH]; // sequences and mappings that the next node is in
    uint32_t last[DOCUMENT_MAX_DEPTH]; // their last child
    unsigned depth;
    uint32_t key; // offset of the key that waits for its value
    uint32_t key_line;
    int has_key;
    int is_json;
    int is_done; // the document has ended
};

static int refuse(struct builder *s, unsigned line, const char *sentence)
{
    return error_below(s->e, -EINVAL, line, NULL, NULL, "%s", sentence);
}

static int grow(void **array, size_t *size, size_t want, size_t item)
{
    size_t more = *size ? *size * 2 : 256;
    void *p;

    if (want <= *size)
        return 0;
    if (more < want)
        more = want;
    p = realloc(*array, more * item);
    if (!p)
        return -ENOMEM;
    *array = p;
    *size = more;
    return 0;
}

static int add_text(struct document *d, const char *value, size_t len, uint32_t *offset)
{
    void *text = d->text;
    int r = grow(&text, &d->text_size, d->text_len + len + 1, 1);

    if (r < 0)
        return r;
    d->text = text;
    memcpy(d->text + d->text_len, value, len);
    d->text[d->text_len + len] = 0;
    *offset = (uint32_t)d->text_len;
    d->text_len += len + 1;
    return 0;
}

static void link_node(struct builder *s, uint32_t node)
{
    struct document_node *nodes = s->d->nodes;
    uint32_t *last;

    if (!s->depth)
        return;
    last = &s->last[s->depth - 1];
    if (*last == DOCUMENT_NONE)
        nodes[s->open[s->depth - 1]].child = node;
    else
        nodes[*last].next = node;
    *last = node;
    if (s->has_key) {
        nodes[node].key = s->key;
        nodes[node].line = s->key_line;
        s->has_key = 0;
    }
}

static int add_node(struct builder *s, enum document_kind kind, unsigned line, uint32_t *node)
{
    struct document *d = s->d;
    void *nodes = d->nodes;
    int r;

    if (d->n_nodes == DOCUMENT_MAX_NODES)
        return error_below(s->e, -E2BIG, line, NULL, NULL,
                           "more than %u values in one configuration", DOCUMENT_MAX_NODES);
    r = grow(&nodes, &d->nodes_size, d->n_nodes + 1, sizeof(*d->nodes));
    if (r < 0)
        return error_say(s->e, r, "out of memory while the configuration is read");
    d->nodes = nodes;
    *node = (uint32_t)d->n_nodes++;
    d->nodes[*node] = (struct document_node){.kind = (uint8_t)kind, .line = line};
    link_node(s, *node);
    return 0;
}

static int is_awaiting_key(const struct builder *s)
{
    return s->depth && !s->has_key && s->d->nodes[s->open[s->depth - 1]].kind == DOCUMENT_MAPPING;
}

static int open_node(struct builder *s, enum document_kind kind, unsigned line)
{
    uint32_t node = 0;
    int r;

    if (is_awaiting_key(s))
        return refuse(s, line, "a field's name must be one word");
    if (s->depth == DOCUMENT_MAX_DEPTH)
        return refuse(s, line, "nested too deeply");
    r = add_node(s, kind, line, &node);
    if (r < 0)
        return r;
    s->open[s->depth] = node;
    s->last[s->depth++] = DOCUMENT_NONE;
    return 0;
}

// RFC 8259 section 3 and 6, as far as it matters here: the schema decides what a number may be.
static int is_json_literal(const char *value)
{
    return strcmp(value, "true") == 0 || strcmp(value, "false") == 0 ||
           strcmp(value, "null") == 0 || (value[0] && value[strspn(value, "0123456789+-.eE")] == 0);
}

static int add_scalar(struct builder *s, const yaml_event_t *event, unsigned line)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    int is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    int is_quoted = event->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    uint32_t offset, node = DOCUMENT_NONE;
    int r;

    if (memchr(value, 0, len))
        return refuse(s, line, "a value must not hold a NUL character");
    if (s->is_json && !is_quoted && (is_awaiting_key(s) || !is_plain || !is_json_literal(value)))
        return refuse(s, line, "JSON has names and strings in double quotation marks");
    r = add_text(s->d, value, len, &offset);
    if (r < 0)
        return error_say(s->e, r, "out of memory while the configuration is read");
    if (is_awaiting_key(s)) {
        s->key = offset;
        s->key_line = line;
        s->has_key = 1;
        return 0;
    }
    r = add_node(s, DOCUMENT_SCALAR, line, &node);
    if (r < 0)
        return r;
    s->d->nodes[node].value = offset;
    s->d->nodes[node].is_plain = (uint8_t)is_plain;
    return 0;
}

static const char *refused_feature(const struct builder *s, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return "YAML aliases (*name) are not taken here: write the value out";
    case YAML_SCALAR_EVENT:
        if (event->data.scalar.anchor)
            return "YAML anchors (&name) are not taken here: write the value out";
        return event->data.scalar.tag ? "YAML tags (!name) are not taken here" : NULL;
    case YAML_SEQUENCE_START_EVENT:
        if (event->data.sequence_start.anchor)
            return "YAML anchors (&name) are not taken here: write the value out";
        if (s->is_json && event->data.sequence_start.style != YAML_FLOW_SEQUENCE_STYLE)
            return "JSON has lists in brackets";
        return event->data.sequence_start.tag ? "YAML tags (!name) are not taken here" : NULL;
    case YAML_MAPPING_START_EVENT:
        if (event->data.mapping_start.anchor)
            return "YAML anchors (&name) are not taken here: write the value out";
        if (s->is_json && event->data.mapping_start.style != YAML_FLOW_MAPPING_STYLE)
            return "JSON has objects in braces";
        return event->data.mapping_start.tag ? "YAML tags (!name) are not taken here" : NULL;
    case YAML_DOCUMENT_START_EVENT:
        if (s->is_done)
            return "a second document: one text is one configuration";
        return s->is_json && !event->data.document_start.implicit ? "JSON has no --- or %" : NULL;
    default:
        return NULL;
    }
}

static int take_event(struct builder *s, const yaml_event_t *event)
{
    unsigned line = (unsigned)event->start_mark.line + 1;
    const char *refused = refused_feature(s, event);

    if (refused)
        return refuse(s, line, refused);
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return add_scalar(s, event, line);
    case YAML_SEQUENCE_START_EVENT:
        return open_node(s, DOCUMENT_SEQUENCE, line);
    case YAML_MAPPING_START_EVENT:
        return open_node(s, DOCUMENT_MAPPING, line);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        s->depth--;
        return 0;
    case YAML_DOCUMENT_END_EVENT:
        s->is_done = 1;
        return 0;
    default:
        return 0;
    }
}

static int syntax_error(struct builder *s, const yaml_parser_t *parser, const char *text,
                        size_t size)
{
    unsigned line = (unsigned)parser->problem_mark.line + 1;
    const char *problem = parser->problem ? parser->problem : "not readable";
    size_t i;

    if (parser->error == YAML_MEMORY_ERROR)
        return error_say(s->e, -ENOMEM, "out of memory while the configuration is read");
    // libyaml knows only the offset of a byte that it can't read.
    if (parser->error == YAML_READER_ERROR) {
        for (line = 1, i = 0; i < parser->problem_offset && i < size; i++)
            line += text[i] == '\n';
    }
    return error_below(s->e, -EINVAL, line, NULL, NULL, "syntax error: %s", problem);
}

static int build(struct builder *s, yaml_parser_t *parser, const char *text, size_t size)
{
    yaml_event_type_t type = YAML_NO_EVENT;

    while (type != YAML_STREAM_END_EVENT) {
        yaml_event_t event;
        int r;

        if (!yaml_parser_parse(parser, &event))
            return syntax_error(s, parser, text, size);
        type = event.type;
        r = take_event(s, &event);
        yaml_event_delete(&event);
        if (r < 0)
            return r;
    }
    if (!s->d->n_nodes)
        return refuse(s, 0, "the text is empty: an empty configuration is written {}");
    return 0;
}

// A line that begins with '%' is a directive for libyaml, whose work grows with their square.
// Within a string of many lines it would be content; nothing here has any. libyaml's line breaks
// are CR, LF and three characters outside of ASCII.
static int refuse_directives(struct builder *s, const char *text, size_t size)
{
    const char *p = text, *end = text + size;
    unsigned line = 1;

    while ((p = memchr(p, '%', (size_t)(end - p)))) {
        if (p == text || p[-1] == '\n' || p[-1] == '\r' || (p[-1] & 0x80)) {
            while (p-- > text)
                line += *p == '\n';
            return refuse(s, line, "YAML directives (%...) are not taken here");
        }
        p++;
    }
    return 0;
}

int document_parse(struct document *d, const char *text, size_t size, enum config_format format,
                   struct config_error *e)
{
    struct builder s = {.d = d, .e = e, .is_json = format == CONFIG_JSON};
    yaml_parser_t parser;
    int r;

    memset(d, 0, sizeof(*d));
    if (size > DOCUMENT_MAX_SIZE)
        return error_say(e, -E2BIG, "the text has more than %u MiB", DOCUMENT_MAX_SIZE >> 20);
    // UTF-16 is refused; libyaml then leaves UTF-8's byte order mark to us.
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        size -= 3;
    }
    r = refuse_directives(&s, text, size);
    if (r < 0)
        return r;
    if (!yaml_parser_initialize(&parser))
        return error_say(e, -ENOMEM, "out of memory while the configuration is read");
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    r = build(&s, &parser, text, size);
    yaml_parser_delete(&parser);
    if (r < 0)
        document_fini(d);
    return r;
}

void document_fini(struct document *d)
{
    free(d->nodes);
    free(d->text);
    memset(d, 0, sizeof(*d));
}
