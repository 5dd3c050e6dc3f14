/* SPDX-License-Identifier: Apache-2.0 */
#include "source/live/filter_emit.h"

#include <errno.h>
#include <stdlib.h>

#define NOT_PLACED UINT32_MAX

void emitter_fini(struct filter_emitter *emitter)
{
    free(emitter->insns);
    free(emitter->labels);
    free(emitter->jumps);
    *emitter = (struct filter_emitter){0};
}

/* Room for more elements of *array; -ENOMEM in err when there is none. */
static int grow(struct filter_emitter *emitter, void **array, size_t *room, size_t want,
                size_t element)
{
    size_t more = *room ? *room : 64;
    void *grown;

    if (emitter->err)
        return emitter->err;
    if (want <= *room)
        return 0;
    while (more < want)
        more *= 2;
    grown = realloc(*array, more * element);
    if (!grown)
        return emitter->err = -ENOMEM;
    *array = grown;
    *room = more;
    return 0;
}

void emit(struct filter_emitter *emitter, uint8_t code, uint8_t dst, uint8_t src, int16_t off,
          int32_t imm)
{
    if (grow(emitter, (void **)&emitter->insns, &emitter->room, emitter->count + 1,
             sizeof(*emitter->insns)))
        return;
    emitter->insns[emitter->count++] =
        (struct bpf_insn){.code = code, .dst_reg = dst & 15, .src_reg = src & 15, off, imm};
}

void emit_imm64(struct filter_emitter *emitter, uint8_t dst, uint64_t value)
{
    emit(emitter, BPF_LD | BPF_DW | BPF_IMM, dst, 0, 0, (int32_t)value);
    emit(emitter, 0, 0, 0, 0, (int32_t)(value >> 32));
}

void emit_jump(struct filter_emitter *emitter, uint8_t code, uint8_t dst, uint8_t src, int32_t imm,
               uint32_t label)
{
    if (grow(emitter, (void **)&emitter->jumps, &emitter->jump_room, emitter->jump_count + 1,
             sizeof(*emitter->jumps)))
        return;
    emitter->jumps[emitter->jump_count++] = (struct filter_jump){emitter->count, label};
    emit(emitter, code, dst, src, 0, imm);
}

uint32_t emitter_new_labels(struct filter_emitter *emitter, size_t count)
{
    size_t first = emitter->label_count;

    if (grow(emitter, (void **)&emitter->labels, &emitter->label_room, first + count,
             sizeof(*emitter->labels)))
        return 0;
    for (size_t i = 0; i < count; i++)
        emitter->labels[first + i] = NOT_PLACED;
    emitter->label_count += count;
    return (uint32_t)first;
}

void emitter_place(struct filter_emitter *emitter, uint32_t label)
{
    if (!emitter->err)
        emitter->labels[label] = (uint32_t)emitter->count;
}

bool emitter_leads_to(const struct filter_emitter *emitter, uint32_t label)
{
    for (size_t i = 0; i < emitter->jump_count; i++) {
        if (emitter->jumps[i].label == label)
            return true;
    }
    return false;
}

void emitter_resolve(struct filter_emitter *emitter)
{
    for (size_t i = 0; !emitter->err && i < emitter->jump_count; i++) {
        const struct filter_jump *jump = &emitter->jumps[i];
        int64_t off = (int64_t)emitter->labels[jump->label] - (int64_t)jump->at - 1;

        if (off > INT16_MAX || off < INT16_MIN)
            emitter->err = -E2BIG;
        else
            emitter->insns[jump->at].off = (int16_t)off;
    }
}
