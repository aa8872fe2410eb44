// SPDX-License-Identifier: BSD-3-Clause
// Who answers culvertd in a test? A thread that knows the border and nothing else. What it sends is
// what the test says, well formed or not: nothing is checked here but what was received. Next: the
// tests of control/southbound and control/northbound.

#include "tests/lib/fake_dataplane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static void say_yes(const struct api_header *request, struct fake_answer *answer)
{
    const struct api_hello hello = {.schema_hash = api_schema_hash()};
    const struct api_reply yes = {.generation = 1};

    answer->n = 1;
    answer->type = request->type == API_HELLO ? API_HELLO : API_REPLY;
    if (request->type == API_HELLO)
        memcpy(answer->items, &hello, sizeof(hello));
    else
        memcpy(answer->items, &yes, sizeof(yes));
}

void fake_refuse(struct fake_answer *answer, int error, const char *sentence)
{
    struct api_reply reply = {.error = error};

    snprintf(reply.sentence, sizeof(reply.sentence), "%s", sentence);
    memcpy(answer->items, &reply, sizeof(reply));
    answer->type = API_REPLY;
    answer->n = 1;
}

static int is_of_a_configuration(unsigned type)
{
    return type == API_HELLO || (type >= API_BEGIN && type < API_LIST_MACS) ||
           (type >= API_ROUTER && type <= API_CHAIN_FUNCTION);
}

static int serve_one(struct fake_dataplane *f, const struct api_header *request)
{
    static unsigned char out[API_DATAGRAM_SIZE] __attribute__((aligned(8)));
    struct api_header h = {.magic = API_MAGIC, .version = API_VERSION};
    struct fake_answer answer = {.items = out + sizeof(h)};

    memset(out, 0, sizeof(out));
    f->n_requests[request->type]++;
    if (is_of_a_configuration(request->type))
        say_yes(request, &answer);
    else if (!f->answer(f->arg, request, request + 1, &answer))
        return 0;
    h.type = (uint16_t)(answer.type == 0 ? API_REPLY : answer.type);
    h.n_items = answer.n;
    h.len = (uint32_t)(sizeof(h) + answer.n * api_message(h.type)->item_size);
    h.sequence = request->sequence;
    memcpy(out, &h, sizeof(h));
    return send(f->fd, out, h.len, MSG_NOSIGNAL) > 0;
}

static void *peer_main(void *arg)
{
    static unsigned char in[API_DATAGRAM_SIZE] __attribute__((aligned(8)));
    struct fake_dataplane *f = arg;
    ssize_t size;

    f->fd = accept(f->listen_fd, NULL, NULL);
    while ((size = recv(f->fd, in, sizeof(in), 0)) > 0)
        if (api_check(in, (size_t)size, NULL) < 0 || !serve_one(f, (const void *)in))
            break;
    close(f->fd);
    return NULL;
}

void fake_dataplane_start(struct fake_dataplane *f)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    strcpy(f->dir, "/tmp/culvert-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", f->dir, API_SOCKET_NAME);
    f->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    assert_int_equal(bind(f->listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(f->listen_fd, 1), 0);
    assert_int_equal(pthread_create(&f->thread, NULL, peer_main, f), 0);
}

void fake_dataplane_stop(struct fake_dataplane *f)
{
    char path[128];

    shutdown(f->listen_fd, SHUT_RDWR); // ends a wait in accept()
    pthread_join(f->thread, NULL);
    close(f->listen_fd);
    snprintf(path, sizeof(path), "%s/%s", f->dir, API_SOCKET_NAME);
    unlink(path);
}
