/* SPDX-License-Identifier: Apache-2.0 */
/* What writer and reader of index files share: the head, and numbers of variable length. */
#ifndef SESSTAP_CAPFILE_INDEX_FORMAT_H
#define SESSTAP_CAPFILE_INDEX_FORMAT_H

#include <stdint.h>

#include "source/capfile/index.h"
#include "tunnel.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "index files are little endian");

#define INDEX_MAGIC "STIDX\r\n\x1a"
/* Also to be raised when struct flow, struct stream_tally or what makes a session of packets changes. */
#define INDEX_VERSION     5
#define INDEX_BLOCK_HEAD  8 /* crc32(4) length(4), then the body */
#define INDEX_BLOCK_MAX   (1u << 26)
#define INDEX_VARINT_MAX  10
#define INDEX_EDGE_BYTES  (64u << 10) /* of the capture, at each end, that are compared */
#define INDEX_SEEKABLE    1u
#define INDEX_TUNNELS     2u
#define INDEX_SESSION_TAG 'S'
#define INDEX_CHUNK_TAG   'C'
/* Of a session. */
#define INDEX_HAS_TALLY  1u
#define INDEX_HAS_PLACES 2u
#define INDEX_HAS_TUNNEL 4u
#define INDEX_HAS_NOTE   8u
#define INDEX_HAS_TOLD   16u

#define INDEX_WORDS(type) (sizeof(type) / sizeof(uint64_t))
_Static_assert(sizeof(struct flow) % 8 == 0 && sizeof(struct flow_key) % 8 == 0 &&
                   sizeof(struct stream_tally) % 8 == 0 && sizeof(struct flow_note) % 8 == 0,
               "kept as words of 8 bytes");

/* Which capture an index is of. */
struct index_capture {
    uint64_t bytes;
    int64_t mtime_ns;  /* since 1970 */
    uint32_t head_crc; /* crc32 of its first INDEX_EDGE_BYTES */
    uint32_t edge_crc; /* of its last */
};

struct index_head {
    char magic[8];
    uint32_t version;
    uint32_t head_bytes;
    uint64_t index_bytes; /* the whole index file */
    struct index_capture capture;
    uint32_t overlap;
    uint32_t flags; /* INDEX_SEEKABLE, INDEX_TUNNELS */
    uint32_t flow_bytes;
    uint32_t tally_bytes;
    uint32_t told_by; /* struct index_reading.told_by */
    uint32_t zero;
    uint64_t frames;
    uint64_t damaged;
    uint64_t session_count;
    uint64_t sessions_offset; /* u64[session_count]: offset of each session's block, by number */
    uint64_t ends_offset;     /* u64[session_count]: their numbers in the order that they ended */
    uint64_t landmark_count;
    uint64_t landmarks_offset; /* u64[landmark_count] */
    uint64_t kind_count;
    uint64_t kinds_offset; /* struct index_kind[kind_count] */
    uint32_t kinds_crc;    /* crc32 of landmarks and kinds, which lie one behind the other */
    uint32_t head_crc;     /* crc32 of all before it */
};
_Static_assert(sizeof(struct index_head) == 152, "index_head");

/* The streams of a transport protocol. */
struct index_kind {
    uint64_t l4_proto;
    uint64_t count;
    uint64_t offset; /* u64[count]: the session number of each stream index */
};

static inline uint8_t index_kind_of(uint8_t l4_proto)
{
    return l4_proto == IP_PROTO_ICMPV6 ? IP_PROTO_ICMP : l4_proto;
}

/* LEB128. Returns behind it; INDEX_VARINT_MAX bytes of room are wanted. */
static inline uint8_t *index_put(uint8_t *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

/* NULL: it does not end before end, or is too long; a NULL at stays. */
static inline const uint8_t *index_take(const uint8_t *at, const uint8_t *end, uint64_t *value)
{
    uint64_t sum = 0;

    for (unsigned int shift = 0; at && at < end && shift < 70; shift += 7) {
        uint8_t byte = *at++;

        if (shift == 63 && byte > 1)
            return NULL;
        sum |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = sum;
            return at;
        }
    }
    return NULL;
}

/* The state of the capture at path now. 0 or -errno; -EINVAL: no regular file. */
int index_capture_look(struct index_capture *capture, const char *path);
/* The index's name into path[size]. 0 or -ENAMETOOLONG. */
int index_path(char *path, size_t size, const char *capture);
uint32_t index_crc(uint32_t crc, const void *data, size_t len);

#endif
