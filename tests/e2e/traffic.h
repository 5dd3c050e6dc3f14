/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the traffic program share: its options, socket addresses, the deterministic
 * body and the books. A line of the books is one connection (or one UDP socket pair):
 *   client_ip client_port server_ip server_port bytes_up bytes_down how start end [dgrams_up dgrams_down]
 * up is client to server, start and end are seconds since 1970; client and server write the same form.
 */
#ifndef SESSTAP_TESTS_TRAFFIC_H
#define SESSTAP_TESTS_TRAFFIC_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define MAX_BINDS        64
#define BODY_PERIOD      251 /* byte i of every body is i % 251, so a shift or a hole shows */
#define BODY_CHUNK_BYTES (BODY_PERIOD * 1024)
#define HEAD_MAX_BYTES   2048
#define STALL_MS         30000

struct options {
    const char *addr;
    const char *path;
    const char *log;
    const char *name;
    const char *answer;
    const char *expect;
    const char *bind[MAX_BINDS];
    int binds;
    int port;
    uint64_t count;
    uint64_t bytes;
    uint64_t resp_bytes;
    int concurrency;
    int size_bytes;
    int seconds;
    int threads;
    bool up;
    bool client_closes;
    bool sink;
};

union address {
    struct sockaddr sa;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct book {
    union address client;
    union address server;
    uint64_t up_bytes;
    uint64_t down_bytes;
    uint64_t up_dgrams;
    uint64_t down_dgrams;
    uint64_t start_ns;
    const char *how;
};

struct totals {
    uint64_t connections;
    uint64_t failed;
    uint64_t up_bytes;
    uint64_t down_bytes;
    uint64_t up_dgrams;
    uint64_t down_dgrams;
    uint64_t start_ns;
    FILE *log;
};

/* Set by SIGINT and SIGTERM. */
static volatile sig_atomic_t traffic_stop;

static inline uint64_t wall_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* -EINVAL for text that is no IPv4 or IPv6 address. */
static inline int address_parse(union address *out, const char *text, int port)
{
    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons((uint16_t)port);
        return 0;
    }
    if (inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons((uint16_t)port);
        return 0;
    }
    fprintf(stderr, "traffic: '%s' is not an IP address\n", text);
    return -EINVAL;
}

static inline socklen_t address_len(const union address *a)
{
    return a->sa.sa_family == AF_INET6 ? sizeof(a->v6) : sizeof(a->v4);
}

static inline void address_print(FILE *f, const union address *a)
{
    char text[INET6_ADDRSTRLEN] = "-";

    if (a->sa.sa_family == AF_INET6)
        inet_ntop(AF_INET6, &a->v6.sin6_addr, text, sizeof(text));
    else
        inet_ntop(AF_INET, &a->v4.sin_addr, text, sizeof(text));
    fprintf(f, "%s %u ", text,
            ntohs(a->sa.sa_family == AF_INET6 ? a->v6.sin6_port : a->v4.sin_port));
}

static inline void address_local(int fd, union address *out)
{
    socklen_t len = sizeof(*out);

    memset(out, 0, sizeof(*out));
    getsockname(fd, &out->sa, &len);
}

/* The file that --log names, "-" for stdout, NULL for none. */
static inline int totals_open(struct totals *t, const struct options *opt)
{
    memset(t, 0, sizeof(*t));
    t->start_ns = wall_ns();
    if (!opt->log)
        return 0;
    t->log = strcmp(opt->log, "-") ? fopen(opt->log, "w") : stdout;
    if (!t->log)
        fprintf(stderr, "traffic: cannot write %s: %s\n", opt->log, strerror(errno));
    return t->log ? 0 : -errno;
}

static inline void totals_add(struct totals *t, const struct book *b, bool ok)
{
    uint64_t now_ns = wall_ns();

    t->connections++;
    t->failed += !ok;
    t->up_bytes += b->up_bytes;
    t->down_bytes += b->down_bytes;
    t->up_dgrams += b->up_dgrams;
    t->down_dgrams += b->down_dgrams;
    if (!t->log)
        return;
    address_print(t->log, &b->client);
    address_print(t->log, &b->server);
    fprintf(t->log, "%llu %llu %s %.6f %.6f", (unsigned long long)b->up_bytes,
            (unsigned long long)b->down_bytes, b->how, (double)b->start_ns / 1e9,
            (double)now_ns / 1e9);
    if (b->up_dgrams || b->down_dgrams)
        fprintf(t->log, " %llu %llu", (unsigned long long)b->up_dgrams,
                (unsigned long long)b->down_dgrams);
    fputc('\n', t->log);
}

