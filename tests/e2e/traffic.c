/* SPDX-License-Identifier: Apache-2.0
 *
 * Real clients and servers that keep exact books, for the end-to-end tests and the demo. Every
 * subcommand ends with one line of totals on stdout and writes a line a connection to --log
 * (traffic.h states the form). Exit status: 0 all went as asked, 1 not, 2 wrong usage.
 */
#include "traffic.h"

#include <getopt.h>

#include "traffic_server.h"
#include "traffic_udp.h"

enum fetch_state { FETCH_CONNECT, FETCH_SEND, FETCH_HEAD, FETCH_BODY, FETCH_WAIT_EOF };

struct fetch {
    int fd;
    enum fetch_state state;
    bool bad_body;
    char head[HEAD_MAX_BYTES];
    size_t head_len;
    uint64_t body_len;
    uint64_t body_seen;
    struct book book;
};

struct client {
    const struct options *opt;
    struct totals totals;
    struct fetch *slots;
    int *free_slots;
    int free_count;
    int epoll_fd;
    uint64_t started;
    uint64_t retried;
    char request[512];
    size_t request_len;
    const char *expect;
};

static void client_end(struct client *c, struct fetch *f, const char *how)
{
    bool whole = f->state >= FETCH_BODY && f->body_seen == f->body_len;
    bool ok = !strcmp(how, c->expect) && !f->bad_body && (whole || !strcmp(how, "rst_server"));

    f->book.how = f->bad_body ? "bad_body" : how;
    totals_add(&c->totals, &f->book, ok);
    if (f->fd >= 0)
        close(f->fd);
    c->free_slots[c->free_count++] = (int)(f - c->slots);
}

/* Takes bytes of the answer. */
static void fetch_take(struct fetch *f, const uint8_t *bytes, size_t len)
{
    if (f->state == FETCH_HEAD) {
        size_t take = sizeof(f->head) - 1 - f->head_len;
        char *end, *length;

        take = len < take ? len : take;
        memcpy(f->head + f->head_len, bytes, take);
        f->head[f->head_len + take] = '\0';
        end = strstr(f->head, "\r\n\r\n");
        if (!end) {
            f->head_len += take;
            return;
        }
        length = strcasestr(f->head, "\r\nContent-Length:");
        f->body_len = length ? strtoull(length + 17, NULL, 10) : 0;
        take = (size_t)(end + 4 - f->head) - f->head_len;
        bytes += take;
        len -= take;
        f->state = FETCH_BODY;
    }
    f->bad_body |= !body_matches(bytes, len, f->body_seen) || f->body_seen + len > f->body_len;
    f->body_seen += len;
}

/* Reads until the socket would block (true) or the connection is over (false, ended). */
static bool client_read(struct client *c, struct fetch *f)
{
    static uint8_t buf[1 << 18];
    ssize_t n;

    while ((n = recv(f->fd, buf, sizeof(buf), 0)) > 0) {
        f->book.down_bytes += (uint64_t)n;
        fetch_take(f, buf, (size_t)n);
        if (f->state == FETCH_BODY && f->body_seen >= f->body_len && c->opt->client_closes) {
            shutdown(f->fd, SHUT_WR);
            f->state = FETCH_WAIT_EOF;
        }
    }
    if (n < 0 && errno == EAGAIN)
        return true;
    if (n < 0)
        client_end(c, f, errno == ECONNRESET ? "rst_server" : "error");
    else
        client_end(c, f, f->state == FETCH_WAIT_EOF ? "fin_client" : "fin_server");
    return false;
}

static void client_advance(struct client *c, struct fetch *f, uint32_t events)
{
    int err = 0;
    socklen_t len = sizeof(err);

    if (f->state == FETCH_CONNECT) {
        if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
            return;
        getsockopt(f->fd, SOL_SOCKET, SO_ERROR, &err, &len);
        if (err) {
            client_end(c, f, err == ECONNREFUSED ? "refused" : "error");
            return;
        }
        f->state = FETCH_SEND;
    }
    if (f->state == FETCH_SEND) {
        /* a fresh socket takes a request of half a KB whole */
        if (send(f->fd, c->request, c->request_len, MSG_NOSIGNAL) != (ssize_t)c->request_len) {
            client_end(c, f, "error");
            return;
        }
        f->book.up_bytes += c->request_len;
        f->state = FETCH_HEAD;
    }
    client_read(c, f);
}

