/* SPDX-License-Identifier: Apache-2.0 */
#include "app/app_queue.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "app/keylog.h"
#include "base/batch_ring.h"

/* A few batches, so that neither side waits. */
#define BATCH_BYTES  (64u << 10)
#define COPY_BYTES   (BATCH_BYTES / 4) /* a larger copy has memory of its own */
#define BATCHES      32
#define SLAB_HANDLES 256

enum item_kind { ITEM_PACKET, ITEM_DATA, ITEM_HOLE, ITEM_OVER, ITEM_END, ITEM_SECRETS, ITEM_NAME };

/* What all items begin with. They lie one behind the other, each as long as its kind is, with its copied bytes behind it. */
struct item {
    struct app_handle *handle;
    const void *owned; /* a large copy; NULL: none */
    uint32_t bytes;    /* to the next one */
    uint8_t kind;
};

struct packet_item {
    struct item item;
    struct app_packet packet;
};

/* ITEM_DATA and ITEM_HOLE */
struct data_item {
    struct item item;
    struct app_piece piece;
};

struct end_item {
    struct item item;
    struct app_ending ending;
};

/* ITEM_SECRETS and ITEM_NAME */
struct text_item {
    struct item item;
    const uint8_t *text;
    size_t len;
    uint8_t addr[16];
    enum name_source source;
};

struct batch {
    size_t used_bytes;
    bool release; /* when it is done */
    _Alignas(struct item) uint8_t bytes[BATCH_BYTES];
};

struct app_handle {
    struct app_handle *next;  /* of a list of unused ones */
    struct app_session *app;  /* the thread's; NULL: none yet, or it is settled, or no memory */
    struct identity identity; /* the thread's: what is known of a session that is settled */
    const struct facts *facts;
    struct flow_key key;
    bool begun;           /* the thread's */
    const char *names[2]; /* what DNS called its endpoints then */
    bool is_named; /* by its facts: those of others, long out of the cache, need not be looked at */
    bool spoke;    /* the caller's: bytes came */
    _Atomic bool wants_packets;
    _Atomic bool wants_data;
};

/* Handles are made many at a time, and live as long as the queue. */
struct slab {
    struct slab *next;
    struct app_handle handles[SLAB_HANDLES];
};

struct app_queue {
    struct app *app;
    struct app_conf conf;
    void (*release)(void *ctx);
    void *ctx;
    struct batch_ring *ring;
    struct batch *filling; /* the caller's */
    struct app_handle
        *_Atomic returned;    /* added to by the thread, taken all at once by the caller */
    struct app_handle *spare; /* the caller's */
    struct slab *slabs;
    struct batch batches[BATCHES];
    struct app_handle *ended; /* the thread's, of this batch: far from what the caller looks at */
    struct app_handle *ended_last;
};

/* ---- the thread ------------------------------------------------------------------------------- */

/* What was found stays; nobody looks into the session any more. */
static void settle(struct app_handle *handle, uint64_t time_ns, bool by_fin)
{
    app_session_finish(handle->app, time_ns, by_fin);
    handle->identity = *app_session_identity(handle->app);
    handle->facts = facts_hold(app_session_facts(handle->app));
    handle->is_named = handle->facts && handle->facts->tls.sni.at;
    app_session_free(handle->app);
    handle->app = NULL;
    atomic_store_explicit(&handle->wants_packets, false, memory_order_relaxed);
    atomic_store_explicit(&handle->wants_data, false, memory_order_relaxed);
}

/* False when nobody looks into the session any more, or there is no memory to. */
static bool looks_into(struct app_queue *queue, struct app_handle *handle)
{
    if (!handle->begun) {
        handle->begun = true;
        for (int i = 0; queue->conf.names && i < 2; i++)
            handle->names[i] = names_of_dns(queue->conf.names, handle->key.addr[i].bytes);
        handle->app = app_session_new(queue->app, &handle->key, NULL);
    }
    return handle->app;
}

/*
 * Few sessions need more than their first packets: they take no more room then, until their end. When the caller has turned a
 * session's bytes down, none is on its way.
 */
static void settle_if_known(struct app_handle *handle)
{
    bool wants_data = atomic_load_explicit(&handle->wants_data, memory_order_relaxed);

    if (app_session_is_settled(handle->app, wants_data))
        settle(handle, 0, true);
}

