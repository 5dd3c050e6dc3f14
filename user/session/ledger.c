/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The books of a session's payload. Each direction's wire bytes are split step by step; every step
 * takes at most what is left, so that the terms add up whatever the counters say.
 */
#include "session/session.h"

/* What one direction's payload became; the terms add up to its wire payload. */
struct split {
    uint64_t delivered;
    uint64_t beyond_depth;
    uint64_t lost;
    uint64_t retransmitted;
    uint64_t out_of_window;
};

/* Move up to want bytes out of *from; returns how many. */
static uint64_t take(uint64_t *from, uint64_t want)
{
    uint64_t n = want < *from ? want : *from;

    *from -= n;
    return n;
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* Samples: what stream/ says of them, and those it never got. */
static void split_samples(struct split *split, uint64_t sampled, const struct flow_quality *quality,
                          const struct stream_tally *tally)
{
    uint64_t old_left = quality->sampled_retransmit_bytes, duplicate;

    if (tally) {
        split->delivered = take(&sampled, tally->delivered);
        duplicate = take(&sampled, tally->duplicate);
        split->retransmitted += duplicate;
        split->beyond_depth += take(&sampled, tally->cut);
        split->lost += take(&sampled, tally->dropped);
        split->out_of_window = take(&sampled, tally->out_of_window);
        old_left = less(less(old_left, duplicate), tally->recovered);
    }
    split->retransmitted += take(&sampled, old_left);
    split->lost += sampled;
}

/*
 * Bytes that the tracker called old and that were delivered all the same: their first copy is not lost
 * or beyond the depth any more, it is the copy too many.
 */
static void split_recovered(struct split *split, uint64_t recovered)
{
    uint64_t moved;

    if (recovered > split->delivered)
        recovered = split->delivered;
    moved = take(&split->lost, recovered);
    moved += take(&split->beyond_depth, recovered - moved);
    split->retransmitted += moved;
}

static struct split split_direction(uint64_t wire_bytes, const struct flow_quality *quality,
                                    const struct stream_tally *tally)
{
    uint64_t unsampled = wire_bytes;
    uint64_t sampled = take(&unsampled, quality->sampled_bytes);
    uint64_t ring_lost = take(&unsampled, quality->lost_bytes);
    uint64_t unsampled_old =
        less(less(quality->retransmit_bytes, quality->sampled_retransmit_bytes),
             quality->lost_retransmit_bytes);
    struct split split = {0};

    split.retransmitted = take(&unsampled, unsampled_old);
    split.beyond_depth = unsampled;
    split.retransmitted += take(&ring_lost, quality->lost_retransmit_bytes);
    split.lost = ring_lost;
    split_samples(&split, sampled, quality, tally);
    if (tally)
        split_recovered(&split, tally->recovered);
    return split;
}

void ledger_balance(struct ledger *ledger, const struct flow *flow,
                    const struct stream_tally *tally)
{
    *ledger = (struct ledger){.midstream = !!(flow->bits & FLOW_MISSED_SYN)};
    for (unsigned int d = 0; d < 2; d++) {
        struct split split = split_direction(flow->dir[d].payload_bytes, &flow->quality[d],
                                             tally ? &tally[d] : NULL);

        ledger->delivered += split.delivered;
        ledger->beyond_depth += split.beyond_depth;
        ledger->lost += split.lost;
        ledger->retransmitted[d] = split.retransmitted;
        ledger->out_of_window[d] = split.out_of_window;
        ledger->samples_dropped += flow->quality[d].samples_dropped;
    }
    ledger->over_rate = flow->over_rate_bytes;
    if (ledger->over_rate > ledger->beyond_depth)
        ledger->over_rate = ledger->beyond_depth; /* some of it came again, and was read then */
    ledger->seen = ledger->delivered + ledger->beyond_depth + ledger->lost;
}
