/* SPDX-License-Identifier: Apache-2.0 */
/* The key schedules: HKDF-Expand-Label of TLS 1.3 (RFC 8446), the PRF before it (RFC 5246, RFC 2246). */
#include <errno.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "app/tls_crypt.h"

#define LABEL_MAX 32

int tls_expand_label(const char *digest, const uint8_t *secret, size_t secret_len,
                     const char *label, uint8_t *out, size_t out_len)
{
    const EVP_MD *md = EVP_get_digestbyname(digest);
    uint8_t info[4 + 6 + LABEL_MAX + 1], block[EVP_MAX_MD_SIZE];
    size_t label_len = strlen(label), at = 0;
    unsigned int block_len = sizeof(block);

    if (!md || label_len > LABEL_MAX)
        return -EINVAL;
    info[at++] = (uint8_t)(out_len >> 8);
    info[at++] = (uint8_t)out_len;
    info[at++] = (uint8_t)(6 + label_len);
    memcpy(info + at, "tls13 ", 6);
    memcpy(info + at + 6, label, label_len);
    at += 6 + label_len;
    info[at++] = 0; /* no context */
    info[at++] = 1; /* HKDF's first block, which is enough */
    if (!HMAC(md, secret, (int)secret_len, info, at, block, &block_len) || out_len > block_len)
        return -EINVAL;
    memcpy(out, block, out_len);
    return 0;
}

/* P_hash, RFC 5246 section 5, added to out by exclusive or. seed holds the label too. */
static int p_hash(const char *digest, const uint8_t *secret, size_t secret_len, const uint8_t *seed,
                  size_t seed_len, uint8_t *out, size_t out_len)
{
    uint8_t a[EVP_MAX_MD_SIZE + LABEL_MAX + 2 * TLS_RANDOM_BYTES], block[EVP_MAX_MD_SIZE];
    const EVP_MD *md = EVP_get_digestbyname(digest);
    unsigned int a_len = EVP_MAX_MD_SIZE, block_len = sizeof(block);

    if (!md || !HMAC(md, secret, (int)secret_len, seed, seed_len, a, &a_len))
        return -EINVAL;
    while (out_len) {
        size_t some;

        memcpy(a + a_len, seed, seed_len);
        if (!HMAC(md, secret, (int)secret_len, a, a_len + seed_len, block, &block_len))
            return -EINVAL;
        some = block_len < out_len ? block_len : out_len;
        for (size_t i = 0; i < some; i++)
            *out++ ^= block[i];
        out_len -= some;
        if (!HMAC(md, secret, (int)secret_len, a, a_len, block, &block_len))
            return -EINVAL;
        memcpy(a, block, block_len);
    }
    return 0;
}

int tls_prf(const char *digest, const uint8_t *secret, size_t secret_len, const char *label,
            const uint8_t seed[2 * TLS_RANDOM_BYTES], uint8_t *out, size_t out_len)
{
    uint8_t text[LABEL_MAX + 2 * TLS_RANDOM_BYTES];
    size_t label_len = strlen(label), half = (secret_len + 1) / 2;
    int err;

    if (label_len > LABEL_MAX)
        return -EINVAL;
    memcpy(text, label, label_len);
    memcpy(text + label_len, seed, 2 * TLS_RANDOM_BYTES);
    memset(out, 0, out_len);
    label_len += 2 * TLS_RANDOM_BYTES;
    if (digest)
        return p_hash(digest, secret, secret_len, text, label_len, out, out_len);
    err = p_hash("MD5", secret, half, text, label_len, out, out_len);
    if (err)
        return err;
    return p_hash("SHA1", secret + secret_len - half, half, text, label_len, out, out_len);
}
