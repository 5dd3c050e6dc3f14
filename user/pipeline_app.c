/* SPDX-License-Identifier: Apache-2.0 */
/* A session's packets and bytes on their way to app/. */
#include <string.h>

#include "app/alerts.h"
#include "flow.h"
#include "pipeline_internal.h"

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

    dialog_lots(files->session->dialog, &lots);
    piece.lot = lots;
    app_session_data(files->app, &piece);
}

/* The payload of a sample's first record lies right behind its headers. */
void session_app_sample(struct session_files *files, const struct packet *pkt,
                        const struct record_sample *sample, const uint8_t *headers)
{
    if (!sample->cap_len || (sample->flags & SAMPLE_NEXT))
        return;
    files->identified =
        !app_session_packet(files->app, pkt, headers + pkt->l3_off,
                            sample->headers_len + sample->cap_len - pkt->l3_off, sample->time_ns);
}

void session_app_frame(struct session_files *files, const struct pipeline_frame *frame)
{
    const struct packet *pkt = frame->pkt;

    if (frame->cap_len <= pkt->payload_off)
        return;
    files->identified = !app_session_packet(files->app, pkt, frame->data + pkt->l3_off,
                                            frame->cap_len - pkt->l3_off, frame->time_ns);
}

void session_app_finish(struct session_files *files, uint64_t now_ns)
{
    struct names *names = files->pipeline->conf.names;
    const struct facts *facts;

    app_session_finish(files->app, now_ns);
    facts = app_session_facts(files->app);
    if (names && facts && facts->tls.sni.at)
        names_add(names, files->session->key.addr[!files->client].bytes, facts->tls.sni.at,
                  facts->tls.sni.len, NAME_OF_TLS);
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
    record->identity = told->identity;
    record->facts = told->facts;
    for (int i = 0; i < 2; i++) {
        enum name_source source = NAME_OF_TLS;

        if (pipeline->conf.names)
            names_find(pipeline->conf.names, record->session->key.addr[i].bytes, &source);
        if (source != NAME_OF_HOSTS)
            record->names[i] = told->names[i];
    }
}