/* Starts one more. False when there is no port left for now; it is tried again. */
static bool client_start(struct client *c)
{
    struct fetch *f = &c->slots[c->free_slots[c->free_count - 1]];
    struct epoll_event want = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = f};
    struct book book;
    int fd = socket_reach(c->opt, SOCK_STREAM | SOCK_NONBLOCK, c->started + c->retried, &book);

    if (fd == -EADDRNOTAVAIL || fd == -EADDRINUSE || fd == -EMFILE) {
        c->retried++;
        return false;
    }
    memset(f, 0, sizeof(*f));
    f->fd = fd;
    f->book = book;
    c->free_count--;
    c->started++;
    if (fd < 0)
        client_end(c, f, fd == -ECONNREFUSED ? "refused" : "error");
    else
        epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &want);
    return true;
}

static int client_init(struct client *c, const struct options *opt)
{
    memset(c, 0, sizeof(*c));
    c->opt = opt;
    c->expect = opt->expect ? opt->expect : opt->client_closes ? "fin_client" : "fin_server";
    if (!opt->expect && !strncmp(opt->path, "/rst", 4))
        c->expect = "rst_server";
    c->request_len = (size_t)snprintf(
        c->request, sizeof(c->request), "GET %s%s HTTP/1.0\r\nHost: %s\r\n\r\n",
        opt->client_closes && strncmp(opt->path, "/keep", 5) ? "/keep" : "", opt->path, opt->addr);
    c->free_count = opt->concurrency;
    c->slots = calloc((size_t)opt->concurrency, sizeof(*c->slots));
    c->free_slots = calloc((size_t)opt->concurrency, sizeof(*c->free_slots));
    c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!c->slots || !c->free_slots || c->epoll_fd < 0)
        return -ENOMEM;
    for (int i = 0; i < opt->concurrency; i++)
        c->free_slots[i] = i;
    return totals_open(&c->totals, opt);
}

/* --count fetches, --concurrency at a time, as fast as they go. */
static int client_main(const struct options *opt)
{
    struct epoll_event events[256];
    struct client c;
    int stalled_ms = 0;

    if (client_init(&c, opt))
        return 1;
    while (c.totals.connections < opt->count && !traffic_stop && stalled_ms < STALL_MS) {
        bool starved = false;
        int n;

        while (c.free_count && c.started < opt->count && !starved)
            starved = !client_start(&c);
        n = epoll_wait(c.epoll_fd, events, 256, starved ? 5 : 100);
        for (int i = 0; i < n; i++)
            client_advance(&c, events[i].data.ptr, events[i].events);
        stalled_ms = n > 0 ? 0 : stalled_ms + (starved ? 5 : 100);
    }
    if (c.totals.connections < opt->count) {
        fprintf(stderr, "traffic: stopped with %llu of %llu connections over\n",
                (unsigned long long)c.totals.connections, (unsigned long long)opt->count);
        c.totals.failed += opt->count - c.totals.connections;
    }
    if (c.retried)
        fprintf(stderr, "traffic: waited for a free port %llu times\n",
                (unsigned long long)c.retried);
    close(c.epoll_fd);
    free(c.slots);
    free(c.free_slots);
    return totals_close(&c.totals, "client");
}

enum single_kind { SINGLE_DOWN, SINGLE_UP, SINGLE_HALF_CLOSE, SINGLE_RESET };

