/* SPDX-License-Identifier: Apache-2.0 */
/* The player of TCP scripts and the one-line summary; see tcp_scenario.h. */
#include "unit/tcp_scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/packet_builder.h"

static const char *const state_names[TCP_STATE_COUNT] = {
    [TCP_STATE_CLOSED] = "CLOSED",           [TCP_STATE_LISTEN] = "LISTEN",
    [TCP_STATE_SYN_SENT] = "SYN_SENT",       [TCP_STATE_SYN_RECEIVED] = "SYN_RECEIVED",
    [TCP_STATE_ESTABLISHED] = "ESTABLISHED", [TCP_STATE_FIN_WAIT_1] = "FIN_WAIT_1",
    [TCP_STATE_FIN_WAIT_2] = "FIN_WAIT_2",   [TCP_STATE_CLOSE_WAIT] = "CLOSE_WAIT",
    [TCP_STATE_CLOSING] = "CLOSING",         [TCP_STATE_LAST_ACK] = "LAST_ACK",
    [TCP_STATE_TIME_WAIT] = "TIME_WAIT",
};

static void run_begin_session(struct tcp_run *run, const struct packet *pkt, uint64_t now_ns)
{
    assert_true(run->sessions < SCENARIO_SESSIONS);
    flow_begin(&run->flow[run->sessions], pkt, run->sessions + 1, now_ns);
    run->sessions++;
}

static void run_note_events(struct tcp_run *run, uint32_t events)
{
    char *text = run->events[run->sessions - 1];
    size_t len = strlen(text);

    if (events & TCP_EV_ESTABLISHED && len < 7)
        text[len++] = 'E';
    if (events & TCP_EV_CLOSED && len < 7)
        text[len] = 'C';
}

/* The parsed options, read from a buffer of the size that the kernel program uses. */
static void run_read_syn(const struct packet *pkt, const uint8_t *frame, struct flow_syn *syn)
{
    uint8_t opts[64];
    uint32_t len = pkt->l4_hdr_len - (uint32_t)sizeof(struct tcp_hdr);

    memset(opts, 0xee, sizeof(opts));
    memcpy(opts, frame + pkt->l4_off + sizeof(struct tcp_hdr), len);
    tcp_parse_syn(syn, opts, len, pkt->tcp_flags);
}

struct tcp_verdict tcp_run_segment(struct tcp_run *run, const struct segment *segment)
{
    static uint8_t room[PACKET_BUILDER_ROOM];
    size_t len = packet_build(room, sizeof(room), "%s", segment->frame);
    uint8_t *frame = malloc(len);
    struct packet_cursor cur = {frame, frame, frame + len};
    struct packet pkt = {0};
    struct flow_syn syn = {0};
    struct tcp_verdict verdict;

    memcpy(frame, room, len);
    assert_int_equal(packet_parse_eth(&pkt, &cur, (uint32_t)len), 0);
    if (pkt.tcp_flags & TCP_SYN)
        run_read_syn(&pkt, frame, &syn);
    free(frame);
    if (!run->sessions) {
        run->key = pkt.key;
        run->client = segment->from ? !pkt.from : pkt.from;
        run_begin_session(run, &pkt, segment->time_ns);
    }
    assert_memory_equal(&run->key, &pkt.key, sizeof(pkt.key));
    assert_int_equal(pkt.from, segment->from ? !run->client : run->client);
    verdict =
        flow_track(&run->flow[run->sessions - 1], &pkt, segment->pkts, &syn, segment->time_ns);
    if (verdict.events & TCP_EV_RESTART) {
        run_begin_session(run, &pkt, segment->time_ns);
        verdict =
            flow_track(&run->flow[run->sessions - 1], &pkt, segment->pkts, &syn, segment->time_ns);
    }
    run_note_events(run, verdict.events);
    run->old_bytes += verdict.old_bytes;
    return verdict;
}

/* Bits are only ever set, but for the client's, which may be corrected once. */
static void check_bits(uint32_t before, uint32_t after)
{
    uint32_t gone = before & ~after;

    if (after & FLOW_LATE_CLIENT)
        gone &= ~(uint32_t)FLOW_CLIENT_1;
    assert_int_equal(gone, 0);
}

static void check_states(const struct tcp_run *run, const struct segment *segment)
{
    uint32_t bits = run->flow[run->sessions - 1].bits;
    char text[64];

    if (!*segment->expect)
        return;
    snprintf(text, sizeof(text), "%s %s", state_names[tcp_endpoint_state(bits, run->client)],
             state_names[tcp_endpoint_state(bits, !run->client)]);
    if (strcmp(text, segment->expect))
        fail_msg("after \"%s\" (client %u, server %u): %s", segment->line, run->script.side[0].isn,
                 run->script.side[1].isn, text);
}

void tcp_run_play(struct tcp_run *run)
{
    struct segment segment;

    while (script_next(&run->script, &segment)) {
        unsigned int session = run->sessions;
        uint32_t bits = session ? run->flow[session - 1].bits : 0;

        tcp_run_segment(run, &segment);
        if (run->sessions == session)
            check_bits(bits, run->flow[session - 1].bits);
        check_states(run, &segment);
    }
}

void tcp_run_script(struct tcp_run *run, const char *script, uint32_t client_isn,
                    uint32_t server_isn)
{
    memset(run, 0, sizeof(*run));
    script_init(&run->script, script, client_isn, server_isn);
    tcp_run_play(run);
}

