/* SPDX-License-Identifier: Apache-2.0 */
/* Round-trip times from numbers and acknowledgments, by timestamps or Karn's rule, and the window's scale. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/tcp_scenario.h"

#define OPEN            "c SYN;s SYN|ACK;c ACK;"
#define TS(value, echo) " opts=nop,nop,ts:" #value ":" #echo

static const struct row {
    const char *name, *script;
    unsigned int samples[2], min_ms[2], max_ms[2], sum_ms[2]; /* of data by client, by server */
} rows[] = {
    {"none without data", OPEN "+5ms c FIN|ACK;+5ms s ACK", {0}, {0}, {0}, {0}},
    {"one", OPEN "c ACK data=10;+7ms s ACK", {1, 0}, {7, 0}, {7, 0}, {7, 0}},
    {"data acknowledges data",
     OPEN "c ACK data=10;+7ms s ACK data=10;+3ms c ACK",
     {1, 1},
     {7, 3},
     {7, 3},
     {7, 3}},
    {"several: least, most, sum",
     OPEN "c ACK data=10;+7ms s ACK;c ACK data=10;+2ms s ACK;c ACK data=10;+30ms s ACK",
     {3, 0},
     {2, 0},
     {30, 0},
     {39, 0}},
    {"one at a time: the first of a flight",
     OPEN "c ACK data=10;+1ms c ACK data=10;+1ms c ACK data=10;+5ms s ACK",
     {1, 0},
     {7, 0},
     {7, 0},
     {7, 0}},
    {"the ACK of less does not end it",
     OPEN "c ACK data=10;+5ms s ACK ack=1 win=99;+5ms s ACK ack=6;+5ms s ACK ack=11",
     {1, 0},
     {15, 0},
     {15, 0},
     {15, 0}},
    {"an old ACK does not end it",
     OPEN "c ACK data=10;+5ms s ACK;c ACK data=10;+5ms s ACK ack=1;+4ms s ACK ack=21",
     {2, 0},
     {5, 0},
     {9, 0},
     {14, 0}},
    {"sent again: no sample",
     OPEN "c ACK data=10;+200ms c ACK data=10 seq=1;+5ms s ACK",
     {0},
     {0},
     {0},
     {0}},
    {"sent again, then new data",
     OPEN "c ACK data=10;+200ms c ACK data=10 seq=1;+5ms s ACK;c ACK data=10;+6ms s ACK",
     {1, 0},
     {6, 0},
     {6, 0},
     {6, 0}},
    {"a later segment sent again: no sample",
     OPEN "c ACK data=10;c ACK data=10;+200ms c ACK data=10 seq=11;+5ms s ACK",
     {0},
     {0},
     {0},
     {0}},
    {"an acknowledgment of what was not seen",
     OPEN "c ACK data=10;c ACK data=10 lost;+5ms s ACK",
     {1, 0},
     {6, 0},
     {6, 0},
     {6, 0}},
    {"the reset's acknowledgment is none", OPEN "c ACK data=10;+5ms s RST|ACK", {0}, {0}, {0}, {0}},
    {"after the FIN", OPEN "s FIN|ACK;c ACK data=10;+8ms s ACK", {1, 0}, {8, 0}, {8, 0}, {8, 0}},
    {"timestamps: the echo",
     OPEN "c ACK data=10" TS(100, 50) ";+7ms s ACK" TS(60, 100),
     {1, 0},
     {7, 0},
     {7, 0},
     {7, 0}},
    {"timestamps: sent again, the first sending is echoed",
     OPEN "c ACK data=10" TS(100, 50) ";+200ms c ACK data=10 seq=1" TS(300, 50) ";+5ms s ACK" TS(
         60, 100),
     {1, 0},
     {205, 0},
     {205, 0},
     {205, 0}},
    {"timestamps: sent again, the second sending is echoed",
     OPEN "c ACK data=10" TS(100, 50) ";+200ms c ACK data=10 seq=1" TS(300, 50) ";+5ms s ACK" TS(
         60, 300),
     {0},
     {0},
     {0},
     {0}},
    {"timestamps: sent again, no echo",
     OPEN "c ACK data=10" TS(100, 50) ";+200ms c ACK data=10 seq=1" TS(300, 50) ";+5ms s ACK",
     {0},
     {0},
     {0},
     {0}},
    {"timestamps: an earlier echo says no more than none",
     OPEN "c ACK data=10" TS(100, 50) ";+7ms s ACK" TS(60, 90),
     {1, 0},
     {7, 0},
     {7, 0},
     {7, 0}},
    {"timestamps: something later is echoed",
     OPEN "c ACK data=10" TS(100, 50) ";+7ms s ACK" TS(60, 101),
     {0},
     {0},
     {0},
     {0}},
    {"timestamps: later, beyond the wrap",
     OPEN "c ACK data=10" TS(0xfffffff0, 50) ";+7ms s ACK" TS(60, 0x10),
     {0},
     {0},
     {0},
     {0}},
    {"timestamps: doubt ends with the measurement",
     OPEN "c ACK data=10" TS(100, 50) ";+200ms c ACK data=10 seq=1" TS(300, 50) ";+5ms s ACK" TS(
         60, 300) ";c ACK data=10" TS(400, 60) ";+6ms s ACK" TS(70, 399),
     {1, 0},
     {6, 0},
     {6, 0},
     {6, 0}},
};

