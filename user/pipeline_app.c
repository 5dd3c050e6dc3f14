/* SPDX-License-Identifier: Apache-2.0 */
/* A session's packets and bytes on their way to app/. */
#include <errno.h>
#include <string.h>

#include "app/alerts.h"
#include "app/app_queue.h"
#include "app/keylog.h"
#include "flow.h"
#include "pipeline_internal.h"

/*
 * Whether another thread can do it: nobody but the records, which have a queue, asks for what is found. A session's own
 * pcapng and --where want it before the session is over.
 */
static bool goes_aside(const struct pipeline_conf *conf)
{
    return conf->queue && !conf->captures && !conf->prom && !conf->screen && !conf->hooks.record &&
           !conf->where && !conf->app->clear && !conf->app->content && !conf->app->message;
}

static void records_are_full(void *ctx)
{
    const struct pipeline *pipeline = ctx;

    app_queue_release(pipeline->aside);
}

static void release_records(void *ctx)
{
    record_queue_release(ctx);
}

int pipeline_app_begin(struct pipeline *pipeline)
{
    const struct pipeline_conf *conf = &pipeline->conf;

    if (!conf->app)
        return 0;
    if (!goes_aside(conf)) {
        pipeline->app = app_new(conf->app);
        return pipeline->app ? 0 : -ENOMEM;
    }
    pipeline->aside = app_queue_new(conf->app, release_records, conf->queue);
    if (!pipeline->aside)
        return -errno;
    record_queue_by_way(conf->queue, records_are_full, pipeline);
    return 0;
}

void pipeline_rest(struct pipeline *pipeline)
{
    if (!pipeline->aside)
        return;
    record_queue_send(pipeline->conf.queue);
    app_queue_finish(pipeline->aside);
}

void pipeline_app_end(struct pipeline *pipeline)
{
    if (pipeline->aside) {
        record_queue_wait(pipeline->conf.queue);
        record_queue_by_way(pipeline->conf.queue, NULL, NULL);
    }
    app_queue_free(pipeline->aside);
    app_free(pipeline->app);
}

void session_app_begin(struct session_files *files)
{
    struct pipeline *pipeline = files->pipeline;

    const struct flow_key *key = &files->session->key;

    if (pipeline->aside)
        files->aside = app_queue_begin(pipeline->aside, key);
    else if (pipeline->app)
        files->app = app_session_new(pipeline->app, key, files->session);
    for (int i = 0; files->app && pipeline->conf.names && i < 2; i++)
        files->names[i] = names_of_dns(pipeline->conf.names, key->addr[i].bytes);
}

void session_app_data(struct session_files *files, unsigned int from, uint64_t offset,
                      const uint8_t *data, size_t len, const struct segment *seg)
{
    struct app_piece piece = {
        .side = session_app_side(files, from),
        .data = data,
        .len = len,
        .offset = offset,
        .time_ns = seg->time_ns,
        .packet = seg->pkt_index,
    };
    size_t lots;

    if (!files->app && !(files->aside && app_handle_wants_data(files->aside)))
        return;
    dialog_lots(files->session->dialog, &lots);
    piece.lot = lots;
    if (files->app)
        app_session_data(files->app, &piece);
    else
        app_queue_data(files->pipeline->aside, files->aside, &piece, seg->stays);
}

void session_app_hole(struct session_files *files, unsigned int from, uint64_t length)
{
    enum app_side side = session_app_side(files, from);

    if (files->app)
        app_session_hole(files->app, side, length);
    else if (files->aside && app_handle_wants_data(files->aside))
        app_queue_hole(files->pipeline->aside, files->aside, side, length);
}

void session_app_over(struct session_files *files)
{
    if (!files->aside || files->over || !dialog_is_over(files->session->dialog))
        return;
    files->over = true;
    app_queue_over(files->pipeline->aside, files->aside);
}

/* Whether the endpoint has sent its FIN. */
static bool has_ended(const struct flow *flow, unsigned int endpoint)
{
    return flow && (flow->bits & FLOW_BIT(endpoint, FLOW_FIN));
}

void session_app_end(struct pipeline *pipeline, struct session *session, const struct flow *flow,
                     struct record *copy, uint64_t now_ns)
{
    struct app_ending ending = {.time_ns = now_ns, .key = session->key};

    if (!pipeline->aside || (!copy && !(session->files && session->files->aside)))
        return;
    ending.client = session->files ? session->files->client : flow_client(flow);
    ending.by_fin = has_ended(flow, !ending.client);
    if (copy) {
        ending.identity = &copy->identity;
        ending.facts = &copy->facts;
        ending.names = copy->names;
    }
    app_queue_end(pipeline->aside, session->files ? session->files->aside : NULL, &ending);
    if (session->files)
        session->files->aside = NULL;
}

