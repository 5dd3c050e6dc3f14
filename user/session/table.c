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

struct table {
    struct session **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
    size_t due_count;
    struct session_numbers *numbers; /* own, or the caller's */
    struct session_numbers own;
    struct session *due_first;
    struct session *due_last;
    struct session *free_sessions;
    struct slab *slabs;
};

static size_t table_bucket(const struct table *table, uint64_t flow_id)
{
    return (size_t)((flow_id * 0x9e3779b97f4a7c15ull) >> 32) & (table->bucket_count - 1);
}

static enum session_kind session_kind(uint8_t l4_proto)
{
    switch (l4_proto) {
    case IP_PROTO_TCP:
        return SESSION_TCP;
    case IP_PROTO_UDP:
        return SESSION_UDP;
    case IP_PROTO_SCTP:
        return SESSION_SCTP;
    default:
        return SESSION_ICMP;
    }
}

struct table *table_new(void)
{
    struct table *table = calloc(1, sizeof(*table));

    if (!table)
        return NULL;
    table->numbers = &table->own;
    table->bucket_count = TABLE_MIN_BUCKETS;
    table->buckets = calloc(table->bucket_count, sizeof(struct session *));
    if (!table->buckets) {
        free(table);
        errno = ENOMEM;
        return NULL;
    }
    return table;
}

void table_use_numbers(struct table *table, struct session_numbers *numbers)
{
    table->numbers = numbers;
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

/* Not numbered. */
static struct session *table_place(struct table *table, uint64_t flow_id,
                                   const struct flow_key *key)
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
    session->hash_next = table->buckets[bucket];
    table->buckets[bucket] = session;
    table->count++;
    return session;
}

struct session *table_insert(struct table *table, uint64_t flow_id, const struct flow_key *key)
{
    struct session *session = table_place(table, flow_id, key);

    if (!session)
        return NULL;
    session->number = ++table->numbers->sessions;
    session->stream_index = table->numbers->streams[session_kind(key->l4_proto)]++;
    return session;
}

struct session *table_restore(struct table *table, uint64_t flow_id, const struct flow_key *key,
                              const struct session_note *note)
{
    struct session *session = table_place(table, flow_id, key);

    if (!session)
        return NULL;
    session->number = note->number;
    session->stream_index = note->stream_index;
    session->updates = note->updates;
    session->created_ns = note->created_ns;
    session->recorded_ns = note->recorded_ns;
    memcpy(session->instance, note->instance, sizeof(session->instance));
    session->instance[sizeof(session->instance) - 1] = '\0';
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
    return table->numbers->sessions;
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
