// SPDX-License-Identifier: BSD-3-Clause
// Where is what the last process left? In <run-dir>/kept: a header, then regions, each in a slot
// of the file that is far larger than it can become, so that no offset has to be believed. A region
// becomes real by its check word, written last: who dies in between has made none. Main thread at
// start and end; workers see only what regions hold. Next: session.c and chain.c, whose regions
// these are.

#include "dataplane/session/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/core/log.h"

#define STATE_NAME "kept"
#define STATE_MAGIC UINT64_C(0x316574617473766c) // "lvstate1"
#define N_REGIONS 16
#define REGION_NAME_SIZE 24
#define SLOT_SIZE (UINT64_C(1) << 33) // of addresses in the file; the first slot is the header's
#define PAGE_SIZE 4096

struct region {
    char name[REGION_NAME_SIZE];
    uint64_t size;
    uint64_t layout;
    uint64_t check; // of the above and the seed; else the region is not there
};

struct header {
    uint64_t magic;
    uint64_t layout; // of this header
    uint64_t seed;
    uint64_t boot; // of the machine: times mean nothing in another life of it
    uint64_t check;
    struct region regions[N_REGIONS];
};

static struct header private_header; // where there is no file
static struct header *header;
static int state_fd = -1;
static struct {
    void *memory;
    size_t size;
    size_t reserved; // up to here, without a file
} mapped[N_REGIONS];

// FNV-1a, against damage, not against malice: who may write the file may do anything.
static uint64_t fold(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t check_of(const void *bytes, size_t size)
{
    return fold(UINT64_C(0xcbf29ce484222325), bytes, size);
}

static uint64_t check_of_region(const struct region *r)
{
    return fold(header->seed, r, offsetof(struct region, check));
}

static uint64_t layout_of_header(void)
{
    const uint64_t parts[] = {sizeof(struct header), sizeof(struct region), N_REGIONS, SLOT_SIZE};

    return check_of(parts, sizeof(parts));
}

static uint64_t boot_id(void)
{
    char text[64] = "";
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text));

    if (fd >= 0)
        close(fd);
    return check_of(text, n > 0 ? (size_t)n : 0);
}

static int fill_header(struct header *h)
{
    memset(h, 0, sizeof(*h));
    h->magic = STATE_MAGIC;
    h->layout = layout_of_header();
    h->boot = boot_id();
    if (getrandom(&h->seed, sizeof(h->seed), 0) != (ssize_t)sizeof(h->seed))
        return -EIO;
    h->check = check_of(h, offsetof(struct header, check));
    return 0;
}

// NULL, or why the file is of no use.
static const char *find_fault(const struct header *h)
{
    if (h->magic != STATE_MAGIC || h->check != check_of(h, offsetof(struct header, check)))
        return "it is damaged";
    if (h->layout != layout_of_header())
        return "another version wrote it";
    if (h->boot != boot_id())
        return "the machine was started since";
    return NULL;
}

static int map_header(int fd)
{
    void *map;
    int rc = posix_fallocate(fd, 0, sizeof(struct header));

    if (rc != 0)
        return -rc;
    map = mmap(NULL, sizeof(struct header), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return -errno;
    header = map;
    state_fd = fd;
    return 0;
}

static int create_file(const char *path)
{
    int fd, rc;

    if (unlink(path) < 0 && errno != ENOENT)
        return -errno;
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    rc = map_header(fd);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    return fill_header(header);
}

// 0: it is mapped; 1: there is none that can be used.
static int open_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    const char *fault = "it is not a file of ours";
    struct stat st;

    if (fd < 0 && errno == ENOENT)
        return 1;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid()) {
        fault = st.st_size < (off_t)sizeof(struct header) ? "it is too short" : NULL;
        if (fault == NULL && map_header(fd) == 0) {
            fault = find_fault(header);
            if (fault == NULL)
                return 0;
            state_fini();
            fd = -1;
        }
    }
    if (fd >= 0)
        close(fd);
    log_warn("%s is of no use, sessions begin anew: %s", path,
             fault != NULL ? fault : "it can't be mapped");
    return 1;
}

int state_init(const char *run_dir, struct error *e)
{
    char path[4096];
    int rc;

    if (run_dir == NULL) {
        header = &private_header;
        rc = fill_header(header);
        return rc == 0 ? 0 : error_set(e, rc, NULL, "no random numbers");
    }
    snprintf(path, sizeof(path), "%s/%s", run_dir, STATE_NAME);
    if (open_file(path) == 0)
        return 0;
    rc = create_file(path);
    if (rc < 0) {
        state_fini();
        return error_set(e, rc, NULL, "can't make %s: %s", path, strerror(-rc));
    }
    return 0;
}

void state_fini(void)
{
    for (unsigned i = 0; i < N_REGIONS; i++) {
        if (mapped[i].memory != NULL)
            munmap(mapped[i].memory, mapped[i].size);
        mapped[i].memory = NULL;
        mapped[i].reserved = 0;
    }
    if (header != NULL && header != &private_header)
        munmap(header, sizeof(*header));
    header = NULL;
    if (state_fd >= 0)
        close(state_fd);
    state_fd = -1;
}

static off_t offset_of(unsigned slot)
{
    return (off_t)((slot + 1) * SLOT_SIZE);
}

static int is_there(const struct region *r)
{
    return r->check == check_of_region(r) && memchr(r->name, '\0', sizeof(r->name)) != NULL;
}

