/* SPDX-License-Identifier: Apache-2.0 */
/* One datagram: its fragments in the order they came, and how they become one packet. */
#include "stream/datagram.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t unit_of(uint32_t place)
{
    return place / FRAGMENT_UNIT_BYTES;
}

static uint32_t units_until(uint32_t end)
{
    return (end + FRAGMENT_UNIT_BYTES - 1) / FRAGMENT_UNIT_BYTES;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

struct datagram *datagram_new(const struct fragment_head *head, uint64_t time_ns)
{
    struct datagram *datagram = calloc(1, sizeof(*datagram));

    if (!datagram)
        return NULL;
    datagram->key = head->key;
    datagram->first_time_ns = time_ns;
    datagram->bytes = sizeof(*datagram);
    return datagram;
}

void datagram_free(struct datagram *datagram)
{
    struct fragment *next;

    if (!datagram)
        return;
    for (struct fragment *f = datagram->first; f; f = next) {
        next = f->next;
        free(f);
    }
    free(datagram);
}

bool datagram_end_differs(const struct datagram *datagram, const struct fragment_head *head)
{
    if (datagram->end && (head->more ? head->end > datagram->end : head->end != datagram->end))
        return true;
    return !head->more && head->end < datagram->max_end;
}

static void cover(struct datagram *datagram, uint32_t begin, uint32_t end)
{
    for (uint32_t unit = unit_of(begin); unit < units_until(end); unit++) {
        uint64_t bit = 1ull << (unit % 64);

        datagram->units += !(datagram->covered[unit / 64] & bit);
        datagram->covered[unit / 64] |= bit;
    }
    if (end > datagram->max_end)
        datagram->max_end = end;
}

static struct fragment *fragment_copy(const struct fragment_head *head, uint64_t number)
{
    struct fragment *fragment = malloc(fragment_bytes(head));

    if (!fragment)
        return NULL;
    *fragment = (struct fragment){.number = number,
                                  .begin = head->begin,
                                  .end = head->end,
                                  .cap_end = head->cap_end,
                                  .keep_len = head->begin == 0 ? head->keep_len : 0,
                                  .next_at = head->next_at,
                                  .next_proto = head->next_proto};
    memcpy(fragment->data, head->l3, fragment->keep_len);
    memcpy(fragment->data + fragment->keep_len, head->l3 + head->hdr_len,
           head->cap_end - head->begin);
    return fragment;
}

int datagram_add(struct datagram *datagram, const struct fragment_head *head, uint64_t number)
{
    struct fragment *fragment = fragment_copy(head, number);

    if (!fragment)
        return -ENOMEM;
    if (datagram->last)
        datagram->last->next = fragment;
    else
        datagram->first = fragment;
    datagram->last = fragment;
    datagram->pkts++;
    datagram->l3_hdr_bytes += head->hdr_len;
    datagram->bytes += fragment_bytes(head);
    if (!head->more)
        datagram->end = head->end;
    cover(datagram, head->begin, head->end);
    return datagram->end && datagram->units == units_until(datagram->end);
}

/* The bytes of a unit that the capture has. */
static uint32_t unit_captured(const struct fragment *fragment, uint32_t unit)
{
    uint32_t at = unit * FRAGMENT_UNIT_BYTES;

    return fragment->cap_end > at ? smaller(fragment->cap_end - at, FRAGMENT_UNIT_BYTES) : 0;
}

static const uint8_t *unit_bytes(const struct fragment *fragment, uint32_t unit)
{
    return fragment->data + fragment->keep_len + (unit * FRAGMENT_UNIT_BYTES - fragment->begin);
}

/* The boundaries are those of the whole fragments as they came. */
static bool new_one_wins(enum overlap_policy policy, const struct fragment *new,
                         const struct fragment *old)
{
    switch (policy) {
    case OVERLAP_LAST:
        return true;
    case OVERLAP_BSD:
        return new->begin < old->begin;
    case OVERLAP_LINUX:
        return new->begin <= old->begin;
    case OVERLAP_WINDOWS:
        return new->begin<old->begin &&new->end> old->end;
    case OVERLAP_SOLARIS:
        return new->begin < old->begin &&new->end >= old->end;
    default:
        return false;
    }
}

static uint32_t count_different(const struct fragment *a, const struct fragment *b, uint32_t unit)
{
    uint32_t len = smaller(unit_captured(a, unit), unit_captured(b, unit)), different = 0;

    for (uint32_t i = 0; i < len; i++)
        different += unit_bytes(a, unit)[i] != unit_bytes(b, unit)[i];
    return different;
}

/* One fragment against those before it. */
static void settle(struct workshop *workshop, const struct fragment *new,
                   struct fragment_counts *counts)
{
    bool overlap = false;

    for (uint32_t unit = unit_of(new->begin); unit < units_until(new->end); unit++) {
        const struct fragment *old = workshop->owner[unit];
        uint32_t different, new_captured, old_captured;

        if (!old) {
            workshop->owner[unit] = new;
            continue;
        }
        different = count_different(new, old, unit);
        counts->overlap_conflicts += different;
        overlap |= different || new->begin != old->begin || new->end != old->end;
        new_captured = unit_captured(new, unit);
        old_captured = unit_captured(old, unit);
        if (new_captured == old_captured ? new_one_wins(workshop->policy, new, old)
                                         : new_captured > old_captured)
            workshop->owner[unit] = new;
    }
    counts->overlaps += overlap;
}

/* The payload, up to its first missing byte; returns how many bytes that are. */
static uint32_t collect(const struct workshop *workshop, uint32_t end, uint8_t *to)
{
    for (uint32_t at = 0; at < end; at += FRAGMENT_UNIT_BYTES) {
        const struct fragment *owner = workshop->owner[unit_of(at)];
        uint32_t captured = unit_captured(owner, unit_of(at));

        memcpy(to + at, unit_bytes(owner, unit_of(at)), captured);
        if (captured < smaller(end - at, FRAGMENT_UNIT_BYTES))
            return at + captured;
    }
    return end;
}

/* RFC 1071 */
static uint16_t header_checksum(const uint8_t *hdr, uint32_t len)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < len; i += 2)
        sum += (uint32_t)(hdr[i] << 8 | hdr[i + 1]);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* The first fragment's header, as it would be without fragmentation. */
