/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which interfaces the programs are attached to, and how: TCX links where the kernel has them (6.6),
 * which go by themselves when the process ends; else clsact filters under a priority and a handle of our
 * own, on a qdisc that is only deleted if we made it and nobody else uses it.
 */
#ifndef SESSTAP_ATTACH_H
#define SESSTAP_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct attachments;
struct clsact;

/* The programs' descriptors, and clsact, which knows them, are borrowed. no_tcx: do not try TCX. NULL with errno. */
struct attachments *attachments_new(int ingress_fd, int egress_fd, const struct clsact *clsact,
                                    bool no_tcx);
/* Detach all, free. NULL is fine. */
void attachments_free(struct attachments *all);

/* A slot (from 1) for an interface that is about to be attached. -EEXIST, -ENOSPC. */
int attachments_reserve(struct attachments *all, uint32_t ifindex, uint16_t scope, bool l3_only);
/* Attach both directions of a reserved interface. 0 or -errno (then nothing is attached). */
int attachments_attach(struct attachments *all, uint32_t ifindex);
/* Take the programs off all interfaces; the slots stay in use. */
void attachments_unhook(struct attachments *all);
/* The slot that is free now; -ENOENT. An interface that is gone is fine. */
int attachments_detach(struct attachments *all, uint32_t ifindex);
/* The slot; -ENOENT. */
int attachments_slot(const struct attachments *all, uint32_t ifindex);
/* The slot; tells l3_only too. -ENOENT. */
int attachments_set_scope(struct attachments *all, uint32_t ifindex, uint16_t scope,
                          uint8_t *l3_only);
size_t attachments_count(const struct attachments *all);
const char *attachments_hook_name(const struct attachments *all);

#endif
