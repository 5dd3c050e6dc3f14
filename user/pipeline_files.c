/* SPDX-License-Identifier: Apache-2.0 */
/* The files that a session has to itself: its capture, its two streams, its tcpsession. */
#include <errno.h>
#include <stdio.h>

#include "flow.h"
#include "pipeline_internal.h"

#define ID_BYTES 320

void session_open_capture(struct pipeline *pipeline, struct session *session,
                          const struct flow *flow, uint64_t now_ns)
{
    char path[OUTFILE_PATH_MAX], comment[ID_BYTES], part[24] = "";

    session_id_text(pipeline, session, flow, now_ns, comment, sizeof(comment));
    if (session->part)
        snprintf(part, sizeof(part), "-%llu", (unsigned long long)session->part);
    snprintf(path, sizeof(path), "%s/pcap/%llu%s.%s", pipeline->conf.dir,
             (unsigned long long)session->number, part,
             pipeline->conf.format == CAPTURE_PCAP ? "pcap" : "pcapng");
    session->capture = capture_new(path, pipeline->conf.format, comment);
    if (!session->capture)
        pipeline_note_error(pipeline, PROM_SINK_CAPTURES, -errno, path);
}

/* Said and counted once a session. */
static void note_capture_error(struct pipeline *pipeline, struct session *session, int err)
{
    if (!err || session->capture_failed)
        return;
    session->capture_failed = true;
    pipeline_note_error(pipeline, PROM_SINK_CAPTURES, err, pipeline->conf.dir);
}

void session_capture_sample(struct pipeline *pipeline, struct session *session,
                            const struct record_sample *sample, const uint8_t *headers,
                            const uint8_t *payload)
{
    const struct pipeline_conf *conf = &pipeline->conf;
    struct capture_interface iface = {.ifindex = sample->ifindex, .l3_only = sample->l3_only};
    struct capture_packet packet = {
        .headers = headers,
        .payload = payload,
        .wall_ns = sample->time_ns + (uint64_t)conf->wall_offset_ns,
        .headers_len = sample->headers_len,
        .cap_len = sample->cap_len,
        .payload_len = sample->chunk_len,
        .chunk_off = sample->chunk_off,
        .skb_payload_len = sample->payload_len,
        .trailer_len = sample->skb_len - sample->headers_len - sample->payload_len,
        .ifindex = sample->ifindex,
        .gso_size = sample->gso_size,
        .vlan_tci = sample->vlan_tci,
        .l3_only = sample->l3_only,
        .inbound = sample->hook == HOOK_INGRESS,
    };
    uint64_t before = sample->pkt_index - sample->gso_segs;
    int err;

    iface.name = conf->interface_name ? conf->interface_name(conf->ctx, sample->ifindex) : NULL;
    if (conf->whole_sessions && !(sample->flags & SAMPLE_NEXT)) {
        if (before > session->sampled_pkts)
            capture_note_drops(session->capture, before - session->sampled_pkts);
        if (sample->pkt_index > session->sampled_pkts)
            session->sampled_pkts = sample->pkt_index;
    }
    err = capture_write(session->capture, &iface, &packet);
    note_capture_error(pipeline, session, err);
}

void pipeline_copy_frame(struct pipeline *pipeline, struct session *session,
                         const struct flow *flow, const struct capture_interface *iface,
                         const struct pipeline_frame *frame)
{
    uint32_t headers_len =
        frame->pkt->payload_off < frame->cap_len ? frame->pkt->payload_off : frame->cap_len;
    struct capture_packet packet = {
        .headers = frame->data,
        .payload = frame->data + headers_len,
        .wall_ns = frame->time_ns,
        .headers_len = headers_len,
        .cap_len = frame->cap_len - headers_len,
        .payload_len = frame->wire_len - headers_len,
        .skb_payload_len = frame->wire_len - headers_len,
        .ifindex = iface->ifindex,
        .l3_only = iface->l3_only,
        .verbatim = 1,
    };
    int err;

    if (!session->capture) {
        if (session->capture_failed)
            return;
        session_open_capture(pipeline, session, flow, frame->time_ns);
        if (!session->capture) {
            session->capture_failed = true;
            return;
        }
    }
    err = capture_write(session->capture, iface, &packet);
    note_capture_error(pipeline, session, err);
}

void session_open_streams(struct pipeline *pipeline, struct session *session)
{
    const struct pipeline_conf *conf = &pipeline->conf;
    struct session_files *files = session->files;

    if (conf->stream_batch)
        files->streams = streams_open_in(conf->stream_batch, session->number, conf->holes);
    else if (conf->streams)
        files->streams = streams_open(conf->dir, session->number, session->part, conf->holes);
    if (conf->tcpsession && session->key.l4_proto == IP_PROTO_TCP)
        files->tcpsession = tcpsession_open(conf->dir, session->number);
}

/* Every TCP session has one, also without payload. */
static void close_tcpsession(struct pipeline *pipeline, struct session *session,
                             const struct flow *flow)
{
    struct tcpsession *out = session->files ? session->files->tcpsession : NULL;
    int err;

    if (!pipeline->conf.tcpsession || session->key.l4_proto != IP_PROTO_TCP)
        return;
    if (!out)
        out = tcpsession_open(pipeline->conf.dir, session->number);
    err = out ? tcpsession_close(out, &session->key, flow_client(flow)) : -errno;
    if (err)
        pipeline_note_error(pipeline, PROM_SINK_STREAMS, err, pipeline->conf.dir);
    if (session->files)
        session->files->tcpsession = NULL;
}

/* What opened it goes in front of its packets, so that readers can open it too. */
static void carry_secrets(struct pipeline *pipeline, struct session *session)
{
    const struct facts *facts =
        session->files && session->files->app ? app_session_facts(session->files->app) : NULL;
    struct buf lines = {0};
    int err;

    if (!facts_have_secrets(facts) || pipeline->conf.format != CAPTURE_PCAPNG)
        return;
    facts_add_secrets(facts, &lines);
    err = lines.failed ? -ENOMEM
                       : capture_insert_secrets(session->capture, CAPTURE_SECRETS_TLS_KEY_LOG,
                                                lines.data, lines.len);
    buf_fini(&lines);
    note_capture_error(pipeline, session, err);
}

void session_close_files(struct pipeline *pipeline, struct session *session,
                         const struct flow *flow)
{
    uint64_t drops = flow->quality[0].samples_dropped + flow->quality[1].samples_dropped;
    int err;

    if (session->capture) {
        uint64_t left_out = capture_left_out(session->capture);

        if (left_out) /* the first of them was an error when it was written */
            pipeline->totals.sink_errors[PROM_SINK_CAPTURES] += left_out - 1;
        session_name_ends(pipeline, session);
        carry_secrets(pipeline, session);
        err = capture_close(session->capture, flow->pkts[0] + flow->pkts[1], drops);
        if (err && !session->capture_failed)
            pipeline_note_error(pipeline, PROM_SINK_CAPTURES, err, pipeline->conf.dir);
        session->capture = NULL;
    }
    if (session->files && session->files->streams) {
        err = streams_close(session->files->streams);
        if (err)
            pipeline_note_error(pipeline, PROM_SINK_STREAMS, err, pipeline->conf.dir);
        session->files->streams = NULL;
    }
    close_tcpsession(pipeline, session, flow);
}

void session_abort_files(struct session *session)
{
    capture_abort(session->capture);
    session->capture = NULL;
    if (!session->files)
        return;
    streams_abort(session->files->streams);
    tcpsession_abort(session->files->tcpsession);
}
