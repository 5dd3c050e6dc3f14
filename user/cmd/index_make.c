/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/index_make.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "session/facts_pack.h"

struct index_reading index_reading_of(const struct replay_conf *conf)
{
    return (struct index_reading){
        .overlap = conf->overlap,
        .tunnels = true,
        .told_by = app_told_by(conf->pipeline.app),
    };
}

static void on_place(void *ctx, struct session *session, const struct frame_place *place)
{
    const struct index_making *making = ctx;

    index_writer_places(making->writer, session, place, 1);
}

static void write_session(void *ctx, struct session *session, const struct record *record)
{
    struct index_making *making = ctx;

    buf_clear(&making->told);
    facts_pack(
        &making->told,
        &(struct told){record->identity, record->facts, {record->names[0], record->names[1]}});
    index_writer_told(making->writer, making->told.data, making->told.len);
    index_writer_session(making->writer, session, record->flow, record->tally, record->holes,
                         record->hole_count, record->now_ns);
}

static void on_record(void *ctx, const struct record *record)
{
    write_session(ctx, (struct session *)record->session, record);
}

static void let_go(void *ctx, struct session *session)
{
    const struct index_making *making = ctx;

    index_writer_let_go(making->writer, session);
}

static void on_done(void *ctx, const struct capfile *capfile, const struct replay_result *result)
{
    struct index_making *making = ctx;
    struct index_sums sums = {
        .frames = result->frames,
        .damaged = result->damaged,
        .seekable = result->seekable,
    };

    sums.landmarks = capfile_landmarks(capfile, 0, &sums.landmark_count);
    making->error = index_writer_commit(making->writer, &sums);
    making->writer = NULL;
    if (making->error == -ESTALE)
        log_error("%s changed while it was read; it has no index", making->capture);
    else if (making->error)
        log_error("cannot write %s" INDEX_SUFFIX ": %s", making->capture, strerror(-making->error));
}

int index_making_begin(struct index_making *making, struct replay_conf *conf)
{
    struct index_reading reading = index_reading_of(conf);

    if (reading.told_by == APP_TOLD_ONCE ||
        (conf->pipeline.names && names_have_hosts(conf->pipeline.names)))
        reading.told_by = 0;
    *making = (struct index_making){.capture = conf->input.paths[0]};
    if (conf->input.path_count != 1 || !strcmp(making->capture, "-"))
        return -EINVAL;
    making->writer = index_writer_new(making->capture, &reading);
    if (!making->writer)
        return -errno;
    conf->hooks.place = on_place;
    making->queue = conf->pipeline.queue;
    if (making->queue)
        record_queue_also(making->queue, &(struct record_also){let_go, write_session, making});
    else
        conf->hooks.record = on_record;
    conf->hooks.done = on_done;
    conf->hooks.ctx = making;
    return 0;
}

void index_making_end(struct index_making *making)
{
    if (making->queue) {
        record_queue_wait(making->queue);
        record_queue_also(making->queue, NULL);
    }
    index_writer_abort(making->writer);
    making->writer = NULL;
    buf_fini(&making->told);
}
