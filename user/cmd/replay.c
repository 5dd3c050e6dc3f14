/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/frame_copies.h"
#include "cmd/progress.h"
#include "cmd/replay_index.h"
#include "host/machine.h"
#include "session/flows.h"
#include "source/capfile/linktype.h"
#include "source/capfile/pcap_filter.h"
#include "stream/fragments.h"
#include "tunnel.h"

/* Payload that waits for other payload, and IP fragments that wait for others, over all sessions. */
#define HELD_BYTES          (64u << 20)
#define HELD_FRAGMENT_BYTES (16u << 20)
#define TUNNEL_IDS_MAX      1024
/* Frames behind the newest fragment that a packet's first one may lie. */
#define PIECES_KNOWN (1u << 17)
/* Frames between two looks at the clock for the progress bar. */
#define PROGRESS_FRAMES 16384

struct replay {
    const struct replay_conf *conf;
    struct replay_result *result;
    struct capfile *capfile;
    struct flows *flows;
    struct fragments *fragments; /* NULL: none has come yet */
    struct frame_place *pieces;  /* [PIECES_KNOWN], a ring; NULL: places are not asked for */
    uint64_t piece_count;        /* fragments so far */
    struct frame_copies *copies; /* of fragments, for captures; NULL: none */
    struct pipeline *pipeline;
    struct pipeline_conf pipeline_conf;
    struct progress progress;
    bool said_unknown[512]; /* by link type; the last stands for all above */
    uint64_t now_ns;
    uint16_t tunnel_count;
    struct tunnel tunnels[TUNNEL_IDS_MAX]; /* whose ids were met, in order */
    char whisperer[MACHINE_NAME_SIZE];
};

/* ---- names ------------------------------------------------------------------------------------ */

static const char *interface_name(void *ctx, uint32_t ifindex)
{
    const struct replay *replay = ctx;
    const struct capfile_interface *iface =
        ifindex ? capfile_interface(replay->capfile, ifindex - 1) : NULL;

    return iface && iface->name[0] ? iface->name : NULL;
}

