/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only file that knows every stage. What a session writes of its own (its capture, its streams) is in
 * pipeline_files.c, how payload gets to its dialog in pipeline_read.c, what app/ is told in pipeline_app.c.
 */
#include "pipeline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "flow.h"
#include "sink/field.h"
#include "sink/where.h"
#include "pipeline_internal.h"
#include "stream/dialog.h"

#define HELD_SESSION_BYTES (4u << 20)

bool pipeline_reads_payload(const struct pipeline_conf *conf)
{
    return conf->captures || conf->streams || conf->lots || conf->app;
}

struct pipeline *pipeline_new(const struct pipeline_conf *conf)
{
    struct pipeline *pipeline = calloc(1, sizeof(*pipeline));
    int err;

    if (!pipeline)
        return NULL;
    pipeline->conf = *conf;
    pipeline->id_field = field_find("@id");
    pipeline->budget.max_bytes = conf->held_bytes;
    pipeline->budget.max_session_bytes = HELD_SESSION_BYTES;
    pipeline->budget.history_max_bytes = conf->held_bytes / 4;
    err = pipeline_app_begin(pipeline);
    if (err) {
        free(pipeline);
        errno = -err;
        return NULL;
    }
    return pipeline;
}

void pipeline_free(struct pipeline *pipeline)
{
    if (!pipeline)
        return;
    pipeline_app_end(pipeline);
    pipeline_samples_fini(pipeline);
    buf_fini(&pipeline->line);
    free(pipeline);
}

/* Say the first error, and others when they are another sink's for another reason; count them all. */
void pipeline_note_error(struct pipeline *pipeline, enum prom_sink sink, int err, const char *path)
{
    static const char *const what[] = {"records", "capture files", "streams", "metrics"};

    if (!pipeline->totals.sink_errors[sink]++ && err != pipeline->totals.first_error &&
        err != -EPIPE)
        log_error("cannot write %s %s: %s; tracking goes on, and what is not written is counted",
                  what[sink], path, strerror(-err));
    if (!pipeline->totals.first_error || err == -EPIPE) /* the reader is gone: that ends a run */
        pipeline->totals.first_error = err;
}

/* ---- records ---------------------------------------------------------------------------------- */

/* A record and what it borrows. */
struct full_record {
    struct record record;
    struct ledger ledger;
    struct record_host host;
};

static void record_interfaces(const struct pipeline *pipeline, struct record *record,
                              const struct flow *flow)
{
    const struct pipeline_conf *conf = &pipeline->conf;
    int count = 0;

    if (conf->interface_name) {
        record->interfaces[count++] = conf->interface_name(conf->ctx, flow->ifindex);
        for (int i = 0; i < FLOW_PATH && flow->path[i]; i++)
            record->interfaces[count++] = conf->interface_name(conf->ctx, flow->path[i]);
    }
    if (conf->instance_name)
        record->instance_id = conf->instance_name(conf->ctx, flow);
    if (!record->instance_id)
        record->instance_id =
            record->session->instance[0] ? record->session->instance : record->interfaces[0];
}

static void record_prepare(struct pipeline *pipeline, struct full_record *full,
                           const struct session *session, const struct flow *flow, uint64_t now_ns)
{
    struct record *record = &full->record;

    memset(full, 0, sizeof(*full));
    full->host.pid = -1;
    record->session = session;
    record->flow = flow;
    record->ledger = &full->ledger;
    record->whisperer = pipeline->conf.whisperer;
    record->wall_offset_ns = pipeline->conf.wall_offset_ns;
    record->now_ns = now_ns;
    record_interfaces(pipeline, record, flow);
    if (pipeline->conf.describe_host) {
        pipeline->conf.describe_host(pipeline->conf.ctx, flow->ifindex, &full->host);
        record->host = &full->host;
    }
    if (pipeline->conf.names && !pipeline->aside)
        for (int i = 0; i < 2; i++)
            record->names[i] = names_since(pipeline->conf.names, session->key.addr[i].bytes,
                                           session->files ? session->files->names[i] : NULL);
    if (session->files && session->files->app) {
        record->identity = *app_session_identity(session->files->app);
        record->facts = app_session_facts(session->files->app);
    }
    record->note = session->extra;
    if (session->dialog) {
        record->tally = dialog_tally(session->dialog);
        record->holes = dialog_holes(session->dialog, &record->hole_count);
        if (pipeline->conf.lots)
            record->lots = dialog_lots(session->dialog, &record->lot_count);
    }
    ledger_balance(&full->ledger, flow, record->tally);
    if (pipeline->conf.sample_one_in > 1)
        full->ledger.sample_one_in = pipeline->conf.sample_one_in;
}