static void take_packet(struct app_queue *queue, const struct packet_item *item)
{
    struct app_handle *handle = item->item.handle;

    if (!looks_into(queue, handle) || app_session_packet(handle->app, &item->packet))
        return;
    atomic_store_explicit(&handle->wants_packets, false, memory_order_relaxed);
    settle_if_known(handle);
}

static void take_stream(struct app_queue *queue, const struct data_item *item)
{
    struct app_handle *handle = item->item.handle;

    if (!looks_into(queue, handle))
        return;
    if (item->item.kind == ITEM_HOLE)
        app_session_hole(handle->app, item->piece.side, item->piece.len);
    else
        app_session_data(handle->app, &item->piece);
    if (app_session_wants_data(handle->app))
        return;
    atomic_store_explicit(&handle->wants_data, false, memory_order_relaxed);
    settle_if_known(handle);
}

static void take_over(struct app_handle *handle)
{
    if (!handle->app)
        return;
    app_session_over(handle->app);
    settle_if_known(handle);
}

static void give_back(struct app_queue *queue, struct app_handle *handle)
{
    handle->next = queue->ended;
    if (!queue->ended)
        queue->ended_last = handle;
    queue->ended = handle;
}

static void end_session(struct app_queue *queue, struct app_handle *handle,
                        const struct app_ending *ending)
{
    if (handle->app)
        settle(handle, ending->time_ns, ending->by_fin);
    if (queue->conf.names && handle->is_named)
        app_tell_name(handle->facts, queue->conf.names, ending->key.addr[!ending->client].bytes);
    if (ending->identity)
        *ending->identity = handle->identity;
    if (ending->facts)
        *ending->facts = handle->facts;
    else
        facts_free(handle->facts);
    give_back(queue, handle);
}

static void take_end(struct app_queue *queue, const struct end_item *item)
{
    const struct app_ending *ending = &item->ending;
    const char *before[2] = {NULL, NULL};

    if (item->item.handle) {
        memcpy(before, item->item.handle->names, sizeof(before));
        end_session(queue, item->item.handle, ending);
    }
    for (int i = 0; queue->conf.names && ending->names && i < 2; i++)
        ending->names[i] = names_since(queue->conf.names, ending->key.addr[i].bytes, before[i]);
}

static void take_text(const struct app_queue *queue, const struct text_item *item)
{
    if (item->item.kind == ITEM_SECRETS)
        keylog_add(queue->conf.keylog, (const char *)item->text, item->len);
    else
        names_add(queue->conf.names, item->addr, (const char *)item->text, item->len, item->source);
}

static void take_item(struct app_queue *queue, const struct item *item)
{
    switch ((enum item_kind)item->kind) {
    case ITEM_PACKET:
        take_packet(queue, (const struct packet_item *)item);
        break;
    case ITEM_DATA:
    case ITEM_HOLE:
        take_stream(queue, (const struct data_item *)item);
        break;
    case ITEM_OVER:
        take_over(item->handle);
        break;
    case ITEM_END:
        take_end(queue, (const struct end_item *)item);
        break;
    case ITEM_SECRETS:
    case ITEM_NAME:
        take_text(queue, (const struct text_item *)item);
        break;
    }
    free((void *)item->owned);
}

/* What ended in this batch is the caller's again. */
static void return_ended(struct app_queue *queue)
{
    struct app_handle *before = atomic_load_explicit(&queue->returned, memory_order_relaxed);

    if (!queue->ended)
        return;
    do
        queue->ended_last->next = before;
    while (!atomic_compare_exchange_weak_explicit(&queue->returned, &before, queue->ended,
                                                  memory_order_release, memory_order_relaxed));
    queue->ended = NULL;
}

static void take_batch(void *ctx, unsigned int i)
{
    struct app_queue *queue = ctx;
    struct batch *batch = &queue->batches[i];

    for (size_t at = 0; at < batch->used_bytes;) {
        const struct item *item = (const struct item *)(batch->bytes + at);

        at += item->bytes;
        if (at < batch->used_bytes) /* the next one's, which may be long out of the cache */
            __builtin_prefetch(((const struct item *)(batch->bytes + at))->handle);
        take_item(queue, item);
    }
    if (batch->release)
        queue->release(queue->ctx);
    batch->used_bytes = 0;
    batch->release = false;
    return_ended(queue);
}

