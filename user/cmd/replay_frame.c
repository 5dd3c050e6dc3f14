/* SPDX-License-Identifier: Apache-2.0 */
/* A frame to its session: by way of link types, fragments and tunnels, and on to the pipeline. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cmd/replay_internal.h"
#include "source/capfile/linktype.h"

/* IP fragments that wait for others. */
#define HELD_FRAGMENT_BYTES (16u << 20)
/* Frames behind the newest fragment that a packet's first one may lie. */
#define PIECES_KNOWN (1u << 17)

/* A packet of a session, whole: pkts wire packets, data from where pkt's offsets count. */
static struct tracked *follow_packet(struct replay *replay, const struct packet *pkt,
                                     const struct frame *frame, uint32_t pkts, bool stays)
{
    struct pipeline_frame piece = {
        .pkt = pkt,
        .data = frame->data,
        .cap_len = frame->cap_len,
        .wire_len = frame->wire_len,
        .time_ns = frame->time_ns,
        .stays = stays,
        .pkts = pkts,
        .number = frame->number,
    };
    struct tracked *tracked = flows_track(replay->flows, pkt, pkts, frame->data, frame->cap_len,
                                          frame->time_ns, &piece.verdict);

    if (!tracked) {
        replay->result->unaccounted[UNACCOUNTED_INSERT_FAILED]++;
        return NULL;
    }
    replay->result->tracked += pkts;
    if (!tracked->flow.ifindex) {
        tracked->flow.ifindex = frame->interface + 1;
        tracked->flow.slot = (uint16_t)frame->file;
    }
    pipeline_frame(replay->pipeline, &tracked->session, &tracked->flow, &piece);
    if (replay->conf->hooks.packet)
        replay->conf->hooks.packet(replay->conf->hooks.ctx, &tracked->session, &tracked->flow, pkt,
                                   frame, piece.verdict.old_bytes);
    return tracked;
}

static void tell_place(struct replay *replay, struct tracked *tracked, const struct frame *frame)
{
    const struct frame_place place = {frame->offset, frame->number};

    if (tracked && replay->conf->hooks.place)
        replay->conf->hooks.place(replay->conf->hooks.ctx, &tracked->session, &place);
}

static void copy_frame(struct replay *replay, struct tracked *tracked, const struct packet *pkt,
                       const struct frame *frame)
{
    const struct capfile_interface *from = capfile_interface(replay->capfile, frame->interface);
    struct capture_interface iface = {
        .ifindex = frame->interface + 1,
        .name = from && from->name[0] ? from->name : NULL,
        .linktype = frame->linktype,
        .has_linktype = true,
    };
    struct pipeline_frame piece = {
        .pkt = pkt,
        .data = frame->data,
        .cap_len = frame->cap_len,
        .wire_len = frame->wire_len,
        .time_ns = frame->time_ns,
    };

    replay_carry_secrets(replay, &tracked->session, pkt, frame);
    pipeline_copy_frame(replay->pipeline, &tracked->session, &tracked->flow, &iface, &piece);
}

/*
 * Headers are counted a wire packet, but a datagram that came in pieces has one layer-4 header, and IP
 * headers that need not be alike.
 */
static void correct_headers(struct flow *flow, const struct packet *pkt,
                            const struct reassembled *whole)
{
    struct flow_quality *q = &flow->quality[pkt->from];
    int64_t more = (int64_t)whole->pkts - 1;

    flow->dir[pkt->from].l4_hdr_extra -= more * pkt->l4_hdr_len;
    q->l3_hdr_extra +=
        (uint64_t)((int64_t)whole->l3_hdr_bytes - (int64_t)pkt->l3_hdr_len * (int64_t)whole->pkts);
    q->gso_extra_pkts -= (uint64_t)more;
}

