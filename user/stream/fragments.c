/* SPDX-License-Identifier: Apache-2.0 */
/* The datagrams that wait for fragments: found by key, given up from the oldest on. */
#include "stream/fragments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stream/datagram.h"

#define BUCKETS 4096

struct fragments {
    struct fragment_counts counts;
    size_t used_bytes;
    size_t max_bytes;
    uint32_t datagrams;
    struct datagram *oldest;
    struct datagram *newest;
    struct datagram *bucket[BUCKETS];
    struct workshop workshop;
};

struct fragments *fragments_new(enum overlap_policy policy, size_t max_bytes)
{
    struct fragments *fragments = calloc(1, sizeof(*fragments));

    if (!fragments)
        return NULL;
    fragments->workshop.policy = policy;
    fragments->max_bytes = max_bytes;
    return fragments;
}

/* Where the list begins that the key is in. */
static struct datagram **bucket_of(struct fragments *fragments, const struct datagram_key *key)
{
    uint64_t word[sizeof(*key) / sizeof(uint64_t)], hash = 0;

    memcpy(word, key, sizeof(word));
    for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
        hash = (hash ^ word[i]) * 0x9e3779b97f4a7c15ull;
        hash ^= hash >> 32;
    }
    return &fragments->bucket[hash % BUCKETS];
}
_Static_assert(sizeof(struct datagram_key) % sizeof(uint64_t) == 0, "datagram_key");

static struct datagram *find(struct fragments *fragments, const struct datagram_key *key)
{
    struct datagram *datagram = *bucket_of(fragments, key);

    while (datagram && memcmp(&datagram->key, key, sizeof(*key)))
        datagram = datagram->hash_next;
    return datagram;
}

static void insert(struct fragments *fragments, struct datagram *datagram)
{
    struct datagram **bucket = bucket_of(fragments, &datagram->key);

    datagram->hash_next = *bucket;
    *bucket = datagram;
    datagram->older = fragments->newest;
    if (fragments->newest)
        fragments->newest->newer = datagram;
    else
        fragments->oldest = datagram;
    fragments->newest = datagram;
    fragments->datagrams++;
    fragments->used_bytes += datagram->bytes;
}

static void unlink_datagram(struct fragments *fragments, struct datagram *datagram)
{
    struct datagram **at = bucket_of(fragments, &datagram->key);

    while (*at != datagram)
        at = &(*at)->hash_next;
    *at = datagram->hash_next;
    if (datagram->older)
        datagram->older->newer = datagram->newer;
    else
        fragments->oldest = datagram->newer;
    if (datagram->newer)
        datagram->newer->older = datagram->older;
    else
        fragments->newest = datagram->older;
    fragments->datagrams--;
    fragments->used_bytes -= datagram->bytes;
    fragments->counts.waiting -= datagram->pkts;
}

static void give_up(struct fragments *fragments, struct datagram *datagram, uint64_t *reason)
{
    (*reason)++;
    fragments->counts.given_up += datagram->pkts;
    unlink_datagram(fragments, datagram);
    datagram_free(datagram);
}

static bool is_too_old(const struct datagram *datagram, uint64_t time_ns)
{
    return time_ns > datagram->first_time_ns &&
           time_ns - datagram->first_time_ns > FRAGMENTS_TIMEOUT_NS;
}

/* Make room for bytes more, at the cost of the oldest ones but this. */
static bool make_room(struct fragments *fragments, const struct datagram *keep, size_t bytes)
{
    if (bytes + (keep ? keep->bytes : 0) > fragments->max_bytes)
        return false;
    while (bytes > fragments->max_bytes - fragments->used_bytes) {
        struct datagram *oldest = fragments->oldest;

        if (oldest == keep)
            oldest = oldest->newer;
        give_up(fragments, oldest, &fragments->counts.evicted);
    }
    return true;
}

