/* SPDX-License-Identifier: Apache-2.0 */
/* Each feature of pcap and pcapng: exact frames, the same in both byte orders, cut off at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/capfile_builder.h"

/* What a packet must be; data counts up from first. */
struct expected {
    uint64_t time_ns;
    uint32_t cap_len;
    uint32_t wire_len;
    uint32_t interface;
    uint16_t linktype;
    uint8_t inbound;
    uint8_t first;
};

struct format_case {
    const char *name;
    void (*build)(struct made *made);
    unsigned int count;
    struct expected frames[4];
    unsigned int damaged;
};

#define SEC 1000000000ull
#define ETH 1

static void pcap_us(struct made *made)
{
    made_pcap_head(made, 0xa1b2c3d4, 1);
    made_pcap_packet(made, 1, 500000, 5, 60, 10);
    made_pcap_packet(made, 2, 999999, 0, 0, 0);
    made_pcap_packet(made, 3, 0, 7, 3, 20);
}

static void pcap_ns(struct made *made)
{
    made_pcap_head(made, 0xa1b23c4d, 113);
    made_pcap_packet(made, 4294967295u, 999999999, 4, 4, 1);
}

static void pcap_head_only(struct made *made)
{
    made_pcap_head(made, 0xa1b2c3d4, 1);
}

static void pcap_fcs(struct made *made)
{
    made_pcap_head(made, 0xa1b2c3d4, 0x14000001);
    made_pcap_packet(made, 1, 0, 4, 4, 1);
}

static void pcap_raw_bsd(struct made *made)
{
    made_pcap_head(made, 0xa1b2c3d4, 12);
    made_pcap_packet(made, 1, 0, 4, 4, 1);
}

static void modified_packet(struct made *made, uint8_t packet_type, uint8_t first)
{
    made_u32(made, 7);
    made_u32(made, 8);
    made_u32(made, 3);
    made_u32(made, 9);
    made_u32(made, 1);
    made_u16(made, 0x0800);
    made_bytes(made, packet_type, 1, false);
    made_bytes(made, 0, 1, false);
    made_bytes(made, first, 3, false);
    made_end(made, true);
}

static void pcap_modified(struct made *made)
{
    made_pcap_head(made, 0xa1b2cd34, 1);
    modified_packet(made, 0, 30);
    modified_packet(made, 4, 40);
}

static void ng_plain(struct made *made)
{
    made_section(made);
    made_interface(made, 1, 0);
    made_enhanced(made, 0, 1700000000123456, 5, 70, 10);
    made_block_end(made, true);
    made_enhanced(made, 0, 1700000000123457, 8, 4, 20);
    made_block_end(made, true);
}

static void ng_interface(struct made *made, uint16_t linktype, uint16_t code, const void *value,
                         uint16_t len)
{
    made_block(made, 1);
    made_u16(made, linktype);
    made_u16(made, 0);
    made_u32(made, 100);
    made_option(made, 2, "if", 2);
    if (code)
        made_option(made, code, value, len);
    made_option_end(made);
    made_block_end(made, false);
}

static void ng_resolutions(struct made *made)
{
    made_section(made);
    ng_interface(made, 1, 9, "\x09", 1);
    ng_interface(made, 101, 9, "\x00", 1);
    ng_interface(made, 113, 9, "\x0c", 1);
    ng_interface(made, 276, 9, "\x8a", 1);
    for (uint32_t i = 0; i < 4; i++) {
        static const uint64_t ticks[] = {1234567890123456789, 5, 7000000000999, 1024 * 3 + 512};

        made_enhanced(made, i, ticks[i], 4, 4, (uint8_t)i);
        made_block_end(made, true);
    }
}

static void ng_fine_resolutions(struct made *made)
{
    made_section(made);
    ng_interface(made, 1, 9, "\x1c", 1); /* 10^-28: the greatest divisor that fits 64 bits */
    ng_interface(made, 1, 9, "\x7f", 1);
    ng_interface(made, 1, 9, "\xff", 1);
    ng_interface(made, 1, 9, "\xa0", 1); /* 2^-32, as NTP has it */
    for (uint32_t i = 0; i < 4; i++) {
        made_enhanced(made, i, i < 3 ? UINT64_MAX : 3ull << 31, 4, 4, (uint8_t)i);
        made_block_end(made, true);
    }
}

static void ng_offset(struct made *made)
{
    struct made seconds = {.big = made->big};

    made_u64(&seconds, (uint64_t)-2);
    made_section(made);
    ng_interface(made, 1, 14, seconds.bytes.data, 8);
    made_enhanced(made, 0, 5000001, 4, 4, 1);
    made_block_end(made, true);
    made_fini(&seconds);
}

static void enhanced_flags(struct made *made, uint32_t flags, uint8_t first)
{
    struct made value = {.big = made->big};

    made_u32(&value, flags);
    made_enhanced(made, 0, 1, 3, 3, first);
    made_option(made, 1, "comment", 7);
    made_option(made, 2, value.bytes.data, 4);
    made_option_end(made);
    made_block_end(made, true);
    made_fini(&value);
}

