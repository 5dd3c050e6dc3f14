/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's counts: header bytes in wire packets, segmentation offload, the depth limit, the client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tcp.h"
#include "unit/packet_builder.h"

static void build_and_parse(struct packet *pkt, const char *line)
{
    static uint8_t frame[PACKET_BUILDER_ROOM];
    size_t len = packet_build(frame, sizeof(frame), "eth / %s", line);
    struct packet_cursor cur = {frame, frame, frame + len};

    memset(pkt, 0, sizeof(*pkt));
    assert_int_equal(packet_parse_eth(pkt, &cur, (uint32_t)len), 0);
}

#define IP  "ip 10.0.0.1 > 10.0.0.2"
#define IP6 "ip6 fd00::1 > fd00::2"

static void test_header_bytes(void **state)
{
    static const struct {
        const char *name, *frame;
        uint32_t pkts, l3_bytes, l4_bytes, payload;
    } rows[] = {
        {"TCP without options", IP " / tcp 1 > 2 ACK / data 5", 1, 20, 20, 5},
        {"TCP with a timestamp", IP " / tcp 1 > 2 ACK opts=nop,nop,ts:1:2", 1, 20, 32, 0},
        {"TCP, 40 bytes of options", IP " / tcp 1 > 2 ACK opts=ts:1:2,ts:1:2,ts:1:2,ts:1:2", 1, 20,
         60, 0},
        {"TCP, ten wire packets", IP " / tcp 1 > 2 ACK / data 14000", 10, 200, 200, 14000},
        {"TCP with a timestamp, ten wire packets",
         IP6 " / tcp 1 > 2 ACK opts=nop,nop,ts:1:2 / data 13000", 10, 400, 320, 13000},
        {"IPv4 options, three wire packets", IP " opts=8 / udp 1 > 2 / data 30", 3, 84, 24, 30},
        {"IPv6 extension headers", IP6 " / hop / dst size=16 / udp 1 > 2 / data 30", 1, 64, 8, 30},
        {"SCTP", IP " / sctp 1 > 2 / data 16", 1, 20, 12, 16},
        {"ping", IP " / icmp 8 id=1 / data 56", 1, 20, 8, 56},
        {"ICMPv6", IP6 " / icmp6 128 id=1 / data 56", 1, 40, 8, 56},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct flow flow = {0};
        struct packet pkt;

        build_and_parse(&pkt, rows[i].frame);
        flow_begin(&flow, &pkt, 1, 5);
        for (uint32_t n = 1; n <= 3; n++) {
            flow_count(&flow, &pkt, rows[i].pkts, 0, 5 + n);
            if (flow.pkts[pkt.from] != n * rows[i].pkts || flow_skbs(&flow, pkt.from) != n ||
                flow_l3_bytes(&flow, &pkt.key, pkt.from) != n * rows[i].l3_bytes ||
                flow_l4_bytes(&flow, &pkt.key, pkt.from) != n * rows[i].l4_bytes ||
                flow.dir[pkt.from].payload_bytes != n * rows[i].payload)
                fail_msg("%s", rows[i].name);
        }
        assert_int_equal(flow.pkts[!pkt.from], 0);
        assert_int_equal(flow.lots, rows[i].payload ? 1 : 0);
        assert_int_equal(flow.last_data_pkt, rows[i].payload ? 3 * rows[i].pkts : 0);
        assert_int_equal(flow.dir[pkt.from].last_ns, 8);
        assert_int_equal(flow.first_ns, 5);
    }
}

