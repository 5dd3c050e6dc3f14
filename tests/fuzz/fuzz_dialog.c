/* SPDX-License-Identifier: Apache-2.0 */
/* Segments in any order, size and overlap: every byte lands in one term of the books, and all memory comes back. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stream/dialog.h"
#include "wire.h"

#define HELD_BYTES    (256u << 10)
#define SESSION_BYTES (64u << 10)
#define PAYLOAD_BYTES 4096

/* What the output saw: offsets only grow, and data and holes are next to each other. */
struct seen {
    uint64_t at[2];
    uint64_t bytes[2];
};

static void on_data(void *ctx, unsigned int from, uint64_t offset, const uint8_t *data, size_t len,
                    const struct segment *seg)
{
    struct seen *seen = ctx;

    (void)seg;
    if (!len || offset < seen->at[from] || data[0] + data[len - 1] > 2 * UINT8_MAX)
        abort();
    seen->at[from] = offset + len;
    seen->bytes[from] += len;
}

static void on_hole(void *ctx, unsigned int from, uint64_t offset, uint64_t length)
{
    struct seen *seen = ctx;

    if (!length || offset < seen->at[from])
        abort();
    seen->at[from] = offset + length;
}

/* Twelve bytes of input make a segment; its payload is part of a pattern, shifted to make conflicts. */
static void feed(struct dialog *dialog, bool is_tcp, const uint8_t *in, uint64_t number,
                 uint64_t wire[2])
{
    static uint8_t pattern[PAYLOAD_BYTES + UINT8_MAX];
    struct segment seg = {
        .seq = 0xfffff000u + (uint32_t)(in[0] | in[1] << 8) + ((uint32_t)(in[2] & 3) << 30),
        .wire_len = (in[3] | in[4] << 8) % PAYLOAD_BYTES,
        .data = pattern + (in[5] & 1),
        .time_ns = number * 1000000ull * in[6],
        .pkt_index = number,
        .pkts = 1,
        .ip_id = in[7],
        .from = in[8] & 1,
        .tcp_flags = in[9],
        .stays = true, /* the pattern does */
        .doubted = is_tcp && in[8] & 8,
    };

    for (size_t i = 0; !pattern[1] && i < sizeof(pattern); i++)
        pattern[i] = (uint8_t)(i * 7 + 1);
    seg.cap_len = in[10] & 1 ? seg.wire_len : seg.wire_len * in[10] / UINT8_MAX;
    seg.old_bytes = in[11] & 1 ? 0 : seg.wire_len * in[11] / UINT8_MAX;
    if (in[8] & 2)
        dialog_begin(dialog, seg.from, seg.seq);
    dialog_segment(dialog, &seg);
    wire[seg.from] += seg.wire_len;
    if (in[8] & 4)
        dialog_ack(dialog, seg.from, seg.seq + seg.wire_len, seg.time_ns);
}

static void check(const struct dialog *dialog, const struct seen *seen, const uint64_t wire[2])
{
    const struct stream_tally *tally = dialog_tally(dialog);

    for (int from = 0; from < 2; from++) {
        if (tally[from].delivered + tally[from].duplicate + tally[from].cut + tally[from].dropped +
                    tally[from].out_of_window !=
                wire[from] ||
            tally[from].delivered != seen->bytes[from])
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dialog_budget budget = {.max_bytes = HELD_BYTES,
                                   .max_session_bytes = SESSION_BYTES,
                                   .history_max_bytes = data && size && data[0] & 0x80 ? 1024 : 0};
    struct seen seen = {{0, 0}, {0, 0}};
    struct dialog_conf conf = {
        .budget = &budget,
        .output = {on_data, on_hole, &seen},
    };
    uint64_t wire[2] = {0, 0};
    struct dialog *dialog;

    if (size < 1)
        return 0;
    conf.policy = data[0] % OVERLAP_POLICIES;
    conf.keep_lots = data[0] & 0x20;
    conf.is_tcp = !(data[0] & 0x40);
    dialog = dialog_new(&conf);
    if (!dialog)
        return 0;
    for (size_t at = 1; at + 12 <= size; at += 12) {
        feed(dialog, conf.is_tcp, data + at, at, wire);
        if (budget.used_bytes > HELD_BYTES)
            abort();
    }
    dialog_finish(dialog, NULL);
    check(dialog, &seen, wire);
    dialog_free(dialog);
    if (budget.used_bytes || budget.hole_list_bytes || budget.history_used_bytes)
        abort();
    return 0;
}
