/* SPDX-License-Identifier: Apache-2.0 */
/* The books add up, and the words for what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "session/session.h"
#include "tcp.h"

/* One direction: what the kernel counted, what stream/ made of it, and the books. */
struct row {
    const char *name;
    uint64_t wire, retransmit, sampled, sampled_old, ring_lost, ring_lost_old;
    struct stream_tally tally;
    uint64_t seen, delivered, beyond_depth, lost, retransmitted;
    bool no_tally;
};

static const struct row rows[] = {
    {"nothing", .wire = 0},
    {"all sampled and delivered", 100, 0, 100, 0, 0, 0, {.delivered = 100}, 100, 100, 0, 0, 0, 0},
    {"depth none", 100, 10, 0, 0, 0, 0, {0}, 90, 0, 90, 0, 10, 1},
    {"beyond depth", 100, 0, 30, 0, 0, 0, {.delivered = 30}, 100, 30, 70, 0, 0, 0},
    {"snaplen", 100, 0, 100, 0, 0, 0, {.delivered = 60, .cut = 40}, 100, 60, 40, 0, 0, 0},
    {"ring full", 100, 0, 60, 0, 40, 0, {.delivered = 60}, 100, 60, 0, 40, 0, 0},
    {"memory bound", 100, 0, 100, 0, 0, 0, {.delivered = 70, .dropped = 30}, 100, 70, 0, 30, 0, 0},
    {"retransmitted",
     100,
     20,
     100,
     20,
     0,
     0,
     {.delivered = 80, .duplicate = 20},
     80,
     80,
     0,
     0,
     20,
     0},
    {"beyond the window",
     100,
     0,
     90,
     0,
     0,
     0,
     {.delivered = 60, .out_of_window = 30},
     70,
     60,
     10,
     0,
     0,
     0},
    {"retransmission lost", 100, 20, 80, 0, 20, 20, {.delivered = 80}, 80, 80, 0, 0, 20, 0},
    {"retransmission beyond depth", 100, 20, 30, 0, 0, 0, {.delivered = 30}, 80, 30, 50, 0, 20, 0},
    {"first copy lost in the ring, second delivered",
     120,
     20,
     100,
     20,
     20,
     0,
     {.delivered = 100, .recovered = 20},
     100,
     100,
     0,
     0,
     20,
     0},
    {"first copy unsampled, second delivered",
     120,
     20,
     100,
     20,
     0,
     0,
     {.delivered = 100, .recovered = 20},
     100,
     100,
     0,
     0,
     20,
     0},
    {"recovered from the ring's loss first",
     100,
     30,
     60,
     30,
     20,
     0,
     {.delivered = 60, .recovered = 30},
     70,
     60,
     10,
     0,
     30,
     0},
    {"in flight at shutdown", 100, 0, 100, 0, 0, 0, {.delivered = 40}, 100, 40, 0, 60, 0, 0},
    {"no sample read", 100, 0, 80, 0, 0, 0, {0}, 100, 0, 20, 80, 0, 1},
    {"no sample read, some sent twice", 100, 10, 80, 10, 0, 0, {0}, 90, 0, 20, 70, 10, 1},
    {"more delivered than sampled", 100, 0, 50, 0, 0, 0, {.delivered = 90}, 100, 50, 50, 0, 0, 0},
    {"more sampled than seen", 10, 0, 50, 0, 50, 0, {.delivered = 50}, 10, 10, 0, 0, 0, 0},
};

static void books_of_each_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];

        for (unsigned int d = 0; d < 2; d++) {
            struct stream_tally tally[2] = {{0}, {0}};
            struct flow flow = {0};
            struct flow_quality *q = &flow.quality[d];
            struct ledger ledger, want = {.seen = row->seen,
                                          .delivered = row->delivered,
                                          .beyond_depth = row->beyond_depth,
                                          .lost = row->lost};

            flow.dir[d].payload_bytes = row->wire;
            q->retransmit_bytes = row->retransmit;
            q->sampled_bytes = row->sampled;
            q->sampled_retransmit_bytes = row->sampled_old;
            q->lost_bytes = row->ring_lost;
            q->lost_retransmit_bytes = row->ring_lost_old;
            tally[d] = row->tally;
            want.retransmitted[d] = row->retransmitted;
            want.out_of_window[d] = row->tally.out_of_window;
            ledger_balance(&ledger, &flow, row->no_tally ? NULL : tally);
            if (ledger.seen != want.seen || ledger.delivered != want.delivered ||
                ledger.beyond_depth != want.beyond_depth || ledger.lost != want.lost ||
                ledger.retransmitted[0] != want.retransmitted[0] ||
                ledger.retransmitted[1] != want.retransmitted[1] ||
                ledger.out_of_window[0] != want.out_of_window[0] ||
                ledger.out_of_window[1] != want.out_of_window[1])
                fail_msg("%s: seen %ju delivered %ju beyond %ju lost %ju retransmitted %ju %ju "
                         "out of window %ju %ju",
                         row->name, (uintmax_t)ledger.seen, (uintmax_t)ledger.delivered,
                         (uintmax_t)ledger.beyond_depth, (uintmax_t)ledger.lost,
                         (uintmax_t)ledger.retransmitted[0], (uintmax_t)ledger.retransmitted[1],
                         (uintmax_t)ledger.out_of_window[0], (uintmax_t)ledger.out_of_window[1]);
        }
    }
}

