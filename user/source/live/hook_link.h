/* SPDX-License-Identifier: Apache-2.0 */
/* One BPF link on one hook of an interface: TCX or XDP, pinned or not. */
#ifndef SESSTAP_HOOK_LINK_H
#define SESSTAP_HOOK_LINK_H

#include <stdint.h>

struct hook_link {
    int prog_fd;
    uint32_t ifindex;
    int attach_type; /* enum bpf_attach_type, newer than the headers */
    uint32_t flags;
};

/*
 * Attach; the descriptor, or -errno. path not NULL: the link is pinned there, and one that is there already goes on
 * with this program in place of its own, with no packet missed or seen twice.
 */
int hook_link_open(const struct hook_link *link, const char *path);

#endif
