/* SPDX-License-Identifier: Apache-2.0 */
/* Resets: believed by the numbers that RFC 9293 and RFC 5961 ask for, in every state and by either side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/tcp_scenario.h"

static const struct scenario resets[] = {
    {"a refused connection",
     "c SYN\n"
     "s RST|ACK seq=@0 -> CLOSED CLOSED",
     "CLOSED rst:s ev=C | c 1p 0b | s 1p 0b"},
    {"a refusal of something else",
     "c SYN\n"
     "s RST|ACK seq=@0 ack=500 -> SYN_SENT LISTEN\n"
     "s RST seq=@0 -> SYN_SENT LISTEN\n"
     "s SYN|ACK\n"
     "c ACK -> ESTABLISHED ESTABLISHED",
     "ESTABLISHED ev=E | c 2p 0b | s 3p 0b outside=2"},
    {"refused three times, as Windows asks",
     "c SYN\n"
     "s RST|ACK seq=@0\n"
     "+500ms c SYN seq=0\n"
     "s RST|ACK seq=@0\n"
     "+500ms c SYN seq=0\n"
     "s RST|ACK seq=@0",
     "CLOSED rst:s ev=C | c 3p 0b retransmits=2 syns=3 | s 3p 0b"},
    {"the client gives up before an answer",
     "c SYN\n"
     "c RST -> CLOSED CLOSED",
     "CLOSED rst:c ev=C | c 2p 0b | s 0p 0b"},
    {"a half-open scan",
     "c SYN\n"
     "s SYN|ACK\n"
     "c RST -> CLOSED CLOSED",
     "CLOSED rst:c ev=C | c 2p 0b | s 1p 0b"},
    {"the server resets before the ACK",
     "c SYN\n"
     "s SYN|ACK\n"
     "s RST -> CLOSED CLOSED",
     "CLOSED rst:s ev=C | c 1p 0b | s 2p 0b"},
    {"the client, open",
     "c SYN;s SYN|ACK;c ACK\n"
     "c PSH|ACK data=10\n"
     "s ACK\n"
     "c RST|ACK -> CLOSED CLOSED",
     "CLOSED rst:c ev=EC lots=1 | c 4p 10b rtt=1 | s 2p 0b"},
    {"the server, open, without ACK",
     "c SYN;s SYN|ACK;c ACK\n"
     "c PSH|ACK data=10\n"
     "s RST -> CLOSED CLOSED",
     "CLOSED rst:s ev=EC lots=1 | c 3p 10b | s 2p 0b"},
    {"at the number that the peer acknowledged",
     "c SYN;s SYN|ACK;c ACK\n"
     "s PSH|ACK data=1000\n"
     "s PSH|ACK data=1000\n"
     "c ACK ack=1001\n"
     "s RST seq=1001 -> CLOSED CLOSED",
     "CLOSED rst:s ev=EC lots=1 | c 3p 0b | s 4p 2000b rtt=1"},
    {"one byte before what the peer acknowledged",
     "c SYN;s SYN|ACK;c ACK\n"
     "s PSH|ACK data=1000\n"
     "s PSH|ACK data=1000\n"
     "c ACK ack=1001\n"
     "s RST seq=1000 -> ESTABLISHED ESTABLISHED",
     "ESTABLISHED ev=E lots=1 | c 3p 0b | s 4p 2000b outside=1 rtt=1"},
    {"at the end of the window, and one beyond",
     "c SYN\n"
     "s SYN|ACK\n"
     "c ACK win=1000\n"
     "s RST seq=1002 -> ESTABLISHED ESTABLISHED\n"
     "s RST seq=1001 -> CLOSED CLOSED",
     "CLOSED rst:s ev=EC | c 2p 0b | s 3p 0b outside=1"},
    {"window scale counts",
     "c SYN opts=ws:3\n"
     "s SYN|ACK opts=ws:2\n"
     "c ACK win=1000\n"
     "s RST seq=8002 -> ESTABLISHED ESTABLISHED\n"
     "s RST seq=8001 -> CLOSED CLOSED",
     "CLOSED rst:s ev=EC | c 2p 0b | s 3p 0b outside=1"},
    {"far away",
     "c SYN;s SYN|ACK;c ACK\n"
     "c RST seq=+2000000000 -> ESTABLISHED ESTABLISHED\n"
     "c RST seq=-2000000000 -> ESTABLISHED ESTABLISHED\n"
     "c PSH|ACK data=5",
     "ESTABLISHED ev=E lots=1 | c 5p 5b outside=2 | s 1p 0b"},
    {"in FIN_WAIT_1, CLOSE_WAIT",
     "c SYN;s SYN|ACK;c ACK\n"
     "c FIN|ACK\n"
     "c RST -> CLOSED CLOSED",
     "CLOSED fin:c rst:c ev=EC | c 4p 0b | s 1p 0b"},
    {"in FIN_WAIT_2, the other side",
     "c SYN;s SYN|ACK;c ACK\n"
     "c FIN|ACK\n"
     "s ACK\n"
     "s RST|ACK -> CLOSED CLOSED",
     "CLOSED fin:c rst:s ev=EC | c 3p 0b | s 3p 0b"},
    {"in LAST_ACK",
     "c SYN;s SYN|ACK;c ACK\n"
     "c FIN|ACK\n"
     "s FIN|ACK\n"
     "c RST -> CLOSED CLOSED",
     "CLOSED fin:c rst:c ev=EC | c 4p 0b | s 2p 0b"},
    {"in CLOSING",
     "c SYN;s SYN|ACK;c ACK\n"
     "c FIN|ACK\n"
     "s FIN|ACK ack=1\n"
     "s RST -> CLOSED CLOSED",
     "CLOSED fin:c rst:s both ev=EC | c 3p 0b | s 3p 0b"},
    {"both sides: who was first",
     "c SYN;s SYN|ACK;c ACK\n"
     "s RST\n"
     "c RST",
     "CLOSED rst:s ev=EC | c 3p 0b | s 2p 0b"},
    {"answers to data after a close",
     "c SYN;s SYN|ACK;c ACK\n"
     "s FIN|ACK\n"
     "c PSH|ACK data=10\n"
     "s RST seq=2\n"
     "c PSH|ACK data=10\n"
     "s RST seq=2",
     "CLOSED fin:s rst:s ev=EC lots=1 | c 4p 20b | s 4p 0b"},
    {"text that explains it is no stream data",
     "c SYN;s SYN|ACK;c ACK\n"
     "s RST|ACK \"no such thing\"",
     "CLOSED rst:s ev=EC lots=1 | c 2p 0b | s 2p 13b"},
    {"with SYN on it",
     "c SYN\n"
     "s SYN|RST seq=0 -> SYN_SENT LISTEN\n"
     "s SYN|RST|ACK seq=0 -> CLOSED CLOSED",
     "CLOSED rst:s ev=C | c 1p 0b | s 2p 0b outside=1"},
    {"in a session seen late, by who was not seen",
     "c PSH|ACK data=10 seq=1 ack=1\n"
     "s RST seq=1 -> CLOSED CLOSED",
     "CLOSED missed rst:s ev=C lots=1 | c 1p 10b | s 1p 0b"},
    {"not believed, by who was not seen; its data counts after",
     "c ACK seq=1 ack=1 win=10\n"
     "s RST seq=+2000000000\n"
     "s PSH|ACK seq=1 data=100\n"
     "c ACK seq=1 ack=101\n"
     "s PSH|ACK seq=101 data=100\n"
     "c RST seq=5 -> CLOSED CLOSED",
     "CLOSED missed rst:c ev=C lots=1 | c 3p 0b | s 3p 200b outside=1 rtt=1"},
    {"first packet of all",
     "s RST|ACK seq=1 -> CLOSED CLOSED\n"
     "c ACK",
     "CLOSED missed rst:s ev=C | c 1p 0b | s 1p 0b"},
};

static void test_resets(void **state)
{
    (void)state;
    SCENARIOS_CHECK(resets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