void session_id_text(struct pipeline *pipeline, const struct session *session,
                     const struct flow *flow, uint64_t now_ns, char *text, size_t size)
{
    struct full_record full;
    struct field_value id;

    record_prepare(pipeline, &full, session, flow, now_ns);
    text[0] = '\0';
    if (field_get(pipeline->id_field, &full.record, &id))
        snprintf(text, size, "%.*s", (int)id.len, id.text);
}

/* Each line that was lost counts, also when they went together. */
static void note_lost_lines(struct pipeline *pipeline, uint64_t count, int err)
{
    bool is_file = pipeline->conf.records->fd != STDOUT_FILENO;

    if (!count)
        return;
    pipeline_note_error(pipeline, PROM_SINK_RECORDS, err,
                        is_file ? "sessions.ndjson" : "to standard output");
    pipeline->totals.sink_errors[PROM_SINK_RECORDS] += count - 1;
}

/* The line is made; last: it is its session's last one. */
static void announce_line(const struct pipeline *pipeline, const struct record *record, bool last)
{
    const struct pipeline_hooks *hooks = &pipeline->conf.hooks;
    const struct linefile *records = pipeline->conf.records;
    uint64_t end = records && !pipeline->line.failed
                       ? records->size_bytes + records->held.len + pipeline->line.len + 1
                       : 0;

    if (last && hooks->line)
        hooks->line(hooks->ctx, record, end);
}

static void write_line(struct pipeline *pipeline, const struct record *record, bool last)
{
    struct linefile *records = pipeline->conf.records;
    uint64_t lost = records->lost_lines;

    buf_clear(&pipeline->line);
    record_write_json(&pipeline->line, record);
    announce_line(pipeline, record, last);
    if (pipeline->line.failed)
        pipeline_note_error(pipeline, PROM_SINK_RECORDS, -ENOMEM, "in memory");
    else
        linefile_write(records, pipeline->line.data, pipeline->line.len);
    note_lost_lines(pipeline, records->lost_lines - lost, records->error);
}

static void queue_record(struct pipeline *pipeline, struct session *session,
                         const struct record *record, bool last)
{
    struct record *copy = record_queue_add(pipeline->conf.queue, session, record);

    if (last)
        session_app_end(pipeline, session, record->flow, copy, record->now_ns);
}

/* Cut to size. Once a session: snprintf would be a tenth of the reading thread's time. */
static void keep_instance(struct session *session, const char *id)
{
    size_t len = strnlen(id, sizeof(session->instance) - 1);

    memcpy(session->instance, id, len);
    session->instance[len] = '\0';
}

static void record_write(struct pipeline *pipeline, struct session *session,
                         const struct record *record, bool last)
{
    bool written = pipeline->conf.queue || pipeline->conf.records;

    if (pipeline->conf.queue)
        queue_record(pipeline, session, record, last);
    else if (pipeline->conf.records)
        write_line(pipeline, record, last);
    else
        announce_line(pipeline, record, last);
    if (!session->updates) {
        session->created_ns = record->now_ns;
        if (record->instance_id)
            keep_instance(session, record->instance_id);
    }
    session->updates += written;
    session->recorded_ns = record->now_ns;
}

/* ---- payload ---------------------------------------------------------------------------------- */

