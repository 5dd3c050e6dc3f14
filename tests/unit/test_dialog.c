/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reassembly case by case. Each row is a script of segments, run with sequence numbers that wrap at every
 * place of the stream. Steps, separated by ";", offsets from the direction's first byte:
 *   c 5 abc~2 old3 FIN   the client (endpoint 0) sends abc at 5, two bytes more were cut off, the tracker knew
 *                        three; s: the server. - for no bytes; FIN, RST: flags. @7: it is packet 7; doubted: not believed.
 *   ack s 5              the server has acknowledged the client's first 5 bytes
 *   begin c 0            the client's stream begins at 0 (a SYN was seen)
 *   at 1500              it is 1500 ms
 *   fill c 5 1000        1000 bytes "." at 5
 * Output: c:abc what came, [5] a hole, | where the end was told. Books: d delivered, u duplicate, t cut,
 * p dropped, w out of window, r recovered, h holes, b bytes in them, o overlaps, x conflicts. Lots: c3 bytes, ! late.
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
#include "stream/dialog.h"
#include "wire.h"

struct row {
    const char *name;
    const char *script;
    const char *output;
    const char *books;
    const char *lots;
};

static const struct row rows[] = {
    {"question and answer", "begin c 0; begin s 0; c 0 hello; s 0 world; c 5 bye",
     "c:hello s:world c:bye|", "c:d8 s:d5", "c5 s5 c3"},
    {"no handshake seen", "c 0 hello; s 0 world; c 5 bye", "c:hello s:world c:bye|", "c:d8 s:d5",
     "c5 s5 c3"},
    {"nothing", "begin c 0", "|", "", ""},
    {"empty segments", "begin c 0; c 0 -; c 0 a; c 1 -", "c:a|", "c:d1", "c1"},

    {"order restored", "begin c 0; c 3 def; c 0 abc; c 6 g", "c:abcdefg|", "c:d7", "c7"},
    {"three turned round", "begin c 0; c 4 ef; c 2 cd; c 0 ab", "c:abcdef|", "c:d6", "c6"},
    {"gap filled in parts", "begin c 0; c 4 ef; c 0 a; c 3 d; c 1 bc", "c:abcdef|", "c:d6", "c6"},
    {"first segment later than the second", "c 3 def; c 0 abc", "c:def|", "c:d3p3", "c3"},
    {"earlier than the first, none told", "c 3 - FIN; c 0 abc", "c:abc|", "c:d3", "c3"},

    {"retransmitted", "begin c 0; c 0 abc; c 0 abc", "c:abc|", "c:d3u3", "c3"},
    {"retransmitted in other pieces", "begin c 0; c 0 ab; c 2 cd; c 1 bc", "c:abcd|", "c:d4u2",
     "c4"},
    {"retransmitted with more", "begin c 0; c 0 abc; c 0 abcdef", "c:abcdef|", "c:d6u3o1", "c6"},
    {"retransmitted while it waits", "begin c 0; c 3 def; c 3 def; c 0 abc", "c:abcdef|", "c:d6u3",
     "c6"},
    {"overlap while it waits", "begin c 0; c 3 def; c 4 efgh; c 0 abcd", "c:abcdefgh|", "c:d8u3o2",
     "c8"},
    {"over two that wait and the places between", "begin c 0; c 2 c; c 5 f; c 0 abcdefgh",
     "c:abcdefgh|", "c:d8u2o1", "c8"},
    {"conflict with what waits", "begin c 0; c 2 cd; c 1 bXYe; c 0 a", "c:abcde|", "c:d5u2o1x2",
     "c5"},
    {"same place, other bytes", "begin c 0; c 2 cd; c 2 XY; c 0 ab", "c:abcd|", "c:d4u2o1x2", "c4"},
    {"keep-alive", "begin c 0; c 0 abc; c 2 X; c 3 d", "c:abcd|", "c:d4u1", "c4"},
    {"keep-alive before any data", "begin c 0; c -1 X; c 0 abc", "c:abc|", "c:d3u1", "c3"},
    {"before the beginning", "begin c 0; c -2 XXabc", "c:abc|", "c:d3p2", "c3"},
    {"all before the beginning", "begin c 0; c -3 ZZZ; c 0 a", "c:a|", "c:d1p3", "c1"},
    {"zero-window probe", "begin c 0; c 0 abc; c 3 d; c 3 defg", "c:abcdefg|", "c:d7u1o1", "c7"},
    {"begin told twice", "begin c 0; c 0 a; begin c 2; c 1 b", "c:ab|", "c:d2", "c2"},
    {"begin told again before data", "begin c 0; begin c 4; c 0 ab", "c:ab|", "c:d2", "c2"},

    {"hole at the end of all", "begin c 0; c 0 ab; c 5 fg", "c:ab[3]fg|", "c:d4h1b3", "c4"},
    {"beginning missing", "begin c 0; c 5 fg", "c:[5]fg|", "c:d2h1b5", "c2"},
    {"two holes", "begin c 0; c 1 b; c 3 d", "c:[1]b[1]d|", "c:d2h2b2", "c2"},
    {"hole after an acknowledgment and a second",
     "begin c 0; at 1000; c 0 ab; c 3 d; at 1999; ack s 4; s 0 x; at 2000; ack s 4; s 1 y; c 4 e",
     "c:ab s:x c:[1]d s:y c:e|", "c:d4h1b1 s:d2", "c2 s1 c1! s1 c1"},
    {"not acknowledged, not given up",
     "begin c 0; at 1; c 0 ab; c 3 d; at 9000; ack s 2; s 0 x; c 2 c", "c:ab s:x c:cd|",
     "c:d4 s:d1", "c2 s1 c2!"},
    {"acknowledged, but reordered in the capture",
     "begin c 0; at 1; c 0 ab; c 3 d; ack s 4; at 900; "
     "c 2 c",
     "c:abcd|", "c:d4", "c4"},
    {"acknowledged long before the gap was seen",
     "begin c 0; ack s 9; at 5000; c 3 d; c 4 e; at 6000; "
     "c 5 f",
     "c:[3]def|", "c:d3h1b3", "c3"},
    {"too late for its hole", "begin c 0; at 1; c 0 ab; c 3 d; at 1500; ack s 4; c 2 c; c 2 c old1",
     "c:ab[1]d|", "c:d3u1p1h1b1", "c3"},
    {"late over hole and delivered", "begin c 0; at 1; c 0 ab; c 4 e; at 1500; ack s 5; c 1 bcdef",
     "c:ab[2]ef|", "c:d4u2p2h1b2o1", "c4"},
    {"much waits behind an acknowledged gap", "begin c 0; at 1; ack s 1; c 0 a; fill c 4 262145",
     "c:a[3]<262145>|", "c:d262146h1b3", "c262146"},
    {"one byte less waits on", "begin c 0; at 1; ack s 4; c 0 a; fill c 4 262144; c 1 bcd",
     "c:abcd<262144>|", "c:d262148", "c262148"},

    {"cut in the middle", "begin c 0; c 0 ab~3; c 5 fg", "c:ab[3]fg|", "c:d4t3h1b3", "c4"},
    {"cut at the end is no hole", "begin c 0; c 0 ab~3", "c:ab|", "c:d2t3", "c2"},
    {"all cut", "begin c 0; c 0 -~4; c 4 -~2", "|", "c:t6", ""},
    {"cut twice is one hole", "begin c 0; c 0 -~4; c 4 -~2; c 6 g", "c:[6]g|", "c:d1t6h1b6", "c1"},
    {"cut segment sent again", "begin c 0; c 0 ab~2; c 0 ab~2; c 4 e", "c:ab[2]e|", "c:d3t2u4h1b2",
     "c3"},
    {"cut part comes late", "begin c 0; c 0 ab~2; c 4 e; c 0 abcd", "c:ab[2]e|", "c:d3t2u4h1b2",
     "c3"},
    {"cut while it waits", "begin c 0; c 3 d~2; c 6 g; c 0 abc; c 5 -~1", "c:abcd[2]g|",
     "c:d5t2u1h1b2", "c5"},
    {"gap and cut tail", "begin c 0; c 0 a; c 3 d~2", "c:a[2]d|", "c:d2t2h1b2", "c2"},
    {"gap before a cut tail", "begin c 0; c 0 a; c 3 -~2", "c:a[2]|", "c:d1t2h1b2", "c1"},
    {"cut, then a gap", "begin c 0; c 0 a~1; c 4 e", "c:a[1][2]e|", "c:d2t1h2b3", "c2"},
    {"first copy lost, second cut", "begin c 0; c 0 ab~2 old4", "c:ab|", "c:d2u2r2", "c2"},

    {"first copy never sampled", "begin c 0; c 0 abcd old3", "c:abcd|", "c:d4r3", "c4"},
    {"known and waiting", "begin c 0; c 2 cdef old3; c 0 ab", "c:abcdef|", "c:d6r3", "c6"},
    {"known and given again", "begin c 0; c 0 abc; c 0 abc old3", "c:abc|", "c:d3u3", "c3"},

    {"doubted and no more", "begin c 0; c 0 ab; c 9 xyz doubted; c 2 cd", "c:abcd|", "c:d4w3",
     "c4"},
    {"doubted, then acknowledged", "begin c 0; c 0 ab; c 9 xyz doubted; ack s 12; c 12 d",
     "c:ab[7]xyzd|", "c:d6h1b7", "c6"},
    {"doubted, then acknowledged in part", "begin c 0; c 0 ab; c 9 xyz doubted; ack s 10; s 0 x",
     "c:ab s:x c:[7]xyz|", "c:d5h1b7 s:d1", "c2 s1 c3!"},
    {"acknowledged up to what is doubted", "begin c 0; c 0 ab; c 9 xyz doubted; ack s 9; s 0 x",
     "c:ab s:x|", "c:d2w3 s:d1", "c2 s1"},
    {"three doubted, and one that goes on from there",
     "begin c 0; c 0 ab; c 9 x doubted; c 10 y doubted; c 11 z doubted; c 12 !", "c:ab[7]xyz!|",
     "c:d6h1b7", "c6"},
    {"one that goes on from some", "begin c 0; c 0 a; c 9 x doubted; c 20 y doubted; c 10 z",
     "c:a[8]xz|", "c:d3h1w1b8", "c3"},
    {"doubted ones in any order", "begin c 0; c 0 a; c 10 y doubted; c 9 x doubted; c 11 z",
     "c:a[8]xyz|", "c:d4h1b8", "c4"},
    {"doubted, and the session comes there with other bytes",
     "begin c 0; c 0 ab; c 4 XX doubted; c 2 cdef; ack s 6; c 6 g", "c:abcdefg|", "c:d7u2", "c7"},
    {"doubted with a FIN", "begin c 0; c 0 ab; c 2 cd FIN doubted; c 2 cdef", "c:abcdef|", "c:d6w2",
     "c6"},
    {"doubted with a FIN, then acknowledged",
     "begin c 0; c 0 ab; c 4 e FIN doubted; ack s 6; c 5 X", "c:ab[2]e|", "c:d3p1h1b2", "c3"},
    {"doubted before all", "c 9 xyz doubted; begin c 0; c 0 a", "c:a|", "c:d1w3", "c1"},

    {"FIN with data", "begin c 0; c 0 abc FIN; c 3 X; c 0 abcXX", "c:abc|", "c:d3u3p3", "c3"},
    {"FIN with none", "begin c 0; c 0 abc; c 3 - FIN; c 3 XY", "c:abc|", "c:d3p2", "c3"},
    {"FIN behind bytes that never come", "begin c 0; c 0 ab; c 6 - FIN", "c:ab[4]|", "c:d2h1b4",
     "c2"},
    {"FIN before the data", "begin c 0; c 4 - FIN; c 2 cdX; c 0 ab", "c:abcd|", "c:d4p1", "c4"},
    {"first FIN wins", "begin c 0; c 4 - FIN; c 0 ab FIN; c 2 cd; c 4 e", "c:abcd|", "c:d4p1",
     "c4"},
    {"FIN before what is there already", "begin c 0; c 0 abcd; c 2 - FIN; c 4 e", "c:abcde|",
     "c:d5", "c5"},
    {"FIN before what waits", "begin c 0; c 4 e; c 2 - FIN; c 0 abcd", "c:abcde|", "c:d5", "c5"},
    {"data on a RST", "begin c 0; c 0 abc; c 3 oops RST; c 3 d", "c:abcd|", "c:d4p4", "c4"},
    {"RST first of all", "c 9 oops RST; c 0 abc", "c:abc|", "c:d3p4", "c3"},
    {"urgent data stays in line", "begin c 0; c 0 ab; c 2 ! URG; c 3 cd", "c:ab!cd|", "c:d5", "c5"},
    {"far ahead", "begin c 0; c 0 a; c 1073741826 X; c 1 b", "c:ab|", "c:d2p1", "c2"},
    {"far ahead, just in range", "begin c 0; c 0 a; c 1073741825 z", "c:a[1073741824]z|",
     "c:d2h1b1073741824", "c2"},
    {"far behind", "begin c 0; c 0 a; c -1073741824 X; c 1 b", "c:ab|", "c:d2p1", "c2"},

    {"gap as old as the first that waits",
     "begin c 0; at 1000; c 3 d; at 1900; c 4 e; at 2000; ack s 5; c 0 abc", "c:[3]de|",
     "c:d2p3h1b3", "c2"},
    {"next gap is younger", "begin c 0; at 1000; c 1 b; at 1900; c 3 d; at 2000; ack s 4; c 2 c",
     "c:[1]bcd|", "c:d3h1b1", "c3"},
    {"hole of the other side",
     "begin c 0; begin s 0; c 0 ab; at 1; s 2 z; at 1500; ack c 3; c 0 ab", "c:ab s:[2]z|",
     "c:d2u2 s:d1h1b2", "c2 s1"},
    {"again after a hole", "begin c 0; at 1; c 1 bcd; at 1500; ack s 2; c 3 d", "c:[1]bcd|",
     "c:d3u1h1b1", "c3"},
    {"FIN before the beginning is told", "c 9 - FIN; begin c 0; c 0 abc", "c:abc|", "c:d3", "c3"},

    {"late lot", "begin c 0; begin s 0; c 2 cd; s 0 xy; c 0 ab; s 2 z", "s:xy c:abcd s:z|",
     "c:d4 s:d3", "s2 c4! s1"},
    {"not late when the other side was silent", "begin c 0; begin s 0; s 0 x; c 2 cd; c 0 ab",
     "s:x c:abcd|", "c:d4 s:d1", "s1 c4"},
    {"packet captured after a newer one", "begin c 0; begin s 0; s 0 x @5; c 0 ab @4; s 1 y @6",
     "s:x c:ab s:y|", "c:d2 s:d2", "s1 c2! s1"},
    {"both wait at the end", "begin c 0; begin s 0; s 1 y; c 2 c; s 2 z", "s:[1]yz c:[2]c|",
     "c:d1h1b2 s:d2h1b1", "s2 c1!"},
};

