/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reassembly against a model that keeps one entry a byte: random pieces, order, copies, losses, cuts and
 * contradicting content, by every overlap policy; then the same with little memory and random
 * acknowledgments, where the books must still add up and no byte be wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "stream/dialog.h"
#include "wire.h"

#define STREAM_BYTES 600
#define SEGMENTS_MAX 400
#define ROUNDS       4000

/* What one byte of the stream is known as. */
struct place {
    uint8_t state; /* 0 nothing, 1 byte, 2 cut off */
    uint8_t byte;
    uint32_t owner; /* segment */
};

struct model {
    struct place place[STREAM_BYTES];
    uint32_t next;
    uint64_t duplicate;
    uint64_t conflicts;
};

struct sent {
    uint32_t begin, end, cap_end;
    uint8_t data[STREAM_BYTES];
};

/* The rules of dialog.h once more, for whole segments a and b. */
static bool model_new_wins(enum overlap_policy policy, const struct sent *new,
                           const struct sent *old)
{
    bool before = new->begin < old->begin, with = new->begin == old->begin;

    switch (policy) {
    case OVERLAP_FIRST:
        return false;
    case OVERLAP_LAST:
        return true;
    case OVERLAP_BSD:
    case OVERLAP_WINDOWS:
        return before;
    case OVERLAP_LINUX:
        return before || (with && new->end > old->end);
    default:
        if (before || with)
            return new->end >= old->end;
        return new->end > old->end;
    }
}

static void model_put(struct model *model, enum overlap_policy policy, const struct sent *all,
                      uint32_t index)
{
    const struct sent *sent = &all[index];

    for (uint32_t at = sent->begin; at < sent->end; at++) {
        struct place *place = &model->place[at];
        bool captured = at < sent->cap_end;
        uint8_t byte = sent->data[at - sent->begin];

        if (at < model->next) {
            model->duplicate++;
        } else if (!place->state) {
            *place = (struct place){captured ? 1 : 2, byte, index};
        } else {
            model->duplicate++;
            if (place->state != 1 || !captured)
                continue;
            model->conflicts += place->byte != byte;
            if (model_new_wins(policy, sent, &all[place->owner]))
                *place = (struct place){1, byte, index};
        }
    }
    while (model->next < STREAM_BYTES && model->place[model->next].state)
        model->next++;
}

struct got {
    uint8_t state[STREAM_BYTES + 64]; /* 0 not told, 1 data, 2 hole */
    uint8_t byte[STREAM_BYTES + 64];
    uint64_t position;
};

static void on_data(void *ctx, unsigned int from, uint64_t offset, const uint8_t *data, size_t len,
                    const struct segment *seg)
{
    struct got *got = (struct got *)ctx + from;

    assert_int_equal(offset, got->position);
    assert_true(offset + len <= sizeof(got->byte));
    assert_true(seg->time_ns > 0);
    memset(got->state + offset, 1, len);
    memcpy(got->byte + offset, data, len);
    got->position += len;
}

static void on_hole(void *ctx, unsigned int from, uint64_t offset, uint64_t length)
{
    struct got *got = (struct got *)ctx + from;

    assert_int_equal(offset, got->position);
    assert_true(offset + length <= sizeof(got->byte));
    memset(got->state + offset, 2, length);
    got->position += length;
}

/* The stream's true bytes, now and then contradicted. */
static void make_segment(struct sent *sent, uint64_t *seed, bool lies, bool cuts, uint32_t max_len)
{
    uint32_t len = 1 + random_below(seed, max_len);

    sent->begin = random_below(seed, STREAM_BYTES);
    sent->end = sent->begin + len < STREAM_BYTES ? sent->begin + len : STREAM_BYTES;
    sent->cap_end = sent->end;
    if (cuts && random_below(seed, 4) == 0)
        sent->cap_end = sent->begin + random_below(seed, sent->end - sent->begin + 1);
    for (uint32_t at = sent->begin; at < sent->end; at++)
        sent->data[at - sent->begin] = (uint8_t)(at * 31 + at / 256);
    if (lies && random_below(seed, 3) == 0)
        for (uint32_t at = 0; at < sent->end - sent->begin; at += 1 + random_below(seed, 5))
            sent->data[at] = (uint8_t)random_below(seed, 256);
}

static void send_segment(struct dialog *dialog, const struct sent *sent, uint32_t isn,
                         unsigned int from, uint64_t now)
{
    struct segment seg = {.seq = isn + sent->begin,
                          .wire_len = sent->end - sent->begin,
                          .cap_len = sent->cap_end - sent->begin,
                          .time_ns = now,
                          .pkt_index = now,
                          .pkts = 1,
                          .from = (uint8_t)from};
    uint8_t *copy = malloc(seg.cap_len ? seg.cap_len : 1);

    memcpy(copy, sent->data, seg.cap_len);
    seg.data = copy;
    dialog_segment(dialog, &seg);
    free(copy);
}