static void test_samples(void **state)
{
    static const uint32_t isn[] = {1000, 0, 0xffffffff, 0x7ffffffb, 0xfffffff6};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t n = 0; n < sizeof(isn) / sizeof(isn[0]); n++) {
            struct tcp_run run;

            tcp_run_script(&run, rows[i].script, isn[n], isn[4 - n]);
            for (int side = 0; side < 2; side++) {
                const struct flow_quality *q =
                    &run.flow[0].quality[side ? !run.client : run.client];

                if (q->rtt_samples != rows[i].samples[side] ||
                    q->rtt_min_ns != rows[i].min_ms[side] * 1000000ull ||
                    q->rtt_max_ns != rows[i].max_ms[side] * 1000000ull ||
                    q->rtt_sum_ns != rows[i].sum_ms[side] * 1000000ull)
                    fail_msg("%s: side %d: %u samples, %llu to %llu", rows[i].name, side,
                             q->rtt_samples, (unsigned long long)q->rtt_min_ns,
                             (unsigned long long)q->rtt_max_ns);
            }
        }
}

static void test_window_scale(void **state)
{
    static const struct {
        const char *name, *script;
        int scale[2];
    } scales[] = {
        {"both", "c SYN opts=ws:7;s SYN|ACK opts=ws:9", {7, 9}},
        {"only the client", "c SYN opts=ws:7;s SYN|ACK", {0, 0}},
        {"only the server", "c SYN;s SYN|ACK opts=ws:9", {0, 0}},
        {"more than 14", "c SYN opts=ws:15;s SYN|ACK opts=ws:255", {14, 14}},
        {"zero is an offer", "c SYN opts=ws:0;s SYN|ACK opts=ws:4", {0, 4}},
        {"another one later",
         "c SYN opts=ws:7;s SYN|ACK opts=ws:9;c ACK;c SYN seq=0 opts=ws:1;c ACK opts=ws:2;s SYN|ACK seq=0 opts=ws:3",
         {7, 9}},
        {"on a retry with another number",
         "c SYN opts=ws:7;c SYN seq=9000 opts=ws:3;s SYN|ACK opts=ws:9",
         {3, 9}},
        {"SYN seen after the SYN-ACK",
         "c SYN lost;s SYN|ACK opts=ws:9;c SYN seq=0 opts=ws:5",
         {5, 9}},
        {"crossing SYNs",
         "c SYN opts=ws:2;s SYN opts=ws:3;c SYN|ACK seq=0 opts=ws:2;s SYN|ACK seq=0 opts=ws:3",
         {2, 3}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(scales) / sizeof(scales[0]); i++) {
        struct tcp_run run;

        tcp_run_script(&run, scales[i].script, 5, 6);
        for (int side = 0; side < 2; side++)
            if (run.flow[0].dir[side ? !run.client : run.client].wscale != scales[i].scale[side])
                fail_msg("%s: side %d", scales[i].name, side);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_window_scale),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
