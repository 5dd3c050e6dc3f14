/* SPDX-License-Identifier: Apache-2.0 */
/* A SYN on ports in use: when it begins a new session, and when it is noise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/tcp_scenario.h"

static const struct scenario reuses[] = {
    {"after both FINs were acknowledged",
     "c SYN;s SYN|ACK;c ACK\n"
     "c FIN|ACK\n"
     "s FIN|ACK\n"
     "c ACK\n"
     "c SYN seq=90000 -> SYN_SENT LISTEN\n"
     "s SYN|ACK seq=70000\n"
     "c ACK -> ESTABLISHED ESTABLISHED",
     "CLOSED fin:c ev=EC | c 4p 0b | s 2p 0b\n"
     "ESTABLISHED ev=E | c 2p 0b | s 1p 0b"},
    {"in LAST_ACK, the last ACK missed",
     "c SYN;s SYN|ACK;c ACK\n"
     "c FIN|ACK\n"
     "s FIN|ACK\n"
     "c ACK lost\n"
     "c SYN seq=90000 -> SYN_SENT LISTEN",
     "LAST_ACK fin:c ev=E | c 3p 0b | s 2p 0b\n"
     "SYN_SENT | c 1p 0b | s 0p 0b"},
    {"after a reset",
     "c SYN;s SYN|ACK;c ACK\n"
     "s RST\n"
     "c SYN seq=500 -> SYN_SENT LISTEN",
     "CLOSED rst:s ev=EC | c 2p 0b | s 2p 0b\n"
     "SYN_SENT | c 1p 0b | s 0p 0b"},
    {"after a refusal",
     "c SYN\n"
     "s RST|ACK seq=@0\n"
     "c SYN seq=500\n"
     "s RST|ACK seq=@0 ack=501",
     "CLOSED rst:s ev=C | c 1p 0b | s 1p 0b\n"
     "CLOSED rst:s ev=C | c 1p 0b | s 1p 0b"},
    {"by the other side",
     "c SYN;s SYN|ACK;c ACK\n"
     "c FIN|ACK\n"
     "s FIN|ACK\n"
     "c ACK\n"
     "s SYN seq=90000 -> LISTEN SYN_SENT\n"
     "c SYN|ACK seq=1000000\n"
     "s ACK -> ESTABLISHED ESTABLISHED",
     "CLOSED fin:c ev=EC | c 4p 0b | s 2p 0b\n"
     "ESTABLISHED client=s ev=E | c 1p 0b | s 2p 0b"},
    {"the old SYN, again, after the close",
     "c SYN;s SYN|ACK;c ACK\n"
     "c FIN|ACK\n"
     "s FIN|ACK\n"
     "c ACK\n"
     "c SYN seq=0 -> TIME_WAIT CLOSED",
     "CLOSED fin:c ev=EC | c 5p 0b retransmits=1 syns=2 | s 2p 0b"},
    {"while open: noise",
     "c SYN;s SYN|ACK;c ACK\n"
     "c PSH|ACK data=10\n"
     "s ACK\n"
     "c SYN seq=5000 -> ESTABLISHED ESTABLISHED\n"
     "s ACK\n"
     "c PSH|ACK seq=11 data=10",
     "ESTABLISHED ev=E lots=1 | c 5p 20b outside=1 rtt=1 | s 3p 0b"},
    {"while open, the client was started anew",
     "c SYN;s SYN|ACK;c ACK\n"
     "c PSH|ACK data=10\n"
     "s ACK\n"
     "+10s c SYN seq=5000 -> ESTABLISHED ESTABLISHED\n"
     "s ACK ack=11\n"
     "c RST seq=11 -> CLOSED CLOSED\n"
     "+1s c SYN seq=5000 -> SYN_SENT LISTEN\n"
     "s SYN|ACK seq=9000\n"
     "c ACK",
     "CLOSED rst:c ev=EC lots=1 | c 5p 10b outside=1 rtt=1 | s 3p 0b\n"
     "ESTABLISHED ev=E | c 2p 0b | s 1p 0b"},
    {"while open, SYN-ACK with other numbers: noise",
     "c SYN;s SYN|ACK;c ACK\n"
     "s SYN|ACK seq=5000 -> ESTABLISHED ESTABLISHED\n"
     "c PSH|ACK data=10 ack=1",
     "ESTABLISHED ev=E lots=1 | c 3p 10b | s 2p 0b outside=1"},
    {"after two minutes of silence, open",
     "c SYN;s SYN|ACK;c ACK\n"
     "+121s c SYN seq=5000 -> SYN_SENT LISTEN",
     "ESTABLISHED ev=E | c 2p 0b | s 1p 0b\n"
     "SYN_SENT | c 1p 0b | s 0p 0b"},
    {"after just two minutes: noise",
     "c SYN;s SYN|ACK;c ACK\n"
     "+120s c SYN seq=5000 -> ESTABLISHED ESTABLISHED",
     "ESTABLISHED ev=E | c 3p 0b outside=1 | s 1p 0b"},
    {"after two minutes without an answer",
     "c SYN\n"
     "+121s c SYN seq=5000 -> SYN_SENT LISTEN",
     "SYN_SENT | c 1p 0b | s 0p 0b\n"
     "SYN_SENT | c 1p 0b | s 0p 0b"},
    {"the same SYN after more than two minutes",
     "c SYN\n"
     "+127s c SYN seq=0 -> SYN_SENT LISTEN",
     "SYN_SENT | c 2p 0b retransmits=1 syns=2 | s 0p 0b"},
    {"by who closed its side, the other did not",
     "c SYN;s SYN|ACK;c ACK\n"
     "c FIN|ACK\n"
     "s ACK\n"
     "c SYN seq=5000 -> SYN_SENT LISTEN",
     "CLOSE_WAIT fin:c ev=E | c 3p 0b | s 2p 0b\n"
     "SYN_SENT | c 1p 0b | s 0p 0b"},
    {"an older SYN by who closed its side: noise",
     "c SYN;s SYN|ACK;c ACK\n"
     "c PSH|ACK data=1000\n"
     "c FIN|ACK\n"
     "s ACK\n"
     "c SYN seq=500 -> FIN_WAIT_2 CLOSE_WAIT",
     "CLOSE_WAIT fin:c ev=E lots=1 | c 5p 1000b outside=1 rtt=1 | s 2p 0b"},
    {"SYN-ACK on a closed session: the SYN was missed",
     "c SYN;s SYN|ACK;c ACK\n"
     "s RST\n"
     "c SYN seq=5000 lost\n"
     "s SYN|ACK seq=9000 -> SYN_SENT SYN_RECEIVED\n"
     "c ACK -> ESTABLISHED ESTABLISHED",
     "CLOSED rst:s ev=EC | c 2p 0b | s 2p 0b\n"
     "ESTABLISHED missed ev=E | c 1p 0b | s 1p 0b"},
    {"three in a row",
     "c SYN;s SYN|ACK;c ACK\n"
     "c RST\n"
     "c SYN seq=5000;s SYN|ACK seq=5000;c ACK;s RST\n"
     "c SYN seq=9000;s SYN|ACK seq=9000;c ACK",
     "CLOSED rst:c ev=EC | c 3p 0b | s 1p 0b\n"
     "CLOSED rst:s ev=EC | c 2p 0b | s 2p 0b\n"
     "ESTABLISHED ev=E | c 2p 0b | s 1p 0b"},
};

static void test_reuses(void **state)
{
    (void)state;
    SCENARIOS_CHECK(reuses);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
