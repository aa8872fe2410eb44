// SPDX-License-Identifier: BSD-3-Clause
// What does a client see on the wire, a rude one included? The whole of culvertd but its main runs
// in a thread, without a dataplane; the test talks HTTP to its socket by hand, so that it
// can break off, dawdle and lie. Which path leads where is in router_test.c.

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/log.h"
#include "control/northbound/server.h"

static struct {
    char dir[64];
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t stop;
    struct southbound *southbound;
    struct apply *apply;
    struct northbound *northbound;
} control;

static void on_idle(void *arg)
{
    (void)arg;
    southbound_destroy(control.southbound);
    northbound_destroy(control.northbound);
    apply_destroy(control.apply);
    uv_close((uv_handle_t *)&control.stop, NULL);
}

static void on_stop(uv_async_t *handle)
{
    (void)handle;
    apply_stop(control.apply, on_idle, NULL);
}

static void *control_main(void *arg)
{
    (void)arg;
    uv_run(&control.loop, UV_RUN_DEFAULT);
    return NULL;
}

static int setup(void **state)
{
    struct northbound_context context = {0};
    struct config_error e;

    (void)state;
    log_level_set("error");
    strcpy(control.dir, "/tmp/culvert-test-XXXXXX");
    assert_non_null(mkdtemp(control.dir));
    uv_loop_init(&control.loop);
    uv_async_init(&control.loop, &control.stop, on_stop);
    assert_int_equal(southbound_create(&control.loop, control.dir, &control.southbound, &e), 0);
    assert_int_equal(
        apply_create(&control.loop, control.dir, control.southbound, &control.apply, &e), 0);
    context.apply = control.apply;
    context.southbound = control.southbound;
    context.run_dir = context.state_dir = control.dir;
    assert_int_equal(northbound_create(&control.loop, &context, &control.northbound, &e), 0);
    return pthread_create(&control.thread, NULL, control_main, NULL);
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    uv_async_send(&control.stop);
    pthread_join(control.thread, NULL);
    snprintf(command, sizeof(command), "rm -r %s", control.dir);
    return uv_loop_close(&control.loop) != 0 || system(command) != 0;
}

static int dial(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", control.dir,
             NORTHBOUND_SOCKET_NAME);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

// All until the server closes.
static char *read_all(int fd)
{
    static char answer[1 << 20];
    size_t len = 0;
    ssize_t n;

    while ((n = read(fd, answer + len, sizeof(answer) - 1 - len)) > 0)
        len += (size_t)n;
    answer[len] = '\0';
    close(fd);
    return answer;
}

static const char *ask(const char *method, const char *path, const char *headers, const char *body)
{
    int fd = dial();
    char request[4096];

    snprintf(request, sizeof(request),
             "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n%s",
             method, path, headers, strlen(body), body);
    send_text(fd, request);
    return read_all(fd);
}

static void check(const char *answer, const char *status, const char *part)
{
    char line[64];

    snprintf(line, sizeof(line), "HTTP/1.1 %s ", status);
    if (strncmp(answer, line, strlen(line)) != 0 || strstr(answer, part) == NULL)
        fail_msg("expected %s with %s, got:\n%s", status, part, answer);
}

#define YAML "Content-Type: application/yaml\r\n"
#define JSON "Content-Type: application/yang-data+json\r\n"
#define STATE "/restconf/data/culvert:state/"

static void test_apply_and_read_back(void **state)
{
    static const char text[] = "tenants: [{name: blue, ports: [{name: vm1, type: vhost-user}],"
                               " switches: [{name: lan, members: [vm1.7]}]}]\n";

    (void)state;
    check(ask("PUT", "/restconf/data", YAML, text), "200", "\"changed\": true");
    check(ask("PUT", "/restconf/data", YAML, text), "200", "\"changed\": false");
    check(ask("PUT", "/restconf/data", YAML, text), "200", "the dataplane is not running");
    check(ask("GET", "/restconf/data", "Accept: application/yaml\r\n", ""), "200", "name: vm1");
    check(ask("GET", "/restconf/data", "", ""), "200", "culvert:tenants");
    check(ask("GET", STATE "switches", "", ""), "200", "\"vm1.7\"");
    check(ask("POST", "/restconf/operations/culvert:diff", YAML, "tenants: [{name: blue}]"), "200",
          "\"operation\": \"delete\"");
    check(ask("PUT", "/restconf/data", JSON, "{}"), "200", "\"changed\": true");
}

