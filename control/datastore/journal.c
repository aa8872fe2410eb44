// SPDX-License-Identifier: BSD-3-Clause
// How does the edit of a rule survive, when a file of 100000 is too much to write each time? A line
// for each edit behind running.yaml: checksum, config_id before and after, place, rule. A line
// belongs to the configuration whose config_id it names first; a last line that is not whole was
// never answered. Called by southbound/apply.c off the event loop and by store.c at the start.
// Next: store.c.

#include "control/datastore/config.h"
#include "control/datastore/edit.h"
#include "control/datastore/error.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "running.edits"

static int file_path(char path[PATH_MAX], const char *state_dir)
{
    int n = snprintf(path, PATH_MAX, "%s/" FILE_NAME, state_dir);

    return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

// NULL: out of memory.
static char *make_line(const struct edit *edit, size_t *size)
{
    char *content = NULL, *line = NULL;
    int n = asprintf(&content, "%016" PRIx64 " %016" PRIx64 " %s %s %" PRIu32 " %s", edit->from,
                     edit->to, edit->place.tenant, edit->place.firewall, edit->place.seq,
                     edit->text ? edit->text : "-");

    if (n < 0)
        return NULL;
    n = asprintf(&line, "%016" PRIx64 " %s\n", hash_bytes(0, content, (size_t)n), content);
    free(content);
    *size = n < 0 ? 0 : (size_t)n;
    return n < 0 ? NULL : line;
}

// Whole and on the disk, or the file is as it was.
static int append(int fd, const char *line, size_t size)
{
    off_t end = lseek(fd, 0, SEEK_END);
    ssize_t n = end < 0 ? -1 : write(fd, line, size);
    int r = 0;

    if (n < 0)
        r = -errno;
    else if ((size_t)n < size)
        r = -ENOSPC;
    else if (fdatasync(fd) < 0)
        r = -errno;
    if (r < 0 && end >= 0 && ftruncate(fd, end) < 0)
        return -EIO;
    return r;
}

int journal_append(const struct edit *edit, const char *state_dir, struct config_error *e)
{
    char path[PATH_MAX];
    char *line = NULL;
    size_t size = 0;
    int fd, r = file_path(path, state_dir);

    if (r == 0) {
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
        r = fd < 0 ? -errno : 0;
    }
    if (r == 0) {
        line = make_line(edit, &size);
        r = line ? append(fd, line, size) : -ENOMEM;
        close(fd);
        free(line);
    }
    return r < 0 ? error_say(e, r, "can't write %.120s/" FILE_NAME ": %s; the old rule stands",
                             state_dir, strerror(-r))
                 : 0;
}

// Carry out one line. 1: it belongs to another configuration.
static int replay_line(struct config *config, const char *line, struct config_error *e)
{
    struct rule_place place = {0};
    uint64_t checksum, from, to;
    struct edit *edit;
    int n = 0, text = 0, r;

    if (sscanf(line, "%16" SCNx64 " %n%16" SCNx64 " %16" SCNx64 " %31s %31s %" SCNu32 " %n",
               &checksum, &n, &from, &to, place.tenant, place.firewall, &place.seq, &text) != 6 ||
        text == 0 || hash_bytes(0, line + n, strlen(line + n)) != checksum)
        return -EINVAL;
    if (from != config_id(config))
        return 1;
    r = edit_create(config, &place, strcmp(line + text, "-") == 0 ? NULL : line + text, &edit, e);
    if (r < 0)
        return r;
    r = edit->to == to ? edit_apply(edit, config) : -EINVAL;
    edit_destroy(edit);
    return r;
}

static int refuse(struct config_error *e, const char *state_dir, unsigned line)
{
    e->path[0] = 0;
    e->line = 0;
    return error_say(e, -EINVAL,
                     "%.120s/" FILE_NAME " is damaged in line %u: restore it, or move it away to "
                     "start without the edits of single rules",
                     state_dir, line);
}

int journal_replay(struct config *config, const char *state_dir, bool *is_changed,
                   struct config_error *e)
{
    char path[PATH_MAX];
    char *line = NULL;
    size_t size = 0;
    unsigned n = 0;
    ssize_t len;
    FILE *f = file_path(path, state_dir) < 0 ? NULL : fopen(path, "re");
    int r = 0;

    *is_changed = false;
    while (f && r == 0 && (len = getline(&line, &size, f)) > 0) {
        n++;
        if (line[len - 1] != '\n')
            break; // torn: never answered
        line[len - 1] = 0;
        r = replay_line(config, line, e);
        if (r == 0)
            *is_changed = true;
    }
    if (r < 0)
        refuse(e, state_dir, n);
    free(line);
    if (f)
        fclose(f);
    return r < 0 ? r : 0;
}

void journal_remove(const char *state_dir)
{
    char path[PATH_MAX];

    if (file_path(path, state_dir) == 0)
        (void)unlink(path);
}