static void note_piece(struct replay *replay, const struct frame *frame)
{
    if (replay->pipeline_conf.captures && !replay->piece_count)
        replay->copies = frame_copies_new(HELD_FRAGMENT_BYTES);
    if (replay->copies)
        frame_copies_keep(replay->copies, frame);
    if (replay->conf->hooks.place && !replay->pieces)
        replay->pieces = calloc(PIECES_KNOWN, sizeof(*replay->pieces));
    if (replay->pieces)
        replay->pieces[replay->piece_count % PIECES_KNOWN] =
            (struct frame_place){frame->offset, frame->number};
    replay->piece_count++;
}

static void tell_pieces(struct replay *replay, struct tracked *tracked,
                        const struct reassembled *whole)
{
    const struct replay_hooks *hooks = &replay->conf->hooks;

    for (uint32_t i = 0; hooks->place && i < whole->pkts; i++) {
        struct frame_place place = {UINT64_MAX, 0};
        uint64_t piece = whole->numbers[i] - 1;

        if (replay->pieces && replay->piece_count - piece <= PIECES_KNOWN)
            place = replay->pieces[piece % PIECES_KNOWN];
        hooks->place(hooks->ctx, &tracked->session, &place);
    }
}

static void copy_pieces(struct replay *replay, struct tracked *tracked, const struct packet *pkt,
                        const struct reassembled *whole)
{
    for (uint32_t i = 0; replay->copies && i < whole->pkts; i++) {
        const struct frame *piece = frame_copies_get(replay->copies, whole->numbers[i] - 1);

        if (piece)
            copy_frame(replay, tracked, pkt, piece);
    }
}

static void say_unknown(struct replay *replay, const struct frame *frame)
{
    size_t which = frame->linktype < 511 ? frame->linktype : 511;

    replay->result->unknown_link++;
    if (replay->said_unknown[which])
        return;
    replay->said_unknown[which] = true;
    log_error("%s: link type %u (%s) can't be read; its packets belong to no session",
              capfile_path(replay->capfile, frame->file), frame->linktype,
              linktype_name(frame->linktype));
}

/* Overlapping addresses in networks of different ids are kept apart. 0: the id is none, or the last of too many. */
static uint16_t tunnel_scope(struct replay *replay, const struct tunnel *tunnel)
{
    if (!tunnel->id)
        return 0;
    for (uint16_t i = 0; i < replay->tunnel_count; i++) {
        if (replay->tunnels[i].id == tunnel->id && replay->tunnels[i].kind == tunnel->kind)
            return (uint16_t)(i + 1);
    }
    if (replay->tunnel_count == TUNNEL_IDS_MAX)
        return 0;
    replay->tunnels[replay->tunnel_count] = *tunnel;
    return ++replay->tunnel_count;
}

static void note_tunnel(struct session *session, const struct packet *outer,
                        const struct tunnel *tunnel)
{
    struct session_tunnel *note = &session->tunnel;
    bool swapped = outer->from;

    if (note->name)
        return;
    note->name = tunnel_kind_name(tunnel->kind);
    note->id = tunnel->id;
    note->ip_version = outer->key.ip_version;
    memcpy(note->outer[0], outer->key.addr[swapped].bytes, 16);
    memcpy(note->outer[1], outer->key.addr[!swapped].bytes, 16);
}

/* What a packet came in: the frame as it was read, and how many fragments make it up. */
struct carrier {
    const struct frame *frame;
    const struct reassembled *whole; /* NULL: it is the frame itself */
};

/* A packet of a session, which pkt's offsets into data describe. */
static struct tracked *take_packet(struct replay *replay, const struct packet *pkt,
                                   const struct frame *data, const struct carrier *carrier)
{
    uint32_t pkts = carrier->whole ? carrier->whole->pkts : 1;
    struct tracked *tracked =
        follow_packet(replay, pkt, data, pkts, !carrier->whole && replay->result->seekable);

    if (!tracked)
        return NULL;
    if (carrier->whole) {
        correct_headers(&tracked->flow, pkt, carrier->whole);
        tell_pieces(replay, tracked, carrier->whole);
        copy_pieces(replay, tracked, pkt, carrier->whole);
    } else {
        tell_place(replay, tracked, carrier->frame);
        if (replay->pipeline_conf.captures)
            copy_frame(replay, tracked, pkt, carrier->frame);
    }
    return tracked;
}

