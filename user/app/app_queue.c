/* SPDX-License-Identifier: Apache-2.0 */
#include "app/app_queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "app/keylog.h"
#include "packet.h"

/* Handed over in batches, so that the lock costs nothing; a few of them, so that neither side waits. */
#define BATCH_ITEMS 1024
#define BATCH_BYTES (128u << 10) /* of copies; a larger one has memory of its own */
#define BATCHES     8

enum item_kind { ITEM_PACKET, ITEM_DATA, ITEM_HOLE, ITEM_END, ITEM_SECRETS, ITEM_NAME };

struct item {
    struct app_handle *handle;
    const uint8_t *data;
    size_t len; /* of a hole, too */
    uint8_t kind;
    uint8_t source; /* enum name_source */
    bool owned;     /* data is the item's */
    union {
        struct {
            struct packet pkt;
            uint64_t time_ns;
        } packet;
        struct app_piece piece;
        struct app_ending ending;
        uint8_t addr[16];
    };
};

struct batch {
    size_t count;
    size_t used_bytes;
    bool release; /* when it is done */
    struct item items[BATCH_ITEMS];
    uint8_t bytes[BATCH_BYTES];
};

struct app_handle {
    struct app_handle *next; /* of a list of unused ones */
    struct session session;
    struct app_session *app; /* the thread's; NULL: none yet, or no memory */
    bool begun;              /* the thread's */
    _Atomic bool wants_packets;
    _Atomic bool wants_data;
};

struct app_queue {
    struct app *app;
    struct app_conf conf;
    void (*release)(void *ctx);
    void *ctx;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t handed; /* batches given to the thread, and done by it; both under the lock */
    uint64_t done;
    bool finished;
    struct app_handle *returned; /* by the thread; under the lock */
    struct app_handle *spare;    /* the caller's */
    struct app_handle *ended;    /* the thread's, of this batch */
    struct app_handle *ended_last;
    struct batch batches[BATCHES];
};

/* ---- the thread ------------------------------------------------------------------------------- */

static void drop(struct app_handle *handle)
{
    app_session_free(handle->app);
    handle->app = NULL;
    atomic_store_explicit(&handle->wants_packets, false, memory_order_relaxed);
    atomic_store_explicit(&handle->wants_data, false, memory_order_relaxed);
}

/* The session's first item; false when there is no memory. */
static bool begin(struct app_queue *queue, struct app_handle *handle)
{
    if (!handle->begun) {
        handle->begun = true;
        handle->app = app_session_new(queue->app, &handle->session);
        if (!handle->app)
            drop(handle);
    }
    return handle->app;
}

static void take_packet(struct app_queue *queue, const struct item *item)
{
    struct app_handle *handle = item->handle;

    if (begin(queue, handle) && !app_session_packet(handle->app, &item->packet.pkt, item->data,
                                                    item->len, item->packet.time_ns))
        atomic_store_explicit(&handle->wants_packets, false, memory_order_relaxed);
}

static void take_stream(struct app_queue *queue, const struct item *item)
{
    struct app_handle *handle = item->handle;

    if (!begin(queue, handle))
        return;
    if (item->kind == ITEM_HOLE)
        app_session_hole(handle->app, item->piece.side, item->len);
    else
        app_session_data(handle->app, &item->piece);
    if (!app_session_wants_data(handle->app))
        atomic_store_explicit(&handle->wants_data, false, memory_order_relaxed);
}

static void give_back(struct app_queue *queue, struct app_handle *handle)
{
    app_session_free(handle->app);
    handle->next = queue->ended;
    if (!queue->ended)
        queue->ended_last = handle;
    queue->ended = handle;
}

static void end_session(const struct app_queue *queue, struct app_session *app,
                        const struct app_ending *ending)
{
    const struct facts *facts;

    app_session_finish(app, ending->time_ns);
    facts = app_session_facts(app);
    if (queue->conf.names)
        app_session_tell_name(app, queue->conf.names, ending->key.addr[!ending->client].bytes);
    if (ending->identity)
        *ending->identity = *app_session_identity(app);
    if (ending->facts)
        *ending->facts = facts_hold(facts);
}

