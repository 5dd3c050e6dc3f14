/* SPDX-License-Identifier: Apache-2.0 */
/* JA4 of ClientHellos: the fingerprints that FoxIO and others publish beside their lists (JA4_r). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "app/tls_hello.h"

/* Lists as JA4_r has them, in any order; exts with SNI (0000) and ALPN (0010) where they were sent. */
static const struct {
    const char *name;
    const char *ciphers;
    const char *extensions;
    const char *signatures;
    const char *alpn; /* hex, or NULL */
    uint16_t version;
    const char *ja4;
} rows[] = {
    {"Chrome, the specification's example",
     "1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035",
     "001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015",
     "0403,0804,0401,0503,0805,0501,0806,0601", "6832", 0x0304,
     "t13d1516h2_8daaf6152771_e5627efa2ab1"},
    {"the same with GREASE and in another order",
     "0a0a,002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9",
     "fafa,0000,0005,000a,000b,000d,0010,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01,1a1a",
     "0403,0804,0401,0503,0805,0501,0806,0601", "6832", 0x0304,
     "t13d1516h2_8daaf6152771_e5627efa2ab1"},
    {"Chrome with ECH and ALPS",
     "002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9",
     "0000,0010,0005,000a,000b,000d,0012,0017,001b,0023,002b,002d,0033,44cd,fe0d,ff01",
     "0403,0804,0401,0503,0805,0501,0806,0601", "6832", 0x0304,
     "t13d1516h2_8daaf6152771_d8a2da3f94cd"},
    {"another client's page", "00ff,1301,1302,1303,c02b,c02c,c02f,c030,cca8,cca9",
     "0000,0010,0005,000a,000b,000d,0017,0023,002b,002d,0033",
     "0503,0403,0807,0806,0805,0804,0601,0501,0401", "6832", 0x0304,
     "t13d1011h2_61a7ad8aa9b6_3fcd1a44f3e3"},
    {"no extension, no cipher", "", "", "", NULL, 0x0301, "t10i000000_000000000000_000000000000"},
    {"ALPN of one letter", "", "0010", "", "68", 0x0303, "t12i0001hh_000000000000_000000000000"},
    {"ALPN of one other byte", "", "0010", "", "ab", 0x0303,
     "t12i0001ab_000000000000_000000000000"},
    {"ALPN with an end that is no letter", "", "0010", "", "3031abcd", 0x0302,
     "t11i00013d_000000000000_000000000000"},
};

static size_t put_list(uint8_t *out, const char *list)
{
    size_t len = 0;

    while (*list) {
        unsigned long value = strtoul(list, NULL, 16);

        out[len++] = (uint8_t)(value >> 8);
        out[len++] = (uint8_t)value;
        list += list[4] ? 5 : 4;
    }
    return len;
}

static uint8_t *put16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static size_t put_hex(uint8_t *out, const char *hex)
{
    size_t len = strlen(hex) / 2;

    for (size_t i = 0; i < len; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};

        out[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return len;
}

static uint8_t *put_extension(uint8_t *at, uint16_t type, size_t row)
{
    uint8_t *len = put16(at, type), *content = len + 2;
    size_t n;

    at = content;
    if (type == TLS_EXT_SERVER_NAME) {
        memcpy(at, "\0\x06\0\0\x03www", 8);
        at += 8;
    } else if (type == TLS_EXT_ALPN && rows[row].alpn) {
        n = put_hex(at + 3, rows[row].alpn);
        put16(at, n + 1);
        at[2] = (uint8_t)n;
        at += 3 + n;
    } else if (type == TLS_EXT_SIGNATURE_ALGORITHMS) {
        n = put_list(at + 2, rows[row].signatures);
        at = put16(at, n) + n;
    } else if (type == TLS_EXT_SUPPORTED_VERSIONS) {
        memcpy(at, "\x06\x7a\x7a\x03\x04\x03\x03", 7);
        at += 7;
    }
    put16(len, (size_t)(at - content));
    return at;
}

static size_t make_hello(uint8_t *out, size_t row)
{
    uint8_t list[128], *at = put16(out, rows[row].version > 0x0303 ? 0x0303 : rows[row].version);
    uint8_t *extensions;
    size_t len;

    memset(at, 7, 32);
    at += 32;
    *at++ = 0;
    len = put_list(at + 2, rows[row].ciphers);
    at = put16(at, len) + len;
    *at++ = 1;
    *at++ = 0;
    extensions = at;
    at += 2;
    len = put_list(list, rows[row].extensions);
    for (size_t i = 0; i < len; i += 2)
        at = put_extension(at, (uint16_t)(list[i] << 8 | list[i + 1]), row);
    put16(extensions, (size_t)(at - extensions) - 2);
    return (size_t)(at - out);
}

static void test_published(void **state)
{
    static struct tls_client_hello hello;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t body[1024];
        char ja4[TLS_JA4_BYTES + 1] = "";

        if (tls_client_hello_parse(&hello, body, make_hello(body, i)))
            fail_msg("%s: not a hello", rows[i].name);
        tls_ja4(&hello, ja4);
        if (strcmp(ja4, rows[i].ja4) != 0)
            fail_msg("%s: %s, not %s", rows[i].name, ja4, rows[i].ja4);
    }
}

/* Cut anywhere it is refused, but for where the extensions are left out whole. */
static void test_cut(void **state)
{
    static struct tls_client_hello hello;
    uint8_t body[1024];
    size_t len = make_hello(body, 0), taken = 0;

    (void)state;
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *copy = malloc(cut + 1);

        memcpy(copy, body, cut);
        taken += !tls_client_hello_parse(&hello, copy, cut);
        free(copy);
    }
    assert_int_equal(taken, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