/* Prints the totals as one line of name=value, closes the log; the exit status: 1 when anything failed. */
static inline int totals_close(struct totals *t, const char *what)
{
    bool torn = t->log && fflush(t->log);

    printf("traffic: %s connections=%llu failed=%llu bytes_up=%llu bytes_down=%llu dgrams_up=%llu "
           "dgrams_down=%llu seconds=%.3f\n",
           what, (unsigned long long)t->connections, (unsigned long long)t->failed,
           (unsigned long long)t->up_bytes, (unsigned long long)t->down_bytes,
           (unsigned long long)t->up_dgrams, (unsigned long long)t->down_dgrams,
           (double)(wall_ns() - t->start_ns) / 1e9);
    if (t->log && t->log != stdout)
        torn |= fclose(t->log) != 0;
    if (torn)
        fprintf(stderr, "traffic: the log could not be written whole: %s\n", strerror(errno));
    return t->failed || torn ? 1 : 0;
}

/* The body, repeated: body_chunk()[i] is byte i of every body, for i below BODY_CHUNK_BYTES. */
static inline const uint8_t *body_chunk(void)
{
    static uint8_t chunk[BODY_CHUNK_BYTES];

    if (!chunk[1])
        for (size_t i = 0; i < sizeof(chunk); i++)
            chunk[i] = (uint8_t)(i % BODY_PERIOD);
    return chunk;
}

/* Longest run of the body from `offset` that lies in one piece, at most `want` bytes. */
static inline const uint8_t *body_at(uint64_t offset, uint64_t want, size_t *len)
{
    size_t skip = (size_t)(offset % BODY_PERIOD);

    *len = BODY_CHUNK_BYTES - skip < want ? BODY_CHUNK_BYTES - skip : (size_t)want;
    return body_chunk() + skip;
}

/* True when `len` bytes are the body from `offset` on. */
static inline bool body_matches(const uint8_t *bytes, size_t len, uint64_t offset)
{
    while (len) {
        size_t run;
        const uint8_t *want = body_at(offset, len, &run);

        if (memcmp(bytes, want, run))
            return false;
        bytes += run;
        offset += run;
        len -= run;
    }
    return true;
}

/* A listening or bound socket; -errno after a message. */
static inline int socket_serve(const struct options *opt, int type)
{
    union address at;
    int on = 1, buffer_bytes = 4 << 20;
    int fd;

    if (address_parse(&at, opt->addr, opt->port))
        return -EINVAL;
    fd = socket(at.sa.sa_family, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        goto failed;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (at.sa.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if ((type & ~SOCK_NONBLOCK) == SOCK_DGRAM &&
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof(buffer_bytes)))
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof(buffer_bytes));
    if (bind(fd, &at.sa, address_len(&at)))
        goto failed;
    if ((type & ~SOCK_NONBLOCK) == SOCK_STREAM && listen(fd, 4096))
        goto failed;
    printf("traffic: listening on %s port %d\n", opt->addr, opt->port);
    fflush(stdout);
    return fd;
failed:
    fprintf(stderr, "traffic: cannot listen on %s port %d: %s\n", opt->addr, opt->port,
            strerror(errno));
    if (fd >= 0)
        close(fd);
    return -errno;
}

/* A socket on its way to the server (connected, unless type has SOCK_NONBLOCK), from the n-th --bind
 * address; fills the book's addresses and start. -errno, silently. */
static inline int socket_reach(const struct options *opt, int type, uint64_t n, struct book *book)
{
    struct timeval limit = {.tv_sec = STALL_MS / 1000};
    union address from;
    int on = 1, fd, err;

    memset(book, 0, sizeof(*book));
    book->how = "none";
    if (address_parse(&book->server, opt->addr, opt->port))
        return -EINVAL;
    fd = socket(book->server.sa.sa_family, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (opt->binds) {
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
        if (address_parse(&from, opt->bind[n % (uint64_t)opt->binds], 0) ||
            bind(fd, &from.sa, address_len(&from)))
            goto failed;
    }
    book->start_ns = wall_ns();
    if (connect(fd, &book->server.sa, address_len(&book->server)) && errno != EINPROGRESS)
        goto failed;
    address_local(fd, &book->client);
    return fd;
failed:
    err = errno;
    close(fd);
    return -err;
}

#endif
