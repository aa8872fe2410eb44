// SPDX-License-Identifier: BSD-3-Clause
// What does culvertd make of a peer that refuses, goes away, is of another version or talks
// nonsense? The other end of the socket is played in a thread, one answer per request, so that each
// of these can be had at will; that a good dataplane is understood is for the system tests.

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
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

#include "control/southbound/southbound.h"

enum manner {
    PEER_ACCEPTS,
    PEER_REFUSES,   // the third datagram
    PEER_LEAVES,    // instead of answering the third datagram
    PEER_IS_OTHER,  // another schema in its hello
    PEER_IS_SLOW,   // the same, once it is told to answer
    PEER_MISCOUNTS, // the third answer has another sequence
    PEER_BABBLES,   // the third answer is cut
    PEER_RETURNS,   // after the first commit, empty
};

struct peer {
    char dir[64];
    int listen_fd;
    pthread_t thread;
    sem_t hello; // posted: it may be answered
    enum manner manner;
    uint64_t config_id;            // in its hello
    unsigned n_types[API_N_TYPES]; // requests received
};

static void send_reply(int fd, const struct api_header *request, const void *item, size_t size,
                       const struct peer *peer)
{
    unsigned char answer[sizeof(struct api_header) + sizeof(struct api_reply)];
    struct api_header h = {.magic = API_MAGIC, .version = API_VERSION, .n_items = 1};
    unsigned n = peer->n_types[API_BEGIN] + peer->n_types[API_TENANT] + peer->n_types[API_PORT];

    h.type = request->type == API_HELLO ? API_HELLO : API_REPLY;
    h.len = (uint32_t)(sizeof(h) + size);
    h.sequence = request->sequence + (peer->manner == PEER_MISCOUNTS && n == 3);
    memcpy(answer, &h, sizeof(h));
    memcpy(answer + sizeof(h), item, size);
    send(fd, answer, h.len - (peer->manner == PEER_BABBLES && n == 3), MSG_NOSIGNAL);
}

// False: the peer leaves.
static int answer_one(struct peer *peer, int fd, const struct api_header *request)
{
    bool is_other = peer->manner == PEER_IS_OTHER || peer->manner == PEER_IS_SLOW;
    struct api_hello hello = {.schema_hash = api_schema_hash() + is_other,
                              .config_id = peer->config_id};
    struct api_reply reply = {.generation = 5};

    peer->n_types[request->type]++;
    if (request->type == API_HELLO) {
        sem_wait(&peer->hello);
        send_reply(fd, request, &hello, sizeof(hello), peer);
        return 1;
    }
    if (request->type == API_PORT && peer->manner == PEER_LEAVES)
        return 0;
    if (request->type == API_PORT && peer->manner == PEER_REFUSES) {
        reply.error = -ENOSPC;
        snprintf(reply.path, sizeof(reply.path), "blue/vm1: mtu");
        snprintf(reply.sentence, sizeof(reply.sentence), "no room for it");
    }
    send_reply(fd, request, &reply, sizeof(reply), peer);
    return 1;
}

static void serve(struct peer *peer)
{
    static unsigned char datagram[API_DATAGRAM_SIZE] __attribute__((aligned(8)));
    int fd = accept(peer->listen_fd, NULL, NULL);
    ssize_t size;

    while ((size = recv(fd, datagram, sizeof(datagram), 0)) > 0) {
        if (api_check(datagram, (size_t)size, NULL) < 0 || !answer_one(peer, fd, (void *)datagram))
            break;
        if (peer->manner == PEER_RETURNS && peer->n_types[API_COMMIT] == 1)
            break;
    }
    close(fd);
}

static void *peer_main(void *arg)
{
    struct peer *peer = arg;

    serve(peer);
    if (peer->manner == PEER_RETURNS) {
        peer->manner = PEER_ACCEPTS;
        peer->config_id = 0;
        sem_post(&peer->hello);
        serve(peer);
    }
    return NULL;
}

static void peer_start(struct peer *peer, enum manner manner, uint64_t config_id)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    *peer = (struct peer){.manner = manner, .config_id = config_id};
    sem_init(&peer->hello, 0, manner == PEER_IS_SLOW ? 0 : 1);
    strcpy(peer->dir, "/tmp/culvert-test-XXXXXX");
    assert_non_null(mkdtemp(peer->dir));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", peer->dir, API_SOCKET_NAME);
    peer->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    assert_int_equal(bind(peer->listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(peer->listen_fd, 1), 0);
    assert_int_equal(pthread_create(&peer->thread, NULL, peer_main, peer), 0);
}

