/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each session's last record exactly once, whenever the process is killed. Before a line is written the journal says
 * which session's it is and where it will end; when it is out, the session is forgotten in the kernel and counted.
 * A later process sees by the size of the file which lines were written. Memory is pinned.h's.
 */
#ifndef SESSTAP_JOURNAL_H
#define SESSTAP_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "pinned.h"

struct journal {
    struct pin_state *state; /* borrowed */
    uint32_t count;          /* lines of this batch */
};

/* What becomes of a session whose record is written: its kept copy goes, and its notes. */
typedef void journal_forget(void *ctx, const struct pin_line *line);

/*
 * Settle what an earlier process left: lines that end within size_bytes are written, the others never were, and their
 * sessions are kept still. same_file: what is written to now is what it wrote to; if not, nothing can be told and
 * its last sessions may be recorded twice. Returns how many lines that may be.
 */
uint32_t journal_open(struct journal *journal, struct pin_state *state, uint64_t size_bytes,
                      bool same_file, journal_forget *forget, void *ctx);

/* One more line is about to be written; batch is set here. The journal must not be full. */
void journal_add(struct journal *journal, const struct pin_line *line);
bool journal_is_full(const struct journal *journal);
/* All lines are out, or given up and counted. */
void journal_commit(struct journal *journal, journal_forget *forget, void *ctx);
/* Sums over all that was ever committed. */
const struct pin_totals *journal_totals(const struct journal *journal);

#endif
