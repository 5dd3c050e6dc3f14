/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mapped files that others cut short, or that a disk fails to give, while they are read: by default the process
 * ends with SIGBUS. Guarded, the page that was touched is one of zeros from then on, and whoever reads asks if it was his.
 */
#ifndef SESSTAP_MAPGUARD_H
#define SESSTAP_MAPGUARD_H

#include <stdbool.h>
#include <stddef.h>

/* From now on, for the whole process; may be called again. */
void mapguard_begin(void);
/* The last page that was lost lies in map[len]; its offset in *at. */
bool mapguard_lost(const void *map, size_t len, size_t *at);
/* It is mapped no more: something else may come to lie there. */
void mapguard_forget(const void *map, size_t len);

#endif
