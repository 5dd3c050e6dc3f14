/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ClientHello: version 2 | random 32 | session id <1> | ciphers <2> | compressions <1> | extensions <2>
 * ServerHello: version 2 | random 32 | session id <1> | cipher 2 | compression 1 | extensions <2>
 * <n>: a run behind its length of n bytes. Extensions: type 2 | content <2>; SSL 3.0 has none.
 */
#include "app/tls_hello.h"

#include <errno.h>
#include <string.h>

/* SHA-256 of "HelloRetryRequest": the random that marks one. */
static const uint8_t retry_random[32] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

bool tls_is_grease(uint16_t value)
{
    return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

static void list_add(struct tls_list *list, uint32_t value)
{
    if (!tls_is_grease((uint16_t)value) && list->count < TLS_LIST_MAX)
        list->items[list->count++] = (uint16_t)value;
}

static void read_list(struct tls_list *list, struct byte_reader *run)
{
    while (run->left >= 2)
        list_add(list, read_number(run, 2));
}

static void read_random(struct byte_reader *reader, uint8_t random[32])
{
    const uint8_t *at = read_bytes(reader, 32);

    if (at)
        memcpy(random, at, 32);
}

/* What is left of a hello: a run of extensions, or nothing. 0 or -EBADMSG. */
static int read_extensions(struct byte_reader *reader,
                           void (*take)(void *hello, uint16_t type, struct byte_reader content),
                           void *hello)
{
    struct byte_reader run = reader->left ? read_run(reader, 2) : *reader;

    while (run.left) {
        uint16_t type = (uint16_t)read_number(&run, 2);
        struct byte_reader content = read_run(&run, 2);

        if (run.failed)
            break;
        take(hello, type, content);
    }
    return reader->failed || run.failed ? -EBADMSG : 0;
}

/* The first host name, RFC 6066 section 3. */
static struct byte_reader read_sni(struct byte_reader content)
{
    struct byte_reader list = read_run(&content, 2);

    while (list.left) {
        uint32_t type = read_number(&list, 1);
        struct byte_reader name = read_run(&list, 2);

        if (!type && !list.failed)
            return name;
    }
    return (struct byte_reader){0};
}

struct byte_reader tls_alpn_first(struct byte_reader content)
{
    struct byte_reader list = read_run(&content, 2);
    struct byte_reader name = read_run(&list, 1);

    return list.failed || !name.left ? (struct byte_reader){0} : name;
}

static void read_versions(struct tls_client_hello *hello, struct byte_reader content)
{
    struct byte_reader list = read_run(&content, 1);
    uint16_t highest = 0;

    while (list.left >= 2) {
        uint16_t version = (uint16_t)read_number(&list, 2);

        if (!tls_is_grease(version) && version > highest)
            highest = version;
    }
    if (highest)
        hello->version = highest;
}

static void take_client_extension(void *ctx, uint16_t type, struct byte_reader content)
{
    struct tls_client_hello *hello = ctx;
    struct byte_reader list;

    list_add(&hello->extensions, type);
    switch (type) {
    case TLS_EXT_SERVER_NAME:
        hello->has_sni = true;
        hello->sni = read_sni(content);
        break;
    case TLS_EXT_ALPN:
        hello->alpn = tls_alpn_first(content);
        break;
    case TLS_EXT_SIGNATURE_ALGORITHMS:
        list = read_run(&content, 2);
        read_list(&hello->signatures, &list);
        break;
    case TLS_EXT_SUPPORTED_VERSIONS:
        read_versions(hello, content);
        break;
    case TLS_EXT_EARLY_DATA:
        hello->early_data = true;
        break;
    default:
        break;
    }
}

int tls_client_hello_parse(struct tls_client_hello *hello, const uint8_t *body, size_t len)
{
    struct byte_reader reader = {body, len, false}, run;

    memset(hello, 0, sizeof(*hello));
    hello->version = (uint16_t)read_number(&reader, 2);
    read_random(&reader, hello->random);
    hello->session_id = read_run(&reader, 1);
    run = read_run(&reader, 2);
    read_list(&hello->ciphers, &run);
    read_run(&reader, 1);
    if (reader.failed || hello->session_id.left > 32)
        return -EBADMSG;
    return read_extensions(&reader, take_client_extension, hello);
}

int tls_sslv2_hello_parse(struct tls_client_hello *hello, const uint8_t *body, size_t len)
{
    struct byte_reader reader = {body, len, false}, ciphers;
    size_t cipher_len, session_len, random_len;
    const uint8_t *random;

    memset(hello, 0, sizeof(*hello));
    if (read_number(&reader, 1) != 1)
        return -EBADMSG;
    hello->version = (uint16_t)read_number(&reader, 2);
    cipher_len = read_number(&reader, 2);
    session_len = read_number(&reader, 2);
    random_len = read_number(&reader, 2);
    ciphers.at = read_bytes(&reader, cipher_len);
    ciphers.left = ciphers.at ? cipher_len : 0;
    ciphers.failed = false;
    read_bytes(&reader, session_len);
    random = read_bytes(&reader, random_len);
    if (reader.failed || random_len > sizeof(hello->random))
        return -EBADMSG;
    memcpy(hello->random + sizeof(hello->random) - random_len, random, random_len);
    while (ciphers.left >= 3) {
        uint32_t cipher = read_number(&ciphers, 3);

        if (cipher <= 0xffff)
            list_add(&hello->ciphers, cipher);
    }
    return 0;
}

static void take_server_extension(void *ctx, uint16_t type, struct byte_reader content)
{
    struct tls_server_hello *hello = ctx;

    switch (type) {
    case TLS_EXT_SUPPORTED_VERSIONS:
        if (content.left == 2)
            hello->version = (uint16_t)read_number(&content, 2);
        break;
    case TLS_EXT_ALPN:
        hello->alpn = tls_alpn_first(content);
        break;
    case TLS_EXT_PRE_SHARED_KEY:
        hello->psk = true;
        break;
    case TLS_EXT_ENCRYPT_THEN_MAC:
        hello->etm = true;
        break;
    default:
        break;
    }
}

int tls_server_hello_parse(struct tls_server_hello *hello, const uint8_t *body, size_t len)
{
    struct byte_reader reader = {body, len, false};

    memset(hello, 0, sizeof(*hello));
    hello->version = (uint16_t)read_number(&reader, 2);
    read_random(&reader, hello->random);
    hello->session_id = read_run(&reader, 1);
    hello->cipher = (uint16_t)read_number(&reader, 2);
    hello->compressed = read_number(&reader, 1) != 0;
    hello->retry = !memcmp(hello->random, retry_random, sizeof(retry_random));
    if (reader.failed || hello->session_id.left > 32)
        return -EBADMSG;
    return read_extensions(&reader, take_server_extension, hello);
}
