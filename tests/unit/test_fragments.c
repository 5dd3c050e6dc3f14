/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fragments put together, case by case, each as IPv4 and as IPv6. A script has steps parted by ";":
 *   A 0 24+    24 bytes "A" that belong at 0, more follow; without "+" it is the last
 *   A 0 24~8+  of which the capture has not the last 8
 *   id 5       what follows is of another datagram
 *   at 31      it is 31 s
 * Output: A24 B8 for each datagram, ~8 for bytes missing from there on, parted by ";". Books: the counters
 * that are not 0, but for fragments and datagrams.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "stream/fragments.h"
#include "unit/packet_builder.h"

#define MAX_BYTES (1 << 20)

struct run {
    struct fragments *fragments;
    struct buf output;
    uint64_t time_ns;
    uint64_t handed_out; /* fragments in datagrams */
    unsigned int id;
    unsigned int version;
};

static void check_books(const struct run *run)
{
    const struct fragment_counts *counts = fragments_counts(run->fragments);

    assert_int_equal(counts->fragments, run->handed_out + counts->given_up + counts->waiting);
}

static void show_runs(struct buf *output, const uint8_t *data, uint32_t cap_len, uint32_t missing)
{
    for (uint32_t i = 0, n; i < cap_len; i += n) {
        for (n = 1; i + n < cap_len && data[i + n] == data[i];)
            n++;
        buf_printf(output, "%s%c%u", i ? " " : "", data[i], n);
    }
    if (missing)
        buf_printf(output, "~%u", missing);
}

static void show(struct run *run, const struct reassembled *out)
{
    uint32_t hdr_len = run->version == 4 ? 20 : 40;

    assert_int_equal(out->eth_type, run->version == 4 ? ETH_TYPE_IPV4 : ETH_TYPE_IPV6);
    assert_int_equal(out->l3_hdr_bytes, out->pkts * (run->version == 4 ? 20u : 48u));
    buf_add_str(&run->output, run->output.len ? "; " : "");
    show_runs(&run->output, out->data + hdr_len, out->cap_len - hdr_len,
              out->wire_len - out->cap_len);
    run->handed_out += out->pkts;
}

/* One fragment in memory that ends where the capture does. */
static void send(struct run *run, char letter, unsigned int at, unsigned int len, unsigned int cut,
                 bool more)
{
    static uint8_t frame[PACKET_BUILDER_ROOM];
    struct packet pkt = {0};
    struct packet_cursor cur;
    struct reassembled out;
    uint8_t *copy;
    size_t size;
    int n;

    if (run->version == 4)
        size = packet_build(frame, sizeof(frame),
                            "eth / ip 10.0.0.1 > 10.0.0.2 id=%u proto=253 frag=%u mf=%d / data %u",
                            run->id, at, more, len);
    else
        size = packet_build(frame, sizeof(frame),
                            "eth / ip6 fd00::1 > fd00::2 / frag %u id=%u mf=%d next=253 / data %u",
                            at, run->id, more, len);
    memset(frame + size - len, letter, len);
    copy = malloc(size - cut);
    memcpy(copy, frame, size - cut);
    cur = (struct packet_cursor){copy, copy, copy + size - cut};
    packet_parse_eth(&pkt, &cur, (uint32_t)size);
    assert_true(pkt.is_fragment);
    n = fragments_add(run->fragments, &pkt, copy, (uint32_t)(size - cut), run->time_ns, &out);
    free(copy);
    if (n == 1)
        show(run, &out);
    check_books(run);
}

static void step(struct run *run, const char *text)
{
    unsigned int at, len, cut = 0;
    char letter, *end;

    if (sscanf(text, "id %u", &run->id) == 1)
        return;
    if (sscanf(text, "at %u", &at) == 1) {
        run->time_ns = at * 1000000000ull;
        return;
    }
    if (sscanf(text, "%c %u", &letter, &at) != 2)
        fail_msg("step \"%s\"", text);
    len = (unsigned int)strtoul(strchr(text + 2, ' '), &end, 10);
    if (*end == '~')
        cut = (unsigned int)strtoul(end + 1, &end, 10);
    send(run, letter, at, len, cut, *end == '+');
}

static void run_script(struct run *run, const char *script)
{
    char copy[2048], *rest = NULL;

    assert_true(strlen(script) < sizeof(copy));
    strcpy(copy, script);
    for (char *text = strtok_r(copy, ";", &rest); text; text = strtok_r(NULL, ";", &rest))
        step(run, text + strspn(text, " "));
}

static void add_count(struct buf *text, const char *name, uint64_t n)
{
    if (n)
        buf_printf(text, "%s%s %u", text->len ? ", " : "", name, (unsigned int)n);
}

