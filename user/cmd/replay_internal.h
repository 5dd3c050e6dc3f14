/* SPDX-License-Identifier: Apache-2.0 */
/* What the files replay*.c share: one reading of capture files. */
#ifndef SESSTAP_REPLAY_INTERNAL_H
#define SESSTAP_REPLAY_INTERNAL_H

#include "cmd/frame_copies.h"
#include "cmd/progress.h"
#include "cmd/replay.h"
#include "host/machine.h"
#include "session/flows.h"
#include "stream/fragments.h"
#include "tunnel.h"

#define TUNNEL_IDS_MAX 1024

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
    size_t secrets_done; /* of the input's, known to app/ */
    size_t names_done;
    bool said_unknown[512]; /* by link type; the last stands for all above */
    uint64_t now_ns;
    uint16_t tunnel_count;
    struct tunnel tunnels[TUNNEL_IDS_MAX]; /* whose ids were met, in order */
    char whisperer[MACHINE_NAME_SIZE];
};

/* replay_frame.c: take a frame to its session, by way of link types, fragments and tunnels. */
void replay_frame(struct replay *replay, const struct frame *frame);

/* replay_carry.c: TLS secrets of the session whose ClientHello this is, before it is written. */
void replay_carry_secrets(struct replay *replay, struct session *session, const struct packet *pkt,
                          const struct frame *frame);
/* Secrets and names that the input told since the last frame, to those who make use of them. */
void replay_take_told(struct replay *replay);
/* The names of its two ends, when all are known: before its file is closed. */
void replay_carry_names(struct replay *replay, struct session *session);

#endif