static void end_thread(void *ctx)
{
    const struct app_queue *queue = ctx;

    app_close(queue->app);
}

/* ---- the caller ------------------------------------------------------------------------------- */

struct app_queue *app_queue_new(const struct app_conf *conf, void (*release)(void *ctx), void *ctx)
{
    struct app_queue *queue = calloc(1, sizeof(*queue));
    int err = ENOMEM;

    if (!queue)
        return NULL;
    queue->conf = *conf;
    queue->release = release;
    queue->ctx = ctx;
    queue->filling = &queue->batches[0];
    queue->app = app_new(conf);
    if (queue->app) {
        queue->ring = batch_ring_new(BATCHES, &(struct batch_taker){take_batch, end_thread, queue});
        if (queue->ring)
            return queue;
        err = errno;
    }
    app_free(queue->app);
    free(queue);
    errno = err;
    return NULL;
}

void app_queue_free(struct app_queue *queue)
{
    if (!queue)
        return;
    app_queue_finish(queue);
    batch_ring_free(queue->ring);
    while (queue->slabs) {
        struct slab *next = queue->slabs->next;

        free(queue->slabs);
        queue->slabs = next;
    }
    app_free(queue->app);
    free(queue);
}

static void hand_over(struct app_queue *queue)
{
    queue->filling = &queue->batches[batch_ring_hand(queue->ring)];
    if (!queue->spare)
        queue->spare = atomic_exchange_explicit(&queue->returned, NULL, memory_order_acquire);
}

/* A new item, with room behind it; its kind's own part is the caller's to fill in. */
static void *add_item(struct app_queue *queue, enum item_kind kind, struct app_handle *handle,
                      size_t item_bytes, size_t more_bytes)
{
    struct batch *batch = queue->filling;
    size_t bytes =
        (item_bytes + more_bytes + _Alignof(struct item) - 1) & ~(_Alignof(struct item) - 1);
    struct item *item;

    if (bytes > BATCH_BYTES - batch->used_bytes) {
        hand_over(queue);
        batch = queue->filling;
    }
    item = (struct item *)(batch->bytes + batch->used_bytes);
    batch->used_bytes += bytes;
    item->handle = handle;
    item->owned = NULL;
    item->bytes = (uint32_t)bytes;
    item->kind = (uint8_t)kind;
    return item;
}

static void forget_item(struct app_queue *queue, const struct item *last)
{
    queue->filling->used_bytes -= last->bytes;
}

/* How much of a copy's bytes lie behind its item. */
static size_t bytes_behind(size_t len, bool stays)
{
    return stays || len > COPY_BYTES ? 0 : len;
}

/* Where an item's bytes are from now on. NULL: there is no memory for them. */
static const uint8_t *keep_bytes(struct item *item, size_t item_bytes, const uint8_t *data,
                                 size_t len, bool stays)
{
    uint8_t *room = (uint8_t *)item + item_bytes;

    if (stays)
        return data;
    if (len > COPY_BYTES) {
        room = malloc(len);
        item->owned = room;
    }
    if (room)
        memcpy(room, data, len);
    return room;
}

/* NULL on no memory. */
static struct app_handle *take_handle(struct app_queue *queue)
{
    struct app_handle *handle = queue->spare;
    struct slab *slab;

    if (handle) {
        queue->spare = handle->next;
        return handle;
    }
    slab = malloc(sizeof(*slab));
    if (!slab)
        return NULL;
    slab->next = queue->slabs;
    queue->slabs = slab;
    for (size_t i = 1; i < SLAB_HANDLES; i++) {
        slab->handles[i].next = queue->spare;
        queue->spare = &slab->handles[i];
    }
    return &slab->handles[0];
}

struct app_handle *app_queue_begin(struct app_queue *queue, const struct flow_key *key)
{
    struct app_handle *handle = take_handle(queue);

