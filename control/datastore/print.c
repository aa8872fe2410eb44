// SPDX-License-Identifier: BSD-3-Clause
// How does a configuration look as text? YAML by libyaml's emitter, for people; JSON by libyang,
// after RFC 7951, for RESTCONF. Called by southbound/apply.c and store.c, off the event loop.
// What is printed reads back as the same configuration. Leaves out what is as by default. Next:
// store.c.

#include "control/datastore/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

struct printer {
    yaml_emitter_t emitter;
    char *text;
    size_t len, size;
};

static int print_children(struct printer *s, const struct lyd_node *node);

// For libyaml: 1 is success.
static int append(void *data, unsigned char *bytes, size_t len)
{
    struct printer *s = data;

    if (s->len + len + 1 > s->size) {
        size_t size = (s->len + len + 1) * 2;
        char *text = realloc(s->text, size);

        if (!text)
            return 0;
        s->text = text;
        s->size = size;
    }
    memcpy(s->text + s->len, bytes, len);
    s->len += len;
    s->text[s->len] = 0;
    return 1;
}

// An event that could not be made has nothing to free, one that was emitted is the emitter's.
static int emit(struct printer *s, int is_made, yaml_event_t *event)
{
    return is_made && yaml_emitter_emit(&s->emitter, event) ? 0 : -ENOMEM;
}

static int print_scalar(struct printer *s, const char *value, int is_quoted)
{
    yaml_scalar_style_t style =
        is_quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE;
    yaml_event_t event;
    int is_made = yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)value, -1,
                                               1, 1, style);

    return emit(s, is_made, &event);
}

static int open_sequence(struct printer *s, yaml_sequence_style_t style)
{
    yaml_event_t event;
    int is_made = yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, style);

    return emit(s, is_made, &event);
}

static int close_sequence(struct printer *s)
{
    yaml_event_t event;
    int is_made = yaml_sequence_end_event_initialize(&event);

    return emit(s, is_made, &event);
}

static int open_mapping(struct printer *s)
{
    yaml_event_t event;
    int is_made =
        yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE);

    return emit(s, is_made, &event);
}

static int close_mapping(struct printer *s)
{
    yaml_event_t event;
    int is_made = yaml_mapping_end_event_initialize(&event);

    return emit(s, is_made, &event);
}

// Strings that a YAML reader without our schema could take for something else are quoted.
static int is_ambiguous(const char *value)
{
    static const char *const words[] = {"true", "false", "yes", "no", "on",
                                        "off",  "null",  "y",   "n"};
    size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasecmp(value, words[i]) == 0)
            return 1;
    return strchr(value, ':') || (!isalpha((unsigned char)value[0]) && value[0] != '/');
}

static int print_value(struct printer *s, const struct lyd_node *node)
{
    const struct lyd_node_term *term = (const struct lyd_node_term *)node;
    LY_DATA_TYPE type = term->value.realtype->basetype;
    const char *value = lyd_get_value(node);
    int is_text = type != LY_TYPE_BOOL && type != LY_TYPE_UINT8 && type != LY_TYPE_UINT16 &&
                  type != LY_TYPE_UINT32;

    return print_scalar(s, value, is_text && is_ambiguous(value));
}

// Whether there is anything in a node that is not as by default.
static int is_shown(const struct lyd_node *node)
{
    const struct lyd_node *child;

    if (node->schema->nodetype != LYS_CONTAINER)
        return !lyd_is_default(node) && !node_is_key_default(node);
    for (child = lyd_child(node); child; child = child->next)
        if (is_shown(child))
            return 1;
    return 0;
}

// Print all instances of a list or leaf-list, which stand together; *node becomes the one after.
static int print_sequence(struct printer *s, const struct lyd_node **node)
{
    const struct lysc_node *schema = (*node)->schema;
    int is_leaf_list = schema->nodetype == LYS_LEAFLIST;
    int r = open_sequence(s, is_leaf_list ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE);

    while (r == 0 && *node && (*node)->schema == schema) {
        r = is_leaf_list ? print_value(s, *node) : open_mapping(s);
        if (r == 0 && !is_leaf_list) {
            r = print_children(s, lyd_child(*node));
            r = r < 0 ? r : close_mapping(s);
        }
        *node = (*node)->next;
    }
    return r < 0 ? r : close_sequence(s);
}

static int print_field(struct printer *s, const struct lyd_node **node)
{
    const struct lyd_node *field = *node;
    int r = print_scalar(s, field->schema->name, 0);

    if (r < 0)
        return r;
    if (field->schema->nodetype & (LYS_LIST | LYS_LEAFLIST))
        return print_sequence(s, node);
    *node = field->next;
    if (field->schema->nodetype == LYS_LEAF)
        return print_value(s, field);
    r = open_mapping(s);
    if (r == 0)
        r = print_children(s, lyd_child(field));
    return r < 0 ? r : close_mapping(s);
}

static int print_children(struct printer *s, const struct lyd_node *node)
{
    int r = 0;

    while (node && r == 0) {
        if (is_shown(node))
            r = print_field(s, &node);
        else
            node = node->next;
    }
    return r;
}

static int print_document(struct printer *s, const struct lyd_node *tree)
{
    yaml_event_t event;
    int is_made = yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
    int r = emit(s, is_made, &event);

    if (r == 0)
        r = emit(s, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1), &event);
    if (r == 0)
        r = open_mapping(s);
    if (r == 0)
        r = print_children(s, tree);
    if (r == 0)
        r = close_mapping(s);
    if (r == 0)
        r = emit(s, yaml_document_end_event_initialize(&event, 1), &event);
    if (r == 0)
        r = emit(s, yaml_stream_end_event_initialize(&event), &event);
    return r;
}

static char *print_yaml(const struct lyd_node *tree)
{
    struct printer s = {0};
    int r;

    if (!yaml_emitter_initialize(&s.emitter))
        return NULL;
    yaml_emitter_set_output(&s.emitter, append, &s);
    yaml_emitter_set_width(&s.emitter, 100);
    r = print_document(&s, tree);
    yaml_emitter_delete(&s.emitter);
    if (r == 0)
        return s.text;
    free(s.text);
    return NULL;
}

char *config_print(const struct config *config, enum config_format format)
{
    char *text = NULL;

    if (format != CONFIG_JSON)
        return print_yaml(config->tree);
    if (!config->tree)
        return strdup("{}\n");
    if (lyd_print_mem(&text, config->tree, LYD_JSON, LYD_PRINT_WITHSIBLINGS | LYD_PRINT_WD_TRIM)) {
        free(text);
        return NULL;
    }
    return text;
}
