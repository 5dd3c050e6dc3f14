/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two honest ends, and a capture that misses runs of packets, often more than a window: what was captured
 * and then acknowledged (by what is believed itself) is in the streams, whatever the tracker thought of it
 * when it came. Of all that was captured nearly nothing is left out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "stream/dialog.h"
#include "tcp.h"

#define RUNS         300
#define STEPS        1500
#define SEGMENT_MAX  1448
#define STREAM_MAX   (STEPS * SEGMENT_MAX)
#define PATTERN(at)  ((uint8_t)((at) % 251))
#define SCALE_MAX    7
#define BURST_MAX    700
#define WINDOW_BYTES 3000

struct end {
    uint32_t isn;
    uint32_t sent; /* bytes, and what the other side has acknowledged of them */
    uint32_t acked;
    uint32_t window; /* offered, in units of the scale */
    uint8_t scale;
    uint32_t captured_ack; /* of the other side's bytes, the highest that is believed */
    uint8_t *captured;     /* [STREAM_MAX]: which of its bytes were */
    uint8_t *got;          /* [STREAM_MAX]: which are in the stream */
};

struct world {
    struct end end[2];
    struct flow flow;
    struct dialog *dialog;
    uint64_t now_ns;
    uint32_t missing; /* packets that the capture still misses */
    uint32_t doubts;
    uint64_t wire[2];
};

static uint32_t roll(uint32_t n)
{
    return (uint32_t)random() % n;
}

static void on_data(void *ctx, unsigned int from, uint64_t offset, const uint8_t *data, size_t len,
                    const struct segment *seg)
{
    struct world *w = ctx;

    (void)seg;
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(data[i], PATTERN(offset + i));
        assert_int_equal(w->end[from].got[offset + i]++, 0);
    }
}

static void capture(struct world *w, unsigned int from, uint8_t flags, uint32_t at, uint32_t len)
{
    static uint8_t payload[SEGMENT_MAX];
    struct end *me = &w->end[from], *peer = &w->end[!from];
    struct packet pkt = {
        .from = (__u8)from,
        .tcp_flags = flags,
        .seq = flags & TCP_SYN ? me->isn : me->isn + 1 + at,
        .ack = flags & TCP_ACK ? peer->isn + 1 + peer->acked : 0,
        .wnd = (__u16)me->window,
        .payload_len = len,
        .l4_hdr_len = 20,
        .l3_hdr_len = 20,
        .key = {.ip_version = 4, .l4_proto = IP_PROTO_TCP},
    };
    struct flow_syn syn = {
        .flags = flags, .options = TCP_HAS_WINDOW_SCALE, .window_scale = me->scale};
    struct tcp_verdict verdict;
    struct segment seg = {.seq = pkt.seq,
                          .wire_len = len,
                          .cap_len = len,
                          .data = payload,
                          .time_ns = w->now_ns,
                          .from = (uint8_t)from,
                          .tcp_flags = flags};

    w->now_ns += 1000;
    if (w->missing) {
        w->missing--;
        return;
    }
    if (!w->flow.id)
        flow_begin(&w->flow, &pkt, 1, w->now_ns);
    verdict = flow_track(&w->flow, &pkt, 1, &syn, w->now_ns);
    assert_false(verdict.events & TCP_EV_RESTART);
    w->doubts += verdict.doubts && !(flags & TCP_SYN);
    seg.doubted = verdict.doubts & TCP_DOUBT_DATA;
    for (uint32_t i = 0; i < len; i++) {
        payload[i] = PATTERN(at + i);
        me->captured[at + i] = 1;
    }
    w->wire[from] += len;
    if (flags & TCP_SYN)
        dialog_begin(w->dialog, from, pkt.seq + 1);
    else
        dialog_segment(w->dialog, &seg);
    if (flags & TCP_ACK) {
        if (!verdict.doubts && peer->acked > me->captured_ack)
            me->captured_ack = peer->acked;
        if (!(verdict.doubts & TCP_DOUBT_ACK))
            dialog_ack(w->dialog, from, pkt.ack, w->now_ns);
    }
}