static void peer_stop(struct peer *peer)
{
    char path[128];

    pthread_join(peer->thread, NULL);
    close(peer->listen_fd);
    snprintf(path, sizeof(path), "%s/%s", peer->dir, API_SOCKET_NAME);
    unlink(path);
    rmdir(peer->dir);
}

// The side under test.
struct control {
    uv_loop_t loop;
    struct southbound *southbound;
    struct schema *schema;
    struct encoding *running, *candidate;
    struct transaction_result result;
    int n_done;
};

static struct encoding *encode(struct control *c, const char *text)
{
    struct config *config;
    struct encoding *encoding;
    struct config_error e;

    assert_int_equal(config_parse(c->schema, text, strlen(text), CONFIG_YAML, &config, &e), 0);
    assert_int_equal(encoding_create(config, &encoding, &e), 0);
    config_destroy(config);
    return encoding;
}

static void control_prepare(struct control *c)
{
    struct config_error e;

    *c = (struct control){0};
    assert_int_equal(schema_create(&c->schema, &e), 0);
    c->running = encode(c, "tenants: [{name: old}]");
    c->candidate = encode(c, "tenants: [{name: blue, ports: [{name: vm1, type: vhost-user}]}]");
}

static void control_start(struct control *c, const struct peer *peer)
{
    struct config_error e;

    assert_int_equal(uv_loop_init(&c->loop), 0);
    assert_int_equal(southbound_create(&c->loop, peer->dir, &c->southbound, &e), 0);
    southbound_settle(c->southbound, c->running);
}

static void control_stop(struct control *c)
{
    southbound_destroy(c->southbound);
    uv_run(&c->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&c->loop), 0);
    encoding_destroy(c->running);
    encoding_destroy(c->candidate);
    schema_destroy(c->schema);
}

static struct southbound_status wait_for_link(struct control *c, enum link_state link, bool in_step)
{
    struct southbound_status status;

    for (;;) {
        southbound_status(c->southbound, &status);
        if (status.link == link && status.is_in_step == in_step)
            return status;
        uv_run(&c->loop, UV_RUN_ONCE);
    }
}

static void on_done(void *arg, const struct transaction_result *result)
{
    struct control *c = arg;

    c->result = *result;
    c->n_done++;
}

static void send_candidate(struct control *c)
{
    assert_int_equal(southbound_send(c->southbound, c->candidate, on_done, c), 0);
    while (c->n_done == 0)
        uv_run(&c->loop, UV_RUN_ONCE);
    assert_int_equal(c->n_done, 1);
}

// Peer that has the running configuration already, so that the candidate is all it gets.
static void start_both(struct control *c, struct peer *peer, enum manner manner)
{
    control_prepare(c);
    peer_start(peer, manner, encoding_config_id(c->running));
    control_start(c, peer);
    wait_for_link(c, LINK_UP, true);
}

static void test_accepted(void **state)
{
    struct control c;
    struct peer peer;
    struct southbound_status status;

    (void)state;
    start_both(&c, &peer, PEER_ACCEPTS);
    send_candidate(&c);
    assert_int_equal(c.result.error.code, 0);
    assert_int_equal(c.result.generation, 5);
    southbound_settle(c.southbound, c.candidate);
    southbound_status(c.southbound, &status);
    assert_true(status.is_in_step);
    control_stop(&c);
    peer_stop(&peer);
    assert_int_equal(peer.n_types[API_HELLO], 1);
    assert_int_equal(peer.n_types[API_BEGIN], 1); // the running one was there already
    assert_int_equal(peer.n_types[API_PORT], 1);
    assert_int_equal(peer.n_types[API_COMMIT], 1);
    assert_int_equal(peer.n_types[API_ABORT], 0);
}

static void test_running_is_sent_to_who_lacks_it(void **state)
{
    struct control c;
    struct peer peer;

    (void)state;
    control_prepare(&c);
    peer_start(&peer, PEER_ACCEPTS, 77);
    control_start(&c, &peer);
    wait_for_link(&c, LINK_UP, false);
    southbound_settle(c.southbound, NULL); // it is on its way already
    wait_for_link(&c, LINK_UP, true);
    control_stop(&c);
    peer_stop(&peer);
    assert_int_equal(peer.n_types[API_BEGIN], 1);
    assert_int_equal(peer.n_types[API_TENANT], 1);
    assert_int_equal(peer.n_types[API_PORT], 0);
    assert_int_equal(peer.n_types[API_COMMIT], 1);
}