static bool single_send(int fd, struct fetch *f, const uint8_t *bytes, size_t len)
{
    while (len) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        f->book.up_bytes += (uint64_t)n;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static bool single_request(int fd, struct fetch *f, const struct options *opt,
                           enum single_kind kind)
{
    unsigned long long bytes = opt->bytes;
    char head[512];
    int len;

    if (kind == SINGLE_UP)
        len = snprintf(head, sizeof(head), "POST /check HTTP/1.0\r\nContent-Length: %llu\r\n\r\n",
                       bytes);
    else
        len = snprintf(head, sizeof(head), "GET /%s%llu HTTP/1.0\r\nHost: %s\r\n\r\n",
                       opt->client_closes ? "keep/" : "",
                       kind == SINGLE_RESET ? bytes * 1000 + 1000000 : bytes, opt->addr);
    if (!single_send(fd, f, (const uint8_t *)head, (size_t)len))
        return false;
    for (uint64_t sent = 0; kind == SINGLE_UP && sent < opt->bytes;) {
        size_t run;
        const uint8_t *body = body_at(sent, opt->bytes - sent, &run);

        if (!single_send(fd, f, body, run))
            return false;
        sent += run;
    }
    if (kind == SINGLE_HALF_CLOSE)
        shutdown(fd, SHUT_WR);
    return true;
}

/* One connection, blocking. True when all went as asked. */
static bool single_run(int fd, struct fetch *f, const struct options *opt, enum single_kind kind)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    static uint8_t buf[1 << 18];
    ssize_t n = 0;

    if (!single_request(fd, f, opt, kind)) {
        f->book.how = "error";
        return false;
    }
    f->state = FETCH_HEAD;
    f->book.how = kind == SINGLE_HALF_CLOSE ? "fin_client" : "fin_server";
    while (kind != SINGLE_RESET || f->book.down_bytes < opt->bytes) {
        n = recv(fd, buf, sizeof(buf), 0);
        if (n <= 0)
            break;
        f->book.down_bytes += (uint64_t)n;
        fetch_take(f, buf, (size_t)n);
        if (opt->client_closes && f->state == FETCH_BODY && f->body_seen >= f->body_len) {
            shutdown(fd, SHUT_WR);
            f->book.how = "fin_client";
        }
    }
    if (n < 0)
        f->book.how = errno == ECONNRESET ? "rst_server" : "error";
    if (kind == SINGLE_RESET && n > 0) {
        f->book.how = "rst_client";
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        return true;
    }
    return n == 0 && !f->bad_body && f->state == FETCH_BODY && f->body_seen == f->body_len;
}

static int singles(const struct options *opt, enum single_kind kind, const char *what)
{
    struct totals totals;

    if (totals_open(&totals, opt))
        return 1;
    for (uint64_t i = 0; i < opt->count && !traffic_stop; i++) {
        struct fetch f = {0};
        int fd = socket_reach(opt, SOCK_STREAM, i, &f.book);

        if (fd < 0) {
            fprintf(stderr, "traffic: cannot connect to %s port %d: %s\n", opt->addr, opt->port,
                    strerror(-fd));
            f.book.how = fd == -ECONNREFUSED ? "refused" : "error";
            totals_add(&totals, &f.book, false);
            continue;
        }
        totals_add(&totals, &f.book, single_run(fd, &f, opt, kind));
        close(fd);
    }
    return totals_close(&totals, what);
}

static int bulk_main(const struct options *opt)
{
    return singles(opt, opt->up ? SINGLE_UP : SINGLE_DOWN, "bulk");
}

static int half_close_main(const struct options *opt)
{
    return singles(opt, SINGLE_HALF_CLOSE, "halfclose");
}

static int reset_main(const struct options *opt)
{
    return singles(opt, SINGLE_RESET, "reset");
}

/* --count connections to a port where nobody listens; each must be refused. The book has no client
 * port: the socket that had it is gone. */
static int refused_main(const struct options *opt)
{
    struct totals totals;

    if (totals_open(&totals, opt))
        return 1;
    for (uint64_t i = 0; i < opt->count && !traffic_stop; i++) {
        struct book b;
        int fd = socket_reach(opt, SOCK_STREAM, i, &b);

        b.how = fd == -ECONNREFUSED ? "refused" : fd < 0 ? "error" : "accepted";
        b.client.sa.sa_family = b.server.sa.sa_family;
        totals_add(&totals, &b, fd == -ECONNREFUSED);
        if (fd >= 0)
            close(fd);
    }
    return totals_close(&totals, "refused");
}

static const struct command {
    const char *name;
    int (*run)(const struct options *opt);
    const char *help;
} commands[] = {
    {"server", server_main, "HTTP server [--resp BYTES]"},
    {"client", client_main,
     "--count N fetches of --path /BYTES [--concurrency C] [--close client]"},
    {"bulk", bulk_main, "one transfer of --bytes N, --down (default) or --up"},
    {"halfclose", half_close_main, "shuts its side before the answer of --bytes N comes"},
    {"reset", reset_main, "resets after --bytes N of the answer"},
    {"refused", refused_main, "connects where nobody listens"},
    {"udp-server", udp_server_main, "echoes datagrams, or with --sink only counts them"},
    {"udp-client", udp_client_main,
     "--count N datagrams of --size BYTES on each of --concurrency C"},
    {"hammer", hammer_main, "--threads T, each on its CPU, send on one flow for --seconds S"},
    {"dns-server", dns_server_main, "answers A queries with --answer ADDR"},
    {"dns-query", dns_query_main, "--count K queries for --name N"},
};