struct run {
    struct buf text;
    struct dialog *dialog;
    struct dialog_budget budget;
    uint64_t position[2];
    uint64_t wire_bytes[2];
    uint32_t isn;
    uint64_t time_ms;
    uint64_t pkt_index;
    int last_from;
    bool over; /* nothing may be told any more */
    char fill[262145];
};

static void say_from(struct run *run, unsigned int from)
{
    if (run->last_from == (int)from)
        return;
    if (run->text.len)
        buf_add_char(&run->text, ' ');
    buf_add_str(&run->text, from ? "s:" : "c:");
    run->last_from = (int)from;
}

static void on_data(void *ctx, unsigned int from, uint64_t offset, const uint8_t *data, size_t len,
                    const struct segment *seg)
{
    struct run *run = ctx;

    assert_false(run->over);
    assert_int_equal(offset, run->position[from]);
    assert_int_equal(seg->from, from);
    assert_true(len > 0);
    run->position[from] += len;
    say_from(run, from);
    if (len > 1000)
        buf_printf(&run->text, "<%zu>", len);
    else
        buf_add(&run->text, data, len);
}

static void on_hole(void *ctx, unsigned int from, uint64_t offset, uint64_t length)
{
    struct run *run = ctx;

    assert_false(run->over);
    assert_int_equal(offset, run->position[from]);
    assert_true(length > 0);
    run->position[from] += length;
    say_from(run, from);
    buf_printf(&run->text, "[%ju]", (uintmax_t)length);
}

