/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A packet cut into fragments comes back as it was, to the last byte, whatever the order; bounds of
 * memory and number hold whatever is sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net_order.h"
#include "stream/datagram.h"
#include "unit/packet_builder.h"

#define ETH_BYTES 14

/* A whole frame, and where its payload can be cut: behind keep_len bytes from the IP header on. */
struct whole {
    uint8_t frame[PACKET_BUILDER_ROOM];
    size_t len;
    uint32_t keep_len;
    uint32_t next_at; /* IPv6 */
    unsigned int version;
    uint32_t id;
};

/* Fragment [begin, end) of the payload as a router would send it; returns the frame's length. */
static size_t cut_out(const struct whole *whole, uint32_t begin, uint32_t end, uint8_t *frame)
{
    uint32_t frag_len = whole->version == 4 ? 0 : 8, hdr_len = whole->keep_len + frag_len;
    uint32_t payload_len = (uint32_t)whole->len - ETH_BYTES - whole->keep_len;
    uint8_t *l3 = frame + ETH_BYTES;
    bool more = end < payload_len;

    memcpy(frame, whole->frame, ETH_BYTES + whole->keep_len);
    if (whole->version == 4) {
        put16(l3 + 2, hdr_len + end - begin);
        put16(l3 + 6, (l3[6] & 0xc0u) << 8 | (uint32_t)more << 13 | begin / 8);
        put16(l3 + 10, 0);
    } else {
        put16(l3 + 4, hdr_len - 40 + end - begin);
        memset(l3 + whole->keep_len, 0, frag_len);
        l3[whole->keep_len] = l3[whole->next_at];
        l3[whole->next_at] = IP_PROTO_FRAGMENT;
        put16(l3 + whole->keep_len + 2, begin | more);
        put16(l3 + whole->keep_len + 6, whole->id);
    }
    memcpy(l3 + hdr_len, whole->frame + ETH_BYTES + whole->keep_len + begin, end - begin);
    return ETH_BYTES + hdr_len + end - begin;
}

/* len of wire_len bytes, in memory that ends there. */
static int add(struct fragments *fragments, const uint8_t *bytes, size_t len, size_t wire_len,
               uint64_t time_ns, struct reassembled *out)
{
    uint8_t *frame = malloc(len ? len : 1);
    struct packet_cursor cur = {frame, frame, frame + len};
    struct packet pkt = {0};
    int n = -1;

    memcpy(frame, bytes, len);
    packet_parse_eth(&pkt, &cur, (uint32_t)wire_len);
    if (pkt.is_fragment)
        n = fragments_add(fragments, &pkt, frame, (uint32_t)len, time_ns, out);
    free(frame);
    return n;
}

static int add_part(struct fragments *fragments, const struct whole *whole, uint32_t begin,
                    uint32_t end, struct reassembled *out)
{
    static uint8_t frame[PACKET_BUILDER_ROOM];
    size_t len = cut_out(whole, begin, end, frame);

    return add(fragments, frame, len, len, 1, out);
}

static void build(struct whole *whole, unsigned int version, uint32_t keep_len, uint32_t next_at,
                  const char *line)
{
    *whole = (struct whole){.keep_len = keep_len, .next_at = next_at, .version = version, .id = 7};
    whole->len = packet_build(whole->frame, sizeof(whole->frame), "eth / %s", line);
}

static void check_whole(const struct whole *whole, const struct reassembled *out, uint32_t pkts)
{
    struct packet want = {0}, have = {0};
    struct packet_cursor cur = {whole->frame, whole->frame, whole->frame + whole->len};

    assert_int_equal(out->wire_len, whole->len - ETH_BYTES);
    assert_int_equal(out->cap_len, out->wire_len);
    assert_memory_equal(out->data, whole->frame + ETH_BYTES, out->wire_len);
    assert_int_equal(out->pkts, pkts);
    assert_int_equal(out->l3_hdr_bytes, pkts * (whole->keep_len + (whole->version == 4 ? 0 : 8)));
    assert_int_equal(packet_parse_eth(&want, &cur, (uint32_t)whole->len), 0);
    cur = (struct packet_cursor){out->data, out->data, out->data + out->cap_len};
    assert_int_equal(packet_parse_l3(&have, &cur, out->eth_type, out->wire_len), 0);
    assert_int_equal(have.payload_len, want.payload_len);
    assert_memory_equal(&have.key, &want.key, sizeof(have.key));
}

