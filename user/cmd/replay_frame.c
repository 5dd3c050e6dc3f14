/* SPDX-License-Identifier: Apache-2.0 */
/* A frame to its session: by way of link types, fragments and tunnels, and on to the pipeline. */
#include <string.h>

#include "base/log.h"
#include "cmd/replay_internal.h"
#include "icmp_error.h"
#include "source/capfile/linktype.h"

static void tell_place(struct replay *replay, struct tracked *tracked, const struct frame *frame)
{
    const struct frame_place place = {frame->offset, frame->number};

    if (replay->conf->hooks.place)
        replay->conf->hooks.place(replay->conf->hooks.ctx, &tracked->session, &place);
}

void replay_copy_frame(struct replay *replay, struct tracked *tracked, const struct packet *pkt,
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

void replay_keep_frame(struct replay *replay, struct tracked *tracked, const struct packet *pkt,
                       const struct frame *frame)
{
    tell_place(replay, tracked, frame);
    if (replay->pipeline_conf.captures)
        replay_copy_frame(replay, tracked, pkt, frame);
}

/* An ICMP error says something of the session that it quotes, too. */
static void note_icmp_error(struct replay *replay, const struct packet *pkt,
                            const struct frame *frame)
{
    struct packet_cursor cur = {frame->data, frame->data, frame->data + frame->cap_len};
    struct packet quoted = {0};
    struct tracked *tracked;

    if (!icmp_quoted(pkt, &cur, &quoted))
        return;
    tracked = flows_find(replay->flows, &quoted.key);
    if (tracked)
        flows_note_error(tracked, pkt, &quoted);
}

static void note_tunnel(struct session *session, const struct carrier *carrier)
{
    struct session_tunnel *note = &session->tunnel;
    const struct packet *outer = carrier->outer;
    bool swapped = outer->from;

    if (note->name)
        return;
    note->name = tunnel_kind_name(carrier->tunnel->kind);
    note->id = carrier->tunnel->id;
    note->ip_version = outer->key.ip_version;
    memcpy(note->outer[0], outer->key.addr[swapped].bytes, 16);
    memcpy(note->outer[1], outer->key.addr[!swapped].bytes, 16);
}

/* Count a packet to its session, and what a new session must know. pkts: wire packets. NULL: no memory. */
static struct tracked *count_packet(struct replay *replay, const struct packet *pkt,
                                    const struct frame *frame, const struct carrier *carrier,
                                    uint32_t pkts, struct tcp_verdict *verdict)
{
    struct tracked *tracked =
        flows_track(replay->flows, pkt, pkts, frame->data, frame->cap_len, frame->time_ns, verdict);

    if (!tracked) {
        replay->result->unaccounted[UNACCOUNTED_INSERT_FAILED]++;
        return NULL;
    }
    replay->result->tracked += pkts;
    if (!tracked->flow.ifindex) {
        tracked->flow.ifindex = frame->interface + 1;
        tracked->flow.slot = (uint16_t)frame->file;
    }
    if (carrier->tunnel)
        note_tunnel(&tracked->session, carrier);
    return tracked;
}

struct tracked *replay_follow(struct replay *replay, const struct packet *pkt,
                              const struct frame *frame, const struct carrier *carrier,
                              enum pipeline_part part, struct tcp_verdict *verdict)
{
    uint32_t pkts = carrier->whole ? carrier->whole->pkts : 1;
    struct pipeline_frame piece = {
        .part = part,
        .pkt = pkt,
        .data = frame->data,
        .cap_len = frame->cap_len,
        .wire_len = frame->wire_len,
        .time_ns = frame->time_ns,
        .stays = part == PIPELINE_PACKET && !carrier->whole && replay->result->seekable,
        .pkts = pkts,
        .number = frame->number,
    };
    struct tracked *tracked = count_packet(replay, pkt, frame, carrier, pkts, verdict);

    if (!tracked)
        return NULL;
    piece.verdict = *verdict;
    pipeline_frame(replay->pipeline, &tracked->session, &tracked->flow, &piece);
    if (replay->conf->hooks.packet)
        replay->conf->hooks.packet(replay->conf->hooks.ctx, &tracked->session, &tracked->flow, pkt,
                                   frame, verdict->old_bytes);
    if (PACKET_UNLIKELY(icmp_pkt_is_error(pkt)))
        note_icmp_error(replay, pkt, frame);
    return tracked;
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
            return (uint16_t)(TUNNEL_SCOPE_FIRST + i);
    }
    if (replay->tunnel_count == TUNNEL_SCOPES)
        return 0;
    replay->tunnels[replay->tunnel_count] = *tunnel;
    return (uint16_t)(TUNNEL_SCOPE_FIRST + replay->tunnel_count++);
}

