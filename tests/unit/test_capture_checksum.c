/* SPDX-License-Identifier: Apache-2.0 */
/* Which checksums a capture file completes, and which it leaves as they were found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sink/segment.h"
#include "unit/capture_support.h"

/* Against 16 bits after 16 bits, at every length and alignment up to two rounds of the fast loop. */
static void test_sum_equals_naive(void **state)
{
    const uint8_t *bytes = payload_bytes() + 1000;

    (void)state;
    for (uint32_t start = 0; start < 9; start++) {
        for (uint32_t len = 0; len < 200; len++) {
            uint16_t sum = (uint16_t)~checksum_fold(checksum_add(0, bytes + start, len));

            assert_int_equal(WIRE_HOST16(sum), naive_checksum(bytes + start, len, 0));
        }
    }
}

static void test_sum_carries(void **state)
{
    uint8_t ones[4096];

    (void)state;
    memset(ones, 0xff, sizeof(ones));
    assert_int_equal(checksum_fold(checksum_add(0, ones, sizeof(ones))), 0xffff);
    assert_int_equal(checksum_fold(checksum_add(1, ones, sizeof(ones))), 1);
    assert_int_equal(checksum_fold(~0ULL), 0xffff);
}

/* One packet with no gso_size. */
struct checksum_case {
    const char *name;
    struct frame_spec spec;
    enum frame_checksum found;
    enum frame_checksum written;
    uint32_t cut; /* payload bytes not at hand */
    bool verbatim;
};

static const struct checksum_case cases[] = {
    {"TCP left to the card", {.payload_len = 101}, CHECKSUM_PSEUDO, CHECKSUM_FULL, 0, false},
    {"TCP with no payload",
     {.tcp_flags = 2, .tcp_timestamps = true},
     CHECKSUM_PSEUDO,
     CHECKSUM_FULL,
     0,
     false},
    {"TCP complete", {.payload_len = 101}, CHECKSUM_FULL, CHECKSUM_FULL, 0, false},
    {"TCP wrong on the wire", {.payload_len = 101}, CHECKSUM_WRONG, CHECKSUM_WRONG, 0, false},
    {"TCP cut", {.payload_len = 101}, CHECKSUM_PSEUDO, CHECKSUM_PSEUDO, 1, false},
    {"TCP from a file", {.payload_len = 101}, CHECKSUM_PSEUDO, CHECKSUM_PSEUDO, 0, true},
    {"TCP over IPv6", {.is_v6 = true, .payload_len = 64}, CHECKSUM_PSEUDO, CHECKSUM_FULL, 0, false},
    {"UDP left to the card",
     {.is_udp = true, .payload_len = 33},
     CHECKSUM_PSEUDO,
     CHECKSUM_FULL,
     0,
     false},
    {"UDP over IPv6",
     {.is_udp = true, .is_v6 = true, .payload_len = 33},
     CHECKSUM_PSEUDO,
     CHECKSUM_FULL,
     0,
     false},
    {"UDP with none",
     {.is_udp = true, .udp_no_checksum = true, .payload_len = 33},
     CHECKSUM_PSEUDO,
     CHECKSUM_PSEUDO,
     0,
     false},
    {"UDP wrong on the wire",
     {.is_udp = true, .payload_len = 33},
     CHECKSUM_WRONG,
     CHECKSUM_WRONG,
     0,
     false},
    {"raw IP", {.l3_only = true, .payload_len = 33}, CHECKSUM_PSEUDO, CHECKSUM_FULL, 0, false},
};

static void test_case(void **state)
{
    const struct checksum_case *row = *state;
    uint8_t found[HEADERS_MAX], expected[HEADERS_MAX];
    uint32_t len = build_headers(found, &row->spec, 0, row->found);
    const struct capture_packet packet = {
        .headers = found,
        .headers_len = len,
        .payload = payload_bytes(),
        .cap_len = row->spec.payload_len - row->cut,
        .payload_len = row->spec.payload_len,
        .skb_payload_len = row->spec.payload_len,
        .l3_only = row->spec.l3_only,
        .verbatim = row->verbatim,
    };
    struct segmenter seg;
    struct wire_packet wire;

    build_headers(expected, &row->spec, 0, row->written);
    segment_begin(&seg, &packet);
    assert_true(segment_next(&seg, &wire));
    assert_int_equal(wire.headers_len, len);
    assert_memory_equal(wire.headers, expected, len);
    assert_int_equal(wire.cap_len, row->spec.payload_len - row->cut);
    assert_int_equal(wire.wire_len, len + row->spec.payload_len);
    if (wire.cap_len)
        assert_ptr_equal(wire.payload, payload_bytes());
    assert_false(segment_next(&seg, &wire));
}