static void test_depth_of_tcp(void **state)
{
    static const struct {
        const char *name;
        uint32_t at, len; /* at: first byte of the stream is 1 */
        uint64_t depth;
        uint32_t left;
        uint64_t payload_bytes;
        uint8_t flags;
    } rows[] = {
        {"none", 1, 100, 0, 0, 0, TCP_ACK},
        {"all", 1, 100, DEPTH_ALL, 100, 0, TCP_ACK},
        {"all, far on", 1, 100, DEPTH_ALL, 100, 1ull << 40, TCP_ACK},
        {"the first bytes", 1, 100, 1000, 100, 0, TCP_ACK},
        {"to the limit", 901, 100, 1000, 100, 900, TCP_ACK},
        {"over the limit", 951, 100, 1000, 50, 950, TCP_ACK},
        {"one byte left", 1000, 100, 1000, 1, 999, TCP_ACK},
        {"at the limit", 1001, 100, 1000, 0, 1000, TCP_ACK},
        {"far beyond", 1000001, 100, 1000, 0, 1000000, TCP_ACK},
        {"sent again: its place counts, not the bytes so far", 1, 100, 1000, 100, 5000, TCP_ACK},
        {"after a hole: its place counts", 5001, 100, 1000, 0, 10, TCP_ACK},
        {"on the SYN", 0, 100, 1000, 100, 0, TCP_SYN},
        {"before the first byte seen", 0xffffff00, 100, 1000, 100, 200, TCP_ACK},
        {"a megabyte before it", 1u - (1 << 20), 100, 1000, 100, 200, TCP_ACK},
        {"more than a megabyte before it", 0u - (1 << 20), 100, 1000, 0, 200, TCP_ACK},
        {"beyond 2 GB of place, depth of 3 GB", 0x80000001, 100, 3000000000, 100, 1u << 30,
         TCP_ACK},
        {"beyond 2 GB of bytes: they count", 1, 100, 1000, 0, 1ull << 31, TCP_ACK},
        {"5 GB on, depth of 6 GB", 1000, 100, 6000000000, 100, 5000000000, TCP_ACK},
        {"5 GB on, the last bytes", 1000, 100, 5000000050, 50, 5000000000, TCP_ACK},
    };
    static const uint32_t isn[] = {0, 1000, 0x7fffffff, 0xffffffff, 0xffffff80, 0xfffffff0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t n = 0; n < sizeof(isn) / sizeof(isn[0]); n++)
            for (uint8_t from = 0; from < 2; from++) {
                struct flow flow = {0};
                struct packet pkt = {.key = {.l4_proto = IP_PROTO_TCP},
                                     .from = from,
                                     .seq = isn[n] + rows[i].at,
                                     .payload_len = rows[i].len,
                                     .tcp_flags = rows[i].flags};

                flow.dir[from].first_seq = isn[n];
                flow.dir[from].payload_bytes = rows[i].payload_bytes;
                if (flow_depth_left(&flow, &pkt, rows[i].depth) != rows[i].left)
                    fail_msg("%s: %u", rows[i].name, flow_depth_left(&flow, &pkt, rows[i].depth));
            }
}

static void test_depth_of_others(void **state)
{
    struct packet pkt = {.key = {.l4_proto = IP_PROTO_UDP, .ip_version = 4},
                         .payload_len = 400,
                         .l3_hdr_len = 20,
                         .l4_hdr_len = 8,
                         .from = 1};
    struct flow flow = {0};
    uint32_t left[] = {400, 400, 200, 0, 0};

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(flow_depth_left(&flow, &pkt, 1000), left[i]);
        assert_int_equal(flow_depth_left(&flow, &pkt, DEPTH_ALL), 400);
        flow_count(&flow, &pkt, 1, 0, 1);
    }
}

/* Who asks: of sessions without a handshake to tell. */
static void test_client_of_others(void **state)
{
    static const struct {
        const char *name, *frame;
        int is_sender;
    } rows[] = {
        {"UDP, to a well-known port", IP " / udp 5353 > 53", 1},
        {"UDP, from a well-known port", IP " / udp 53 > 40000", 0},
        {"UDP, two high ports: who speaks first", IP " / udp 5000 > 40000", 1},
        {"UDP, two well-known ports: who speaks first", IP " / udp 123 > 53", 1},
        {"UDP, equal ports: who speaks first", IP " / udp 123 > 123", 1},
        {"SCTP, high ports: who speaks first", IP " / sctp 38412 > 5000", 1},
        {"ping", IP " / icmp 8 id=1", 1},
        {"answer to a ping that was missed", IP " / icmp 0 id=1", 0},
        {"timestamp reply", IP " / icmp 14 id=1", 0},
        {"error", IP " / icmp 3 code=1", 1},
        {"ICMPv6 echo reply", IP6 " / icmp6 129 id=1", 0},
        {"ICMPv6 echo request", IP6 " / icmp6 128 id=1", 1},
        {"neighbor advertisement", IP6 " / icmp6 136", 0},
        {"ICMP type 0 in IPv6", IP6 " next=1 / icmp 0 id=1", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct flow flow = {0};
        struct packet pkt;

        build_and_parse(&pkt, rows[i].frame);
        flow_begin(&flow, &pkt, 1, 1);
        if ((flow_client(&flow) == pkt.from) != rows[i].is_sender)
            fail_msg("%s", rows[i].name);
        assert_int_equal(flow.bits & ~(uint32_t)FLOW_CLIENT_1, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_bytes),
        cmocka_unit_test(test_depth_of_tcp),
        cmocka_unit_test(test_depth_of_others),
        cmocka_unit_test(test_client_of_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