    if (!handle)
        return NULL;
    handle->app = NULL;
    handle->identity = (struct identity){0};
    handle->facts = NULL;
    handle->is_named = false;
    handle->begun = false;
    handle->names[0] = handle->names[1] = NULL;
    handle->key = *key;
    handle->spoke = false;
    atomic_store_explicit(&handle->wants_packets, queue->conf.identify && app_can_identify(),
                          memory_order_relaxed);
    atomic_store_explicit(&handle->wants_data, true, memory_order_relaxed);
    return handle;
}

bool app_handle_wants_packets(const struct app_handle *handle)
{
    return atomic_load_explicit(&handle->wants_packets, memory_order_relaxed);
}

bool app_handle_wants_data(const struct app_handle *handle)
{
    return atomic_load_explicit(&handle->wants_data, memory_order_relaxed);
}

void app_queue_packet(struct app_queue *queue, struct app_handle *handle,
                      const struct app_packet *packet, bool stays)
{
    struct packet_item *item =
        add_item(queue, ITEM_PACKET, handle, sizeof(*item), bytes_behind(packet->cap_len, stays));

    item->packet = *packet;
    item->packet.l3 = keep_bytes(&item->item, sizeof(*item), packet->l3, packet->cap_len, stays);
    if (!item->packet.l3)
        forget_item(queue, &item->item);
}

/* Bytes that nobody would read are not even told of. What there is no memory for is missing. */
void app_queue_data(struct app_queue *queue, struct app_handle *handle,
                    const struct app_piece *piece, bool stays)
{
    bool first = !handle->spoke && piece->len;
    struct data_item *item;

    handle->spoke |= piece->len > 0;
    if (first && app_turns_down(queue->app, &handle->key, piece)) {
        atomic_store_explicit(&handle->wants_data, false, memory_order_relaxed);
        return;
    }
    item = add_item(queue, ITEM_DATA, handle, sizeof(*item), bytes_behind(piece->len, stays));
    item->piece = *piece;
    item->piece.data = keep_bytes(&item->item, sizeof(*item), piece->data, piece->len, stays);
    if (!item->piece.data)
        item->item.kind = ITEM_HOLE;
}

void app_queue_hole(struct app_queue *queue, struct app_handle *handle, enum app_side side,
                    uint64_t length)
{
    struct data_item *item = add_item(queue, ITEM_HOLE, handle, sizeof(*item), 0);

    item->piece = (struct app_piece){.side = side, .len = length};
}

void app_queue_over(struct app_queue *queue, struct app_handle *handle)
{
    if (app_handle_wants_data(handle))
        add_item(queue, ITEM_OVER, handle, sizeof(struct item), 0);
}

void app_queue_end(struct app_queue *queue, struct app_handle *handle,
                   const struct app_ending *ending)
{
    struct end_item *item = add_item(queue, ITEM_END, handle, sizeof(*item), 0);

    item->ending = *ending;
}

static struct text_item *add_text(struct app_queue *queue, enum item_kind kind, const void *text,
                                  size_t len)
{
    struct text_item *item = add_item(queue, kind, NULL, sizeof(*item), bytes_behind(len, false));

    item->len = len;
    item->text = keep_bytes(&item->item, sizeof(*item), text, len, false);
    if (item->text)
        return item;
    forget_item(queue, &item->item);
    return NULL;
}

void app_queue_secrets(struct app_queue *queue, const uint8_t *lines, size_t len)
{
    if (queue->conf.keylog)
        add_text(queue, ITEM_SECRETS, lines, len);
}

void app_queue_name(struct app_queue *queue, const uint8_t addr[16], const char *name,
                    enum name_source source)
{
    struct text_item *item =
        queue->conf.names ? add_text(queue, ITEM_NAME, name, strlen(name)) : NULL;

    if (!item)
        return;
    memcpy(item->addr, addr, sizeof(item->addr));
    item->source = source;
}

void app_queue_release(struct app_queue *queue)
{
    queue->filling->release = true;
    hand_over(queue);
}

/* What is in the batch that is being filled goes to the thread, too. */
static void hand_over_rest(struct app_queue *queue)
{
    if (queue->filling->used_bytes)
        hand_over(queue);
}

void app_queue_finish(struct app_queue *queue)
{
    hand_over_rest(queue);
    batch_ring_finish(queue->ring);
}

void app_queue_wait(struct app_queue *queue)
{
    hand_over_rest(queue);
    batch_ring_wait(queue->ring);
}