static void show_counts(struct buf *text, const struct fragment_counts *counts)
{
    add_count(text, "waiting", counts->waiting);
    add_count(text, "given up", counts->given_up);
    add_count(text, "timed out", counts->timed_out);
    add_count(text, "evicted", counts->evicted);
    add_count(text, "too many", counts->too_many);
    add_count(text, "oversized", counts->oversized);
    add_count(text, "malformed", counts->malformed);
    add_count(text, "truncated", counts->truncated);
    add_count(text, "beyond end", counts->beyond_end);
    add_count(text, "too large", counts->too_large);
    add_count(text, "no memory", counts->no_memory);
    add_count(text, "overlaps", counts->overlaps);
    add_count(text, "conflicts", counts->overlap_conflicts);
}

static void check_script(const char *name, enum overlap_policy policy, const char *script,
                         const char *output, const char *books)
{
    for (unsigned int version = 4; version <= 6; version += 2) {
        struct run run = {.fragments = fragments_new(policy, MAX_BYTES), .version = version};
        struct buf text = {0};

        assert_non_null(run.fragments);
        run_script(&run, script);
        show_counts(&text, fragments_counts(run.fragments));
        buf_add_char(&text, 0);
        buf_add_char(&run.output, 0);
        if (strcmp(run.output.data, output))
            fail_msg("%s, IPv%u, policy %d: \"%s\" instead of \"%s\"", name, version, policy,
                     run.output.data, output);
        if (books && strcmp(text.data, books))
            fail_msg("%s, IPv%u: \"%s\" instead of \"%s\"", name, version, text.data, books);
        fragments_finish(run.fragments);
        check_books(&run);
        assert_int_equal(fragments_used_bytes(run.fragments), 0);
        fragments_free(run.fragments);
        buf_fini(&run.output);
        buf_fini(&text);
    }
}

static const struct row {
    const char *name, *script, *output, *books;
} rows[] = {
    {"two", "A 0 16+; B 16 3", "A16 B3", ""},
    {"turned round", "B 16 3; A 0 16+", "A16 B3", ""},
    {"three, the middle last", "A 0 8+; C 16 8; B 8 8+", "A8 B8 C8", ""},
    {"middle missing", "A 0 8+; C 16 8", "", "waiting 2"},
    {"first missing", "B 8 8+; C 16 8", "", "waiting 2"},
    {"last missing", "A 0 8+; B 8 8+", "", "waiting 2"},
    {"one byte at the end", "A 0 8+; B 8 1", "A8 B1", ""},
    {"two datagrams mixed", "A 0 8+; id 1; B 0 8+; id 0; C 8 8; id 1; D 8 8", "A8 C8; B8 D8", ""},
    {"an id used again", "A 0 8+; B 8 8; C 0 8+; D 8 8", "A8 B8; C8 D8", ""},
    /* what comes twice */
    {"repeated", "A 0 8+; A 0 8+; B 8 8", "A8 B8", ""},
    {"repeated with other bytes", "A 0 8+; X 0 8+; B 8 8", "A8 B8", "overlaps 1, conflicts 8"},
    {"repeated in one piece", "A 0 8+; A 8 8+; A 0 16+; B 16 8", "A16 B8", "overlaps 1"},
    {"last repeated", "B 8 5; B 8 5; A 0 8+", "A8 B5", ""},
    {"repeated too late", "A 0 8+; B 8 8; B 8 8", "A8 B8", "waiting 1"},
    /* attacks */
    {"teardrop", "A 0 40+; B 24 4", "", "waiting 1, given up 1, beyond end 1"},
    {"teardrop turned round", "B 24 4; A 0 40+", "", "waiting 1, given up 1, beyond end 1"},
    {"two ends", "B 8 8; C 8 5; A 0 8+", "A8 B8", "given up 1, beyond end 1"},
    {"past the end", "B 8 8; C 16 8+; A 0 8+", "A8 B8", "given up 1, beyond end 1"},
    {"up to the end, and more to come", "B 8 8; B 8 8+; A 0 8+", "A8 B8", ""},
    {"ping of death", "A 0 8+; B 65528 600", "", "waiting 1, given up 1, too large 1"},
    {"no length that is a multiple of eight", "A 0 9+; A 0 8+; B 8 8", "A8 B8",
     "given up 1, malformed 1"},
    {"nothing in it", "A 0 8+; B 8 0; B 8 1", "A8 B1", "given up 1, malformed 1"},
    {"tiny", "A 0 8+; B 8 8+; C 16 8+; D 24 8+; E 32 1", "A8 B8 C8 D8 E1", ""},
    /* time */
    {"30 s later", "at 1; A 0 8+; at 31; B 8 8", "A8 B8", ""},
    {"31 s later", "at 1; A 0 8+; at 32; B 8 8", "", "waiting 1, given up 1, timed out 1"},
    {"31 s after the first, 1 s after the second", "at 1; A 0 8+; at 31; B 8 8+; at 32; C 16 8", "",
     "waiting 1, given up 2, timed out 1"},
    {"time goes back", "at 60; A 0 8+; at 1; B 8 8", "A8 B8", ""},
    {"others time out, too", "at 1; A 0 8+; id 1; at 2; A 0 8+; id 2; at 33; C 8 8", "",
     "waiting 1, given up 2, timed out 2"},
    {"an older one behind a newer one",
     "at 50; A 0 8+; id 1; at 1; B 0 8+; at 40; C 8 8; at 51; D 0 8+", "D8 C8",
     "waiting 1, given up 1, timed out 1"},
    /* cut by the capture */
    {"last cut", "A 0 8+; B 8 8~3", "A8 B5~3", ""},
    {"first cut", "A 0 16~6+; B 16 8", "A10~14", ""},
    {"all of the first cut", "A 0 8~8+; B 8 8", "~16", ""},
    {"all of the last cut", "B 8 8~8; A 0 8+", "A8~8", ""},
    {"cut, then repeated whole", "A 0 16~6+; A 0 16+; B 16 8", "A16 B8", ""},
    {"whole, then repeated cut", "A 0 16+; X 0 16~6+; B 16 8", "A16 B8",
     "overlaps 1, conflicts 10"},
    {"cut in two places", "A 0 16~12+; X 8 8~4+; B 16 8", "A4~20", "overlaps 1"},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check_script(rows[i].name, OVERLAP_FIRST, rows[i].script, rows[i].output, rows[i].books);
}

