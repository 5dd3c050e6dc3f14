/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a record is protected:
 *
 *   AEAD, TLS 1.2   explicit nonce (8; none with ChaCha20) | ciphertext | tag      RFC 5246 6.2.3.3, RFC 7905
 *   AEAD, TLS 1.3   ciphertext of (content | type | zeros) | tag                   RFC 8446 5.2
 *   CBC             IV (from TLS 1.1 on) | ciphertext of (content | MAC | padding) RFC 5246 6.2.3.2
 *   CBC with EtM    IV | ciphertext of (content | padding) | MAC                   RFC 7366
 */
#include "app/tls_crypt.h"

#include <errno.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#define SALT_BYTES     4 /* of the nonce, from the key block */
#define EXPLICIT_BYTES 8 /* of the nonce, in the record */
#define NONCE_BYTES    12
#define AAD_BYTES      13
#define KEY_BLOCK_MAX  (2 * (48 + 32 + 16))

static bool is_aead(const struct tls_suite *suite)
{
    return suite->mode == TLS_MODE_GCM || suite->mode == TLS_MODE_CCM ||
           suite->mode == TLS_MODE_CHACHA;
}

/* The cipher context, with its key where the mode lets it be set once. */
static int begin_cipher(struct tls_protect *protect)
{
    const struct tls_suite *suite = &protect->suite;
    const EVP_CIPHER *cipher = suite->cipher ? EVP_get_cipherbyname(suite->cipher) : NULL;
    EVP_CIPHER_CTX *ctx;
    int ok;

    if (suite->mode == TLS_MODE_NULL)
        return 0;
    if (!cipher)
        return -ENOTSUP;
    ctx = protect->ctx ? protect->ctx : EVP_CIPHER_CTX_new();
    protect->ctx = ctx;
    if (!ctx)
        return -ENOMEM;
    ok = EVP_DecryptInit_ex(ctx, cipher, NULL, NULL, NULL);
    if (ok && is_aead(suite))
        ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, NONCE_BYTES, NULL);
    if (ok && suite->mode != TLS_MODE_CCM)
        ok = EVP_DecryptInit_ex(ctx, NULL, NULL, protect->key, NULL);
    if (ok && suite->mode == TLS_MODE_CBC)
        ok = EVP_CIPHER_CTX_set_padding(ctx, 0);
    return ok ? 0 : -ENOTSUP;
}

static size_t iv_bytes(const struct tls_suite *suite)
{
    switch (suite->mode) {
    case TLS_MODE_CBC:
        return suite->block_bytes;
    case TLS_MODE_GCM:
    case TLS_MODE_CCM:
        return SALT_BYTES;
    case TLS_MODE_CHACHA:
        return NONCE_BYTES;
    default:
        return 0;
    }
}

int tls_protect_master(struct tls_protect *protect, const struct tls_master *master, bool is_client,
                       bool etm)
{
    const struct tls_suite *suite = master->suite;
    const char *digest = master->version >= TLS_1_2 ? suite->prf : NULL;
    size_t mac_len = suite->mac ? suite->tag_bytes : 0, iv_len = iv_bytes(suite);
    size_t which = is_client ? 0 : 1;
    uint8_t seed[2 * TLS_RANDOM_BYTES], block[KEY_BLOCK_MAX];
    int err;

    tls_protect_fini(protect);
    if (suite->mode == TLS_MODE_UNKNOWN || master->version < TLS_1_0 || master->version > TLS_1_2 ||
        (is_aead(suite) && master->version < TLS_1_2))
        return -ENOTSUP;
    memcpy(seed, master->server_random, TLS_RANDOM_BYTES);
    memcpy(seed + TLS_RANDOM_BYTES, master->client_random, TLS_RANDOM_BYTES);
    err = tls_prf(digest, master->secret, TLS_MASTER_BYTES, "key expansion", seed, block,
                  2 * (mac_len + suite->key_bytes + iv_len));
    if (err)
        return err;
    protect->suite = *suite;
    protect->version = master->version;
    protect->etm = etm && suite->mode == TLS_MODE_CBC;
    memcpy(protect->mac_key, block + which * mac_len, mac_len);
    memcpy(protect->key, block + 2 * mac_len + which * suite->key_bytes, suite->key_bytes);
    memcpy(protect->iv, block + 2 * (mac_len + suite->key_bytes) + which * iv_len, iv_len);
    OPENSSL_cleanse(block, sizeof(block));
    return begin_cipher(protect);
}

static int expand_traffic(struct tls_protect *protect)
{
    const struct tls_suite *suite = &protect->suite;

    protect->sequence = 0;
    if (tls_expand_label(suite->prf, protect->secret, suite->prf_bytes, "key", protect->key,
                         suite->key_bytes) ||
        tls_expand_label(suite->prf, protect->secret, suite->prf_bytes, "iv", protect->iv,
                         NONCE_BYTES))
        return -EINVAL;
    return begin_cipher(protect);
}

