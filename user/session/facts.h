/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What app/ found out about a session, as sink/ writes it: plain data with a memory of its own, so that it can
 * be handed to another thread and outlive the session.
 */
#ifndef SESSTAP_FACTS_H
#define SESSTAP_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A text of the traffic: bytes as they were, not ended by NUL. NULL: unknown. */
struct fact_text {
    const char *at;
    uint32_t len;
};

/* Times are of the flow's clock; 0: unknown. Counts of bytes are of the decoded stream. */
struct http_header {
    struct fact_text name;
    struct fact_text value;
};

struct http_message {
    uint64_t first_ns;     /* first byte of its start line */
    uint64_t last_ns;      /* its last byte */
    uint64_t first_packet; /* record_sample.pkt_index of these, of the session's packets from 1 */
    uint64_t last_packet;
    uint64_t header_bytes;
    uint64_t body_bytes;    /* as transferred, chunking undone */
    uint64_t content_bytes; /* with its encoding undone; body_bytes when it had none */
    struct fact_text content_type;
    struct fact_text content_encoding;
    uint8_t content_sha256[32]; /* of content_bytes; valid with has_content_sha256 */
    bool has_content_sha256;
    bool complete;                            /* it ended as its framing says */
    bool decode_failed;                       /* content is what was decoded before the error */
    bool cut;                                 /* by a bound: bytes, headers, or decompressed size */
    bool headers_cut;                         /* by a bound: some are not in the list */
    const struct http_header *const *headers; /* of a session, equal ones are one */
    size_t header_count;
};

struct http_transaction {
    uint64_t number;        /* in its session, from 1 */
    uint8_t version;        /* 9, 10, 11, 20; of the request, unless it was missed */
    uint8_t answer_version; /* of the response, 0: none */
    uint32_t stream;        /* HTTP/2 stream id, 0: HTTP/1 */
    uint16_t status;        /* of the final response, 0: none */
    uint16_t informational; /* 1xx responses before it */
    struct fact_text method;
    struct fact_text uri;      /* as requested */
    struct fact_text host;     /* Host or :authority */
    struct fact_text reason;   /* behind the status; only when messages are asked for */
    struct fact_text protocol; /* of an extended CONNECT (RFC 8441): "websocket" */
    uint64_t tunnel;           /* number of the transaction whose tunnel it is in, 0: none */
    struct http_message request;
    struct http_message response;
    bool upgraded; /* 101, or CONNECT that was accepted: what follows is not HTTP */
    struct http_transaction *next;
};

struct websocket_frame {
    uint64_t time_ns;
    uint64_t payload_bytes;
    uint64_t transaction; /* number of the one that opened it */
    uint8_t opcode;
    bool fin;
    bool from_client;
    struct websocket_frame *next;
};

struct dns_answer {
    struct fact_text name;
    uint16_t type;
    uint32_t ttl_s;
    struct fact_text data; /* as a zone file has it */
    struct dns_answer *next;
};

struct dns_transaction {
    uint64_t query_ns;
    uint64_t answer_ns; /* 0: none came */
    uint16_t id;
    uint16_t qtype;
    uint16_t qclass;
    int16_t rcode; /* -1: no answer */
    bool truncated;
    bool authoritative;
    struct fact_text name;
    struct dns_answer *answers;
    uint32_t answer_count;
    struct dns_transaction *next;
};

struct tls_facts {
    bool seen;
    const char *version; /* "TLS 1.3"; NULL: unknown */
    const char *cipher;  /* IANA name */
    const char *within;  /* protocol that handed the connection over to it: "smtp"; NULL: none */
    uint64_t tunnel;     /* number of the HTTP transaction whose tunnel it is in, 0: none */
    struct fact_text sni;
    struct fact_text alpn; /* chosen */
    struct fact_text ja4;
    struct fact_text subject; /* of the server's certificate, RFC 2253 */
    struct fact_text issuer;
    struct fact_text *names; /* subjectAltName */
    size_t name_count;
    struct fact_text client_subject; /* of the client's certificate */
    const char *alert;               /* fatal: "handshake_failure"; NULL: none seen */
    bool alert_by_client;
    bool resumed;
    bool early_data;
    bool decrypted; /* all application data that was seen whole */
    uint64_t decrypted_bytes;
    /* With a key log at hand: records of application data, or of what hid it, that did not open. */
    uint64_t undecrypted_records;
    struct fact_text secrets; /* that opened it, and its parameters: lines for a DSB; NULL: none */
    bool taken;               /* a parser writes it */
    struct tls_facts *next;
};

