/* SPDX-License-Identifier: Apache-2.0 */
/* Several captures as one: the order of frames, files that wait for their turn, names and secrets, seeking. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <zlib.h>

#include <cmocka.h>

#include "unit/capfile_builder.h"
#include "unit/capture_support.h"

enum { FILES = 4, TIMES = 6 };

/* Seconds of each file's packets, in its order, ended by 0; and all, as file and second. */
struct merge_case {
    const char *name;
    uint32_t seconds[FILES][TIMES];
    const char *order; /* file letter and second */
};

static const struct merge_case merge_cases[] = {
    {"one", {{1, 2, 3}}, "a1 a2 a3 "},
    {"one after the other", {{1, 2}, {3, 4}, {5}}, "a1 a2 b3 b4 c5 "},
    {"named backwards", {{5}, {3, 4}, {1, 2}}, "c1 c2 b3 b4 a5 "},
    {"in turns", {{1, 3, 5}, {2, 4, 6}}, "a1 b2 a3 b4 a5 b6 "},
    {"at the same time", {{1, 2, 3}, {1, 2, 3}}, "a1 b1 a2 b2 a3 b3 "},
    {"without packets", {{0}, {1, 2}, {0}, {2}}, "b1 b2 d2 "},
    {"not in order itself", {{5, 1, 6}, {2, 4}}, "b2 b4 a5 a1 a6 "},
    {"not in order, and more behind", {{3, 1, 6}, {4, 2, 5}}, "a3 a1 b4 b2 b5 a6 "},
};

static void build(struct made *made, const uint32_t *seconds)
{
    made_pcap_head(made, 0xa1b2c3d4, 1);
    for (unsigned int i = 0; i < TIMES && seconds[i]; i++)
        made_pcap_packet(made, seconds[i], 0, 4, 4, 1);
}

static void gzip_file(const char *path, const struct buf *bytes)
{
    gzFile file = gzopen(path, "w");

    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes->data, (unsigned int)bytes->len), (int)bytes->len);
    assert_int_equal(gzclose(file), Z_OK);
}

static struct capfile *open_merged(const struct merge_case *one, const char *dir, bool packed)
{
    const char *paths[FILES];
    char names[FILES][8];
    struct capfile *capfile;

    for (unsigned int i = 0; i < FILES; i++) {
        struct made made = {.big = i & 1};

        build(&made, one->seconds[i]);
        snprintf(names[i], sizeof(names[i]), "%c", 'a' + (int)i);
        paths[i] = scratch_path(dir, names[i]);
        if (packed && i % 2)
            gzip_file(paths[i], &made.bytes);
        else
            free(write_file(dir, names[i], made.bytes.data, made.bytes.len));
        made_fini(&made);
    }
    capfile = open_paths(paths, FILES, false);
    assert_non_null(capfile);
    return capfile;
}

static void add_order(struct buf *order, const struct frame *frame)
{
    buf_printf(order, "%c%llu ", 'a' + (int)frame->file,
               (unsigned long long)(frame->time_ns / 1000000000));
}

static void check_order(struct capfile *capfile, const char *want)
{
    struct buf order = {0};
    struct frame frame;

    while (capfile_next(capfile, &frame))
        add_order(&order, &frame);
    buf_add_char(&order, 0);
    assert_string_equal(order.data, want);
    buf_fini(&order);
}

static void merges_by_time(void **state)
{
    char *dir = scratch_make();

    (void)state;
    for (size_t i = 0; i < sizeof(merge_cases) / sizeof(merge_cases[0]); i++) {
        for (int packed = 0; packed < 2; packed++) {
            struct capfile *capfile = open_merged(&merge_cases[i], dir, packed);
            uint64_t done, total;

            print_message("%s%s\n", merge_cases[i].name, packed ? ", packed" : "");
            check_order(capfile, merge_cases[i].order);
            assert_int_equal(capfile_damaged(capfile), 0);
            assert_int_equal(capfile_file_count(capfile), FILES);
            capfile_progress(capfile, &done, &total);
            assert_int_equal(done, total);
            capfile_close(capfile);
        }
    }
    scratch_remove(dir);
}

/* From each packet on, the same packets as when read from the start; those not in order themselves are left out. */
static void seeks_in_merged_files(void **state)
{
    char *dir = scratch_make();

    (void)state;
    for (size_t i = 0; i < 6; i++) {
        const struct merge_case *one = &merge_cases[i];
        struct capfile *capfile = open_merged(one, dir, true);
        struct frame frames[FILES * TIMES];
        unsigned int count = 0;

        while (capfile_next(capfile, &frames[count]))
            count++;
        for (unsigned int k = count; k-- > 0;) {
            assert_int_equal(capfile_seek(capfile, frames[k].file, frames[k].offset), 0);
            check_order(capfile, one->order + 3 * k);
        }
        for (unsigned int k = 0; k < count; k++) {
            struct frame frame;

            assert_int_equal(capfile_seek(capfile, frames[k].file, frames[k].offset), 0);
            assert_int_equal(capfile_next(capfile, &frame), 1);
            assert_int_equal(frame.time_ns, frames[k].time_ns);
            assert_int_equal(frame.file, frames[k].file);
        }
        assert_int_equal(capfile_seek(capfile, FILES, 0), -EINVAL);
        capfile_close(capfile);
    }
    scratch_remove(dir);
}

