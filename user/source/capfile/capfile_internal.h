/* SPDX-License-Identifier: Apache-2.0 */
/* What opening and reading a set of capture files share. */
#ifndef SESSTAP_CAPFILE_INTERNAL_H
#define SESSTAP_CAPFILE_INTERNAL_H

#include "source/capfile/merge.h"
#include "source/capfile/paths.h"

struct capfile {
    struct slot *current; /* the file that the last frame came from; not in the heap */
    uint64_t rival_ns;    /* frames of current before this time come first */
    uint64_t number;
    struct heap heap;
    struct slot *slots;
    size_t slot_count;
    struct capfile_finds finds;
    struct paths paths;
    bool sought;    /* capfile_seek was called: the next frame is current's, whatever its time */
    bool scattered; /* the other files are not yet where sought_ns is */
    uint64_t sought_ns;
    struct capfile_choice choice; /* places NULL: every frame */
    size_t chosen;                /* places done */
    size_t learnt;                /* landmarks done */
};

/* Give only these frames from now on. 0; -EINVAL: there are several files; -ESPIPE: it is compressed, or a pipe. */
int capfile_choose(struct capfile *capfile, const struct capfile_choice *choice);
/* capfile_next after capfile_choose. */
int capfile_next_chosen(struct capfile *capfile, struct frame *frame);

/*
 * As capfile_open, of one capture in memory, which is borrowed until capfile_close; quiet: damage is only
 * counted. For tests and fuzzers. At its end there is no way back.
 */
struct capfile *capfile_open_memory(const uint8_t *data, size_t len, bool quiet);

/* Open a slot's file for reading, where it was begun or anew; sets its state. 0 or -errno, nothing logged. */
int slot_open(struct slot *slot, enum input_way *way);
/* Close its file, keep what is known of it. */
void slot_close(struct slot *slot, enum slot_state state);
/* Say that a file can't be read, and what may help. */
void slot_complain(const char *path, int err);

#endif
