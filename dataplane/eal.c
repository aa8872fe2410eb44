// SPDX-License-Identifier: BSD-3-Clause
// With which arguments does the EAL start? Workers pinned to CPUs, the main thread on the others;
// huge pages if enough are free, else normal ones; no runtime files, no telemetry, no PCI device
// unless a port names it. Called by main.c.

#include "dataplane/eal.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_memory.h>

#define MAX_ARGUMENTS 96
#define SLICE_SIZE (64U << 20)
#define MAX_SLICES 4096U
#define MIN_HUGE_MIB 256     // fewer free: normal pages
#define MAX_NORMAL_MIB 4096U // reserved addresses, not memory: pages are touched when used

struct arguments {
    int n;
    char *list[MAX_ARGUMENTS];
    char lcores[CPU_SETSIZE * 12];
    char memory[16];
};

static void add(struct arguments *a, const char *argument)
{
    if (a->n < MAX_ARGUMENTS - 1)
        a->list[a->n] = (char *)(uintptr_t)argument; // the EAL does not write to them
    a->n++;
}

static unsigned long free_huge_mib(unsigned long page_kib)
{
    char path[128];
    unsigned long n = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%lukB/free_hugepages",
             page_kib);
    file = fopen(path, "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%lu", &n) != 1)
        n = 0;
    fclose(file);
    return n * page_kib / 1024;
}

static void add_memory(struct arguments *a)
{
    struct sysinfo info;
    unsigned long mib = 512;

    if (free_huge_mib(2048) + free_huge_mib(1048576) >= MIN_HUGE_MIB) {
        add(a, "--in-memory"); // no files in a hugetlbfs that a killed process would leave
        return;
    }
    if (sysinfo(&info) == 0)
        mib = (unsigned long)info.totalram * info.mem_unit / 2 / (1024 * 1024);
    if (mib > MAX_NORMAL_MIB)
        mib = MAX_NORMAL_MIB;
    snprintf(a->memory, sizeof(a->memory), "%lu", mib);
    add(a, "--no-shconf");
    add(a, "--no-huge");
    add(a, "-m");
    add(a, a->memory);
}

// "1,4-6" into a set. -EINVAL.
static int parse_cpus(const char *text, cpu_set_t *set)
{
    CPU_ZERO(set);
    for (const char *at = text; *at != '\0';) {
        char *end;
        unsigned long first = strtoul(at, &end, 10), last = first;

        if (end == at)
            return -EINVAL;
        if (*end == '-') {
            at = end + 1;
            last = strtoul(at, &end, 10);
            if (end == at)
                return -EINVAL;
        }
        if (first > last || last >= CPU_SETSIZE || (*end != ',' && *end != '\0'))
            return -EINVAL;
        for (unsigned long cpu = first; cpu <= last; cpu++)
            CPU_SET(cpu, set);
        at = *end == ',' ? end + 1 : end;
    }
    return 0;
}

// The last n CPUs of `allowed`.
static void last_cpus(const cpu_set_t *allowed, unsigned n, cpu_set_t *set)
{
    CPU_ZERO(set);
    for (unsigned cpu = CPU_SETSIZE; cpu-- > 0 && n > 0;) {
        if (CPU_ISSET(cpu, allowed)) {
            CPU_SET(cpu, set);
            n--;
        }
    }
}

// "--lcores 0@(main's CPUs),1@CPU,2@CPU…": lcore 0 is the main thread. Room for CPU_SETSIZE of
// them.
static void write_lcores(char *text, const cpu_set_t *main_cpus, const cpu_set_t *worker_cpus)
{
    unsigned lcore = 1;

    text += sprintf(text, "0@(");
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, main_cpus))
            text += sprintf(text, "%u,", cpu);
    text += sprintf(text - 1, ")") - 1; // in place of the last comma
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, worker_cpus))
            text += sprintf(text, ",%u@%u", lcore++, cpu);
}

static int add_lcores(struct arguments *a, const struct eal_settings *settings, struct error *e)
{
    cpu_set_t allowed, workers, others;

    if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
        return error_set(e, -errno, NULL, "can't tell which CPUs we may run on: %s",
                         strerror(errno));
    if (settings->cpus == NULL)
        last_cpus(&allowed, settings->n_workers, &workers);
    else if (parse_cpus(settings->cpus, &workers) < 0)
        return error_set(e, -EINVAL, NULL, "--cpus takes a list such as 1,4-6, not '%s'",
                         settings->cpus);
    CPU_AND(&others, &workers, &allowed);
    if (!CPU_EQUAL(&others, &workers))
        return error_set(e, -EINVAL, NULL, "--cpus %s names a CPU that we may not run on",
                         settings->cpus);
    if (CPU_COUNT(&workers) < (int)settings->n_workers)
        return error_set(e, -EINVAL, NULL, "%u workers need a CPU each, there are %d",
                         settings->n_workers, CPU_COUNT(&workers));
    CPU_XOR(&others, &allowed, &workers);
    write_lcores(a->lcores, CPU_COUNT(&others) > 0 ? &others : &allowed, &workers);
    add(a, "--lcores");
    add(a, a->lcores);
    return 0;
}

// librte_vhost copies an indirect descriptor table that crosses memory regions into memory of the
// size that the guest names, on a worker, and DPDK zeroes what it frees: 2 GiB of that are a
// second's silence for everybody. So no allocation finds more than a slice: reserved crumbs cut the
// heap.
static void slice_heap(void)
{
    for (unsigned n = 0; n < MAX_SLICES && rte_malloc("slice", 1, SLICE_SIZE) != NULL; n++)
        ;
}

// The same where the heap grows by huge pages: it does not, for a worker.
static int refuse_growth_on_worker(int socket_id, size_t limit, size_t new_size)
{
    (void)socket_id;
    (void)limit;
    (void)new_size;
    return rte_lcore_id() != LCORE_ID_ANY && rte_lcore_id() != rte_get_main_lcore() ? -1 : 0;
}

static void bound_allocations(void)
{
    if (!rte_eal_has_hugepages()) {
        slice_heap();
        return;
    }
    for (unsigned i = 0; i < rte_socket_count(); i++)
        rte_mem_alloc_validator_register("culvert", refuse_growth_on_worker,
                                         rte_socket_id_by_idx(i), 0);
}

int eal_start(const struct eal_settings *settings, struct error *e)
{
    static struct arguments a; // the EAL keeps pointers
    int rc;

    add(&a, "culvert-dataplane");
    rc = add_lcores(&a, settings, e);
    if (rc < 0)
        return rc;
    add(&a, "--no-telemetry");
    add(&a, "--allow"); // an address that is no device: no port, no probing
    add(&a, "pci:0000:00:00.0");
    add(&a, "--log-level");
    add(&a, "warning");
    add_memory(&a);
    for (int i = 0; i < settings->n_extra; i++)
        add(&a, settings->extra[i]);
    if (a.n >= MAX_ARGUMENTS)
        return error_set(e, -E2BIG, NULL, "%d EAL arguments, at most %d fit", settings->n_extra,
                         MAX_ARGUMENTS - 1 - (a.n - settings->n_extra));
    if (rte_eal_init(a.n, a.list) < 0)
        return error_set(e, -rte_errno, NULL, "the EAL does not start: %s",
                         rte_strerror(rte_errno));
    bound_allocations();
    return 0;
}

void eal_stop(void)
{
    rte_eal_cleanup();
}

int eal_has_huge_pages(void)
{
    return rte_eal_has_hugepages();
}
