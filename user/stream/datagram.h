/* SPDX-License-Identifier: Apache-2.0 */
/* Inside stream/: one fragment, and one datagram that waits for its fragments. */
#ifndef SESSTAP_DATAGRAM_H
#define SESSTAP_DATAGRAM_H

#include "stream/fragments.h"

#define IP_PACKET_MAX_BYTES 65535
#define FRAGMENT_UNIT_BYTES 8 /* offsets count in these */
#define DATAGRAM_UNITS      (65536 / FRAGMENT_UNIT_BYTES)

/* What tells datagrams apart; no holes, compared as bytes. */
struct datagram_key {
    uint8_t src[16];
    uint8_t dst[16];
    uint32_t id;
    uint16_t scope;
    uint8_t ip_version;
    uint8_t l4_proto; /* IPv4 only */
};

/* A fragment's header read: what it says of itself. Places are of the datagram's payload. */
struct fragment_head {
    struct datagram_key key;
    const uint8_t *l3;
    uint32_t begin;
    uint32_t end;
    uint32_t cap_end;   /* begin..end */
    uint16_t hdr_len;   /* IP headers, with the fragment header */
    uint16_t keep_len;  /* of them, what the whole packet keeps */
    uint16_t next_at;   /* IPv6: the field in them that names the fragment header */
    uint8_t next_proto; /* IPv6: what it names then */
    uint8_t more;
};

/* A fragment that waits: the headers that the packet keeps, if it is a first one, then payload. */
struct fragment {
    struct fragment *next;
    uint64_t number;
    uint32_t begin;
    uint32_t end;
    uint32_t cap_end;
    uint16_t keep_len;
    uint16_t next_at;
    uint8_t next_proto;
    uint8_t data[];
};

struct datagram {
    struct datagram *hash_next;
    struct datagram *older;
    struct datagram *newer;
    struct datagram_key key;
    uint64_t first_time_ns;
    struct fragment *first; /* in the order they came */
    struct fragment *last;
    uint32_t end;     /* 0: not known yet */
    uint32_t max_end; /* of all fragments */
    uint32_t units;   /* of those covered */
    uint32_t pkts;
    uint32_t l3_hdr_bytes;
    size_t bytes; /* memory, this included */
    uint64_t covered[DATAGRAM_UNITS / 64];
};

/* What putting together needs; one for all datagrams. */
struct workshop {
    enum overlap_policy policy;
    uint64_t *numbers;
    size_t number_cap;
    const struct fragment *owner[DATAGRAM_UNITS];
    uint8_t packet[IP_PACKET_MAX_BYTES + 1 + sizeof(struct ipv6_hdr)];
};

/* 0, or -errno and the reason counted. */
int fragment_read(struct fragment_head *head, const struct packet *pkt, const uint8_t *frame_data,
                  uint32_t cap_len, struct fragment_counts *counts);
/* Memory that it will take. */
size_t fragment_bytes(const struct fragment_head *head);

/* Of the fragment's key, with no fragment yet; time_ns: of the first that came. NULL on no memory. */
struct datagram *datagram_new(const struct fragment_head *head, uint64_t time_ns);
void datagram_free(struct datagram *datagram);
/* The fragment contradicts the end of the datagram. */
bool datagram_end_differs(const struct datagram *datagram, const struct fragment_head *head);
/* 1: complete, 0: not yet, -ENOMEM. */
int datagram_add(struct datagram *datagram, const struct fragment_head *head, uint64_t number);
/* Put a complete one together. 0, -EMSGSIZE or -ENOMEM. */
int datagram_assemble(const struct datagram *datagram, struct workshop *workshop,
                      struct fragment_counts *counts, struct reassembled *out);

#endif
