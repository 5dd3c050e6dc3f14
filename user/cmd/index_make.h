/* SPDX-License-Identifier: Apache-2.0 */
/* An index made while a capture is read. */
#ifndef SESSTAP_INDEX_MAKE_H
#define SESSTAP_INDEX_MAKE_H

#include "cmd/replay.h"
#include "source/capfile/index.h"

/* How conf reads, as an index remembers it. */
struct index_reading index_reading_of(const struct replay_conf *conf);

struct index_making {
    struct index_writer *writer; /* NULL: none is made */
    const char *capture;
    struct buf told;
    struct record_queue *queue; /* whose thread writes sessions; NULL: the reading one does */
    int error;                  /* -errno of the index, after a line that says so */
};

/*
 * Make an index of the one file that conf reads, by its hooks and its queue of records. 0; -errno, and nothing is made, nothing
 * logged: EINVAL: it is no regular file, EACCES: beside it no file may be made.
 */
int index_making_begin(struct index_making *making, struct replay_conf *conf);
/* After replay_run, however it ended. */
void index_making_end(struct index_making *making);

#endif
