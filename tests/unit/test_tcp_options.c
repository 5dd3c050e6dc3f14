/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a SYN, whole, damaged and cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tcp.h"
#include "unit/packet_builder.h"

static const struct row {
    const char *name, *opts, *expect;
} rows[] = {
    {"none", "", "mss=0 ws=0 has=0 unknown:"},
    {"Linux", "mss:1460,sack,ts:1:0,nop,ws:7", "mss=1460 ws=7 has=f unknown:"},
    {"Windows", "mss:1460,nop,ws:8,nop,nop,sack", "mss=1460 ws=8 has=7 unknown:"},
    {"fast open, asking", "raw:2202", "mss=0 ws=0 has=10 unknown:"},
    {"fast open with cookie", "fo:0011223344556677", "mss=0 ws=0 has=10 unknown:"},
    {"fast open by its first number", "raw:fe04f989", "mss=0 ws=0 has=10 unknown:"},
    {"another experiment", "raw:fe04f988", "mss=0 ws=0 has=0 unknown: 254"},
    {"multipath", "mptcp", "mss=0 ws=0 has=20 unknown:"},
    {"the end ends", "mss:100,end,sack", "mss=100 ws=0 has=1 unknown:"},
    {"the end as content does not", "mss:0,sack", "mss=0 ws=0 has=5 unknown:"},
    {"a kind as content is none", "raw:0204020405a0", "mss=516 ws=0 has=1 unknown:"},
    {"unknown kinds, the first four", "raw:450246024702480249024a02",
     "mss=0 ws=0 has=0 unknown: 69 70 71 72"},
    {"length 0", "raw:0200,sack", "mss=0 ws=0 has=0 unknown:"},
    {"length 1", "raw:0201,sack", "mss=0 ws=0 has=0 unknown:"},
    {"a length over the end", "raw:0402020ab4", "mss=0 ws=0 has=4 unknown:"},
    {"MSS with a wrong length", "raw:0203050402", "mss=0 ws=0 has=4 unknown: 2"},
    {"scale with a wrong length", "raw:03040700", "mss=0 ws=0 has=0 unknown: 3"},
    {"the last one counts", "mss:100,mss:200", "mss=200 ws=0 has=1 unknown:"},
    {"forty bytes of nop",
     "raw:01010101010101010101010101010101010101010101010101010101010101010101010101010101",
     "mss=0 ws=0 has=0 unknown:"},
    {"one option of forty bytes",
     "raw:fd280000000000000000000000000000000000000000000000000000000000000000000000000000",
     "mss=0 ws=0 has=0 unknown: 253"},
    {"scale in the last bytes",
     "raw:01010101010101010101010101010101010101010101010101010101010101010101010101030304",
     "mss=0 ws=4 has=2 unknown:"},
    {"a kind alone in the last byte",
     "raw:01010101010101010101010101010101010101010101010101010101010101010101010101010102",
     "mss=0 ws=0 has=0 unknown:"},
};

static void describe(char *text, size_t room, const struct flow_syn *syn)
{
    int n = snprintf(text, room, "mss=%u ws=%u has=%x unknown:", syn->mss, syn->window_scale,
                     syn->options);

    for (unsigned int i = 0; i < syn->unknown_count; i++)
        n += snprintf(text + n, room - (size_t)n, " %u", syn->unknown[i]);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t frame[200], opts[64];
        size_t len =
            packet_build(frame, sizeof(frame), "eth / ip 1.1.1.1 > 2.2.2.2 / tcp 1 > 2 SYN opts=%s",
                         *rows[i].opts ? rows[i].opts : "raw:");
        struct flow_syn syn = {0};
        char text[128];

        /* what lies behind the options must not matter */
        memset(opts, 2, sizeof(opts));
        memcpy(opts, frame + 54, len - 54);
        tcp_parse_syn(&syn, opts, (uint32_t)len - 54, TCP_SYN);
        describe(text, sizeof(text), &syn);
        assert_int_equal(syn.flags, TCP_SYN);
        if (strcmp(text, rows[i].expect))
            fail_msg("%s: %s", rows[i].name, text);
    }
}

/* Any bytes at any length: nothing behind the length is taken. */
static void test_any_bytes(void **state)
{
    uint32_t random = 1;

    (void)state;
    for (int run = 0; run < 20000; run++) {
        uint8_t opts[2][64];
        struct flow_syn syn[2] = {{0}, {0}};
        uint32_t len = (uint32_t)run % 41;

        for (uint32_t i = 0; i < 64; i++) {
            random = random * 1664525 + 1013904223;
            opts[0][i] = (uint8_t)((random >> 24) % 11);
            opts[1][i] = i < len ? opts[0][i] : (uint8_t)(random >> 16);
        }
        for (int i = 0; i < 2; i++)
            tcp_parse_syn(&syn[i], opts[i], len, TCP_SYN);
        assert_memory_equal(&syn[0], &syn[1], sizeof(syn[0]));
        assert_true(syn[0].unknown_count <= FLOW_UNKNOWN_OPTIONS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_any_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
