/* SPDX-License-Identifier: Apache-2.0 */
/* Reading capture files from the first frame to the last record. */
#include "cmd/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/replay_index.h"
#include "cmd/replay_internal.h"
#include "source/capfile/pcap_filter.h"

/* Payload that waits for other payload, over all sessions. */
#define HELD_BYTES (64u << 20)
/* Frames between two looks at the clock for the progress bar. */
#define PROGRESS_FRAMES 16384

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

/* ---- all of it -------------------------------------------------------------------------------- */

/* What the index knows of a session that is read alone, and its own packets do not tell. */
static void take_known(const struct replay_only *only, struct session *session)
{
    for (size_t i = 0; i < only->count; i++) {
        const struct replay_session *known = &only->sessions[i];

        if (known->number != session->number)
            continue;
        session->told = known->has_told ? &known->told : NULL;
        if (!known->errors)
            continue;
        if (!session->extra)
            session->extra = malloc(sizeof(*session->extra));
        if (session->extra)
            *session->extra = *known->errors;
    }
}

static void on_end(void *ctx, struct tracked *tracked, enum close_reason reason)
{
    struct replay *replay = ctx;

    if (replay->conf->only)
        take_known(replay->conf->only, &tracked->session);
    replay_carry_names(replay, &tracked->session);
    pipeline_finish(replay->pipeline, &tracked->session, &tracked->flow, reason, replay->now_ns);
    replay->result->sessions++;
}

/* A frame of a session that is read alone: what the frames between would have told. */
static void take_only(struct replay *replay, const struct frame *frame)
{
    const struct replay_only *only = replay->conf->only;
    uint32_t which = only->which[replay->result->frames - 1];
    const struct replay_session *session = &only->sessions[which & ~REPLAY_LAST];

    flows_expect(replay->flows, session->number, session->key.l4_proto, session->stream_index);
    replay_frame(replay, frame);
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

        if (session->key.scope < TUNNEL_SCOPE_FIRST || !session->tunnel.name)
            continue;
        tunnel = &replay->tunnels[(session->key.scope - TUNNEL_SCOPE_FIRST) % TUNNEL_SCOPES];
        tunnel->id = session->tunnel.id;
        while (strcmp(tunnel_kind_name(tunnel->kind), session->tunnel.name) != 0)
            tunnel->kind++;
    }
    replay->tunnel_count = TUNNEL_SCOPES;
}

static void read_all(struct replay *replay)
{
    struct pcap_filter *filter = replay->conf->filter;
    struct frame frame;

    while (capfile_next(replay->capfile, &frame) == 1) {
        replay->now_ns = frame.time_ns;
        replay_take_told(replay);
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
        replay_frame(replay, &frame);
    }
    replay_take_told(replay);
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
    conf->hooks = (struct pipeline_hooks){
        .data = hooks->data, .hole = hooks->hole, .record = hooks->record, .ctx = hooks->ctx};
}

static void sum_up(struct replay *replay)
{
    struct replay_result *result = replay->result;

    result->damaged += capfile_damaged(replay->capfile);
    if (replay->conf->only)
        result->damaged += replay->conf->only->damaged;
    pipeline_rest(replay->pipeline);
    pipeline_flush(replay->pipeline);
    result->error = pipeline_totals(replay->pipeline)->first_error;
    result->left_out = pipeline_totals(replay->pipeline)->left_out;
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
    firsts_free(replay.firsts);
    free(replay.pieces);
    frame_copies_free(replay.copies);
    capfile_close(replay.capfile);
    replay_index_close(&known);
    return err;
}
