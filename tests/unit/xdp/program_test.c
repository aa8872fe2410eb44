// SPDX-License-Identifier: BSD-3-Clause
// Does our program come onto an interface, stay as long as somebody holds it, and is it found again
// by a culvertd that was restarted? On the loopback of a network namespace of our own. Skipped
// without the right to load programs.

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "control/xdp/program.h"

#define OWNER 7

static int can_load;

static int setup(void **state)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    struct program program;
    struct config_error e;
    int fd;

    (void)state;
    program_init();
    if (unshare(CLONE_NEWNET) < 0)
        return 0;
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
        return -1;
    close(fd);
    can_load = program_open(&program, "lo", PROGRAM_AUTO, OWNER, &e) == 0;
    if (can_load)
        program_close(&program);
    return 0;
}

static struct bpf_xdp_query_opts query(void)
{
    struct bpf_xdp_query_opts result = {.sz = sizeof(result)};

    assert_int_equal(bpf_xdp_query((int)if_nametoindex("lo"), 0, &result), 0);
    return result;
}

// The last descriptor is closed: the kernel takes the program off a moment later.
static void assert_gone(void)
{
    for (unsigned i = 0; i < 1000 && query().prog_id != 0; i++)
        usleep(1000);
    assert_int_equal(query().prog_id, 0);
}

static struct program open_program(enum program_mode mode)
{
    struct program program;
    struct config_error e = {0};

    if (!can_load)
        skip();
    if (program_open(&program, "lo", mode, OWNER, &e) < 0)
        fail_msg("%s", e.sentence);
    return program;
}

static void test_attached_and_gone_with_the_descriptor(void **state)
{
    struct program program = open_program(PROGRAM_GENERIC);
    uint64_t counters[STEER_N_COUNTERS];

    (void)state;
    assert_false(program.is_native);
    assert_int_not_equal(query().prog_id, 0);
    assert_true(program_is_attached(&program));
    assert_true(program_fits(&program, PROGRAM_AUTO) && program_fits(&program, PROGRAM_GENERIC));
    assert_false(program_fits(&program, PROGRAM_NATIVE));
    assert_int_equal(program_counters(&program, counters), 0);
    program_close(&program);
    assert_gone();
}

// The dataplane holds a copy of the link's descriptor while culvertd is restarted.
static void test_found_again(void **state)
{
    struct program first = open_program(PROGRAM_AUTO), second;
    uint32_t prog_id = query().prog_id, link_id = first.link_id;
    int held = fcntl(first.link_fd, F_DUPFD_CLOEXEC, 0);
    uint8_t value = STEER_VLAN_KERNEL;
    uint32_t key = 5;

    (void)state;
    assert_int_equal(bpf_map_update_elem(first.map_fd[MAP_VLANS], &key, &value, BPF_ANY), 0);
    program_close(&first);
    assert_int_equal(query().prog_id, prog_id);
    second = open_program(PROGRAM_AUTO);
    assert_int_equal(second.link_id, link_id);
    assert_int_equal(query().prog_id, prog_id);
    value = 0;
    assert_int_equal(bpf_map_lookup_elem(second.map_fd[MAP_VLANS], &key, &value), 0);
    assert_int_equal(value, STEER_VLAN_KERNEL);
    program_close(&second);
    assert_int_equal(query().prog_id, prog_id);
    close(held);
    assert_gone();
}

static void test_another_culverts_program_is_foreign(void **state)
{
    struct program first = open_program(PROGRAM_AUTO), second;
    struct config_error e = {0};

    (void)state;
    assert_int_equal(program_open(&second, "lo", PROGRAM_AUTO, OWNER + 1, &e), -EBUSY);
    assert_non_null(strstr(e.sentence, "lo has another XDP program, culvert_xdp (id "));
    assert_true(program_is_attached(&first));
    program_close(&first);
    assert_gone();
}

