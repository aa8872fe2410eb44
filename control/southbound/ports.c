// SPDX-License-Identifier: BSD-3-Clause
// How do the ports fare with the new configuration? Read from the counter segment after a commit,
// so that who applied it learns at once of a device that can't be opened. Event loop only; called
// by apply.c. A port in error is no error of the configuration: the dataplane tries it again.

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/southbound/ports.h"

bool ports_are_opening(const struct stats *stats, uint64_t generation)
{
    struct stats_summary summary;
    struct api_stats_port row;

    stats_summary(stats, &summary);
    if (summary.generation < generation)
        return true;
    for (unsigned i = 0; i < API_MAX_PORTS; i++)
        if (stats_port(stats, i, &row) && row.state == API_PORT_OPENING)
            return true;
    return false;
}

void apply_warn(struct apply_request *r, const char *path, const char *format, ...)
{
    struct apply_warning *warnings = realloc(r->warnings, (r->n_warnings + 1) * sizeof(*warnings));
    va_list args;

    if (warnings == NULL)
        return;
    r->warnings = warnings;
    warnings += r->n_warnings++;
    snprintf(warnings->path, sizeof(warnings->path), "%s", path);
    va_start(args, format);
    vsnprintf(warnings->sentence, sizeof(warnings->sentence), format, args);
    va_end(args);
}

void ports_add_warnings(const struct stats *stats, struct apply_request *r)
{
    struct api_stats_port row;
    char path[sizeof(r->warnings->path)];

    for (unsigned i = 0; i < API_MAX_PORTS; i++) {
        if (!stats_port(stats, i, &row) ||
            (row.state != API_PORT_ERROR && row.state != API_PORT_OPENING))
            continue;
        snprintf(path, sizeof(path), "tenants/%s/ports/%s", row.tenant, row.name);
        if (row.state == API_PORT_OPENING)
            apply_warn(r, path, "the port is still being opened");
        else
            apply_warn(r, path, "%s", row.text);
    }
}

const char *port_state_name(unsigned state)
{
    static const char *const names[] = {"unused", "opening", "down", "up", "error"};

    return state < sizeof(names) / sizeof(names[0]) ? names[state] : "?";
}

const char *port_type_name(unsigned type)
{
    static const char *const names[] = {"?", "vhost-user", "tap", "pcap", "ethdev", "af-xdp"};

    return type < sizeof(names) / sizeof(names[0]) ? names[type] : "?";
}
