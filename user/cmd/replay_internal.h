/* SPDX-License-Identifier: Apache-2.0 */
/* What the files replay*.c share: one reading of capture files. */
#ifndef SESSTAP_REPLAY_INTERNAL_H
#define SESSTAP_REPLAY_INTERNAL_H

#include "cmd/frame_copies.h"
#include "cmd/progress.h"
#include "cmd/replay.h"
#include "host/machine.h"
#include "session/firsts.h"
#include "session/flows.h"
#include "stream/fragments.h"
#include "tcp.h"
#include "tunnel.h"

/* Frames behind the newest fragment that a packet's first one may lie. */
#define PIECES_KNOWN (1u << 17)

/* A fragment that came, for when its packet is whole. */
struct piece {
    uint64_t time_ns;
    struct frame_place place;
    uint32_t payload_len; /* 0 for a first one that was not counted */
    struct tcp_verdict verdict;
    uint16_t frag_off;
    uint16_t l3_hdr_len;
    uint8_t frag_more;
    uint8_t reason; /* that it was counted under; 0: it belongs to a session */
};

struct replay {
    const struct replay_conf *conf;
    struct replay_result *result;
    struct capfile *capfile;
    struct flows *flows;
    struct firsts *firsts; /* NULL: no fragment has come yet; as the next two */
    struct fragments *fragments;
    struct piece *pieces;        /* [PIECES_KNOWN], a ring */
    uint64_t piece_count;        /* fragments so far */
    struct frame_copies *copies; /* of fragments, for captures; NULL: none */
    struct pipeline *pipeline;
    struct pipeline_conf pipeline_conf;
    struct progress progress;
    size_t secrets_done; /* of the input's, known to app/ */
    size_t names_done;
    bool said_unknown[512]; /* by link type; the last stands for all above */
    uint64_t now_ns;
    uint16_t tunnel_count;
    struct tunnel tunnels[TUNNEL_SCOPES]; /* whose ids were met, in order */
    char whisperer[MACHINE_NAME_SIZE];
};

/* What a packet came in. */
struct carrier {
    const struct packet *outer; /* the packet around it, when it was in a tunnel */
    const struct tunnel *tunnel;
    const struct reassembled
        *whole; /* the packet, or the one around it, was in fragments; else NULL */
};

/* replay_frame.c: take a frame to its session, by way of link types, fragments and tunnels. */
void replay_frame(struct replay *replay, const struct frame *frame);
/*
 * Count a packet to its session: pkt's offsets count in frame. part: PIPELINE_PACKET or PIPELINE_FRAGMENT.
 * *verdict: of tcp_track, zero for others. NULL: no memory.
 */
struct tracked *replay_follow(struct replay *replay, const struct packet *pkt,
                              const struct frame *frame, const struct carrier *carrier,
                              enum pipeline_part part, struct tcp_verdict *verdict);
/* A frame that belongs to a session: its place told, its bytes copied into the session's capture. */
void replay_keep_frame(struct replay *replay, struct tracked *tracked, const struct packet *pkt,
                       const struct frame *frame);
void replay_copy_frame(struct replay *replay, struct tracked *tracked, const struct packet *pkt,
                       const struct frame *frame);
/*
 * A tunnel's packet belongs to the session inside. data: the frame, or the whole packet made of fragments.
 * False: it is none, or not one that can be read; nothing was done. *inner: what is inside.
 */
bool replay_tunnel(struct replay *replay, const struct packet *outer, const struct frame *data,
                   const struct reassembled *whole, struct packet *inner);

/* replay_fragment.c: a fragment, parsed with this verdict. */
void replay_fragment(struct replay *replay, const struct packet *pkt, int verdict,
                     const struct frame *frame, const struct carrier *carrier);

/* replay_carry.c: TLS secrets of the session whose ClientHello this is, before it is written. */
void replay_carry_secrets(struct replay *replay, struct session *session, const struct packet *pkt,
                          const struct frame *frame);
/* Secrets and names that the input told since the last frame, to those who make use of them. */
void replay_take_told(struct replay *replay);
/* The names of its two ends, when all are known: before its file is closed. */
void replay_carry_names(struct replay *replay, struct session *session);

#endif
