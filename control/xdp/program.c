// SPDX-License-Identifier: BSD-3-Clause
// How does our XDP program come onto an interface? Attached by a link, whose descriptor is all that
// holds it there: nothing is pinned, so nothing is ever left behind. A restarted culvertd finds the
// link that the dataplane has kept, by walking the kernel's links. Called by xdp.c on the event
// loop. Next: maps.c.

#include "control/xdp/program.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <steer.skel.h>

#include "control/failure.h"
#include "control/log.h"

#define PROGRAM_NAME "culvert_xdp"

static const char *const map_names[N_MAPS] = {
    [MAP_XSKS] = "xsks",         [MAP_COUNTERS] = "counters", [MAP_SETTINGS] = "settings",
    [MAP_VLANS] = "vlans",       [MAP_MACS] = "macs",         [MAP_OWN] = "own",
    [MAP_PREFIXES] = "prefixes", [MAP_DENIED] = "denied",
};

static int print(enum libbpf_print_level level, const char *format, va_list args)
{
    char line[256];

    (void)level; // what matters comes back as an error
    vsnprintf(line, sizeof(line), format, args);
    line[strcspn(line, "\n")] = '\0';
    log_debug("%s", line);
    return 0;
}

void program_init(void)
{
    libbpf_set_print(print);
}

static void reset(struct program *program)
{
    *program = (struct program){.link_fd = -1};
    for (unsigned i = 0; i < N_MAPS; i++)
        program->map_fd[i] = -1;
}

void program_close(struct program *program)
{
    for (unsigned i = 0; i < N_MAPS; i++)
        if (program->map_fd[i] >= 0)
            close(program->map_fd[i]);
    if (program->link_fd >= 0)
        close(program->link_fd);
    reset(program);
}

void program_detach(struct program *program)
{
    if (bpf_link_detach(program->link_fd) < 0)
        log_warn("can't detach the XDP program of interface %u: %s", program->ifindex,
                 strerror(errno));
    program_close(program);
}

static const char *permission(int rc)
{
    return rc == -EPERM || rc == -EACCES
               ? "; it takes CAP_BPF, CAP_NET_ADMIN and, to find a program again, CAP_SYS_ADMIN"
               : "";
}

// The program's maps by their names; all or nothing.
static int open_maps(struct program *program, const struct bpf_prog_info *info,
                     const uint32_t *map_ids)
{
    unsigned n_found = 0;

    for (uint32_t i = 0; i < info->nr_map_ids; i++) {
        struct bpf_map_info map = {0};
        uint32_t size = sizeof(map);
        int fd = bpf_map_get_fd_by_id(map_ids[i]);

        if (fd < 0)
            return fd;
        if (bpf_obj_get_info_by_fd(fd, &map, &size) == 0)
            for (unsigned j = 0; fd >= 0 && j < N_MAPS; j++)
                if (program->map_fd[j] < 0 && strcmp(map.name, map_names[j]) == 0) {
                    program->map_fd[j] = fd;
                    fd = -1;
                    n_found++;
                }
        if (fd >= 0)
            close(fd);
    }
    return n_found == N_MAPS ? 0 : -ENOENT;
}

static int read_prog(int fd, struct bpf_prog_info *info, uint32_t *map_ids)
{
    uint32_t size = sizeof(*info);

    *info = (struct bpf_prog_info){.map_ids = (uint64_t)(uintptr_t)map_ids,
                                   .nr_map_ids = map_ids == NULL ? 0 : 2 * N_MAPS};
    if (bpf_obj_get_info_by_fd(fd, info, &size) < 0)
        return -errno;
    if (map_ids != NULL && info->nr_map_ids > 2 * N_MAPS)
        return -E2BIG;
    return 0;
}

static bool is_owner(const struct program *program, uint64_t owner)
{
    struct steer_settings settings;
    uint32_t zero = 0;

    return bpf_map_lookup_elem(program->map_fd[MAP_SETTINGS], &zero, &settings) == 0 &&
           settings.owner == owner;
}

