/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A suite's name is KEY-EXCHANGE_WITH_CIPHER_MAC, since TLS 1.3 just CIPHER_HASH: cipher and digests are
 * read from it, so that the table of names is the only one.
 */
#include "app/tls_suite.h"

#include <errno.h>
#include <string.h>

static const struct {
    const char *word; /* in suites' names; the longer of two first */
    const char *cipher;
    enum tls_mode mode;
    uint8_t key_bytes;
    uint8_t block_bytes;
    uint8_t tag_bytes;
} ciphers[] = {
    {"AES_128_GCM", "AES-128-GCM", TLS_MODE_GCM, 16, 0, 16},
    {"AES_256_GCM", "AES-256-GCM", TLS_MODE_GCM, 32, 0, 16},
    {"AES_128_CCM_8", "AES-128-CCM", TLS_MODE_CCM, 16, 0, 8},
    {"AES_256_CCM_8", "AES-256-CCM", TLS_MODE_CCM, 32, 0, 8},
    {"AES_128_CCM", "AES-128-CCM", TLS_MODE_CCM, 16, 0, 16},
    {"AES_256_CCM", "AES-256-CCM", TLS_MODE_CCM, 32, 0, 16},
    {"CHACHA20_POLY1305", "ChaCha20-Poly1305", TLS_MODE_CHACHA, 32, 0, 16},
    {"AES_128_CBC", "AES-128-CBC", TLS_MODE_CBC, 16, 16, 0},
    {"AES_256_CBC", "AES-256-CBC", TLS_MODE_CBC, 32, 16, 0},
    {"CAMELLIA_128_CBC", "CAMELLIA-128-CBC", TLS_MODE_CBC, 16, 16, 0},
    {"CAMELLIA_256_CBC", "CAMELLIA-256-CBC", TLS_MODE_CBC, 32, 16, 0},
    {"ARIA_128_CBC", "ARIA-128-CBC", TLS_MODE_CBC, 16, 16, 0},
    {"ARIA_256_CBC", "ARIA-256-CBC", TLS_MODE_CBC, 32, 16, 0},
    {"ARIA_128_GCM", "ARIA-128-GCM", TLS_MODE_GCM, 16, 0, 16},
    {"ARIA_256_GCM", "ARIA-256-GCM", TLS_MODE_GCM, 32, 0, 16},
    {"3DES_EDE_CBC", "DES-EDE3-CBC", TLS_MODE_CBC, 24, 8, 0},
    {"NULL", NULL, TLS_MODE_NULL, 0, 0, 0},
};

static const struct {
    const char *word;
    const char *digest;
    uint8_t bytes;
} digests[] = {
    {"_SHA", "SHA1", 20},
    {"_SHA256", "SHA256", 32},
    {"_SHA384", "SHA384", 48},
    {"_MD5", "MD5", 16},
};

static const char *name_of(uint16_t id)
{
    size_t low = 0, high = tls_suite_name_count;

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (tls_suite_names[mid].id == id)
            return tls_suite_names[mid].name;
        if (tls_suite_names[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static void set_digests(struct tls_suite *suite, const char *word)
{
    bool has_mac = suite->mode == TLS_MODE_CBC || suite->mode == TLS_MODE_NULL;

    suite->prf = "SHA256";
    suite->prf_bytes = 32;
    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
        if (strcmp(word, digests[i].word))
            continue;
        if (has_mac) {
            suite->mac = digests[i].digest;
            suite->tag_bytes = digests[i].bytes;
        }
        if (digests[i].bytes == 48) {
            suite->prf = digests[i].digest;
            suite->prf_bytes = digests[i].bytes;
        }
    }
    if (has_mac && !suite->mac)
        suite->mode = TLS_MODE_UNKNOWN;
}

void tls_suite_get(struct tls_suite *suite, uint16_t id)
{
    const char *name = name_of(id), *with = name ? strstr(name, "_WITH_") : NULL;
    const char *word = with ? with + strlen("_WITH_") : name ? name + strlen("TLS_") : "";

    *suite = (struct tls_suite){.id = id, .name = name};
    for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
        size_t len = strlen(ciphers[i].word);

        if (strncmp(word, ciphers[i].word, len))
            continue;
        suite->cipher = ciphers[i].cipher;
        suite->mode = ciphers[i].mode;
        suite->key_bytes = ciphers[i].key_bytes;
        suite->block_bytes = ciphers[i].block_bytes;
        suite->tag_bytes = ciphers[i].tag_bytes;
        set_digests(suite, word + len);
        return;
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int tls_suite_find(const char *text, size_t len, uint16_t *id)
{
    unsigned int value = 0;

    for (size_t i = 0; i < tls_suite_name_count; i++) {
        if (strlen(tls_suite_names[i].name) == len && !memcmp(tls_suite_names[i].name, text, len)) {
            *id = tls_suite_names[i].id;
            return 0;
        }
    }
    if (len != 4)
        return -ENOENT;
    for (size_t i = 0; i < len; i++) {
        int digit = hex_digit(text[i]);

        if (digit < 0)
            return -ENOENT;
        value = value << 4 | (unsigned int)digit;
    }
    *id = (uint16_t)value;
    return 0;
}
