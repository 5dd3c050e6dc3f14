/* SPDX-License-Identifier: Apache-2.0 */
/* A bar on stderr for reading that takes longer than a second: share, rate, time left. */
#ifndef SESSTAP_PROGRESS_H
#define SESSTAP_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct capfile;

struct progress {
    bool shown; /* at least once */
    bool wanted;
    uint64_t begun_ns;
    uint64_t drawn_ns;
};

/* The time counts from here on. wanted false: none of it is ever drawn. */
void progress_begin(struct progress *progress, bool wanted);
/* Draws five times a second at most. */
void progress_update(struct progress *progress, const struct capfile *capfile);
/* Wipes the bar. */
void progress_end(struct progress *progress);

#endif
