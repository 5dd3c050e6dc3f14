/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the segments of one TCP session, seven bytes each, most of them near the numbers that
 * the session has: what the ledger may never say, however mad the two sides are.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tcp.h"

#define SEGMENT_BYTES 7

static void must(int holds)
{
    if (!holds)
        abort();
}

struct world {
    struct flow flow, slow;
    uint32_t nxt[2];
    uint64_t now_ns, payload[2], pkts[2], old[2];
    int sessions, established, closed;
};

/* A number near usual, or anywhere. */
static uint32_t near(uint32_t usual, uint8_t how)
{
    static const int32_t step[] = {0,    0,   0,     0,    1,     -1,     -2,         2,
                                   -100, 100, -1448, 1448, 70000, -70000, 0x40000000, INT32_MIN};

    return usual + (uint32_t)step[how & 15] * (1 + (how >> 4 & 3));
}

static void read_segment(struct world *w, const uint8_t *b, struct packet *pkt,
                         struct flow_syn *syn)
{
    static const uint16_t len[] = {0, 0, 1, 10, 100, 1448, 1448, 65000};
    uint8_t from = b[0] & 1;

    *pkt = (struct packet){.key = {.ip_version = 4, .l4_proto = IP_PROTO_TCP, .port = {1, 2}},
                           .seq = near(w->nxt[from], b[2]),
                           .ack = near(w->nxt[!from], b[3]),
                           .wnd = (uint16_t)(b[4] << (b[4] & 8)),
                           .payload_len = len[b[0] >> 1 & 7],
                           .tcp_flags = b[1],
                           .l3_hdr_len = 20,
                           .l4_hdr_len = 20,
                           .ip_id = b[5] & 3,
                           .from = from};
    w->now_ns += (uint64_t)b[6] << (b[6] & 31);
    if (!(b[0] & 0x30))
        pkt->tcp_flags = TCP_ACK;
    if (b[1] & TCP_SYN)
        tcp_parse_syn(syn, (uint8_t[64]){TCP_OPT_WINDOW_SCALE, 3, b[5]}, 3, b[1]);
}

static void begin(struct world *w, const struct packet *pkt)
{
    memset(&w->flow, 0, sizeof(w->flow));
    flow_begin(&w->flow, pkt, (uint64_t)++w->sessions, w->now_ns);
    w->slow = w->flow;
    memset(w->payload, 0, sizeof(w->payload));
    memset(w->pkts, 0, sizeof(w->pkts));
    memset(w->old, 0, sizeof(w->old));
    w->established = w->closed = 0;
}

static void check(const struct world *w, const struct packet *pkt, uint32_t bits_before,
                  const struct tcp_verdict *verdict)
{
    const struct flow *flow = &w->flow;
    uint32_t gone = bits_before & ~flow->bits;

    if (flow->bits & FLOW_LATE_CLIENT)
        gone &= ~(uint32_t)FLOW_CLIENT_1;
    must(!gone);
    must(verdict->old_bytes <= pkt->payload_len);
    must(w->established <= 1 && w->closed <= 1);
    must(w->closed == !!(flow->bits & FLOW_CLOSED));
    for (uint32_t i = 0; i < 2; i++) {
        const struct flow_quality *q = &flow->quality[i];
        const struct flow_dir *dir = &flow->dir[i];

        must(flow->pkts[i] == w->pkts[i] && dir->payload_bytes == w->payload[i]);
        must(q->retransmit_bytes == w->old[i]);
        must(dir->gap_count <= FLOW_GAPS && dir->wscale <= TCP_MAX_WINDOW_SHIFT);
        must(q->rtt_samples == 0 || q->rtt_min_ns <= q->rtt_max_ns);
        must(tcp_endpoint_state(flow->bits, i) < TCP_STATE_COUNT);
        for (unsigned int g = 0; g < dir->gap_count; g++)
            must(!tcp_before(q->gap[g].hi, q->gap[g].lo));
    }
    must(flow_depth_left(flow, pkt, 1000) <= pkt->payload_len);
}

static void feed(struct world *w, const uint8_t *bytes)
{
    struct packet pkt;
    struct flow_syn syn = {0};
    struct tcp_verdict verdict, slow;
    uint32_t pkts = bytes[0] >> 6, bits;

    pkts += !pkts;
    read_segment(w, bytes, &pkt, &syn);
    if (!w->sessions || tcp_is_restart(&w->flow, &pkt, w->now_ns))
        begin(w, &pkt);
    bits = w->flow.bits;
    verdict = flow_track(&w->flow, &pkt, pkts, &syn, w->now_ns);
    must(!(verdict.events & TCP_EV_RESTART));
    slow = tcp_track_any(&w->slow, &pkt, pkts, &syn, w->now_ns);
    flow_count(&w->slow, &pkt, pkts, tcp_not_new(&slow, &pkt), w->now_ns);
    must(!memcmp(&w->slow, &w->flow, sizeof(w->flow)));
    w->payload[pkt.from] += pkt.payload_len;
    w->pkts[pkt.from] += pkts;
    w->old[pkt.from] += verdict.old_bytes;
    w->established += !!(verdict.events & TCP_EV_ESTABLISHED);
    w->closed += !!(verdict.events & TCP_EV_CLOSED);
    check(w, &pkt, bits, &verdict);
    if (w->flow.dir[pkt.from].known & FLOW_KNOWS_SEQ)
        w->nxt[pkt.from] = w->flow.dir[pkt.from].seq_nxt;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.now_ns = 1000000000};

    if (size < 2)
        return 0;
    w.nxt[0] = (uint32_t)data[0] * 0x1010101 - 2;
    w.nxt[1] = (uint32_t)data[1] * 0x1010101 - 2;
    for (size_t at = 2; at + SEGMENT_BYTES <= size; at += SEGMENT_BYTES)
        feed(&w, data + at);
    return 0;
}