/* The two directions have different initial numbers. */
static uint32_t seq_of(const struct run *run, unsigned int from, int64_t offset)
{
    return run->isn + (from ? 0x12345678u : 0) + (uint32_t)offset;
}

static void step_segment(struct run *run, char *step, bool is_tcp)
{
    char *words[8] = {0}, *save = NULL, *cut;
    struct segment seg = {.pkts = 1, .time_ns = run->time_ms * 1000000};
    int count = 0;

    for (char *word = strtok_r(step, " ", &save); word && count < 8;
         word = strtok_r(NULL, " ", &save))
        words[count++] = word;
    assert_true(count >= 3);
    seg.from = words[0][0] == 's';
    seg.seq = is_tcp ? seq_of(run, seg.from, strtoll(words[1], NULL, 10)) : 0;
    seg.pkt_index = ++run->pkt_index;
    cut = strchr(words[2], '~');
    if (cut) {
        seg.wire_len = (uint32_t)strtoul(cut + 1, NULL, 10);
        *cut = '\0';
    }
    if (strcmp(words[2], "-") != 0)
        seg.cap_len = (uint32_t)strlen(words[2]);
    seg.wire_len += seg.cap_len;
    for (int i = 3; i < count; i++) {
        if (strncmp(words[i], "old", 3) == 0)
            seg.old_bytes = (uint32_t)atoi(words[i] + 3);
        else if (words[i][0] == '@')
            seg.pkt_index = strtoull(words[i] + 1, NULL, 10);
        else if (strcmp(words[i], "doubted") == 0)
            seg.doubted = true;
        else
            seg.tcp_flags |= strcmp(words[i], "FIN") == 0   ? TCP_FIN
                             : strcmp(words[i], "RST") == 0 ? TCP_RST
                                                            : TCP_URG;
    }
    run->wire_bytes[seg.from] += seg.wire_len;
    seg.data = malloc(seg.cap_len ? seg.cap_len : 1); /* exactly, and gone afterwards */
    memcpy((void *)seg.data, words[2], seg.cap_len);
    dialog_segment(run->dialog, &seg);
    free((void *)seg.data);
}