/* A file's base name: the folder that it lies in today says nothing of what was captured. */
static const char *instance_name(void *ctx, const struct flow *flow)
{
    const struct replay *replay = ctx;
    const char *path = capfile_path(replay->capfile, flow->slot);
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* ---- one packet ------------------------------------------------------------------------------- */

static void on_end(void *ctx, struct tracked *tracked, enum close_reason reason)
{
    struct replay *replay = ctx;

    pipeline_finish(replay->pipeline, &tracked->session, &tracked->flow, reason, replay->now_ns);
    replay->result->sessions++;
}

/* A packet of a session, whole: pkts wire packets, data from where pkt's offsets count. */
static struct tracked *follow_packet(struct replay *replay, const struct packet *pkt,
                                     const struct frame *frame, uint32_t pkts)
{
    struct pipeline_frame piece = {
        .pkt = pkt,
        .data = frame->data,
        .cap_len = frame->cap_len,
        .wire_len = frame->wire_len,
        .time_ns = frame->time_ns,
        .pkts = pkts,
        .number = frame->number,
    };
    struct tracked *tracked = flows_track(replay->flows, pkt, pkts, frame->data, frame->cap_len,
                                          frame->time_ns, &piece.old_bytes);

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
                                   frame, piece.old_bytes);
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
    struct tracked *tracked = follow_packet(replay, pkt, data, pkts);

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

static void take_frame(struct replay *replay, const struct frame *frame)
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

/* ---- all of them ------------------------------------------------------------------------------ */

/* A frame of a session that is read alone: what the frames between would have told. */
static void take_only(struct replay *replay, const struct frame *frame)
{
    const struct replay_only *only = replay->conf->only;
    uint32_t which = only->which[replay->result->frames - 1];
    const struct replay_session *session = &only->sessions[which & ~REPLAY_LAST];

    flows_expect(replay->flows, session->number, session->key.l4_proto, session->stream_index);
    take_frame(replay, frame);
    if (which & REPLAY_LAST) {
        replay->now_ns = session->end_ns;
        flows_end_one(replay->flows, &session->key, session->reason);
    }
}

/* Ids of tunnels were numbered in the order met; those that are not here have had the other numbers. */
static void place_tunnels(struct replay *replay)
{
    const struct replay_only *only = replay->conf->only;

    for (size_t i = 0; i < only->count; i++) {
        const struct replay_session *session = &only->sessions[i];
        struct tunnel *tunnel;

        if (!session->key.scope || session->key.scope > TUNNEL_IDS_MAX || !session->tunnel.name)
            continue;
        tunnel = &replay->tunnels[session->key.scope - 1];
        tunnel->id = session->tunnel.id;
        while (strcmp(tunnel_kind_name(tunnel->kind), session->tunnel.name) != 0)
            tunnel->kind++;
    }
    replay->tunnel_count = TUNNEL_IDS_MAX;
}

static void read_all(struct replay *replay)
{
    struct pcap_filter *filter = replay->conf->filter;
    struct frame frame;

    while (capfile_next(replay->capfile, &frame) == 1) {
        replay->now_ns = frame.time_ns;
        if (replay->result->frames++ % PROGRESS_FRAMES == 0)
            progress_update(&replay->progress, replay->capfile);
        if (filter &&
            !pcap_filter_match(filter, frame.linktype, frame.data, frame.cap_len, frame.wire_len)) {
            replay->result->filtered++;
            continue;
        }
        if (replay->conf->only) {
            take_only(replay, &frame);
            continue;
        }
        flows_advance(replay->flows, frame.time_ns);
        take_frame(replay, &frame);
    }
    if (replay->fragments)
        fragments_finish(replay->fragments);
    flows_finish(replay->flows);
    progress_end(&replay->progress);
}

static void fill_pipeline_conf(struct replay *replay)
{
    struct pipeline_conf *conf = &replay->pipeline_conf;
    const struct replay_hooks *hooks = &replay->conf->hooks;

    *conf = replay->conf->pipeline;
    machine_name(replay->whisperer);
    conf->whisperer = replay->whisperer;
    conf->overlap = replay->conf->overlap;
    conf->held_bytes = HELD_BYTES;
    conf->interface_name = interface_name;
    conf->instance_name = instance_name;
    conf->ctx = replay;
    conf->hooks = (struct pipeline_hooks){hooks->data, hooks->hole, hooks->record, hooks->ctx};
}

static void sum_up(struct replay *replay)
{
    struct replay_result *result = replay->result;

    if (replay->fragments)
        result->fragments_given_up = fragments_counts(replay->fragments)->given_up;
    result->damaged += capfile_damaged(replay->capfile);
    if (replay->conf->only)
        result->damaged += replay->conf->only->damaged;
    pipeline_flush(replay->pipeline);
    result->error = pipeline_totals(replay->pipeline)->first_error;
    if (replay->conf->hooks.done)
        replay->conf->hooks.done(replay->conf->hooks.ctx, replay->capfile, result);
}

int replay_run(const struct replay_conf *conf, struct replay_result *result)
{
    struct replay replay = {.conf = conf, .result = result};
    struct replay_index known;
    int err = 0;

    memset(result, 0, sizeof(*result));
    replay_index_open(&known, conf);
    replay.capfile = capfile_open(&known.input);
    if (!replay.capfile) {
        err = -errno;
        replay_index_close(&known);
        return err;
    }
    result->seekable =
        capfile_file_count(replay.capfile) == 1 && capfile_can_choose(replay.capfile, 0);
    if (conf->only)
        place_tunnels(&replay);
    fill_pipeline_conf(&replay);
    progress_begin(&replay.progress, conf->progress && isatty(STDERR_FILENO));
    replay.flows = flows_new(on_end, &replay);
    replay.pipeline = pipeline_new(&replay.pipeline_conf);
    if (!replay.flows || !replay.pipeline) {
        log_error("out of memory");
        err = -ENOMEM;
    } else {
        read_all(&replay);
        replay_index_tell(&known, replay.pipeline, result);
        sum_up(&replay);
    }
    pipeline_free(replay.pipeline);
    flows_free(replay.flows);
    fragments_free(replay.fragments);
    free(replay.pieces);
    frame_copies_free(replay.copies);
    capfile_close(replay.capfile);
    replay_index_close(&known);
    return err;
}

static void add_reason(struct buf *line, const char **before, const char *name, uint64_t count)
{
    if (!count)
        return;
    buf_printf(line, "%s%s %llu", *before, name, (unsigned long long)count);
    *before = ", ";
}

void replay_report(const struct replay_result *result)
{
    static const char *const names[] = {
#define X(upper, lower, help) #lower,
        UNACCOUNTED_REASONS(X)
#undef X
    };
    uint64_t unaccounted = result->fragments_given_up;
    const char *before = " (";
    struct buf line = {0};

    for (int i = 0; i < UNACCOUNTED_COUNT; i++)
        unaccounted += result->unaccounted[i];
    buf_printf(&line, "%llu sessions; packets read %llu = tracked %llu + unaccounted %llu",
               (unsigned long long)result->sessions, (unsigned long long)result->frames,
               (unsigned long long)result->tracked, (unsigned long long)unaccounted);
    for (int i = 0; i < UNACCOUNTED_COUNT; i++)
        add_reason(&line, &before, names[i], result->unaccounted[i]);
    add_reason(&line, &before, "incomplete_fragments", result->fragments_given_up);
    if (before[0] == ',')
        buf_add_char(&line, ')');
    if (result->filtered)
        buf_printf(&line, " + filtered %llu", (unsigned long long)result->filtered);
    if (!line.failed)
        log_info("%.*s", (int)line.len, line.data);
    buf_fini(&line);
}
