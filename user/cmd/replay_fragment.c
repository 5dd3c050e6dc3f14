/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fragments of capture files. Each is counted as it comes, by the same rules as in the kernel; their
 * payload is read when the packet is whole. What the kernel could not count since the first fragment came
 * late, or has no whole layer-4 header, is counted then: a file can wait.
 */
#include <stdlib.h>

#include "cmd/replay_internal.h"
#include "fragment.h"

/* IP fragments that wait for others. */
#define HELD_FRAGMENT_BYTES (16u << 20)
#define FRAGMENT_HDR_BYTES  8 /* of IPv6 */

static bool prepare(struct replay *replay)
{
    if (!replay->firsts)
        replay->firsts = firsts_new();
    if (!replay->fragments)
        replay->fragments = fragments_new(replay->conf->overlap, HELD_FRAGMENT_BYTES);
    if (!replay->pieces)
        replay->pieces = calloc(PIECES_KNOWN, sizeof(*replay->pieces));
    if (replay->pipeline_conf.captures && !replay->piece_count)
        replay->copies = frame_copies_new(HELD_FRAGMENT_BYTES);
    return replay->firsts && replay->fragments && replay->pieces;
}

/* A piece by its number among the calls of fragments_add, from 1; NULL: too long ago. */
static struct piece *piece_of(struct replay *replay, uint64_t number)
{
    if (replay->piece_count - (number - 1) > PIECES_KNOWN)
        return NULL;
    return &replay->pieces[(number - 1) % PIECES_KNOWN];
}

/* Count it now, if it can be told whose it is. */
static void count_at_once(struct replay *replay, const struct packet *pkt, int verdict,
                          const struct frame *frame, const struct carrier *carrier,
                          struct piece *piece)
{
    struct packet known = *pkt;
    struct tracked *tracked;

    if (!verdict && !carrier->tunnel && known.key.l4_proto == IP_PROTO_UDP &&
        tunnel_is_port(&known))
        verdict = UNACCOUNTED_FRAGMENT_NO_FIRST; /* the session is inside: wait for all of it */
    verdict = firsts_join(replay->firsts, &known, verdict, frame->time_ns);
    piece->reason = (uint8_t)verdict;
    if (verdict) {
        replay->result->unaccounted[verdict]++;
        return;
    }
    tracked = replay_follow(replay, &known, frame, carrier, PIPELINE_FRAGMENT, &piece->verdict);
    if (!tracked)
        return;
    piece->payload_len = known.payload_len;
    replay_keep_frame(replay, tracked, &known, frame);
}

static void keep_piece(struct replay *replay, const struct piece *piece, const struct frame *frame)
{
    if (replay->copies)
        frame_copies_keep(replay->copies, frame);
    replay->pieces[replay->piece_count++ % PIECES_KNOWN] = *piece;
}

/* The piece of a whole packet that this fragment was. */
static void make_piece(struct packet *pkt, const struct packet *whole, const struct piece *piece,
                       uint64_t now_ns)
{
    struct fragment_first first = {0};
    struct packet copy = *whole;
    uint32_t hdr_left;

    *pkt = *whole;
    pkt->is_fragment = 1;
    pkt->frag_off = piece->frag_off;
    pkt->frag_more = piece->frag_more;
    pkt->l3_hdr_len = piece->l3_hdr_len;
    pkt->payload_len = piece->payload_len;
    if (whole->key.ip_version == 6)
        copy.l3_hdr_len += FRAGMENT_HDR_BYTES;
    fragment_keep(&first, &copy, now_ns);
    if (!piece->frag_off) {
        pkt->tcp_flags = piece->frag_more ? whole->tcp_flags & (uint8_t)~TCP_FIN : whole->tcp_flags;
        return;
    }
    hdr_left = whole->l4_hdr_len;
    hdr_left -= hdr_left < piece->frag_off ? hdr_left : piece->frag_off;
    if (hdr_left > pkt->payload_len)
        hdr_left = pkt->payload_len;
    pkt->payload_len -= hdr_left;
    pkt->frag_off = (uint16_t)(pkt->frag_off + hdr_left);
    fragment_join(pkt, &first, now_ns);
}

/* It belongs to a session after all. */
static void keep_late(struct replay *replay, struct tracked *tracked, const struct packet *pkt,
                      struct piece *piece, uint64_t number)
{
    const struct frame *copy = replay->copies ? frame_copies_get(replay->copies, number - 1) : NULL;

    replay->result->unaccounted[piece->reason]--;
    piece->reason = 0;
    if (replay->conf->hooks.place)
        replay->conf->hooks.place(replay->conf->hooks.ctx, &tracked->session, &piece->place);
    if (copy)
        replay_copy_frame(replay, tracked, pkt, copy);
}