struct out {
    char *at;
    size_t room;
};

static __attribute__((format(printf, 2, 3))) void say(struct out *out, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(out->at, out->room, format, args);
    va_end(args);
    assert_true(n >= 0 && (size_t)n < out->room);
    out->at += n;
    out->room -= (size_t)n;
}

static void say_counter(struct out *out, const char *name, uint64_t value)
{
    if (value)
        say(out, " %s=%llu", name, (unsigned long long)value);
}

static uint64_t gap_bytes(const struct flow *flow, uint32_t from)
{
    uint64_t sum = 0;

    for (unsigned int i = 0; i < flow->dir[from].gap_count; i++)
        sum += flow->quality[from].gap[i].hi - flow->quality[from].gap[i].lo;
    return sum;
}

static void say_side(struct out *out, const struct flow *flow, uint32_t from, char name)
{
    const struct flow_quality *q = &flow->quality[from];

    say(out, " | %c %llup %llub", name, (unsigned long long)flow->pkts[from],
        (unsigned long long)flow->dir[from].payload_bytes);
    say_counter(out, "retransmits", q->retransmits);
    say_counter(out, "old", q->retransmit_bytes);
    say_counter(out, "disorder", q->out_of_order);
    say_counter(out, "dupacks", q->duplicate_acks);
    say_counter(out, "zerowin", q->zero_windows);
    say_counter(out, "keepalive", q->keep_alives);
    say_counter(out, "repeats", q->capture_repeats);
    say_counter(out, "outside", q->out_of_window);
    say_counter(out, "syns", q->syn_count > 1 ? q->syn_count : 0);
    say_counter(out, "gap", gap_bytes(flow, from));
    say_counter(out, "ce", q->ce_pkts);
    say_counter(out, "gso", q->gso_extra_pkts);
    say_counter(out, "rtt", q->rtt_samples);
}

static void say_session(struct out *out, const struct tcp_run *run, unsigned int n)
{
    const struct flow *flow = &run->flow[n];
    const uint32_t any_fin = FLOW_FIN | FLOW_FIN << FLOW_ENDPOINT_SHIFT;
    const uint32_t any_rst = FLOW_RST | FLOW_RST << FLOW_ENDPOINT_SHIFT;
    uint32_t bits = flow->bits;

    say(out, "%s%s", n ? "\n" : "", state_names[tcp_session_state(bits)]);
    say(out, "%s%s%s", bits & FLOW_MISSED_SYN ? " missed" : "",
        bits & FLOW_LATE_CLIENT ? " late" : "",
        flow_client(flow) != run->client ? " client=s" : "");
    if (bits & any_fin)
        say(out, " fin:%c", !!(bits & FLOW_FIN_FIRST_1) == run->client ? 'c' : 's');
    if (bits & any_rst)
        say(out, " rst:%c", !!(bits & FLOW_RST_FIRST_1) == run->client ? 'c' : 's');
    say(out, "%s", bits & FLOW_CLOSE_BOTH ? " both" : "");
    if (*run->events[n])
        say(out, " ev=%s", run->events[n]);
    say_counter(out, "lots", flow->lots);
    say_side(out, flow, run->client, 'c');
    say_side(out, flow, !run->client, 's');
}

void tcp_run_summary(const struct tcp_run *run, char *text, size_t room)
{
    struct out out = {text, room};

    *text = 0;
    for (unsigned int n = 0; n < run->sessions; n++)
        say_session(&out, run, n);
}

static int scenario_play(const struct scenario *s, unsigned int way, uint32_t client_isn,
                         uint32_t server_isn)
{
    static const char *const addr[4][2] = {{"10.0.0.1", "10.0.0.2"},
                                           {"10.0.0.2", "10.0.0.1"},
                                           {"fd00::1", "fd00::2"},
                                           {"fd00::2", "fd00::1"}};
    struct tcp_run run = {0};
    char text[4096];

    script_init(&run.script, s->script, client_isn, server_isn);
    run.script.side[0].addr = addr[way][0];
    run.script.side[1].addr = addr[way][1];
    tcp_run_play(&run);
    tcp_run_summary(&run, text, sizeof(text));
    if (!strcmp(text, s->expect))
        return 0;
    print_error("%s (from %s, client %u, server %u)\nis       %s\nmust be  %s\n", s->name,
                addr[way][0], client_isn, server_isn, text, s->expect);
    return 1;
}

void scenarios_check(const struct scenario *scenario, size_t count)
{
    static const uint32_t isn[] = {1000,       0,          1,          0x7fffffff,
                                   0x80000000, 0xffffffff, 0xfffffffe, 0xffffff9b,
                                   0xffffff37, 0xfffffa00, 0x7fffff9b};
    const size_t isns = sizeof(isn) / sizeof(isn[0]);
    int failed = 0;

    for (size_t i = 0; i < count; i++) {
        /* IPv6 has no packet id */
        unsigned int ways = strstr(scenario[i].script, " id=") ? 1 : 3;
        int wrong = 0;

        for (size_t n = 0; n < isns * isns && !wrong; n++)
            wrong = scenario_play(&scenario[i], (unsigned int)(n / isns + n) & ways, isn[n / isns],
                                  isn[n % isns]);
        failed += wrong;
    }
    assert_int_equal(failed, 0);
}
