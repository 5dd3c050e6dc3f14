/* SPDX-License-Identifier: Apache-2.0 */
/* What rtnetlink's link and address messages say. */
#ifndef SESSTAP_LINK_MESSAGE_H
#define SESSTAP_LINK_MESSAGE_H

#include <linux/netlink.h>
#include <stdbool.h>

#include "host/links.h"
#include "host/scope.h"

/*
 * RTM_NEWLINK, RTM_DELLINK. False: not about an interface as such (a bridge port, a wireless event),
 * or too short. The scope is left 0.
 */
bool link_message_parse(struct link_info *link, const struct nlmsghdr *msg);

/* RTM_NEWADDR, RTM_DELADDR. False: neither IPv4 nor IPv6, or too short. */
bool address_message_parse(struct subnet *subnet, uint32_t *ifindex, const struct nlmsghdr *msg);

#endif