static void expect_model(const struct model *model, const struct got *got,
                         const struct stream_tally *tally, uint64_t round)
{
    uint64_t delivered = 0, cut = 0;
    uint32_t last = 0;

    for (uint32_t at = 0; at < STREAM_BYTES; at++) {
        delivered += model->place[at].state == 1;
        cut += model->place[at].state == 2;
        if (model->place[at].state == 1)
            last = at + 1;
    }
    for (uint32_t at = 0; at < last; at++) {
        uint8_t want = model->place[at].state == 1 ? 1 : 2;

        if (got->state[at] != want || (want == 1 && got->byte[at] != model->place[at].byte))
            fail_msg("round %ju, offset %u: state %d byte %d, not %d %d", (uintmax_t)round, at,
                     got->state[at], got->byte[at], want, model->place[at].byte);
    }
    for (uint32_t at = last; at < STREAM_BYTES; at++)
        assert_int_not_equal(got->state[at], 1);
    assert_int_equal(tally->delivered, delivered);
    assert_int_equal(tally->cut, cut);
    assert_int_equal(tally->duplicate, model->duplicate);
    assert_int_equal(tally->overlap_conflicts, model->conflicts);
    assert_int_equal(tally->dropped, 0);
    assert_int_equal(tally->recovered, 0);
}

static void same_as_a_model_byte_by_byte(void **state)
{
    static struct sent sent[SEGMENTS_MAX];
    uint64_t seed = 20260101, conflicts = 0;

    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        enum overlap_policy policy = (enum overlap_policy)(round % OVERLAP_POLICIES);
        static struct model model;
        static struct got got[2];
        struct dialog_budget budget = {.max_bytes = 1 << 24, .max_session_bytes = 1 << 24};
        struct dialog_conf conf = {
            .policy = policy, .is_tcp = true, .budget = &budget, .output = {on_data, on_hole, got}};
        struct dialog *dialog = dialog_new(&conf);
        uint32_t count = 1 + random_below(&seed, 120), isn = random_below(&seed, 3000) - 1500;
        uint32_t max_len = 1 + random_below(&seed, 60);

        memset(&model, 0, sizeof(model));
        memset(got, 0, sizeof(got));
        dialog_begin(dialog, 0, isn);
        for (uint32_t i = 0; i < count; i++) {
            make_segment(&sent[i], &seed, round & 8, round & 16, max_len);
            if (random_below(&seed, 3) == 0 && !(round & 8) && i) /* exact repeat */
                sent[i] = sent[random_below(&seed, i)];
            model_put(&model, policy, sent, i);
            send_segment(dialog, &sent[i], isn, 0, i + 1);
            assert_int_equal(got[0].position <= model.next, 1);
        }
        dialog_finish(dialog, NULL);
        expect_model(&model, &got[0], dialog_tally(dialog), round);
        conflicts += model.conflicts;
        dialog_free(dialog);
        assert_int_equal(budget.used_bytes, 0);
    }
    assert_true(conflicts > 10000); /* or the rounds say nothing */
}