static void on_stream_data(void *ctx, unsigned int from, uint64_t offset, const uint8_t *data,
                           size_t len, const struct segment *seg)
{
    struct session_files *files = ctx;
    const struct pipeline_hooks *hooks = &files->pipeline->conf.hooks;

    if (files->streams)
        streams_data(files->streams, from == files->client, offset, data, len);
    if (files->tcpsession)
        tcpsession_data(files->tcpsession, from == files->client, seg->number, data, len);
    if (hooks->data)
        hooks->data(hooks->ctx, files->session, files->flow, from, offset, data, len, seg);
    session_app_data(files, from, offset, data, len, seg);
}

static void on_stream_hole(void *ctx, unsigned int from, uint64_t offset, uint64_t length)
{
    struct session_files *files = ctx;
    const struct pipeline_hooks *hooks = &files->pipeline->conf.hooks;

    if (files->streams)
        streams_hole(files->streams, from == files->client, offset, length);
    session_app_hole(files, from, length);
    if (hooks->hole)
        hooks->hole(hooks->ctx, files->session, files->flow, from, offset, length);
}

static void open_dialog(struct pipeline *pipeline, struct session *session, const struct flow *flow)
{
    struct session_files *files = calloc(1, sizeof(*files));
    struct dialog_conf conf = {
        .policy = (enum overlap_policy)pipeline->conf.overlap,
        .keep_lots = pipeline->conf.lots,
        .is_tcp = session->key.l4_proto == IP_PROTO_TCP,
        .budget = &pipeline->budget,
        .output = {on_stream_data, on_stream_hole, files},
    };

    if (!files)
        return;
    files->pipeline = pipeline;
    files->session = session;
    files->flow = flow;
    files->client = flow_client(flow);
    session->dialog = dialog_new(&conf);
    if (!session->dialog) {
        free(files);
        return;
    }
    session->files = files;
    session_open_streams(pipeline, session);
    session_app_begin(files);
    for (unsigned int i = 0; conf.is_tcp && i < 2; i++) {
        if (flow->bits & FLOW_BIT(i, FLOW_SYN | FLOW_SEEN))
            dialog_begin(session->dialog, i, flow->dir[i].first_seq + 1);
    }
}

bool pipeline_wants_flow(const struct session *session)
{
    return !session->captured;
}

void pipeline_sample(struct pipeline *pipeline, struct session *session, const struct flow *flow,
                     const struct record_sample *sample, const uint8_t *headers,
                     const uint8_t *payload)
{
    if (!session->captured) {
        session->captured = true;
        if (pipeline->conf.captures)
            session_open_capture(pipeline, session, flow, sample->time_ns);
        open_dialog(pipeline, session, flow);
    }
    if (session->capture)
        session_capture_sample(pipeline, session, sample, headers, payload);
    if (session->dialog)
        pipeline_read_sample(pipeline, session, sample, headers, payload);
}

void pipeline_frame(struct pipeline *pipeline, struct session *session, struct flow *flow,
                    const struct pipeline_frame *frame)
{
    const struct packet *pkt = frame->pkt;
    struct flow_quality *q = &flow->quality[pkt->from];

    if (frame->part != PIPELINE_JOINED) {
        q->sampled_bytes += pkt->payload_len;
        q->sampled_retransmit_bytes += frame->verdict.old_bytes;
    }
    if (frame->part == PIPELINE_FRAGMENT)
        return;
    if (!session->dialog && pkt->payload_len)
        open_dialog(pipeline, session, flow);
    if (session->dialog)
        pipeline_read_frame(session, frame, flow->pkts[0] + flow->pkts[1]);
}

/* ---- ends ------------------------------------------------------------------------------------- */

static void release(struct session *session)
{
    dialog_free(session->dialog);
    session->dialog = NULL;
    if (session->files) {
        session_app_end(session->files->pipeline, session, session->files->flow, NULL, 0);
        app_session_free(session->files->app);
    }
    free(session->files);
    session->files = NULL;
    free(session->taken);
    session->taken = NULL;
    free(session->extra);
    session->extra = NULL;
}

void pipeline_leave(struct pipeline *pipeline, struct session *session, const struct flow *flow)
{
    if (session->dialog)
        dialog_finish(session->dialog, flow);
    session_close_files(pipeline, session, flow);
    release(session);
}

void pipeline_drop(struct pipeline *pipeline, struct session *session)
{
    (void)pipeline;
    session_abort_files(session);
    release(session);
}

