// SPDX-License-Identifier: BSD-3-Clause
// How does the command line reach culvertd? By HTTP over its UNIX socket, with libcurl; called by
// commands.c, show.c and ping.c. Waits as long as culvertd works; Ctrl-C ends the waiting,
// not what culvertd does. Next: northbound/router.c, in the other process.

#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/client.h"

static volatile sig_atomic_t is_interrupted;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    is_interrupted = 1;
}

// For libcurl: anything but 0 stops the transfer.
static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)arg, (void)a, (void)b, (void)c, (void)d;
    return is_interrupted;
}

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
    struct response *r = arg;
    char *body = realloc(r->body, r->size + size * n + 1);

    if (body == NULL)
        return 0; // libcurl reports a write error
    memcpy(body + r->size, data, size * n);
    r->body = body;
    r->size += size * n;
    r->body[r->size] = '\0';
    return size * n;
}

static struct curl_slist *make_headers(const struct request *request)
{
    char line[128];
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); // no waiting for 100 Continue

    snprintf(line, sizeof(line), "Accept: %s",
             request->accept == NULL ? "application/yang-data+json" : request->accept);
    list = curl_slist_append(list, line);
    if (request->content_type != NULL) {
        snprintf(line, sizeof(line), "Content-Type: %s", request->content_type);
        list = curl_slist_append(list, line);
    }
    return list;
}

static void set_options(CURL *curl, const struct request *request, struct response *response,
                        struct curl_slist *headers)
{
    char url[512], socket_path[512];

    snprintf(url, sizeof(url), "http://culvertd%s", request->path);
    snprintf(socket_path, sizeof(socket_path), "%s/culvertd.sock", request->run_dir);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); // whatever the environment says
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, response);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    if (request->content_type == NULL)
        return;
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->size);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
}

static int explain(const struct request *request, CURLcode code)
{
    if (is_interrupted) {
        if (!request->is_quiet)
            fputs("culvert: interrupted; what culvertd has begun it may still finish\n", stderr);
        return -EINTR;
    }
    if (code == CURLE_COULDNT_CONNECT)
        fprintf(stderr, "culvert: culvertd can't be reached at %s/culvertd.sock: is it running?\n",
                request->run_dir);
    else
        fprintf(stderr, "culvert: no answer from culvertd: %s\n", curl_easy_strerror(code));
    return -ENOTCONN;
}

int client_request(const struct request *request, struct response *response)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = make_headers(request);
    CURLcode code = CURLE_OUT_OF_MEMORY;

    *response = (struct response){0};
    sigaction(SIGINT, &action, NULL);
    if (curl != NULL) {
        set_options(curl, request, response, headers);
        code = curl_easy_perform(curl);
    }
    if (code == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &response->status);
        if (response->body != NULL)
            response->json = json_loadb(response->body, response->size, 0, NULL);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    if (code == CURLE_OK)
        return 0;
    client_release(response);
    return explain(request, code);
}

bool client_is_interrupted(void)
{
    return is_interrupted != 0;
}

void client_release(struct response *response)
{
    json_decref(response->json);
    free(response->body);
    *response = (struct response){0};
}

char *client_escape(const char *text)
{
    return curl_easy_escape(NULL, text, 0);
}
