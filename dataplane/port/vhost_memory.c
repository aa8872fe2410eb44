// SPDX-License-Identifier: BSD-3-Clause
// What if a guest's memory goes away under us? Whoever made the memory file may cut it short at any
// time, or the host has no page left for it: then a touch is a SIGBUS, on a worker as likely as
// not. A process-wide handler puts zero pages under the region, takes the guest away from the
// workers and notes it; the main thread ends the connection. Only that port dies. Tables here are
// written by events and read by the handler on any thread, so nothing is ever freed.
// Next: vhost_fence.c, which lets memory in.

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/port/vhost.h"

#define MAX_REGIONS 8

struct region {
    uintptr_t start; // atomic
    size_t size;     // atomic; 0: none. Written last, cleared first
};

// One for each port slot.
struct memory {
    struct region region[MAX_REGIONS];
    struct vhost_device *device; // atomic
    uint8_t has_failed;          // atomic
};

static struct memory memories[API_MAX_PORTS];
static __thread struct memory *expected; // whose unknown memory this thread may meet

static int put_zeros(uintptr_t start, size_t size)
{
    void *at = (void *)start; // NOLINT: an address from the kernel
    void *map = mmap(at, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);

    return map == at ? 0 : -1;
}

// A page not registered yet may be of any size: the smallest that the kernel lets us replace.
static int put_zero_page(uintptr_t address)
{
    static const size_t sizes[] = {4096, 2UL << 20, 1UL << 30};

    for (unsigned i = 0; i < RTE_DIM(sizes); i++)
        if (put_zeros(address & ~(uintptr_t)(sizes[i] - 1), sizes[i]) == 0)
            return 0;
    return -1;
}

static struct memory *find(uintptr_t address, uintptr_t *start, size_t *size)
{
    for (unsigned slot = 0; slot < API_MAX_PORTS; slot++) {
        for (unsigned i = 0; i < MAX_REGIONS; i++) {
            const struct region *region = &memories[slot].region[i];

            *size = __atomic_load_n(&region->size, __ATOMIC_ACQUIRE);
            *start = __atomic_load_n(&region->start, __ATOMIC_RELAXED);
            if (address - *start < *size)
                return &memories[slot];
        }
    }
    return NULL;
}

static void on_bus_error(int number, siginfo_t *info, void *context)
{
    uintptr_t address = (uintptr_t)info->si_addr;
    uintptr_t start;
    size_t size;
    struct memory *memory = find(address, &start, &size);
    struct vhost_device *device;
    int rc = -1;

    (void)context;
    if (memory != NULL) {
        rc = put_zeros(start, size);
    } else if (expected != NULL) {
        memory = expected;
        rc = put_zero_page(address);
    }
    if (rc < 0) {
        signal(number, SIG_DFL); // not ours: the instruction faults again and ends the process
        return;
    }
    __atomic_store_n(&memory->has_failed, 1, __ATOMIC_RELEASE);
    device = __atomic_load_n(&memory->device, __ATOMIC_ACQUIRE);
    if (device != NULL)
        __atomic_store_n(&device->vid, VHOST_NO_VID, __ATOMIC_RELEASE);
}

int vhost_memory_init(void)
{
    static int is_done;
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};

    if (is_done)
        return 0;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGBUS, &action, NULL) < 0)
        return -errno;
    is_done = 1;
    return 0;
}

static void forget(struct memory *memory)
{
    for (unsigned i = 0; i < MAX_REGIONS; i++)
        __atomic_store_n(&memory->region[i].size, 0, __ATOMIC_RELEASE);
}

void vhost_memory_expect(struct vhost_device *device)
{
    struct memory *memory = &memories[device->port->slot];

    forget(memory);
    __atomic_store_n(&memory->device, device, __ATOMIC_RELEASE);
    expected = memory;
}

void vhost_memory_set(struct vhost_device *device, int vid)
{
    struct memory *memory = &memories[device->port->slot];
    struct rte_vhost_memory *table = NULL;

    expected = NULL;
    forget(memory);
    if (vid == VHOST_NO_VID) {
        __atomic_store_n(&memory->device, NULL, __ATOMIC_RELEASE);
        __atomic_store_n(&memory->has_failed, 0, __ATOMIC_RELEASE);
        return;
    }
    if (rte_vhost_get_mem_table(vid, &table) < 0) {
        __atomic_store_n(&memory->has_failed, 1, __ATOMIC_RELEASE); // unprotected: end it
        return;
    }
    for (unsigned i = 0; i < table->nregions && i < MAX_REGIONS; i++) {
        __atomic_store_n(&memory->region[i].start, (uintptr_t)table->regions[i].mmap_addr,
                         __ATOMIC_RELAXED);
        __atomic_store_n(&memory->region[i].size, (size_t)table->regions[i].mmap_size,
                         __ATOMIC_RELEASE);
    }
    free(table);
}

int vhost_memory_has_failed(const struct vhost_device *device)
{
    return __atomic_load_n(&memories[device->port->slot].has_failed, __ATOMIC_ACQUIRE);
}
