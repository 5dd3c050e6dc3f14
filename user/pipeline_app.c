/* SPDX-License-Identifier: Apache-2.0 */
/* A session's packets and bytes on their way to app/. */
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
