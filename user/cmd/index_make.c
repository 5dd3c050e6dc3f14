/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/index_make.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

static void on_place(void *ctx, struct session *session, const struct frame_place *place)
{
    const struct index_making *making = ctx;

    index_writer_places(making->writer, session, place, 1);
}

static void on_record(void *ctx, const struct record *record)
{
    const struct index_making *making = ctx;

    index_writer_session(making->writer, (struct session *)record->session, record->flow,
                         record->tally, record->holes, record->hole_count, record->now_ns);
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
    const struct index_reading reading = {.overlap = conf->overlap, .tunnels = true};

    *making = (struct index_making){.capture = conf->input.paths[0]};
    if (conf->input.path_count != 1 || !strcmp(making->capture, "-"))
        return -EINVAL;
    making->writer = index_writer_new(making->capture, &reading);
    if (!making->writer)
        return -errno;
    conf->hooks.place = on_place;
    conf->hooks.record = on_record;
    conf->hooks.done = on_done;
    conf->hooks.ctx = making;
    return 0;
}

void index_making_end(struct index_making *making)
{
    index_writer_abort(making->writer);
    making->writer = NULL;
}