static const struct row {
    const char *name;
    unsigned int version;
    uint32_t keep_len, next_at;
    const char *line;
} rows[] = {
    {"UDP", 4, 20, 0, "ip 10.0.0.2 > 10.0.0.1 id=7 / udp 1000 > 53 / data 53"},
    {"TCP, options and DF", 4, 32, 0,
     "ip 10.0.0.1 > 10.0.0.2 id=7 tos=8 df opts=12 / tcp 1000 > 80 SYN|ACK opts=mss:1460 / data 33"},
    {"ICMP", 4, 20, 0, "ip 10.0.0.1 > 10.0.0.2 id=7 / icmp 8 id=9 / data 50"},
    {"IPv6", 6, 40, 6, "ip6 fd00::2 > fd00::1 / udp 1000 > 53 / data 53"},
    {"IPv6, options for each hop", 6, 48, 40,
     "ip6 fd00::2 > fd00::1 / hop / tcp 1 > 2 ACK / data 41"},
    {"IPv6, authenticated", 6, 56, 40, "ip6 fd00::1 > fd00::2 / ah size=16 / udp 1 > 2 / data 41"},
    {"IPv6, routing, and options in the payload", 6, 64, 40,
     "ip6 fd00::1 > fd00::2 / route size=24 / dst / udp 1 > 2 / data 41"},
};

/* The next order of n numbers; false after the last. */
static bool next_order(unsigned int *order, unsigned int n)
{
    unsigned int i = n - 1, j = n - 1, swap;

    while (i > 0 && order[i - 1] > order[i])
        i--;
    if (i == 0)
        return false;
    while (order[j] < order[i - 1])
        j--;
    swap = order[i - 1], order[i - 1] = order[j], order[j] = swap;
    for (j = n - 1; i < j; i++, j--)
        swap = order[i], order[i] = order[j], order[j] = swap;
    return true;
}

static void check_order(struct fragments *fragments, const struct whole *whole,
                        const unsigned int *order, unsigned int n)
{
    uint32_t payload_len = (uint32_t)whole->len - ETH_BYTES - whole->keep_len;
    uint64_t before = fragments_counts(fragments)->fragments;
    struct reassembled out;

    for (unsigned int i = 0; i < n; i++) {
        uint32_t begin = order[i] * 8, end = order[i] + 1 == n ? payload_len : begin + 8;

        assert_int_equal(add_part(fragments, whole, begin, end, &out), i + 1 == n);
        if (i + 1 < n)
            assert_int_equal(fragments_counts(fragments)->waiting, i + 1);
    }
    check_whole(whole, &out, n);
    for (unsigned int i = 0; i < n; i++)
        assert_int_equal(out.numbers[i], before + i + 1);
    assert_int_equal(fragments_used_bytes(fragments), 0);
}

static void test_every_order(void **state)
{
    static struct whole whole;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fragments *fragments = fragments_new(OVERLAP_FIRST, 1 << 20);
        const struct fragment_counts *counts = fragments_counts(fragments);
        unsigned int orders = 0;

        build(&whole, rows[i].version, rows[i].keep_len, rows[i].next_at, rows[i].line);
        for (unsigned int n = 2; n <= 5; n++) {
            unsigned int order[5] = {0, 1, 2, 3, 4};

            do {
                check_order(fragments, &whole, order, n);
                orders++;
            } while (next_order(order, n));
        }
        assert_int_equal(orders, 2 + 6 + 24 + 120);
        assert_int_equal(counts->datagrams, orders);
        assert_int_equal(counts->given_up + counts->waiting + counts->overlaps, 0);
        fragments_free(fragments);
    }
}

/* A frame cut anywhere is refused, or gives what was there and not a byte more. */
static void test_cut_at_every_byte(void **state)
{
    static struct whole whole;
    uint8_t frame[256];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t size;

        build(&whole, rows[i].version, rows[i].keep_len, rows[i].next_at, rows[i].line);
        size = cut_out(&whole, 0, 32, frame);
        for (size_t len = 0; len <= size; len++) {
            struct fragments *fragments = fragments_new(OVERLAP_FIRST, 1 << 20);
            uint32_t payload_len = (uint32_t)whole.len - ETH_BYTES - whole.keep_len;
            size_t hdr_end = size - 32;
            struct reassembled out;
            int n = add(fragments, frame, len, size, 1, &out);

            assert_int_equal(n, len < hdr_end ? (n == -1 ? -1 : -EINVAL) : 0);
            assert_int_equal(add_part(fragments, &whole, 32, payload_len, &out), n == 0);
            if (n == 0) {
                assert_int_equal(out.wire_len, whole.len - ETH_BYTES);
                assert_int_equal(out.cap_len,
                                 len == size ? out.wire_len : whole.keep_len + (len - hdr_end));
                assert_memory_equal(out.data, whole.frame + ETH_BYTES, out.cap_len);
            }
            fragments_free(fragments);
        }
    }
}

