/* SPDX-License-Identifier: Apache-2.0 */
/* What the files pipeline*.c share: a pipeline, and what it hangs on a session. */
#ifndef SESSTAP_PIPELINE_INTERNAL_H
#define SESSTAP_PIPELINE_INTERNAL_H

#include "pipeline.h"
#include "session/names.h"
#include "stream/dialog.h"

struct pipeline {
    struct pipeline_conf conf;
    struct dialog_budget budget;
    struct pipeline_totals totals;
    struct app *app;                   /* NULL: nothing is looked into, or aside */
    struct app_queue *aside;           /* looks into sessions in its own thread; NULL: none */
    struct sampled_fragments *sampled; /* pipeline_read.c's; NULL: no fragment has come yet */
    struct buf line;
    const struct field *id_field;
};

/* What a session's dialog writes to. */
struct session_files {
    struct pipeline *pipeline;
    const struct session *session;
    const struct flow *flow; /* offline: the entry itself */
    struct streams *streams;
    struct tcpsession *tcpsession;
    struct app_session *app; /* NULL: it is not looked into, or aside */
    struct app_handle *aside;
    const char *names[2]; /* what DNS called its endpoints when it began; aside keeps its own */
    bool identified;      /* no more packets are wanted for it */
    bool over;            /* told to app/: no more bytes will come */
    unsigned int client;  /* endpoint */
};

/* The session's @id, cut to size. */
void session_id_text(struct pipeline *pipeline, const struct session *session,
                     const struct flow *flow, uint64_t now_ns, char *text, size_t size);

/* ---- pipeline_files.c: the session's own files; what fails is counted and said */

/* Its capture, if there can be one: else session->capture stays NULL. */
void session_open_capture(struct pipeline *pipeline, struct session *session,
                          const struct flow *flow, uint64_t now_ns);
/* A sample into the capture, which is open. */
void session_capture_sample(struct pipeline *pipeline, struct session *session,
                            const struct record_sample *sample, const uint8_t *headers,
                            const uint8_t *payload);
/* Streams and tcpsession as the conf asks for them; session->files is there. */
void session_open_streams(struct pipeline *pipeline, struct session *session);
void session_close_files(struct pipeline *pipeline, struct session *session,
                         const struct flow *flow);
/* They are removed. */
void session_abort_files(struct session *session);

/* ---- pipeline_read.c: payload into the session's dialog, which there is */

void pipeline_read_sample(struct pipeline *pipeline, struct session *session,
                          const struct record_sample *sample, const uint8_t *headers,
                          const uint8_t *payload);
/* pkt_index: the session's packets so far. */
void pipeline_read_frame(struct session *session, const struct pipeline_frame *frame,
                         uint64_t pkt_index);
void pipeline_samples_fini(struct pipeline *pipeline);

/* ---- pipeline_app.c: what app/ is told of a session */

static inline enum app_side session_app_side(const struct session_files *files, unsigned int from)
{
    return from == files->client ? APP_CLIENT : APP_SERVER;
}

/* Stream bytes, as dialog_output tells them. */
void session_app_data(struct session_files *files, unsigned int from, uint64_t offset,
                      const uint8_t *data, size_t len, const struct segment *seg);
void session_app_hole(struct session_files *files, unsigned int from, uint64_t length);
/* After each segment: whether it was the last one with bytes. */
void session_app_over(struct session_files *files);
/* 0 or -errno. */
int pipeline_app_begin(struct pipeline *pipeline);
void pipeline_app_end(struct pipeline *pipeline);
void session_app_begin(struct session_files *files);
/* After the session's record, if it has any: what goes on aside ends. copy: of the record, in the queue; NULL: none. */
void session_app_end(struct pipeline *pipeline, struct session *session, const struct flow *flow,
                     struct record *copy, uint64_t now_ns);
/* A packet, for identification. */
void session_app_sample(struct session_files *files, const struct packet *pkt,
                        const struct record_sample *sample, const uint8_t *headers);
void session_app_frame(struct session_files *files, const struct pipeline_frame *frame);
/* The session's end: its name, if it asked for one by TLS, is then known. */
void session_app_finish(struct session_files *files, const struct flow *flow, uint64_t now_ns);
/*
 * What was told of a session in an earlier reading: also names, as they were known when it ended; but a hosts file of
 * today knows better.
 */
void session_restore_told(const struct pipeline *pipeline, struct record *record,
                          const struct told *told);
/* Alerts about a session that is over, into its record. */
void session_take_alerts(const struct pipeline *pipeline, struct record *record);
/* What its two ends are called, into its capture; what the input's own blocks say is carried over as it is. */
void session_name_ends(struct pipeline *pipeline, const struct session *session);

#endif