/* A fragment that was counted to no session when it came. */
static void count_late(struct replay *replay, const struct packet *pkt, const struct frame *joined,
                       const struct carrier *carrier, struct piece *piece, uint64_t number)
{
    struct frame frame = *joined;
    struct tracked *tracked;
    struct packet part;

    make_piece(&part, pkt, piece, joined->time_ns);
    frame.number = piece->place.number;
    frame.time_ns = piece->time_ns;
    tracked = replay_follow(replay, &part, &frame, carrier, PIPELINE_FRAGMENT, &piece->verdict);
    if (!tracked)
        return;
    piece->payload_len = part.payload_len;
    keep_late(replay, tracked, pkt, piece, number);
}

/* Every fragment is counted by then: read the packet. */
static void read_joined(struct replay *replay, const struct packet *pkt, const struct frame *joined,
                        const struct carrier *carrier, const struct reassembled *whole)
{
    struct pipeline_frame read = {
        .part = PIPELINE_JOINED,
        .pkt = pkt,
        .data = joined->data,
        .cap_len = joined->cap_len,
        .wire_len = joined->wire_len,
        .time_ns = joined->time_ns,
        .pkts = whole->pkts,
        .number = joined->number,
    };
    struct tracked *tracked;

    for (uint32_t i = 0; i < whole->pkts; i++) {
        struct piece *piece = piece_of(replay, whole->numbers[i]);

        if (!piece)
            continue;
        if (piece->reason)
            count_late(replay, pkt, joined, carrier, piece, whole->numbers[i]);
        read.verdict.old_bytes += piece->verdict.old_bytes;
        read.verdict.doubts |= piece->verdict.doubts;
        read.fragment_bytes += piece->payload_len;
    }
    tracked = flows_find(replay->flows, &pkt->key);
    if (tracked)
        pipeline_frame(replay->pipeline, &tracked->session, &tracked->flow, &read);
}

/* All of it was a tunnel's packet: its frames are the inner session's. */
static void keep_outer(struct replay *replay, const struct packet *pkt,
                       const struct reassembled *whole)
{
    struct tracked *tracked = flows_find(replay->flows, &pkt->key);

    for (uint32_t i = 0; tracked && i < whole->pkts; i++) {
        struct piece *piece = piece_of(replay, whole->numbers[i]);

        if (piece && piece->reason)
            keep_late(replay, tracked, pkt, piece, whole->numbers[i]);
    }
}

static void take_whole(struct replay *replay, const struct packet *fragment,
                       const struct frame *frame, const struct carrier *carrier,
                       const struct reassembled *whole)
{
    struct packet_cursor cur = {whole->data, whole->data, whole->data + whole->cap_len};
    struct frame joined = *frame;
    struct packet pkt = {0};
    int verdict;

    joined.data = whole->data;
    joined.cap_len = whole->cap_len;
    joined.wire_len = whole->wire_len;
    verdict = packet_parse_l3(&pkt, &cur, whole->eth_type, whole->wire_len);
    pkt.key.scope = fragment->key.scope;
    if (!carrier->tunnel &&
        (verdict == UNACCOUNTED_L4_UNSUPPORTED || (!verdict && pkt.key.l4_proto == IP_PROTO_UDP))) {
        struct packet inner;

        if (replay_tunnel(replay, &pkt, &joined, whole, &inner)) {
            keep_outer(replay, &inner, whole);
            return;
        }
    }
    if (verdict)
        return; /* its fragments are under their reasons */
    read_joined(replay, &pkt, &joined, carrier, whole);
}

void replay_fragment(struct replay *replay, const struct packet *pkt, int verdict,
                     const struct frame *frame, const struct carrier *carrier)
{
    struct piece piece = {
        .time_ns = frame->time_ns,
        .place = {frame->offset, frame->number},
        .payload_len = pkt->frag_off ? pkt->payload_len : 0,
        .frag_off = pkt->frag_off,
        .l3_hdr_len = pkt->l3_hdr_len,
        .frag_more = pkt->frag_more,
    };
    struct reassembled whole;

    if (!prepare(replay)) {
        replay->result->unaccounted[UNACCOUNTED_INSERT_FAILED]++;
        return;
    }
    count_at_once(replay, pkt, verdict, frame, carrier, &piece);
    keep_piece(replay, &piece, frame);
    if (fragments_add(replay->fragments, pkt, frame->data, frame->cap_len, frame->time_ns,
                      &whole) == 1)
        take_whole(replay, pkt, frame, carrier, &whole);
}
