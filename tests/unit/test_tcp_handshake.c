/* SPDX-License-Identifier: Apache-2.0 */
/* How TCP sessions open: states and counters after each kind of handshake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/tcp_scenario.h"

static const struct scenario openings[] = {
    {"three-way, data, close by the client",
     "c SYN opts=mss:1460,ws:7,sack,ts:1:0 -> SYN_SENT LISTEN\n"
     "s SYN|ACK opts=mss:1400,ws:9         -> SYN_SENT SYN_RECEIVED\n"
     "c ACK                                -> ESTABLISHED ESTABLISHED\n"
     "c PSH|ACK \"GET /\"                  -> ESTABLISHED ESTABLISHED\n"
     "s ACK data=1000\n"
     "c ACK\n"
     "c FIN|ACK                            -> FIN_WAIT_1 CLOSE_WAIT\n"
     "s ACK                                -> FIN_WAIT_2 CLOSE_WAIT\n"
     "s FIN|ACK                            -> FIN_WAIT_2 LAST_ACK\n"
     "c ACK                                -> TIME_WAIT CLOSED\n",
     "CLOSED fin:c ev=EC lots=2 | c 6p 5b rtt=1 | s 4p 1000b rtt=1"},
    {"SYN sent again", "c SYN;+1s c SYN seq=0;+2s c SYN seq=0;s SYN|ACK;c ACK",
     "ESTABLISHED ev=E | c 4p 0b retransmits=2 syns=3 | s 1p 0b"},
    {"SYN sent again with another number",
     "c SYN\n+1s c SYN seq=5000 -> SYN_SENT LISTEN\ns SYN|ACK\nc ACK -> ESTABLISHED ESTABLISHED",
     "ESTABLISHED ev=E | c 3p 0b syns=2 | s 1p 0b"},
    {"SYN-ACK sent again", "c SYN;s SYN|ACK;+1s s SYN|ACK seq=0;c ACK;c ACK",
     "ESTABLISHED ev=E | c 3p 0b | s 2p 0b retransmits=1 syns=2"},
    {"ACK lost, SYN-ACK again, answered", "c SYN;s SYN|ACK;c ACK lost;+1s s SYN|ACK seq=0;c ACK",
     "ESTABLISHED ev=E | c 2p 0b | s 2p 0b retransmits=1 syns=2"},
    {"SYN-ACK of something else is not believed",
     "c SYN\ns SYN|ACK ack=500 -> SYN_SENT LISTEN\ns SYN|ACK seq=77 -> SYN_SENT SYN_RECEIVED\n"
     "c ACK -> ESTABLISHED ESTABLISHED\nc PSH|ACK data=10",
     "ESTABLISHED ev=E lots=1 | c 3p 10b | s 2p 0b outside=1"},
    {"SYN-ACK of the number itself is not believed", "c SYN;s SYN|ACK ack=0;s SYN|ACK seq=0;c ACK",
     "ESTABLISHED ev=E | c 2p 0b | s 2p 0b outside=1"},
    {"simultaneous open",
     "c SYN              -> SYN_SENT LISTEN\n"
     "s SYN              -> SYN_RECEIVED SYN_RECEIVED\n"
     "c SYN|ACK seq=0    -> SYN_RECEIVED SYN_RECEIVED\n"
     "s SYN|ACK seq=0    -> ESTABLISHED ESTABLISHED\n"
     "c PSH|ACK data=5",
     "ESTABLISHED ev=E lots=1 | c 3p 5b | s 2p 0b"},
    {"data on the SYN, accepted",
     "c SYN opts=fo:0011223344556677 \"hello\";s SYN|ACK;c ACK;c PSH|ACK \"more\";s ACK",
     "ESTABLISHED ev=E lots=1 | c 3p 9b rtt=1 | s 2p 0b"},
    {"data on the SYN, refused and sent again",
     "c SYN \"hello\";s SYN|ACK ack=1;c ACK;c PSH|ACK \"hello\" seq=1;s ACK",
     "ESTABLISHED ev=E lots=1 | c 3p 10b retransmits=1 old=5 | s 2p 0b"},
    {"data on the SYN, SYN again without",
     "c SYN \"hello\";+1s c SYN seq=0;s SYN|ACK ack=1;c ACK seq=1",
     "ESTABLISHED ev=E lots=1 | c 3p 5b retransmits=1 syns=2 | s 1p 0b"},
    {"data on the SYN-ACK", "c SYN;s SYN|ACK \"banner\";c ACK;s PSH|ACK \"more\";c ACK",
     "ESTABLISHED ev=E lots=1 | c 3p 0b | s 2p 10b rtt=1"},
    {"data with the ACK of the SYN-ACK", "c SYN;s SYN|ACK;c PSH|ACK \"GET /\";s ACK",
     "ESTABLISHED ev=E lots=1 | c 2p 5b rtt=1 | s 2p 0b"},
    {"FIN with the ACK of the SYN-ACK",
     "c SYN;s SYN|ACK\nc FIN|ACK -> FIN_WAIT_1 CLOSE_WAIT\ns FIN|ACK -> FIN_WAIT_2 LAST_ACK\nc ACK",
     "CLOSED fin:c ev=EC | c 3p 0b | s 2p 0b"},
    {"SYN-ACK not seen, ACK of the client",
     "c SYN\ns SYN|ACK lost\nc ACK -> ESTABLISHED ESTABLISHED\nc PSH|ACK data=9\ns PSH|ACK data=20\nc ACK",
     "ESTABLISHED ev=E lots=2 | c 4p 9b rtt=1 | s 1p 20b rtt=1"},
    {"SYN-ACK and ACK not seen, data of the server",
     "c SYN\ns SYN|ACK lost\nc ACK lost\ns PSH|ACK data=20 -> ESTABLISHED ESTABLISHED\nc ACK",
     "ESTABLISHED ev=E lots=1 | c 2p 0b | s 1p 20b rtt=1"},
    {"only the client's side is seen",
     "c SYN;s SYN|ACK lost;c ACK;c PSH|ACK data=100;s ACK data=50 lost;c ACK",
     "ESTABLISHED ev=E lots=1 | c 4p 100b | s 0p 0b"},
    {"answered by a segment without flags", "c SYN\ns NONE -> SYN_SENT LISTEN\ns SYN|ACK\nc ACK",
     "ESTABLISHED ev=E | c 2p 0b | s 2p 0b outside=1"},
    {"answered by an ACK of an older connection, reset, tried again",
     "c SYN\n"
     "s ACK seq=7777 ack=@0x12345678 -> SYN_SENT LISTEN\n"
     "c RST seq=@0x12345678          -> SYN_SENT LISTEN\n"
     "+1s c SYN seq=0\n"
     "s SYN|ACK seq=0                -> SYN_SENT SYN_RECEIVED\n"
     "c ACK                          -> ESTABLISHED ESTABLISHED\n",
     "ESTABLISHED ev=E | c 4p 0b retransmits=1 outside=1 syns=2 | s 2p 0b outside=1"},
    {"congestion marks", "c SYN;s SYN|ACK;c ACK tos=1;c ACK data=5 tos=3;s ACK tos=3",
     "ESTABLISHED ev=E lots=1 | c 3p 5b ce=1 rtt=1 | s 2p 0b ce=1"},
    {"SYN with FIN begins nothing",
     "c SYN|FIN -> LISTEN LISTEN\nc SYN seq=0 -> SYN_SENT LISTEN\ns SYN|ACK ack=1\nc ACK seq=1",
     "ESTABLISHED ev=E | c 3p 0b outside=1 | s 1p 0b"},
};

static void test_openings(void **state)
{
    (void)state;
    SCENARIOS_CHECK(openings);
}

static const struct tcp_run *play(struct tcp_run *run, const char *script)
{
    tcp_run_script(run, script, 1000, 0xfffffff0);
    return run;
}

/* Times of the handshake, in ms after the first packet at 1 s. */
static void test_times(void **state)
{
    static const struct {
        const char *name, *script;
        uint64_t syn_ms, synack_ms, established_ms;
    } rows[] = {
        {"plain", "c SYN;+10ms s SYN|ACK;+5ms c ACK", 0, 10, 15},
        {"retries: the first of each",
         "c SYN;+9ms c SYN seq=0;+1ms s SYN|ACK;+7ms s SYN|ACK seq=0;+3ms c ACK", 0, 10, 20},
        {"SYN missed", "s SYN|ACK;+7ms c ACK", ~0ull, 0, 7},
        {"SYN-ACK missed", "c SYN;s SYN|ACK lost;+9ms c ACK", 0, ~0ull, 10},
        {"SYN seen after its SYN-ACK", "c SYN lost;s SYN|ACK;+2ms c SYN seq=0;+7ms c ACK", 2, 0, 9},
        {"seen late", "c ACK data=4;s ACK", ~0ull, ~0ull, ~0ull},
        {"simultaneous", "c SYN;+2ms s SYN;+3ms c SYN|ACK seq=0;+4ms s SYN|ACK seq=0", 0, 5, 9},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tcp_run run;
        const struct flow *flow = play(&run, rows[i].script)->flow;
        uint64_t ms[3] = {rows[i].syn_ms, rows[i].synack_ms, rows[i].established_ms};
        uint64_t ns[3] = {flow->syn_ns, flow->synack_ns, flow->established_ns};

        for (int t = 0; t < 3; t++)
            if (ns[t] != (ms[t] == ~0ull ? 0 : flow->first_ns + ms[t] * 1000000))
                fail_msg("%s: time %d is %llu", rows[i].name, t, (unsigned long long)ns[t]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openings),
        cmocka_unit_test(test_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
