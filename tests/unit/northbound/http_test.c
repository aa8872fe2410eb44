// SPDX-License-Identifier: BSD-3-Clause
// What does a client see on the wire, a rude one included? The whole of culvertd but its main runs
// in a thread, without a dataplane; the test talks HTTP to its socket by hand, so that it
// can break off, dawdle and lie. Which path leads where is in router_test.c.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/northbound/http_lab.h"

static int setup(void **state)
{
    (void)state;
    return http_lab_start(NULL);
}

static int teardown(void **state)
{
    (void)state;
    return http_lab_stop();
}

static void test_apply_and_read_back(void **state)
{
    static const char text[] = "tenants: [{name: blue, ports: [{name: vm1, type: vhost-user}],"
                               " switches: [{name: lan, members: [vm1.7]}]}]\n";

    (void)state;
    http_check(http_ask("PUT", "/restconf/data", YAML, text), "200", "\"changed\": true");
    http_check(http_ask("PUT", "/restconf/data", YAML, text), "200", "\"changed\": false");
    http_check(http_ask("PUT", "/restconf/data", YAML, text), "200",
               "the dataplane is not running");
    http_check(http_ask("GET", "/restconf/data", "Accept: application/yaml\r\n", ""), "200",
               "name: vm1");
    http_check(http_ask("GET", "/restconf/data", "", ""), "200", "culvert:tenants");
    http_check(http_ask("GET", STATE "switches", "", ""), "200", "\"vm1.7\"");
    http_check(
        http_ask("POST", "/restconf/operations/culvert:diff", YAML, "tenants: [{name: blue}]"),
        "200", "\"operation\": \"delete\"");
    http_check(http_ask("PUT", "/restconf/data", JSON, "{}"), "200", "\"changed\": true");
}

static void test_refusals_say_why(void **state)
{
    const char *answer;

    (void)state;
    answer =
        http_ask("PUT", "/restconf/data", YAML,
                 "tenants:\n- name: b\n  ports:\n  - {name: p, type: tap, interface: x, mtu: 5}\n");
    http_check(answer, "400", "\"error-path\": \"tenants/b/ports/p/mtu\"");
    http_check(answer, "400", "\"culvert:line\": 4");
    http_check(answer, "400", "\"error-tag\": \"invalid-value\"");
    http_check(http_ask("PUT", "/restconf/data", JSON, "{"), "400", "ietf-restconf:errors");
    http_check(http_ask("PUT", "/restconf/data", YAML, "\xff\xfe"), "400", "ietf-restconf:errors");
    http_check(http_ask("PUT", "/restconf/data", "", "{}"), "415", "Content-Type must be");
    http_check(http_ask("DELETE", "/restconf/data", "", ""), "405", "Allow: GET, HEAD, PUT");
    http_check(http_ask("GET", "/nothing", "", ""), "404", "there is no such resource");
    http_check(http_ask("GET", STATE "ports", "", ""), "503", "the dataplane is not running");
    http_check(http_ask("GET", STATE "macs", "", ""), "400", "switch=TENANT/SWITCH");
    http_check(http_ask("GET", STATE "macs?switch=/x", "", ""), "400", "switch=TENANT/SWITCH");
    http_check(http_ask("GET", STATE "macs?switch=a/b", "", ""), "503",
               "the dataplane is not running");
    http_check(http_ask("GET", STATE "status", "", ""), "200", "\"state\": \"absent\"");
    http_check(http_ask("GET", "/metrics", "", ""), "200", "culvert_dataplane_up 0\n");
}

static void test_size_limit(void **state)
{
    static char piece[1 << 20];
    int fd;

    (void)state;
    fd = http_dial(); // by its header
    http_send_text(fd, "PUT /restconf/data HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" YAML
                       "Content-Length: 67108865\r\n\r\n");
    http_check(http_read_all(fd), "413", "too-big");
    fd = http_dial(); // by what comes
    http_send_text(fd, "PUT /restconf/data HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" YAML
                       "Transfer-Encoding: chunked\r\n\r\n");
    memset(piece, ' ', sizeof(piece));
    for (int i = 0; i < 65; i++) {
        http_send_text(fd, "100000\r\n");
        for (size_t sent = 0; sent < sizeof(piece);) {
            ssize_t n = send(fd, piece + sent, sizeof(piece) - sent, MSG_NOSIGNAL);

            assert_true(n > 0);
            sent += (size_t)n;
        }
        http_send_text(fd, "\r\n");
    }
    http_send_text(fd, "0\r\n\r\n");
    http_check(http_read_all(fd), "413", "the body is larger than 64 MiB");
}

