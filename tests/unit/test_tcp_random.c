/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracker against a model: two endpoints exchange random data over a network that loses before
 * and after the place of observation, reorders and duplicates. The model keeps, byte by byte, what
 * passed; the tracker keeps a few numbers, and must come to the same counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tcp.h"

#define STREAM_MAX 1500
#define IN_FLIGHT  64
#define RUNS       500

/* Numbers are relative: 0 is the SYN, 1 the first byte, len + 1 the FIN. */
struct segment {
    uint32_t seq, len, ack;
    uint8_t from, flags;
};

struct endpoint {
    uint32_t isn, len, una, nxt, rcv_nxt;
    uint8_t got[STREAM_MAX + 2];       /* numbers that arrived here */
    uint8_t seen[STREAM_MAX + 2];      /* payload of ours that passed the observer */
    uint32_t passed, unique, low, top; /* low: all before passed */
    int exact, too_many;
};

struct world {
    struct endpoint end[2];             /* client, server */
    struct segment queue[2][IN_FLIGHT]; /* before and after the observer */
    unsigned int queued[2];
    unsigned int loss[2], disorder, repeat; /* percent */
    struct flow flow, slow;
    uint64_t now_ns;
    uint32_t client, lots, established, closed, packets;
    int last_from;
};

static uint32_t roll(uint32_t n)
{
    return (uint32_t)random() % n;
}

static void enqueue(struct world *w, unsigned int queue, const struct segment *s)
{
    if (roll(100) >= w->loss[queue] && w->queued[queue] < IN_FLIGHT)
        w->queue[queue][w->queued[queue]++] = *s;
}

static void send_segment(struct world *w, uint8_t from, uint8_t flags, uint32_t seq, uint32_t len)
{
    struct endpoint *me = &w->end[from];
    struct segment s = {seq, len, me->rcv_nxt, from, flags};
    uint32_t end = seq + len + !!(flags & TCP_SYN) + !!(flags & TCP_FIN);

    if (end > me->nxt)
        me->nxt = end;
    enqueue(w, 0, &s);
    if (roll(100) < w->repeat)
        enqueue(w, 0, &s);
}

/* Send [seq, seq + len) of the data, with the FIN if that is its end. */
static void send_range(struct world *w, uint8_t from, uint32_t seq, uint32_t len)
{
    struct endpoint *me = &w->end[from];
    uint32_t data = seq > me->len ? 0 : me->len + 1 - seq;

    if (len > data)
        send_segment(w, from, TCP_FIN | TCP_ACK, seq, data);
    else
        send_segment(w, from, TCP_ACK, seq, len);
}

static void act(struct world *w, uint8_t from)
{
    struct endpoint *me = &w->end[from];

    if (!from && !me->rcv_nxt)
        send_segment(w, 0, TCP_SYN, 0, 0);
    else if (!me->rcv_nxt)
        return;
    else if (from && !me->una)
        send_segment(w, 1, TCP_SYN | TCP_ACK, 0, 0);
    else if (roll(3) && me->nxt <= me->len + 1 && me->nxt - me->una < 3000)
        send_range(w, from, me->nxt, 1 + roll(roll(4) ? 40 : 300));
    else if (roll(2) && me->una < me->nxt && me->una) {
        uint32_t at = roll(2) ? me->una : me->una + roll(me->nxt - me->una);

        send_range(w, from, at, 1 + roll(me->nxt - at));
    } else
        send_segment(w, from, TCP_ACK, me->nxt, 0);
}

static void arrive(struct world *w, const struct segment *s)
{
    struct endpoint *me = &w->end[!s->from];
    uint32_t len = s->len + !!(s->flags & TCP_SYN) + !!(s->flags & TCP_FIN);

    memset(me->got + s->seq, 1, len);
    while (me->rcv_nxt < w->end[s->from].len + 2 && me->got[me->rcv_nxt])
        me->rcv_nxt++;
    if ((s->flags & TCP_ACK) && s->ack > me->una)
        me->una = s->ack;
}

