/* SPDX-License-Identifier: Apache-2.0 */
/* Holes in what was seen: what fills them is new, whatever else is old, to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/tcp_scenario.h"

static const struct scenario holes[] = {
    {"one, filled from its beginning in pieces",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=100\n"
     "c ACK data=300 lost\n"
     "c ACK data=100\n"
     "+9ms c ACK data=100 seq=101\n"
     "c ACK data=100 seq=201\n"
     "c ACK data=100 seq=301\n"
     "c ACK data=100 seq=301",
     "ESTABLISHED ev=E lots=1 | c 8p 600b retransmits=4 old=100 | s 1p 0b"},
    {"one, filled from its end",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=100\n"
     "c ACK data=300 lost\n"
     "c ACK data=100\n"
     "+9ms c ACK data=100 seq=301\n"
     "c ACK data=100 seq=201\n"
     "c ACK data=100 seq=101",
     "ESTABLISHED ev=E lots=1 | c 7p 500b retransmits=3 | s 1p 0b"},
    {"one, filled from its middle",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=100\n"
     "c ACK data=300 lost\n"
     "c ACK data=100\n"
     "+9ms c ACK data=100 seq=201\n"
     "c ACK data=100 seq=301\n"
     "c ACK data=100 seq=101\n"
     "c ACK data=500 seq=1",
     "ESTABLISHED ev=E lots=1 | c 8p 1000b retransmits=4 old=500 | s 1p 0b"},
    {"one, covered by more than it",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=100\n"
     "c ACK data=100 lost\n"
     "c ACK data=100\n"
     "+9ms c ACK data=250 seq=26",
     "ESTABLISHED ev=E lots=1 | c 5p 450b retransmits=1 old=150 | s 1p 0b"},
    {"one, and more than was sent",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=100\n"
     "c ACK data=100 lost\n"
     "c ACK data=100\n"
     "+9ms c ACK data=400 seq=101\n"
     "c ACK data=10",
     "ESTABLISHED ev=E lots=1 | c 6p 610b retransmits=1 old=100 | s 1p 0b"},
    {"one byte",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=1 lost\n"
     "c ACK data=1\n"
     "+9ms c ACK data=1 seq=1",
     "ESTABLISHED ev=E lots=1 | c 4p 2b retransmits=1 | s 1p 0b"},
    {"one that stays",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=100\n"
     "c ACK data=300 lost\n"
     "c ACK data=100\n"
     "s ACK\n"
     "c ACK data=10",
     "ESTABLISHED ev=E lots=1 | c 5p 210b gap=300 rtt=1 | s 2p 0b"},
    {"four, filled backwards",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=10;c ACK data=10 lost;c ACK data=10;c ACK data=10 lost\n"
     "c ACK data=10;c ACK data=10 lost;c ACK data=10;c ACK data=10 lost;c ACK data=10\n"
     "+9ms c ACK data=10 seq=71;c ACK data=10 seq=51;c ACK data=10 seq=31;c ACK data=10 seq=11",
     "ESTABLISHED ev=E lots=1 | c 11p 90b retransmits=4 | s 1p 0b"},
    {"five: the oldest is forgotten",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=10;c ACK data=10 lost;c ACK data=10;c ACK data=10 lost\n"
     "c ACK data=10;c ACK data=10 lost;c ACK data=10;c ACK data=10 lost;c ACK data=10\n"
     "c ACK data=10 lost;c ACK data=10\n"
     "+9ms c ACK data=10 seq=91;c ACK data=10 seq=71;c ACK data=10 seq=51;c ACK data=10 seq=31\n"
     "c ACK data=10 seq=11",
     "ESTABLISHED ev=E lots=1 | c 13p 110b retransmits=5 old=10 | s 1p 0b"},
    {"an open one outlives many that are filled",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=10;c ACK data=10 lost;c ACK data=10\n"
     "c ACK data=10 seq=41;c ACK data=10 seq=31\n"
     "c ACK data=10 seq=61;c ACK data=10 seq=51\n"
     "c ACK data=10 seq=81;c ACK data=10 seq=71\n"
     "c ACK data=10 seq=101;c ACK data=10 seq=91\n"
     "c ACK data=10 seq=121;c ACK data=10 seq=111\n"
     "c ACK data=10 seq=141;c ACK data=10 seq=131\n"
     "+9ms c ACK data=10 seq=11",
     "ESTABLISHED ev=E lots=1 | c 17p 150b retransmits=1 disorder=6 | s 1p 0b"},
    {"two filled by one segment",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=10;c ACK data=10 lost;c ACK data=10;c ACK data=10 lost;c ACK data=10\n"
     "+9ms c ACK data=50 seq=1",
     "ESTABLISHED ev=E lots=1 | c 6p 80b retransmits=1 old=30 | s 1p 0b"},
    {"each direction has its own",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=10 lost;c ACK data=10;s ACK data=20 lost;s ACK data=20\n"
     "+9ms c ACK data=10 seq=1;s ACK data=20 seq=1",
     "ESTABLISHED ev=E lots=4 | c 4p 20b retransmits=1 rtt=1 | s 3p 40b retransmits=1 rtt=1"},
    {"before the FIN, filled after it",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=10;c ACK data=30 lost;c FIN|ACK\n"
     "+9ms c ACK data=10 seq=21;c ACK data=10 seq=31;c ACK data=10 seq=11;s FIN|ACK;c ACK",
     "CLOSED fin:c ev=EC lots=1 | c 8p 40b retransmits=3 | s 2p 0b"},
    {"with the data of the FIN",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=10;c ACK data=30 lost;c FIN|ACK data=10\n"
     "+9ms c ACK data=30 seq=11;s FIN|ACK;c ACK",
     "CLOSED fin:c ev=EC lots=1 | c 6p 50b retransmits=1 | s 2p 0b"},
    {"far ahead once: a stray",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=10\n"
     "c ACK data=10 seq=+300000\n"
     "c ACK data=10 seq=11",
     "ESTABLISHED ev=E lots=1 | c 5p 30b outside=1 | s 1p 0b"},
    {"far ahead again and again: the capture had a hole",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=300000 lost\n"
     "s ACK ack=300001 lost\n"
     "c ACK data=1000\n"
     "c ACK data=1000\n"
     "c ACK data=1000\n"
     "c ACK data=1000\n"
     "s ACK\n"
     "c ACK data=1000",
     "ESTABLISHED ev=E lots=1 | c 7p 5000b outside=3 gap=303000 rtt=1 | s 2p 0b"},
    {"a hole in the capture too wide to be a hole of the stream",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=1500000000 lost\n"
     "c ACK data=1000\n"
     "c ACK data=1000\n"
     "c ACK data=1000\n"
     "c ACK data=1000\n"
     "c ACK data=1000\n"
     "s ACK",
     "ESTABLISHED ev=E lots=1 | c 7p 5000b outside=3 rtt=1 | s 2p 0b"},
    {"data of long ago: a stray",
     "c SYN;s SYN|ACK;c ACK\n"
     "c ACK data=10\n"
     "c ACK data=10 seq=-1500000000\n"
     "c ACK data=10",
     "ESTABLISHED ev=E lots=1 | c 5p 30b outside=1 | s 1p 0b"},
    {"an acknowledgment of long ago is not believed",
     "c PSH|ACK seq=1 ack=1 data=10\n"
     "s ACK seq=1 ack=-1500000000\n"
     "s ACK seq=1\n"
     "c RST",
     "CLOSED missed rst:c ev=C lots=1 | c 2p 10b rtt=1 | s 2p 0b outside=1"},
    {"numbers that begin anew forget the holes",
     "c SYN\n"
     "c NONE data=10 seq=101\n"
     "+1s c SYN seq=5000\n"
     "s SYN|ACK\n"
     "c ACK\n"
     "c ACK data=10",
     "ESTABLISHED ev=E lots=1 | c 5p 20b syns=2 | s 1p 0b"},
};

static void test_holes(void **state)
{
    (void)state;
    SCENARIOS_CHECK(holes);
}

static void test_two_gigabytes_behind(void **state)
{
    struct flow_dir me = {.gap_count = 1};
    struct flow_quality q = {.gap = {{1000, 1100}}};

    (void)state;
    for (uint32_t at = 1100; at < 0xffff0000u - 5000; at += 4096)
        assert_int_equal(tcp_gap_fill(&me, &q, at, at + 4096), 0);
    assert_int_equal(tcp_gap_fill(&me, &q, 900, 1001), 1);
    assert_int_equal(tcp_gap_fill(&me, &q, 1050, 3000), 50);
    assert_int_equal(q.gap[0].lo, 1001);
    assert_int_equal(q.gap[0].hi, 1050);
}

/* tcp_overlap against counting, at every place that wraps. */
static void test_overlap(void **state)
{
    static const uint32_t base[] = {0, 0x7ffffff8, 0xfffffff8, 0xfffffffc, 12345};

    (void)state;
    for (size_t b = 0; b < sizeof(base) / sizeof(base[0]); b++)
        for (uint32_t lo = 0; lo < 8; lo++)
            for (uint32_t hi = lo; hi < 8; hi++)
                for (uint32_t from = 0; from < 8; from++)
                    for (uint32_t to = from; to < 8; to++) {
                        uint32_t n = 0;

                        for (uint32_t i = lo; i < hi; i++)
                            n += i >= from && i < to;
                        assert_int_equal(
                            tcp_overlap(base[b] + lo, base[b] + hi, base[b] + from, base[b] + to),
                            n);
                    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holes),
        cmocka_unit_test(test_two_gigabytes_behind),
        cmocka_unit_test(test_overlap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
