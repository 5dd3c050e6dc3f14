/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the frames of chosen sessions only, which an index knows. */
#ifndef SESSTAP_INDEX_USE_H
#define SESSTAP_INDEX_USE_H

#include "cmd/replay_index.h"
#include "cmd/stream_choice.h"

struct index_use;

/*
 * When the index knows all streams of the choice, set conf to read their frames only; conf borrows from what
 * is returned. NULL: all is to be read (a stream is not there, or no memory, or the index is damaged, which
 * is said).
 */
struct index_use *index_use_streams(const struct index *index, const struct stream_choice *choice,
                                    struct replay_conf *conf);
/* NULL is fine. */
void index_use_free(struct index_use *use);

#endif
