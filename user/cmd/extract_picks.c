/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/extract.h"
#include "source/capfile/linktype.h"

#define PICKS_AT_ONCE   256
#define DATAGRAM_PIECES 64   /* of one datagram that are remembered */
#define DATAGRAMS       4096 /* that wait at once; a new one takes the place of the oldest */
#define DATAGRAM_AGE_NS 30000000000ull

int picks_add(struct picks *picks, uint64_t number, uint32_t stream)
{
    size_t cap = picks->cap ? picks->cap * 2 : PICKS_AT_ONCE;

    if (picks->count == picks->cap) {
        struct pick *items = realloc(picks->items, cap * sizeof(*items));

        if (!items)
            return -ENOMEM;
        picks->items = items;
        picks->cap = cap;
    }
    picks->items[picks->count++] = (struct pick){number, stream};
    return 0;
}

void picks_fini(struct picks *picks)
{
    free(picks->items);
    *picks = (struct picks){0};
}

static int by_number(const void *left, const void *right)
{
    const struct pick *a = left, *b = right;

    return a->number < b->number ? -1 : a->number > b->number;
}

void picks_sort(struct picks *picks)
{
    size_t kept = 0;

    if (!picks->count)
        return;
    qsort(picks->items, picks->count, sizeof(*picks->items), by_number);
    for (size_t i = 1; i < picks->count; i++)
        if (picks->items[i].number != picks->items[kept].number)
            picks->items[++kept] = picks->items[i];
    picks->count = kept + 1;
}

/* ---- fragments ----------------------------------------------------------------------------------- */

/* The frames that an IP datagram came in so far. */
struct datagram {
    struct flow_key key; /* addresses, version and protocol only */
    uint32_t id;
    uint32_t count;
    uint64_t first_ns;
    uint64_t numbers[DATAGRAM_PIECES];
};

struct datagrams {
    struct datagram *slots;
    size_t next;
};

static bool is_same(const struct datagram *datagram, const struct packet *pkt, uint64_t time_ns)
{
    return datagram->count && datagram->id == pkt->frag_id &&
           !memcmp(datagram->key.addr, pkt->key.addr, sizeof(pkt->key.addr)) &&
           time_ns - datagram->first_ns <= DATAGRAM_AGE_NS;
}

/* The datagram of a fragment, which may be new. */
static struct datagram *datagram_of(struct datagrams *all, const struct packet *pkt,
                                    uint64_t time_ns)
{
    struct datagram *datagram;

    for (size_t i = 0; i < DATAGRAMS; i++)
        if (is_same(&all->slots[i], pkt, time_ns))
            return &all->slots[i];
    datagram = &all->slots[all->next];
    all->next = (all->next + 1) % DATAGRAMS;
    *datagram = (struct datagram){.key = pkt->key, .id = pkt->frag_id, .first_ns = time_ns};
    return datagram;
}

static int add_pieces(struct picks *picks, struct datagram *datagram, uint32_t stream)
{
    int err = 0;

    for (uint32_t i = 0; i < datagram->count && !err; i++)
        err = picks_add(picks, datagram->numbers[i], stream);
    datagram->count = 0;
    return err;
}

/* picked: the frame's pick, NULL when it is none. */
static int take_frame(struct picks *more, struct datagrams *all, const struct frame *frame,
                      const struct pick *picked)
{
    struct packet_cursor cur = {frame->data, frame->data, frame->data + frame->cap_len};
    struct packet pkt = {0};
    struct datagram *datagram;

    linktype_parse(frame->linktype, &pkt, &cur, frame->wire_len);
    if (!pkt.is_fragment)
        return 0;
    datagram = datagram_of(all, &pkt, frame->time_ns);
    if (picked)
        return add_pieces(more, datagram, picked->stream);
    if (datagram->count < DATAGRAM_PIECES)
        datagram->numbers[datagram->count++] = frame->number;
    return 0;
}

static int find_pieces(struct picks *more, const struct picks *picks, struct capfile *capfile)
{
    struct datagrams all = {.slots = calloc(DATAGRAMS, sizeof(*all.slots))};
    struct frame frame;
    int err = all.slots ? 0 : -ENOMEM;

    for (size_t i = 0; !err && i < picks->count && capfile_next(capfile, &frame) == 1;) {
        bool is_picked = picks->items[i].number == frame.number;

        err = take_frame(more, &all, &frame, is_picked ? &picks->items[i] : NULL);
        i += is_picked;
    }
    free(all.slots);
    return err;
}

int picks_add_fragments(struct picks *picks, const struct capfile_conf *input)
{
    struct capfile *capfile = capfile_open(input);
    struct picks more = {0};
    int err;

    if (!capfile)
        return -errno;
    picks_sort(picks);
    err = find_pieces(&more, picks, capfile);
    for (size_t i = 0; i < more.count && !err; i++)
        err = picks_add(picks, more.items[i].number, more.items[i].stream);
    capfile_close(capfile);
    picks_fini(&more);
    return err;
}