static void both_directions_are_added(void **state)
{
    struct stream_tally tally[2] = {{.delivered = 10}, {.delivered = 5, .duplicate = 2}};
    struct flow flow = {.bits = FLOW_MISSED_SYN};
    struct ledger ledger;

    (void)state;
    flow.dir[0].payload_bytes = flow.quality[0].sampled_bytes = 10;
    flow.dir[1].payload_bytes = 20;
    flow.quality[1].sampled_bytes = 7;
    flow.quality[0].samples_dropped = 3;
    flow.quality[1].samples_dropped = 4;
    ledger_balance(&ledger, &flow, tally);
    assert_int_equal(ledger.seen, 28);
    assert_int_equal(ledger.delivered, 15);
    assert_int_equal(ledger.beyond_depth, 13);
    assert_int_equal(ledger.lost, 0);
    assert_int_equal(ledger.retransmitted[1], 2);
    assert_int_equal(ledger.samples_dropped, 7);
    assert_true(ledger.midstream);
}

static uint64_t random_next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Small, equal, huge: whatever breaks sums. */
static uint64_t random_bytes(uint64_t *seed)
{
    uint64_t n = random_next(seed);

    switch (n & 3) {
    case 0:
        return (n >> 8) % 5;
    case 1:
        return (n >> 8) % 2000;
    case 2:
        return n >> 8;
    default:
        return UINT64_MAX / 2 - (n >> 60);
    }
}

static void sums_hold_whatever_the_counters_say(void **state)
{
    uint64_t seed = 0x9e3779b97f4a7c15;

    (void)state;
    for (int i = 0; i < 300000; i++) {
        struct stream_tally tally[2];
        struct flow flow = {0};
        struct ledger ledger;
        uint64_t wire;

        memset(&ledger, 0xff, sizeof(ledger));
        for (unsigned int d = 0; d < 2; d++) {
            struct flow_quality *q = &flow.quality[d];

            flow.dir[d].payload_bytes = random_bytes(&seed);
            q->retransmit_bytes = random_bytes(&seed);
            q->sampled_bytes = random_bytes(&seed);
            q->sampled_retransmit_bytes = random_bytes(&seed);
            q->lost_bytes = random_bytes(&seed);
            q->lost_retransmit_bytes = random_bytes(&seed);
            tally[d] = (struct stream_tally){.delivered = random_bytes(&seed),
                                             .duplicate = random_bytes(&seed),
                                             .cut = random_bytes(&seed),
                                             .dropped = random_bytes(&seed),
                                             .out_of_window = random_bytes(&seed),
                                             .recovered = random_bytes(&seed)};
        }
        wire = flow.dir[0].payload_bytes + flow.dir[1].payload_bytes;
        ledger_balance(&ledger, &flow, i % 3 ? tally : NULL);
        assert_true(ledger.delivered <= wire && ledger.beyond_depth <= wire && ledger.lost <= wire);
        assert_int_equal(ledger.seen, ledger.delivered + ledger.beyond_depth + ledger.lost);
        assert_int_equal(ledger.seen + ledger.retransmitted[0] + ledger.retransmitted[1] +
                             ledger.out_of_window[0] + ledger.out_of_window[1],
                         wire);
        assert_true(ledger.retransmitted[0] <= flow.dir[0].payload_bytes);
        assert_true(ledger.retransmitted[1] <= flow.dir[1].payload_bytes);
    }
}

#define BOTH(bit) ((bit) | (bit) << FLOW_ENDPOINT_SHIFT)

