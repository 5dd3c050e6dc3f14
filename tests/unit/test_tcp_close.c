/* SPDX-License-Identifier: Apache-2.0 */
/* How TCP sessions end by FIN: states after each packet, who began, what is not believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/tcp_scenario.h"

static const struct scenario closes[] = {
    {"by the client, one after the other",
     "c SYN;s SYN|ACK;c ACK\n"
     "c FIN|ACK -> FIN_WAIT_1 CLOSE_WAIT\n"
     "s ACK     -> FIN_WAIT_2 CLOSE_WAIT\n"
     "s FIN|ACK -> FIN_WAIT_2 LAST_ACK\n"
     "c ACK     -> TIME_WAIT CLOSED",
     "CLOSED fin:c ev=EC | c 4p 0b | s 3p 0b"},
    {"by the server, one after the other",
     "c SYN;s SYN|ACK;c ACK\n"
     "s FIN|ACK -> CLOSE_WAIT FIN_WAIT_1\n"
     "c ACK     -> CLOSE_WAIT FIN_WAIT_2\n"
     "c FIN|ACK -> LAST_ACK FIN_WAIT_2\n"
     "s ACK     -> CLOSED TIME_WAIT",
     "CLOSED fin:s ev=EC | c 4p 0b | s 3p 0b"},
    {"in three segments, FIN and ACK in one",
     "c SYN;s SYN|ACK;c ACK\n"
     "c FIN|ACK -> FIN_WAIT_1 CLOSE_WAIT\n"
     "s FIN|ACK -> FIN_WAIT_2 LAST_ACK\n"
     "c ACK     -> TIME_WAIT CLOSED",
     "CLOSED fin:c ev=EC | c 4p 0b | s 2p 0b"},
    {"flags are bits: PSH, FIN and ACK with the last data",
     "c SYN;s SYN|ACK;c ACK\n"
     "c PSH|FIN|ACK \"GET /\" -> FIN_WAIT_1 CLOSE_WAIT\n"
     "s PSH|FIN|ACK data=100 -> FIN_WAIT_2 LAST_ACK\n"
     "c PSH|ACK -> TIME_WAIT CLOSED",
     "CLOSED fin:c ev=EC lots=2 | c 4p 5b rtt=1 | s 2p 100b rtt=1"},
    {"URG, ECE and CWR beside FIN",
     "c SYN;s SYN|ACK;c ACK\n"
     "c URG|ECE|FIN|ACK data=1\n"
     "s CWR|FIN|ACK\n"
     "c URG|ACK -> TIME_WAIT CLOSED",
     "CLOSED fin:c ev=EC lots=1 | c 4p 1b rtt=1 | s 2p 0b"},
    {"at the same time",
     "c SYN;s SYN|ACK;c ACK\n"
     "c FIN|ACK       -> FIN_WAIT_1 CLOSE_WAIT\n"
     "s FIN|ACK ack=1 -> CLOSING CLOSING\n"
     "c ACK           -> CLOSING TIME_WAIT\n"
     "s ACK           -> TIME_WAIT TIME_WAIT",
     "CLOSED fin:c both ev=EC | c 4p 0b | s 3p 0b"},
    {"at the same time, with data before",
     "c SYN;s SYN|ACK;c ACK\n"
     "c PSH|ACK \"hello\"\n"
     "c FIN|ACK       -> FIN_WAIT_1 CLOSE_WAIT\n"
     "s FIN|ACK seq=0 ack=6 -> FIN_WAIT_1 CLOSE_WAIT\n"
     "s FIN|ACK ack=6 -> CLOSING CLOSING\n"
     "c ACK           -> CLOSING TIME_WAIT\n"
     "s ACK           -> TIME_WAIT TIME_WAIT",
     "CLOSED fin:c both ev=EC lots=1 | c 5p 5b rtt=1 | s 4p 0b outside=1"},
    {"half closed, the server goes on",
     "c SYN;s SYN|ACK;c ACK\n"
     "c FIN|ACK\n"
     "s ACK\n"
     "s PSH|ACK data=1000 -> FIN_WAIT_2 CLOSE_WAIT\n"
     "c ACK\n"
     "s PSH|ACK data=1000\n"
     "c ACK\n"
     "s FIN|ACK -> FIN_WAIT_2 LAST_ACK\n"
     "c ACK     -> TIME_WAIT CLOSED",
     "CLOSED fin:c ev=EC lots=1 | c 6p 0b | s 5p 2000b rtt=2"},
    {"a FIN of before is not believed",
     "c SYN;s SYN|ACK;c ACK\n"
     "s PSH|ACK data=35\n"
     "c ACK\n"
     "s FIN|ACK seq=-1 -> ESTABLISHED ESTABLISHED\n"
     "s FIN|ACK        -> CLOSE_WAIT FIN_WAIT_1",
     "CLOSE_WAIT fin:s ev=E lots=1 | c 3p 0b | s 4p 35b outside=1 rtt=1"},
    {"a FIN beyond the window is not believed",
     "c SYN;s SYN|ACK;c ACK\n"
     "s FIN|ACK seq=+200000 -> ESTABLISHED ESTABLISHED\n"
     "s PSH|ACK seq=1 data=5",
     "ESTABLISHED ev=E lots=1 | c 2p 0b | s 3p 5b outside=1"},
    {"a FIN with data beyond the window is not believed",
     "c SYN;s SYN|ACK;c ACK\n"
     "s FIN|ACK seq=+200000 data=7 -> ESTABLISHED ESTABLISHED\n"
     "s PSH|ACK seq=1 data=5",
     "ESTABLISHED ev=E lots=1 | c 2p 0b | s 3p 12b outside=1"},
    {"a FIN ahead of data that comes later",
     "c SYN;s SYN|ACK;c ACK\n"
     "c PSH|ACK data=100\n"
     "c PSH|ACK data=100 lost\n"
     "c FIN|ACK        -> FIN_WAIT_1 CLOSE_WAIT\n"
     "s ACK ack=101    -> FIN_WAIT_1 CLOSE_WAIT\n"
     "+100ms c PSH|ACK data=100 seq=101\n"
     "s ACK            -> FIN_WAIT_2 CLOSE_WAIT\n"
     "s FIN|ACK\n"
     "c ACK            -> TIME_WAIT CLOSED",
     "CLOSED fin:c ev=EC lots=1 | c 6p 200b retransmits=1 rtt=1 | s 4p 0b"},
    {"FIN sent again",
     "c SYN;s SYN|ACK;c ACK\n"
     "c FIN|ACK\n"
     "+1s c FIN|ACK seq=-1\n"
     "s ACK\n"
     "s FIN|ACK\n"
     "+1s s FIN|ACK seq=-1\n"
     "c ACK",
     "CLOSED fin:c ev=EC | c 5p 0b retransmits=1 | s 4p 0b retransmits=1"},
    {"FIN sent again with the data before it",
     "c SYN;s SYN|ACK;c ACK\n"
     "c PSH|ACK data=50\n"
     "c FIN|ACK\n"
     "+1s c PSH|FIN|ACK seq=1 data=50\n"
     "s FIN|ACK\n"
     "c ACK",
     "CLOSED fin:c ev=EC lots=1 | c 6p 100b retransmits=1 old=50 | s 2p 0b"},
    {"data after the FIN is not taken",
     "c SYN;s SYN|ACK;c ACK\n"
     "c FIN|ACK\n"
     "c PSH|ACK data=10\n"
     "s ACK ack=2     -> FIN_WAIT_2 CLOSE_WAIT\n"
     "s FIN|ACK ack=2\n"
     "c ACK           -> TIME_WAIT CLOSED",
     "CLOSED fin:c ev=EC lots=1 | c 5p 10b outside=1 | s 3p 0b"},
    {"the ACK of a FIN seen before the FIN",
     "c SYN;s SYN|ACK;c ACK\n"
     "c PSH|ACK data=10\n"
     "c FIN|ACK lost\n"
     "s ACK\n"
     "c FIN|ACK seq=-1 -> FIN_WAIT_2 CLOSE_WAIT\n"
     "s FIN|ACK\n"
     "c ACK           -> TIME_WAIT CLOSED",
     "CLOSED fin:c ev=EC lots=1 | c 5p 10b rtt=1 | s 3p 0b"},
    {"last ACK sent twice",
     "c SYN;s SYN|ACK;c ACK\n"
     "c FIN|ACK\n"
     "s FIN|ACK\n"
     "c ACK\n"
     "c ACK -> TIME_WAIT CLOSED",
     "CLOSED fin:c ev=EC | c 5p 0b | s 2p 0b"},
    {"last ACK missed",
     "c SYN;s SYN|ACK;c ACK\n"
     "c FIN|ACK\n"
     "s FIN|ACK\n"
     "c ACK lost",
     "LAST_ACK fin:c ev=E | c 3p 0b | s 2p 0b"},
    {"an ACK with a SYN where no SYN can be",
     "c SYN;s SYN|ACK;c ACK\n"
     "s PSH|ACK data=10\n"
     "s FIN|ACK\n"
     "c ACK\n"
     "c FIN|ACK       -> LAST_ACK FIN_WAIT_2\n"
     "s SYN|ACK       -> CLOSED TIME_WAIT",
     "CLOSED fin:s ev=EC lots=1 | c 4p 0b | s 4p 10b outside=1 rtt=1"},
    {"FIN answered by RST",
     "c SYN;s SYN|ACK;c ACK\n"
     "c FIN|ACK\n"
     "s RST|ACK -> CLOSED CLOSED",
     "CLOSED fin:c rst:s ev=EC | c 3p 0b | s 2p 0b"},
    {"RST after both FINs",
     "c SYN;s SYN|ACK;c ACK\n"
     "c FIN|ACK\n"
     "s FIN|ACK\n"
     "c ACK\n"
     "s RST seq=+0",
     "CLOSED fin:c rst:s ev=EC | c 4p 0b | s 3p 0b"},
};

static void test_closes(void **state)
{
    (void)state;
    SCENARIOS_CHECK(closes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
