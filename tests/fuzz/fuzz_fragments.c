/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fragments of any place, length and order, against a model that keeps the first copy of each byte; and any
 * bytes as IP packets, for the books and the bound alone. Input: policy and mode, then the fragments.
 */
#include <stdlib.h>
#include <string.h>

#include "stream/fragments.h"

#define IDS          4
#define UNITS        64 /* the model's datagrams are this long at most, in 8 bytes */
#define STEP_BYTES   4
#define SMALL_BUDGET 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct model {
    uint8_t bytes[UNITS * 8 + 256 * 8];
    uint8_t have[UNITS * 8 + 256 * 8];
};

struct fuzz {
    struct fragments *fragments;
    struct model *model; /* NULL: books alone */
    uint64_t handed_out;
    uint64_t time_ns;
    size_t max_bytes;
};

static void check_books(const struct fuzz *fuzz)
{
    const struct fragment_counts *counts = fragments_counts(fuzz->fragments);

    if (counts->fragments != fuzz->handed_out + counts->waiting + counts->given_up ||
        fragments_used_bytes(fuzz->fragments) > fuzz->max_bytes)
        abort();
}

static int add(struct fuzz *fuzz, const uint8_t *ip, uint32_t len, struct reassembled *out)
{
    struct packet_cursor cur = {ip, ip, ip + len};
    struct packet pkt = {0};
    int n = 0;

    packet_parse_l3(&pkt, &cur, len && ip[0] >> 4 == 6 ? ETH_TYPE_IPV6 : ETH_TYPE_IPV4, 65535);
    if (pkt.is_fragment)
        n = fragments_add(fuzz->fragments, &pkt, ip, len, fuzz->time_ns, out);
    if (n == 1) {
        fuzz->handed_out += out->pkts;
        if (out->cap_len > out->wire_len || out->wire_len > 65535 + 40)
            abort();
    }
    check_books(fuzz);
    return n;
}

static void check_model(struct model *model, const struct reassembled *out)
{
    if (memcmp(out->data + 20, model->bytes, out->wire_len - 20) || out->cap_len != out->wire_len)
        abort();
    for (uint32_t i = 0; i < out->wire_len - 20; i++)
        if (!model->have[i])
            abort();
    memset(model, 0, sizeof(*model));
}

/* A step: offset, length (of which the last fragment's is odd), id and whether more follow, letter. */
static void step(struct fuzz *fuzz, const uint8_t *at)
{
    uint32_t begin = at[0] % UNITS * 8u, len = at[2] & 0x80 ? at[1] % 16 * 8u : at[1];
    struct model *model = fuzz->model ? &fuzz->model[at[2] % IDS] : NULL;
    struct reassembled out;
    uint8_t ip[20 + 256];
    int n;

    memcpy(ip, "\x45\0\0\0\0\0\0\0\x40\xfd\0\0\x0a\0\0\1\x0a\0\0\2", 20);
    ip[2] = (uint8_t)((20 + len) >> 8);
    ip[3] = (uint8_t)(20 + len);
    ip[5] = at[2] % IDS;
    ip[6] = (uint8_t)((at[2] & 0x80 ? 0x20 : 0) | begin >> 11);
    ip[7] = (uint8_t)(begin >> 3);
    memset(ip + 20, at[3], len);
    n = add(fuzz, ip, 20 + len, &out);
    if (!model || n < 0 || !(ip[6] | ip[7]))
        return;
    for (uint32_t i = begin; i < begin + len; i++) {
        if (!model->have[i])
            model->bytes[i] = at[3];
        model->have[i] = 1;
    }
    if (n == 1)
        check_model(model, &out);
}

static void add_raw(struct fuzz *fuzz, const uint8_t *data, size_t size)
{
    struct reassembled out;

    while (size >= 2) {
        uint32_t len = data[0] < size - 1 ? data[0] : (uint32_t)size - 1;
        uint8_t *ip = malloc(len ? len : 1);

        memcpy(ip, data + 1, len);
        fuzz->time_ns += data[len] * 100000000ull;
        add(fuzz, ip, len, &out);
        free(ip);
        data += 1 + len;
        size -= 1 + len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz fuzz = {.max_bytes = 1 << 24};
    enum overlap_policy policy;

    if (!size)
        return 0;
    policy = (enum overlap_policy)(data[0] % OVERLAP_POLICIES);
    if (policy == OVERLAP_FIRST && !(data[0] & 0x80))
        fuzz.model = calloc(IDS, sizeof(*fuzz.model));
    else
        fuzz.max_bytes = SMALL_BUDGET;
    fuzz.fragments = fragments_new(policy, fuzz.max_bytes);
    if (data[0] & 0x40)
        add_raw(&fuzz, data + 1, size - 1);
    else
        for (size_t i = 1; i + STEP_BYTES <= size; i += STEP_BYTES)
            step(&fuzz, data + i);
    fragments_finish(fuzz.fragments);
    check_books(&fuzz);
    if (fragments_used_bytes(fuzz.fragments))
        abort();
    fragments_free(fuzz.fragments);
    free(fuzz.model);
    return 0;
}
