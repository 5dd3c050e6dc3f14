/* SPDX-License-Identifier: Apache-2.0 */
/* Inside tls*.c: one session's TLS. Records go the way of tls.c -> tls_queue.c -> tls_record.c -> tls_handshake.c. */
#ifndef SESSTAP_TLS_INTERNAL_H
#define SESSTAP_TLS_INTERNAL_H

#include "app/keylog.h"
#include "app/parser.h"
#include "app/tls_crypt.h"
#include "app/tls_hello.h"
#include "base/buf.h"

#define TLS_NOTED_MAX  8     /* handshakes whose secrets are noted for the session's capture */
#define TLS_WINDOW_MAX 65536 /* sequence numbers that are tried for one record */

enum tls_content {
    TLS_CHANGE_CIPHER_SPEC = 20,
    TLS_ALERT = 21,
    TLS_HANDSHAKE = 22,
    TLS_APPLICATION_DATA = 23,
    TLS_HEARTBEAT = 24,
};

/* A record as it came; body is borrowed. */
struct tls_record {
    uint8_t header[TLS_HEADER_BYTES];
    enum app_side side;
    uint32_t lost;    /* sequence numbers that a hole before it may have used */
    uint64_t time_ns; /* of its last byte, as are packet and lot */
    uint64_t packet;
    uint64_t lot;
    const uint8_t *body;
    size_t len;
};

/* Where a direction stands. */
enum tls_phase {
    TLS_CLEAR,
    TLS_EARLY,  /* 1.3: client's data before the handshake is done */
    TLS_SHAKES, /* 1.3: the protected handshake */
    TLS_TALKS,  /* 1.2: from ChangeCipherSpec on; 1.3: from Finished on */
    TLS_DEAD,   /* nothing more can be opened: records are counted */
};

/* One direction. */
struct tls_way {
    struct buf in;        /* bytes of a record that is not whole, or of a search for one */
    struct buf handshake; /* of a message that is not whole */
    uint64_t skip_bytes;  /* of a record that is of no use, still to come */
    uint32_t lost;        /* for the next record */
    bool searches;        /* where a record begins is not known */
    bool ended;           /* no more comes */
    size_t held;          /* records that wait */
    enum tls_phase phase; /* from here on: of the records that do not wait */
    struct tls_protect protect;
    bool has_keys;         /* protect is for this phase */
    bool skips;            /* records that do not open may be another key's, until one opens */
    bool torn;             /* content is missing before what is delivered next */
    uint32_t window;       /* sequence numbers beyond the next that the next record may have */
    unsigned int failures; /* records that did not open, in a row */
    uint64_t opened;
    uint64_t out_bytes; /* deciphered so far */
};

struct tls_held {
    struct tls_held *next;
    struct tls_record record;
    uint8_t body[];
};

/* What a handshake came to. */
struct tls_handshake_result {
    uint8_t client_random[TLS_RANDOM_BYTES];
    uint8_t server_random[TLS_RANDOM_BYTES];
    uint16_t version; /* 0: not known yet */
    struct tls_suite suite;
    bool etm;
};

struct tls {
    struct app_env env;
    struct tls_facts *told;   /* its line of the facts */
    enum app_verdict verdict; /* APP_MORE, or why no more is wanted */
    struct tls_way way[2];    /* by enum app_side */
    enum app_side client;     /* who sent the ClientHello */
    struct buf plain;         /* room for one record's content */

    struct tls_handshake_result now;
    uint8_t session_id[TLS_RANDOM_BYTES]; /* the server's */
    uint8_t session_id_len;
    bool has_client_hello;
    bool sslv2; /* in SSL 2.0's form */
    bool has_server_hello;
    bool retried;       /* a HelloRetryRequest came */
    bool early_offered; /* by the client */
    bool early_known;   /* whether the server takes it */
    bool early_taken;
    bool hello_done; /* ServerHelloDone since the ServerHello: a full handshake */
    bool compressed;
    bool finished;
    unsigned int searches; /* for secrets of a session that was joined */
    struct tls_handshake_result noted[TLS_NOTED_MAX];
    size_t noted_count;

    struct tls_held *held, **held_end; /* records that wait, in the order of arrival */
    size_t held_bytes;
    bool stirred;        /* something happened that a record may wait for */
    uint64_t generation; /* of the key log, when what waits was last tried */
};

/* ---- tls.c */

/* Deciphered application data. */
void tls_deliver(struct tls *tls, const struct tls_record *record, const uint8_t *data, size_t len);

/* ---- tls_queue.c: records that wait for secrets, or for the other side */

/* The next record of its direction: taken at once, or copied to wait. */
void tls_take(struct tls *tls, const struct tls_record *record);
/* What waits, as far as it can go now. */
void tls_pump(struct tls *tls);
/* What still waits will never be opened, nor what comes. */
void tls_give_up(struct tls *tls);

/* ---- tls_record.c: what one record means */

enum tls_step { TLS_STEP_DONE, TLS_STEP_WAIT };
enum tls_step tls_record_step(struct tls *tls, const struct tls_record *record);
/* ChangeCipherSpec, TLS 1.2 and before. */
void tls_change_cipher(struct tls *tls, enum app_side side);

/* ---- tls_handshake.c: messages */

/* Bytes of handshake messages, in the clear or deciphered. */
void tls_handshake(struct tls *tls, enum app_side side, const uint8_t *data, size_t len);
/* is_tls: not in SSL 2.0's form. */
void tls_client_hello(struct tls *tls, enum app_side side, const struct tls_client_hello *hello,
                      bool is_tls);

/* ---- tls_keys.c: secrets to keys */

/* Keys for a direction's phase, which may be another one by that. False: the secret is not known (yet). */
bool tls_keys_get(struct tls *tls, enum app_side side);
/* Try a direction's lasting keys, when the message that leads to them was lost. As tls_protect_open. */
int tls_keys_jump(struct tls *tls, const struct tls_record *record, size_t *len, uint8_t *type);
/* The same with the keys that a lost KeyUpdate led to. */
int tls_keys_next(struct tls *tls, const struct tls_record *record, size_t *len, uint8_t *type);
/* Keep in mind what opened the session, for its own capture; and put that into the facts. */
void tls_keys_note(struct tls *tls);
void tls_keys_tell(struct tls *tls);

/* ---- tls_search.c: holes, and sessions whose beginning is not there */

/* Where in way->in a record begins, *begin; false when no whole one is in it (what cannot be one is dropped). */
bool tls_search_record(struct tls_way *way);
/* Which secrets open a record of a session that was joined. False: none that are known. */
bool tls_search_secrets(struct tls *tls, const struct tls_record *record);
/* Open with one of the way's window of sequence numbers. As tls_protect_open. */
int tls_search_open(struct tls_way *way, const struct tls_record *record, uint8_t *out, size_t *len,
                    uint8_t *type);

/* ---- tls_certificate.c */

/* Names of a certificate, X.509 in DER, into tls, which is of these facts. */
void tls_certificate(struct facts *facts, struct tls_facts *tls, bool is_server, const uint8_t *der,
                     size_t len);

/* ---- tls_names.c */

/* "TLS 1.3"; NULL for none that is known. */
const char *tls_version_name(uint16_t version);
/* "handshake_failure"; "unknown". */
const char *tls_alert_name(uint8_t description);

#endif
