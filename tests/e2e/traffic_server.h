/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP server of the traffic program: one thread, edge-triggered epoll, thousands of connections.
 *   GET /N         N bytes of body, the server closes first
 *   GET /keep/N    the same, the client closes first
 *   GET /rst       100 bytes, then a reset
 *   POST anything  reads Content-Length bytes, answers with --resp bytes (also for GET /)
 *   POST /check    the same, and the bytes must be the deterministic body
 */
#ifndef SESSTAP_TESTS_TRAFFIC_SERVER_H
#define SESSTAP_TESTS_TRAFFIC_SERVER_H

#include <sys/epoll.h>
#include <sys/uio.h>

#include "traffic.h"

#define RST_AFTER_BYTES 100

enum conn_state { CONN_REQUEST, CONN_RESPONSE, CONN_WAIT_EOF };

struct conn {
    struct conn *next;
    struct conn **link;
    int fd;
    enum conn_state state;
    bool peer_closed;
    bool we_closed;
    bool keep;
    bool rst;
    bool check;
    char head[HEAD_MAX_BYTES];
    size_t head_len;
    uint64_t body_left;
    uint64_t body_seen;
    uint64_t resp_len;
    size_t resp_head_len;
    struct book book;
};

struct server {
    const struct options *opt;
    struct totals totals;
    struct conn *conns;
    int listen_fd;
    int epoll_fd;
};

static void conn_end(struct server *s, struct conn *c, const char *how, bool ok)
{
    c->book.how = how;
    totals_add(&s->totals, &c->book, ok);
    if (c->next)
        c->next->link = c->link;
    *c->link = c->next;
    close(c->fd);
    free(c);
}

static void conn_reset(struct conn *c)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};

    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
}

/* Writes the head of the answer over the request, which is understood by then. */
static void conn_answer(struct server *s, struct conn *c)
{
    char path[256] = "/";
    const char *number = path + 1;
    uint64_t body = s->opt->resp_bytes;

    sscanf(c->head, "%*15s %255s", path);
    c->rst = !strncmp(path, "/rst", 4);
    c->keep = !strncmp(path, "/keep/", 6);
    if (c->keep)
        number = path + 6;
    if (*number >= '0' && *number <= '9')
        body = strtoull(number, NULL, 10);
    c->resp_head_len =
        (size_t)snprintf(c->head, sizeof(c->head),
                         "HTTP/1.0 200 OK\r\nContent-Length: %llu\r\nConnection: %s\r\n\r\n",
                         (unsigned long long)body, c->keep ? "keep-alive" : "close");
    c->resp_len = c->rst ? RST_AFTER_BYTES : c->resp_head_len + body;
    c->state = CONN_RESPONSE;
}

/* Takes bytes of the request: head, then the body of a POST. False when it is no request. */
static bool conn_take(struct server *s, struct conn *c, const uint8_t *bytes, size_t len)
{
    char *end, *length;
    size_t take;

    if (c->state != CONN_REQUEST)
        return false;
    if (c->body_left == UINT64_MAX) {
        take = len < sizeof(c->head) - 1 - c->head_len ? len : sizeof(c->head) - 1 - c->head_len;
        memcpy(c->head + c->head_len, bytes, take);
        c->head[c->head_len + take] = '\0';
        end = strstr(c->head, "\r\n\r\n");
        if (!end) {
            c->head_len += take;
            return c->head_len < sizeof(c->head) - 1;
        }
        take = (size_t)(end + 4 - c->head) - c->head_len;
        bytes += take;
        len -= take;
        length = strcasestr(c->head, "\r\nContent-Length:");
        c->body_left = length ? strtoull(length + 17, NULL, 10) : 0;
        c->check = !strncmp(c->head, "POST /check", 11);
    }
    if (len > c->body_left || (c->check && !body_matches(bytes, len, c->body_seen)))
        return false;
    c->body_left -= len;
    c->body_seen += len;
    if (!c->body_left)
        conn_answer(s, c);
    return true;
}

