/* SPDX-License-Identifier: Apache-2.0 */
#include "source/live/filters.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "source/capfile/linktype.h"
#include "source/capfile/pcap_filter.h"

static void pair_fini(struct filter_pair *pair)
{
    free((void *)pair->eth.insns);
    free((void *)pair->raw.insns);
    *pair = (struct filter_pair){0};
}

static int compile(struct filter_code *code, const char *text, uint16_t linktype, struct buf *error)
{
    struct sock_filter *insns = NULL;
    int err = pcap_filter_compile(text, linktype, &insns, &code->count, error);

    code->insns = insns;
    if (err)
        *code = (struct filter_code){0};
    return err;
}

/* A filter that raw IP can't have (`ether host`) passes nothing there, as with captures of that link type. */
static int pair_init(struct filter_pair *pair, const char *text, struct buf *error)
{
    struct buf unused = {0};
    int err;

    *pair = (struct filter_pair){0};
    err = compile(&pair->eth, text, LINKTYPE_ETHERNET, error);
    if (!err)
        compile(&pair->raw, text, LINKTYPE_RAW, &unused);
    buf_fini(&unused);
    return err;
}

/* Whether eBPF's jumps reach across these, the last of which is text. */
static int check_size(const struct filter_pair *pairs, size_t count, const char *text,
                      struct buf *error)
{
    struct filter_insns tried = {0};
    int err = filter_translate(pairs, count, FILTER_SKB, &tried);

    free(tried.insns);
    if (err == -EINVAL) /* libpcap's own programs are else what the kernel takes */
        buf_printf(error, "filter '%s': it goes in a loop (protochain), and the kernel has none",
                   text);
    else if (err)
        buf_printf(error, "filter '%s': too long for the kernel (%zu instructions)", text,
                   pairs[count - 1].eth.count);
    return err;
}

int live_filters_set_pass(struct live_filters *filters, const char *text, struct buf *error)
{
    struct filter_pair pair;
    int err = pair_init(&pair, text, error);

    if (!err)
        err = check_size(&pair, 1, text, error);
    if (err) {
        pair_fini(&pair);
        return err;
    }
    pair_fini(&filters->pass);
    filters->pass = pair;
    filters->pass_count = 1;
    return 0;
}

int live_filters_add_depth(struct live_filters *filters, const char *text, uint64_t depth_bytes,
                           struct buf *error)
{
    struct filter_pair *pair = &filters->depth[filters->depth_count];
    int err;

    if (filters->depth_count == DEPTH_CHOICES) {
        buf_printf(error, "filter '%s': no more than %d filters", text, DEPTH_CHOICES);
        return -ENOSPC;
    }
    err = pair_init(pair, text, error);
    if (!err)
        err = check_size(filters->depth, filters->depth_count + 1, text, error);
    if (err)
        pair_fini(pair);
    else
        filters->depth_bytes[filters->depth_count++] = depth_bytes;
    return err;
}

bool live_filters_want_payload(const struct live_filters *filters)
{
    for (size_t i = 0; i < filters->depth_count; i++)
        if (filters->depth_bytes[i])
            return true;
    return false;
}

void live_filters_drop_depth(struct live_filters *filters)
{
    for (size_t i = 0; i < filters->depth_count; i++)
        pair_fini(&filters->depth[i]);
    filters->depth_count = 0;
}

void live_filters_fini(struct live_filters *filters)
{
    pair_fini(&filters->pass);
    live_filters_drop_depth(filters);
    *filters = (struct live_filters){0};
}

static uint32_t depth_word(uint64_t depth_bytes)
{
    return depth_bytes < FLOW_DEPTH_ALL ? (uint32_t)depth_bytes : FLOW_DEPTH_ALL;
}

void live_filters_configure(const struct live_filters *filters, struct track_conf *conf)
{
    conf->filter = (uint32_t)filters->pass_count;
    conf->depth_filters = (uint32_t)filters->depth_count;
    conf->depth_choice[0] = depth_word(conf->depth_bytes);
    for (size_t i = 0; i < filters->depth_count; i++)
        conf->depth_choice[1 + i] = depth_word(filters->depth_bytes[i]);
}

const struct filter_place *live_filters_places(struct live_filters *filters, size_t *count)
{
    filters->places[0] =
        (struct filter_place){"filter_skb", "filter_xdp", &filters->pass, filters->pass_count};
    filters->places[1] = (struct filter_place){"depth_filter_skb", "depth_filter_xdp",
                                               filters->depth, filters->depth_count};
    *count = 2;
    return filters->places;
}
