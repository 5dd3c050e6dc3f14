/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scopes: the number in a flow's key that tells overlapping address spaces apart. Two bridges may
 * carry the same subnet; what is said on one is then not what is said on the other.
 */
#ifndef SESSTAP_SCOPE_H
#define SESSTAP_SCOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "pinned.h"

/* Beyond are those of namespaces (space_numbers.c) and of tunnels (abi.h). */
#define SCOPE_LAST 0x3fff

/* An address with the length of its prefix, as configured on an interface. */
struct subnet {
    uint8_t addr[16]; /* network order; IPv4 in the first 4 bytes, the rest 0 */
    uint8_t family;   /* AF_INET, AF_INET6 */
    uint8_t prefix_len;
};

/* True when an address can lie in both. Families never overlap. */
bool subnet_overlaps(const struct subnet *a, const struct subnet *b);

struct scopes;

/* NULL with errno on no memory. */
struct scopes *scopes_new(void);
/* NULL is fine. */
void scopes_free(struct scopes *scopes);

/*
 * Numbers are noted in room as they are given, and a bridge that is found there keeps the one it had. Borrowed; before
 * the first bridge. base: of interfaces' numbers, so that several namespaces can share the room.
 */
void scopes_keep(struct scopes *scopes, struct pin_scope *room, uint32_t count, uint32_t base);

/* Bridges by interface index. Adding one twice does nothing. 0 or -ENOMEM. */
int scopes_add_bridge(struct scopes *scopes, uint32_t ifindex);
void scopes_remove_bridge(struct scopes *scopes, uint32_t ifindex);

/*
 * A bridge's own addresses. Those of other interfaces, link-local ones and repetitions are passed
 * over. 0 or -ENOMEM.
 */
int scopes_add_subnet(struct scopes *scopes, uint32_t ifindex, const struct subnet *subnet);
void scopes_remove_subnet(struct scopes *scopes, uint32_t ifindex, const struct subnet *subnet);
/* Forget every bridge's subnets, before they are read anew. */
void scopes_clear_subnets(struct scopes *scopes);

/* Apply the rule after changes; true when some bridge's scope is another now. */
bool scopes_update(struct scopes *scopes);

/*
 * The scope of what is connected to a bridge, as of the last update. 0: it routes for subnets that
 * no other bridge has, so it is the host's own address space. Else a number of its own, which it
 * keeps while it lives: it has no address (nothing routes), or shares a subnet with another bridge.
 * 0 also for an interface that is no bridge.
 */
uint16_t scopes_get(const struct scopes *scopes, uint32_t ifindex);

#endif