/* Sends what the socket takes. 1 when all is sent, 0 when it would block, -errno. */
static int conn_send(struct conn *c)
{
    while (c->book.down_bytes < c->resp_len) {
        uint64_t sent = c->book.down_bytes;
        uint64_t left = c->resp_len - sent;
        struct iovec parts[2];
        struct msghdr msg = {.msg_iov = parts};
        ssize_t n;

        if (sent < c->resp_head_len) {
            size_t head = c->resp_head_len - sent < left ? c->resp_head_len - sent : left;

            parts[msg.msg_iovlen++] = (struct iovec){c->head + sent, head};
            sent += head;
            left -= head;
        }
        if (left) {
            size_t run;
            const uint8_t *body = body_at(sent - c->resp_head_len, left, &run);

            parts[msg.msg_iovlen++] = (struct iovec){(void *)(uintptr_t)body, run};
        }
        n = sendmsg(c->fd, &msg, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN ? 0 : -errno;
        c->book.down_bytes += (uint64_t)n;
    }
    return 1;
}

/* Reads what there is. False when the connection is gone. */
static bool conn_read(struct server *s, struct conn *c)
{
    static uint8_t buf[1 << 18];

    while (!c->peer_closed) {
        ssize_t n = recv(c->fd, buf, sizeof(buf), 0);

        if (n < 0 && errno == EAGAIN)
            return true;
        if (n < 0) {
            conn_end(s, c, errno == ECONNRESET ? "rst_client" : "error", errno == ECONNRESET);
            return false;
        }
        if (n == 0) {
            c->peer_closed = true;
            break;
        }
        c->book.up_bytes += (uint64_t)n;
        if (!conn_take(s, c, buf, (size_t)n)) {
            conn_reset(c);
            conn_end(s, c, "bad_request", false);
            return false;
        }
    }
    return true;
}

/* Goes as far as the socket lets it. */
static void conn_advance(struct server *s, struct conn *c)
{
    int done;

    if (!conn_read(s, c))
        return;
    if (c->state == CONN_RESPONSE) {
        done = conn_send(c);
        if (done < 0) {
            conn_end(s, c, "rst_client", done == -ECONNRESET || done == -EPIPE);
            return;
        }
        if (done == 0)
            return;
        if (c->rst) {
            conn_reset(c);
            conn_end(s, c, "rst_server", true);
            return;
        }
        c->state = CONN_WAIT_EOF;
        if (!c->keep && !c->peer_closed) {
            shutdown(c->fd, SHUT_WR);
            c->we_closed = true;
        }
    }
    if (c->peer_closed)
        conn_end(s, c, c->we_closed ? "fin_server" : "fin_client", c->state == CONN_WAIT_EOF);
}

static void server_accept(struct server *s)
{
    for (;;) {
        struct epoll_event want = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
        struct conn *c;
        union address peer;
        socklen_t len = sizeof(peer);
        int fd = accept4(s->listen_fd, &peer.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0)
            return;
        c = calloc(1, sizeof(*c));
        if (!c) {
            close(fd);
            return;
        }
        c->fd = fd;
        c->body_left = UINT64_MAX;
        c->book.client = peer;
        c->book.start_ns = wall_ns();
        address_local(fd, &c->book.server);
        c->next = s->conns;
        c->link = &s->conns;
        if (c->next)
            c->next->link = &c->next;
        s->conns = c;
        want.data.ptr = c;
        epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &want);
    }
}

/* Serves until SIGTERM or SIGINT; connections still open then are logged as "open". */
static int server_main(const struct options *opt)
{
    struct server s = {.opt = opt, .listen_fd = -1, .epoll_fd = -1};
    struct epoll_event events[256], want = {.events = EPOLLIN};

    if (totals_open(&s.totals, opt))
        return 1;
    s.listen_fd = socket_serve(opt, SOCK_STREAM | SOCK_NONBLOCK);
    s.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (s.listen_fd < 0 || s.epoll_fd < 0)
        return 1;
    epoll_ctl(s.epoll_fd, EPOLL_CTL_ADD, s.listen_fd, &want);
    while (!traffic_stop) {
        int n = epoll_wait(s.epoll_fd, events, 256, 500);

        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr)
                conn_advance(&s, events[i].data.ptr);
            else
                server_accept(&s);
        }
    }
    while (s.conns)
        conn_end(&s, s.conns, "open", true);
    close(s.epoll_fd);
    close(s.listen_fd);
    return totals_close(&s.totals, "server");
}

#endif
