/* SPDX-License-Identifier: Apache-2.0 */
/* A segmentation-offload packet goes into a capture file as the packets it was on the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/capture_support.h"

#define TIME_NS 1700000000123456789u

struct gso_case {
    const char *name;
    struct frame_spec spec; /* payload_len: of the whole skb */
    uint16_t gso_size;
    uint16_t vlan_tci; /* offloaded */
    uint32_t cut;      /* payload bytes not at hand, at the end */
    uint32_t trailer_len;
    unsigned int packets; /* that must come of it */
};

enum { FIN = 0x01, PSH = 0x08, ACK = 0x10, ECE = 0x40, CWR = 0x80 };

static const struct gso_case cases[] = {
    {"three and a rest",
     {.payload_len = 3 * 1448 + 100,
      .tcp_flags = ACK | PSH,
      .tcp_timestamps = true,
      .seq = 1000,
      .ip_id = 7},
     1448,
     .packets = 4},
    {"exact multiple", {.payload_len = 2 * 1448, .tcp_flags = ACK | PSH}, 1448, .packets = 2},
    {"one byte more", {.payload_len = 1449, .tcp_flags = ACK}, 1448, .packets = 2},
    {"single segment", {.payload_len = 700, .tcp_flags = ACK | PSH}, 1448, .packets = 1},
    {"FIN and CWR",
     {.payload_len = 3000, .tcp_flags = ACK | PSH | FIN | CWR | ECE},
     1000,
     .packets = 3},
    {"sequence wraps",
     {.payload_len = 5000, .seq = 0xfffffc00, .tcp_flags = ACK},
     1000,
     .packets = 5},
    {"id wraps", {.payload_len = 4000, .ip_id = 0xfffe, .tcp_flags = ACK}, 1000, .packets = 4},
    {"IP options",
     {.payload_len = 4000, .ip_router_alert = true, .tcp_flags = ACK},
     1440,
     .packets = 3},
    {"odd sizes",
     {.payload_len = 3001, .tcp_flags = ACK, .tcp_timestamps = true},
     333,
     .packets = 10},
    {"IPv6", {.is_v6 = true, .payload_len = 4000, .tcp_flags = ACK | PSH}, 1428, .packets = 3},
    {"64 KB",
     {.payload_len = 65160, .tcp_flags = ACK | PSH, .tcp_timestamps = true},
     1448,
     .packets = 45},
    {"beyond 64 KB, IPv4", {.payload_len = 100000, .tcp_flags = ACK | PSH}, 1448, .packets = 70},
    {"beyond 64 KB, IPv6",
     {.is_v6 = true, .payload_len = 100000, .tcp_flags = ACK},
     1448,
     .packets = 70},
    {"jumbo header",
     {.is_v6 = true, .jumbo = true, .payload_len = 100000, .tcp_flags = ACK},
     1448,
     .packets = 70},
    {"raw IP", {.l3_only = true, .payload_len = 4000, .tcp_flags = ACK}, 1448, .packets = 3},
    {"VLAN in the frame",
     {.vlan_tci = 0x2064, .payload_len = 4000, .tcp_flags = ACK},
     1448,
     .packets = 3},
    {"VLAN offloaded",
     {.payload_len = 4000, .tcp_flags = ACK},
     1448,
     .vlan_tci = 0x2064,
     .packets = 3},
    {"UDP", {.is_udp = true, .payload_len = 4000, .ip_id = 9}, 1472, .packets = 3},
    {"UDP over IPv6", {.is_udp = true, .is_v6 = true, .payload_len = 4000}, 1200, .packets = 4},
    {"UDP with no checksum",
     {.is_udp = true, .udp_no_checksum = true, .payload_len = 4000},
     1000,
     .packets = 4},
    {"cut inside a packet",
     {.payload_len = 4000, .tcp_flags = ACK},
     1448,
     .cut = 2000,
     .packets = 3},
    {"cut at a boundary", {.payload_len = 4344, .tcp_flags = ACK}, 1448, .cut = 1448, .packets = 3},
    {"headers only",
     {.payload_len = 4344, .tcp_flags = ACK | PSH},
     1448,
     .cut = 4344,
     .packets = 3},
    {"trailer", {.payload_len = 3000, .tcp_flags = ACK}, 1448, .trailer_len = 4, .packets = 3},
};

#define ROWS (sizeof(cases) / sizeof(cases[0]))

static struct capture_packet skb_of(const struct gso_case *row, const uint8_t *headers,
                                    uint32_t len)
{
    return (struct capture_packet){
        .headers = headers,
        .headers_len = len,
        .payload = payload_bytes(),
        .wall_ns = TIME_NS,
        .cap_len = row->spec.payload_len - row->cut,
        .payload_len = row->spec.payload_len,
        .skb_payload_len = row->spec.payload_len,
        .trailer_len = row->trailer_len,
        .gso_size = row->gso_size,
        .vlan_tci = row->vlan_tci,
        .l3_only = row->spec.l3_only,
    };
}