static void step_fill(struct run *run, const char *args)
{
    struct segment seg = {.pkts = 1, .pkt_index = ++run->pkt_index};
    long long offset;
    char from;

    assert_int_equal(sscanf(args, "%c %lld %u", &from, &offset, &seg.wire_len), 3);
    seg.seq = seq_of(run, 0, offset);
    seg.cap_len = seg.wire_len;
    seg.data = (const uint8_t *)run->fill;
    seg.time_ns = run->time_ms * 1000000;
    run->wire_bytes[0] += seg.wire_len;
    dialog_segment(run->dialog, &seg);
}

static void run_step(struct run *run, char *step, bool is_tcp)
{
    long long offset;
    char side;

    while (*step == ' ')
        step++;
    if (sscanf(step, "begin %c %lld", &side, &offset) == 2)
        dialog_begin(run->dialog, side == 's', seq_of(run, side == 's', offset));
    else if (sscanf(step, "ack %c %lld", &side, &offset) == 2)
        dialog_ack(run->dialog, side == 's', seq_of(run, side != 's', offset),
                   run->time_ms * 1000000);
    else if (sscanf(step, "at %lld", &offset) == 1)
        run->time_ms = (uint64_t)offset;
    else if (strncmp(step, "fill ", 5) == 0)
        step_fill(run, step + 5);
    else
        step_segment(run, step, is_tcp);
}