static int usage(void)
{
    fprintf(stderr, "usage: traffic COMMAND --addr A --port P [--log FILE] [--bind IP]... [...]\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
        fprintf(stderr, "    %-12s %s\n", commands[i].name, commands[i].help);
    return 2;
}

static const struct option long_options[] = {
    {"addr", 1, NULL, 'a'},    {"port", 1, NULL, 'p'},  {"log", 1, NULL, 'l'},
    {"resp", 1, NULL, 'r'},    {"count", 1, NULL, 'n'}, {"concurrency", 1, NULL, 'c'},
    {"path", 1, NULL, 'P'},    {"close", 1, NULL, 'C'}, {"bind", 1, NULL, 'b'},
    {"expect", 1, NULL, 'e'},  {"bytes", 1, NULL, 'B'}, {"up", 0, NULL, 'u'},
    {"down", 0, NULL, 'd'},    {"size", 1, NULL, 's'},  {"seconds", 1, NULL, 'S'},
    {"threads", 1, NULL, 't'}, {"sink", 0, NULL, 'k'},  {"name", 1, NULL, 'N'},
    {"answer", 1, NULL, 'A'},  {NULL, 0, NULL, 0},
};

static int options_set(struct options *opt, int letter, char *arg)
{
    switch (letter) {
    case 'a':
        opt->addr = arg;
        return 0;
    case 'p':
        opt->port = atoi(arg);
        return opt->port > 0 && opt->port < 65536 ? 0 : -EINVAL;
    case 'l':
        opt->log = arg;
        return 0;
    case 'r':
        opt->resp_bytes = strtoull(arg, NULL, 10);
        return 0;
    case 'n':
        opt->count = strtoull(arg, NULL, 10);
        return 0;
    case 'c':
        opt->concurrency = atoi(arg);
        return opt->concurrency > 0 ? 0 : -EINVAL;
    case 'P':
        opt->path = arg;
        return strlen(arg) < 200 ? 0 : -EINVAL;
    case 'C':
        opt->client_closes = !strcmp(arg, "client");
        return 0;
    case 'b':
        opt->bind[opt->binds++] = arg;
        return opt->binds < MAX_BINDS ? 0 : -EINVAL;
    case 'e':
        opt->expect = arg;
        return 0;
    case 'B':
        opt->bytes = strtoull(arg, NULL, 10);
        return 0;
    case 'u':
        opt->up = true;
        return 0;
    case 'd':
        opt->up = false;
        return 0;
    case 's':
        opt->size_bytes = atoi(arg);
        return opt->size_bytes > 0 ? 0 : -EINVAL;
    case 'S':
        opt->seconds = atoi(arg);
        return opt->seconds > 0 ? 0 : -EINVAL;
    case 't':
        opt->threads = atoi(arg);
        return opt->threads > 0 ? 0 : -EINVAL;
    case 'k':
        opt->sink = true;
        return 0;
    case 'N':
        opt->name = arg;
        return 0;
    case 'A':
        opt->answer = arg;
        return 0;
    default:
        return -EINVAL;
    }
}

static void on_signal(int number)
{
    (void)number;
    traffic_stop = 1;
}

int main(int argc, char **argv)
{
    struct options opt = {.addr = "127.0.0.1",
                          .port = 8080,
                          .path = "/1000",
                          .name = "example.test",
                          .answer = "192.0.2.1",
                          .count = 1,
                          .bytes = 100,
                          .resp_bytes = 100,
                          .concurrency = 1,
                          .size_bytes = 100,
                          .seconds = 1,
                          .threads = 2};
    struct sigaction act = {.sa_handler = on_signal};
    int letter;

    if (argc < 2)
        return usage();
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    while ((letter = getopt_long(argc - 1, argv + 1, "", long_options, NULL)) != -1)
        if (options_set(&opt, letter, optarg)) {
            if (letter != '?')
                fprintf(stderr, "traffic: wrong value '%s'\n", optarg);
            return 2;
        }
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
        if (!strcmp(argv[1], commands[i].name))
            return commands[i].run(&opt);
    return usage();
}
