/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protocols of messages that hand over to TLS:
 *
 *   LDAP        RFC 4511 4.14          30 length | 02 id | 77 ... 80 OID       30 length | 02 id | 78 .. 0a 01 result
 *   PostgreSQL  protocol 3.0, 55.2.10  length 4 = 8 | 80877103                 'S', or 'N'
 *   MySQL       SSLRequest             length 3 = 32 | number | capabilities   at once
 *   RDP         MS-RDPBCGR 1.3.1.1     03 00 length 2 | X.224 CR e0            X.224 CC d0 | 02 flags length 2 | protocol 4
 */
#include <string.h>

#include "app/byte_reader.h"
#include "app/starttls.h"

static uint32_t big_endian(const uint8_t *at, size_t bytes)
{
    uint32_t value = 0;

    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static uint32_t little_endian(const uint8_t *at, size_t bytes)
{
    uint32_t value = 0;

    while (bytes--)
        value = value << 8 | at[bytes];
    return value;
}

/* ---- LDAP */

#define BER_SEQUENCE   0x30
#define BER_INTEGER    0x02
#define BER_ENUMERATED 0x0a
#define BER_LONG       0x80
#define LDAP_BIND      0x60
#define LDAP_SEARCH    0x63
#define LDAP_EXTENDED  0x77
#define LDAP_RESPONSE  0x78
#define LDAP_OID       0x80

static const char ldap_oid[] = "1.3.6.1.4.1.1466.20037";

/* Of an element, its content; what is not kept of it is missing. */
static struct byte_reader read_element(struct byte_reader *reader, uint8_t *tag)
{
    uint32_t len;

    *tag = (uint8_t)read_number(reader, 1);
    len = read_number(reader, 1);
    if (len > BER_LONG)
        len = read_number(reader, len - BER_LONG > 4 ? 4 : len - BER_LONG);
    if (len > reader->left)
        len = (uint32_t)reader->left;
    return (struct byte_reader){read_bytes(reader, len), len, reader->failed};
}

/* What is behind the message's id. */
static struct byte_reader read_operation(const uint8_t *data, size_t len, uint8_t *tag)
{
    struct byte_reader reader = {data, len, false}, message = read_element(&reader, tag);

    if (*tag == BER_SEQUENCE)
        read_element(&message, tag);
    if (*tag != BER_INTEGER)
        message = (struct byte_reader){.failed = true};
    return read_element(&message, tag);
}

static bool ldap_begins(const struct app_piece *first)
{
    uint8_t tag;

    if (first->side != APP_CLIENT || !first->len || first->data[0] != BER_SEQUENCE)
        return false;
    read_operation(first->data, first->len, &tag);
    return tag == LDAP_BIND || tag == LDAP_SEARCH || tag == LDAP_EXTENDED;
}

static size_t ldap_measure(enum app_side side, const uint8_t *data, size_t len)
{
    size_t bytes;

    (void)side;
    if (data[0] != BER_SEQUENCE)
        return STARTTLS_BAD;
    if (len < 2)
        return 0;
    if (data[1] < BER_LONG)
        return 2 + (size_t)data[1];
    bytes = data[1] - BER_LONG;
    if (!bytes || bytes > 4)
        return STARTTLS_BAD;
    return len < 2 + bytes ? 0 : 2 + bytes + big_endian(data + 2, bytes);
}

static enum starttls_word ldap_client(struct starttls_talk *talk, const uint8_t *unit, size_t len)
{
    uint8_t tag, name;
    struct byte_reader operation = read_operation(unit, len, &tag), oid;

    (void)talk;
    if (tag != LDAP_EXTENDED)
        return STARTTLS_OTHER;
    oid = read_element(&operation, &name);
    if (name != LDAP_OID || oid.left != strlen(ldap_oid) || memcmp(oid.at, ldap_oid, oid.left) != 0)
        return STARTTLS_OTHER;
    return STARTTLS_ASK;
}

static enum starttls_word ldap_server(struct starttls_talk *talk, const uint8_t *unit, size_t len)
{
    uint8_t tag, kind;
    struct byte_reader operation = read_operation(unit, len, &tag), result;

    (void)talk;
    if (tag != LDAP_RESPONSE)
        return STARTTLS_OTHER;
    result = read_element(&operation, &kind);
    return kind == BER_ENUMERATED && result.left == 1 && !result.at[0] ? STARTTLS_AGREE
                                                                       : STARTTLS_REFUSE;
}

static const struct starttls_protocol ldap = {
    .name = "ldap",
    .begins = ldap_begins,
    .measure = ldap_measure,
    .client = ldap_client,
    .server = ldap_server,
};

/* ---- PostgreSQL */

#define PG_REQUEST_BYTES 8
#define PG_SSL_REQUEST   80877103
#define PG_GSS_REQUEST   80877104

static uint32_t pg_code(const uint8_t *data, size_t len)
{
    return len >= PG_REQUEST_BYTES && big_endian(data, 4) == PG_REQUEST_BYTES
               ? big_endian(data + 4, 4)
               : 0;
}

static bool pg_begins(const struct app_piece *first)
{
    uint32_t code = pg_code(first->data, first->len);

    return first->side == APP_CLIENT && (code == PG_SSL_REQUEST || code == PG_GSS_REQUEST);
}

/* An answer is one byte. */
static size_t pg_measure(enum app_side side, const uint8_t *data, size_t len)
{
    (void)data;
    if (side == APP_SERVER)
        return 1;
    return len < PG_REQUEST_BYTES ? 0 : PG_REQUEST_BYTES;
}

/* Requests come first; after that the session is a plain one. */
static enum starttls_word pg_client(struct starttls_talk *talk, const uint8_t *unit, size_t len)
{
    (void)talk;
    switch (pg_code(unit, len)) {
    case PG_SSL_REQUEST:
        return STARTTLS_ASK;
    case PG_GSS_REQUEST:
        return STARTTLS_OTHER;
    default:
        return STARTTLS_NEVER;
    }
}

static enum starttls_word pg_server(struct starttls_talk *talk, const uint8_t *unit, size_t len)
{
    (void)talk, (void)len;
    if (unit[0] == 'S')
        return STARTTLS_AGREE;
    return unit[0] == 'N' ? STARTTLS_REFUSE : STARTTLS_NEVER;
}

static const struct starttls_protocol postgresql = {
    .name = "postgresql",
    .begins = pg_begins,
    .measure = pg_measure,
    .client = pg_client,
    .server = pg_server,
};

/* ---- MySQL */

#define MYSQL_HEAD       4
#define MYSQL_NUMBER_AT  3
#define MYSQL_VERSION_10 10
#define MYSQL_SSL_BYTES  32
#define MYSQL_CLIENT_SSL 0x800

/* The server's greeting: number 0, version 10, then its release as text. */
static bool mysql_begins(const struct app_piece *first)
{
    const uint8_t *at = first->data;

    return first->side == APP_SERVER && first->len > MYSQL_HEAD + 1 && !at[1] && !at[2] &&
           !at[MYSQL_NUMBER_AT] && at[MYSQL_HEAD] == MYSQL_VERSION_10 &&
           at[MYSQL_HEAD + 1] >= '3' && at[MYSQL_HEAD + 1] <= '9';
}

static size_t mysql_measure(enum app_side side, const uint8_t *data, size_t len)
{
    (void)side;
    return len < MYSQL_HEAD ? 0 : MYSQL_HEAD + little_endian(data, 3);
}

static enum starttls_word mysql_client(struct starttls_talk *talk, const uint8_t *unit, size_t len)
{
    (void)talk;
    if (len != MYSQL_HEAD + MYSQL_SSL_BYTES ||
        !(little_endian(unit + MYSQL_HEAD, 4) & MYSQL_CLIENT_SSL))
        return STARTTLS_NEVER;
    return STARTTLS_BOTH;
}

static enum starttls_word mysql_server(struct starttls_talk *talk, const uint8_t *unit, size_t len)
{
    (void)talk, (void)unit, (void)len;
    return STARTTLS_OTHER;
}

static const struct starttls_protocol mysql = {
    .name = "mysql",
    .begins = mysql_begins,
    .measure = mysql_measure,
    .client = mysql_client,
    .server = mysql_server,
};

/* ---- RDP */

#define TPKT_HEAD       4
#define TPKT_VERSION    3
#define X224_TYPE_AT    5
#define X224_REQUEST    0xe0
#define X224_CONFIRM    0xd0
#define RDP_RESPONSE_AT 11
#define RDP_RESPONSE    2
#define RDP_PROTOCOL_AT 15
#define RDP_END         19

static bool rdp_begins(const struct app_piece *first)
{
    const uint8_t *at = first->data;

    return first->side == APP_CLIENT && first->len > X224_TYPE_AT && at[0] == TPKT_VERSION &&
           !at[1] && at[X224_TYPE_AT] == X224_REQUEST &&
           big_endian(at + 2, 2) == 5u + at[TPKT_HEAD];
}

static size_t rdp_measure(enum app_side side, const uint8_t *data, size_t len)
{
    size_t whole;

    (void)side;
    if (data[0] != TPKT_VERSION)
        return STARTTLS_BAD;
    if (len < TPKT_HEAD)
        return 0;
    whole = big_endian(data + 2, 2);
    return whole > TPKT_HEAD ? whole : STARTTLS_BAD;
}

static enum starttls_word rdp_client(struct starttls_talk *talk, const uint8_t *unit, size_t len)
{
    (void)talk;
    return len > X224_TYPE_AT && unit[X224_TYPE_AT] == X224_REQUEST ? STARTTLS_ASK : STARTTLS_NEVER;
}

static enum starttls_word rdp_server(struct starttls_talk *talk, const uint8_t *unit, size_t len)
{
    (void)talk;
    if (len < RDP_END || unit[X224_TYPE_AT] != X224_CONFIRM ||
        unit[RDP_RESPONSE_AT] != RDP_RESPONSE || !little_endian(unit + RDP_PROTOCOL_AT, 4))
        return STARTTLS_NEVER;
    return STARTTLS_AGREE;
}

static const struct starttls_protocol rdp = {
    .name = "rdp",
    .begins = rdp_begins,
    .measure = rdp_measure,
    .client = rdp_client,
    .server = rdp_server,
};

const struct starttls_protocol *const starttls_of_messages[] = {
    &ldap, &postgresql, &mysql, &rdp, NULL,
};