static void test_rolled_back_after_a_commit(void **state)
{
    struct control c;
    struct peer peer;

    (void)state;
    start_both(&c, &peer, PEER_ACCEPTS);
    send_candidate(&c);
    southbound_settle(c.southbound, NULL); // it could not be kept
    wait_for_link(&c, LINK_UP, true);
    control_stop(&c);
    peer_stop(&peer);
    assert_int_equal(peer.n_types[API_BEGIN], 2);
    assert_int_equal(peer.n_types[API_PORT], 1);
    assert_int_equal(peer.n_types[API_COMMIT], 2);
}

// Between the commit and the rename nobody knows which configuration will stand: a dataplane that
// comes back in that moment is given none.
static void test_held_until_settled(void **state)
{
    struct control c;
    struct peer peer;

    (void)state;
    start_both(&c, &peer, PEER_RETURNS);
    send_candidate(&c);
    assert_int_equal(c.result.error.code, 0);
    wait_for_link(&c, LINK_ABSENT, false);
    wait_for_link(&c, LINK_UP, false);
    southbound_settle(c.southbound, c.candidate);
    wait_for_link(&c, LINK_UP, true);
    control_stop(&c);
    peer_stop(&peer);
    assert_int_equal(peer.n_types[API_HELLO], 2);
    assert_int_equal(peer.n_types[API_BEGIN], 2);
    assert_int_equal(peer.n_types[API_PORT], 2); // the candidate both times
}

static void test_refused(void **state)
{
    struct control c;
    struct peer peer;

    (void)state;
    start_both(&c, &peer, PEER_REFUSES);
    send_candidate(&c);
    assert_int_equal(c.result.error.code, -ENOSPC);
    assert_string_equal(c.result.error.path, "blue/vm1: mtu");
    assert_string_equal(c.result.error.sentence, "the dataplane refuses this: no room for it");
    southbound_settle(c.southbound, NULL);
    wait_for_link(&c, LINK_UP, true); // the connection stays, and so does what it ran
    control_stop(&c);
    peer_stop(&peer);
    assert_int_equal(peer.n_types[API_ABORT], 1);
}

static void check_lost(enum manner manner, const char *reason)
{
    struct control c;
    struct peer peer;
    struct southbound_status status;

    start_both(&c, &peer, manner);
    send_candidate(&c);
    assert_int_equal(c.result.error.code, -ECONNRESET);
    if (strstr(c.result.error.sentence, reason) == NULL)
        fail_msg("%s", c.result.error.sentence);
    southbound_settle(c.southbound, NULL);
    southbound_status(c.southbound, &status);
    assert_int_equal(status.link, LINK_ABSENT);
    assert_int_equal(southbound_send(c.southbound, c.candidate, on_done, &c), -ENOTCONN);
    control_stop(&c);
    peer_stop(&peer);
}

static void test_lost(void **state)
{
    (void)state;
    check_lost(PEER_LEAVES, "went away while the configuration was being sent");
    check_lost(PEER_MISCOUNTS, "answered what was not asked");
    check_lost(PEER_BABBLES, "answer is malformed");
}

// Asked for while the greeting is under way: nothing was sent, so nothing can have happened.
static void test_lost_before_anything(void **state)
{
    struct control c;
    struct peer peer;
    struct southbound_status status;

    (void)state;
    control_prepare(&c);
    peer_start(&peer, PEER_IS_SLOW, 0);
    control_start(&c, &peer);
    do {
        uv_run(&c.loop, UV_RUN_NOWAIT); // the peer waits
        southbound_status(c.southbound, &status);
    } while (status.link != LINK_GREETING);
    assert_int_equal(southbound_send(c.southbound, c.candidate, on_done, &c), 0);
    sem_post(&peer.hello);
    while (c.n_done == 0)
        uv_run(&c.loop, UV_RUN_ONCE);
    assert_int_equal(c.result.error.code, -ENOTCONN);
    control_stop(&c);
    peer_stop(&peer);
    assert_int_equal(peer.n_types[API_BEGIN], 0);
}

static void test_other_version(void **state)
{
    struct control c;
    struct peer peer;
    struct southbound_status status;

    (void)state;
    control_prepare(&c);
    peer_start(&peer, PEER_IS_OTHER, 0);
    control_start(&c, &peer);
    status = wait_for_link(&c, LINK_FOREIGN, false);
    assert_non_null(strstr(status.sentence, "another version"));
    assert_int_equal(southbound_send(c.southbound, c.candidate, on_done, &c), -ENOTCONN);
    control_stop(&c);
    peer_stop(&peer);
    assert_int_equal(peer.n_types[API_BEGIN], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_running_is_sent_to_who_lacks_it),
        cmocka_unit_test(test_rolled_back_after_a_commit),
        cmocka_unit_test(test_held_until_settled),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_lost_before_anything),
        cmocka_unit_test(test_other_version),
    };

    return cmocka_run_group_tests_name("transaction", tests, NULL, NULL);
}