/* One byte in two directions of several dialogs is enough to run out of memory here. */
static void little_memory_breaks_no_sum(void **state)
{
    enum { DIALOGS = 3 };
    static struct sent sent;
    static struct got got[DIALOGS][2];
    uint64_t seed = 7, dropped = 0, relieved = 0;

    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct dialog_budget budget = {.max_bytes = 500 + random_below(&seed, 4000),
                                       .max_session_bytes = 300 + random_below(&seed, 3000)};
        struct dialog *dialogs[DIALOGS];
        uint64_t wire[DIALOGS][2] = {{0}};
        uint32_t isn = random_below(&seed, 3000) - 1500;

        memset(got, 0, sizeof(got));
        for (int d = 0; d < DIALOGS; d++) {
            struct dialog_conf conf = {.policy = (enum overlap_policy)(round % OVERLAP_POLICIES),
                                       .is_tcp = true,
                                       .keep_lots = true,
                                       .budget = &budget,
                                       .output = {on_data, on_hole, got[d]}};
            dialogs[d] = dialog_new(&conf);
            dialog_begin(dialogs[d], 0, isn);
            if (round & 2)
                dialog_begin(dialogs[d], 1, isn);
        }
        for (uint32_t i = 1; i < SEGMENTS_MAX; i++) {
            int d = (int)random_below(&seed, DIALOGS);
            unsigned int from = random_below(&seed, 2);

            make_segment(&sent, &seed, false, round & 4, 40);
            if (!(round & 2) && from && wire[d][1] == 0)
                sent.begin = 0, sent.end = sent.cap_end = 10; /* the origin, when none is told */
            wire[d][from] += sent.end - sent.begin;
            for (uint32_t at = 0; at < sent.end - sent.begin; at++)
                sent.data[at] = (uint8_t)((sent.begin + at) * 31 + (sent.begin + at) / 256);
            send_segment(dialogs[d], &sent, isn, from, i * 100000000u);
            if (random_below(&seed, 8) == 0)
                dialog_ack(dialogs[d], random_below(&seed, 2),
                           isn + random_below(&seed, STREAM_BYTES * 2), i * 100000000u);
            assert_true(budget.used_bytes <= budget.max_bytes);
        }
        for (int d = 0; d < DIALOGS; d++) {
            const struct stream_tally *tally = dialog_tally(dialogs[d]);

            dialog_finish(dialogs[d], NULL);
            for (int from = 0; from < 2; from++) {
                const struct stream_tally *t = &tally[from];
                uint64_t bytes = 0;

                assert_int_equal(t->delivered + t->duplicate + t->cut + t->dropped, wire[d][from]);
                assert_int_equal(t->overlap_conflicts, 0); /* also by history: nobody lied */
                for (uint32_t at = 0; at < STREAM_BYTES; at++) {
                    bytes += got[d][from].state[at] == 1;
                    if (got[d][from].state[at] == 1)
                        assert_int_equal(got[d][from].byte[at], (uint8_t)(at * 31 + at / 256));
                }
                assert_int_equal(t->delivered, bytes);
                dropped += t->dropped;
                relieved += t->holes;
            }
            dialog_free(dialogs[d]);
        }
        assert_int_equal(budget.used_bytes, 0);
    }
    assert_true(dropped > 10000);
    assert_true(relieved > 10000);
}

/* Any numbers, any flags, any old bytes. */
static void junk_breaks_no_sum(void **state)
{
    static uint8_t data[65536];
    uint64_t seed = 99;

    (void)state;
    for (uint64_t round = 0; round < ROUNDS / 4; round++) {
        struct dialog_budget budget = {.max_bytes = 1 << 17, .max_session_bytes = 1 << 16};
        struct dialog_conf conf = {.policy = (enum overlap_policy)(round % OVERLAP_POLICIES),
                                   .is_tcp = round % 5 != 0,
                                   .budget = &budget};
        struct dialog *dialog = dialog_new(&conf);
        const struct stream_tally *tally = dialog_tally(dialog);
        uint64_t wire[2] = {0};

        for (int i = 0; i < 300; i++) {
            uint32_t shift = random_below(&seed, 20), shape = random_below(&seed, 64);
            struct segment seg = {.seq = (uint32_t)(random_below(&seed, 1u << 31) << 1) >> shift,
                                  .wire_len = random_below(&seed, 1u << random_below(&seed, 17)),
                                  .data = data,
                                  .from = shape & 1,
                                  .pkts = 1,
                                  .time_ns = seed >> 32,
                                  .pkt_index = random_below(&seed, 1000)};

            seg.cap_len = shape & 2 ? seg.wire_len : random_below(&seed, 70000);
            if (seg.cap_len > sizeof(data))
                seg.cap_len = sizeof(data);
            seg.old_bytes = shape & 4 ? 0 : random_below(&seed, 70000);
            seg.tcp_flags = shape > 58 ? (uint8_t)random_below(&seed, 256) & ~TCP_SYN : TCP_ACK;
            wire[seg.from] += seg.wire_len;
            if (shape & 8)
                dialog_ack(dialog, seg.from, (uint32_t)(seed >> 20) >> shift, seg.time_ns);
            else if ((shape & 48) == 48)
                dialog_begin(dialog, seg.from, seg.seq - 5);
            dialog_segment(dialog, &seg);
            assert_true(budget.used_bytes <= budget.max_session_bytes);
        }
        dialog_finish(dialog, NULL);
        for (int from = 0; from < 2; from++) {
            assert_int_equal(tally[from].delivered + tally[from].duplicate + tally[from].cut +
                                 tally[from].dropped,
                             wire[from]);
            assert_true(tally[from].recovered <= tally[from].delivered);
        }
        dialog_free(dialog);
        assert_int_equal(budget.used_bytes, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_a_model_byte_by_byte),
        cmocka_unit_test(little_memory_breaks_no_sum),
        cmocka_unit_test(junk_breaks_no_sum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