/* An alert of an intrusion detection system. Texts end with NUL, or are NULL; all lives as long as the run. */
struct alert_fact {
    int64_t wall_ns; /* since 1970 */
    const char *signature;
    const char *category;
    const char *action; /* "allowed", "blocked" */
    uint64_t signature_id;
    uint32_t severity; /* as Suricata has it: 1 is the worst; 0: unknown */
};

/* How a parser fared: the record's `parsers`. */
enum parser_status { PARSER_NONE, PARSER_MORE, PARSER_DONE, PARSER_BROKEN };
struct parser_fact {
    const char *name; /* "http", "tls", "dns" */
    enum parser_status status;
    uint64_t items;       /* messages, transactions */
    uint64_t last_lot;    /* number of the last packet lot that it has read whole */
    uint64_t last_packet; /* of the session's, last that it has read */
    uint32_t users;       /* that write it: one name's layers have one line */
};

#define FACTS_PARSERS 4

/* What a session's protocol was found to be. Texts live as long as the run. */
struct identity {
    const char *protocol; /* NULL: unknown, and so are the other two */
    const char *category;
    const char *confidence;
    bool guessed;   /* by port or address: packets did not tell */
    uint64_t risks; /* a bit each */
    const char *(*risk_name)(unsigned int bit);
};

struct buf;
struct fact_block; /* of the arena */
struct facts_pool;

struct facts {
    struct tls_facts tls,
        *tls_last; /* the outermost or first one, and those within it or in tunnels beside it */
    uint64_t tls_count;                        /* begun, the first one too */
    struct http_transaction *http, *http_last; /* in the order begun */
    uint64_t http_count;
    const struct http_header **header_slots; /* to find equal ones by; NULL: not yet */
    struct websocket_frame *websocket, *websocket_last;
    uint64_t websocket_count;
    struct dns_transaction *dns, *dns_last;
    uint64_t dns_count;
    struct parser_fact parsers[FACTS_PARSERS];
    size_t parser_count;
    /* What a bound cut off; each is shown. */
    uint64_t cut_bytes;         /* of the stream, not read by any parser any more */
    uint64_t cut_transactions;  /* not kept */
    uint64_t cut_headers;       /* lines of HTTP headers, not kept */
    uint64_t cut_content_bytes; /* not decoded: a bomb, or beyond the bound */
    uint64_t
        cut_layers; /* protocols within protocols not looked into: too deep, or too many at once */

    _Atomic uint32_t holders;
    struct facts_pool *pool;
    struct fact_block *blocks;
    size_t used_bytes;
    size_t max_bytes; /* what facts_alloc gives at most */
};

/* The memory of facts that nobody holds any more, for those to come. For one thread that makes them. NULL on no memory. */
struct facts_pool *facts_pool_new(void);
/* Facts that were made with it may live on. NULL is fine. */
void facts_pool_free(struct facts_pool *pool);

/* max_bytes bounds what it may hold; one holder. pool NULL: none. NULL on no memory. */
struct facts *facts_new(struct facts_pool *pool, size_t max_bytes);
/* One more holder, also of another thread; nobody writes any more. NULL is fine. */
const struct facts *facts_hold(const struct facts *facts);
/* They will be read soon, and may be long out of the cache. NULL is fine. */
void facts_expect(const struct facts *facts);
/* One holder less; the last one frees it. NULL is fine. */
void facts_free(const struct facts *facts);
/* Zeroed memory that lives as long as the facts; NULL when there is no more, or the bound is reached. */
void *facts_alloc(struct facts *facts, size_t bytes);
/* Whether any TLS of a session was told its secrets; facts NULL: none. */
bool facts_have_secrets(const struct facts *facts);
/* Append the lines for a DSB of all of them. */
void facts_add_secrets(const struct facts *facts, struct buf *out);
/* The same, not zeroed. */
void *facts_room(struct facts *facts, size_t bytes);
/* A copy of a text in the facts. .at is NULL when it did not fit. */
struct fact_text facts_text(struct facts *facts, const void *text, size_t len);

#endif
