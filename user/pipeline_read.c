/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payload on its way into a session's dialog: from the kernel's samples and from the frames of files. Live
 * fragments are put together here; offline that is done before (cmd/replay_fragment.c).
 */
#include <stdlib.h>
#include <string.h>

#include "pipeline_internal.h"
#include "stream/fragments.h"
#include "tcp.h"
#include "tunnel.h"

/* Fragments that wait for others, and those that are remembered. */
#define HELD_FRAGMENT_BYTES (16u << 20)
#define PIECES_KNOWN        (1u << 16)

/* The part of a file's packet that is payload, and at hand. */
static uint32_t payload_at_hand(const struct pipeline_frame *frame)
{
    const struct packet *pkt = frame->pkt;

    if (pkt->payload_off >= frame->cap_len)
        return 0;
    if (pkt->payload_len > frame->cap_len - pkt->payload_off)
        return frame->cap_len - pkt->payload_off;
    return pkt->payload_len;
}

void pipeline_read_frame(struct session *session, const struct pipeline_frame *frame,
                         uint64_t pkt_index)
{
    const struct packet *pkt = frame->pkt;
    struct segment seg = {
        .seq = pkt->seq + !!(pkt->tcp_flags & TCP_SYN),
        .wire_len = pkt->payload_len,
        .cap_len = payload_at_hand(frame),
        .old_bytes = frame->verdict.old_bytes,
        .data = frame->data + pkt->payload_off,
        .time_ns = frame->time_ns,
        .pkt_index = pkt_index,
        .number = frame->number,
        .pkts = frame->pkts,
        .ip_id = pkt->ip_id,
        .from = pkt->from,
        .tcp_flags = pkt->tcp_flags,
        .stays = frame->stays,
        .doubted = frame->verdict.doubts & TCP_DOUBT_DATA,
    };

    if (pkt->payload_len)
        session_app_frame(session->files, frame);
    if (pkt->payload_len || (pkt->tcp_flags & TCP_FIN))
        dialog_segment(session->dialog, &seg);
    session_app_over(session->files);
    if (frame->fragment_bytes > pkt->payload_len && pkt->key.l4_proto != IP_PROTO_TCP)
        dialog_came_twice(session->dialog, pkt->from, frame->fragment_bytes - pkt->payload_len);
    if ((pkt->tcp_flags & TCP_ACK) && !(frame->verdict.doubts & TCP_DOUBT_ACK))
        dialog_ack(session->dialog, pkt->from, pkt->ack, frame->time_ns);
}

/* ---- samples ---------------------------------------------------------------------------------- */

static uint32_t wire_packets(const struct record_sample *sample)
{
    if (!sample->gso_size)
        return sample->flags & SAMPLE_NEXT ? 0 : sample->gso_segs;
    return (sample->chunk_len + sample->gso_size - 1) / sample->gso_size;
}

static void feed_dialog(struct session *session, const struct record_sample *sample,
                        const struct packet *pkt, const uint8_t *payload)
{
    uint32_t old =
        sample->old_bytes > sample->chunk_off ? sample->old_bytes - sample->chunk_off : 0;
    struct segment seg = {
        .seq = pkt->seq + !!(pkt->tcp_flags & TCP_SYN) + sample->chunk_off,
        .wire_len = sample->chunk_len,
        .cap_len = sample->cap_len,
        .old_bytes = old < sample->chunk_len ? old : sample->chunk_len,
        .data = payload,
        .time_ns = sample->time_ns,
        .pkt_index = sample->pkt_index,
        .pkts = wire_packets(sample),
        .ip_id = pkt->ip_id,
        .from = sample->from,
        .tcp_flags = pkt->tcp_flags,
        .doubted = sample->flags & SAMPLE_DATA_DOUBTED,
    };

    if (sample->flags & SAMPLE_MORE)
        seg.tcp_flags &= (uint8_t)~TCP_FIN;
    dialog_segment(session->dialog, &seg);
    if ((pkt->tcp_flags & TCP_ACK) && !(sample->flags & SAMPLE_ACK_DOUBTED))
        dialog_ack(session->dialog, sample->from, pkt->ack, sample->time_ns);
}

/* What the kernel parsed, once more: the headers are all there. */
static void parse_sample(const struct record_sample *sample, const uint8_t *headers,
                         struct packet *pkt)
{
    struct packet_cursor cur = {headers, headers, headers + sample->headers_len};
    struct tunnel tunnel;
    struct packet outer;

