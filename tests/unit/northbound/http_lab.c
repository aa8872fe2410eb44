// SPDX-License-Identifier: BSD-3-Clause
// Who talks to culvertd in a test of its HTTP? A client that writes requests byte by byte, so that
// it can break off, dawdle and lie. Used by http_test.c and routers_test.c.

#include "tests/unit/northbound/http_lab.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/log.h"

struct http_lab http_lab;

static struct {
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

int http_lab_start(const char *dir)
{
    struct northbound_context context = {0};
    struct config_error e;

    log_level_set("error");
    strcpy(http_lab.dir, dir != NULL ? dir : "/tmp/culvert-test-XXXXXX");
    if (dir == NULL)
        assert_non_null(mkdtemp(http_lab.dir));
    uv_loop_init(&control.loop);
    uv_async_init(&control.loop, &control.stop, on_stop);
    assert_int_equal(southbound_create(&control.loop, http_lab.dir, &control.southbound, &e), 0);
    assert_int_equal(
        apply_create(&control.loop, http_lab.dir, control.southbound, &control.apply, &e), 0);
    context.apply = control.apply;
    context.southbound = control.southbound;
    context.run_dir = context.state_dir = http_lab.dir;
    assert_int_equal(northbound_create(&control.loop, &context, &control.northbound, &e), 0);
    return pthread_create(&control.thread, NULL, control_main, NULL);
}

int http_lab_stop(void)
{
    char command[128];

    uv_async_send(&control.stop);
    pthread_join(control.thread, NULL);
    snprintf(command, sizeof(command), "rm -r %s", http_lab.dir);
    return uv_loop_close(&control.loop) != 0 || system(command) != 0;
}

int http_dial(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", http_lab.dir,
             NORTHBOUND_SOCKET_NAME);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

void http_send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

char *http_read_all(int fd)
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

const char *http_ask(const char *method, const char *path, const char *headers, const char *body)
{
    int fd = http_dial();
    size_t size = strlen(body) + 4096;
    char *request = malloc(size);

    assert_non_null(request);
    snprintf(request, size,
             "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n%s",
             method, path, headers, strlen(body), body);
    http_send_text(fd, request);
    free(request);
    return http_read_all(fd);
}

void http_check(const char *answer, const char *status, const char *part)
{
    char line[64];

    snprintf(line, sizeof(line), "HTTP/1.1 %s ", status);
    if (strncmp(answer, line, strlen(line)) != 0 || strstr(answer, part) == NULL)
        fail_msg("expected %s with %s, got:\n%s", status, part, answer);
}
