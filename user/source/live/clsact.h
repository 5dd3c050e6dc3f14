/* SPDX-License-Identifier: Apache-2.0 */
/* TC filters on the clsact qdisc, for kernels without TCX; they outlive a killed process. */
#ifndef SESSTAP_CLSACT_H
#define SESSTAP_CLSACT_H

#include <stdint.h>

/*
 * Filters for both directions; those that a killed sesstap left are replaced. A qdisc that has to be made
 * is noted below /run/sesstap, so that a later start knows whose it is. 0 or -errno.
 */
int clsact_attach(uint32_t ifindex, int ingress_fd, int egress_fd);
/*
 * Remove our filters, and the qdisc when we made it and no other filter is on it. Also cleans up
 * after a process that was killed; harmless where there is nothing of ours.
 */
void clsact_detach(uint32_t ifindex);

#endif
