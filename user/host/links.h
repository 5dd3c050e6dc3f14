/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interfaces of a network namespace, kept up to date by rtnetlink, and the choice of those to
 * track.
 */
#ifndef SESSTAP_LINKS_H
#define SESSTAP_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "pinned.h"

#define LINK_NAME_SIZE    16 /* IFNAMSIZ */
#define LINK_KIND_SIZE    32
#define LINK_ADDRESS_SIZE 32
#define LINK_SPACE_SIZE   64 /* a namespace's name */
/* Names of removed interfaces that are still known. */
#define LINKS_REMOVED_KEPT 4096

struct link_info {
    uint32_t ifindex;
    uint32_t number;         /* unique over namespaces, see IFACE_ELSEWHERE */
    uint32_t master_ifindex; /* 0: none */
    uint32_t peer_ifindex;   /* veth, netkit: the other end; vlan: the parent; 0: none or unknown */
    int32_t link_netnsid; /* our number for the namespace that peer_ifindex is in; -1: this one */
    uint32_t mtu;         /* bytes */
    uint32_t num_rx_queues;
    uint16_t arphrd; /* ARPHRD_* */
    uint16_t scope;  /* for the flow key; 0 is the host's own address space, see scope.h */
    bool up;
    bool l3_only; /* packets begin with the IP header */
    uint8_t address_len;
    bool hardware;                      /* there is a device below it: PCI, virtio, USB ... */
    uint8_t address[LINK_ADDRESS_SIZE]; /* link layer */
    char name[LINK_NAME_SIZE];
    char kind[LINK_KIND_SIZE]; /* "veth", "netkit", "bridge" ...; "" for hardware and loopback */
};

/*
 * Called from links_poll, in order. What they are given is borrowed for the call; they may look
 * things up, but not poll or close. For each interface added comes exactly one removed, unless
 * links_close ends it all. All three must be set.
 */
struct links_events {
    void (*added)(void *ctx, const struct link_info *link);
    /* before is what was last told of it: another name, master, scope, up ... */
    void (*changed)(void *ctx, const struct link_info *link, const struct link_info *before);
    void (*removed)(void *ctx, const struct link_info *link);
    void *ctx;
};

struct links;

/*
 * Begin to listen. events is copied. The first links_poll reports every interface that is there as
 * added. NULL with errno.
 */
struct links *links_open(const struct links_events *events);
/*
 * The same in another network namespace: ns_fd is only used here, but the sockets hold the namespace as long as they are
 * open. base: of the interfaces' numbers. name: goes before theirs, copied.
 */
struct links *links_open_in(const struct links_events *events, int ns_fd, uint32_t base,
                            const char *name);
/* Another name from now on. */
void links_rename_space(struct links *links, const char *name);
/* The namespace goes: every interface is reported as removed, and no more is heard; names stay known. */
void links_stop(struct links *links);
/* scopes_keep, before the first links_poll. */
void links_keep_scopes(struct links *links, struct pin_scope *room, uint32_t count);
void links_close(struct links *links); /* NULL is fine; no callbacks */

/* Readable when links_poll has something to do. Borrowed. */
int links_fd(const struct links *links);

/*
 * Take in what happened, without waiting. After an overrun all is read anew and the differences are
 * reported. 0 done; 1 not yet complete although the fd may be silent: call again within 100 ms;
 * else -errno (and the state is as good as before).
 */
int links_poll(struct links *links);

/* A present interface; NULL when there is none. Borrowed until the next links_poll. */
const struct link_info *links_get(const struct links *links, uint32_t ifindex);
/* The same, or one of the last LINKS_REMOVED_KEPT removed. */
const struct link_info *links_known(const struct links *links, uint32_t ifindex);
/* A veth or netkit, so that its peer_ifindex is the other end. */
bool link_is_pair_end(const struct link_info *link);
/* This namespace's number for another, by a file of that; negative: it has none. */
int32_t links_nsid(struct links *links, int ns_fd);
/*
 * The name it has or, of those links_known knows, had; NULL when unknown. In another namespace: that one's name, a slash,
 * its name there.
 */
const char *links_name(const struct links *links, uint32_t ifindex);
/* The next present interface, by no order that matters; NULL begins and ends. */
const struct link_info *links_next(const struct links *links, const struct link_info *link);
size_t links_count(const struct links *links);
/* How often notifications were lost and all was read anew; the first reading is not counted. */
uint64_t links_overruns(const struct links *links);

/* True for link layers that the programs can read: Ethernet, loopback, bare IP. */
bool link_is_readable(const struct link_info *link);

/* Names or globs (fnmatch) of interfaces to track, borrowed. None: every veth and netkit. */
struct link_filter {
    const char *const *patterns;
    size_t count;
};

/* Whether the filter takes the interface. A name with *, ? or [ in it also matches literally. */
bool links_match(const struct link_filter *filter, const struct link_info *link);
/* The first pattern that is a plain name which no present interface has; NULL: none. */
const char *links_missing(const struct links *links, const struct link_filter *filter);

#endif
