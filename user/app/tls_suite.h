/* SPDX-License-Identifier: Apache-2.0 */
/* Cipher suites of TLS: their names, and what a suite's name says of how records are protected. */
#ifndef SESSTAP_TLS_SUITE_H
#define SESSTAP_TLS_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_suite_name {
    uint16_t id;
    const char *name;
};

/* All that are registered, by id. */
extern const struct tls_suite_name tls_suite_names[];
extern const size_t tls_suite_name_count;

enum tls_mode {
    TLS_MODE_UNKNOWN, /* cannot be opened here */
    TLS_MODE_NULL,    /* only a MAC */
    TLS_MODE_CBC,
    TLS_MODE_GCM,
    TLS_MODE_CCM,
    TLS_MODE_CHACHA,
};

struct tls_suite {
    uint16_t id;
    const char *name;   /* static; NULL: not registered */
    const char *cipher; /* libcrypto's name; NULL: none */
    const char *mac;    /* digest of the HMAC, of NULL and CBC */
    const char *prf;    /* digest of the key schedule, TLS 1.2 and later */
    enum tls_mode mode;
    uint8_t key_bytes;
    uint8_t block_bytes; /* of CBC */
    uint8_t tag_bytes;   /* of AEAD, or of the MAC */
    uint8_t prf_bytes;
};

/* Anything is filled in; mode is UNKNOWN for what is not known. */
void tls_suite_get(struct tls_suite *suite, uint16_t id);
/* By IANA's name or by four hex digits. -ENOENT. */
int tls_suite_find(const char *text, size_t len, uint16_t *id);

#endif
