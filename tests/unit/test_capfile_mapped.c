/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are mapped: cut short by others while they are read, and long ones, whose pages come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/capfile_builder.h"
#include "unit/capture_support.h"

/* Packets of 1000 bytes: a record, or block, of 1016 or 1032; more than a window (256 KB) of them. */
enum { PACKETS = 700, PACKET_BYTES = 1000, BEFORE = 10, PCAP_HEAD = 24, PCAP_RECORD = 1016 };

struct cut_case {
    const char *name;
    bool pcapng;
    size_t left;         /* bytes of the file, after BEFORE packets were read */
    unsigned int frames; /* of all that were read then */
};

/* A packet that is cut but whose head is there may have been in the window already. */
static const struct cut_case cut_cases[] = {
    {"to nothing", false, 0, BEFORE},
    {"before what was read", false, 4096, BEFORE},
    {"between packets", false, PCAP_HEAD + 20 * PCAP_RECORD, 20},
    {"in a packet's head", false, PCAP_HEAD + 20 * PCAP_RECORD + 2, 20},
    {"in a packet", false, PCAP_HEAD + 20 * PCAP_RECORD + 500, 21},
    {"far ahead, in a packet", false, PCAP_HEAD + 600 * PCAP_RECORD + 500, 600},
    {"far ahead, between packets", false, PCAP_HEAD + 600 * PCAP_RECORD, 600},
    {"to nothing", true, 0, BEFORE},
    {"in a packet", true, 48 + 20 * 1032 + 500, 20},
    {"far ahead, in a packet", true, 48 + 600 * 1032 + 500, 600},
};

static void build(struct made *made, bool pcapng)
{
    if (pcapng) {
        made_section(made);
        made_interface(made, 1, 0);
    } else {
        made_pcap_head(made, 0xa1b2c3d4, 1);
    }
    for (uint32_t i = 0; i < PACKETS; i++) {
        made->end_count = 0;
        if (!pcapng) {
            made_pcap_packet(made, i, 0, PACKET_BYTES, PACKET_BYTES, 1);
            continue;
        }
        made_enhanced(made, 0, i, PACKET_BYTES, PACKET_BYTES, 1);
        made_block_end(made, true);
    }
}

static void check_cut(const struct cut_case *one)
{
    struct made made = {.big = false};
    char *dir = scratch_make(), *path, *said;
    struct capfile *capfile;
    struct frame frame;

    build(&made, one->pcapng);
    path = write_file(dir, "a", made.bytes.data, made.bytes.len);
    made_fini(&made);
    capfile = open_paths((const char *[]){path}, 1, false);
    assert_non_null(capfile);
    for (unsigned int i = 0; i < BEFORE; i++)
        assert_int_equal(capfile_next(capfile, &frame), 1);
    assert_int_equal(truncate(path, (off_t)one->left), 0);
    stderr_keep();
    assert_int_equal(BEFORE + count_frames(capfile), one->frames);
    said = stderr_stop();
    if (!strstr(said, "the file was cut short while it was read"))
        fail_msg("said: %s", said);
    assert_int_equal(capfile_damaged(capfile), 1);
    capfile_close(capfile);
    free(said);
    free(path);
    scratch_remove(dir);
}

static void each_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cut_cases) / sizeof(cut_cases[0]); i++) {
        print_message("%s, %s\n", cut_cases[i].pcapng ? "pcapng" : "pcap", cut_cases[i].name);
        check_cut(&cut_cases[i]);
    }
}

/* ---- long files ------------------------------------------------------------------------------- */

/* 60 MB of records, nothing but their heads and first bytes written: the rest is a hole of the file. */
enum { LONG_PACKETS = 1000, LONG_BYTES = 60000, LONG_RECORD = LONG_BYTES + 16, RESIDENT_MB = 40 };

static char *make_long(const char *dir)
{
    struct made head = {.big = false};
    char *path;
    FILE *file;

    made_pcap_head(&head, 0xa1b2c3d4, 1);
    path = write_file(dir, "long", head.bytes.data, head.bytes.len);
    made_fini(&head);
    file = fopen(path, "r+b");
    assert_non_null(file);
    for (uint32_t i = 0; i < LONG_PACKETS; i++) {
        const uint32_t record[] = {i, 0, LONG_BYTES, LONG_BYTES, ~i};

        assert_int_equal(fseek(file, PCAP_HEAD + (long)i * LONG_RECORD, SEEK_SET), 0);
        assert_int_equal(fwrite(record, sizeof(record), 1, file), 1);
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(truncate(path, PCAP_HEAD + (off_t)LONG_PACKETS * LONG_RECORD), 0);
    return path;
}

static void check_run(struct capfile *capfile, uint32_t first, uint32_t end)
{
    struct frame frame;
    uint32_t value;

    for (uint32_t i = first; i < end; i++) {
        assert_int_equal(capfile_next(capfile, &frame), 1);
        assert_int_equal(frame.time_ns, i * 1000000000ull);
        assert_int_equal(frame.cap_len, LONG_BYTES);
        memcpy(&value, frame.data, sizeof(value));
        assert_int_equal(value, ~i);
        /* Every page is touched, so that it would stay. */
        for (uint32_t k = sizeof(value); k < LONG_BYTES; k += 1000)
            assert_int_equal(frame.data[k], 0);
    }
}

/* Pages of files that are in this process's memory, in MB. */
static long resident_mb(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long all, resident, shared;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld %ld %ld", &all, &resident, &shared), 3);
    fclose(file);
    return shared * sysconf(_SC_PAGESIZE) >> 20;
}

static void reads_a_long_file_in_little_memory(void **state)
{
    char *dir = scratch_make(), *path = make_long(dir);
    struct capfile *capfile = open_paths((const char *[]){path}, 1, false);
    long before = resident_mb();

    (void)state;
    assert_non_null(capfile);
    for (uint32_t i = 0; i < LONG_PACKETS; i += 100) {
        check_run(capfile, i, i + 100);
        if (resident_mb() - before > RESIDENT_MB)
            fail_msg("%ld MB at packet %u, %ld before", resident_mb(), i + 100, before);
    }
    assert_int_equal(count_frames(capfile), 0);
    assert_int_equal(capfile_damaged(capfile), 0);
    capfile_close(capfile);
    free(path);
    scratch_remove(dir);
}

static void goes_back_and_forth_in_a_long_file(void **state)
{
    const uint32_t places[] = {900, 3, 500, 499, 0, 999};
    char *dir = scratch_make(), *path = make_long(dir);
    struct capfile *capfile = open_paths((const char *[]){path}, 1, false);

    (void)state;
    assert_non_null(capfile);
    check_run(capfile, 0, 600);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        uint32_t end = places[i] + 300 < LONG_PACKETS ? places[i] + 300 : LONG_PACKETS;

        assert_int_equal(capfile_seek(capfile, 0, PCAP_HEAD + (uint64_t)places[i] * LONG_RECORD),
                         0);
        check_run(capfile, places[i], end);
    }
    assert_int_equal(count_frames(capfile), 0);
    capfile_close(capfile);
    free(path);
    scratch_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_cut),
        cmocka_unit_test(reads_a_long_file_in_little_memory),
        cmocka_unit_test(goes_back_and_forth_in_a_long_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
