/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel counts from zero for each interface that it is attached to; a name's total goes on. */
#include "sink/prom_interfaces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void prom_interfaces_fini(struct prom_interfaces *interfaces)
{
    free(interfaces->known);
    *interfaces = (struct prom_interfaces){0};
}

static bool same_name(const struct prom_interface_memory *known, const char *name)
{
    return !strncmp(known->name, name, PROM_NAME_BYTES - 1);
}

static struct prom_interface_memory *add(struct prom_interfaces *interfaces,
                                         const struct prom_interface *seen)
{
    struct prom_interface_memory *known;
    size_t first = 0;

    if (interfaces->count == interfaces->cap) {
        size_t cap = interfaces->cap ? interfaces->cap * 2 : 32;

        known = realloc(interfaces->known, cap * sizeof(*known));
        if (!known)
            return NULL;
        interfaces->known = known;
        interfaces->cap = cap;
    }
    while (first < interfaces->count && !same_name(&interfaces->known[first], seen->name))
        first++;
    known = &interfaces->known[interfaces->count++];
    *known = (struct prom_interface_memory){.id = seen->id, .first = (uint32_t)first};
    strncpy(known->name, seen->name, PROM_NAME_BYTES - 1);
    return known;
}

/* Callers give their interfaces in the same order each time, so the search begins where the last ended. */
static struct prom_interface_memory *find(struct prom_interfaces *interfaces, size_t *hint,
                                          const struct prom_interface *seen)
{
    for (size_t i = 0; i < interfaces->count; i++) {
        size_t at = (*hint + i) % interfaces->count;
        struct prom_interface_memory *known = &interfaces->known[at];

        if (known->id == seen->id && same_name(known, seen->name)) {
            *hint = at + 1;
            return known;
        }
    }
    return add(interfaces, seen);
}

static void add_traffic(struct iface_seen *sum, const struct iface_seen *seen)
{
    for (int i = 0; i < HOOK_DIRECTIONS; i++) {
        sum->dir[i].skbs += seen->dir[i].skbs;
        sum->dir[i].pkts += seen->dir[i].pkts;
        sum->dir[i].bytes += seen->dir[i].bytes;
    }
}

static bool has_fallen(const struct iface_seen *last, const struct iface_seen *now)
{
    for (int i = 0; i < HOOK_DIRECTIONS; i++)
        if (now->dir[i].skbs < last->dir[i].skbs || now->dir[i].pkts < last->dir[i].pkts ||
            now->dir[i].bytes < last->dir[i].bytes)
            return true;
    return false;
}

/* Keep the names that were in the last list. A name's first entry comes before its others. */
static void forget_gone(struct prom_interfaces *interfaces)
{
    struct prom_interface_memory *known = interfaces->known;
    uint32_t kept = 0;

    for (size_t i = 0; i < interfaces->count; i++) {
        const struct prom_interface_memory *first = &known[known[i].first];

        known[i].shown = first->shown;
        if (!known[i].shown)
            continue;
        known[i].moved_to = kept++;
        known[i].first = first->moved_to;
    }
    for (size_t i = 0; i < interfaces->count; i++)
        if (known[i].shown)
            known[known[i].moved_to] = known[i];
    interfaces->count = kept;
}

int prom_interfaces_update(struct prom_interfaces *interfaces, const struct prom_interface *seen,
                           size_t count)
{
    size_t hint = 0;

    if (interfaces->count > PROM_INTERFACES_REMEMBERED)
        forget_gone(interfaces);
    for (size_t i = 0; i < interfaces->count; i++) {
        interfaces->known[i].shown = false;
        interfaces->known[i].total = (struct iface_seen){0};
    }
    for (size_t i = 0; i < count; i++) {
        struct prom_interface_memory *known = find(interfaces, &hint, &seen[i]);

        if (!known)
            return -ENOMEM;
        if (has_fallen(&known->last, &seen[i].seen))
            add_traffic(&known->before, &known->last);
        known->last = seen[i].seen;
        interfaces->known[known->first].shown = true;
    }
    for (size_t i = 0; i < interfaces->count; i++) {
        struct prom_interface_memory *known = &interfaces->known[i];

        add_traffic(&interfaces->known[known->first].total, &known->before);
        add_traffic(&interfaces->known[known->first].total, &known->last);
    }
    return 0;
}
