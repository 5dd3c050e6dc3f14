/* SPDX-License-Identifier: Apache-2.0 */
/* Link and address messages as the kernel lays them out, and those that are not what they look like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "host/link_message.h"

/* On the heap, exactly as long as it says, so that a sanitizer sees any byte read beyond it. */
struct message {
    struct nlmsghdr *head;
};

static void message_begin(struct message *message, uint16_t type, const void *info, size_t len)
{
    message->head = calloc(1, NLMSG_SPACE(len));
    assert_non_null(message->head);
    message->head->nlmsg_type = type;
    message->head->nlmsg_len = (uint32_t)NLMSG_SPACE(len);
    memcpy(NLMSG_DATA(message->head), info, len);
}

static struct rtattr *message_add(struct message *message, uint16_t type, const void *data,
                                  size_t len)
{
    uint32_t at = message->head->nlmsg_len;
    struct rtattr *attr;

    message->head = realloc(message->head, at + RTA_SPACE(len));
    assert_non_null(message->head);
    attr = (struct rtattr *)((char *)message->head + at);
    memset(attr, 0, RTA_SPACE(len));
    attr->rta_type = type;
    attr->rta_len = (uint16_t)RTA_LENGTH(len);
    if (len)
        memcpy(RTA_DATA(attr), data, len);
    message->head->nlmsg_len = at + (uint32_t)RTA_SPACE(len);
    return attr;
}

static void message_add_u32(struct message *message, uint16_t type, uint32_t value)
{
    message_add(message, type, &value, sizeof(value));
}

static struct message veth_message(uint8_t family, uint16_t arphrd)
{
    const struct ifinfomsg info = {
        .ifi_family = family, .ifi_type = arphrd, .ifi_index = 7, .ifi_flags = IFF_UP};
    struct {
        struct rtattr attr;
        char kind[8];
    } linkinfo = {{RTA_LENGTH(5), IFLA_INFO_KIND}, "veth"};
    struct message message;

    message_begin(&message, RTM_NEWLINK, &info, sizeof(info));
    message_add(&message, IFLA_IFNAME, "veth7", 6);
    message_add(&message, IFLA_ADDRESS, "\2\0\0\0\0\7", 6);
    message_add_u32(&message, IFLA_MTU, 1450);
    message_add_u32(&message, IFLA_MASTER, 3);
    message_add_u32(&message, IFLA_LINK, 8);
    message_add_u32(&message, IFLA_NUM_RX_QUEUES, 4);
    message_add(&message, IFLA_LINKINFO | NLA_F_NESTED, &linkinfo, sizeof(linkinfo));
    return message;
}

static void reads_a_link(void **state)
{
    struct message message = veth_message(AF_UNSPEC, ARPHRD_ETHER);
    struct link_info link;

    (void)state;
    assert_true(link_message_parse(&link, message.head));
    assert_int_equal(link.ifindex, 7);
    assert_string_equal(link.name, "veth7");
    assert_string_equal(link.kind, "veth");
    assert_true(link.up);
    assert_int_equal(link.mtu, 1450);
    assert_int_equal(link.master_ifindex, 3);
    assert_int_equal(link.peer_ifindex, 8);
    assert_int_equal(link.link_netnsid, -1);
    assert_int_equal(link.num_rx_queues, 4);
    assert_int_equal(link.address_len, 6);
    assert_memory_equal(link.address, "\2\0\0\0\0\7\0", 7);
    message_add_u32(&message, IFLA_LINK_NETNSID, 0);
    assert_true(link_message_parse(&link, message.head));
    assert_int_equal(link.link_netnsid, 0);
    free(message.head);
}

static void passes_over_what_is_no_link(void **state)
{
    struct message port = veth_message(AF_BRIDGE, ARPHRD_ETHER);
    struct message wireless = veth_message(AF_UNSPEC, ARPHRD_ETHER);
    struct message nameless, brief;
    const struct ifinfomsg info = {.ifi_index = 7};
    struct link_info link;

    (void)state;
    message_add(&wireless, IFLA_WIRELESS, "event", 5);
    message_begin(&nameless, RTM_NEWLINK, &info, sizeof(info));
    message_begin(&brief, RTM_NEWLINK, &info, 4);
    assert_false(link_message_parse(&link, port.head));
    assert_false(link_message_parse(&link, wireless.head));
    assert_false(link_message_parse(&link, nameless.head));
    assert_false(link_message_parse(&link, brief.head));
    free(port.head);
    free(wireless.head);
    free(nameless.head);
    free(brief.head);
}

