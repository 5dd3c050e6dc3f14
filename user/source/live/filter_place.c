/* SPDX-License-Identifier: Apache-2.0 */
#include "source/live/filter_place.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SECTIONS 2

/* The kernel's records on a program's functions and lines; the kernel may append to both. */
struct info {
    uint8_t *data;
    size_t size; /* of a record */
    size_t count;
};

struct filter_places {
    const struct filter_place *places;
    size_t count;
    const struct bpf_object *object;
    int handlers[SECTIONS];
    /* of the program being loaded */
    struct info functions;
    struct info lines;
};

/* A program's instructions while they are changed. */
struct text {
    struct bpf_insn *insns;
    size_t count;
};

/* ---- records that begin with an instruction's number ------------------------------------------------ */

static int info_copy(struct info *info, const void *data, size_t size, size_t count)
{
    free(info->data);
    *info = (struct info){.size = size, .count = count};
    if (!count)
        return 0;
    info->data = malloc(size * count);
    if (!info->data)
        return -ENOMEM;
    memcpy(info->data, data, size * count);
    return 0;
}

static uint32_t info_insn(const struct info *info, size_t i)
{
    uint32_t insn;

    memcpy(&insn, info->data + i * info->size, sizeof(insn));
    return insn;
}

/* Instructions [begin, end) became others, longer by grown: forget all but the first's, move what follows. */
static void info_splice(struct info *info, size_t begin, size_t end, ptrdiff_t grown)
{
    size_t kept = 0;

    for (size_t i = 0; i < info->count; i++) {
        uint32_t insn = info_insn(info, i);

        if (insn > begin && insn < end)
            continue;
        memmove(info->data + kept * info->size, info->data + i * info->size, info->size);
        if (insn >= end) {
            insn = (uint32_t)((ptrdiff_t)insn + grown);
            memcpy(info->data + kept * info->size, &insn, sizeof(insn));
        }
        kept++;
    }
    info->count = kept;
}

/* Where a function of the program begins and ends. 0, or -ENOENT. */
static int find_function(const struct filter_places *all, const char *name, size_t text_count,
                         size_t *begin, size_t *end)
{
    const struct btf *btf = bpf_object__btf(all->object);

    for (size_t i = 0; i < all->functions.count; i++) {
        struct bpf_func_info info;
        const struct btf_type *type;

        memcpy(&info, all->functions.data + i * all->functions.size, sizeof(info));
        type = btf__type_by_id(btf, info.type_id);
        if (!type || strcmp(btf__name_by_offset(btf, type->name_off), name) != 0)
            continue;
        *begin = info.insn_off;
        *end = i + 1 < all->functions.count ? info_insn(&all->functions, i + 1) : text_count;
        return 0;
    }
    return -ENOENT;
}

/* ---- instructions -------------------------------------------------------------------------------- */

static bool refers_to_function(const struct bpf_insn *insn)
{
    if (insn->code == (BPF_JMP | BPF_CALL))
        return insn->src_reg == BPF_PSEUDO_CALL;
    return insn->code == (BPF_LD | BPF_DW | BPF_IMM) && insn->src_reg == BPF_PSEUDO_FUNC;
}

/* Calls are relative: those from one side of the change to the other get longer. */
static void move_calls(struct text *text, size_t begin, size_t end, ptrdiff_t grown)
{
    for (size_t i = 0; i < text->count; i++) {
        struct bpf_insn *insn = &text->insns[i];
        ptrdiff_t target = (ptrdiff_t)i + insn->imm + 1;
        bool from_behind = i >= end, to_behind = target >= (ptrdiff_t)end;

        if ((i >= begin && i < end) || !refers_to_function(insn) || from_behind == to_behind)
            continue;
        insn->imm += (int32_t)(to_behind ? grown : -grown);
    }
}

static int splice(struct text *text, size_t begin, size_t end, const struct filter_insns *filter)
{
    size_t count = text->count - (end - begin) + filter->count;
    struct bpf_insn *insns = calloc(count, sizeof(*insns));

    if (!insns)
        return -ENOMEM;
    move_calls(text, begin, end, (ptrdiff_t)filter->count - (ptrdiff_t)(end - begin));
    memcpy(insns, text->insns, begin * sizeof(*insns));
    memcpy(insns + begin, filter->insns, filter->count * sizeof(*insns));
    memcpy(insns + begin + filter->count, text->insns + end, (text->count - end) * sizeof(*insns));
    free(text->insns);
    text->insns = insns;
    text->count = count;
    return 0;
}