/* A packet that came in pieces has its headers once; what is around them is not counted. */
static void count_headers_once(struct flow *flow, const struct packet *pkt, uint32_t pkts)
{
    struct flow_quality *q = &flow->quality[pkt->from];
    uint32_t more = pkts - 1;

    flow->dir[pkt->from].l4_hdr_extra -= (int64_t)more * pkt->l4_hdr_len;
    q->l3_hdr_extra -= (uint64_t)more * pkt->l3_hdr_len;
    q->gso_extra_pkts -= more;
}

bool replay_tunnel(struct replay *replay, const struct packet *outer, const struct frame *data,
                   const struct reassembled *whole, struct packet *inner)
{
    struct packet_cursor cur = {data->data, data->data, data->data + data->cap_len};
    struct tunnel tunnel;
    const struct carrier carrier = {outer, &tunnel, whole};
    struct tracked *tracked;
    struct tcp_verdict tracking;
    int verdict;

    if (!tunnel_inner(outer, &cur, data->wire_len, &tunnel))
        return false;
    *inner = (struct packet){0};
    verdict = tunnel_parse_inner(inner, &cur, &tunnel);
    if (verdict && (whole || !inner->frag_off))
        return false;
    inner->key.scope = tunnel_scope(replay, &tunnel);
    if (!whole && (inner->frag_off || inner->frag_more)) {
        replay_fragment(replay, inner, verdict, data, &carrier);
        return true;
    }
    tracked = replay_follow(replay, inner, data, &carrier, PIPELINE_PACKET, &tracking);
    if (tracked && whole)
        count_headers_once(&tracked->flow, inner, whole->pkts);
    else if (tracked)
        replay_keep_frame(replay, tracked, inner, data);
    return true;
}

/* A packet that was parsed with this outcome (0 or an unaccounted_reason). */
static void take_parsed(struct replay *replay, const struct packet *pkt, int reason,
                        const struct frame *frame)
{
    const struct carrier carrier = {NULL, NULL, NULL};
    struct tracked *tracked;
    struct packet inner;
    struct tcp_verdict tracking;

    if (PACKET_UNLIKELY(reason == UNACCOUNTED_L4_UNSUPPORTED ||
                        (!reason && pkt->key.l4_proto == IP_PROTO_UDP)) &&
        replay_tunnel(replay, pkt, frame, NULL, &inner))
        return;
    if (PACKET_UNLIKELY(reason)) {
        replay->result->unaccounted[reason]++;
        return;
    }
    tracked = replay_follow(replay, pkt, frame, &carrier, PIPELINE_PACKET, &tracking);
    if (tracked)
        replay_keep_frame(replay, tracked, pkt, frame);
}

void replay_frame(struct replay *replay, const struct frame *frame)
{
    struct packet_cursor cur = {frame->data, frame->data, frame->data + frame->cap_len};
    const struct carrier carrier = {NULL, NULL, NULL};
    struct packet pkt = {0};
    int reason = linktype_parse(frame->linktype, &pkt, &cur, frame->wire_len);

    if (PACKET_UNLIKELY(pkt.frag_off || pkt.frag_more)) {
        replay_fragment(replay, &pkt, reason, frame, &carrier);
        return;
    }
    if (PACKET_UNLIKELY(reason) && !linktype_is_known(frame->linktype))
        say_unknown(replay, frame);
    take_parsed(replay, &pkt, reason, frame);
}