struct layer_row {
    const char *name;
    uint16_t arphrd;
    bool l3_only;
};

static const struct layer_row layer_rows[] = {
    {"veth, netkit in either mode", ARPHRD_ETHER, false},
    {"loopback", ARPHRD_LOOPBACK, false},
    {"wireguard, tun", ARPHRD_NONE, true},
    {"modem", ARPHRD_RAWIP, true},
    {"ppp", ARPHRD_PPP, true},
    {"ipip", ARPHRD_TUNNEL, true},
    {"ip6tnl", ARPHRD_TUNNEL6, true},
    {"sit", ARPHRD_SIT, true},
    {"gre", ARPHRD_IPGRE, true},
    {"ip6gre", ARPHRD_IP6GRE, true},
    {"infiniband", ARPHRD_INFINIBAND, false},
};

static void knows_bare_ip(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(layer_rows) / sizeof(layer_rows[0]); i++) {
        struct message message = veth_message(AF_UNSPEC, layer_rows[i].arphrd);
        struct link_info link;

        assert_true(link_message_parse(&link, message.head));
        if (link.l3_only != layer_rows[i].l3_only)
            fail_msg("%s", layer_rows[i].name);
        free(message.head);
    }
}

static void too_long_or_cut_short_stays_inside(void **state)
{
    char name[64], address[64];
    struct message message = veth_message(AF_UNSPEC, ARPHRD_ETHER);
    struct rtattr *last;
    struct link_info link;

    (void)state;
    memset(name, 'n', sizeof(name));
    memset(address, 1, sizeof(address));
    message_add(&message, IFLA_IFNAME, name, sizeof(name)); /* no zero byte at its end */
    message_add(&message, IFLA_ADDRESS, address, sizeof(address));
    message_add(&message, IFLA_MTU, "\1", 1);
    last = message_add(&message, IFLA_MASTER, "\1\2\3\4", 4);
    last->rta_len = 200; /* beyond the message */
    assert_true(link_message_parse(&link, message.head));
    assert_int_equal(strlen(link.name), LINK_NAME_SIZE - 1);
    assert_int_equal(link.address_len, LINK_ADDRESS_SIZE);
    assert_int_equal(link.mtu, 0);
    assert_int_equal(link.master_ifindex, 3);
    free(message.head);
}

struct address_row {
    const char *name;
    uint8_t family;
    uint8_t prefix_len;
    uint16_t type;
    size_t len;
    bool good;
};

static const struct address_row address_rows[] = {
    {"IPv4", AF_INET, 24, IFA_ADDRESS, 4, true},
    {"IPv4, local only", AF_INET, 32, IFA_LOCAL, 4, true},
    {"IPv6", AF_INET6, 64, IFA_ADDRESS, 16, true},
    {"prefix too long", AF_INET, 33, IFA_ADDRESS, 4, false},
    {"address too short", AF_INET6, 64, IFA_ADDRESS, 4, false},
    {"no address", AF_INET, 24, IFA_LABEL, 4, false},
    {"another family", AF_PACKET, 24, IFA_ADDRESS, 4, false},
};

static void reads_addresses(void **state)
{
    static const uint8_t bytes[16] = {10, 1, 2, 3, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5};

    (void)state;
    for (size_t i = 0; i < sizeof(address_rows) / sizeof(address_rows[0]); i++) {
        const struct address_row *row = &address_rows[i];
        const struct ifaddrmsg info = {
            .ifa_family = row->family, .ifa_prefixlen = row->prefix_len, .ifa_index = 9};
        struct message message;
        struct subnet subnet;
        uint32_t ifindex = 0;

        message_begin(&message, RTM_NEWADDR, &info, sizeof(info));
        message_add(&message, row->type, bytes, row->len);
        if (address_message_parse(&subnet, &ifindex, message.head) != row->good)
            fail_msg("%s", row->name);
        if (row->good) {
            uint8_t expected[16] = {0};

            memcpy(expected, bytes, row->len);
            assert_memory_equal(subnet.addr, expected, sizeof(expected));
            assert_int_equal(subnet.prefix_len, row->prefix_len);
            assert_int_equal(subnet.family, row->family);
            assert_int_equal(ifindex, 9);
        }
        free(message.head);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_link),    cmocka_unit_test(passes_over_what_is_no_link),
        cmocka_unit_test(knows_bare_ip),   cmocka_unit_test(too_long_or_cut_short_stays_inside),
        cmocka_unit_test(reads_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