/* One side sends what the other's window takes, or says what it has. */
static void step(struct world *w, unsigned int from, uint32_t answers)
{
    struct end *me = &w->end[from], *peer = &w->end[!from];
    uint32_t room = (peer->window << peer->scale) - (me->sent - me->acked);
    uint32_t len = 1 + roll(SEGMENT_MAX);

    if (roll(100) < answers || !room) {
        me = peer;
        from = !from;
        w->end[!from].acked = w->end[!from].sent;
        capture(w, from, TCP_ACK, me->sent, 0);
        return;
    }
    if (len > room)
        len = room;
    if (me->sent + len > STREAM_MAX)
        return;
    me->sent += len;
    capture(w, from, TCP_ACK | TCP_PSH, me->sent - len, len);
}

/* Returns how many captured bytes are not in the stream. */
static uint64_t check(const struct world *w, unsigned int from, int run)
{
    const struct end *me = &w->end[from];
    const struct stream_tally *tally = &dialog_tally(w->dialog)[from];
    uint32_t acked = w->end[!from].captured_ack;
    uint64_t left_out = 0;

    for (uint32_t at = 0; at < me->sent; at++) {
        if (me->captured[at] && !me->got[at] && at < acked)
            fail_msg("run %d: byte %u of side %u was captured and acknowledged, and is not there",
                     run, at, from);
        left_out += me->captured[at] && !me->got[at];
    }
    assert_int_equal(tally->out_of_window, left_out);
    assert_int_equal(tally->delivered + left_out, w->wire[from]);
    return left_out;
}

static void setup(struct world *w, struct dialog_budget *budget)
{
    struct dialog_conf conf = {
        .is_tcp = true, .budget = budget, .output = {.data = on_data, .ctx = w}};

    for (int i = 0; i < 2; i++) {
        struct end *end = &w->end[i];
        uint8_t *captured = end->captured, *got = end->got;

        memset(captured, 0, STREAM_MAX);
        memset(got, 0, STREAM_MAX);
        *end = (struct end){.isn = (uint32_t)random(),
                            .window = 1 + roll(WINDOW_BYTES),
                            .scale = (uint8_t)roll(SCALE_MAX),
                            .captured = captured,
                            .got = got};
    }
    w->dialog = dialog_new(&conf);
    assert_non_null(w->dialog);
}

static void what_is_acknowledged_is_there(void **state)
{
    struct world w = {0};
    struct dialog_budget budget = {.max_bytes = 1 << 26, .max_session_bytes = 1 << 24};
    uint64_t doubts = 0, captured = 0, left_out = 0;

    (void)state;
    for (int i = 0; i < 2; i++) {
        w.end[i].captured = malloc(STREAM_MAX);
        w.end[i].got = malloc(STREAM_MAX);
    }
    for (int run = 0; run < RUNS; run++) {
        uint32_t answers, talks, losses;

        srandom((unsigned int)run);
        answers = 5 + roll(60);
        talks = roll(101);
        losses = 1 + roll(8);
        w = (struct world){.end = {w.end[0], w.end[1]}, .now_ns = 1000000000};
        setup(&w, &budget);
        capture(&w, 0, TCP_SYN, 0, 0);
        capture(&w, 1, TCP_SYN | TCP_ACK, 0, 0);
        capture(&w, 0, TCP_ACK, 0, 0);
        for (int i = 0; i < STEPS; i++) {
            if (!w.missing && roll(100) < losses)
                w.missing = 1 + roll(BURST_MAX);
            step(&w, roll(100) < talks, answers);
        }
        dialog_finish(w.dialog, &w.flow);
        left_out += check(&w, 0, run) + check(&w, 1, run);
        captured += w.wire[0] + w.wire[1];
        doubts += w.doubts;
        dialog_free(w.dialog);
        assert_int_equal(budget.used_bytes, 0);
    }
    assert_true(doubts > RUNS); /* or the runs say nothing */
    assert_true(left_out < captured / 200);
    for (int i = 0; i < 2; i++) {
        free(w.end[i].captured);
        free(w.end[i].got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_acknowledged_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