    *pkt = (struct packet){0};
    if (!sample->headers_len)
        return;
    if (sample->l3_only)
        packet_parse_l3(pkt, &cur, headers[0] >> 4 == 6 ? ETH_TYPE_IPV6 : ETH_TYPE_IPV4,
                        sample->skb_len);
    else
        packet_parse_eth(pkt, &cur, sample->skb_len);
    outer = *pkt;
    if (!(sample->flags & SAMPLE_INNER) || !tunnel_inner(&outer, &cur, sample->skb_len, &tunnel))
        return;
    *pkt = (struct packet){0};
    tunnel_parse_inner(pkt, &cur, &tunnel);
}

/* ---- fragments -------------------------------------------------------------------------------- */

/* What a fragment adds to the books of the packet that it is part of. */
struct sampled_piece {
    uint32_t payload_len;
    uint32_t old_bytes;
    uint32_t doubts; /* enum tcp_doubt */
};

struct sampled_fragments {
    struct fragments *fragments;
    uint64_t count;
    struct sampled_piece pieces[PIECES_KNOWN]; /* a ring, by number */
};

static struct sampled_fragments *fragments_of(struct pipeline *pipeline)
{
    struct sampled_fragments *sampled = pipeline->sampled;

    if (sampled)
        return sampled;
    sampled = calloc(1, sizeof(*sampled));
    if (!sampled)
        return NULL;
    sampled->fragments =
        fragments_new((enum overlap_policy)pipeline->conf.overlap, HELD_FRAGMENT_BYTES);
    if (!sampled->fragments) {
        free(sampled);
        return NULL;
    }
    pipeline->sampled = sampled;
    return sampled;
}

void pipeline_samples_fini(struct pipeline *pipeline)
{
    if (pipeline->sampled)
        fragments_free(pipeline->sampled->fragments);
    free(pipeline->sampled);
}

static void read_whole(struct sampled_fragments *sampled, struct session *session,
                       const struct record_sample *sample, const struct reassembled *whole)
{
    struct packet_cursor cur = {whole->data, whole->data, whole->data + whole->cap_len};
    struct packet pkt = {0};
    struct pipeline_frame frame = {
        .part = PIPELINE_JOINED,
        .pkt = &pkt,
        .data = whole->data,
        .cap_len = whole->cap_len,
        .wire_len = whole->wire_len,
        .time_ns = sample->time_ns,
        .pkts = whole->pkts,
    };

    if (packet_parse_l3(&pkt, &cur, whole->eth_type, whole->wire_len))
        return;
    for (uint32_t i = 0; i < whole->pkts; i++) {
        uint64_t number = whole->numbers[i] - 1;
        const struct sampled_piece *piece = &sampled->pieces[number % PIECES_KNOWN];

        if (sampled->count - number > PIECES_KNOWN)
            continue;
        frame.verdict.old_bytes += piece->old_bytes;
        frame.verdict.doubts |= piece->doubts;
        frame.fragment_bytes += piece->payload_len;
    }
    pipeline_read_frame(session, &frame, sample->pkt_index);
}

/* Its payload is read with that of the others. What never becomes whole is lost, and the ledger says so. */
static void read_fragment(struct pipeline *pipeline, struct session *session,
                          const struct record_sample *sample, struct packet *pkt,
                          const uint8_t *headers)
{
    struct sampled_fragments *sampled = fragments_of(pipeline);
    struct reassembled whole;

    if (!sampled || (sample->flags & (SAMPLE_MORE | SAMPLE_NEXT)))
        return;
    pkt->key.scope = sample->key.scope;
    sampled->pieces[sampled->count++ % PIECES_KNOWN] = (struct sampled_piece){
        sample->payload_len, sample->old_bytes,
        (sample->flags & (SAMPLE_DATA_DOUBTED | SAMPLE_ACK_DOUBTED)) / SAMPLE_DATA_DOUBTED};
    if (fragments_add(sampled->fragments, pkt, headers, sample->headers_len + sample->cap_len,
                      sample->time_ns, &whole) == 1)
        read_whole(sampled, session, sample, &whole);
}

void pipeline_read_sample(struct pipeline *pipeline, struct session *session,
                          const struct record_sample *sample, const uint8_t *headers,
                          const uint8_t *payload)
{
    struct packet pkt;

    parse_sample(sample, headers, &pkt);
    if (pkt.frag_off || pkt.frag_more) {
        read_fragment(pipeline, session, sample, &pkt, headers);
        return;
    }
    if (session->files->app && !session->files->identified)
        session_app_sample(session->files, &pkt, sample, headers);
    feed_dialog(session, sample, &pkt, payload);
}