static void ng_flags(struct made *made)
{
    made_section(made);
    made_interface(made, 1, 0);
    enhanced_flags(made, 1, 10);
    enhanced_flags(made, 0x1a, 20);
    enhanced_flags(made, 0, 30);
}

static void ng_simple(struct made *made)
{
    made_section(made);
    made_interface(made, 1, 6);
    made_block(made, 3);
    made_u32(made, 60);
    made_bytes(made, 10, 6, true);
    made_block_end(made, true);
    made_block(made, 3);
    made_u32(made, 5);
    made_bytes(made, 20, 5, true);
    made_block_end(made, true);
}

static void ng_obsolete(struct made *made)
{
    made_section(made);
    made_interface(made, 1, 0);
    made_interface(made, 113, 0);
    made_block(made, 2);
    made_u16(made, 1);
    made_u16(made, 65535);
    made_u32(made, 0);
    made_u32(made, 77);
    made_u32(made, 5);
    made_u32(made, 50);
    made_bytes(made, 10, 5, true);
    made_block_end(made, true);
}

static void ng_sections(struct made *made)
{
    made_section(made);
    made_interface(made, 1, 0);
    made_enhanced(made, 0, 1, 4, 4, 1);
    made_block_end(made, true);
    made->big = !made->big;
    made_section(made);
    made_interface(made, 101, 0);
    made_interface(made, 113, 0);
    made_enhanced(made, 0, 2, 4, 4, 2);
    made_block_end(made, true);
    made_enhanced(made, 1, 3, 4, 4, 3);
    made_block_end(made, true);
    made->big = !made->big;
}

static void ng_skipped(struct made *made)
{
    static const uint32_t types[] = {5, 9, 0xbad, 0x40000bad, 0x12345678, 0};

    made_section(made);
    made_interface(made, 1, 0);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        made_block(made, types[i]);
        made_bytes(made, 1, 4 * (uint32_t)i, true);
        made_block_end(made, false);
    }
    made_enhanced(made, 0, 1, 4, 4, 1);
    made_block_end(made, true);
}

static void ng_bad_packets(struct made *made)
{
    made_section(made);
    made_interface(made, 1, 0);
    made_enhanced(made, 1, 1, 4, 4, 1); /* no such interface */
    made_block_end(made, false);
    made_block(made, 6); /* claims 5 bytes, has 4 */
    for (int i = 0; i < 3; i++)
        made_u32(made, 0);
    made_u32(made, 5);
    made_u32(made, 5);
    made_bytes(made, 1, 4, true);
    made_block_end(made, false);
    made_block(made, 6); /* too short for its fields */
    made_u32(made, 0);
    made_block_end(made, false);
    made_enhanced(made, 0, 9, 4, 4, 1);
    made_block_end(made, true);
}

static void ng_bad_options(struct made *made)
{
    made_section(made);
    made_interface(made, 1, 0);
    made_enhanced(made, 0, 1, 4, 4, 1);
    made_u16(made, 2);
    made_u16(made, 200); /* longer than the block */
    made_block_end(made, true);
}

static const struct format_case cases[] = {
    {"pcap, microseconds",
     pcap_us,
     3,
     {{1 * SEC + 500000000, 5, 60, 0, ETH, 0, 10},
      {2 * SEC + 999999000, 0, 0, 0, ETH, 0, 0},
      {3 * SEC, 7, 7, 0, ETH, 0, 20}},
     0},
    {"pcap, nanoseconds", pcap_ns, 1, {{4294967295 * SEC + 999999999, 4, 4, 0, 113, 0, 1}}, 0},
    {"pcap, head only", pcap_head_only, 0, {{0}}, 0},
    {"pcap, frame check sequences noted", pcap_fcs, 1, {{1 * SEC, 4, 4, 0, ETH, 0, 1}}, 0},
    {"pcap, raw IP as BSD writes it", pcap_raw_bsd, 1, {{1 * SEC, 4, 4, 0, 101, 0, 1}}, 0},
    {"pcap, Kuznetzov's records",
     pcap_modified,
     2,
     {{7 * SEC + 8000, 3, 9, 0, ETH, 1, 30}, {7 * SEC + 8000, 3, 9, 0, ETH, 2, 40}},
     0},
    {"pcapng, enhanced packets",
     ng_plain,
     2,
     {{1700000000123456000, 5, 70, 0, ETH, 0, 10}, {1700000000123457000, 8, 8, 0, ETH, 0, 20}},
     0},
    {"pcapng, time resolutions",
     ng_resolutions,
     4,
     {{1234567890123456789, 4, 4, 0, ETH, 0, 0},
      {5 * SEC, 4, 4, 1, 101, 0, 1},
      {7 * SEC, 4, 4, 2, 113, 0, 2},
      {3 * SEC + SEC / 2, 4, 4, 3, 276, 0, 3}},
     0},
    {"pcapng, finest resolutions",
     ng_fine_resolutions,
     4,
     {{1, 4, 4, 0, ETH, 0, 0},
      {0, 4, 4, 1, ETH, 0, 1},
      {0, 4, 4, 2, ETH, 0, 2},
      {SEC + SEC / 2, 4, 4, 3, ETH, 0, 3}},
     0},
    {"pcapng, negative time offset", ng_offset, 1, {{3 * SEC + 1000, 4, 4, 0, ETH, 0, 1}}, 0},
    {"pcapng, direction flags",
     ng_flags,
     3,
     {{1000, 3, 3, 0, ETH, 1, 10}, {1000, 3, 3, 0, ETH, 2, 20}, {1000, 3, 3, 0, ETH, 0, 30}},
     0},
    {"pcapng, simple packets",
     ng_simple,
     2,
     {{0, 6, 60, 0, ETH, 0, 10}, {0, 5, 5, 0, ETH, 0, 20}},
     0},
    {"pcapng, obsolete packet", ng_obsolete, 1, {{77000, 5, 50, 1, 113, 0, 10}}, 0},
    {"pcapng, sections of either byte order",
     ng_sections,
     3,
     {{1000, 4, 4, 0, ETH, 0, 1}, {2000, 4, 4, 1, 101, 0, 2}, {3000, 4, 4, 2, 113, 0, 3}},
     0},
    {"pcapng, blocks to skip", ng_skipped, 1, {{1000, 4, 4, 0, ETH, 0, 1}}, 0},
    {"pcapng, packets that can't be", ng_bad_packets, 1, {{9000, 4, 4, 0, ETH, 0, 1}}, 3},
    {"pcapng, options that can't be", ng_bad_options, 1, {{1000, 4, 4, 0, ETH, 0, 1}}, 0},
};

