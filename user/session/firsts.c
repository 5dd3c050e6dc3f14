/* SPDX-License-Identifier: Apache-2.0 */
#include "session/firsts.h"

#include <stdlib.h>
#include <string.h>

#include "fragment.h"

#define BUCKETS FRAGMENT_FIRSTS

struct entry {
    struct fragment_key key;
    struct fragment_first first;
    uint32_t next; /* in its bucket: index + 1, 0: the last */
    uint32_t bucket;
};

struct firsts {
    uint32_t buckets[BUCKETS]; /* index + 1 */
    uint64_t made;
    struct entry entries[FRAGMENT_FIRSTS]; /* a ring */
};

struct firsts *firsts_new(void)
{
    return calloc(1, sizeof(struct firsts));
}

void firsts_free(struct firsts *firsts)
{
    free(firsts);
}

static uint32_t bucket_of(const struct fragment_key *key)
{
    uint64_t words[sizeof(*key) / sizeof(uint64_t)], hash = 0;

    memcpy(words, key, sizeof(words));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15ull;
        hash ^= hash >> 32;
    }
    return (uint32_t)(hash % BUCKETS);
}

static struct entry *find(struct firsts *firsts, const struct fragment_key *key, uint32_t bucket)
{
    uint32_t at = firsts->buckets[bucket];

    while (at && memcmp(&firsts->entries[at - 1].key, key, sizeof(*key)))
        at = firsts->entries[at - 1].next;
    return at ? &firsts->entries[at - 1] : NULL;
}

/* The ring's next place, taken from who has it. */
static struct entry *make(struct firsts *firsts, const struct fragment_key *key, uint32_t bucket)
{
    uint32_t index = (uint32_t)(firsts->made % FRAGMENT_FIRSTS);
    struct entry *entry = &firsts->entries[index];

    if (firsts->made++ >= FRAGMENT_FIRSTS) {
        uint32_t *at = &firsts->buckets[entry->bucket];

        while (*at != index + 1)
            at = &firsts->entries[*at - 1].next;
        *at = entry->next;
    }
    entry->key = *key;
    entry->bucket = bucket;
    entry->next = firsts->buckets[bucket];
    firsts->buckets[bucket] = index + 1;
    return entry;
}

int firsts_join(struct firsts *firsts, struct packet *pkt, int verdict, uint64_t now_ns)
{
    struct fragment_key key;
    struct entry *entry;
    uint32_t bucket;

    if (verdict ? verdict != UNACCOUNTED_FRAGMENT_NO_FIRST : !fragment_is_first(pkt))
        return verdict;
    fragment_key(&key, pkt);
    bucket = bucket_of(&key);
    entry = find(firsts, &key, bucket);
    if (verdict)
        return entry ? fragment_join(pkt, &entry->first, now_ns) : verdict;
    if (!entry)
        entry = make(firsts, &key, bucket);
    memset(&entry->first, 0, sizeof(entry->first));
    fragment_keep(&entry->first, pkt, now_ns);
    return 0;
}
