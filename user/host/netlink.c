/* SPDX-License-Identifier: Apache-2.0 */
/* See rtnetlink(7). A dump's answers end with NLMSG_DONE, a single question's with its answer or an error. */
#include "host/netlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Some thousand notifications; taken only while they wait. */
#define NOTIFICATION_ROOM_BYTES (2 * 1024 * 1024)

int netlink_open(struct netlink *nl, uint32_t groups)
{
    struct sockaddr_nl addr = {.nl_family = AF_NETLINK, .nl_groups = groups};
    int room_bytes = NOTIFICATION_ROOM_BYTES;

    nl->seq = 0;
    nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (nl->fd < 0)
        return -errno;
    if (bind(nl->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        int err = -errno;

        netlink_close(nl);
        return err;
    }
    if (groups) /* else the default size does; refused only without CAP_NET_ADMIN */
        setsockopt(nl->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room_bytes, sizeof(room_bytes));
    return 0;
}

void netlink_close(struct netlink *nl)
{
    if (nl->fd >= 0)
        close(nl->fd);
    nl->fd = -1;
}

/* Bytes of one datagram of the kernel's; 0: not the kernel's. A datagram that did not fit is a loss. */
static ssize_t receive(struct netlink *nl, int flags)
{
    struct sockaddr_nl from = {0};
    struct iovec iov = {nl->datagram, sizeof(nl->datagram)};
    struct msghdr msg = {
        .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};
    ssize_t len;

    do
        len = recvmsg(nl->fd, &msg, flags);
    while (len < 0 && errno == EINTR);
    if (len < 0)
        return -errno;
    if (msg.msg_flags & MSG_TRUNC)
        return -ENOBUFS;
    return from.nl_pid == 0 ? len : 0;
}

static int send_request(struct netlink *nl, struct nlmsghdr *request, uint16_t flags)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

    request->nlmsg_flags = NLM_F_REQUEST | flags;
    request->nlmsg_seq = ++nl->seq;
    if (sendto(nl->fd, request, request->nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) <
        0)
        return -errno;
    return 0;
}

/* The error that an NLMSG_ERROR or NLMSG_DONE carries; 0: none. */
static int message_error(const struct nlmsghdr *msg)
{
    int error = 0;

    if (msg->nlmsg_len >= NLMSG_LENGTH(sizeof(error)))
        memcpy(&error, NLMSG_DATA(msg), sizeof(error));
    return error;
}

/* Every answer to the request now under way. The first error is kept, the rest still read. */
static int read_answers(struct netlink *nl, bool dump, netlink_handler *handler, void *ctx)
{
    bool interrupted = false;
    int err = 0;

    for (;;) {
        ssize_t got = receive(nl, 0);
        const struct nlmsghdr *msg = (const void *)nl->datagram;
        unsigned int len = got < 0 ? 0 : (unsigned int)got;

        if (got < 0)
            return (int)got;
        for (; NLMSG_OK(msg, len); msg = NLMSG_NEXT(msg, len)) {
            if (msg->nlmsg_seq != nl->seq)
                continue;
            interrupted |= (msg->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
            if (msg->nlmsg_type == NLMSG_DONE || msg->nlmsg_type == NLMSG_ERROR) {
                if (!err)
                    err = message_error(msg);
                return err ? err : interrupted ? -EAGAIN : 0;
            }
            if (!err)
                err = handler(ctx, msg);
            if (!dump)
                return err;
        }
    }
}

int netlink_dump(struct netlink *nl, struct nlmsghdr *request, netlink_handler *handler, void *ctx)
{
    int err = send_request(nl, request, NLM_F_DUMP);

    return err ? err : read_answers(nl, true, handler, ctx);
}

int netlink_ask(struct netlink *nl, struct nlmsghdr *request, netlink_handler *handler, void *ctx)
{
    int err = send_request(nl, request, 0);

    return err ? err : read_answers(nl, false, handler, ctx);
}

int netlink_notified(struct netlink *nl, netlink_handler *handler, void *ctx)
{
    ssize_t got = receive(nl, MSG_DONTWAIT);
    const struct nlmsghdr *msg = (const void *)nl->datagram;
    unsigned int len = got < 0 ? 0 : (unsigned int)got;

    if (got < 0)
        return got == -EAGAIN ? 0 : (int)got;
    for (; NLMSG_OK(msg, len); msg = NLMSG_NEXT(msg, len)) {
        int err = handler(ctx, msg);

        if (err)
            return err;
    }
    return 1;
}

void netlink_attributes(const struct rtattr **table, unsigned int max, const struct rtattr *first,
                        size_t len)
{
    int left = (int)len;

    memset(table, 0, (max + 1) * sizeof(*table));
    for (const struct rtattr *attr = first; RTA_OK(attr, left); attr = RTA_NEXT(attr, left)) {
        unsigned int type = attr->rta_type & NLA_TYPE_MASK;

        if (type <= max)
            table[type] = attr;
    }
}

void netlink_message_attributes(const struct rtattr **table, unsigned int max,
                                const struct nlmsghdr *msg, size_t header_len)
{
    size_t head = NLMSG_SPACE(header_len);
    const char *first = (const char *)msg + head;

    netlink_attributes(table, max, (const void *)first,
                       msg->nlmsg_len > head ? msg->nlmsg_len - head : 0);
}

uint32_t netlink_u32(const struct rtattr *attr, uint32_t fallback)
{
    uint32_t value = fallback;

    if (attr && RTA_PAYLOAD(attr) >= sizeof(value))
        memcpy(&value, RTA_DATA(attr), sizeof(value));
    return value;
}

bool netlink_text(const struct rtattr *attr, char *out, size_t size)
{
    size_t len = attr ? strnlen(RTA_DATA(attr), RTA_PAYLOAD(attr)) : 0;
    bool cut = len >= size;

    if (cut)
        len = size - 1;
    if (len)
        memcpy(out, RTA_DATA(attr), len);
    out[len] = '\0';
    return cut;
}