/* The model's books of one segment that passed; says whether it carried something new. */
static int note_passing(struct endpoint *me, const struct segment *s)
{
    uint32_t fresh = 0, holes = 0;

    for (uint32_t i = s->seq; i < s->seq + s->len; i++) {
        fresh += !me->seen[i];
        me->seen[i] = 1;
    }
    me->passed += s->len;
    me->unique += fresh;
    if (s->seq + s->len > me->top && (s->len || s->flags & TCP_FIN))
        me->top = s->seq + s->len;
    while (me->low < me->top && me->seen[me->low])
        me->low++;
    for (uint32_t i = me->low; i < me->top; i++)
        holes += !me->seen[i] && (i + 1 == me->top || me->seen[i + 1]);
    me->too_many |= holes > FLOW_GAPS;
    return fresh > 0;
}

static uint32_t gap_bytes(const struct flow *flow, uint32_t from)
{
    uint32_t sum = 0;

    for (unsigned int i = 0; i < flow->dir[from].gap_count; i++)
        sum += flow->quality[from].gap[i].hi - flow->quality[from].gap[i].lo;
    return sum;
}

static void check_side(const struct world *w, uint32_t side)
{
    const struct endpoint *e = &w->end[side];
    uint32_t from = side ? !w->client : w->client;
    const struct flow_quality *q = &w->flow.quality[from];
    uint32_t holes = 0;

    assert_int_equal(w->flow.dir[from].payload_bytes, e->passed);
    if (!e->exact)
        return;
    assert_true(q->retransmit_bytes >= e->passed - e->unique);
    if (e->too_many)
        return;
    assert_int_equal(q->retransmit_bytes, e->passed - e->unique);
    for (uint32_t i = e->low; i < e->top; i++)
        holes += !e->seen[i];
    assert_int_equal(gap_bytes(&w->flow, from), holes);
}

/* As the path of plain segments says, and as the path of all segments says, must be the same. */
static void check_paths_agree(struct world *w, const struct packet *pkt)
{
    struct tcp_verdict verdict = tcp_track_any(&w->slow, pkt, 1, NULL, w->now_ns);

    assert_int_equal(verdict.events & TCP_EV_RESTART, 0);
    flow_count(&w->slow, pkt, 1, verdict.old_bytes, w->now_ns);
    assert_memory_equal(&w->slow, &w->flow, sizeof(w->flow));
}

static void observe(struct world *w, const struct segment *s)
{
    struct endpoint *me = &w->end[s->from];
    struct packet pkt = {.key = {.ip_version = 4, .l4_proto = IP_PROTO_TCP, .port = {1, 2}},
                         .seq = me->isn + s->seq,
                         .ack = s->flags & TCP_ACK ? w->end[!s->from].isn + s->ack : 0,
                         .payload_len = s->len,
                         .tcp_flags = s->flags,
                         .wnd = 65535,
                         .l3_hdr_len = 20,
                         .l4_hdr_len = 32,
                         .from = (uint8_t)(s->from ? !w->client : w->client)};
    enum tcp_state before = tcp_session_state(w->flow.bits);
    uint32_t bits = w->flow.bits;
    struct tcp_verdict verdict;

    if (!w->packets++) {
        flow_begin(&w->flow, &pkt, 1, w->now_ns);
        w->slow = w->flow;
        bits = w->flow.bits;
    }
    if (!(w->flow.bits & FLOW_BIT(pkt.from, FLOW_SEEN)))
        me->exact = !!(s->flags & TCP_SYN);
    verdict = flow_track(&w->flow, &pkt, 1, NULL, w->now_ns);
    check_paths_agree(w, &pkt);
    w->established += !!(verdict.events & TCP_EV_ESTABLISHED);
    w->closed += !!(verdict.events & TCP_EV_CLOSED);
    if (!(w->flow.bits & FLOW_LATE_CLIENT))
        assert_int_equal(bits & ~w->flow.bits, 0);
    assert_true(tcp_session_state(w->flow.bits) >= before ||
                tcp_session_state(w->flow.bits) == TCP_STATE_CLOSED);
    if (note_passing(me, s) && w->last_from != s->from) {
        w->last_from = s->from;
        w->lots++;
    }
    for (uint32_t side = 0; side < 2; side++)
        check_side(w, side);
}

