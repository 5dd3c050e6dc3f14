/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JA4 (FoxIO, technical_details/JA4.md), GREASE left out everywhere:
 *
 *   t 13 d 15 16 h2 _ 8daaf6152771 _ e5627efa2ab1
 *   | |  | |  |  |    |              SHA-256 of the extensions, sorted, without SNI and ALPN, and behind a _ the
 *   | |  | |  |  |    |              signature algorithms as sent: first 12 digits
 *   | |  | |  |  |    SHA-256 of the ciphers, sorted: first 12 digits
 *   | |  | |  |  first and last letter of the first ALPN
 *   | |  | |  extensions, at most 99; before it ciphers
 *   | |  d: SNI, i: none
 *   | version
 *   TCP
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

#include "app/tls_hello.h"

#define HASH_DIGITS 12
#define LIST_TEXT   (2 * TLS_LIST_MAX * 5 + 1)

static const char *version_word(uint16_t version)
{
    switch (version) {
    case 0x0304:
        return "13";
    case 0x0303:
        return "12";
    case 0x0302:
        return "11";
    case 0x0301:
        return "10";
    case 0x0300:
        return "s3";
    case 0x0002:
        return "s2";
    default:
        return "00";
    }
}

static bool is_word_letter(uint8_t c)
{
    return c < 0x80 && isalnum(c);
}

static void put_alpn(char out[2], const struct byte_reader *alpn)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t first, last;

    out[0] = out[1] = '0';
    if (!alpn->at || !alpn->left)
        return;
    first = alpn->at[0];
    last = alpn->at[alpn->left - 1];
    if (is_word_letter(first) && is_word_letter(last)) {
        out[0] = (char)first;
        out[1] = (char)last;
    } else {
        out[0] = digits[first >> 4];
        out[1] = digits[last & 15];
    }
}

static int compare(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

static size_t add_list(char *text, size_t at, const struct tls_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        at += (size_t)sprintf(text + at, "%s%04x", i ? "," : "", list->items[i]);
    return at;
}

static void put_hash(char out[HASH_DIGITS], const char *text, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t hash[32];

    memset(out, '0', HASH_DIGITS);
    if (!len || !EVP_Digest(text, len, hash, NULL, EVP_sha256(), NULL))
        return;
    for (int i = 0; i < HASH_DIGITS; i++)
        out[i] = digits[i % 2 ? hash[i / 2] & 15 : hash[i / 2] >> 4];
}

void tls_ja4(const struct tls_client_hello *hello, char ja4[TLS_JA4_BYTES])
{
    struct tls_list list = hello->ciphers;
    size_t ciphers = list.count < 99 ? list.count : 99, len;
    size_t extensions = hello->extensions.count < 99 ? hello->extensions.count : 99;
    char text[LIST_TEXT], head[16];

    snprintf(head, sizeof(head), "t%s%c%02zu%02zu", version_word(hello->version),
             hello->has_sni ? 'd' : 'i', ciphers, extensions);
    memcpy(ja4, head, 8);
    put_alpn(ja4 + 8, &hello->alpn);
    qsort(list.items, list.count, sizeof(list.items[0]), compare);
    ja4[10] = '_';
    put_hash(ja4 + 11, text, add_list(text, 0, &list));
    list.count = 0;
    for (size_t i = 0; i < hello->extensions.count; i++)
        if (hello->extensions.items[i] != TLS_EXT_SERVER_NAME &&
            hello->extensions.items[i] != TLS_EXT_ALPN)
            list.items[list.count++] = hello->extensions.items[i];
    qsort(list.items, list.count, sizeof(list.items[0]), compare);
    len = add_list(text, 0, &list);
    if (len && hello->signatures.count) {
        text[len++] = '_';
        len = add_list(text, len, &hello->signatures);
    }
    ja4[23] = '_';
    put_hash(ja4 + 24, text, len);
}