static void say_books(struct buf *text, const struct stream_tally *tally)
{
    for (int from = 0; from < 2; from++) {
        const struct stream_tally *t = &tally[from];
        const struct {
            char name;
            uint64_t value;
        } terms[] = {{'d', t->delivered},        {'t', t->cut},        {'u', t->duplicate},
                     {'p', t->dropped},          {'r', t->recovered},  {'h', t->holes},
                     {'w', t->out_of_window},    {'b', t->hole_bytes}, {'o', t->overlaps},
                     {'x', t->overlap_conflicts}};
        bool begun = false;

        for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++) {
            if (!terms[i].value)
                continue;
            if (!begun)
                buf_add_str(text, from ? (text->len ? " s:" : "s:") : "c:");
            begun = true;
            buf_printf(text, "%c%ju", terms[i].name, (uintmax_t)terms[i].value);
        }
    }
    buf_add_char(text, '\0');
}

static void say_lots(struct buf *text, const struct dialog *dialog)
{
    size_t count;
    const struct packet_lot *lots = dialog_lots(dialog, &count);

    for (size_t i = 0; i < count; i++)
        buf_printf(text, "%s%c%ju%s", i ? " " : "", lots[i].from ? 's' : 'c',
                   (uintmax_t)lots[i].payload_bytes, lots[i].late ? "!" : "");
    buf_add_char(text, '\0');
}