/* The diagram of Novak's paper: nine fragments apart from each other, eight more over them. */
#define NOVAK                                                                            \
    "A 0 24+; B 32 16+; C 48 24+; D 80 8+; E 104 16+; F 120 24+; G 144 16+; H 160 16+; " \
    "I 176 8+; J 8 32+; K 48 24+; L 72 24+; M 96 24+; N 128 8+; O 152 8+; P 160 8+; Q 176 16"

static const char *const novak[OVERLAP_POLICIES] = {
    [OVERLAP_FIRST] = "A24 J8 B16 C24 L8 D8 L8 M8 E16 F24 G16 H16 I8 Q8",
    [OVERLAP_LAST] = "A8 J32 B8 K24 L24 M24 F8 N8 F8 G8 O8 P8 H8 Q16",
    [OVERLAP_BSD] = "A24 J16 B8 C24 L24 M24 F24 G16 H16 I8 Q8",
    [OVERLAP_LINUX] = "A24 J16 B8 K24 L24 M24 F24 G16 P8 H8 Q16",
    [OVERLAP_WINDOWS] = "A24 J8 B16 C24 L24 M8 E16 F24 G16 H16 I8 Q8",
    [OVERLAP_SOLARIS] = "A24 J8 B16 C24 L24 M24 F24 G16 H16 I8 Q8",
};

static void test_novak(void **state)
{
    (void)state;
    for (int policy = 0; policy < OVERLAP_POLICIES; policy++)
        check_script("Novak", (enum overlap_policy)policy, NOVAK, novak[policy],
                     "overlaps 8, conflicts 104");
}

/* Every way that a new fragment, Y, may lie over an old one, X at 16 to 32; where X wins "x", else "y". */
static const struct relation {
    const char *name, *script;
    const char *x, *y;
    const char *winner; /* by policy: first last bsd linux windows solaris */
} relations[] = {
    {"begins before, ends within", "X 16 16+; Y 8 16+; A 0 8+; B 32 8", "A8 Y8 X16 B8",
     "A8 Y16 X8 B8", "xyyyxx"},
    {"begins before, ends with", "X 16 16+; Y 8 24+; A 0 8+; B 32 8", "A8 Y8 X16 B8", "A8 Y24 B8",
     "xyyyxy"},
    {"begins before, ends after", "X 16 16+; Y 8 32+; A 0 8+; B 40 8", "A8 Y8 X16 Y8 B8",
     "A8 Y32 B8", "xyyyyy"},
    {"begins with, ends within", "X 16 16+; Y 16 8+; A 0 16+; B 32 8", "A16 X16 B8", "A16 Y8 X8 B8",
     "xyxyxx"},
    {"begins with, ends with", "X 16 16+; Y 16 16+; A 0 16+; B 32 8", "A16 X16 B8", "A16 Y16 B8",
     "xyxyxx"},
    {"begins with, ends after", "X 16 16+; Y 16 24+; A 0 16+; B 40 8", "A16 X16 Y8 B8",
     "A16 Y24 B8", "xyxyxx"},
    {"begins within, ends within", "X 16 24+; Y 24 8+; A 0 16+; B 40 8", "A16 X24 B8",
     "A16 X8 Y8 X8 B8", "xyxxxx"},
    {"begins within, ends with", "X 16 16+; Y 24 8+; A 0 16+; B 32 8", "A16 X16 B8", "A16 X8 Y8 B8",
     "xyxxxx"},
    {"begins within, ends after", "X 16 16+; Y 24 16+; A 0 16+; B 40 8", "A16 X16 Y8 B8",
     "A16 X8 Y16 B8", "xyxxxx"},
};

static void test_relations(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(relations) / sizeof(relations[0]); i++)
        for (int policy = 0; policy < OVERLAP_POLICIES; policy++)
            check_script(relations[i].name, (enum overlap_policy)policy, relations[i].script,
                         relations[i].winner[policy] == 'y' ? relations[i].y : relations[i].x,
                         NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_novak),
        cmocka_unit_test(test_relations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
