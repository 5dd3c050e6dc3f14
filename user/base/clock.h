/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel stamps in CLOCK_MONOTONIC; people read CLOCK_REALTIME. */
#ifndef SESSTAP_CLOCK_H
#define SESSTAP_CLOCK_H

#include <stdint.h>

/* Since the machine began, without the time it slept. */
uint64_t clock_mono_ns(void);
/* Since 1970, UTC; may jump. */
uint64_t clock_wall_ns(void);
/* CPU time of the calling thread. */
uint64_t clock_thread_ns(void);
/* What to add to a monotonic time to get wall time, in ns; read once a run so that times agree. */
int64_t clock_wall_offset_ns(void);

#endif