static void make_header(uint8_t *packet, const struct fragment *first, uint8_t ip_version,
                        uint32_t packet_len)
{
    memcpy(packet, first->data, first->keep_len);
    if (ip_version == 4) {
        struct ipv4_hdr *ip = (struct ipv4_hdr *)packet;

        ip->total_length = WIRE_BE16(packet_len);
        ip->frag_off &= WIRE_BE16(0xffff ^ (IPV4_FRAG_MORE | IPV4_FRAG_OFFSET));
        ip->checksum = 0;
        ip->checksum = WIRE_BE16(header_checksum(packet, first->keep_len));
    } else {
        struct ipv6_hdr *ip = (struct ipv6_hdr *)packet;

        ip->payload_length = WIRE_BE16(packet_len - sizeof(*ip));
        packet[first->next_at] = first->next_proto;
    }
}

static int list_numbers(struct workshop *workshop, const struct datagram *datagram)
{
    size_t n = 0;

    if (datagram->pkts > workshop->number_cap) {
        size_t cap = datagram->pkts + workshop->number_cap;
        uint64_t *numbers = realloc(workshop->numbers, cap * sizeof(*numbers));

        if (!numbers)
            return -ENOMEM;
        workshop->numbers = numbers;
        workshop->number_cap = cap;
    }
    for (const struct fragment *f = datagram->first; f; f = f->next)
        workshop->numbers[n++] = f->number;
    return 0;
}

int datagram_assemble(const struct datagram *datagram, struct workshop *workshop,
                      struct fragment_counts *counts, struct reassembled *out)
{
    uint32_t uncounted_len = datagram->key.ip_version == 4 ? 0 : sizeof(struct ipv6_hdr);
    const struct fragment *first = datagram->first;
    uint32_t packet_len, captured;
    int err;

    while (first->begin != 0)
        first = first->next;
    packet_len = first->keep_len + datagram->end;
    if (packet_len - uncounted_len > IP_PACKET_MAX_BYTES)
        return -EMSGSIZE;
    err = list_numbers(workshop, datagram);
    if (err)
        return err;
    memset(workshop->owner, 0, units_until(datagram->end) * sizeof(workshop->owner[0]));
    for (const struct fragment *f = datagram->first; f; f = f->next)
        settle(workshop, f, counts);
    make_header(workshop->packet, first, datagram->key.ip_version, packet_len);
    captured = collect(workshop, datagram->end, workshop->packet + first->keep_len);
    *out = (struct reassembled){.data = workshop->packet,
                                .cap_len = first->keep_len + captured,
                                .wire_len = packet_len,
                                .pkts = datagram->pkts,
                                .l3_hdr_bytes = datagram->l3_hdr_bytes,
                                .first_time_ns = datagram->first_time_ns,
                                .numbers = workshop->numbers,
                                .eth_type =
                                    datagram->key.ip_version == 4 ? ETH_TYPE_IPV4 : ETH_TYPE_IPV6};
    return 0;
}
