/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture files as output: pcap with nanoseconds, and pcapng with interfaces, comments and drop
 * counts. Large (segmentation offload) packets are written as the packets they were on the wire.
 */
#ifndef SESSTAP_CAPTURE_H
#define SESSTAP_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/outfile.h"

enum capture_format { CAPTURE_PCAP, CAPTURE_PCAPNG };

/* One packet, or one skb of gso_segs wire packets, or a piece of one (a chunk). */
struct capture_packet {
    const uint8_t *headers; /* link layer (or IP, l3_only) to layer 4 */
    const uint8_t *payload; /* cap_len bytes */
    uint64_t wall_ns;
    uint32_t headers_len;
    uint32_t cap_len;         /* payload bytes at hand */
    uint32_t payload_len;     /* payload bytes on the wire, of this piece */
    uint32_t chunk_off;       /* of this piece in the skb's payload: a multiple of gso_size */
    uint32_t skb_payload_len; /* of the whole skb: PSH, FIN go with its last byte */
    uint32_t trailer_len;     /* bytes on the wire after the payload (padding), not at hand */
    uint32_t ifindex;         /* whose interface block it belongs to: capture_interface.ifindex */
    uint16_t gso_size;        /* 0: one packet */
    uint16_t vlan_tci;        /* offloaded tag, 0: none; written back into the frame */
    uint8_t l3_only;
    uint8_t inbound;  /* 1: received at the interface, 0: sent */
    uint8_t verbatim; /* from a capture file: no byte is touched, no checksum completed */
};

struct capture_interface {
    uint32_t ifindex;
    const char *name;     /* NULL: has none */
    uint8_t l3_only;      /* LINKTYPE_RAW instead of LINKTYPE_ETHERNET */
    uint16_t linktype;    /* of a capture file's packets; 0: by l3_only, unless has_linktype */
    uint8_t has_linktype; /* 0 is one too: BSD loopback */
    uint32_t snaplen;     /* packets are cut to it, headers included; 0: no bound */
};

/* A name for an address, addresses as in struct flow_key: IPv4 is mapped (::ffff:a.b.c.d). */
struct capture_name {
    uint8_t addr[16];
    uint8_t ip_version; /* 4 or 6 */
    const char *name;
};

#define CAPTURE_SECRETS_TLS_KEY_LOG 0x544c534bu /* the NSS key log format, as text */
#define CAPTURE_SECRETS_MAX_BYTES   (8u << 20)
#define CAPTURE_NAME_MAX_BYTES      255

struct capture;

/* NULL with errno. path as outfile. comment: the session's @id, put on the first packet; may be NULL. */
struct capture *capture_new(const char *path, enum capture_format format, const char *comment);

/*
 * 0 or -errno. An interface is described when it is first used. A pcap file has the link type of
 * the first packet: packets of another are left out, the first with -EPROTOTYPE, all in
 * capture_left_out.
 *
 * gso_size > 0: written as its wire packets, as the kernel's TSO and UDP GSO make them, each with
 * its lengths, id, sequence number, flags and checksums; pieces of one skb may come in any order,
 * and one that never comes is just missing. Wire packets of which only the headers are at hand are written
 * as that. gso_size == 0: the pieces of one large packet, in order, are put together; if a piece
 * is missing, the packet ends there. It is written when its last piece, or another packet's first, is here.
 *
 * The checksum of a TCP or UDP packet that left it to the network card is completed when
 * the whole packet is at hand; any other checksum stays as it was found, also a wrong one.
 */
int capture_write(struct capture *capture, const struct capture_interface *iface,
                  const struct capture_packet *packet);
/* pcapng: put on the next packet, in place of one that waits for it. 0 or -ENOMEM. */
int capture_comment(struct capture *capture, const char *comment);
/* A loss happened before the next packet: pcapng's epb_dropcount. */
void capture_note_drops(struct capture *capture, uint64_t packets);
/* Packets in the file so far, and those that it could not hold (see capture_write). */
uint64_t capture_packets(const struct capture *capture);
uint64_t capture_left_out(const struct capture *capture);

/*
 * pcapng name resolution blocks. 0 or -errno; -EOPNOTSUPP in pcap; -EINVAL for a name that is empty or
 * longer than CAPTURE_NAME_MAX_BYTES (nothing is written then).
 */
int capture_write_names(struct capture *capture, const struct capture_name *names, size_t count);
/*
 * pcapng decryption secrets block; readers want it before the packets that it opens. 0 or -errno;
 * -EOPNOTSUPP in pcap; -EMSGSIZE beyond CAPTURE_SECRETS_MAX_BYTES.
 */
int capture_write_secrets(struct capture *capture, uint32_t type, const void *secrets, size_t len);
/* The same before all packets, also those that are written already; a large file is written anew for it. */
int capture_insert_secrets(struct capture *capture, uint32_t type, const void *secrets, size_t len);

/*
 * Interface statistics (pcapng ISB of the first interface: received, dropped), rename, free. 0 or
 * -errno. A pcap file with no packet is an empty Ethernet one.
 */
int capture_close(struct capture *capture, uint64_t ifrecv, uint64_t ifdrop);
/* Forget it all, leave no file; NULL is fine. */
void capture_abort(struct capture *capture);

#endif