// A link on our interface: is its program ours, of this version? 1: yes, *program has it. 0: ours,
// of another version, whose link alone is taken. -ENOENT: it is somebody else's.
static int examine_link(int link_fd, const struct bpf_link_info *link, const char tag[8],
                        uint64_t owner, struct program *program)
{
    uint32_t map_ids[2 * N_MAPS];
    struct bpf_prog_info info;
    int fd = bpf_prog_get_fd_by_id(link->prog_id);
    int rc = fd < 0 ? -ENOENT : read_prog(fd, &info, map_ids);

    if (fd >= 0)
        close(fd);
    if (rc < 0 || strcmp(info.name, PROGRAM_NAME) != 0)
        return -ENOENT;
    rc = open_maps(program, &info, map_ids);
    if (rc == 0 && !is_owner(program, owner))
        rc = -ENOENT;
    if (rc < 0) {
        program_close(program);
        return -ENOENT;
    }
    program->link_fd = link_fd;
    program->link_id = link->id;
    program->ifindex = link->xdp.ifindex;
    return memcmp(info.tag, tag, BPF_TAG_SIZE) == 0;
}

// What is on the interface, in *query. 1: in native mode, 0: in generic mode, -ENOENT: nothing.
static int query_mode(unsigned ifindex, struct bpf_xdp_query_opts *query)
{
    int rc;

    *query = (struct bpf_xdp_query_opts){.sz = sizeof(*query)};
    rc = bpf_xdp_query((int)ifindex, 0, query);
    if (rc < 0)
        return rc;
    if (query->attach_mode == XDP_ATTACHED_NONE)
        return -ENOENT;
    if (query->prog_id == 0) // several modes at once
        query->prog_id = query->drv_prog_id != 0 ? query->drv_prog_id : query->skb_prog_id;
    return query->attach_mode != XDP_ATTACHED_SKB;
}

// The link of the program that is on the interface, among all of the kernel's. As examine_link, and
// -ENOENT if nothing is there. Links of other network namespaces may name the same ifindex: the
// program's id is what counts.
static int find_link(unsigned ifindex, const char tag[8], uint64_t owner, struct program *program)
{
    struct bpf_xdp_query_opts query;
    int mode = query_mode(ifindex, &query);
    uint32_t id = 0;

    while (mode >= 0 && bpf_link_get_next_id(id, &id) == 0) {
        struct bpf_link_info info = {0};
        uint32_t size = sizeof(info);
        int rc, fd = bpf_link_get_fd_by_id(id);

        if (fd < 0)
            continue; // it went meanwhile
        if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && info.type == BPF_LINK_TYPE_XDP &&
            info.xdp.ifindex == ifindex && info.prog_id == query.prog_id) {
            rc = examine_link(fd, &info, tag, owner, program);
            program->is_native = mode == 1;
            if (rc < 0)
                close(fd);
            return rc;
        }
        close(fd);
    }
    return -ENOENT;
}

// The name of a program, "" if it has none. -EPERM: we may not know.
static int name_of_prog(uint32_t id, char name[BPF_OBJ_NAME_LEN])
{
    struct bpf_prog_info info = {0};
    int rc, fd = bpf_prog_get_fd_by_id(id);

    name[0] = '\0';
    if (fd < 0)
        return fd;
    rc = read_prog(fd, &info, NULL);
    close(fd);
    if (rc == 0)
        memcpy(name, info.name, BPF_OBJ_NAME_LEN);
    return rc;
}

static int refuse_foreign(unsigned ifindex, const char *interface, struct config_error *e)
{
    char name[BPF_OBJ_NAME_LEN] = "";
    struct bpf_xdp_query_opts query;

    if (query_mode(ifindex, &query) >= 0 && name_of_prog(query.prog_id, name) == -EPERM)
        return failure(e, -EBUSY, NULL,
                       "%s has an XDP program (id %u) already; whether it is our own culvertd sees "
                       "only with CAP_SYS_ADMIN",
                       interface, query.prog_id);
    return failure(e, -EBUSY, NULL,
                   "%s has another XDP program, %s (id %u): take it off first (ip link set dev %s "
                   "xdp off, or end what holds it)",
                   interface, name[0] != '\0' ? name : "without a name", query.prog_id, interface);
}

