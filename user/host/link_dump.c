/* SPDX-License-Identifier: Apache-2.0 */
/* RTM_GETLINK and RTM_GETADDR. The kernel says when a dump was overtaken by changes; then it is made again. */
#include "host/link_dump.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>

#include "host/link_message.h"

#define DUMP_TRIES 4

struct link_request {
    struct nlmsghdr head;
    struct ifinfomsg info;
    struct rtattr attr;
    uint32_t mask;
};

static struct link_request link_request(uint32_t ifindex)
{
    return (struct link_request){
        .head = {.nlmsg_len = sizeof(struct link_request), .nlmsg_type = RTM_GETLINK},
        .info = {.ifi_index = (int)ifindex},
        .attr = {.rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = IFLA_EXT_MASK},
        .mask = RTEXT_FILTER_SKIP_STATS,
    };
}

/* Room for one more element, doubling. NULL: no memory, and the old array stays. */
static void *grow(void *array, size_t count, size_t *cap, size_t size)
{
    size_t wanted = *cap ? *cap * 2 : 64;

    if (count < *cap)
        return array;
    array = reallocarray(array, wanted, size);
    if (array)
        *cap = wanted;
    return array;
}

static int on_dumped_link(void *ctx, const struct nlmsghdr *msg)
{
    struct link_dump *dump = ctx;
    struct link_info link;
    struct link_info *grown;

    if (msg->nlmsg_type != RTM_NEWLINK || !link_message_parse(&link, msg))
        return 0;
    grown = grow(dump->links, dump->link_count, &dump->link_cap, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    dump->links = grown;
    dump->links[dump->link_count++] = link;
    return 0;
}

static int on_dumped_address(void *ctx, const struct nlmsghdr *msg)
{
    struct link_dump *dump = ctx;
    struct link_address address;
    struct link_address *grown;

    if (msg->nlmsg_type != RTM_NEWADDR ||
        !address_message_parse(&address.subnet, &address.ifindex, msg))
        return 0;
    grown = grow(dump->addresses, dump->address_count, &dump->address_cap, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    dump->addresses = grown;
    dump->addresses[dump->address_count++] = address;
    return 0;
}

static int read_links(struct link_dump *dump, struct netlink *nl)
{
    struct link_request request = link_request(0);
    int err = -EAGAIN;

    for (int i = 0; err == -EAGAIN && i < DUMP_TRIES; i++) {
        dump->link_count = 0;
        err = netlink_dump(nl, &request.head, on_dumped_link, dump);
    }
    return err;
}

static int read_addresses(struct link_dump *dump, struct netlink *nl)
{
    struct {
        struct nlmsghdr head;
        struct ifaddrmsg info;
    } request = {.head = {.nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETADDR}};
    int err = -EAGAIN;

    for (int i = 0; err == -EAGAIN && i < DUMP_TRIES; i++) {
        dump->address_count = 0;
        err = netlink_dump(nl, &request.head, on_dumped_address, dump);
    }
    return err;
}

static int on_asked_link(void *ctx, const struct nlmsghdr *msg)
{
    return link_message_parse(ctx, msg) ? 0 : -ENOENT;
}

int link_dump_read(struct link_dump *dump, struct netlink *nl)
{
    int err = read_links(dump, nl);

    return err ? err : read_addresses(dump, nl);
}

void link_dump_fini(struct link_dump *dump)
{
    free(dump->links);
    free(dump->addresses);
    memset(dump, 0, sizeof(*dump));
}

int link_ask(struct link_info *link, struct netlink *nl, uint32_t ifindex)
{
    struct link_request request = link_request(ifindex);

    return netlink_ask(nl, &request.head, on_asked_link, link);
}