static void write_skb(const char *path, const struct capture_packet *packet)
{
    const struct capture_interface iface = {
        .ifindex = 3, .name = "veth0", .l3_only = packet->l3_only};
    struct capture *capture = capture_new(path, CAPTURE_PCAP, NULL);

    assert_non_null(capture);
    assert_int_equal(capture_write(capture, &iface, packet), 0);
    assert_int_equal(capture_close(capture, 0, 0), 0);
}

/* What a packet cut by the capture keeps: the checksum of the skb, made for other lengths. */
static void keep_found_checksum(uint8_t *headers, uint32_t len, const uint8_t *skb_headers,
                                uint32_t skb_headers_len, bool is_udp)
{
    uint32_t from_end = is_udp ? 2 : 4;

    memcpy(headers + len - from_end, skb_headers + skb_headers_len - from_end, 2);
}

static void check_packet(const struct gso_case *row, const struct read_packet *packet,
                         uint32_t offset, const uint8_t *skb_headers, uint32_t skb_headers_len)
{
    uint32_t left = row->spec.payload_len - offset, at_hand = row->spec.payload_len - row->cut;
    struct frame_spec spec = row->spec;
    uint8_t headers[HEADERS_MAX];
    uint32_t headers_len, cap_len;

    spec.jumbo = false;
    spec.payload_len = left < row->gso_size ? left : row->gso_size;
    spec.seq += offset;
    spec.ip_id += (uint16_t)(offset / row->gso_size);
    if (row->vlan_tci)
        spec.vlan_tci = row->vlan_tci;
    if (offset)
        spec.tcp_flags &= (uint8_t)~CWR;
    if (left > row->gso_size)
        spec.tcp_flags &= (uint8_t) ~(FIN | PSH);
    headers_len = build_headers(headers, &spec, offset, CHECKSUM_FULL);
    cap_len = at_hand > offset ? at_hand - offset : 0;
    if (cap_len > spec.payload_len)
        cap_len = spec.payload_len;
    if (cap_len < spec.payload_len)
        keep_found_checksum(headers, headers_len, skb_headers, skb_headers_len, spec.is_udp);
    assert_int_equal(packet->wall_ns, TIME_NS);
    assert_int_equal(packet->cap_len, headers_len + cap_len);
    assert_int_equal(packet->wire_len, headers_len + spec.payload_len +
                                           (left <= row->gso_size ? row->trailer_len : 0));
    assert_memory_equal(packet->bytes, headers, headers_len);
    assert_memory_equal(packet->bytes + headers_len, payload_bytes() + offset, cap_len);
}

static void test_case(void **state)
{
    const struct gso_case *row = *state;
    uint8_t headers[HEADERS_MAX];
    uint32_t headers_len = build_headers(headers, &row->spec, 0, CHECKSUM_PSEUDO);
    struct capture_packet packet = skb_of(row, headers, headers_len);
    char *dir = scratch_make();
    const char *path = scratch_path(dir, "gso.pcap");
    struct read_file file;

    write_skb(path, &packet);
    file = read_capture(path);
    assert_int_equal(file.count, row->packets);
    for (uint32_t i = 0; i < file.count; i++)
        check_packet(row, &file.packets[i], i * row->gso_size, headers, headers_len);
    read_file_free(&file);
    scratch_remove(dir);
}

/* Every case as a session of its own, all in one file. */
static void test_others_find_no_fault(void **state)
{
    char *dir = scratch_make();
    const char *path = scratch_path(dir, "all.pcapng");
    struct capture *capture = capture_new(path, CAPTURE_PCAPNG, "id");
    unsigned int packets = 0;

    (void)state;
    assert_non_null(capture);
    for (uint16_t i = 0; i < ROWS; i++) {
        struct gso_case row = cases[i];
        const struct capture_interface iface = {
            .ifindex = row.spec.l3_only, .name = "veth", .l3_only = row.spec.l3_only};
        uint8_t headers[HEADERS_MAX];
        struct capture_packet packet;

        row.spec.client = i;
        packet = skb_of(&row, headers, build_headers(headers, &row.spec, 0, CHECKSUM_PSEUDO));
        assert_int_equal(capture_write(capture, &iface, &packet), 0);
        packets += row.packets;
    }
    assert_int_equal(capture_packets(capture), packets);
    assert_int_equal(capture_close(capture, packets, 0), 0);
    assert_tools_content(path, packets);
    scratch_remove(dir);
}

int main(void)
{
    struct CMUnitTest tests[ROWS + 1] = {cmocka_unit_test(test_others_find_no_fault)};

    for (size_t i = 0; i < ROWS; i++)
        tests[i + 1] = (struct CMUnitTest){cases[i].name, test_case, NULL, NULL, (void *)&cases[i]};
    return cmocka_run_group_tests_name("capture_gso", tests, NULL, NULL);
}
