/* SPDX-License-Identifier: Apache-2.0 */
/* Protected records of TLS 1.0 to 1.3: keys from secrets, and one record opened. By libcrypto. */
#ifndef SESSTAP_TLS_CRYPT_H
#define SESSTAP_TLS_CRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/tls_suite.h"

#define TLS_RANDOM_BYTES   32
#define TLS_MASTER_BYTES   48
#define TLS_SECRET_MAX     48
#define TLS_HEADER_BYTES   5
#define TLS_RECORD_MAX     (16384 + 2048) /* RFC 5246 section 6.2.3: body of a protected record */
#define TLS_SEQUENCE_BYTES 8

#define SSL_2_0 0x0002
#define TLS_1_0 0x0301
#define TLS_1_1 0x0302
#define TLS_1_2 0x0303
#define TLS_1_3 0x0304

/* How one direction is protected at present. Zeroed: it is not. */
struct tls_protect {
    struct tls_suite suite;
    uint16_t version;
    bool etm;          /* encrypt-then-MAC, RFC 7366 */
    uint64_t sequence; /* of the next record */
    void *ctx;         /* EVP_CIPHER_CTX; NULL: nothing to decipher */
    uint8_t key[32];
    uint8_t iv[16]; /* implicit part of the nonce; TLS 1.0: of the next record */
    uint8_t mac_key[TLS_SECRET_MAX];
    uint8_t secret[TLS_SECRET_MAX]; /* TLS 1.3: that KeyUpdate goes on from */
};

/* What TLS 1.2 and before make a session's keys from. */
struct tls_master {
    const struct tls_suite *suite;
    uint16_t version;
    const uint8_t *secret; /* TLS_MASTER_BYTES */
    const uint8_t *client_random;
    const uint8_t *server_random;
};

/* Keys of one direction from the master secret. 0; -ENOTSUP for a suite that cannot be opened; -ENOMEM. */
int tls_protect_master(struct tls_protect *protect, const struct tls_master *master, bool is_client,
                       bool etm);
/* The same from a traffic secret of TLS 1.3; -EINVAL when its length is not the suite's. */
int tls_protect_traffic(struct tls_protect *protect, const struct tls_suite *suite,
                        const uint8_t *secret, size_t len);
/* KeyUpdate, RFC 8446 section 7.2. */
int tls_protect_update(struct tls_protect *protect);
void tls_protect_fini(struct tls_protect *protect);

/*
 * Open a record: header as on the wire, body of len bytes. out takes len bytes; *out_len of them are the content, of
 * *type. Moves sequence on. -EBADMSG when it does not open with this sequence; nothing has changed then.
 */
int tls_protect_open(struct tls_protect *protect, const uint8_t header[TLS_HEADER_BYTES],
                     const uint8_t *body, size_t len, uint8_t *out, size_t *out_len, uint8_t *type);

/* ---- tls_derive.c */

/* RFC 8446 section 7.1 with an empty context; out_len is at most the digest's length. 0 or -EINVAL. */
int tls_expand_label(const char *digest, const uint8_t *secret, size_t secret_len,
                     const char *label, uint8_t *out, size_t out_len);
/* The PRF of TLS 1.2 (digest) or, with NULL, of TLS 1.0 and 1.1. 0 or -EINVAL. */
int tls_prf(const char *digest, const uint8_t *secret, size_t secret_len, const char *label,
            const uint8_t seed[2 * TLS_RANDOM_BYTES], uint8_t *out, size_t out_len);

#endif
