/* SPDX-License-Identifier: Apache-2.0 */
/* Damaged captures: what is read before and behind the damage, its place, and what is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/capfile_builder.h"

/* Overwrites 4 bytes at an offset of the capture that build makes. */
struct damage_case {
    const char *name;
    bool pcapng;
    size_t at; /* 0: nothing */
    uint32_t value;
    size_t cut; /* bytes taken off the end */
    unsigned int frames;
    unsigned int damaged;
    const char *says; /* a part of stderr, "" nothing at all */
};

/* pcap: head at 0, packets of 20 bytes at 24, 60, 96. */
static void build_pcap(struct made *made)
{
    made_pcap_head(made, 0xa1b2c3d4, 1);
    for (uint32_t i = 0; i < 3; i++)
        made_pcap_packet(made, i, 0, 20, 20, 1);
}

/* pcapng: section at 0, interface at 28, packets (56 bytes) at 48, 104, 160, 216; 272 in all. */
static void build_pcapng(struct made *made)
{
    made_section(made);
    made_interface(made, 1, 0);
    for (uint32_t i = 0; i < 4; i++) {
        made_enhanced(made, 0, i, 24, 24, 0x40);
        made_block_end(made, true);
    }
}

static const struct damage_case cases[] = {
    {"whole", false, 0, 0, 0, 3, 0, ""},
    {"cut in a packet", false, 0, 0, 1, 2, 1,
     "warning: memory: damaged at byte 96: the file ends 35 bytes into a packet\n"},
    {"cut in a packet's head", false, 0, 0, 25, 2, 1,
     "damaged at byte 96: the file ends 11 bytes into a packet's head\n"},
    {"cut between packets", false, 0, 0, 36, 2, 0, ""},
    {"cut in the file's head", false, 0, 0, 110, 0, 1,
     "damaged at byte 0: the file ends 22 bytes into the head of the file\n"},
    {"impossible length", false, 60 + 8, 0x01000001, 0, 1, 1,
     "damaged at byte 60: a packet of 16777217 bytes"},
    {"length beyond the file", false, 60 + 8, 1000, 0, 1, 1, "damaged at byte 60: the file ends"},
    {"whole", true, 0, 0, 0, 4, 0, ""},
    {"cut in a packet", true, 0, 0, 1, 3, 1, "damaged at byte 216: the file ends 55 bytes into"},
    {"cut after a type", true, 0, 0, 52, 3, 1, "damaged at byte 216: the file ends 4 bytes into"},
    {"length too long", true, 104 + 4, 60, 0, 3, 1,
     "damaged at byte 104: a block whose two lengths differ"},
    {"length not of words", true, 104 + 4, 57, 0, 3, 1,
     "damaged at byte 104: a block of impossible length"},
    {"length zero", true, 104 + 4, 0, 0, 3, 1, "damaged at byte 104: a block of impossible length"},
    {"length beyond the file", true, 104 + 4, 4096, 0, 3, 1, "damaged at byte 104: the file ends"},
    {"second length", true, 104 + 52, 0, 0, 3, 1, "damaged at byte 104: a block whose two"},
    {"last block's length", true, 216 + 4, 60, 0, 3, 1, "damaged at byte 216: the file ends"},
    {"interface's length", true, 28 + 4, 24, 0, 0, 5, "damaged at byte 28: a block whose two"},
    {"byte order magic", true, 8, 0, 0, 4, 1, "damaged at byte 0: a section without byte order"},
};

static void check_damage(const struct damage_case *one)
{
    struct made made = {.big = false};
    struct opened opened;
    char *said;

    if (one->pcapng)
        build_pcapng(&made);
    else
        build_pcap(&made);
    if (one->at)
        memcpy(made.bytes.data + one->at, &one->value, sizeof(one->value));
    stderr_keep();
    opened = open_bytes(made.bytes.data, made.bytes.len - one->cut);
    assert_non_null(opened.capfile);
    assert_int_equal(count_frames(opened.capfile), one->frames);
    assert_int_equal(capfile_damaged(opened.capfile), one->damaged);
    opened_close(&opened);
    said = stderr_stop();
    if (!strstr(said, one->says) || (!*one->says && *said))
        fail_msg("said: %s", said);
    free(said);
    made_fini(&made);
}

static void each_damage(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("%s, %s\n", cases[i].pcapng ? "pcapng" : "pcap", cases[i].name);
        check_damage(&cases[i]);
    }
}

/* Packets that look like a block inside do not count as one behind damage that is not before them. */
static void goes_on_behind_a_run_of_noise(void **state)
{
    struct made made = {.big = true};
    struct opened opened;
    struct frame frame;
    char *said;

    (void)state;
    made_section(&made);
    made_interface(&made, 1, 0);
    made_bytes(&made, 0x55, 400, true);
    made_enhanced(&made, 0, 7, 4, 4, 1);
    made_block_end(&made, true);
    stderr_keep();
    opened = open_bytes(made.bytes.data, made.bytes.len);
    assert_int_equal(capfile_next(opened.capfile, &frame), 1);
    assert_int_equal(frame.time_ns, 7000);
    assert_int_equal(frame.offset, 448);
    assert_int_equal(capfile_next(opened.capfile, &frame), 0);
    assert_int_equal(capfile_damaged(opened.capfile), 1);
    opened_close(&opened);
    said = stderr_stop();
    assert_non_null(strstr(said, "damaged at byte 48:"));
    free(said);
    made_fini(&made);
}

static unsigned int lines_of(const char *text)
{
    unsigned int lines = 0;

    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static void says_little_of_much_damage(void **state)
{
    struct made made = {.big = false};
    struct opened opened;
    char *said;

    (void)state;
    made_section(&made);
    for (unsigned int i = 0; i < 50; i++) {
        made_enhanced(&made, 3, i, 4, 4, 1);
        made_block_end(&made, false);
    }
    stderr_keep();
    opened = open_bytes(made.bytes.data, made.bytes.len);
    assert_int_equal(count_frames(opened.capfile), 0);
    assert_int_equal(capfile_damaged(opened.capfile), 50);
    opened_close(&opened);
    said = stderr_stop();
    assert_int_equal(lines_of(said), 11);
    assert_non_null(strstr(said, "more damage, which is only counted"));
    free(said);
    made_fini(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_damage),
        cmocka_unit_test(goes_on_behind_a_run_of_noise),
        cmocka_unit_test(says_little_of_much_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