/* The largest packet, in the smallest fragments, from the end on. */
static void test_tiny_fragments(void **state)
{
    static struct whole whole;
    struct fragments *fragments = fragments_new(OVERLAP_FIRST, 1 << 20);
    struct reassembled out;

    (void)state;
    build(&whole, 4, 20, 0, "ip 10.0.0.1 > 10.0.0.2 id=7 / udp 1 > 2 / data 65507");
    for (uint32_t begin = 65512; begin > 0; begin -= 8)
        assert_int_equal(
            add_part(fragments, &whole, begin, begin == 65512 ? 65515 : begin + 8, &out), 0);
    assert_int_equal(add_part(fragments, &whole, 0, 8, &out), 1);
    check_whole(&whole, &out, 8190);
    build(&whole, 6, 40, 6, "ip6 fd00::1 > fd00::2 / udp 1 > 2 / data 65527");
    assert_int_equal(add_part(fragments, &whole, 32768, 65535, &out), 0);
    assert_int_equal(add_part(fragments, &whole, 0, 32768, &out), 1);
    check_whole(&whole, &out, 2);
    fragments_free(fragments);
}

/* The pieces fit, but not with the first one's options. */
static void test_oversized(void **state)
{
    static struct whole whole, longer;
    struct fragments *fragments = fragments_new(OVERLAP_FIRST, 1 << 20);
    struct reassembled out;

    (void)state;
    build(&whole, 4, 20, 0, "ip 10.0.0.1 > 10.0.0.2 id=7 / udp 1 > 2 / data 65507");
    build(&longer, 4, 24, 0, "ip 10.0.0.1 > 10.0.0.2 id=7 opts=4 / udp 1 > 2 / data 65503");
    assert_int_equal(add_part(fragments, &whole, 32768, 65515, &out), 0);
    assert_int_equal(add_part(fragments, &longer, 0, 32768, &out), -EMSGSIZE);
    assert_int_equal(fragments_counts(fragments)->oversized, 1);
    assert_int_equal(fragments_counts(fragments)->given_up, 2);
    /* one byte more than any IPv4 header leaves */
    build(&whole, 4, 20, 0, "ip 10.0.0.1 > 10.0.0.2 id=7 proto=17 len=0 / data 65516");
    assert_int_equal(add_part(fragments, &whole, 65512, 65516, &out), -EMSGSIZE);
    assert_int_equal(fragments_counts(fragments)->too_large, 1);
    assert_int_equal(fragments_used_bytes(fragments), 0);
    fragments_free(fragments);
}

/* RFC 6946: alone it is whole, and the datagram that waits under its number has no part in it. */
static void test_fragment_that_is_all(void **state)
{
    static struct whole whole;
    struct fragments *fragments = fragments_new(OVERLAP_FIRST, 1 << 20);
    struct reassembled out;

    (void)state;
    build(&whole, 6, 40, 6, "ip6 fd00::1 > fd00::2 / udp 1 > 2 / data 24");
    assert_int_equal(add_part(fragments, &whole, 8, 16, &out), 0);
    assert_int_equal(add_part(fragments, &whole, 0, 32, &out), 1);
    check_whole(&whole, &out, 1);
    assert_int_equal(fragments_counts(fragments)->waiting, 1);
    assert_int_equal(add_part(fragments, &whole, 16, 32, &out), 0);
    assert_int_equal(add_part(fragments, &whole, 0, 8, &out), 1);
    check_whole(&whole, &out, 3);
    fragments_free(fragments);
}

/* What differs in any of these is another datagram; only what is the same completes. */
static void test_keys(void **state)
{
    static const char *const others[] = {
        "ip 10.0.0.3 > 10.0.0.2 id=7 / udp 1 > 2 / data 24",
        "ip 10.0.0.1 > 10.0.0.3 id=7 / udp 1 > 2 / data 24",
        "ip 10.0.0.2 > 10.0.0.1 id=7 / udp 1 > 2 / data 24",
        "ip 10.0.0.1 > 10.0.0.2 id=8 / udp 1 > 2 / data 24",
        "ip 10.0.0.1 > 10.0.0.2 id=7 proto=6 / udp 1 > 2 / data 24",
    };
    static struct whole whole, other;
    struct fragments *fragments = fragments_new(OVERLAP_FIRST, 1 << 20);
    struct reassembled out;

    (void)state;
    build(&whole, 4, 20, 0, "ip 10.0.0.1 > 10.0.0.2 id=7 / udp 1 > 2 / data 24");
    assert_int_equal(add_part(fragments, &whole, 8, 32, &out), 0);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        build(&other, 4, 20, 0, others[i]);
        assert_int_equal(add_part(fragments, &other, 0, 8, &out), 0);
    }
    assert_int_equal(add_part(fragments, &whole, 0, 8, &out), 1);
    check_whole(&whole, &out, 2);
    fragments_free(fragments);
}

