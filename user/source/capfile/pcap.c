/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pcap format (draft-ietf-opsawg-pcap): a head of 24 bytes, then records
 *   seconds(4) fraction(4) captured length(4) wire length(4) [Kuznetzov's variant: 8 more] data
 * all in the byte order of the magic.
 */
#include <string.h>

#include "source/capfile/reader.h"

#define FILE_HEAD_BYTES      24
#define RECORD_BYTES         16
#define MODIFIED_BYTES       24 /* + interface index(4) protocol(2) packet type(1) padding(1) */
#define PACKET_TYPE_AT       22
#define PACKET_TYPE_OUT      4 /* as in linux/if_packet.h */
#define LINKTYPE_RAW         101
#define LINKTYPE_RAW_BSD     12 /* what some systems write for it */
#define LINKTYPE_RAW_OPENBSD 14

struct pcap_variant {
    uint32_t magic;
    uint32_t fraction_ns;
    bool modified;
};

static const struct pcap_variant variants[] = {
    {0xa1b2c3d4, 1000, false},
    {0xa1b23c4d, 1, false},
    {0xa1b2cd34, 1000, true},
};

static inline uint32_t get_u32(const uint8_t *at, bool swapped)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return swapped ? __builtin_bswap32(value) : value;
}

static const struct pcap_variant *variant_of(const uint8_t *head, bool *swapped)
{
    for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
        for (int swap = 0; swap < 2; swap++) {
            if (get_u32(head, swap) == variants[i].magic) {
                *swapped = swap;
                return &variants[i];
            }
        }
    }
    return NULL;
}

bool pcap_is_magic(const uint8_t *head)
{
    bool swapped;

    return variant_of(head, &swapped);
}

static __attribute__((noinline)) int record_bad(struct reader *reader, uint32_t cap_len)
{
    if (cap_len <= PACKET_BYTES_MAX) {
        reader_cut_short(reader, "a packet");
        return reader_stop(reader);
    }
    reader_damage(reader, input_offset(&reader->input),
                  "a packet of %u bytes, more than any; what follows can't be read", cap_len);
    return reader_stop(reader);
}

static inline __attribute__((always_inline)) int read_record(struct reader *reader,
                                                             struct frame *frame, bool swapped,
                                                             bool modified)
{
    const struct pcap_state *pcap = &reader->pcap;
    struct input *input = &reader->input;
    size_t head_bytes = modified ? MODIFIED_BYTES : RECORD_BYTES;
    const uint8_t *at = input_need(input, head_bytes);
    uint32_t cap_len, wire_len;

    if (__builtin_expect(!at, 0)) {
        reader_cut_short(reader, "a packet's head");
        return reader_stop(reader);
    }
    cap_len = get_u32(at + 8, swapped);
    if (__builtin_expect(cap_len > PACKET_BYTES_MAX || (!cap_len && input_cut(input)), 0))
        return record_bad(reader, cap_len);
    at = input_need(input, head_bytes + cap_len);
    if (__builtin_expect(!at, 0))
        return record_bad(reader, cap_len);
    wire_len = get_u32(at + 12, swapped);
    frame->data = at + head_bytes;
    frame->cap_len = cap_len;
    frame->wire_len = wire_len < cap_len ? cap_len : wire_len;
    frame->time_ns = (uint64_t)get_u32(at, swapped) * 1000000000 +
                     (uint64_t)get_u32(at + 4, swapped) * pcap->fraction_ns;
    frame->offset = input_offset(input);
    frame->file = reader->file;
    frame->interface = pcap->interface;
    frame->linktype = pcap->linktype;
    frame->inbound = 0;
    if (modified)
        frame->inbound = at[PACKET_TYPE_AT] == PACKET_TYPE_OUT ? 2 : 1;
    input_take(input, head_bytes + cap_len);
    return 1;
}

static int next_plain(struct reader *reader, struct frame *frame)
{
    return read_record(reader, frame, false, false);
}

static int next_swapped(struct reader *reader, struct frame *frame)
{
    return read_record(reader, frame, true, false);
}

static int next_modified(struct reader *reader, struct frame *frame)
{
    return read_record(reader, frame, false, true);
}

static int next_modified_swapped(struct reader *reader, struct frame *frame)
{
    return read_record(reader, frame, true, true);
}

reader_next_fn pcap_begin(struct reader *reader)
{
    const uint8_t *head = input_need(&reader->input, FILE_HEAD_BYTES);
    const struct pcap_variant *variant;
    uint16_t linktype;
    int64_t interface;
    bool swapped = false;

    if (!head) {
        reader_cut_short(reader, "the head of the file");
        return NULL;
    }
    variant = variant_of(head, &swapped);
    /* The upper half tells of frame check sequences. */
    linktype = (uint16_t)get_u32(head + 20, swapped);
    if (linktype == LINKTYPE_RAW_BSD || linktype == LINKTYPE_RAW_OPENBSD)
        linktype = LINKTYPE_RAW;
    interface =
        finds_add_interface(reader->finds, reader, linktype, get_u32(head + 16, swapped), NULL, 0);
    if (interface < 0) {
        reader_damage(reader, 0, "no memory to read it");
        return NULL;
    }
    reader->pcap.linktype = linktype;
    reader->pcap.fraction_ns = variant->fraction_ns;
    reader->pcap.interface = (uint32_t)interface;
    reader->input.pos = head + FILE_HEAD_BYTES;
    if (variant->modified)
        return swapped ? next_modified_swapped : next_modified;
    return swapped ? next_swapped : next_plain;
}
