/* SPDX-License-Identifier: Apache-2.0 */
#include "session/journal.h"

/* Kills come between stores: the compiler must leave them in order. */
static void store(__u64 *where, uint64_t value)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    *(volatile __u64 *)where = value;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static void count_line(struct pin_totals *totals, const struct pin_line *line)
{
    totals->sessions++;
    totals->skbs += line->skbs;
    totals->pkts += line->pkts;
    totals->payload_lost_bytes += line->payload_lost_bytes;
    totals->sessions_with_loss += line->payload_lost_bytes > 0;
}

/*
 * Forget first, as often as it takes; then, by one store, the new sums are the present ones and the batch is over.
 */
static void settle(struct journal *journal, uint64_t size_bytes, journal_forget *forget, void *ctx)
{
    struct pin_state *state = journal->state;
    struct pin_totals *next = &state->totals[(state->batch + 1) & 1];

    *next = state->totals[state->batch & 1];
    for (uint32_t i = 0; i < journal->count; i++) {
        const struct pin_line *line = &state->lines[i];

        if (line->end_bytes > size_bytes)
            continue;
        forget(ctx, line);
        count_line(next, line);
    }
    store(&state->batch, state->batch + 1);
    journal->count = 0;
}

uint32_t journal_open(struct journal *journal, struct pin_state *state, uint64_t size_bytes,
                      bool same_file, journal_forget *forget, void *ctx)
{
    uint32_t unknown = 0;

    *journal = (struct journal){.state = state};
    while (journal->count < PIN_LINES && state->lines[journal->count].batch == state->batch) {
        unknown += !same_file && state->lines[journal->count].end_bytes;
        journal->count++;
    }
    settle(journal, same_file ? size_bytes : 0, forget, ctx);
    return unknown;
}

void journal_add(struct journal *journal, const struct pin_line *line)
{
    struct pin_line *slot = &journal->state->lines[journal->count++];

    slot->flow_id = line->flow_id;
    slot->end_bytes = line->end_bytes;
    slot->skbs = line->skbs;
    slot->pkts = line->pkts;
    slot->payload_lost_bytes = line->payload_lost_bytes;
    slot->note = line->note;
    slot->noted = line->noted;
    store(&slot->batch, journal->state->batch);
}

bool journal_is_full(const struct journal *journal)
{
    return journal->count >= PIN_LINES;
}

void journal_commit(struct journal *journal, journal_forget *forget, void *ctx)
{
    if (journal->count)
        settle(journal, UINT64_MAX, forget, ctx);
}

const struct pin_totals *journal_totals(const struct journal *journal)
{
    return &journal->state->totals[journal->state->batch & 1];
}
