/* SPDX-License-Identifier: Apache-2.0 */
/* eBPF instructions one after the other, with labels to jump to before it is known where they are. */
#ifndef SESSTAP_FILTER_EMIT_H
#define SESSTAP_FILTER_EMIT_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct filter_jump {
    size_t at;
    uint32_t label;
};

/* Zeroed to begin with. Once err is set, what is emitted is ignored. */
struct filter_emitter {
    struct bpf_insn *insns;
    size_t count;
    size_t room;
    uint32_t *labels; /* where each is; UINT32_MAX: not known yet */
    size_t label_count;
    size_t label_room;
    struct filter_jump *jumps;
    size_t jump_count;
    size_t jump_room;
    int err; /* -ENOMEM, -E2BIG */
};

void emitter_fini(struct filter_emitter *emitter);

/* One instruction, its fields as in struct bpf_insn. */
void emit(struct filter_emitter *emitter, uint8_t code, uint8_t dst, uint8_t src, int16_t off,
          int32_t imm);
/* dst = value, 64 bits. */
void emit_imm64(struct filter_emitter *emitter, uint8_t dst, uint64_t value);
/* A jump, conditional or not; code without BPF_JMP's offset. */
void emit_jump(struct filter_emitter *emitter, uint8_t code, uint8_t dst, uint8_t src, int32_t imm,
               uint32_t label);

/* count labels, numbered one after the other; returns the first. */
uint32_t emitter_new_labels(struct filter_emitter *emitter, size_t count);
/* The label is where the next instruction goes. */
void emitter_place(struct filter_emitter *emitter, uint32_t label);
/* Whether there is a jump to that label yet. */
bool emitter_leads_to(const struct filter_emitter *emitter, uint32_t label);
/* Write the offsets of all jumps. err: -E2BIG when one is too far. */
void emitter_resolve(struct filter_emitter *emitter);

#endif