// A program of ours as another version may have been: the same name and maps, other code.
static int load_other_version(const struct program *like)
{
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_XDP);
    struct bpf_insn code[2 * N_MAPS + 2] = {0};
    unsigned n = 0;
    int fd;

    for (unsigned i = 0; i < N_MAPS; i++, n += 2)
        code[n] = (struct bpf_insn){.code = BPF_LD | BPF_DW | BPF_IMM,
                                    .dst_reg = BPF_REG_1,
                                    .src_reg = BPF_PSEUDO_MAP_FD,
                                    .imm = like->map_fd[i]};
    code[n++] = (struct bpf_insn){
        .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS};
    code[n++] = (struct bpf_insn){.code = BPF_JMP | BPF_EXIT};
    fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "culvert_xdp", "GPL", code, n, &options);
    assert_true(fd >= 0);
    return fd;
}

static void test_another_version_is_replaced(void **state)
{
    struct program first = open_program(PROGRAM_AUTO), second;
    uint32_t link_id = first.link_id, old_id;
    int other = load_other_version(&first);

    (void)state;
    assert_int_equal(bpf_link_update(first.link_fd, other, NULL), 0);
    close(other);
    old_id = query().prog_id;
    second = open_program(PROGRAM_AUTO);
    assert_int_equal(second.link_id, link_id);
    assert_int_not_equal(query().prog_id, old_id);
    assert_int_not_equal(query().prog_id, 0);
    program_close(&first);
    assert_true(program_is_attached(&second));
    program_close(&second);
    assert_gone();
}

static void test_a_foreign_program(void **state)
{
    const struct bpf_insn code[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
        {.code = BPF_JMP | BPF_EXIT},
    };
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_XDP);
    struct program program = open_program(PROGRAM_AUTO);
    struct config_error e = {0};
    int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "neighbour", "GPL", code, 2, &options);

    (void)state;
    program_close(&program);
    assert_gone();
    assert_int_equal(bpf_xdp_attach((int)if_nametoindex("lo"), fd, XDP_FLAGS_SKB_MODE, NULL), 0);
    assert_int_equal(program_open(&program, "lo", PROGRAM_AUTO, OWNER, &e), -EBUSY);
    assert_non_null(strstr(e.sentence, "lo has another XDP program, neighbour (id "));
    assert_int_equal(bpf_xdp_detach((int)if_nametoindex("lo"), XDP_FLAGS_SKB_MODE, NULL), 0);
    close(fd);
}

static void test_detached_by_hand(void **state)
{
    struct program program = open_program(PROGRAM_AUTO);
    int held = fcntl(program.link_fd, F_DUPFD_CLOEXEC, 0);

    (void)state;
    assert_int_equal(bpf_link_detach(program.link_fd), 0);
    assert_false(program_is_attached(&program));
    program_close(&program);
    program = open_program(PROGRAM_AUTO);
    assert_true(program_is_attached(&program));
    program_detach(&program); // whoever holds it
    assert_int_equal(query().prog_id, 0);
    close(held);
}

static void test_what_is_not_to_be_had(void **state)
{
    struct program program = open_program(PROGRAM_AUTO);
    struct config_error e = {0};

    (void)state;
    program_close(&program);
    assert_gone();
    assert_int_equal(program_open(&program, "absent0", PROGRAM_AUTO, OWNER, &e), -ENODEV);
    assert_string_equal(e.sentence, "there is no interface absent0");
    assert_true(program_open(&program, "lo", PROGRAM_NATIVE, OWNER, &e) < 0);
    assert_non_null(strstr(e.sentence, "can't attach the XDP program to lo in native mode"));
    assert_int_equal(query().prog_id, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attached_and_gone_with_the_descriptor),
        cmocka_unit_test(test_found_again),
        cmocka_unit_test(test_another_culverts_program_is_foreign),
        cmocka_unit_test(test_another_version_is_replaced),
        cmocka_unit_test(test_a_foreign_program),
        cmocka_unit_test(test_detached_by_hand),
        cmocka_unit_test(test_what_is_not_to_be_had),
    };

    return cmocka_run_group_tests_name("xdp program", tests, setup, NULL);
}
