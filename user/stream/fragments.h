/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv4 and IPv6 fragments put together again, in any order and with overlaps, within a bound of memory
 * and 30 s of capture time (RFC 791 section 3.2, RFC 8200 section 4.5).
 *
 * The books: each fragment ever added is in pkts of a datagram handed out, in given_up, or waits.
 */
#ifndef SESSTAP_FRAGMENTS_H
#define SESSTAP_FRAGMENTS_H

#include <stddef.h>
#include <stdint.h>

#include "packet.h"
#include "stream/dialog.h"

#define FRAGMENTS_TIMEOUT_NS    30000000000ull /* since a datagram's first fragment to come */
#define FRAGMENTS_MAX_DATAGRAMS 16384          /* that wait at once */

struct fragment_counts {
    uint64_t fragments; /* added */
    uint64_t datagrams; /* handed out */
    uint64_t waiting;   /* fragments that wait now */
    uint64_t given_up;  /* fragments that became part of no datagram, for the reasons below */
    /* Why, in datagrams that waited */
    uint64_t timed_out;
    uint64_t evicted;    /* the oldest ones, for want of memory */
    uint64_t too_many;   /* the oldest ones, at FRAGMENTS_MAX_DATAGRAMS */
    uint64_t oversized;  /* complete, but over 65535 bytes with the first fragment's header */
    uint64_t unfinished; /* at the end (fragments_finish) */
    /* Why, in fragments refused; their datagram waits on */
    uint64_t malformed;  /* no length, or one that is no multiple of eight before the last */
    uint64_t truncated;  /* the capture has not all of its IP header */
    uint64_t beyond_end; /* past the datagram's end, or an end before what is there (teardrop) */
    uint64_t too_large;  /* ends past 65535 bytes (ping of death) */
    uint64_t no_memory;  /* also: alone larger than the bound */
    /* Of datagrams handed out */
    uint64_t overlaps;          /* fragments with other boundaries or content than what was there */
    uint64_t overlap_conflicts; /* bytes that differ from those that were there */
};

/* A whole IP packet as if it had never been cut: no fragmentation, lengths and checksum set. */
struct reassembled {
    const uint8_t *data;   /* from the IP header on; until the next call of fragments_add */
    uint32_t cap_len;      /* bytes at data: to the first byte that the capture does not have */
    uint32_t wire_len;     /* the packet's length, for packet_parse_l3 */
    uint32_t pkts;         /* fragments that it came in, copies too many included */
    uint32_t l3_hdr_bytes; /* all their IP headers, up to and with the fragment header */
    uint64_t first_time_ns;
    const uint64_t *numbers; /* [pkts]: which calls of fragments_add, from 1; valid as data is */
    uint16_t eth_type;       /* for packet_parse_l3 */
};

struct fragments;

/*
 * Whose bytes stay where fragments overlap, as in Novak, Target-Based Fragmentation Reassembly, 2005:
 * the first copy, unless the new fragment
 *   LAST     (always)
 *   BSD      begins before the old one
 *   LINUX    begins before it or with it
 *   WINDOWS  begins before it and ends after it
 *   SOLARIS  begins before it and ends with it or after it
 * Bytes that were captured win over bytes cut off. NULL with errno on no memory.
 */
struct fragments *fragments_new(enum overlap_policy policy, size_t max_bytes);
/* NULL is fine. */
void fragments_free(struct fragments *fragments);

/*
 * A fragment: pkt->is_fragment as packet.h left it, whatever its verdict was; only l3_off,
 * key.ip_version and key.scope are read. frame_data: the frame's first byte, of cap_len bytes.
 * 1: *out is a whole packet; parse it by packet_parse_l3 (it may be a fragment again, nested).
 * 0: it waits for others. Given up and counted: -EINVAL (malformed, truncated, beyond_end),
 * -EMSGSIZE (too_large, oversized), -ENOMEM.
 * An IPv6 fragment that is all of its packet is handed out at once (RFC 6946).
 */
int fragments_add(struct fragments *fragments, const struct packet *pkt, const uint8_t *frame_data,
                  uint32_t cap_len, uint64_t time_ns, struct reassembled *out);
/* The end of input: what waits is given up. */
void fragments_finish(struct fragments *fragments);

const struct fragment_counts *fragments_counts(const struct fragments *fragments);
/* Memory held, in bytes: at most max_bytes. */
size_t fragments_used_bytes(const struct fragments *fragments);

#endif