/* Two sections of other byte order and other interfaces; every seek must know which it is in. */
static void seeks_in_sections(void **state)
{
    struct made made = {.big = false};
    char *dir = scratch_make(), *path;
    struct frame frames[8], frame;
    struct capfile *capfile;
    struct opened opened;
    unsigned int count = 0;

    (void)state;
    for (unsigned int i = 0; i < 2; i++) {
        made_section(&made);
        made_interface(&made, i ? 113 : 1, 0);
        for (unsigned int k = 0; k < 4; k++) {
            if (k == 2)
                made_interface(&made, i ? 276 : 101, 0);
            made_enhanced(&made, k / 2, 4 * i + k, 4, 4, (uint8_t)k);
            made_block_end(&made, true);
        }
        made.big = true;
    }
    opened = open_bytes(made.bytes.data, made.bytes.len);
    while (capfile_next(opened.capfile, &frames[count]))
        count++;
    assert_int_equal(count, 8);
    opened_close(&opened);
    path = write_file(dir, "sections", made.bytes.data, made.bytes.len);
    capfile = open_paths((const char *[]){path}, 1, false);
    assert_non_null(capfile);
    for (unsigned int i = 0; i < 64; i++) {
        const struct frame *want = &frames[i * 5 % 8];

        assert_int_equal(capfile_seek(capfile, 0, want->offset), 0);
        for (; want < frames + 8; want++) {
            assert_int_equal(capfile_next(capfile, &frame), 1);
            assert_int_equal(frame.time_ns, want->time_ns);
            assert_int_equal(frame.linktype, want->linktype);
            assert_int_equal(frame.interface, want->interface);
        }
        assert_int_equal(capfile_next(capfile, &frame), 0);
    }
    assert_int_equal(capfile_seek(capfile, 0, made.bytes.len + 1), -ERANGE);
    assert_int_equal(capfile_damaged(capfile), 0);
    capfile_close(capfile);
    free(path);
    scratch_remove(dir);
    made_fini(&made);
}

static void made_name(struct made *made, uint16_t type, const void *addr, uint16_t len,
                      const char *names, uint16_t names_len)
{
    struct buf record = {0};

    buf_add(&record, addr, len);
    buf_add(&record, names, names_len);
    made_option(made, type, record.data, (uint16_t)record.len);
    buf_fini(&record);
}

static void keeps_names_and_secrets(void **state)
{
    static const uint8_t v4[4] = {192, 0, 2, 7}, v6[16] = {0x20, 1, 0x0d, 0xb8};
    static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 7};
    const struct capfile_secrets *secrets;
    const struct capfile_name *names;
    struct opened opened;
    size_t count;

    (void)state;
    for (int big = 0; big < 2; big++) {
        struct made made = {.big = big};

        made_section(&made);
        made_block(&made, 1);
        made_u16(&made, 1);
        made_u16(&made, 0);
        made_u32(&made, 262144);
        made_option(&made, 2, "veth0", 5);
        made_block_end(&made, false);
        made_block(&made, 4);
        made_name(&made, 1, v4, 4, "one\0two\0", 8);
        made_name(&made, 3, v6, 8, "a card\0", 7);
        made_name(&made, 2, v6, 16, "six", 3);
        made_option_end(&made);
        made_block_end(&made, false);
        made_block(&made, 10);
        made_u32(&made, 0x544c534b);
        made_u32(&made, 5);
        made_bytes(&made, 'a', 5, true);
        made_block_end(&made, false);
        opened = open_bytes(made.bytes.data, made.bytes.len);
        assert_int_equal(count_frames(opened.capfile), 0);
        names = capfile_names(opened.capfile, &count);
        assert_int_equal(count, 3);
        assert_string_equal(names[0].name, "one");
        assert_int_equal(names[0].ip_version, 4);
        assert_memory_equal(names[0].addr, mapped, 16);
        assert_string_equal(names[1].name, "two");
        assert_string_equal(names[2].name, "six");
        assert_int_equal(names[2].ip_version, 6);
        assert_memory_equal(names[2].addr, v6, 16);
        secrets = capfile_secrets(opened.capfile, &count);
        assert_int_equal(count, 1);
        assert_int_equal(secrets->type, 0x544c534b);
        assert_int_equal(secrets->len, 5);
        assert_memory_equal(secrets->data, "abcde", 5);
        assert_string_equal(capfile_interface(opened.capfile, 0)->name, "veth0");
        assert_int_equal(capfile_interface(opened.capfile, 0)->snaplen, 262144);
        assert_int_equal(capfile_damaged(opened.capfile), 0);
        opened_close(&opened);
        made_fini(&made);
    }
}

/* More files than descriptors: those that wait, and those that are mapped, hold none. */
static void opens_more_files_than_descriptors(void **state)
{
    enum { MANY = 300, DESCRIPTORS = 40 };
    char *dir = scratch_make();
    struct capfile *capfile;
    struct rlimit old, low;
    char name[16];

    (void)state;
    for (uint32_t i = 0; i < MANY; i++) {
        struct made made = {.big = false};

        build(&made, (const uint32_t[TIMES]){i / 2 + 1, i / 2 + 3});
        snprintf(name, sizeof(name), "%03u", i);
        free(write_file(dir, name, made.bytes.data, made.bytes.len));
        made_fini(&made);
    }
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    low = old;
    low.rlim_cur = DESCRIPTORS;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    capfile = open_paths((const char *const *)&dir, 1, false);
    assert_non_null(capfile);
    assert_int_equal(count_frames(capfile), 2 * MANY);
    assert_int_equal(capfile_damaged(capfile), 0);
    capfile_close(capfile);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(low.rlim_cur, DESCRIPTORS);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    scratch_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_by_time),
        cmocka_unit_test(seeks_in_merged_files),
        cmocka_unit_test(seeks_in_sections),
        cmocka_unit_test(keeps_names_and_secrets),
        cmocka_unit_test(opens_more_files_than_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
