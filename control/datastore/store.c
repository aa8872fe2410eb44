// SPDX-License-Identifier: BSD-3-Clause
// What does the host run after a reboot? Keeps the running configuration as YAML in one file that
// is either the old or the new one at any moment, also when the power fails. Called by
// southbound/apply.c, off the event loop but for config_load and config_forget, one at a time.
// Never repairs a damaged file: the operator decides. Next: southbound/apply.c.

#include "control/datastore/document.h"
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

#define FILE_NAME "running.yaml"
#define TEMPORARY_NAME \
    "running.yaml.tmp" // of a killed process: overwritten, removed at the next load
#define HEADER_SIZE 128

static int open_directory(const char *state_dir, struct config_error *e)
{
    int fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return error_say(e, -errno, "can't open the state directory %.150s: %s", state_dir,
                         strerror(errno));
    return fd;
}

static int write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, text, size);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            text += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

static int write_file(int fd, const char *text)
{
    size_t size = strlen(text);
    char header[HEADER_SIZE];
    int r, n;

    n = snprintf(header, sizeof(header),
                 "# culvert running configuration, format 1, checksum %016" PRIx64 "\n",
                 hash_bytes(0, text, size));
    r = write_all(fd, header, (size_t)n);
    if (r == 0)
        r = write_all(fd, text, size);
    return r == 0 && fsync(fd) < 0 ? -errno : r;
}

// The temporary file, whole and on the disk, or none.
static int write_temporary(int directory, const char *text)
{
    int fd, r;

    // A leftover may belong to somebody else; a new file never does.
    (void)unlinkat(directory, TEMPORARY_NAME, 0);
    fd = openat(directory, TEMPORARY_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return -errno;
    r = write_file(fd, text);
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r < 0)
        (void)unlinkat(directory, TEMPORARY_NAME, 0);
    return r;
}

static int refuse_write(struct config_error *e, int r, const char *state_dir)
{
    return error_say(e, r, "can't write %.120s/" FILE_NAME ": %s; the old file stands", state_dir,
                     strerror(-r));
}

int config_prepare(const struct config *config, const char *state_dir, struct config_error *e)
{
    char *text;
    int directory, r;

    memset(e, 0, sizeof(*e));
    text = config_print(config, CONFIG_YAML);
    if (!text)
        return error_say(e, -ENOMEM, "out of memory while the configuration is saved");
    directory = open_directory(state_dir, e);
    if (directory < 0) {
        r = directory;
        goto free_text;
    }
    r = write_temporary(directory, text);
    if (r < 0)
        refuse_write(e, r, state_dir);
    close(directory);
free_text:
    free(text);
    return r;
}

int config_keep(const char *state_dir, struct config_error *e)
{
    int directory, r = 0;

    memset(e, 0, sizeof(*e));
    directory = open_directory(state_dir, e);
    if (directory < 0)
        return directory;
    if (renameat(directory, TEMPORARY_NAME, directory, FILE_NAME) < 0)
        r = refuse_write(e, -errno, state_dir);
    else
        journal_remove(state_dir); // of the old one
    if (r == 0 && fsync(directory) < 0)
        error_say(e, 0, "%.120s/" FILE_NAME " is written, but may not survive a power cut: %s",
                  state_dir, strerror(errno));
    close(directory);
    return r;
}

void config_forget(const char *state_dir)
{
    struct config_error e;
    int directory = open_directory(state_dir, &e);

    if (directory < 0)
        return; // nothing was prepared there
    (void)unlinkat(directory, TEMPORARY_NAME, 0);
    close(directory);
}

static int read_all(int fd, char **text, size_t *size)
{
    size_t len = 0;
    struct stat st;
    ssize_t n = 1;
    char *p;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_size > (off_t)DOCUMENT_MAX_SIZE + HEADER_SIZE)
        return -EFBIG;
    p = malloc((size_t)st.st_size + 1);
    if (!p)
        return -ENOMEM;
    while (len < (size_t)st.st_size && n != 0) {
        n = read(fd, p + len, (size_t)st.st_size - len);
        if (n < 0 && errno != EINTR) {
            n = -errno;
            free(p);
            return (int)n;
        }
        len += n > 0 ? (size_t)n : 0;
    }
    p[len] = 0;
    *text = p;
    *size = len;
    return 0;
}

// The text after the header, NULL if the file is not what was written.
static const char *check_header(const char *text, size_t size)
{
    const char *content = memchr(text, '\n', size);
    uint64_t checksum;
    int end = 0;

    if (!content || content - text >= HEADER_SIZE)
        return NULL;
    if (sscanf(text, "# culvert running configuration, format 1, checksum %16" SCNx64 "%n",
               &checksum, &end) != 1 ||
        text + end != content)
        return NULL;
    content++;
    return hash_bytes(0, content, size - (size_t)(content - text)) == checksum ? content : NULL;
}

static int parse_file(struct schema *schema, const char *state_dir, const char *text, size_t size,
                      struct config **config, struct config_error *e)
{
    const char *content = check_header(text, size);
    struct config_error why;
    int r;

    if (!content)
        return error_say(e, -EINVAL,
                         "%.100s/" FILE_NAME
                         " is damaged or was edited by hand: restore it, or move it "
                         "away to start empty",
                         state_dir);
    r = config_parse(schema, content, size - (size_t)(content - text), CONFIG_YAML, config, &why);
    if (r == 0)
        return 0;
    *e = why;
    if (e->line)
        e->line++; // the header
    (void)snprintf(e->sentence, sizeof(e->sentence),
                   "%.80s/" FILE_NAME " does not fit this version: %.120s", state_dir,
                   why.sentence);
    return r;
}

static int load_file(struct schema *schema, const char *state_dir, struct config **config,
                     struct config_error *e)
{
    char *text = NULL;
    size_t size = 0;
    int directory, fd, r;

    memset(e, 0, sizeof(*e));
    directory = open_directory(state_dir, e);
    if (directory < 0)
        return directory;
    (void)unlinkat(directory, TEMPORARY_NAME, 0);
    fd = openat(directory, FILE_NAME, O_RDONLY | O_CLOEXEC);
    r = fd < 0 ? -errno : read_all(fd, &text, &size);
    if (fd >= 0)
        close(fd);
    close(directory);
    if (r == -ENOENT) {
        r = config_empty(schema, config);
        return r < 0 ? error_say(e, r, "out of memory at the start") : 0;
    }
    if (r < 0)
        return error_say(e, r, "can't read %.120s/" FILE_NAME ": %s", state_dir, strerror(-r));
    r = parse_file(schema, state_dir, text, size, config, e);
    free(text);
    return r;
}

int config_load(struct schema *schema, const char *state_dir, struct config **config,
                struct config_error *e)
{
    bool is_changed = false;
    int r = load_file(schema, state_dir, config, e);

    if (r < 0)
        return r;
    r = journal_replay(*config, state_dir, &is_changed, e);
    if (r == 0 && is_changed) { // into the file, so that the journal stays short
        r = config_prepare(*config, state_dir, e);
        if (r == 0)
            r = config_keep(state_dir, e);
    }
    if (r < 0) {
        config_destroy(*config);
        *config = NULL;
    }
    return r;
}
