/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sessions are about: each session's packets go to identification, its bytes to the parsers of its
 * protocol, layer by layer, and what these find is put down in its facts.
 */
#ifndef SESSTAP_APP_H
#define SESSTAP_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/parser.h"

struct app;
struct app_session;
struct session;

/* What bounds cut off from sessions that are over, summed up; as in struct facts. */
struct app_cuts {
    uint64_t sessions; /* that something was cut off from */
    uint64_t bytes;
    uint64_t transactions;
    uint64_t content_bytes;
    uint64_t headers;
    uint64_t layers;
};

struct app_conf {
    bool identify;            /* the protocol by libndpi, when it is built in */
    bool http;                /* transactions of HTTP */
    int64_t wall_offset_ns;   /* to add to packets' times */
    struct app_limits limits; /* a 0 stands for the default */
    struct keylog *keylog;    /* TLS secrets; borrowed, NULL: none */
    struct names *names;      /* where names of addresses are told; borrowed, NULL: nowhere */
    struct app_cuts *cuts;    /* what sessions' ends add to; NULL: nobody asks */
    /* Deciphered bytes of a session, in the order of the inner streams; NULL: nobody asks. */
    void (*clear)(void *ctx, const struct session *session, const struct app_piece *piece);
    /* Some of them are missing here. */
    void (*clear_hole)(void *ctx, const struct session *session, enum app_side side);
    /* Content of messages; see struct app_env. NULL: nobody asks. */
    void (*content)(void *ctx, const struct session *session,
                    const struct http_transaction *transaction, enum app_side side,
                    const uint8_t *data, size_t len);
    void (*message)(void *ctx, const struct session *session,
                    const struct http_transaction *transaction, enum app_side side);
    void *ctx;
};

/* conf is copied. NULL with errno. */
struct app *app_new(const struct app_conf *conf);
/* After all its sessions. NULL is fine. */
void app_free(struct app *app);
/* So too, and no session will begin: what takes long to free goes. What sessions were told stays. */
void app_close(struct app *app);
/*
 * Whether a session's first piece tells that none of its bytes would be read: then there is no need to give it any. Of any
 * thread.
 */
bool app_turns_down(const struct app *app, const struct flow_key *key,
                    const struct app_piece *first);
/*
 * A number that differs when sessions would be looked into otherwise: by another library, or with other secrets than the
 * input's own. conf NULL: 0. APP_TOLD_ONCE: nobody else would be told the same.
 */
uint32_t app_told_by(const struct app_conf *conf);
#define APP_TOLD_ONCE UINT32_MAX
/* The words for struct identity's risks; "" for an unknown one. */
const char *app_risk_name(unsigned int bit);
/* Whether this build can identify protocols. */
bool app_can_identify(void);

/* session: what the app_conf's functions are told, NULL when there are none. Both outlive it. NULL on no memory. */
struct app_session *app_session_new(struct app *app, const struct flow_key *key,
                                    const struct session *session);
void app_session_free(struct app_session *app_session);

/* A packet with payload, until false is returned: then no more are wanted. */
bool app_session_packet(struct app_session *app_session, const struct app_packet *packet);
/* Bytes of the stream; of a protocol without streams, a datagram. */
void app_session_data(struct app_session *app_session, const struct app_piece *piece);
void app_session_hole(struct app_session *app_session, enum app_side side, uint64_t length);
/* False: nobody reads bytes any more, nor minds holes. */
bool app_session_wants_data(const struct app_session *app_session);
/* No bytes or holes will come any more, though the session goes on. */
void app_session_over(struct app_session *app_session);
/* The end of the session: nothing comes after. by_fin: the server's side ended by its FIN, and so was said whole. */
void app_session_finish(struct app_session *app_session, uint64_t time_ns, bool by_fin);
/*
 * What its end would bring is known before: all about its bytes, or wants_data false says that none will come any more; and its
 * protocol.
 */
bool app_session_is_settled(const struct app_session *app_session, bool wants_data);
/* What a session that is over asked for by TLS is what the server's address is called. facts NULL: nothing is known. */
void app_tell_name(const struct facts *facts, struct names *names, const uint8_t server[16]);
/* The protocol as known so far; texts live as long as the app. Never NULL. */
const struct identity *app_session_identity(const struct app_session *app_session);
/* What parsers have found so far; NULL: nothing. Borrowed; facts_hold keeps it after app_session_finish. */
const struct facts *app_session_facts(const struct app_session *app_session);

#endif
