/* SPDX-License-Identifier: Apache-2.0 */
/* When a session that nobody closed is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "session/expiry.h"
#include "wire.h"

#define SECOND 1000000000ull
#define BOTH   (FLOW_SEEN | FLOW_SEEN << FLOW_ENDPOINT_SHIFT)
#define FINS   (FLOW_FIN | FLOW_FIN << FLOW_ENDPOINT_SHIFT)

static const struct {
    const char *name;
    uint8_t l4_proto;
    uint32_t bits;
    double idle_s;
    bool pressure;
    enum close_reason reason;
} ROWS[] = {
    {"SYN, waiting", IP_PROTO_TCP, FLOW_SYN, 69.9, false, CLOSE_NONE},
    {"SYN, no answer", IP_PROTO_TCP, FLOW_SYN, 70, false, CLOSE_SYN_TIMEOUT},
    {"SYN, little room", IP_PROTO_TCP, FLOW_SYN, 2, true, CLOSE_EVICTED},
    {"SYN, little room, young", IP_PROTO_TCP, FLOW_SYN, 1.9, true, CLOSE_NONE},
    {"SYN-ACK only", IP_PROTO_TCP, FLOW_SYN | FLOW_SYNACK << FLOW_ENDPOINT_SHIFT, 70, false,
     CLOSE_SYN_TIMEOUT},
    {"established, an hour", IP_PROTO_TCP, FLOW_ESTABLISHED | BOTH, 3600, false, CLOSE_NONE},
    {"established, little room", IP_PROTO_TCP, FLOW_ESTABLISHED | BOTH, 3600, true, CLOSE_NONE},
    {"established, too long", IP_PROTO_TCP, FLOW_ESTABLISHED | BOTH, 7500, false, CLOSE_TIMEOUT},
    {"half closed, silent", IP_PROTO_TCP, FLOW_ESTABLISHED | BOTH | FLOW_FIN, 599, false,
     CLOSE_NONE},
    {"half closed, too long", IP_PROTO_TCP, FLOW_ESTABLISHED | BOTH | FLOW_FIN, 600, false,
     CLOSE_TIMEOUT},
    {"last ACK missed, young", IP_PROTO_TCP, FLOW_ESTABLISHED | BOTH | FINS, 29, false, CLOSE_NONE},
    {"last ACK missed", IP_PROTO_TCP, FLOW_ESTABLISHED | BOTH | FINS, 30, false, CLOSE_FIN},
    {"UDP, one way", IP_PROTO_UDP, FLOW_SEEN, 30, false, CLOSE_TIMEOUT},
    {"UDP, both ways", IP_PROTO_UDP, BOTH, 59, false, CLOSE_NONE},
    {"UDP, both ways, silent", IP_PROTO_UDP, BOTH, 60, false, CLOSE_TIMEOUT},
    {"UDP, little room", IP_PROTO_UDP, BOTH, 2, true, CLOSE_EVICTED},
    {"ICMP", IP_PROTO_ICMP, BOTH, 15, false, CLOSE_TIMEOUT},
    {"ICMPv6, young", IP_PROTO_ICMPV6, BOTH, 14, false, CLOSE_NONE},
    {"SCTP, little room", IP_PROTO_SCTP, BOTH, 899, true, CLOSE_NONE},
    {"SCTP", IP_PROTO_SCTP, BOTH, 900, false, CLOSE_TIMEOUT},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        struct flow_key key = {.l4_proto = ROWS[i].l4_proto, .ip_version = 4};
        struct flow flow = {.bits = ROWS[i].bits, .first_ns = SECOND};
        uint64_t last = 5 * SECOND;

        print_message("%s\n", ROWS[i].name);
        for (int from = 0; from < 2; from++) {
            flow.dir[from].last_ns = last;
            flow.dir[!from].last_ns = 2 * SECOND;
            assert_int_equal(expiry_check(&flow, &key, last + (uint64_t)(ROWS[i].idle_s * 1e9),
                                          ROWS[i].pressure),
                             ROWS[i].reason);
        }
    }
}

static void test_a_clock_behind_the_last_packet_ends_nothing(void **state)
{
    struct flow_key key = {.l4_proto = IP_PROTO_ICMP, .ip_version = 4};
    struct flow flow = {.bits = BOTH, .first_ns = 100 * SECOND};

    (void)state;
    flow.dir[0].last_ns = 100 * SECOND;
    assert_int_equal(expiry_check(&flow, &key, 50 * SECOND, true), CLOSE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_a_clock_behind_the_last_packet_ends_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
