/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger of capture files: who is a session, when it ends, why, and in which order that is told. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "flow.h"
#include "session/flows.h"
#include "wire.h"

#define MS_NS     1000000ull
#define S_NS      1000000000ull
#define MAX_ENDED 20000
/* The longest time that a closed one waits for late packets, twice the MSL. */
#define LINGER_S 120

struct ended {
    uint64_t number;
    uint64_t stream_index;
    uint64_t pkts;
    enum close_reason reason;
};

struct bench {
    struct flows *flows;
    struct ended *ended;
    size_t count;
};

static void on_end(void *ctx, struct tracked *tracked, enum close_reason reason)
{
    struct bench *bench = ctx;

    assert_true(bench->count < MAX_ENDED);
    bench->ended[bench->count++] = (struct ended){
        .number = tracked->session.number,
        .stream_index = tracked->session.stream_index,
        .pkts = tracked->flow.pkts[0] + tracked->flow.pkts[1],
        .reason = reason,
    };
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));

    bench->ended = calloc(MAX_ENDED, sizeof(*bench->ended));
    bench->flows = flows_new(on_end, bench);
    *state = bench;
    return !bench->flows;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    flows_free(bench->flows);
    free(bench->ended);
    free(bench);
    return 0;
}

/* Between 10.0.0.1:port, endpoint 0, and 10.0.0.2:80; from: who sends. */
static struct packet make_packet(uint8_t l4_proto, uint16_t port, unsigned int from)
{
    struct packet pkt = {.from = (uint8_t)from};

    pkt.key.ip_version = 4;
    pkt.key.l4_proto = l4_proto;
    for (int i = 0; i < 2; i++) {
        memset(pkt.key.addr[i].bytes + 10, 0xff, 2);
        pkt.key.addr[i].bytes[12] = 10;
        pkt.key.addr[i].bytes[15] = (uint8_t)(1 + i);
    }
    pkt.key.port[0] = WIRE_BE16(port);
    pkt.key.port[1] = WIRE_BE16(80);
    pkt.l4_hdr_len = l4_proto == IP_PROTO_TCP ? sizeof(struct tcp_hdr) : 8;
    return pkt;
}

static struct tracked *put(struct bench *bench, const struct packet *pkt, uint64_t now_ns)
{
    static const uint8_t frame[64];
    struct tcp_verdict verdict;
    struct tracked *tracked;

    flows_advance(bench->flows, now_ns);
    tracked = flows_track(bench->flows, pkt, 1, frame, sizeof(frame), now_ns, &verdict);
    assert_non_null(tracked);
    return tracked;
}

static struct tracked *datagram(struct bench *bench, uint16_t port, unsigned int from,
                                uint64_t now_ns)
{
    struct packet pkt = make_packet(IP_PROTO_UDP, port, from);

    return put(bench, &pkt, now_ns);
}

static void segment(struct bench *bench, uint16_t port, unsigned int from, uint8_t flags,
                    uint32_t seq, uint32_t ack, uint64_t now_ns)
{
    struct packet pkt = make_packet(IP_PROTO_TCP, port, from);

    pkt.tcp_flags = flags;
    pkt.seq = seq;
    pkt.ack = ack;
    pkt.wnd = 65535;
    put(bench, &pkt, now_ns);
}

static void open_tcp(struct bench *bench, uint16_t port, uint32_t isn, uint64_t now_ns)
{
    segment(bench, port, 0, TCP_SYN, isn, 0, now_ns);
    segment(bench, port, 1, TCP_SYN | TCP_ACK, 500, isn + 1, now_ns);
    segment(bench, port, 0, TCP_ACK, isn + 1, 501, now_ns);
}

static void close_tcp(struct bench *bench, uint16_t port, uint32_t isn, uint64_t now_ns)
{
    segment(bench, port, 0, TCP_FIN | TCP_ACK, isn + 1, 501, now_ns);
    segment(bench, port, 1, TCP_FIN | TCP_ACK, 501, isn + 2, now_ns);
    segment(bench, port, 0, TCP_ACK, isn + 2, 502, now_ns);
}

static void expect_ended(const struct bench *bench, size_t at, uint64_t number, uint64_t pkts,
                         enum close_reason reason)
{
    assert_true(at < bench->count);
    assert_int_equal(bench->ended[at].number, number);
    assert_int_equal(bench->ended[at].pkts, pkts);
    assert_int_equal(bench->ended[at].reason, reason);
}

/* Both directions are one session; each transport counts its streams from 0. */
static void test_numbers(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(datagram(bench, 1000, 0, S_NS)->session.number, 1);
    assert_int_equal(datagram(bench, 1000, 1, S_NS)->session.number, 1);
    open_tcp(bench, 1000, 100, S_NS);
    assert_int_equal(datagram(bench, 1001, 0, S_NS)->session.number, 3);
    assert_int_equal(flows_made(bench->flows), 3);
    assert_int_equal(flows_open(bench->flows), 3);
    flows_finish(bench->flows);
    assert_int_equal(flows_open(bench->flows), 0);
    assert_int_equal(bench->count, 3);
    expect_ended(bench, 0, 1, 2, CLOSE_CAPTURE_END);
    expect_ended(bench, 1, 2, 3, CLOSE_CAPTURE_END);
    expect_ended(bench, 2, 3, 1, CLOSE_CAPTURE_END);
    assert_int_equal(bench->ended[0].stream_index, 0);
    assert_int_equal(bench->ended[1].stream_index, 0);
    assert_int_equal(bench->ended[2].stream_index, 1);
}