// Seen before anything is loaded: it is asked once a second.
static bool has_other_name(unsigned ifindex)
{
    char name[BPF_OBJ_NAME_LEN];
    struct bpf_xdp_query_opts query;

    return query_mode(ifindex, &query) >= 0 && name_of_prog(query.prog_id, name) == 0 &&
           strcmp(name, PROGRAM_NAME) != 0;
}

static int attach(struct program *program, int prog_fd, const char *interface,
                  enum program_mode mode, struct config_error *e)
{
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_DRV_MODE);
    int native = -EOPNOTSUPP, rc;

    if (mode != PROGRAM_GENERIC)
        native = bpf_link_create(prog_fd, (int)program->ifindex, BPF_XDP, &options);
    rc = native;
    if (mode == PROGRAM_GENERIC || (mode == PROGRAM_AUTO && native < 0 && native != -EBUSY &&
                                    native != -EEXIST && native != -EPERM)) {
        options.flags = XDP_FLAGS_SKB_MODE;
        rc = bpf_link_create(prog_fd, (int)program->ifindex, BPF_XDP, &options);
    }
    if (rc == -EBUSY || rc == -EEXIST)
        return refuse_foreign(program->ifindex, interface, e);
    if (rc < 0)
        return failure(e, rc, NULL, "can't attach the XDP program to %s%s: %s%s%s", interface,
                       mode == PROGRAM_NATIVE ? " in native mode" : "", strerror(-rc),
                       mode == PROGRAM_NATIVE ? "; its driver may have none, or not with this MTU"
                                              : "",
                       permission(rc));
    if (mode == PROGRAM_AUTO && native < 0)
        log_warn("%s has no native XDP (%s): the program runs in generic mode, which is slower",
                 interface, strerror(-native));
    program->is_native = native >= 0;
    program->link_fd = rc;
    return 0;
}

static int take_maps(struct program *program, const struct steer_skeleton *skeleton)
{
    const struct bpf_map *const maps[N_MAPS] = {
        [MAP_XSKS] = skeleton->maps.xsks,         [MAP_COUNTERS] = skeleton->maps.counters,
        [MAP_SETTINGS] = skeleton->maps.settings, [MAP_VLANS] = skeleton->maps.vlans,
        [MAP_MACS] = skeleton->maps.macs,         [MAP_OWN] = skeleton->maps.own,
        [MAP_PREFIXES] = skeleton->maps.prefixes, [MAP_DENIED] = skeleton->maps.denied,
    };

    for (unsigned i = 0; i < N_MAPS; i++) {
        program->map_fd[i] = fcntl(bpf_map__fd(maps[i]), F_DUPFD_CLOEXEC, 0);
        if (program->map_fd[i] < 0)
            return -errno;
    }
    return 0;
}

static int write_owner(const struct program *program, uint64_t owner)
{
    struct steer_settings settings = {.owner = owner};
    uint32_t zero = 0;

    // Not before maps.c knows better is anything the dataplane's.
    settings.flags = STEER_EXPLICIT;
    return bpf_map_update_elem(program->map_fd[MAP_SETTINGS], &zero, &settings, BPF_ANY);
}

static int note_link(struct program *program)
{
    struct bpf_link_info info = {0};
    uint32_t size = sizeof(info);

    if (bpf_obj_get_info_by_fd(program->link_fd, &info, &size) < 0)
        return -errno;
    program->link_id = info.id;
    return 0;
}

