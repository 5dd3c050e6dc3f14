/* SPDX-License-Identifier: Apache-2.0
 *
 * The datagram half of the traffic program: echo server and client, a hammer that sends on one flow
 * from several CPUs, and a small DNS over UDP server with its client.
 */
#ifndef SESSTAP_TESTS_TRAFFIC_UDP_H
#define SESSTAP_TESTS_TRAFFIC_UDP_H

#include <pthread.h>
#include <sched.h>

#include "traffic.h"

#define PEERS_MAX       65536u
#define DGRAM_MAX_BYTES 65535
#define ECHO_WAIT_MS    1000
#define DNS_NAME_MAX    253
#define DNS_MAX_BYTES   512

/* Open-addressed table of the peers that a server has heard; a zero start_ns is a free slot. */
struct peers {
    struct book slots[PEERS_MAX];
    uint32_t used;
};

static struct book *peers_get(struct peers *peers, const union address *peer, int fd)
{
    const uint8_t *bytes = (const uint8_t *)peer;
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < address_len(peer); i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    for (uint32_t i = 0; i < PEERS_MAX; i++) {
        struct book *b = &peers->slots[(hash + i) % PEERS_MAX];

        if (b->start_ns && !memcmp(&b->client, peer, address_len(peer)))
            return b;
        if (b->start_ns)
            continue;
        b->client = *peer;
        b->start_ns = wall_ns();
        b->how = "udp";
        address_local(fd, &b->server);
        peers->used++;
        return b;
    }
    return NULL;
}

/* Turns the query in buf into its answer, in place. The answer's length, 0 for what is no query. */
static size_t dns_answer(uint8_t *buf, size_t len, size_t size, const struct in_addr *addr)
{
    static const uint8_t fixed[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4};
    size_t at = 12;
    bool is_a;

    if (len < 17 || (buf[2] & 0x80) || buf[4] || buf[5] != 1)
        return 0;
    while (at < len && buf[at])
        at += buf[at] + 1u;
    if (at + 5 > len || at + 5 + sizeof(fixed) + 4 > size)
        return 0;
    is_a = buf[at + 1] == 0 && buf[at + 2] == 1;
    at += 5;
    buf[2] = 0x84 | (buf[2] & 1); /* response, authoritative; recursion desired as asked */
    buf[3] = 0;
    memset(buf + 6, 0, 6);
    if (!is_a)
        return at;
    buf[7] = 1;
    memcpy(buf + at, fixed, sizeof(fixed));
    memcpy(buf + at + sizeof(fixed), addr, 4);
    return at + sizeof(fixed) + 4;
}

/* Serves datagrams until stopped: DNS answers when `dns`, else echo, else (--sink) nothing. */
static int udp_serve(const struct options *opt, const struct in_addr *dns, const char *what)
{
    struct peers *peers = calloc(1, sizeof(*peers));
    uint8_t *buf = malloc(DGRAM_MAX_BYTES);
    struct timeval tick = {.tv_usec = 200000};
    struct totals totals;
    int fd, rc = 1;

    if (!peers || !buf || totals_open(&totals, opt))
        goto out;
    fd = socket_serve(opt, SOCK_DGRAM);
    if (fd < 0)
        goto out;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof(tick));
    while (!traffic_stop) {
        union address peer = {0};
        socklen_t peer_len = sizeof(peer);
        ssize_t n = recvfrom(fd, buf, DGRAM_MAX_BYTES, 0, &peer.sa, &peer_len);
        struct book *b = n < 0 ? NULL : peers_get(peers, &peer, fd);

        if (!b)
            continue;
        b->up_bytes += (uint64_t)n;
        b->up_dgrams++;
        if (opt->sink)
            continue;
        if (dns)
            n = (ssize_t)dns_answer(buf, (size_t)n, DGRAM_MAX_BYTES, dns);
        if (dns && n == 0)
            continue;
        if (sendto(fd, buf, (size_t)n, 0, &peer.sa, peer_len) == n) {
            b->down_bytes += (uint64_t)n;
            b->down_dgrams++;
        }
    }
    for (uint32_t i = 0; i < PEERS_MAX; i++)
        if (peers->slots[i].start_ns)
            totals_add(&totals, &peers->slots[i], true);
    close(fd);
    rc = totals_close(&totals, what);
out:
    free(buf);
    free(peers);
    return rc;
}

static int udp_server_main(const struct options *opt)
{
    return udp_serve(opt, NULL, "udp-server");
}

static int dns_server_main(const struct options *opt)
{
    struct in_addr answer;

    if (inet_pton(AF_INET, opt->answer, &answer) != 1) {
        fprintf(stderr, "traffic: --answer %s is not an IPv4 address\n", opt->answer);
        return 2;
    }
    return udp_serve(opt, &answer, "dns-server");
}

/* Sends one datagram and waits for its answer of at most `size` bytes in reply. 0, or -errno. */
static ssize_t udp_ask(int fd, struct book *b, const uint8_t *bytes, size_t len, uint8_t *reply,
                       size_t size)
{
    ssize_t n = send(fd, bytes, len, 0);

    if (n != (ssize_t)len)
        return n < 0 ? -errno : -EMSGSIZE;
    b->up_bytes += len;
    b->up_dgrams++;
    n = recv(fd, reply, size, 0);
    if (n < 0)
        return -errno;
    b->down_bytes += (uint64_t)n;
    b->down_dgrams++;
    return n;
}

