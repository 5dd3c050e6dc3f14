/* SPDX-License-Identifier: Apache-2.0 */
/* Layouts: linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h; rtnetlink(7). */
#include "host/link_message.h"

#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <string.h>
#include <sys/socket.h>

#include "host/netlink.h"

/* Types whose packets begin with the IP header where TC programs see them. netkit is ARPHRD_ETHER
 * in both modes: in L3 mode its Ethernet addresses are zero, but the header is there. */
static bool has_no_link_layer(uint16_t arphrd)
{
    switch (arphrd) {
    case ARPHRD_NONE:
    case ARPHRD_RAWIP:
    case ARPHRD_PPP:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_IPGRE:
    case ARPHRD_IP6GRE:
        return true;
    default:
        return false;
    }
}

static void parse_kind(struct link_info *link, const struct rtattr *linkinfo)
{
    const struct rtattr *attr[IFLA_INFO_KIND + 1];

    if (!linkinfo)
        return;
    netlink_attributes(attr, IFLA_INFO_KIND, RTA_DATA(linkinfo), RTA_PAYLOAD(linkinfo));
    netlink_text(attr[IFLA_INFO_KIND], link->kind, sizeof(link->kind));
}

static void parse_address(struct link_info *link, const struct rtattr *attr)
{
    size_t len = attr ? RTA_PAYLOAD(attr) : 0;

    if (len > sizeof(link->address))
        len = sizeof(link->address);
    if (len)
        memcpy(link->address, RTA_DATA(attr), len);
    link->address_len = (uint8_t)len;
}

bool link_message_parse(struct link_info *link, const struct nlmsghdr *msg)
{
    const struct ifinfomsg *info = NLMSG_DATA(msg);
    const struct rtattr *attr[IFLA_MAX + 1];

    if (msg->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) || info->ifi_family != AF_UNSPEC ||
        info->ifi_index <= 0)
        return false;
    netlink_message_attributes(attr, IFLA_MAX, msg, sizeof(*info));
    if (attr[IFLA_WIRELESS] || !attr[IFLA_IFNAME])
        return false;

    memset(link, 0, sizeof(*link));
    link->ifindex = (uint32_t)info->ifi_index;
    link->up = (info->ifi_flags & IFF_UP) != 0;
    link->arphrd = info->ifi_type;
    link->l3_only = has_no_link_layer(info->ifi_type);
    link->hardware = attr[IFLA_PARENT_DEV_NAME] != NULL; /* Linux 5.14 */
    link->master_ifindex = netlink_u32(attr[IFLA_MASTER], 0);
    link->peer_ifindex = netlink_u32(attr[IFLA_LINK], 0);
    link->link_netnsid = (int32_t)netlink_u32(attr[IFLA_LINK_NETNSID], (uint32_t)-1);
    link->mtu = netlink_u32(attr[IFLA_MTU], 0);
    link->num_rx_queues = netlink_u32(attr[IFLA_NUM_RX_QUEUES], 1);
    netlink_text(attr[IFLA_IFNAME], link->name, sizeof(link->name));
    parse_address(link, attr[IFLA_ADDRESS]);
    parse_kind(link, attr[IFLA_LINKINFO]);
    return true;
}

bool address_message_parse(struct subnet *subnet, uint32_t *ifindex, const struct nlmsghdr *msg)
{
    const struct ifaddrmsg *info = NLMSG_DATA(msg);
    const struct rtattr *attr[IFA_LOCAL + 1];
    const struct rtattr *addr;
    size_t len;

    if (msg->nlmsg_len < NLMSG_LENGTH(sizeof(*info)))
        return false;
    len = info->ifa_family == AF_INET ? 4 : info->ifa_family == AF_INET6 ? 16 : 0;
    netlink_message_attributes(attr, IFA_LOCAL, msg, sizeof(*info));
    /* IFA_ADDRESS is the peer's on a point-to-point interface; its prefix is what is reached. */
    addr = attr[IFA_ADDRESS] ? attr[IFA_ADDRESS] : attr[IFA_LOCAL];
    if (!len || !addr || RTA_PAYLOAD(addr) < len || info->ifa_prefixlen > len * 8)
        return false;
    memset(subnet, 0, sizeof(*subnet));
    memcpy(subnet->addr, RTA_DATA(addr), len);
    subnet->family = info->ifa_family;
    subnet->prefix_len = info->ifa_prefixlen;
    *ifindex = info->ifa_index;
    return true;
}