// A program of ours is there, of another version: put this one in its place.
static int replace(struct program *program, int prog_fd, struct program *old)
{
    int rc = bpf_link_update(old->link_fd, prog_fd, NULL);

    if (rc < 0) {
        program_detach(old);
        return rc;
    }
    program->link_fd = old->link_fd;
    program->is_native = old->is_native;
    old->link_fd = -1;
    program_close(old);
    return 0;
}

// With our program loaded: adopt, replace or attach.
static int settle(struct program *program, const struct steer_skeleton *skeleton,
                  const char *interface, enum program_mode mode, struct config_error *e)
{
    int prog_fd = bpf_program__fd(skeleton->progs.culvert_xdp);
    struct steer_settings loaded;
    struct bpf_prog_info info;
    struct program found;
    uint32_t zero = 0;
    int rc = read_prog(prog_fd, &info, NULL);

    reset(&found);
    if (rc == 0 && bpf_map_lookup_elem(program->map_fd[MAP_SETTINGS], &zero, &loaded) < 0)
        rc = -errno;
    if (rc < 0)
        return failure(e, rc, NULL, "can't read back the XDP program: %s", strerror(-rc));
    rc = find_link(program->ifindex, (const char *)info.tag, loaded.owner, &found);
    if (rc >= 0) {
        if (!program_fits(&found, mode)) {
            program_detach(&found);
        } else if (rc == 1) {
            program_close(program);
            *program = found;
            return 0;
        } else if (replace(program, prog_fd, &found) == 0) {
            return 0;
        }
    }
    return attach(program, prog_fd, interface, mode, e);
}

int program_open(struct program *program, const char *interface, enum program_mode mode,
                 uint64_t owner, struct config_error *e)
{
    struct steer_skeleton *skeleton;
    int rc;

    reset(program);
    program->ifindex = if_nametoindex(interface);
    if (program->ifindex == 0)
        return failure(e, -ENODEV, NULL, "there is no interface %s", interface);
    if (has_other_name(program->ifindex))
        return refuse_foreign(program->ifindex, interface, e);
    skeleton = steer_skeleton__open();
    rc = skeleton == NULL ? -errno : steer_skeleton__load(skeleton);
    if (rc < 0) {
        failure(e, rc, NULL, "the kernel does not load the XDP program: %s%s", strerror(-rc),
                permission(rc));
        goto destroy;
    }
    rc = take_maps(program, skeleton);
    if (rc == 0)
        rc = write_owner(program, owner);
    if (rc < 0) {
        failure(e, rc, NULL, "can't set up the XDP program: %s", strerror(-rc));
        goto destroy;
    }
    rc = settle(program, skeleton, interface, mode, e);
    if (rc == 0 && note_link(program) < 0)
        rc = failure(e, -EIO, NULL, "the XDP program left %s at once", interface);
destroy:
    steer_skeleton__destroy(skeleton);
    if (rc < 0)
        program_close(program);
    return rc;
}

bool program_is_attached(const struct program *program)
{
    struct bpf_link_info info = {0};
    uint32_t size = sizeof(info);

    return bpf_obj_get_info_by_fd(program->link_fd, &info, &size) == 0 &&
           info.xdp.ifindex == program->ifindex;
}

bool program_fits(const struct program *program, enum program_mode mode)
{
    return mode == PROGRAM_AUTO || program->is_native == (mode == PROGRAM_NATIVE);
}

int program_counters(const struct program *program, uint64_t counters[STEER_N_COUNTERS])
{
    int n_cpus = libbpf_num_possible_cpus();
    uint64_t *values = n_cpus < 0 ? NULL : calloc((size_t)n_cpus, sizeof(*values));
    int rc = values == NULL ? -ENOMEM : 0;

    for (uint32_t i = 0; rc == 0 && i < STEER_N_COUNTERS; i++) {
        rc = bpf_map_lookup_elem(program->map_fd[MAP_COUNTERS], &i, values);
        counters[i] = 0;
        for (int cpu = 0; rc == 0 && cpu < n_cpus; cpu++)
            counters[i] += values[cpu];
    }
    free(values);
    return rc;
}