/* The first fragment of datagram i, of which no two have one key. */
static int add_first(struct fragments *fragments, unsigned int i)
{
    uint8_t frame[64];
    struct reassembled out;
    size_t len = packet_build(frame, sizeof(frame),
                              "eth / ip 10.0.%u.1 > 10.0.0.2 id=%u mf proto=17 / data 8", i >> 16,
                              i & 0xffff);

    return add(fragments, frame, len, len, 1, &out);
}

static void test_bound_of_memory(void **state)
{
    static struct whole whole;
    size_t one = sizeof(struct datagram) + sizeof(struct fragment) + 20 + 8;
    struct fragments *fragments = fragments_new(OVERLAP_FIRST, 3 * one);
    const struct fragment_counts *counts = fragments_counts(fragments);
    struct reassembled out;

    (void)state;
    for (unsigned int i = 0; i < 10; i++) {
        assert_int_equal(add_first(fragments, i), 0);
        assert_int_equal(fragments_used_bytes(fragments), (i < 3 ? i + 1 : 3) * one);
    }
    assert_int_equal(counts->evicted, 7);
    assert_int_equal(counts->given_up, 7);
    assert_int_equal(counts->waiting, 3);
    /* one that needs the room of all others */
    build(&whole, 4, 20, 0, "ip 10.0.0.1 > 10.0.0.2 id=9 proto=17 / data 4000");
    assert_int_equal(add_part(fragments, &whole, 8, 8 + 2 * one / 8 * 8 - 64, &out), 0);
    assert_int_equal(counts->waiting, 2);
    assert_int_equal(counts->evicted, 9);
    /* more than can ever fit: it alone is refused */
    assert_int_equal(add_part(fragments, &whole, 8, 3608, &out), -ENOMEM);
    assert_int_equal(counts->no_memory, 1);
    assert_int_equal(counts->waiting, 2);
    build(&whole, 4, 20, 0, "ip 10.0.0.1 > 10.0.0.2 id=99 proto=17 / data 4000");
    assert_int_equal(add_part(fragments, &whole, 8, 3608, &out), -ENOMEM);
    assert_int_equal(counts->waiting, 2);
    assert_int_equal(counts->fragments, counts->given_up + counts->waiting);
    fragments_finish(fragments);
    assert_int_equal(counts->unfinished, 1);
    assert_int_equal(counts->given_up, counts->fragments);
    fragments_free(fragments);
}

/* The oldest one gets a fragment that needs room: the next oldest goes. */
static void test_room_for_the_oldest(void **state)
{
    static struct whole whole;
    size_t one = sizeof(struct datagram) + sizeof(struct fragment) + 20 + 8;
    struct fragments *fragments = fragments_new(OVERLAP_FIRST, 3 * one);
    struct reassembled out;

    (void)state;
    for (unsigned int i = 0; i < 3; i++)
        assert_int_equal(add_first(fragments, i), 0);
    build(&whole, 4, 20, 0, "ip 10.0.0.1 > 10.0.0.2 id=0 proto=17 / data 4000");
    assert_int_equal(add_part(fragments, &whole, 8, 16, &out), 0);
    assert_int_equal(fragments_counts(fragments)->evicted, 1);
    assert_int_equal(fragments_counts(fragments)->waiting, 3);
    assert_int_equal(add_part(fragments, &whole, 16, 4000, &out), -ENOMEM);
    build(&whole, 4, 20, 0, "ip 10.0.0.1 > 10.0.0.2 id=0 proto=17 / data 24");
    assert_int_equal(add_part(fragments, &whole, 16, 24, &out), 1);
    assert_int_equal(out.pkts, 3);
    fragments_free(fragments);
}

static void test_bound_of_datagrams(void **state)
{
    struct fragments *fragments = fragments_new(OVERLAP_FIRST, 1 << 30);
    const struct fragment_counts *counts = fragments_counts(fragments);

    (void)state;
    for (unsigned int i = 0; i < FRAGMENTS_MAX_DATAGRAMS + 5; i++)
        assert_int_equal(add_first(fragments, i), 0);
    assert_int_equal(counts->too_many, 5);
    assert_int_equal(counts->given_up, 5);
    assert_int_equal(counts->waiting, FRAGMENTS_MAX_DATAGRAMS);
    fragments_free(fragments);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_order),          cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_tiny_fragments),       cmocka_unit_test(test_oversized),
        cmocka_unit_test(test_fragment_that_is_all), cmocka_unit_test(test_keys),
        cmocka_unit_test(test_bound_of_memory),      cmocka_unit_test(test_room_for_the_oldest),
        cmocka_unit_test(test_bound_of_datagrams),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