static void add_totals(struct pipeline_totals *totals, const struct flow *flow,
                       const struct ledger *ledger)
{
    totals->sessions++;
    totals->skbs += flow_skbs(flow, 0) + flow_skbs(flow, 1);
    totals->pkts += flow->pkts[0] + flow->pkts[1];
    totals->payload_lost_bytes += ledger->lost;
    totals->sessions_with_loss += ledger->lost > 0;
    totals->over_rate_bytes += ledger->over_rate;
    totals->sessions_over_rate += ledger->over_rate > 0;
}

/* False: --where does not describe it. Other sinks than lines and files are told of it all the same. */
static bool tell_end(struct pipeline *pipeline, struct session *session, struct full_record *full)
{
    bool wanted;

    session_take_alerts(pipeline, &full->record);
    wanted = !pipeline->conf.where || where_match(pipeline->conf.where, &full->record);
    if (wanted)
        record_write(pipeline, session, &full->record, true);
    else if (pipeline->conf.queue)
        record_queue_leave_out(pipeline->conf.queue, session, &full->record);
    pipeline->totals.left_out += !wanted;
    if (pipeline->conf.prom)
        prom_session_closed(pipeline->conf.prom, &full->record);
    if (pipeline->conf.screen)
        screen_add(pipeline->conf.screen, &full->record);
    if (pipeline->conf.hooks.record)
        pipeline->conf.hooks.record(pipeline->conf.hooks.ctx, &full->record);
    add_totals(&pipeline->totals, full->record.flow, &full->ledger);
    return wanted;
}

void pipeline_restore(struct pipeline *pipeline, const struct pipeline_ended *ended)
{
    struct full_record full;

    record_prepare(pipeline, &full, ended->session, ended->flow, ended->now_ns);
    full.record.tally = ended->tally;
    full.record.holes = ended->holes;
    full.record.hole_count = ended->hole_count;
    if (pipeline->conf.app)
        session_restore_told(pipeline, &full.record, ended->told);
    ledger_balance(&full.ledger, ended->flow, ended->tally);
    tell_end(pipeline, ended->session, &full);
}

void pipeline_finish(struct pipeline *pipeline, struct session *session, const struct flow *flow,
                     enum close_reason reason, uint64_t now_ns)
{
    struct full_record full;

    session->close_reason = session_close_reason(flow, &session->close_by);
    if (session->close_reason == CLOSE_NONE)
        session->close_reason = reason;
    if (session->dialog)
        dialog_finish(session->dialog, flow);
    if (session->files && session->files->app)
        session_app_finish(session->files, flow, now_ns);
    record_prepare(pipeline, &full, session, flow, now_ns);
    if (session->told && pipeline->conf.app)
        session_restore_told(pipeline, &full.record, session->told);
    if (tell_end(pipeline, session, &full))
        session_close_files(pipeline, session, flow);
    else
        session_abort_files(session);
    release(session);
}

void pipeline_update(struct pipeline *pipeline, struct session *session, const struct flow *flow,
                     uint64_t now_ns)
{
    struct full_record full;

    record_prepare(pipeline, &full, session, flow, now_ns);
    record_write(pipeline, session, &full.record, false);
}

void pipeline_show(struct pipeline *pipeline, struct session *session, const struct flow *flow,
                   uint64_t now_ns)
{
    struct full_record full;

    if (!pipeline->conf.screen || !screen_wants(pipeline->conf.screen, session, flow))
        return;
    record_prepare(pipeline, &full, session, flow, now_ns);
    screen_add(pipeline->conf.screen, &full.record);
}

void pipeline_flush(struct pipeline *pipeline)
{
    struct linefile *records = pipeline->conf.records;
    uint64_t lost;
    int err;

    if (pipeline->conf.queue)
        record_queue_wait(pipeline->conf.queue);
    if (!records)
        return;
    lost = records->lost_lines;
    err = linefile_flush(records);
    note_lost_lines(pipeline, records->lost_lines - lost, err);
}

const struct pipeline_totals *pipeline_totals(const struct pipeline *pipeline)
{
    return &pipeline->totals;
}
