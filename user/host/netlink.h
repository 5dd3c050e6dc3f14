/* SPDX-License-Identifier: Apache-2.0 */
/* A NETLINK_ROUTE socket: requests with their answers, notifications, and a message's attributes. */
#ifndef SESSTAP_NETLINK_H
#define SESSTAP_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

/* The kernel makes no datagram of a dump larger than this. */
#define NETLINK_DATAGRAM_BYTES (32 * 1024)

struct netlink {
    int fd;
    uint32_t seq;
    _Alignas(struct nlmsghdr) char datagram[NETLINK_DATAGRAM_BYTES];
};

/* Called once a message; borrowed for the call. 0, or -errno to end with that error. */
typedef int netlink_handler(void *ctx, const struct nlmsghdr *msg);

/* groups: RTMGRP_* bits whose notifications are wanted; 0 for requests only. 0 or -errno. */
int netlink_open(struct netlink *nl, uint32_t groups);
/* One that was never opened must have fd -1. */
void netlink_close(struct netlink *nl);

/*
 * Send one request (its flags and sequence number are set here) and hand each answer to the
 * handler. -EAGAIN: what is dumped changed meanwhile and the answers may be incomplete; ask again.
 * Other negative values are the kernel's, the socket's or the handler's.
 */
int netlink_dump(struct netlink *nl, struct nlmsghdr *request, netlink_handler *handler, void *ctx);
int netlink_ask(struct netlink *nl, struct nlmsghdr *request, netlink_handler *handler, void *ctx);

/*
 * Read one datagram of notifications without waiting. 1: handled; 0: there is none now; -ENOBUFS:
 * some were lost; else -errno.
 */
int netlink_notified(struct netlink *nl, netlink_handler *handler, void *ctx);

/* table[type] = its attribute, NULL when absent; types above max are passed over. */
void netlink_attributes(const struct rtattr **table, unsigned int max, const struct rtattr *first,
                        size_t len);
/* The attributes that follow a message's own header of header_len bytes. */
void netlink_message_attributes(const struct rtattr **table, unsigned int max,
                                const struct nlmsghdr *msg, size_t header_len);
/* The value, or fallback when the attribute is absent or too short. */
uint32_t netlink_u32(const struct rtattr *attr, uint32_t fallback);
/* Text of at most size - 1 bytes; "" when absent. True when it was cut. */
bool netlink_text(const struct rtattr *attr, char *out, size_t size);

#endif
