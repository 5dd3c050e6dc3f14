/* SPDX-License-Identifier: Apache-2.0 */
/* For a few calls, the calling thread is in another network namespace. */
#ifndef SESSTAP_NAMESPACE_H
#define SESSTAP_NAMESPACE_H

#include <stdint.h>

/*
 * Enter the network namespace that ns_fd (a file of nsfs) is; -1: stay. Sockets, links and filters made from then on are
 * of that one. *back is for namespace_leave, which must follow when this returned 0. Else -errno.
 */
int namespace_enter(int ns_fd, int *back);
/* Go back. What can't come back would work in the wrong place: then the process ends. */
void namespace_leave(int back);
/* A number that no other namespace has or had since the machine started; -1: of our own. 0: the kernel tells none (it is
 * older than 5.14), or the namespace can't be entered. */
uint64_t namespace_cookie(int ns_fd);

#endif
