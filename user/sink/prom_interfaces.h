/* SPDX-License-Identifier: Apache-2.0 */
/* Traffic counters by interface name, which go on when an interface goes and one of its name comes. */
#ifndef SESSTAP_PROM_INTERFACES_H
#define SESSTAP_PROM_INTERFACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sink/prom.h"

#define PROM_NAME_BYTES 64 /* longer names are cut */

/* One interface that was seen: its name and id, what it had last, what its predecessors had. */
struct prom_interface_memory {
    char name[PROM_NAME_BYTES];
    uint32_t id;
    uint32_t first;    /* index of the first one of the same name, where the total is */
    uint32_t moved_to; /* while names are forgotten */
    bool shown;        /* of the first of a name: one of the name is in the newest list */
    struct iface_seen last;
    struct iface_seen before;
    struct iface_seen total;
};

/*
 * Zeroed is empty. An entry for each pair of name and id; beyond this many, names that are gone are
 * forgotten, and begin at zero if they come back.
 */
#define PROM_INTERFACES_REMEMBERED 8192
struct prom_interfaces {
    struct prom_interface_memory *known;
    size_t count;
    size_t cap;
};

void prom_interfaces_fini(struct prom_interfaces *interfaces);
/* Take the newest counters. Then each entry with shown has a name's total. -ENOMEM. */
int prom_interfaces_update(struct prom_interfaces *interfaces, const struct prom_interface *seen,
                           size_t count);

#endif
