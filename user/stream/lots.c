/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which the two sides spoke. */
#include <stdlib.h>

#include "stream/stream.h"

#define LOTS_MAX     (1u << 20) /* kept of one dialog: 48 MB */
#define LOTS_AT_ONCE 8

static struct packet_lot *lots_begin(struct dialog *dialog, unsigned int from)
{
    struct packet_lot *lots = dialog->lots;
    uint32_t cap = dialog->lot_cap;

    /* Once one could not be kept, those after it are not either. */
    if (!dialog->conf.keep_lots || dialog->lots_kept != dialog->lot_count)
        return NULL;
    if (dialog->lots_kept == cap) {
        cap = cap ? cap * 2 : LOTS_AT_ONCE;
        lots = cap > LOTS_MAX ? NULL : realloc(lots, cap * sizeof(*lots));
        if (!lots)
            return NULL;
        dialog->lots = lots;
        dialog->lot_cap = cap;
    }
    lots[dialog->lots_kept] = (struct packet_lot){.first_ns = UINT64_MAX, .from = (uint8_t)from};
    return &lots[dialog->lots_kept++];
}

void lots_add(struct dialog *dialog, unsigned int from, size_t len, const struct segment *seg)
{
    struct packet_lot *lot = NULL;

    if (!dialog->lot_count || dialog->last_from != from) {
        lot = lots_begin(dialog, from);
        dialog->lot_count++;
        dialog->last_from = (uint8_t)from;
    } else if (dialog->lots_kept == dialog->lot_count) {
        lot = &dialog->lots[dialog->lots_kept - 1];
    }
    if (!lot)
        return;
    if (seg->time_ns < lot->first_ns)
        lot->first_ns = seg->time_ns;
    if (seg->time_ns > lot->last_ns)
        lot->last_ns = seg->time_ns;
    lot->payload_bytes += len;
    lot->pkts += seg->pkts;
    if (seg->pkt_index < dialog->stream[!from].last_pkt_index)
        lot->late = true;
}
