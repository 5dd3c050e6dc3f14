/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records formatted and written by a thread of their own: half of the work of reading a file of short
 * sessions. Copies what it is given, so the caller's session may go at once. Others may complete a copy before.
 */
#ifndef SESSTAP_RECORD_QUEUE_H
#define SESSTAP_RECORD_QUEUE_H

#include <stdint.h>

#include "sink/ordered.h"
#include "sink/record.h"

struct record_queue;

/* Another sink of the same records. */
struct record_also {
    /* In record_queue_add, before the session is copied: what hangs on it is the copy's from here on. */
    void (*let_go)(void *ctx, struct session *session);
    /* In the thread, once for each that was let go; the session is the copy. */
    void (*write)(void *ctx, struct session *session, const struct record *record);
    void *ctx;
};

/* The thread is the only one to use out from here on, until record_queue_finish. NULL with errno. */
struct record_queue *record_queue_new(struct ordered *out);
/* Before the first record. Until the queue is finished, or record_queue_wait and then this with NULL. */
void record_queue_also(struct record_queue *queue, const struct record_also *also);
/*
 * Records go to the thread only when somebody says so: full is called in the caller's thread, with a batch of records
 * complete but for what is done to them on the way, and for each call record_queue_release is to follow, in any
 * thread. Before the first record; full NULL: at once again, when all is written.
 */
void record_queue_by_way(struct record_queue *queue, void (*full)(void *ctx), void *ctx);
void record_queue_release(struct record_queue *queue);
/*
 * Returns the copy, or NULL when it is lost: may be written to until it is released. session: the record's. Waits when
 * the thread is far behind. Texts that the record borrows must live until record_queue_wait, but for holes and lots. host
 * is not taken along.
 */
struct record *record_queue_add(struct record_queue *queue, struct session *session,
                                const struct record *record);
/* The same for a session that gets no line; the other sink has it. */
void record_queue_leave_out(struct record_queue *queue, struct session *session,
                            const struct record *record);
/* What was added is on its way to the thread, also when it is little. */
void record_queue_send(struct record_queue *queue);
/* All that was added is formatted: borrowed texts may go. */
void record_queue_wait(struct record_queue *queue);
/* All is written. Free. Returns how many records could not be copied or kept. NULL is fine. */
uint64_t record_queue_finish(struct record_queue *queue);

#endif
