/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions of which the beginning was missed, or only one side is seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/tcp_scenario.h"

static const struct scenario late[] = {
    {"data of the client",
     "c PSH|ACK seq=1 ack=1 data=100 -> ESTABLISHED ESTABLISHED\n"
     "s ACK seq=1\n"
     "s PSH|ACK seq=1 data=50\n"
     "c ACK",
     "ESTABLISHED missed lots=2 | c 2p 100b rtt=1 | s 2p 50b rtt=1"},
    {"data of the server",
     "s PSH|ACK seq=1 ack=1 data=100 -> ESTABLISHED ESTABLISHED\n"
     "c ACK seq=1",
     "ESTABLISHED missed lots=1 | c 1p 0b | s 1p 100b rtt=1"},
    {"an ACK of the server",
     "s ACK seq=1 ack=1\n"
     "c PSH|ACK seq=1 data=5",
     "ESTABLISHED missed lots=1 | c 1p 5b | s 1p 0b"},
    {"the SYN-ACK",
     "s SYN|ACK ack=1 -> SYN_SENT SYN_RECEIVED\n"
     "c ACK seq=1 -> ESTABLISHED ESTABLISHED\n"
     "c PSH|ACK seq=1 data=7",
     "ESTABLISHED missed ev=E lots=1 | c 2p 7b | s 1p 0b"},
    {"the SYN-ACK, then its SYN",
     "c SYN lost\n"
     "s SYN|ACK -> SYN_SENT SYN_RECEIVED\n"
     "c SYN seq=0 -> SYN_SENT SYN_RECEIVED\n"
     "c ACK -> ESTABLISHED ESTABLISHED\n"
     "c PSH|ACK data=7",
     "ESTABLISHED missed ev=E lots=1 | c 3p 7b | s 1p 0b"},
    {"the first data, then the handshake",
     "c SYN lost\n"
     "s SYN|ACK lost\n"
     "c PSH|ACK data=100\n"
     "c SYN seq=0\n"
     "s SYN|ACK seq=0\n"
     "s ACK",
     "ESTABLISHED missed lots=1 | c 2p 100b rtt=1 | s 2p 0b"},
    {"a FIN",
     "c FIN|ACK seq=1 ack=1 -> FIN_WAIT_1 CLOSE_WAIT\n"
     "s FIN|ACK seq=1 -> FIN_WAIT_2 LAST_ACK\n"
     "c ACK -> TIME_WAIT CLOSED",
     "CLOSED missed fin:c ev=C | c 2p 0b | s 1p 0b"},
    {"the last ACK", "c ACK seq=1 ack=1", "ESTABLISHED missed | c 1p 0b | s 0p 0b"},
    {"a reset", "c RST seq=1", "CLOSED missed rst:c ev=C | c 1p 0b | s 0p 0b"},
    {"a SYN on it after all: a new session only after silence",
     "c PSH|ACK seq=1 ack=1 data=10\n"
     "s ACK seq=1\n"
     "c SYN seq=5000 -> ESTABLISHED ESTABLISHED\n"
     "+121s c SYN seq=5000 -> SYN_SENT LISTEN",
     "ESTABLISHED missed lots=1 | c 2p 10b outside=1 rtt=1 | s 1p 0b\n"
     "SYN_SENT | c 1p 0b | s 0p 0b"},
    {"only the client",
     "c PSH|ACK seq=1 ack=1 data=100\n"
     "c ACK ack=1001\n"
     "c ACK ack=500001\n"
     "c PSH|ACK data=100 ack=500001\n"
     "c FIN|ACK ack=500002",
     "CLOSE_WAIT missed fin:c lots=1 | c 5p 200b | s 0p 0b"},
    {"only the client, with holes",
     "c PSH|ACK seq=1 ack=1 data=100\n"
     "c ACK data=400000000 lost\n"
     "c PSH|ACK data=100 ack=1",
     "ESTABLISHED missed lots=1 | c 2p 200b gap=400000000 | s 0p 0b"},
    {"the scale of the window is not known: it may be wide",
     "c ACK seq=1 ack=1 win=1000\n"
     "s ACK seq=1 ack=1 data=100\n"
     "s ACK data=14000000 lost\n"
     "s ACK data=100",
     "ESTABLISHED missed lots=1 | c 1p 0b | s 2p 200b gap=14000000"},
    {"data of before the first",
     "c PSH|ACK seq=101 ack=1 data=100\n"
     "+1ms c PSH|ACK seq=1 ack=1 data=100\n"
     "s ACK seq=1 ack=201",
     "ESTABLISHED missed lots=1 | c 2p 200b retransmits=1 old=100 | s 1p 0b"},
    {"no ACK flag at all",
     "c NONE seq=1 data=5\n"
     "c NONE data=5\n"
     "s ACK seq=1",
     "ESTABLISHED missed lots=1 | c 2p 10b rtt=1 | s 1p 0b"},
};

static void test_late(void **state)
{
    (void)state;
    SCENARIOS_CHECK(late);
}

static void test_client(void **state)
{
    static const struct {
        const char *name, *script;
        uint16_t client_port, server_port;
        int is_client, is_late;
    } rows[] = {
        {"well-known port, data of the server", "s ACK data=5", 40000, 80, 1, 0},
        {"well-known port, data of the client", "c ACK data=5", 40000, 80, 1, 0},
        {"the higher port of two high ones", "s ACK data=5", 40000, 8080, 1, 0},
        {"both well known: the higher", "s ACK data=5", 1023, 22, 1, 0},
        {"1023 against 1024", "s ACK data=5", 1024, 1023, 1, 0},
        {"equal ports: who is seen first", "c ACK data=5", 5000, 5000, 1, 0},
        {"equal ports: who is seen first, the server", "s ACK data=5", 5000, 5000, 0, 0},
        {"the guess is wrong", "c ACK data=5", 2000, 8080, 0, 0},
        {"a SYN says better", "c SYN lost;c ACK data=5;c SYN seq=0", 2000, 8080, 1, 1},
        {"a SYN-ACK says better", "s SYN|ACK lost;s ACK data=5;s SYN|ACK seq=0 ack=0", 2000, 8080,
         1, 1},
        {"a SYN-ACK knows", "s SYN|ACK", 2000, 8080, 1, 0},
        {"a SYN knows", "c SYN", 80, 40000, 1, 0},
        {"a later SYN does not change it", "c SYN;s SYN", 2000, 8080, 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int order = 0; order < 2; order++) {
            struct tcp_run run = {0};
            const struct flow *flow = run.flow;

            script_init(&run.script, rows[i].script, 1, 0x80000000);
            run.script.side[order].addr = "10.0.0.1";
            run.script.side[!order].addr = "10.0.0.2";
            run.script.side[0].port = rows[i].client_port;
            run.script.side[1].port = rows[i].server_port;
            tcp_run_play(&run);
            if ((flow_client(flow) == run.client) != rows[i].is_client ||
                !!(flow->bits & FLOW_LATE_CLIENT) != rows[i].is_late)
                fail_msg("%s, order %d: bits %x", rows[i].name, order, flow->bits);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_client),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