// Clients that say nothing, half of it, or nonsense, all at once; others are served meanwhile.
static void test_rude_clients_harm_nobody(void **state)
{
    enum { N_RUDE = NORTHBOUND_MAX_CLIENTS - 4 };
    static const char *const words[] = {
        "",
        "GET",
        "GET /metrics HTTP/1.1\r\nHost: x\r\nX: ",
        "PUT /restconf/data HTTP/1.1\r\nHost: x\r\n" YAML "Content-Length: 100\r\n\r\ntenants:",
        "\x16\x03\x01\x02 nonsense\r\n\r\n",
    };
    int fds[N_RUDE];

    (void)state;
    for (int i = 0; i < N_RUDE; i++) {
        fds[i] = http_dial();
        http_send_text(fds[i], words[i % 5]);
    }
    for (int i = 0; i < 20; i++)
        http_check(http_ask("GET", STATE "status", "", ""), "200", "\"state\": \"absent\"");
    for (int i = 0; i < N_RUDE; i++)
        close(fds[i]);
    http_check(http_ask("PUT", "/restconf/data", YAML, "tenants: [{name: t}]"), "200", "changed");
}

// Who leaves before the answer does not keep it from others, nor undo what it asked for.
static void test_clients_that_leave(void **state)
{
    char request[256];
    int fd;

    (void)state;
    for (int i = 0; i < 50; i++) {
        snprintf(request, sizeof(request),
                 "PUT /restconf/data HTTP/1.1\r\nHost: x\r\n" YAML
                 "Content-Length: 23\r\n\r\ntenants: [{name: t%04d}]",
                 i);
        fd = http_dial();
        http_send_text(fd, request);
        close(fd);
    }
    http_check(http_ask("GET", "/restconf/data", "", ""), "200", "culvert:tenants");
}

// Another user, let in by the socket's mode: may look, and no more.
static void test_readers_may_not_change(void **state)
{
    char path[128];
    int status;
    pid_t child;

    (void)state;
    if (geteuid() != 0)
        skip(); // nobody else to be
    snprintf(path, sizeof(path), "%s/%s", http_lab.dir, NORTHBOUND_SOCKET_NAME);
    assert_int_equal(chmod(path, 0666), 0);
    assert_int_equal(chmod(http_lab.dir, 0755), 0);
    child = fork();
    if (child == 0) {
        if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
            _exit(1);
        if (strncmp(http_ask("GET", STATE "status", "", ""), "HTTP/1.1 200", 12) != 0)
            _exit(2);
        if (strncmp(http_ask("PUT", "/restconf/data", JSON, "{}"), "HTTP/1.1 403", 12) != 0)
            _exit(3);
        if (strncmp(http_ask("POST", "/restconf/operations/culvert:diff", JSON, "{}"),
                    "HTTP/1.1 403", 12) != 0)
            _exit(4);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(chmod(path, 0660), 0);
}

static void test_socket_mode(void **state)
{
    char path[128];
    struct stat st;

    (void)state;
    snprintf(path, sizeof(path), "%s/%s", http_lab.dir, NORTHBOUND_SOCKET_NAME);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
}

static void test_a_used_socket_is_not_taken(void **state)
{
    struct northbound_context context = {.run_dir = http_lab.dir};
    struct northbound *second;
    struct config_error e;
    uv_loop_t loop;

    (void)state;
    uv_loop_init(&loop);
    assert_int_not_equal(northbound_create(&loop, &context, &second, &e), 0);
    assert_non_null(strstr(e.sentence, "another culvertd listens on"));
    uv_loop_close(&loop);
    http_check(http_ask("GET", STATE "status", "", ""), "200",
               "absent"); // the first one still listens
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_apply_and_read_back),
        cmocka_unit_test(test_refusals_say_why),
        cmocka_unit_test(test_size_limit),
        cmocka_unit_test(test_rude_clients_harm_nobody),
        cmocka_unit_test(test_clients_that_leave),
        cmocka_unit_test(test_readers_may_not_change),
        cmocka_unit_test(test_socket_mode),
        cmocka_unit_test(test_a_used_socket_is_not_taken),
    };

    return cmocka_run_group_tests_name("http", tests, setup, teardown);
}