/* A UDP checksum that comes out as zero is written as its complement (RFC 768). */
static void test_udp_zero_becomes_ones(void **state)
{
    struct frame_spec spec = {.is_udp = true, .payload_len = 2};
    uint8_t headers[HEADERS_MAX], payload[2] = {0, 0};
    uint32_t len = build_headers(headers, &spec, 0, CHECKSUM_PSEUDO);
    struct capture_packet packet = {.headers = headers,
                                    .headers_len = len,
                                    .payload = payload,
                                    .cap_len = 2,
                                    .payload_len = 2,
                                    .skb_payload_len = 2};
    struct segmenter seg;
    struct wire_packet wire;
    uint16_t sum;

    (void)state;
    segment_begin(&seg, &packet);
    assert_true(segment_next(&seg, &wire));
    sum = (uint16_t)(wire.headers[len - 2] << 8 | wire.headers[len - 1]);
    payload[0] = (uint8_t)(sum >> 8);
    payload[1] = (uint8_t)sum;
    segment_begin(&seg, &packet);
    assert_true(segment_next(&seg, &wire));
    assert_int_equal(wire.headers[len - 2] << 8 | wire.headers[len - 1], 0xffff);
}

/* A first fragment has only a part of what its checksum covers. */
static void test_fragment_is_left(void **state)
{
    struct frame_spec spec = {.is_udp = true, .payload_len = 1472};
    uint8_t headers[HEADERS_MAX], expected[HEADERS_MAX];
    uint32_t len = build_headers(headers, &spec, 0, CHECKSUM_PSEUDO);
    struct capture_packet packet = {.headers = headers,
                                    .headers_len = len,
                                    .payload = payload_bytes(),
                                    .cap_len = 1472,
                                    .payload_len = 1472,
                                    .skb_payload_len = 1472};
    struct segmenter seg;
    struct wire_packet wire;

    (void)state;
    headers[20] = 0x20; /* more fragments */
    memcpy(expected, headers, len);
    segment_begin(&seg, &packet);
    assert_true(segment_next(&seg, &wire));
    assert_memory_equal(wire.headers, expected, len);
}

/* Whatever a parser cannot make sense of is one packet, as it is. */
static void test_unknown_is_left(void **state)
{
    static const uint8_t arp[42] = {255, 255, 255, 255, 255, 255, 2, 0, 0, 0,
                                    0,   1,   8,   6,   0,   1,   8, 0, 6, 4};
    static uint8_t long_headers[SEGMENT_HEADERS_MAX + 1];
    struct frame_spec spec = {.payload_len = 3000};
    uint8_t tcp[HEADERS_MAX];
    uint32_t tcp_len = build_headers(tcp, &spec, 0, CHECKSUM_PSEUDO);
    const struct {
        const uint8_t *headers;
        uint32_t len;
    } rows[] = {{arp, sizeof(arp)}, {arp, 7},  {arp, 0},
                {tcp, tcp_len - 1}, {tcp, 20}, {long_headers, sizeof(long_headers)}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct capture_packet packet = {.headers = rows[i].headers,
                                              .headers_len = rows[i].len,
                                              .payload = payload_bytes(),
                                              .cap_len = 2000,
                                              .payload_len = 3000,
                                              .skb_payload_len = 3000,
                                              .gso_size = 1000,
                                              .trailer_len = 3};
        struct segmenter seg;
        struct wire_packet wire;

        segment_begin(&seg, &packet);
        assert_true(segment_next(&seg, &wire));
        assert_int_equal(wire.headers_len, rows[i].len);
        assert_memory_equal(wire.headers, rows[i].headers, rows[i].len);
        assert_int_equal(wire.cap_len, 2000);
        assert_int_equal(wire.wire_len, rows[i].len + 3003);
        assert_false(segment_next(&seg, &wire));
    }
}

int main(void)
{
    enum { ROWS = sizeof(cases) / sizeof(cases[0]) };
    struct CMUnitTest tests[ROWS + 5] = {
        cmocka_unit_test(test_sum_equals_naive),      cmocka_unit_test(test_sum_carries),
        cmocka_unit_test(test_udp_zero_becomes_ones), cmocka_unit_test(test_fragment_is_left),
        cmocka_unit_test(test_unknown_is_left),
    };

    for (size_t i = 0; i < ROWS; i++)
        tests[5 + i] = (struct CMUnitTest){cases[i].name, test_case, NULL, NULL, (void *)&cases[i]};
    return cmocka_run_group_tests_name("capture_checksum", tests, NULL, NULL);
}