static void check_frame(const struct frame *frame, const struct expected *want, uint64_t number)
{
    assert_int_equal(frame->time_ns, want->time_ns);
    assert_int_equal(frame->cap_len, want->cap_len);
    assert_int_equal(frame->wire_len, want->wire_len);
    assert_int_equal(frame->interface, want->interface);
    assert_int_equal(frame->linktype, want->linktype);
    assert_int_equal(frame->inbound, want->inbound);
    assert_int_equal(frame->number, number);
    assert_int_equal(frame->file, 0);
    for (uint32_t i = 0; i < want->cap_len; i++)
        assert_int_equal(frame->data[i], (uint8_t)(want->first + i));
}

/* Offsets of the packets' records, as they were made. */
static uint64_t made_offset(const struct made *made, unsigned int packet)
{
    for (unsigned int i = 0; i < made->end_count; i++)
        if (made->is_packet[i] && packet-- == 0)
            return i ? made->ends[i - 1] : 0;
    fail();
    return 0;
}

static void read_whole(const struct format_case *one, const struct made *made)
{
    struct opened opened = open_bytes(made->bytes.data, made->bytes.len);
    struct frame frame;

    assert_non_null(opened.capfile);
    for (unsigned int i = 0; i < one->count; i++) {
        assert_int_equal(capfile_next(opened.capfile, &frame), 1);
        check_frame(&frame, &one->frames[i], i + 1);
        assert_int_equal(frame.offset, made_offset(made, i));
        assert_int_equal(capfile_interface(opened.capfile, frame.interface)->linktype,
                         frame.linktype);
    }
    assert_int_equal(capfile_next(opened.capfile, &frame), 0);
    assert_int_equal(capfile_next(opened.capfile, &frame), 0);
    assert_int_equal(capfile_damaged(opened.capfile), one->damaged);
    opened_close(&opened);
}

static void each_format(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (int big = 0; big < 2; big++) {
            struct made made = {.big = big};

            print_message("%s, %s endian\n", cases[i].name, big ? "big" : "little");
            cases[i].build(&made);
            read_whole(&cases[i], &made);
            made_fini(&made);
        }
    }
}

/* All packets that are whole, and one damage unless the cut is between records. */
static void read_cut(const struct format_case *one, const struct made *made, size_t len)
{
    struct opened opened = open_bytes(made->bytes.data, len);
    unsigned int whole = 0;
    bool clean = len == 0;

    if (!opened.capfile) {
        assert_true(len > 0 && len < 4);
        opened_close(&opened);
        return;
    }
    for (unsigned int i = 0; i < made->end_count; i++) {
        whole += made->is_packet[i] && made->ends[i] <= len;
        clean = clean || made->ends[i] == len;
    }
    assert_int_equal(count_frames(opened.capfile), whole);
    if (!one->damaged)
        assert_int_equal(capfile_damaged(opened.capfile), !clean);
    opened_close(&opened);
}

static void each_format_cut(void **state)
{
    (void)state;
    stderr_keep();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct made made = {.big = false};

        cases[i].build(&made);
        for (size_t len = 0; len < made.bytes.len; len++)
            read_cut(&cases[i], &made, len);
        made_fini(&made);
    }
    free(stderr_stop());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_format),
        cmocka_unit_test(each_format_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