/* Answered UDP goes after 60 s, unanswered after 30 s; a look every 8 s may make it that much later, never sooner. */
static void test_silence(void **state)
{
    struct bench *bench = *state;

    datagram(bench, 1, 0, 100 * S_NS);
    datagram(bench, 1, 1, 100 * S_NS);
    datagram(bench, 2, 0, 100 * S_NS);
    for (uint64_t at_s = 101; at_s <= 129; at_s++)
        flows_advance(bench->flows, at_s * S_NS);
    assert_int_equal(bench->count, 0);
    for (uint64_t at_s = 130; at_s <= 159; at_s++)
        flows_advance(bench->flows, at_s * S_NS);
    assert_int_equal(bench->count, 1);
    expect_ended(bench, 0, 2, 1, CLOSE_TIMEOUT);
    for (uint64_t at_s = 160; at_s <= 169; at_s++)
        flows_advance(bench->flows, at_s * S_NS);
    assert_int_equal(bench->count, 2);
    expect_ended(bench, 1, 1, 2, CLOSE_TIMEOUT);
}

/* Hours without a packet: each list is looked at once, and all that is over ends. */
static void test_long_pause(void **state)
{
    struct bench *bench = *state;

    for (uint16_t port = 1; port <= 40; port++)
        datagram(bench, port, 0, (100 + port) * S_NS / 2);
    flows_advance(bench->flows, 100000 * S_NS);
    assert_int_equal(bench->count, 40);
    assert_int_equal(flows_open(bench->flows), 0);
    assert_int_equal(datagram(bench, 1, 0, 100000 * S_NS)->session.number, 41);
}

static void test_time_falls_back(void **state)
{
    struct bench *bench = *state;

    datagram(bench, 1, 0, 100 * S_NS);
    datagram(bench, 1, 1, 99 * S_NS);
    datagram(bench, 1, 0, 50 * S_NS);
    assert_int_equal(bench->count, 0);
    flows_finish(bench->flows);
    expect_ended(bench, 0, 1, 3, CLOSE_CAPTURE_END);
}

/* Late packets of a closed session are its own, until it has lingered. */
static void test_linger(void **state)
{
    struct bench *bench = *state;

    open_tcp(bench, 1, 100, 10 * S_NS);
    close_tcp(bench, 1, 100, 11 * S_NS);
    segment(bench, 1, 0, TCP_ACK, 102, 502, (11 + LINGER_S) * S_NS - 1);
    assert_int_equal(bench->count, 0);
    flows_advance(bench->flows, (11 + LINGER_S) * S_NS);
    assert_int_equal(bench->count, 1);
    expect_ended(bench, 0, 1, 7, CLOSE_NONE);
}

/* A SYN on a closed session ends it before the new one is made. */
static void test_reuse(void **state)
{
    struct bench *bench = *state;

    open_tcp(bench, 1, 100, 10 * S_NS);
    close_tcp(bench, 1, 100, 11 * S_NS);
    open_tcp(bench, 1, 900000, 12 * S_NS);
    assert_int_equal(bench->count, 1);
    expect_ended(bench, 0, 1, 6, CLOSE_REUSED);
    flows_finish(bench->flows);
    expect_ended(bench, 1, 2, 3, CLOSE_CAPTURE_END);
    assert_int_equal(bench->ended[1].stream_index, 1);
}

/* Of closed sessions only so many wait the whole time: the oldest go first, each once. */
static void test_many_closed(void **state)
{
    struct bench *bench = *state;

    for (uint32_t i = 0; i < 12000; i++) {
        open_tcp(bench, (uint16_t)(1 + i), 100, 10 * S_NS + i * MS_NS);
        close_tcp(bench, (uint16_t)(1 + i), 100, 10 * S_NS + i * MS_NS);
    }
    assert_true(flows_open(bench->flows) <= 8192 + 1);
    assert_true(flows_open(bench->flows) >= 8192 - 1);
    for (size_t i = 0; i < bench->count; i++)
        assert_int_equal(bench->ended[i].number, i + 1);
    flows_finish(bench->flows);
    assert_int_equal(bench->count, 12000);
}

/* One session read alone has the numbers that it has among all, and ends when it is told to. */
static void test_expected(void **state)
{
    struct bench *bench = *state;
    struct packet pkt = make_packet(IP_PROTO_UDP, 7, 0);
    struct packet other = make_packet(IP_PROTO_UDP, 8, 0);

    flows_expect(bench->flows, 42, IP_PROTO_UDP, 17);
    put(bench, &pkt, S_NS);
    assert_non_null(flows_find(bench->flows, &pkt.key));
    assert_null(flows_find(bench->flows, &other.key));
    flows_end_one(bench->flows, &other.key, CLOSE_TIMEOUT);
    assert_int_equal(bench->count, 0);
    flows_end_one(bench->flows, &pkt.key, CLOSE_TIMEOUT);
    expect_ended(bench, 0, 42, 1, CLOSE_TIMEOUT);
    assert_int_equal(bench->ended[0].stream_index, 17);
    assert_null(flows_find(bench->flows, &pkt.key));
}

/* More sessions than there are buckets at first: all are found again. */
static void test_growth(void **state)
{
    struct bench *bench = *state;

    for (uint32_t round = 0; round < 2; round++)
        for (uint32_t i = 0; i < 10000; i++)
            assert_int_equal(datagram(bench, (uint16_t)(i + 1), round, S_NS)->session.number,
                             i + 1);
    flows_finish(bench->flows);
    assert_int_equal(bench->count, 10000);
    for (size_t i = 0; i < bench->count; i++)
        expect_ended(bench, i, i + 1, 2, CLOSE_CAPTURE_END);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_numbers),         TEST(test_silence),  TEST(test_long_pause),
        TEST(test_time_falls_back), TEST(test_linger),   TEST(test_reuse),
        TEST(test_many_closed),     TEST(test_expected), TEST(test_growth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