static void take_end(struct app_queue *queue, const struct item *item)
{
    const struct app_ending *ending = &item->ending;

    if (item->handle) {
        if (item->handle->app)
            end_session(queue, item->handle->app, ending);
        give_back(queue, item->handle);
    }
    for (int i = 0; queue->conf.names && ending->names && i < 2; i++)
        ending->names[i] = names_find(queue->conf.names, ending->key.addr[i].bytes, NULL);
}

static void take_item(struct app_queue *queue, const struct item *item)
{
    switch ((enum item_kind)item->kind) {
    case ITEM_PACKET:
        take_packet(queue, item);
        break;
    case ITEM_DATA:
    case ITEM_HOLE:
        take_stream(queue, item);
        break;
    case ITEM_END:
        take_end(queue, item);
        break;
    case ITEM_SECRETS:
        keylog_add(queue->conf.keylog, (const char *)item->data, item->len);
        break;
    case ITEM_NAME:
        names_add(queue->conf.names, item->addr, (const char *)item->data, item->len,
                  (enum name_source)item->source);
        break;
    }
    if (item->owned)
        free((void *)item->data);
}

static void take_batch(struct app_queue *queue, struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        take_item(queue, &batch->items[i]);
    if (batch->release)
        queue->release(queue->ctx);
    batch->count = 0;
    batch->used_bytes = 0;
    batch->release = false;
}

static void *run(void *ctx)
{
    struct app_queue *queue = ctx;

    pthread_mutex_lock(&queue->lock);
    for (;;) {
        while (queue->handed == queue->done && !queue->finished)
            pthread_cond_wait(&queue->changed, &queue->lock);
        if (queue->handed == queue->done)
            break;
        pthread_mutex_unlock(&queue->lock);
        take_batch(queue, &queue->batches[queue->done % BATCHES]);
        pthread_mutex_lock(&queue->lock);
        if (queue->ended) {
            queue->ended_last->next = queue->returned;
            queue->returned = queue->ended;
            queue->ended = NULL;
        }
        queue->done++;
        pthread_cond_signal(&queue->changed);
    }
    pthread_mutex_unlock(&queue->lock);
    return NULL;
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
    queue->app = app_new(conf);
    if (queue->app) {
        pthread_mutex_init(&queue->lock, NULL);
        pthread_cond_init(&queue->changed, NULL);
        err = pthread_create(&queue->thread, NULL, run, queue);
        if (!err)
            return queue;
        pthread_cond_destroy(&queue->changed);
        pthread_mutex_destroy(&queue->lock);
    }
    app_free(queue->app);
    free(queue);
    errno = err;
    return NULL;
}

static void free_handles(struct app_handle *handle)
{
    while (handle) {
        struct app_handle *next = handle->next;

        free(handle);
        handle = next;
    }
}

