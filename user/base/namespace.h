/* SPDX-License-Identifier: Apache-2.0 */
/* For a few calls, the calling thread is in another network namespace. */
#ifndef SESSTAP_NAMESPACE_H
#define SESSTAP_NAMESPACE_H

/*
 * Enter the network namespace that ns_fd (a file of nsfs) is; -1: stay. Sockets, links and filters made from then on are
 * of that one. *back is for namespace_leave, which must follow when this returned 0. Else -errno.
 */
int namespace_enter(int ns_fd, int *back);
/* Go back. What can't come back would work in the wrong place: then the process ends. */
void namespace_leave(int back);

#endif