static void expect_same(const struct row *row, uint32_t isn, const char *what, const char *got,
                        const char *want)
{
    if (strcmp(got, want) != 0)
        fail_msg("%s (first number %u), %s: \"%s\" is not \"%s\"", row->name, isn, what, got, want);
}

static void run_row(const struct row *row, struct run *run, uint32_t isn, bool is_tcp)
{
    struct dialog_conf conf = {.keep_lots = true,
                               .is_tcp = is_tcp,
                               .budget = &run->budget,
                               .output = {on_data, on_hole, run}};
    char *script = strdup(row->script), *save = NULL;
    struct buf books = {0}, lots = {0};
    const struct stream_tally *tally;

    *run = (struct run){.budget = {.max_bytes = 1 << 20, .max_session_bytes = 1 << 20},
                        .isn = isn,
                        .last_from = -1};
    memset(run->fill, '.', sizeof(run->fill));
    run->dialog = dialog_new(&conf);
    for (char *step = strtok_r(script, ";", &save); step; step = strtok_r(NULL, ";", &save)) {
        run_step(run, step, is_tcp);
        run->over |= dialog_is_over(run->dialog);
    }
    dialog_finish(run->dialog, NULL);
    buf_add(&run->text, "|", 2);
    expect_same(row, isn, "output", run->text.data, row->output);
    tally = dialog_tally(run->dialog);
    say_books(&books, tally);
    expect_same(row, isn, "books", books.data, row->books);
    for (int from = 0; from < 2; from++)
        assert_int_equal(tally[from].delivered + tally[from].duplicate + tally[from].cut +
                             tally[from].dropped + tally[from].out_of_window,
                         run->wire_bytes[from]);
    say_lots(&lots, run->dialog);
    expect_same(row, isn, "lots", lots.data, row->lots);
    dialog_free(run->dialog);
    assert_int_equal(run->budget.used_bytes, 0);
    buf_fini(&run->text);
    buf_fini(&books);
    buf_fini(&lots);
    free(script);
}