int tls_protect_traffic(struct tls_protect *protect, const struct tls_suite *suite,
                        const uint8_t *secret, size_t len)
{
    tls_protect_fini(protect);
    if (!is_aead(suite))
        return -ENOTSUP;
    if (len != suite->prf_bytes)
        return -EINVAL;
    protect->suite = *suite;
    protect->version = TLS_1_3;
    memcpy(protect->secret, secret, len);
    return expand_traffic(protect);
}

int tls_protect_update(struct tls_protect *protect)
{
    uint8_t next[TLS_SECRET_MAX];
    size_t len = protect->suite.prf_bytes;

    if (protect->version != TLS_1_3 ||
        tls_expand_label(protect->suite.prf, protect->secret, len, "traffic upd", next, len))
        return -EINVAL;
    memcpy(protect->secret, next, len);
    return expand_traffic(protect);
}

void tls_protect_fini(struct tls_protect *protect)
{
    EVP_CIPHER_CTX_free(protect->ctx);
    OPENSSL_cleanse(protect, sizeof(*protect));
}

static void put_sequence(uint8_t *to, uint64_t sequence)
{
    for (int i = TLS_SEQUENCE_BYTES - 1; i >= 0; i--, sequence >>= 8)
        to[i] = (uint8_t)sequence;
}

/* What is authenticated besides the content, before TLS 1.3: sequence, type, version, length. */
static void put_aad(uint8_t aad[AAD_BYTES], const struct tls_protect *protect,
                    const uint8_t *header, size_t len)
{
    put_sequence(aad, protect->sequence);
    memcpy(aad + TLS_SEQUENCE_BYTES, header, 3);
    aad[11] = (uint8_t)(len >> 8);
    aad[12] = (uint8_t)len;
}

static void put_nonce(uint8_t nonce[NONCE_BYTES], const struct tls_protect *protect)
{
    uint8_t sequence[TLS_SEQUENCE_BYTES];

    put_sequence(sequence, protect->sequence);
    memcpy(nonce, protect->iv, NONCE_BYTES);
    for (int i = 0; i < TLS_SEQUENCE_BYTES; i++)
        nonce[NONCE_BYTES - TLS_SEQUENCE_BYTES + i] ^= sequence[i];
}

struct aead {
    const uint8_t *nonce;
    const uint8_t *aad;
    int aad_len;
    const uint8_t *text;
    int len; /* of text; the tag is right behind it */
};

static bool open_aead(struct tls_protect *protect, const struct aead *aead, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = protect->ctx;
    int tag_bytes = protect->suite.tag_bytes, len;
    uint8_t tag[16];
    bool is_ccm = protect->suite.mode == TLS_MODE_CCM;

    memcpy(tag, aead->text + aead->len, (size_t)tag_bytes);
    if (!is_ccm)
        return EVP_DecryptInit_ex(ctx, NULL, NULL, NULL, aead->nonce) &&
               EVP_DecryptUpdate(ctx, NULL, &len, aead->aad, aead->aad_len) &&
               EVP_DecryptUpdate(ctx, out, &len, aead->text, aead->len) &&
               EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, tag_bytes, tag) &&
               EVP_DecryptFinal_ex(ctx, out + len, &len) > 0;
    /* CCM wants tag and lengths first, and tells with the text whether it is right. */
    return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, tag_bytes, tag) &&
           EVP_DecryptInit_ex(ctx, NULL, NULL, protect->key, aead->nonce) &&
           EVP_DecryptUpdate(ctx, NULL, &len, NULL, aead->len) &&
           EVP_DecryptUpdate(ctx, NULL, &len, aead->aad, aead->aad_len) &&
           EVP_DecryptUpdate(ctx, out, &len, aead->text, aead->len) > 0;
}

static int open_aead_13(struct tls_protect *protect, const uint8_t *header, const uint8_t *body,
                        size_t len, uint8_t *out, size_t *out_len, uint8_t *type)
{
    size_t tag_bytes = protect->suite.tag_bytes;
    uint8_t nonce[NONCE_BYTES];
    struct aead aead = {nonce, header, TLS_HEADER_BYTES, body, 0};

    if (len < tag_bytes + 1)
        return -EBADMSG;
    len -= tag_bytes;
    aead.len = (int)len;
    put_nonce(nonce, protect);
    if (!open_aead(protect, &aead, out))
        return -EBADMSG;
    while (len && !out[len - 1])
        len--;
    if (!len)
        return -EBADMSG;
    *type = out[len - 1];
    *out_len = len - 1;
    return 0;
}

