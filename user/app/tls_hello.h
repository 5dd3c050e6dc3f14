/* SPDX-License-Identifier: Apache-2.0 */
/* What the two sides say of themselves: ClientHello and ServerHello (RFC 8446 section 4.1), and JA4. */
#ifndef SESSTAP_TLS_HELLO_H
#define SESSTAP_TLS_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/byte_reader.h"

#define TLS_LIST_MAX \
    512 /* numbers kept of one list: of ciphers, extensions, signature algorithms */

enum tls_extension {
    TLS_EXT_SERVER_NAME = 0,
    TLS_EXT_SIGNATURE_ALGORITHMS = 13,
    TLS_EXT_ALPN = 16,
    TLS_EXT_ENCRYPT_THEN_MAC = 22,
    TLS_EXT_PRE_SHARED_KEY = 41,
    TLS_EXT_EARLY_DATA = 42,
    TLS_EXT_SUPPORTED_VERSIONS = 43,
};

struct tls_list {
    uint16_t items[TLS_LIST_MAX]; /* as sent, GREASE (RFC 8701) left out */
    size_t count;
};

/* What points into a message is borrowed from it. */
struct tls_client_hello {
    uint16_t version; /* the highest that is offered */
    uint8_t random[32];
    struct byte_reader session_id;
    struct tls_list ciphers;
    struct tls_list extensions;
    struct tls_list signatures;
    struct byte_reader sni;  /* host name; at NULL: none */
    struct byte_reader alpn; /* the first; at NULL: none */
    bool has_sni;
    bool early_data;
};

struct tls_server_hello {
    uint16_t version; /* chosen */
    uint16_t cipher;
    uint8_t random[32];
    struct byte_reader session_id;
    struct byte_reader alpn; /* chosen; at NULL: not told here */
    bool retry;              /* a HelloRetryRequest */
    bool psk;
    bool etm;
    bool compressed;
};

/* The message's body. 0; -EBADMSG when it is cut or contradicts itself. */
int tls_client_hello_parse(struct tls_client_hello *hello, const uint8_t *body, size_t len);
int tls_server_hello_parse(struct tls_server_hello *hello, const uint8_t *body, size_t len);
/* A ClientHello in SSL 2.0's form, RFC 5246 appendix E.2, without its two bytes of length. */
int tls_sslv2_hello_parse(struct tls_client_hello *hello, const uint8_t *body, size_t len);
/* The first name of an ALPN extension's content; at NULL: none. */
struct byte_reader tls_alpn_first(struct byte_reader content);
/* RFC 8701. */
bool tls_is_grease(uint16_t value);

#define TLS_JA4_BYTES 36 /* without a NUL */
/* FoxIO's JA4 of a ClientHello over TCP. Not ended by NUL. */
void tls_ja4(const struct tls_client_hello *hello, char ja4[TLS_JA4_BYTES]);

#endif