/* The datagram that the fragment belongs to, made if there is none; NULL: no memory. */
static struct datagram *datagram_for(struct fragments *fragments, const struct fragment_head *head,
                                     uint64_t time_ns)
{
    struct datagram *datagram = find(fragments, &head->key);

    if (datagram && is_too_old(datagram, time_ns)) {
        give_up(fragments, datagram, &fragments->counts.timed_out);
        datagram = NULL;
    }
    if (datagram)
        return datagram;
    if (!make_room(fragments, NULL, sizeof(*datagram) + fragment_bytes(head)))
        return NULL;
    if (fragments->datagrams == FRAGMENTS_MAX_DATAGRAMS)
        give_up(fragments, fragments->oldest, &fragments->counts.too_many);
    datagram = datagram_new(head, time_ns);
    if (datagram)
        insert(fragments, datagram);
    return datagram;
}

static int refuse(struct fragments *fragments, uint64_t *reason, int err)
{
    (*reason)++;
    fragments->counts.given_up++;
    return err;
}

/* A complete one leaves: 1, or -errno. */
static int hand_out(struct fragments *fragments, struct datagram *datagram, struct reassembled *out)
{
    struct fragment_counts *counts = &fragments->counts;
    int err = datagram_assemble(datagram, &fragments->workshop, counts, out);

    if (err) {
        give_up(fragments, datagram, err == -EMSGSIZE ? &counts->oversized : &counts->no_memory);
        return err;
    }
    counts->datagrams++;
    unlink_datagram(fragments, datagram);
    datagram_free(datagram);
    return 1;
}

static int add_to(struct fragments *fragments, struct datagram *datagram,
                  const struct fragment_head *head, struct reassembled *out)
{
    size_t bytes = datagram->bytes;
    int done;

    if (!make_room(fragments, datagram, fragment_bytes(head)))
        return refuse(fragments, &fragments->counts.no_memory, -ENOMEM);
    done = datagram_add(datagram, head, fragments->counts.fragments);
    if (done < 0)
        return refuse(fragments, &fragments->counts.no_memory, done);
    fragments->used_bytes += datagram->bytes - bytes;
    fragments->counts.waiting++;
    return done ? hand_out(fragments, datagram, out) : 0;
}

/* All of its packet (RFC 6946): others with its identification have nothing to do with it. */
static int hand_out_alone(struct fragments *fragments, const struct fragment_head *head,
                          uint64_t time_ns, struct reassembled *out)
{
    struct fragment_counts *counts = &fragments->counts;
    struct datagram *datagram = datagram_new(head, time_ns);
    int err = datagram ? datagram_add(datagram, head, counts->fragments) : -ENOMEM;

    if (err >= 0)
        err = datagram_assemble(datagram, &fragments->workshop, counts, out);
    datagram_free(datagram);
    if (err)
        return refuse(fragments, err == -EMSGSIZE ? &counts->oversized : &counts->no_memory, err);
    counts->datagrams++;
    return 1;
}

int fragments_add(struct fragments *fragments, const struct packet *pkt, const uint8_t *frame_data,
                  uint32_t cap_len, uint64_t time_ns, struct reassembled *out)
{
    struct fragment_counts *counts = &fragments->counts;
    struct datagram *datagram;
    struct fragment_head head;
    int err;

    counts->fragments++;
    while (fragments->oldest && is_too_old(fragments->oldest, time_ns))
        give_up(fragments, fragments->oldest, &counts->timed_out);
    err = fragment_read(&head, pkt, frame_data, cap_len, counts);
    if (err) {
        counts->given_up++;
        return err;
    }
    if (head.begin == 0 && !head.more)
        return hand_out_alone(fragments, &head, time_ns, out);
    datagram = datagram_for(fragments, &head, time_ns);
    if (!datagram)
        return refuse(fragments, &counts->no_memory, -ENOMEM);
    if (datagram_end_differs(datagram, &head))
        return refuse(fragments, &counts->beyond_end, -EINVAL);
    return add_to(fragments, datagram, &head, out);
}

void fragments_finish(struct fragments *fragments)
{
    while (fragments->oldest)
        give_up(fragments, fragments->oldest, &fragments->counts.unfinished);
}

void fragments_free(struct fragments *fragments)
{
    if (!fragments)
        return;
    fragments_finish(fragments);
    free(fragments->workshop.numbers);
    free(fragments);
}

const struct fragment_counts *fragments_counts(const struct fragments *fragments)
{
    return &fragments->counts;
}

size_t fragments_used_bytes(const struct fragments *fragments)
{
    return fragments->used_bytes;
}