static int open_aead_12(struct tls_protect *protect, const uint8_t *header, const uint8_t *body,
                        size_t len, uint8_t *out, size_t *out_len)
{
    size_t explicit_len = protect->suite.mode == TLS_MODE_CHACHA ? 0 : EXPLICIT_BYTES;
    size_t tag_bytes = protect->suite.tag_bytes;
    uint8_t nonce[NONCE_BYTES], aad[AAD_BYTES];
    struct aead aead = {nonce, aad, sizeof(aad), body + explicit_len, 0};

    if (len < explicit_len + tag_bytes)
        return -EBADMSG;
    len -= explicit_len + tag_bytes;
    aead.len = (int)len;
    put_aad(aad, protect, header, len);
    if (explicit_len) {
        memcpy(nonce, protect->iv, SALT_BYTES);
        memcpy(nonce + SALT_BYTES, body, EXPLICIT_BYTES);
    } else {
        put_nonce(nonce, protect);
    }
    if (!open_aead(protect, &aead, out))
        return -EBADMSG;
    *out_len = len;
    return 0;
}

/* len: what the MAC says it covers; text of text_len bytes: all of it. */
static bool is_mac_right(const struct tls_protect *protect, const uint8_t *header,
                         const uint8_t *text, size_t len, const uint8_t *mac)
{
    const EVP_MD *md = EVP_get_digestbyname(protect->suite.mac);
    uint8_t covered[AAD_BYTES + TLS_RECORD_MAX], right[EVP_MAX_MD_SIZE];
    size_t mac_len = protect->suite.tag_bytes;

    if (!md || len > TLS_RECORD_MAX)
        return false;
    put_aad(covered, protect, header, len);
    memcpy(covered + AAD_BYTES, text, len);
    return HMAC(md, protect->mac_key, (int)mac_len, covered, AAD_BYTES + len, right, NULL) &&
           !memcmp(right, mac, mac_len);
}

/* The content's length without its padding; SIZE_MAX when that is wrong. */
static size_t strip_padding(const uint8_t *text, size_t len)
{
    size_t padding = len ? text[len - 1] : 0;

    if (padding + 1 > len)
        return SIZE_MAX;
    for (size_t i = 0; i < padding; i++)
        if (text[len - 2 - i] != padding)
            return SIZE_MAX;
    return len - padding - 1;
}

static int open_cbc(struct tls_protect *protect, const uint8_t *header, const uint8_t *body,
                    size_t len, uint8_t *out, size_t *out_len)
{
    size_t block = protect->suite.block_bytes, mac_len = protect->suite.tag_bytes;
    size_t iv_len = protect->version >= TLS_1_1 ? block : 0;
    const uint8_t *iv = iv_len ? body : protect->iv;
    size_t text_len = len - iv_len;
    int done;

    if (protect->etm) {
        if (len < iv_len + block + mac_len ||
            !is_mac_right(protect, header, body, len - mac_len, body + len - mac_len))
            return -EBADMSG;
        text_len -= mac_len;
    }
    if (len < iv_len + block || !text_len || text_len % block)
        return -EBADMSG;
    if (!EVP_DecryptInit_ex(protect->ctx, NULL, NULL, NULL, iv) ||
        !EVP_DecryptUpdate(protect->ctx, out, &done, body + iv_len, (int)text_len))
        return -EBADMSG;
    *out_len = strip_padding(out, text_len);
    if (*out_len == SIZE_MAX)
        return -EBADMSG;
    if (!protect->etm) {
        if (*out_len < mac_len)
            return -EBADMSG;
        *out_len -= mac_len;
        if (!is_mac_right(protect, header, out, *out_len, out + *out_len))
            return -EBADMSG;
    }
    if (!iv_len)
        memcpy(protect->iv, body + text_len - block, block);
    return 0;
}

static int open_null(const struct tls_protect *protect, const uint8_t *header, const uint8_t *body,
                     size_t len, uint8_t *out, size_t *out_len)
{
    size_t mac_len = protect->suite.tag_bytes;

    if (len < mac_len || !is_mac_right(protect, header, body, len - mac_len, body + len - mac_len))
        return -EBADMSG;
    *out_len = len - mac_len;
    memcpy(out, body, *out_len);
    return 0;
}

int tls_protect_open(struct tls_protect *protect, const uint8_t header[TLS_HEADER_BYTES],
                     const uint8_t *body, size_t len, uint8_t *out, size_t *out_len, uint8_t *type)
{
    int err;

    *type = header[0];
    if (len > TLS_RECORD_MAX)
        return -EBADMSG;
    if (protect->version == TLS_1_3)
        err = open_aead_13(protect, header, body, len, out, out_len, type);
    else if (is_aead(&protect->suite))
        err = open_aead_12(protect, header, body, len, out, out_len);
    else if (protect->suite.mode == TLS_MODE_CBC)
        err = open_cbc(protect, header, body, len, out, out_len);
    else
        err = open_null(protect, header, body, len, out, out_len);
    if (!err)
        protect->sequence++;
    return err;
}
