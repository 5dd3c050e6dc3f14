/* SPDX-License-Identifier: Apache-2.0 */
/* What is sent again, comes in another order, is captured twice or only asks for a sign of life. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/tcp_scenario.h"

static const struct scenario repeats[] = {
    {"a segment again",
     "c SYN;s SYN|ACK;c ACK\n"
     "c PSH|ACK data=100\n"
     "+200ms c PSH|ACK data=100 seq=1\n"
     "s ACK",
     "ESTABLISHED ev=E lots=1 | c 4p 200b retransmits=1 old=100 | s 2p 0b"},
    {"three segments, the first two again as one",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=100\n"
     "c ACK data=100\n"
     "c ACK data=100\n"
     "+200ms c ACK data=200 seq=1\n"
     "s ACK",
     "ESTABLISHED ev=E lots=1 | c 6p 500b retransmits=1 old=200 | s 2p 0b"},
    {"half old, half new",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=100\n"
     "+200ms c ACK data=100 seq=51\n"
     "s ACK",
     "ESTABLISHED ev=E lots=1 | c 4p 200b retransmits=1 old=50 | s 2p 0b"},
    {"again within what was sent",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=100\n"
     "+200ms c ACK data=10 seq=51\n"
     "s ACK",
     "ESTABLISHED ev=E lots=1 | c 4p 110b retransmits=1 old=10 | s 2p 0b"},
    {"lost before us, sent again",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=100\n"
     "c ACK data=100 lost\n"
     "c ACK data=100\n"
     "+200ms c ACK data=100 seq=101\n"
     "s ACK",
     "ESTABLISHED ev=E lots=1 | c 5p 300b retransmits=1 | s 2p 0b"},
    {"in another order, within 3 ms",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=100\n"
     "c ACK data=100 seq=201\n"
     "+100us c ACK data=100 seq=101\n"
     "s ACK",
     "ESTABLISHED ev=E lots=1 | c 5p 300b disorder=1 rtt=1 | s 2p 0b"},
    {"in another order, later than 3 ms: a loss",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=100\n"
     "c ACK data=100 seq=201\n"
     "+3ms c ACK data=100 seq=101\n"
     "s ACK",
     "ESTABLISHED ev=E lots=1 | c 5p 300b retransmits=1 | s 2p 0b"},
    {"duplicate acknowledgments",
     "c SYN;s SYN|ACK;c ACK\n"
     "s ACK data=1000\n"
     "s ACK data=1000 lost\n"
     "s ACK data=1000\n"
     "c ACK ack=1001\n"
     "s ACK data=1000\n"
     "c ACK ack=1001\n"
     "s ACK data=1000\n"
     "c ACK ack=1001\n"
     "+30ms s ACK data=1000 seq=1001\n"
     "c ACK",
     "ESTABLISHED ev=E lots=1 | c 6p 0b dupacks=2 | s 6p 5000b retransmits=1 rtt=1"},
    {"a window update is no duplicate",
     "c SYN;s SYN|ACK;c ACK\n"
     "s ACK data=1000\n"
     "c ACK ack=1 win=5000\n"
     "c ACK ack=1 win=5000",
     "ESTABLISHED ev=E lots=1 | c 4p 0b dupacks=1 | s 2p 1000b"},
    {"captured twice",
     "c SYN;s SYN|ACK;c ACK\n"
     "c PSH|ACK data=100 id=77\n"
     "+1us c PSH|ACK data=100 seq=1 id=77\n"
     "s ACK id=5\n"
     "+1us s ACK id=5",
     "ESTABLISHED ev=E lots=1 | c 4p 200b old=100 repeats=1 rtt=1 | s 3p 0b"},
    {"acknowledgments captured twice",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=100\n"
     "s ACK ack=1 id=6\n"
     "+1us s ACK ack=1 id=6\n"
     "s ACK ack=1 id=7",
     "ESTABLISHED ev=E lots=1 | c 3p 100b | s 4p 0b dupacks=2 repeats=1"},
    {"handshake and close captured twice",
     "c SYN id=1\n"
     "c SYN seq=0 id=1\n"
     "s SYN|ACK id=9\n"
     "s SYN|ACK seq=0 id=9\n"
     "c ACK id=2\n"
     "c FIN|ACK id=3\n"
     "c FIN|ACK seq=-1 id=3\n"
     "s FIN|ACK id=10\n"
     "s FIN|ACK seq=-1 id=10\n"
     "c ACK id=4",
     "CLOSED fin:c ev=EC | c 6p 0b repeats=2 | s 4p 0b repeats=2"},
    {"the same id later: a sender that does not count them",
     "c SYN;s SYN|ACK;c ACK\n"
     "c PSH|ACK data=100 id=1\n"
     "+3ms c PSH|ACK data=100 seq=1 id=1\n"
     "s ACK id=1\n"
     "+3ms c FIN|ACK id=1\n"
     "+3ms c FIN|ACK seq=-1 id=1",
     "CLOSE_WAIT fin:c ev=E lots=1 | c 6p 200b retransmits=2 old=100 | s 2p 0b"},
    {"without an id it was sent twice",
     "c SYN;s SYN|ACK;c ACK\n"
     "c PSH|ACK data=100\n"
     "+1us c PSH|ACK data=100 seq=1\n"
     "s ACK",
     "ESTABLISHED ev=E lots=1 | c 4p 200b retransmits=1 old=100 | s 2p 0b"},
    {"keep-alive of no byte and its answer",
     "c SYN;s SYN|ACK;c ACK\n"
     "c PSH|ACK data=100\n"
     "s ACK\n"
     "+60s c ACK seq=-1\n"
     "s ACK\n"
     "+60s c ACK seq=-1\n"
     "s ACK\n"
     "c PSH|ACK data=5",
     "ESTABLISHED ev=E lots=1 | c 6p 105b keepalive=2 rtt=1 | s 4p 0b"},
    {"keep-alive of one byte",
     "c SYN;s SYN|ACK;c ACK\n"
     "c PSH|ACK data=100\n"
     "s ACK\n"
     "+60s c ACK seq=-1 data=1\n"
     "s ACK\n"
     "c PSH|ACK data=5",
     "ESTABLISHED ev=E lots=1 | c 5p 106b old=1 keepalive=1 rtt=1 | s 3p 0b"},
    {"one byte that was not acknowledged, again: no keep-alive",
     "c SYN;s SYN|ACK;c ACK\n"
     "c PSH|ACK data=1\n"
     "+1s c PSH|ACK data=1 seq=1\n"
     "s ACK",
     "ESTABLISHED ev=E lots=1 | c 4p 2b retransmits=1 old=1 | s 2p 0b"},
    {"an acknowledgment overtaken by a byte: no keep-alive",
     "c SYN;s SYN|ACK;c ACK\n"
     "s ACK data=10\n"
     "c PSH|ACK data=1 ack=11\n"
     "c ACK seq=1 ack=11",
     "ESTABLISHED ev=E lots=2 | c 4p 1b | s 2p 10b rtt=1"},
    {"a window of zero, probes, and on",
     "c SYN;s SYN|ACK;c ACK\n"
     "s ACK data=1000\n"
     "c ACK win=0\n"
     "+1s s ACK seq=-1\n"
     "c ACK win=0\n"
     "+2s s ACK seq=-1\n"
     "c ACK win=0\n"
     "c ACK win=1000\n"
     "s ACK data=100",
     "ESTABLISHED ev=E lots=1 | c 6p 0b zerowin=3 | s 5p 1100b keepalive=2 rtt=1"},
    {"a window of zero, probed with a byte",
     "c SYN;s SYN|ACK;c ACK\n"
     "s ACK data=1000\n"
     "c ACK win=0\n"
     "+1s s ACK data=1\n"
     "c ACK win=0 ack=1001\n"
     "+2s s ACK data=1 seq=1001\n"
     "c ACK win=0 ack=1001\n"
     "+2s s ACK data=1 seq=1001\n"
     "c ACK win=9000\n"
     "s ACK data=100",
     "ESTABLISHED ev=E lots=1 | c 6p 0b zerowin=3 | s 6p 1103b retransmits=2 old=2 rtt=1"},
    {"what was old does not change who speaks",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=10\n"
     "s ACK data=20\n"
     "c ACK data=10 seq=1\n"
     "s ACK data=20\n"
     "c ACK data=10",
     "ESTABLISHED ev=E lots=3 | c 5p 30b retransmits=1 old=10 rtt=1 | s 3p 40b rtt=2"},
    {"three old packets of ten in one skb",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=4344 pkts=3\n"
     "+300ms c ACK data=14480 seq=1 pkts=10\n"
     "s ACK",
     "ESTABLISHED ev=E lots=1 | c 15p 18824b retransmits=3 old=4344 gso=11 | s 2p 0b"},
    {"segmentation offload counts wire packets",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=14480 pkts=10\n"
     "s ACK\n"
     "+300ms c ACK data=2896 seq=1 pkts=2\n"
     "s ACK",
     "ESTABLISHED ev=E lots=1 | c 14p 17376b retransmits=2 old=2896 gso=10 rtt=1 | s 3p 0b"},
    {"segmentation offload, out of order",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=2896 pkts=2 seq=2897\n"
     "+10us c ACK data=2896 pkts=2 seq=1\n"
     "s ACK",
     "ESTABLISHED ev=E lots=1 | c 6p 5792b disorder=2 gso=2 rtt=1 | s 2p 0b"},
};

static void test_repeats(void **state)
{
    (void)state;
    SCENARIOS_CHECK(repeats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repeats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
