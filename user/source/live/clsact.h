/* SPDX-License-Identifier: Apache-2.0 */
/* TC filters on the clsact qdisc, for kernels without TCX; they outlive a killed process. */
#ifndef SESSTAP_CLSACT_H
#define SESSTAP_CLSACT_H

#include <stdbool.h>
#include <stdint.h>

/* Which filters are ours to remove. */
struct clsact {
    int lock_fd;             /* the network namespace, locked while we run */
    uint64_t alone_since_ns; /* as clsact_lock has it, of the namespace that is meant */
    uint32_t table_id;       /* of the flow table that they use */
};

/*
 * Show other sesstaps that one is at work in this network namespace, as long as its file is open. CLOCK_BOOTTIME of a moment
 * in which there was no other; 0: there is one.
 */
uint64_t clsact_lock(int netns_fd);
/*
 * Before the programs are loaded: finds out whether another sesstap runs in this network namespace,
 * by a lock on it that goes with the process.
 */
void clsact_init(struct clsact *us);
void clsact_fini(struct clsact *us);
void clsact_set_table(struct clsact *us, int table_fd);

/* True when filters on that interface use our table: those of an earlier process, with --pin. */
bool clsact_is_attached(const struct clsact *us, uint32_t ifindex);
/*
 * Filters for both directions; ingress_fd -1: for the way out only. One that uses our table is replaced in one step.
 * A qdisc that has to be made is noted below /run/sesstap, so that a later start knows whose it is. 0 or -errno.
 */
int clsact_attach(const struct clsact *us, uint32_t ifindex, int ingress_fd, int egress_fd);
/*
 * Remove our filters, and those of a sesstap that was killed before we began, but no running one's; then
 * the qdisc when a sesstap made it and no filter is left on it. Harmless where there is nothing of ours.
 */
void clsact_detach(const struct clsact *us, uint32_t ifindex);

#endif