/* The filter's calls are all to the function that loads for it. */
static void set_calls(struct bpf_insn *insns, size_t begin, size_t count, size_t target)
{
    for (size_t i = begin; i < begin + count; i++)
        if (insns[i].code == (BPF_JMP | BPF_CALL))
            insns[i].imm = (int32_t)((ptrdiff_t)target - (ptrdiff_t)i - 1);
}

static int put_in_place(struct filter_places *all, const struct filter_place *place,
                        enum filter_context context, struct text *text)
{
    const char *name = context == FILTER_XDP ? place->xdp_function : place->skb_function;
    const char *load = context == FILTER_XDP ? "filter_load_xdp" : "filter_load_skb";
    struct filter_insns filter;
    size_t begin, end, load_begin, load_end;
    int err = find_function(all, name, text->count, &begin, &end);

    if (err == -ENOENT || !place->count)
        return 0; /* this program calls no filter */
    err = filter_translate(place->filters, place->count, context, &filter);
    if (err)
        return err;
    err = splice(text, begin, end, &filter);
    if (!err) {
        ptrdiff_t grown = (ptrdiff_t)filter.count - (ptrdiff_t)(end - begin);

        info_splice(&all->functions, begin, end, grown);
        info_splice(&all->lines, begin, end, grown);
        err = find_function(all, load, text->count, &load_begin, &load_end);
    }
    if (!err)
        set_calls(text->insns, begin, filter.count, load_begin);
    free(filter.insns);
    return err;
}

/* ---- libbpf's side ------------------------------------------------------------------------------- */

static int text_copy(struct text *text, const struct bpf_program *prog)
{
    text->count = bpf_program__insn_cnt(prog);
    text->insns = calloc(text->count, sizeof(*text->insns));
    if (!text->insns)
        return -ENOMEM;
    memcpy(text->insns, bpf_program__insns(prog), text->count * sizeof(*text->insns));
    return 0;
}

static int before_load(struct bpf_program *prog, struct bpf_prog_load_opts *opts, long cookie)
{
    struct filter_places *all = (struct filter_places *)cookie;
    bool xdp = bpf_program__type(prog) == BPF_PROG_TYPE_XDP;
    struct text text = {0};
    int err = text_copy(&text, prog);

    if (xdp)
        opts->prog_flags |= BPF_F_XDP_HAS_FRAGS;
    if (!err)
        err = info_copy(&all->functions, opts->func_info, opts->func_info_rec_size,
                        opts->func_info_cnt);
    if (!err)
        err =
            info_copy(&all->lines, opts->line_info, opts->line_info_rec_size, opts->line_info_cnt);
    for (size_t i = 0; !err && i < all->count; i++)
        err = put_in_place(all, &all->places[i], xdp ? FILTER_XDP : FILTER_SKB, &text);
    if (!err)
        err = bpf_program__set_insns(prog, text.insns, text.count);
    free(text.insns);
    opts->func_info = all->functions.data;
    opts->func_info_cnt = (uint32_t)all->functions.count;
    opts->line_info = all->lines.data;
    opts->line_info_cnt = (uint32_t)all->lines.count;
    return err;
}

/*
 * A handler that stays, for a section that no object has: libbpf before 1.3 frees its table twice when it
 * became empty and is used again.
 */
static int keep_table(void)
{
    return libbpf_register_prog_handler("sesstap/none", BPF_PROG_TYPE_UNSPEC, 0, NULL);
}

struct filter_places *filter_places_begin(const struct filter_place *places, size_t count)
{
    struct filter_places *all = calloc(1, sizeof(*all));
    LIBBPF_OPTS(libbpf_prog_handler_opts, opts, .cookie = (long)all,
                .prog_prepare_load_fn = before_load);

    if (!all || keep_table() < 0) {
        free(all);
        errno = ENOMEM;
        return NULL;
    }
    all->places = places;
    all->count = count;
    all->handlers[0] = libbpf_register_prog_handler("tc", BPF_PROG_TYPE_SCHED_CLS, 0, &opts);
    all->handlers[1] = libbpf_register_prog_handler("xdp.frags", BPF_PROG_TYPE_XDP, BPF_XDP, &opts);
    for (int i = 0; i < SECTIONS; i++) {
        if (all->handlers[i] < 0) {
            int err = all->handlers[i];

            filter_places_end(all);
            errno = -err;
            return NULL;
        }
    }
    return all;
}

void filter_places_set_object(struct filter_places *all, const struct bpf_object *object)
{
    all->object = object;
}

void filter_places_end(struct filter_places *all)
{
    if (!all)
        return;
    for (int i = 0; i < SECTIONS; i++)
        if (all->handlers[i] > 0)
            libbpf_unregister_prog_handler(all->handlers[i]);
    free(all->functions.data);
    free(all->lines.data);
    free(all);
}