// The slot of this name, else a free one; N_REGIONS: all are taken.
static unsigned find_slot(const char *name)
{
    unsigned free_slot = N_REGIONS;

    for (unsigned i = 0; i < N_REGIONS; i++) {
        if (is_there(&header->regions[i]) && strcmp(header->regions[i].name, name) == 0)
            return i;
        if (!is_there(&header->regions[i]) && free_slot == N_REGIONS)
            free_slot = i;
    }
    return free_slot;
}

static int empty_slot(unsigned slot)
{
    if (state_fd < 0)
        return 0;
    // What lies behind the end of the file is no hole for all file systems.
    if (fallocate(state_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset_of(slot),
                  (off_t)SLOT_SIZE) == 0)
        return 0;
    return -errno;
}

static int make_region(unsigned slot, const char *name, size_t size, uint64_t layout)
{
    struct region *r = &header->regions[slot];
    int rc;

    __atomic_store_n(&r->check, 0, __ATOMIC_RELEASE);
    rc = empty_slot(slot);
    if (rc < 0)
        return rc;
    memset(r->name, 0, sizeof(r->name));
    strncpy(r->name, name, sizeof(r->name) - 1);
    r->size = size;
    r->layout = layout;
    __atomic_store_n(&r->check, check_of_region(r), __ATOMIC_RELEASE);
    return 0;
}

static int map_region(unsigned slot, size_t size)
{
    off_t end = offset_of(slot) + (off_t)size;
    int flags = state_fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
    struct stat st;
    void *memory;

    if (state_fd >= 0 && fstat(state_fd, &st) < 0)
        return -errno;
    if (state_fd >= 0 && st.st_size < end && ftruncate(state_fd, end) < 0)
        return -errno;
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, state_fd,
                  state_fd < 0 ? 0 : offset_of(slot));
    if (memory == MAP_FAILED)
        return -errno;
    mapped[slot].memory = memory;
    mapped[slot].size = size;
    return 0;
}

void *state_region(const char *name, size_t size, uint64_t layout, int *was_there, struct error *e)
{
    unsigned slot = find_slot(name);
    const struct region *r;
    int rc;

    if (slot == N_REGIONS || strlen(name) >= REGION_NAME_SIZE || size > SLOT_SIZE || size == 0) {
        error_set(e, -ENOSPC, NULL, "no room for the %s in the state segment", name);
        return NULL;
    }
    r = &header->regions[slot];
    *was_there = is_there(r) && r->size == size && r->layout == layout;
    if (mapped[slot].memory != NULL && *was_there)
        return mapped[slot].memory;
    if (mapped[slot].memory != NULL) {
        error_set(e, -EEXIST, NULL, "two kinds of %s in the state segment", name);
        return NULL;
    }
    if (is_there(r) && !*was_there)
        log_warn("the %s of the process before have another layout: they begin anew", name);
    rc = *was_there ? 0 : make_region(slot, name, size, layout);
    if (rc == 0)
        rc = map_region(slot, size);
    if (rc == 0)
        return mapped[slot].memory;
    error_set(e, rc, NULL, "no state segment for the %s: %s", name, strerror(-rc));
    return NULL;
}

static unsigned slot_of(const void *region)
{
    unsigned i = 0;

    while (i < N_REGIONS && mapped[i].memory != region)
        i++;
    return i;
}

size_t state_held(const void *region)
{
    unsigned slot = slot_of(region);
    off_t at, start, end;

    if (slot == N_REGIONS)
        return 0;
    if (state_fd < 0)
        return mapped[slot].reserved;
    start = at = offset_of(slot);
    end = start + (off_t)mapped[slot].size;
    while (at < end) {
        off_t data = lseek(state_fd, at, SEEK_DATA), hole;

        if (data < 0 || data >= end)
            break;
        hole = lseek(state_fd, data, SEEK_HOLE);
        if (hole < 0 || hole > end)
            hole = end;
        at = hole;
    }
    return (size_t)(at - start);
}

// After this no page is missing: the kernel makes one where the first touch would have to.
static int populate(char *memory, size_t from, size_t to)
{
    from &= ~(size_t)(PAGE_SIZE - 1);
    if (madvise(memory + from, to - from, MADV_POPULATE_WRITE) == 0)
        return 0;
    if (errno != EINVAL)
        return -ENOMEM;
    for (; from < to; from += PAGE_SIZE) // a kernel before 5.14
        __atomic_fetch_or(&memory[from], 0, __ATOMIC_RELAXED);
    return 0;
}

int state_reserve(const void *region, size_t from, size_t len)
{
    unsigned slot = slot_of(region);

    if (slot == N_REGIONS || from > mapped[slot].size || len > mapped[slot].size - from)
        return -EINVAL;
    if (len == 0)
        return 0;
    do {
        errno = 0;
    } while (state_fd >= 0 &&
             fallocate(state_fd, 0, offset_of(slot) + (off_t)from, (off_t)len) < 0 &&
             errno == EINTR);
    if (errno != 0)
        return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? -ENOSPC : -ENOMEM;
    if (from + len > mapped[slot].reserved)
        mapped[slot].reserved = from + len;
    return populate(mapped[slot].memory, from, from + len);
}

uint64_t state_seed(void)
{
    return header != NULL ? header->seed : 0;
}