static void test_refusals_say_why(void **state)
{
    const char *answer;

    (void)state;
    answer = ask("PUT", "/restconf/data", YAML,
                 "tenants:\n- name: b\n  ports:\n  - {name: p, type: tap, interface: x, mtu: 5}\n");
    check(answer, "400", "\"error-path\": \"tenants/b/ports/p/mtu\"");
    check(answer, "400", "\"culvert:line\": 4");
    check(answer, "400", "\"error-tag\": \"invalid-value\"");
    check(ask("PUT", "/restconf/data", JSON, "{"), "400", "ietf-restconf:errors");
    check(ask("PUT", "/restconf/data", YAML, "\xff\xfe"), "400", "ietf-restconf:errors");
    check(ask("PUT", "/restconf/data", "", "{}"), "415", "Content-Type must be");
    check(ask("DELETE", "/restconf/data", "", ""), "405", "Allow: GET, HEAD, PUT");
    check(ask("GET", "/nothing", "", ""), "404", "there is no such resource");
    check(ask("GET", STATE "ports", "", ""), "503", "the dataplane is not running");
    check(ask("GET", STATE "macs", "", ""), "400", "switch=TENANT/SWITCH");
    check(ask("GET", STATE "macs?switch=/x", "", ""), "400", "switch=TENANT/SWITCH");
    check(ask("GET", STATE "macs?switch=a/b", "", ""), "503", "the dataplane is not running");
    check(ask("GET", STATE "status", "", ""), "200", "\"state\": \"absent\"");
    check(ask("GET", "/metrics", "", ""), "200", "culvert_dataplane_up 0\n");
}

static void test_size_limit(void **state)
{
    static char piece[1 << 20];
    int fd;

    (void)state;
    fd = dial(); // by its header
    send_text(fd, "PUT /restconf/data HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" YAML
                  "Content-Length: 67108865\r\n\r\n");
    check(read_all(fd), "413", "too-big");
    fd = dial(); // by what comes
    send_text(fd, "PUT /restconf/data HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" YAML
                  "Transfer-Encoding: chunked\r\n\r\n");
    memset(piece, ' ', sizeof(piece));
    for (int i = 0; i < 65; i++) {
        send_text(fd, "100000\r\n");
        for (size_t sent = 0; sent < sizeof(piece);) {
            ssize_t n = send(fd, piece + sent, sizeof(piece) - sent, MSG_NOSIGNAL);

            assert_true(n > 0);
            sent += (size_t)n;
        }
        send_text(fd, "\r\n");
    }
    send_text(fd, "0\r\n\r\n");
    check(read_all(fd), "413", "the body is larger than 64 MiB");
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
        fds[i] = dial();
        send_text(fds[i], words[i % 5]);
    }
    for (int i = 0; i < 20; i++)
        check(ask("GET", STATE "status", "", ""), "200", "\"state\": \"absent\"");
    for (int i = 0; i < N_RUDE; i++)
        close(fds[i]);
    check(ask("PUT", "/restconf/data", YAML, "tenants: [{name: t}]"), "200", "changed");
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
        fd = dial();
        send_text(fd, request);
        close(fd);
    }
    check(ask("GET", "/restconf/data", "", ""), "200", "culvert:tenants");
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
    snprintf(path, sizeof(path), "%s/%s", control.dir, NORTHBOUND_SOCKET_NAME);
    assert_int_equal(chmod(path, 0666), 0);
    assert_int_equal(chmod(control.dir, 0755), 0);
    child = fork();
    if (child == 0) {
        if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
            _exit(1);
        if (strncmp(ask("GET", STATE "status", "", ""), "HTTP/1.1 200", 12) != 0)
            _exit(2);
        if (strncmp(ask("PUT", "/restconf/data", JSON, "{}"), "HTTP/1.1 403", 12) != 0)
            _exit(3);
        if (strncmp(ask("POST", "/restconf/operations/culvert:diff", JSON, "{}"), "HTTP/1.1 403",
                    12) != 0)
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
    snprintf(path, sizeof(path), "%s/%s", control.dir, NORTHBOUND_SOCKET_NAME);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
}

static void test_a_used_socket_is_not_taken(void **state)
{
    struct northbound_context context = {.run_dir = control.dir};
    struct northbound *second;
    struct config_error e;
    uv_loop_t loop;

    (void)state;
    uv_loop_init(&loop);
    assert_int_not_equal(northbound_create(&loop, &context, &second, &e), 0);
    assert_non_null(strstr(e.sentence, "another culvertd listens on"));
    uv_loop_close(&loop);
    check(ask("GET", STATE "status", "", ""), "200", "absent"); // the first one still listens
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
