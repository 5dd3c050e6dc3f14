/* SPDX-License-Identifier: Apache-2.0 */
/* Where a reading is spared because the index beside the capture knows what it would tell. */
#ifndef SESSTAP_REPLAY_INDEX_H
#define SESSTAP_REPLAY_INDEX_H

#include "cmd/replay.h"
#include "source/capfile/index.h"

/* A reading that only wants records, and an index that has them. */
struct replay_index {
    struct index *index;       /* NULL: all is to be read */
    struct capfile_conf input; /* what is to be read */
    struct capfile_choice choice;
    uint64_t number; /* the session that is wanted, 0: all */
};

/* The index of the one file that conf reads, when it may be used; NULL. Damage was warned of. */
struct index *replay_index_find(const struct replay_conf *conf);
/* Whether all that conf wants is in an index; replay_index_close is due. */
void replay_index_open(struct replay_index *known, const struct replay_conf *conf);
void replay_index_close(struct replay_index *known);
/* Tell what is known, and count it. */
void replay_index_tell(const struct replay_index *known, struct pipeline *pipeline,
                       struct replay_result *result);
/* Say that the index of this capture is damaged, and that all is read instead. */
void replay_index_complain(const char *capture);
/* Say that the capture is damaged, as its index tells. */
void replay_index_say_damage(const char *capture, uint64_t damaged);

#endif
