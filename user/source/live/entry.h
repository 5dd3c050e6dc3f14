/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With interfaces of several network namespaces: small programs in front of ours, a pair a namespace. Each notes which
 * one it is in and goes on to ours. An ifindex alone does not tell, and what the kernel offers a TC program to tell (a
 * cookie of the link, the device's namespace) is newer than 6.1.
 */
#ifndef SESSTAP_ENTRY_H
#define SESSTAP_ENTRY_H

#include <stdint.h>

struct entries;

/* Descriptors of what they lead to, borrowed. */
struct entry_targets {
    int ingress_fd;
    int egress_fd;
    int works_fd; /* the map whose value begins with iface_base */
    int flows_fd; /* by this map a filter is known as ours */
};

/*
 * maps_dir: a folder in a BPF file system where what leads to the targets is pinned, so that the programs go on when the
 * process ends; NULL: they do not. NULL with errno: EOPNOTSUPP and the like when the kernel does not take such programs.
 */
struct entries *entries_new(const struct entry_targets *targets, const char *maps_dir);
/* Every interface has these programs now: what earlier processes pinned in maps_dir goes. entries NULL: there are none. */
void entries_settle(const struct entries *entries, const char *maps_dir);
/* NULL is fine. */
void entries_free(struct entries *entries);
/*
 * The programs for a namespace (what is common to its interfaces' numbers), made when it is the first to ask. fd: ingress,
 * egress; borrowed until as many releases. 0 or -errno.
 */
int entries_take(struct entries *entries, uint32_t iface_base, int fd[2]);
void entries_release(struct entries *entries, uint32_t iface_base);

#endif
