/* SPDX-License-Identifier: Apache-2.0 */
/* A chained hash table that doubles, with sessions carved from slabs: a hundred thousand are usual. */
#include "session/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

#define TABLE_MIN_BUCKETS 1024
#define SLAB_SESSIONS     256

struct slab {
    struct slab *next;
    struct session sessions[SLAB_SESSIONS];
};

enum stream_kind { STREAM_TCP, STREAM_UDP, STREAM_ICMP, STREAM_SCTP, STREAM_KINDS };

struct table {
    struct session **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
    size_t due_count;
    uint64_t inserted;
    uint64_t streams[STREAM_KINDS];
    struct session *due_first;
    struct session *due_last;
    struct session *free_sessions;
    struct slab *slabs;
};

static size_t table_bucket(const struct table *table, uint64_t flow_id)
{
    return (size_t)((flow_id * 0x9e3779b97f4a7c15ull) >> 32) & (table->bucket_count - 1);
}

static enum stream_kind stream_kind(uint8_t l4_proto)
{
    switch (l4_proto) {
    case IP_PROTO_TCP:
        return STREAM_TCP;
    case IP_PROTO_UDP:
        return STREAM_UDP;
    case IP_PROTO_SCTP:
        return STREAM_SCTP;
    default:
        return STREAM_ICMP;
    }
}

struct table *table_new(void)
{
    struct table *table = calloc(1, sizeof(*table));

    if (!table)
        return NULL;
    table->bucket_count = TABLE_MIN_BUCKETS;
    table->buckets = calloc(table->bucket_count, sizeof(struct session *));
    if (!table->buckets) {
        free(table);
        errno = ENOMEM;
        return NULL;
    }
    return table;
}

void table_free(struct table *table)
{
    if (!table)
        return;
    while (table->slabs) {
        struct slab *slab = table->slabs;

        table->slabs = slab->next;
        free(slab);
    }
    free(table->buckets);
    free(table);
}

struct session *table_find(const struct table *table, uint64_t flow_id)
{
    struct session *session = table->buckets[table_bucket(table, flow_id)];

    while (session && session->id != flow_id)
        session = session->hash_next;
    return session;
}

/* Without memory for more buckets the chains grow instead. */
static void table_grow(struct table *table)
{
    size_t old_count = table->bucket_count;
    struct session **old = table->buckets;
    struct session **buckets = calloc(old_count * 2, sizeof(struct session *));

    if (!buckets)
        return;
    table->buckets = buckets;
    table->bucket_count = old_count * 2;
    for (size_t i = 0; i < old_count; i++) {
        while (old[i]) {
            struct session *session = old[i];
            size_t to = table_bucket(table, session->id);

            old[i] = session->hash_next;
            session->hash_next = buckets[to];
            buckets[to] = session;
        }
    }
    free(old);
}

static struct session *table_allocate(struct table *table)
{
    struct session *session;

    if (!table->free_sessions) {
        struct slab *slab = malloc(sizeof(*slab));

        if (!slab)
            return NULL;
        slab->next = table->slabs;
        table->slabs = slab;
        for (size_t i = 0; i < SLAB_SESSIONS; i++) {
            slab->sessions[i].hash_next = table->free_sessions;
            table->free_sessions = &slab->sessions[i];
        }
    }
    session = table->free_sessions;
    table->free_sessions = session->hash_next;
    memset(session, 0, sizeof(*session));
    return session;
}

struct session *table_insert(struct table *table, uint64_t flow_id, const struct flow_key *key)
{
    struct session *session = table_allocate(table);
    size_t bucket;

    if (!session) {
        errno = ENOMEM;
        return NULL;
    }
    if (table->count >= table->bucket_count)
        table_grow(table);
    bucket = table_bucket(table, flow_id);
    session->id = flow_id;
    session->key = *key;
    session->number = ++table->inserted;
    session->stream_index = table->streams[stream_kind(key->l4_proto)]++;
    session->hash_next = table->buckets[bucket];
    table->buckets[bucket] = session;
    table->count++;
    return session;
}

void table_remove(struct table *table, struct session *session)
{
    struct session **at = &table->buckets[table_bucket(table, session->id)];

    while (*at != session)
        at = &(*at)->hash_next;
    *at = session->hash_next;
    session->hash_next = table->free_sessions;
    table->free_sessions = session;
    table->count--;
}

size_t table_count(const struct table *table)
{
    return table->count;
}

uint64_t table_inserted(const struct table *table)
{
    return table->inserted;
}

void table_set_due(struct table *table, struct session *session, uint64_t due_ns)
{
    session->due_ns = due_ns;
    session->due_next = NULL;
    if (table->due_last)
        table->due_last->due_next = session;
    else
        table->due_first = session;
    table->due_last = session;
    table->due_count++;
}

struct session *table_take_due(struct table *table, uint64_t now_ns)
{
    struct session *session = table->due_first;

    if (!session || session->due_ns > now_ns)
        return NULL;
    table->due_first = session->due_next;
    if (!table->due_first)
        table->due_last = NULL;
    session->due_next = NULL;
    table->due_count--;
    return session;
}

size_t table_due_count(const struct table *table)
{
    return table->due_count;
}

void table_each(struct table *table, void (*visit)(void *ctx, struct session *session), void *ctx)
{
    for (size_t i = 0; i < table->bucket_count; i++) {
        struct session *session = table->buckets[i];

        while (session) {
            struct session *next = session->hash_next;

            visit(ctx, session);
            session = next;
        }
    }
}