void pipeline_take_name(struct pipeline *pipeline, const uint8_t addr[16], const char *name,
                        enum name_source source)
{
    if (pipeline->aside)
        app_queue_name(pipeline->aside, addr, name, source);
    else if (pipeline->conf.names)
        names_add(pipeline->conf.names, addr, name, strlen(name), source);
}

void pipeline_take_secrets(struct pipeline *pipeline, const uint8_t *lines, size_t len)
{
    if (pipeline->aside)
        app_queue_secrets(pipeline->aside, lines, len);
    else if (pipeline->conf.app && pipeline->conf.app->keylog)
        keylog_add(pipeline->conf.app->keylog, (const char *)lines, len);
}

/* frame: from its beginning, len bytes of it at hand. */
static struct app_packet ip_packet(const struct packet *pkt, const uint8_t *frame, size_t len,
                                   uint64_t time_ns)
{
    return (struct app_packet){
        .l3 = frame + pkt->l3_off,
        .time_ns = time_ns,
        .cap_len = (uint32_t)(len - pkt->l3_off),
        .headers_len = (uint32_t)(pkt->payload_off - pkt->l3_off),
        .payload_len = pkt->payload_len,
        .ip_version = pkt->key.ip_version,
        .l4_proto = pkt->key.l4_proto,
    };
}

/* The payload of a sample's first record lies right behind its headers. */
void session_app_sample(struct session_files *files, const struct packet *pkt,
                        const struct record_sample *sample, const uint8_t *headers)
{
    struct app_packet packet;

    if (!sample->cap_len || (sample->flags & SAMPLE_NEXT))
        return;
    packet = ip_packet(pkt, headers, sample->headers_len + sample->cap_len, sample->time_ns);
    files->identified = !app_session_packet(files->app, &packet);
}

void session_app_frame(struct session_files *files, const struct pipeline_frame *frame)
{
    const struct packet *pkt = frame->pkt;

    struct app_packet packet;

    if (frame->cap_len <= pkt->payload_off)
        return;
    if (files->aside ? !app_handle_wants_packets(files->aside) : !files->app || files->identified)
        return;
    packet = ip_packet(pkt, frame->data, frame->cap_len, frame->time_ns);
    if (files->aside)
        app_queue_packet(files->pipeline->aside, files->aside, &packet, frame->stays);
    else
        files->identified = !app_session_packet(files->app, &packet);
}

void session_app_finish(struct session_files *files, const struct flow *flow, uint64_t now_ns)
{
    struct names *names = files->pipeline->conf.names;

    app_session_finish(files->app, now_ns, has_ended(flow, !files->client));
    if (names)
        app_tell_name(app_session_facts(files->app), names,
                      files->session->key.addr[!files->client].bytes);
}

void session_name_ends(struct pipeline *pipeline, const struct session *session)
{
    for (int i = 0; pipeline->conf.names && pipeline->conf.format == CAPTURE_PCAPNG && i < 2; i++) {
        enum name_source source = NAME_OF_CAPTURE;
        struct capture_name name = {.ip_version = session->key.ip_version};

        memcpy(name.addr, session->key.addr[i].bytes, sizeof(name.addr));
        name.name = names_find(pipeline->conf.names, name.addr, &source);
        if (source != NAME_OF_CAPTURE)
            capture_write_names(session->capture, &name, 1);
    }
}

void session_take_alerts(const struct pipeline *pipeline, struct record *record)
{
    const struct flow *flow = record->flow;
    char community_id[64];
    struct alerts_query query = {
        .key = &record->session->key,
        .community_id = community_id,
        .first_ns = (int64_t)flow->first_ns + record->wall_offset_ns,
        .last_ns = (int64_t)flow->first_ns + record->wall_offset_ns,
    };

    if (!pipeline->conf.alerts)
        return;
    for (int i = 0; i < 2; i++)
        if ((int64_t)flow->dir[i].last_ns + record->wall_offset_ns > query.last_ns)
            query.last_ns = (int64_t)flow->dir[i].last_ns + record->wall_offset_ns;
    record_community_id(community_id, query.key, flow_client(flow), flow->icmp_type,
                        flow->icmp_code);
    record->alerts = alerts_of(pipeline->conf.alerts, &query, &record->alert_count);
}

void session_restore_told(const struct pipeline *pipeline, struct record *record,
                          const struct told *told)
{
    bool is_opened = facts_have_secrets(record->facts);

    record->identity = told->identity;
    if (!pipeline->conf.app->http && !is_opened) /* transactions and secrets are not remembered */
        record->facts = told->facts;
    for (int i = 0; i < 2; i++) {
        enum name_source source = NAME_OF_TLS;

        if (pipeline->conf.names)
            names_find(pipeline->conf.names, record->session->key.addr[i].bytes, &source);
        if (source != NAME_OF_HOSTS)
            record->names[i] = told->names[i];
    }
}