static void how_a_session_ended(void **state)
{
    static const struct {
        const char *name;
        uint32_t bits;
        enum close_reason reason;
        enum close_by by;
    } cases[] = {
        {"open", FLOW_ESTABLISHED, CLOSE_NONE, CLOSE_BY_UNKNOWN},
        {"one FIN", FLOW_FIN, CLOSE_NONE, CLOSE_BY_UNKNOWN},
        {"FIN by 0, client 0", BOTH(FLOW_FIN | FLOW_FIN_ACKED) | FLOW_CLOSED, CLOSE_FIN,
         CLOSE_BY_CLIENT},
        {"FIN by 0, client 1", BOTH(FLOW_FIN | FLOW_FIN_ACKED) | FLOW_CLOSED | FLOW_CLIENT_1,
         CLOSE_FIN, CLOSE_BY_SERVER},
        {"FIN by 1, client 0", BOTH(FLOW_FIN | FLOW_FIN_ACKED) | FLOW_CLOSED | FLOW_FIN_FIRST_1,
         CLOSE_FIN, CLOSE_BY_SERVER},
        {"RST by 0, client 0", FLOW_RST | FLOW_CLOSED, CLOSE_RST, CLOSE_BY_CLIENT},
        {"RST by 1, client 0", FLOW_BIT(1, FLOW_RST) | FLOW_RST_FIRST_1 | FLOW_CLOSED, CLOSE_RST,
         CLOSE_BY_SERVER},
        {"RST by both, 1 first, client 1",
         BOTH(FLOW_RST) | FLOW_RST_FIRST_1 | FLOW_CLOSED | FLOW_CLIENT_1, CLOSE_RST,
         CLOSE_BY_CLIENT},
        {"RST after one FIN",
         FLOW_FIN | FLOW_FIN_ACKED | FLOW_BIT(1, FLOW_RST) | FLOW_RST_FIRST_1 | FLOW_CLOSED,
         CLOSE_RST, CLOSE_BY_SERVER},
        {"RST after both FINs",
         BOTH(FLOW_FIN | FLOW_FIN_ACKED) | FLOW_RST | FLOW_FIN_FIRST_1 | FLOW_CLOSED, CLOSE_FIN,
         CLOSE_BY_SERVER},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct flow flow = {.bits = cases[i].bits};
        enum close_by by = CLOSE_BY_CLIENT;
        enum close_reason reason = session_close_reason(&flow, &by);

        if (reason != cases[i].reason || by != cases[i].by)
            fail_msg("%s: %s by %d", cases[i].name, close_reason_name(reason), by);
    }
}

static void words(void **state)
{
    (void)state;
    assert_string_equal(close_reason_name(CLOSE_SYN_TIMEOUT), "syn_timeout");
    assert_string_equal(close_reason_name(CLOSE_CAPTURE_END), "capture_end");
    assert_string_equal(close_reason_name((enum close_reason)99), "none");
    for (unsigned int i = 0; i < CLOSE_REASONS; i++)
        assert_non_null(close_reason_name((enum close_reason)i));
    assert_null(close_by_name(CLOSE_BY_UNKNOWN));
    assert_string_equal(close_by_name(CLOSE_BY_SERVER), "server");
    for (unsigned int i = 0; i < TCP_STATE_COUNT; i++)
        assert_non_null(tcp_state_name(i));
    assert_string_equal(tcp_state_name(TCP_STATE_LAST_ACK), "LAST_ACK");
    assert_string_equal(tcp_state_name(99), "CLOSED");
    assert_string_equal(l4_proto_name(58), "icmpv6");
    assert_string_equal(l4_proto_name(47), "ip");
}

/* What the rate cut is a part of what lay beyond: what came again later and was read is not. */
static void over_rate_is_part_of_beyond_depth(void **state)
{
    static const struct {
        uint64_t cut, beyond_depth, over_rate;
    } rates[] = {{0, 70, 0}, {50, 70, 50}, {70, 70, 70}, {90, 70, 70}};

    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct stream_tally tally[2] = {{.delivered = 30}, {0}};
        struct flow flow = {.over_rate_bytes = rates[i].cut};
        struct ledger ledger;

        flow.dir[0].payload_bytes = 100;
        flow.quality[0].sampled_bytes = 30;
        ledger_balance(&ledger, &flow, tally);
        assert_int_equal(ledger.beyond_depth, rates[i].beyond_depth);
        assert_int_equal(ledger.over_rate, rates[i].over_rate);
        assert_int_equal(ledger.seen, 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(books_of_each_case),
        cmocka_unit_test(over_rate_is_part_of_beyond_depth),
        cmocka_unit_test(both_directions_are_added),
        cmocka_unit_test(sums_hold_whatever_the_counters_say),
        cmocka_unit_test(how_a_session_ended),
        cmocka_unit_test(words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
