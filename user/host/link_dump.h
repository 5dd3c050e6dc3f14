/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the kernel about interfaces: all of them with their addresses, or one. */
#ifndef SESSTAP_LINK_DUMP_H
#define SESSTAP_LINK_DUMP_H

#include <stddef.h>
#include <stdint.h>

#include "host/links.h"
#include "host/netlink.h"
#include "host/scope.h"

struct link_address {
    uint32_t ifindex;
    struct subnet subnet;
};

/* Zeroed is empty. */
struct link_dump {
    struct link_info *links;
    size_t link_count;
    size_t link_cap;
    struct link_address *addresses;
    size_t address_count;
    size_t address_cap;
};

/* 0; -EAGAIN: they kept changing while they were read, try again later; else -errno. */
int link_dump_read(struct link_dump *dump, struct netlink *nl);
void link_dump_fini(struct link_dump *dump);

/* One interface as it is now. -ENODEV: there is none; else -errno. */
int link_ask(struct link_info *link, struct netlink *nl, uint32_t ifindex);

#endif
