/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A socket buffer as the packets it was on the wire: what the network card, or the kernel in its
 * place, makes of a segmentation-offload packet (net/ipv4/tcp_offload.c, udp_offload.c, af_inet.c).
 */
#ifndef SESSTAP_SEGMENT_H
#define SESSTAP_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet.h"
#include "sink/capture.h"

/* Longer headers are written as they are, in one packet. */
#define SEGMENT_HEADERS_MAX 512
#define SEGMENT_VLAN_BYTES  4

/* One packet of the wire. Pointers are good until the next segment_next. */
struct wire_packet {
    const uint8_t *headers;
    const uint8_t *payload; /* cap_len bytes */
    uint32_t headers_len;
    uint32_t cap_len;
    uint32_t wire_len; /* all of it: headers, payload, trailer */
};

/* Walks the wire packets of one capture_packet. */
struct segmenter {
    const struct capture_packet *from;
    struct packet parsed; /* as found in from->headers; meaningful when is_known */
    bool is_known;        /* TCP or UDP, no fragment, all of its headers and no more */
    bool is_split;        /* into packets of gso_size */
    bool finished;
    uint32_t done;        /* payload bytes of this piece that were given out */
    uint32_t headers_len; /* of headers */
    uint16_t l3_off;      /* in headers */
    uint16_t l4_off;
    __sum16 found_checksum;                                    /* of layer 4 */
    uint8_t headers[SEGMENT_HEADERS_MAX + SEGMENT_VLAN_BYTES]; /* in the making */
};

/* *packet is borrowed until the last segment_next. Pieces of what has no gso_size must be whole. */
void segment_begin(struct segmenter *seg, const struct capture_packet *packet);
/* The next packet; false when there is none. At least one comes. */
bool segment_next(struct segmenter *seg, struct wire_packet *wire);

/* RFC 1071: add len bytes, the first of them at an even place, to a running sum. */
uint64_t checksum_add(uint64_t sum, const void *data, size_t len);
/* To 16 bits, not yet complemented, in the byte order of the data. */
uint16_t checksum_fold(uint64_t sum);

#endif