#define WRAP_BYTES 20 /* longer than the small streams of the rows */

static void every_row_wrapped_at_every_place(void **state)
{
    struct run *run = malloc(sizeof(*run));

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        run_row(&rows[i], run, 0, true);
        run_row(&rows[i], run, 1, true);
        for (uint32_t back = 0; back <= WRAP_BYTES; back++) {
            run_row(&rows[i], run, 0x7fffffff - back, true);
            run_row(&rows[i], run, 0xffffffff - back, true);
            run_row(&rows[i], run, 0u - 0x12345678u - back, true); /* the server's wrap */
        }
    }
    free(run);
}

static void datagrams(void **state)
{
    static const struct row udp[] = {
        {"as they come", "c 0 query; s 0 answer; c 0 query", "c:query s:answer c:query|",
         "c:d10 s:d6", "c5 s6 c5"},
        {"cut", "c 0 ab~3; c 0 cd~1", "c:ab[3]cd|", "c:d4t4", "c4"},
        {"flags mean nothing", "c 0 ab FIN; c 0 cd RST; c 0 -; c 0 ef", "c:abcdef|", "c:d6", "c6"},
    };
    struct run *run = malloc(sizeof(*run));

    (void)state;
    for (size_t i = 0; i < sizeof(udp) / sizeof(udp[0]); i++)
        run_row(&udp[i], run, 0, false);
    free(run);
}

struct over_row {
    const char *name;
    const char *script;
    int over; /* after this step, from 1; 0: never */
};

/* Nothing is told after it: run.over is looked at where bytes and holes are taken. */
static void over_when_both_have_ended(void **state)
{
    static const struct over_row over_rows[] = {
        {"both ended", "begin c 0; begin s 0; c 0 ab FIN; s 0 cd; s 2 - FIN; c 0 ab", 5},
        {"one has not", "begin c 0; begin s 0; c 0 ab FIN; s 0 cd; s 0 cd", 0},
        {"bytes are missing before the end", "begin c 0; begin s 0; c 2 - FIN; s 0 - FIN; c 0 ab",
         5},
        {"no beginning known", "c 0 a FIN; s 0 b FIN", 2},
        {"no beginning known, and no bytes", "c 0 - FIN; s 0 - FIN; c -1 a", 0},
        {"more comes", "begin c 0; begin s 0; c 0 a FIN; s 0 b FIN; c 1 xyz; s 0 bcd FIN", 4},
        {"cut at the end", "begin c 0; begin s 0; c 0 ab~3 FIN; s 0 - FIN; c 0 abcde", 4},
        {"reset", "begin c 0; begin s 0; c 0 a FIN; s 0 b RST; s 0 b", 0},
    };
    struct run *run = malloc(sizeof(*run));

    (void)state;
    for (size_t i = 0; i < sizeof(over_rows) / sizeof(over_rows[0]); i++) {
        struct dialog_conf conf = {
            .is_tcp = true, .budget = &run->budget, .output = {on_data, on_hole, run}};
        char *script = strdup(over_rows[i].script), *save = NULL;
        int number = 0, over = 0;

        *run = (struct run){.budget = {.max_bytes = 1 << 20, .max_session_bytes = 1 << 20},
                            .last_from = -1};
        run->dialog = dialog_new(&conf);
        for (char *step = strtok_r(script, ";", &save); step; step = strtok_r(NULL, ";", &save)) {
            run_step(run, step, true);
            number++;
            run->over = dialog_is_over(run->dialog);
            if (run->over && !over)
                over = number;
            assert_int_equal(run->over, over > 0);
        }
        if (over != over_rows[i].over)
            fail_msg("%s: over after step %d", over_rows[i].name, over);
        dialog_finish(run->dialog, NULL);
        dialog_free(run->dialog);
        buf_fini(&run->text);
        free(script);
    }
    free(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_wrapped_at_every_place),
        cmocka_unit_test(over_when_both_have_ended),
        cmocka_unit_test(datagrams),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