void app_queue_free(struct app_queue *queue)
{
    if (!queue)
        return;
    app_queue_wait(queue);
    pthread_mutex_lock(&queue->lock);
    queue->finished = true;
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
    pthread_join(queue->thread, NULL);
    free_handles(queue->returned);
    free_handles(queue->spare);
    app_free(queue->app);
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

static struct batch *current(struct app_queue *queue)
{
    return &queue->batches[queue->handed % BATCHES];
}

static void hand_over(struct app_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->handed++;
    pthread_cond_signal(&queue->changed);
    while (queue->handed - queue->done >= BATCHES)
        pthread_cond_wait(&queue->changed, &queue->lock);
    if (!queue->spare) {
        queue->spare = queue->returned;
        queue->returned = NULL;
    }
    pthread_mutex_unlock(&queue->lock);
}

/* A new item, with room for its copy. */
static struct item *add_item(struct app_queue *queue, enum item_kind kind,
                             struct app_handle *handle, size_t copy_bytes)
{
    struct batch *batch = current(queue);
    struct item *item;

    if (batch->count == BATCH_ITEMS ||
        (copy_bytes <= BATCH_BYTES && copy_bytes > BATCH_BYTES - batch->used_bytes)) {
        hand_over(queue);
        batch = current(queue);
    }
    item = &batch->items[batch->count++];
    item->kind = (uint8_t)kind;
    item->handle = handle;
    item->owned = false;
    return item;
}

/* The item's data; false when there is no memory for it. */
static bool set_data(struct app_queue *queue, struct item *item, const uint8_t *data, size_t len,
                     bool stays)
{
    struct batch *batch = current(queue);
    uint8_t *room = batch->bytes + batch->used_bytes;

    item->data = data;
    item->len = len;
    if (stays)
        return true;
    if (len > BATCH_BYTES) {
        room = malloc(len);
        item->owned = room;
    } else {
        batch->used_bytes += len;
    }
    item->data = room;
    if (!room)
        return false;
    memcpy(room, data, len);
    return true;
}

struct app_handle *app_queue_begin(struct app_queue *queue, const struct session *session)
{
    struct app_handle *handle = queue->spare;

    if (handle)
        queue->spare = handle->next;
    else
        handle = malloc(sizeof(*handle));
    if (!handle)
        return NULL;
    handle->session = *session;
    handle->app = NULL;
    handle->begun = false;
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

void app_queue_packet(struct app_queue *queue, struct app_handle *handle, const struct packet *pkt,
                      const uint8_t *l3, size_t cap_len, uint64_t time_ns, bool stays)
{
    struct item *item = add_item(queue, ITEM_PACKET, handle, stays ? 0 : cap_len);

    item->packet.pkt = *pkt;
    item->packet.time_ns = time_ns;
    if (!set_data(queue, item, l3, cap_len, stays))
        current(queue)->count--;
}

/* What there is no memory for is missing. */
void app_queue_data(struct app_queue *queue, struct app_handle *handle,
                    const struct app_piece *piece, bool stays)
{
    struct item *item = add_item(queue, ITEM_DATA, handle, stays ? 0 : piece->len);

    item->piece = *piece;
    if (!set_data(queue, item, piece->data, piece->len, stays))
        item->kind = ITEM_HOLE;
    item->piece.data = item->data;
}

void app_queue_hole(struct app_queue *queue, struct app_handle *handle, enum app_side side,
                    uint64_t length)
{
    struct item *item = add_item(queue, ITEM_HOLE, handle, 0);

    item->piece.side = side;
    item->len = length;
}

void app_queue_end(struct app_queue *queue, struct app_handle *handle,
                   const struct app_ending *ending)
{
    add_item(queue, ITEM_END, handle, 0)->ending = *ending;
}

void app_queue_secrets(struct app_queue *queue, const uint8_t *lines, size_t len)
{
    struct item *item;

    if (!queue->conf.keylog)
        return;
    item = add_item(queue, ITEM_SECRETS, NULL, len);
    if (!set_data(queue, item, lines, len, false))
        current(queue)->count--;
}

void app_queue_name(struct app_queue *queue, const uint8_t addr[16], const char *name,
                    enum name_source source)
{
    size_t len = strlen(name);
    struct item *item;

    if (!queue->conf.names)
        return;
    item = add_item(queue, ITEM_NAME, NULL, len);
    memcpy(item->addr, addr, sizeof(item->addr));
    item->source = (uint8_t)source;
    if (!set_data(queue, item, (const uint8_t *)name, len, false))
        current(queue)->count--;
}

void app_queue_release(struct app_queue *queue)
{
    current(queue)->release = true;
    hand_over(queue);
}

void app_queue_wait(struct app_queue *queue)
{
    if (current(queue)->count)
        hand_over(queue);
    pthread_mutex_lock(&queue->lock);
    while (queue->handed != queue->done)
        pthread_cond_wait(&queue->changed, &queue->lock);
    pthread_mutex_unlock(&queue->lock);
}