/* Move one segment out of a queue, near its head. */
static void move(struct world *w, unsigned int queue)
{
    unsigned int at = 0;
    struct segment s;

    if (!w->queued[queue])
        return;
    if (roll(100) < w->disorder)
        at = roll(w->queued[queue]);
    s = w->queue[queue][at];
    memmove(&w->queue[queue][at], &w->queue[queue][at + 1], (--w->queued[queue] - at) * sizeof(s));
    if (queue) {
        arrive(w, &s);
        return;
    }
    observe(w, &s);
    enqueue(w, 1, &s);
}

static int done(const struct world *w)
{
    return w->end[0].una == w->end[0].len + 2 && w->end[1].una == w->end[1].len + 2;
}

static void check_end(const struct world *w)
{
    const struct flow_quality *q = w->flow.quality;
    int exact = w->end[0].exact && w->end[1].exact;

    assert_true(done(w));
    assert_true(w->flow.bits & FLOW_CLOSED);
    assert_int_equal(w->closed, 1);
    assert_int_equal(w->flow.bits & (FLOW_RST | FLOW_RST << FLOW_ENDPOINT_SHIFT), 0);
    if (!(w->flow.bits & FLOW_MISSED_SYN)) {
        assert_int_equal(w->established, 1);
        assert_int_equal(flow_client(&w->flow), w->client);
    }
    if (exact && !(w->flow.bits & FLOW_MISSED_SYN))
        assert_int_equal(q[0].out_of_window + q[1].out_of_window, 0);
    if (exact && !w->end[0].too_many && !w->end[1].too_many)
        assert_int_equal(w->flow.lots, w->lots);
}

static void play(unsigned int seed, const unsigned int loss[2], unsigned int disorder,
                 unsigned int repeat)
{
    static const uint32_t isn[] = {0,          1,          0x7fffffff, 0x80000000,
                                   0xffffffff, 0xfffff000, 0x7ffff800};
    static struct world w;

    srandom(seed);
    w = (struct world){.loss = {loss[0], loss[1]},
                       .disorder = disorder,
                       .repeat = repeat,
                       .now_ns = 1000000000,
                       .client = seed & 1,
                       .last_from = -1};
    for (int i = 0; i < 2; i++) {
        w.end[i].isn = roll(3) ? isn[roll(7)] : (uint32_t)random() * 2 + roll(2);
        w.end[i].low = 1;
        w.end[i].len = roll(roll(2) ? 200 : STREAM_MAX);
    }
    for (int step = 0; step < 40000 && !(done(&w) && !w.queued[0]); step++) {
        if (step > 20000) /* and at last a network without fault */
            w.loss[0] = w.loss[1] = w.disorder = 0;
        w.now_ns += roll(4000000);
        if (roll(3) == 0)
            act(&w, (uint8_t)roll(2));
        else
            move(&w, roll(2));
    }
    check_end(&w);
}

static void test_perfect_network(void **state)
{
    (void)state;
    for (unsigned int seed = 0; seed < RUNS; seed++)
        play(seed, (unsigned int[]){0, 0}, 0, 0);
}

static void test_loss_behind(void **state)
{
    (void)state;
    for (unsigned int seed = 0; seed < RUNS; seed++)
        play(seed, (unsigned int[]){0, 10}, 0, 0);
}

static void test_loss_before(void **state)
{
    (void)state;
    for (unsigned int seed = 0; seed < RUNS; seed++)
        play(seed, (unsigned int[]){5, 0}, 0, 0);
}

static void test_everything(void **state)
{
    (void)state;
    for (unsigned int seed = 0; seed < RUNS; seed++)
        play(seed, (unsigned int[]){seed % 19, seed % 23}, seed % 41, seed % 17);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_perfect_network),
        cmocka_unit_test(test_loss_behind),
        cmocka_unit_test(test_loss_before),
        cmocka_unit_test(test_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