static int udp_reach(const struct options *opt, uint64_t n, struct book *b)
{
    struct timeval limit = {.tv_sec = ECHO_WAIT_MS / 1000, .tv_usec = ECHO_WAIT_MS % 1000 * 1000};
    int fd = socket_reach(opt, SOCK_DGRAM, n, b);

    b->how = "udp";
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    else
        fprintf(stderr, "traffic: cannot reach %s port %d: %s\n", opt->addr, opt->port,
                strerror(-fd));
    return fd;
}

/* --concurrency sockets one after the other, each --count datagrams of --size bytes, echo awaited. */
static int udp_client_main(const struct options *opt)
{
    static uint8_t reply[DGRAM_MAX_BYTES];
    struct totals totals;

    if (opt->size_bytes > BODY_CHUNK_BYTES || opt->size_bytes > DGRAM_MAX_BYTES - 28) {
        fprintf(stderr, "traffic: --size %d is too large for a datagram\n", opt->size_bytes);
        return 2;
    }
    if (totals_open(&totals, opt))
        return 1;
    for (int s = 0; s < opt->concurrency && !traffic_stop; s++) {
        struct book b;
        bool ok = true;
        int fd = udp_reach(opt, (uint64_t)s, &b);

        for (uint64_t i = 0; fd >= 0 && i < opt->count && !traffic_stop; i++) {
            ssize_t n =
                udp_ask(fd, &b, body_chunk(), (size_t)opt->size_bytes, reply, sizeof(reply));

            ok = ok && n == opt->size_bytes && body_matches(reply, (size_t)n, 0);
        }
        totals_add(&totals, &b, ok && fd >= 0);
        if (fd >= 0)
            close(fd);
    }
    return totals_close(&totals, "udp-client");
}

struct hammer_thread {
    pthread_t id;
    const struct options *opt;
    int fd;
    int cpu;
    uint64_t until_ns;
    uint64_t dgrams;
};

static void *hammer_thread_run(void *arg)
{
    struct hammer_thread *t = arg;
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(t->cpu, &one);
    if (pthread_setaffinity_np(pthread_self(), sizeof(one), &one))
        fprintf(stderr, "traffic: cannot run on CPU %d only\n", t->cpu);
    while (!traffic_stop && wall_ns() < t->until_ns)
        for (int i = 0; i < 64; i++)
            t->dgrams +=
                send(t->fd, body_chunk(), (size_t)t->opt->size_bytes, 0) == t->opt->size_bytes;
    return NULL;
}

/* Several threads, each on a CPU of its own, send on one socket for --seconds. Nothing is read. */
static int hammer_main(const struct options *opt)
{
    int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
    struct hammer_thread threads[64] = {0};
    struct totals totals;
    struct book b;
    int fd, n = opt->threads < 64 ? opt->threads : 64;

    if (totals_open(&totals, opt))
        return 1;
    fd = udp_reach(opt, 0, &b);
    if (fd < 0)
        return 1;
    body_chunk();
    for (int i = 0; i < n; i++) {
        threads[i] = (struct hammer_thread){.opt = opt, .fd = fd, .cpu = i % cpus};
        threads[i].until_ns = wall_ns() + (uint64_t)opt->seconds * 1000000000u;
        if (pthread_create(&threads[i].id, NULL, hammer_thread_run, &threads[i]))
            return 1;
    }
    for (int i = 0; i < n; i++) {
        pthread_join(threads[i].id, NULL);
        b.up_dgrams += threads[i].dgrams;
        printf("traffic: hammer cpu=%d dgrams_up=%llu\n", threads[i].cpu,
               (unsigned long long)threads[i].dgrams);
    }
    b.up_bytes = b.up_dgrams * (uint64_t)opt->size_bytes;
    totals_add(&totals, &b, b.up_dgrams > 0);
    close(fd);
    return totals_close(&totals, "hammer");
}

/* An A query for name. Its length, or 0 when the name is no name. */
static size_t dns_query(uint8_t *out, const char *name, uint16_t id)
{
    static const uint8_t after[] = {0, 0, 1, 0, 1};
    size_t at = 12;

    if (strlen(name) > DNS_NAME_MAX)
        return 0;
    memset(out, 0, 12);
    out[0] = (uint8_t)(id >> 8);
    out[1] = (uint8_t)id;
    out[2] = 1; /* recursion desired */
    out[5] = 1;
    while (*name) {
        size_t label = strcspn(name, ".");

        if (label == 0 || label > 63)
            return 0;
        out[at++] = (uint8_t)label;
        memcpy(out + at, name, label);
        at += label;
        name += label + (name[label] == '.');
    }
    memcpy(out + at, after, sizeof(after));
    return at + sizeof(after);
}

/* --count queries for --name, each from a socket of its own; each answer must be one address. */
static int dns_query_main(const struct options *opt)
{
    uint8_t query[DNS_MAX_BYTES], reply[DNS_MAX_BYTES];
    struct totals totals;

    if (totals_open(&totals, opt))
        return 1;
    for (uint64_t i = 0; i < opt->count && !traffic_stop; i++) {
        size_t len = dns_query(query, opt->name, (uint16_t)(i + 1));
        struct book b;
        int fd = udp_reach(opt, i, &b);
        ssize_t n = fd < 0 || !len ? -EINVAL : udp_ask(fd, &b, query, len, reply, sizeof(reply));
        bool ok = n == (ssize_t)len + 16 && !memcmp(query, reply, 2) && (reply[2] & 0x80) &&
                  reply[7] == 1;

        totals_add(&totals, &b, ok);
        if (fd >= 0)
            close(fd);
    }
    return totals_close(&totals, "dns-query");
}

#endif
