/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture files as output: pcap with nanoseconds, and pcapng with interfaces, comments and drop
 * counts. Large (segmentation offload) packets are written as the packets they were on the wire.
 */
#ifndef SESSTAP_CAPTURE_H
#define SESSTAP_CAPTURE_H

#include <stdint.h>

#include "base/outfile.h"

enum capture_format { CAPTURE_PCAP, CAPTURE_PCAPNG };

/* One packet, or one skb of gso_segs wire packets. */
struct capture_packet {
    const uint8_t *headers; /* link layer (or IP, l3_only) to layer 4 */
    const uint8_t *payload; /* cap_len bytes */
    uint64_t wall_ns;
    uint32_t headers_len;
    uint32_t cap_len;     /* payload bytes at hand */
    uint32_t payload_len; /* payload bytes on the wire, of this piece */
    uint32_t chunk_off;   /* of this piece in the skb's payload; sequence numbers move by it */
    uint32_t skb_payload_len; /* of the whole skb: PSH, FIN go with its last byte */
    uint32_t trailer_len; /* bytes on the wire after the payload (padding) */
    uint32_t ifindex;     /* whose interface block it belongs to */
    uint16_t gso_size;    /* 0: one packet */
    uint16_t vlan_tci;    /* offloaded tag, 0: none; written back into the frame */
    uint8_t l3_only;
    uint8_t inbound; /* 1: received at the interface, 0: sent */
};

struct capture_interface {
    uint32_t ifindex;
    const char *name;
    uint8_t l3_only; /* LINKTYPE_RAW instead of LINKTYPE_ETHERNET */
    uint32_t snaplen;
};

/* NULL with errno. path as outfile. comment: the session's @id, put on each first packet; may be NULL. */
struct capture *capture_new(const char *path, enum capture_format format, const char *comment);
/* 0 or -errno. An interface is described when it is first used; pcap keeps the first one's link type. */
int capture_write(struct capture *capture, const struct capture_interface *iface,
                  const struct capture_packet *packet);
/* A loss happened before the next packet: pcapng's epb_dropcount. */
void capture_note_drops(struct capture *capture, uint64_t packets);
/* Interface statistics (pcapng ISB: received, dropped), rename, free. 0 or -errno. */
int capture_close(struct capture *capture, uint64_t ifrecv, uint64_t ifdrop);
void capture_abort(struct capture *capture);

#endif