static void take_fragment(struct replay *replay, const struct packet *pkt,
                          const struct frame *frame);

/* A tunnel's packet belongs to the session inside. False: it is none, or not one that can be read. */
static bool take_tunnel(struct replay *replay, const struct packet *outer, const struct frame *data,
                        const struct carrier *carrier)
{
    struct packet_cursor cur = {data->data, data->data, data->data + data->cap_len};
    struct packet inner = {0};
    struct tunnel tunnel;
    struct tracked *tracked;
    int reason;

    if (!tunnel_inner(outer, &cur, data->wire_len, &tunnel))
        return false;
    reason = tunnel_parse_inner(&inner, &cur, &tunnel);
    inner.key.scope = tunnel_scope(replay, &tunnel);
    if (inner.is_fragment && !carrier->whole) {
        take_fragment(replay, &inner, data);
        return true;
    }
    if (reason)
        return false;
    tracked = take_packet(replay, &inner, data, carrier);
    if (tracked)
        note_tunnel(&tracked->session, outer, &tunnel);
    return true;
}

/* A packet that was parsed with this outcome (0 or an unaccounted_reason). */
static void take_parsed(struct replay *replay, const struct packet *pkt, int reason,
                        const struct frame *data, const struct carrier *carrier)
{
    if (PACKET_UNLIKELY(reason == UNACCOUNTED_L4_UNSUPPORTED ||
                        (!reason && pkt->key.l4_proto == IP_PROTO_UDP)) &&
        take_tunnel(replay, pkt, data, carrier))
        return;
    if (PACKET_UNLIKELY(reason))
        replay->result->unaccounted[reason] += carrier->whole ? carrier->whole->pkts : 1;
    else
        take_packet(replay, pkt, data, carrier);
}

/* Wait for the others; the last one that comes brings the whole packet. */
static void take_fragment(struct replay *replay, const struct packet *pkt,
                          const struct frame *frame)
{
    struct reassembled whole;
    struct carrier carrier = {frame, &whole};
    struct frame joined = *frame;
    struct packet inner = {0};
    struct packet_cursor cur;
    int reason;

    if (!replay->fragments)
        replay->fragments = fragments_new(replay->conf->overlap, HELD_FRAGMENT_BYTES);
    if (!replay->fragments) {
        replay->result->unaccounted[UNACCOUNTED_FRAGMENT]++;
        return;
    }
    note_piece(replay, frame);
    if (fragments_add(replay->fragments, pkt, frame->data, frame->cap_len, frame->time_ns,
                      &whole) != 1)
        return; /* waits, or is in fragments_counts */
    joined.data = whole.data;
    joined.cap_len = whole.cap_len;
    joined.wire_len = whole.wire_len;
    cur = (struct packet_cursor){whole.data, whole.data, whole.data + whole.cap_len};
    reason = packet_parse_l3(&inner, &cur, whole.eth_type, whole.wire_len);
    inner.key.scope = pkt->key.scope;
    take_parsed(replay, &inner, reason, &joined, &carrier);
}

void replay_frame(struct replay *replay, const struct frame *frame)
{
    struct packet_cursor cur = {frame->data, frame->data, frame->data + frame->cap_len};
    struct carrier carrier = {frame, NULL};
    struct packet pkt = {0};
    int reason = linktype_parse(frame->linktype, &pkt, &cur, frame->wire_len);

    if (PACKET_UNLIKELY(pkt.is_fragment)) {
        take_fragment(replay, &pkt, frame);
        return;
    }
    if (PACKET_UNLIKELY(reason) && !linktype_is_known(frame->linktype))
        say_unknown(replay, frame);
    take_parsed(replay, &pkt, reason, frame, &carrier);
}
