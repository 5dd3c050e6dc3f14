/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions looked into by a thread of their own, in the order in which they are told of: what app.h does at once, done
 * aside. For one caller's thread; what the app_conf refers to is the queue's thread's alone from here on.
 */
#ifndef SESSTAP_APP_QUEUE_H
#define SESSTAP_APP_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "app/app.h"
#include "session/names.h"

struct app_queue;
struct app_handle; /* a session that is looked into */

/*
 * release: called in the thread for each app_queue_release, when all that was told before is done. conf is copied. NULL
 * with errno.
 */
struct app_queue *app_queue_new(const struct app_conf *conf, void (*release)(void *ctx), void *ctx);
/* After app_queue_wait, and the end of each session. NULL is fine. */
void app_queue_free(struct app_queue *queue);

/* Until its app_queue_end. The key is copied. NULL on no memory. */
struct app_handle *app_queue_begin(struct app_queue *queue, const struct flow_key *key);
/* False: packets, or bytes and holes, need not be told of any more. Cheap; may be late to say so. */
bool app_handle_wants_packets(const struct app_handle *handle);
bool app_handle_wants_data(const struct app_handle *handle);

/*
 * As app_session_packet and so on. stays: the bytes are there until app_queue_wait; else they are copied. Each waits
 * when the thread is far behind.
 */
void app_queue_packet(struct app_queue *queue, struct app_handle *handle,
                      const struct app_packet *packet, bool stays);
void app_queue_data(struct app_queue *queue, struct app_handle *handle,
                    const struct app_piece *piece, bool stays);
void app_queue_hole(struct app_queue *queue, struct app_handle *handle, enum app_side side,
                    uint64_t length);

/* No byte or hole of it will come any more; packets may. */
void app_queue_over(struct app_queue *queue, struct app_handle *handle);

/* Where to put what is known of a session at its end; each NULL or there until the next release. */
struct app_ending {
    uint64_t time_ns;
    struct flow_key key;
    unsigned int client; /* endpoint */
    bool by_fin;         /* see app_session_finish */
    struct identity *identity;
    const struct facts **facts; /* a holder's: to be given up by facts_free */
    const char **names;         /* [2], of endpoints 0 and 1; as app_conf.names has them by then */
};

/* handle: NULL when the session was not looked into; its names alone are filled in then. */
void app_queue_end(struct app_queue *queue, struct app_handle *handle,
                   const struct app_ending *ending);

/* Secrets of TLS sessions that follow, for the keylog; lines, copied. */
void app_queue_secrets(struct app_queue *queue, const uint8_t *lines, size_t len);
/* A name, for the names; copied. */
void app_queue_name(struct app_queue *queue, const uint8_t addr[16], const char *name,
                    enum name_source source);

/* All that was told so far is to be done, and then release called. Does not wait for that. */
void app_queue_release(struct app_queue *queue);
/* Nothing more will be told: when all is done the thread ends, and frees what it can. Does not wait for that. */
void app_queue_finish(struct app_queue *queue);
/* All is done. */
void app_queue_wait(struct app_queue *queue);

#endif
