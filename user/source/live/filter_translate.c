/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registers of classic BPF are kept in those that calls leave alone; the way of a load is short when its
 * bytes are in the linear part, else out of line by a call.
 */
#include "source/live/filter_translate.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "filter.h"
#include "source/live/filter_emit.h"

enum { REG_A = BPF_REG_6, REG_X = BPF_REG_7, REG_DATA = BPF_REG_8, REG_END = BPF_REG_9 };

/* Below the frame pointer. */
#define AT_CONTEXT (-8)
#define AT_LENGTH  (-12)
#define AT_MEM(k)  ((int16_t)(-16 - 4 * (int)(k)))

/* Offsets up to here can be added to a packet pointer under the verifier's eyes. */
#define NEAR_BYTES 0x7ff0

#define VLAN_TAG_BYTES 4

/* How the frame lies in memory. */
enum layout {
    AS_IT_IS,
    TAG_OUTSIDE, /* an offloaded VLAN tag: every load by a call, which knows of it */
};

/* A load that has to leave the linear part. */
struct slow_load {
    const struct sock_filter *insn;
    uint32_t entry;
    uint32_t back;
    uint32_t no_match;
};

struct translation {
    struct filter_emitter out;
    enum filter_context context;
    enum layout layout;
    uint32_t no_match; /* label */
    struct slow_load *slow;
    size_t slow_count;
    bool calls; /* it has a call */
};

static uint32_t load_size(const struct sock_filter *insn)
{
    switch (BPF_SIZE(insn->code)) {
    case BPF_B:
        return 1;
    case BPF_H:
        return 2;
    default:
        return 4;
    }
}

/* ---- loads ------------------------------------------------------------------------------------- */

/* dst = where in the frame the load begins; 64 bits, so that it can't wrap. */
static void emit_offset(struct filter_emitter *out, const struct sock_filter *insn, uint8_t dst)
{
    if (BPF_MODE(insn->code) != BPF_IND) {
        emit(out, BPF_ALU | BPF_MOV | BPF_K, dst, 0, 0, (int32_t)insn->k);
        return;
    }
    emit(out, BPF_ALU | BPF_MOV | BPF_X, dst, REG_X, 0, 0);
    if (insn->k <= INT32_MAX) {
        emit(out, BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, (int32_t)insn->k);
        return;
    }
    emit(out, BPF_ALU | BPF_MOV | BPF_K, BPF_REG_4, 0, 0, (int32_t)insn->k);
    emit(out, BPF_ALU64 | BPF_ADD | BPF_X, dst, BPF_REG_4, 0, 0);
}

/* r0 = the bytes, by a call; what it returns beyond 32 bits says that the frame ends before. */
static void emit_far_load(struct translation *t, const struct sock_filter *insn, uint32_t no_match)
{
    struct filter_emitter *out = &t->out;
    uint32_t how = load_size(insn) | (t->layout == TAG_OUTSIDE ? FILTER_LOAD_TAGGED : 0);

    emit(out, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, BPF_REG_10, AT_CONTEXT, 0);
    emit_offset(out, insn, BPF_REG_2);
    emit(out, BPF_ALU | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, (int32_t)how);
    emit(out, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0);
    t->calls = true;
    emit(out, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_0, 0, 0);
    emit(out, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_1, 0, 0, 32);
    emit_jump(out, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_1, 0, 0, no_match);
}

/* r0 = the bytes, read through a pointer when they are in the linear part. */
static void emit_near_load(struct translation *t, const struct sock_filter *insn)
{
    struct filter_emitter *out = &t->out;
    bool indirect = BPF_MODE(insn->code) == BPF_IND;
    uint8_t base = indirect ? BPF_REG_2 : REG_DATA;
    int32_t size = (int32_t)load_size(insn), at = indirect ? 0 : (int32_t)insn->k;
    uint32_t labels = emitter_new_labels(out, 2);

    t->slow[t->slow_count++] = (struct slow_load){insn, labels, labels + 1, t->no_match};
    if (indirect) {
        emit_offset(out, insn, BPF_REG_1);
        emit_jump(out, BPF_JMP | BPF_JGT | BPF_K, BPF_REG_1, 0, NEAR_BYTES, labels);
        emit(out, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, REG_DATA, 0, 0);
        emit(out, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_2, BPF_REG_1, 0, 0);
    }
    emit(out, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, base, 0, 0);
    emit(out, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_1, 0, 0, at + size);
    emit_jump(out, BPF_JMP | BPF_JGT | BPF_X, BPF_REG_1, REG_END, 0, labels);
    emit(out, BPF_LDX | BPF_MEM | BPF_SIZE(insn->code), BPF_REG_0, base, (int16_t)at, 0);
    if (size > 1)
        emit(out, BPF_ALU | BPF_END | BPF_TO_BE, BPF_REG_0, 0, 0, size * 8);
    emitter_place(out, labels + 1);
}

static void emit_packet_load(struct translation *t, const struct sock_filter *insn)
{
    struct filter_emitter *out = &t->out;

    if (t->layout == TAG_OUTSIDE || (BPF_MODE(insn->code) != BPF_IND && insn->k > NEAR_BYTES))
        emit_far_load(t, insn, t->no_match);
    else
        emit_near_load(t, insn);
    if (BPF_CLASS(insn->code) == BPF_LD) {
        emit(out, BPF_ALU | BPF_MOV | BPF_X, REG_A, BPF_REG_0, 0, 0);
        return;
    }
    emit(out, BPF_ALU | BPF_AND | BPF_K, BPF_REG_0, 0, 0, 0xf);
    emit(out, BPF_ALU | BPF_LSH | BPF_K, BPF_REG_0, 0, 0, 2);
    emit(out, BPF_ALU | BPF_MOV | BPF_X, REG_X, BPF_REG_0, 0, 0);
}

static void emit_slow_loads(struct translation *t)
{
    for (size_t i = 0; i < t->slow_count; i++) {
        const struct slow_load *slow = &t->slow[i];

        emitter_place(&t->out, slow->entry);
        emit_far_load(t, slow->insn, slow->no_match);
        emit_jump(&t->out, BPF_JMP | BPF_JA, 0, 0, 0, slow->back);
    }
    t->slow_count = 0;
}

static void emit_load(struct translation *t, const struct sock_filter *insn)
{
    struct filter_emitter *out = &t->out;
    uint8_t dst = BPF_CLASS(insn->code) == BPF_LD ? REG_A : REG_X;

    switch (BPF_MODE(insn->code)) {
    case BPF_IMM:
        emit(out, BPF_ALU | BPF_MOV | BPF_K, dst, 0, 0, (int32_t)insn->k);
        break;
    case BPF_MEM:
        emit(out, BPF_LDX | BPF_MEM | BPF_W, dst, BPF_REG_10, AT_MEM(insn->k), 0);
        break;
    case BPF_LEN:
        emit(out, BPF_LDX | BPF_MEM | BPF_W, dst, BPF_REG_10, AT_LENGTH, 0);
        if (t->layout == TAG_OUTSIDE)
            emit(out, BPF_ALU | BPF_ADD | BPF_K, dst, 0, 0, VLAN_TAG_BYTES);
        break;
    default:
        emit_packet_load(t, insn);
    }
}

/* ---- the others ---------------------------------------------------------------------------------- */

/* A shift by 32 or more leaves nothing, where eBPF would shift by the rest. */
static void emit_shift(struct translation *t, const struct sock_filter *insn)
{
    struct filter_emitter *out = &t->out;
    uint8_t code = (uint8_t)(BPF_ALU | BPF_OP(insn->code));
    uint32_t labels;

    if (BPF_SRC(insn->code) == BPF_K) {
        if (insn->k < 32)
            emit(out, code | BPF_K, REG_A, 0, 0, (int32_t)insn->k);
        else
            emit(out, BPF_ALU | BPF_MOV | BPF_K, REG_A, 0, 0, 0);
        return;
    }
    labels = emitter_new_labels(out, 2);
    emit_jump(out, BPF_JMP32 | BPF_JGT | BPF_K, REG_X, 0, 31, labels);
    emit(out, code | BPF_X, REG_A, REG_X, 0, 0);
    emit_jump(out, BPF_JMP | BPF_JA, 0, 0, 0, labels + 1);
    emitter_place(out, labels);
    emit(out, BPF_ALU | BPF_MOV | BPF_K, REG_A, 0, 0, 0);
    emitter_place(out, labels + 1);
}

static void emit_alu(struct translation *t, const struct sock_filter *insn)
{
    struct filter_emitter *out = &t->out;
    uint8_t op = BPF_OP(insn->code), code = (uint8_t)(BPF_ALU | op);

    if (op == BPF_LSH || op == BPF_RSH) {
        emit_shift(t, insn);
    } else if (op == BPF_NEG) {
        emit(out, code, REG_A, 0, 0, 0);
    } else if (BPF_SRC(insn->code) == BPF_K) {
        emit(out, code | BPF_K, REG_A, 0, 0, (int32_t)insn->k);
    } else {
        if (op == BPF_DIV || op == BPF_MOD)
            emit_jump(out, BPF_JMP32 | BPF_JEQ | BPF_K, REG_X, 0, 0, t->no_match);
        emit(out, code | BPF_X, REG_A, REG_X, 0, 0);
    }
}

static uint8_t opposite(uint8_t op)
{
    switch (op) {
    case BPF_JEQ:
        return BPF_JNE;
    case BPF_JGT:
        return BPF_JLE;
    default:
        return BPF_JLT;
    }
}

/* next: the label of the instruction after this one. */
static void emit_branch(struct translation *t, const struct sock_filter *insn, uint32_t next)
{
    struct filter_emitter *out = &t->out;
    uint8_t op = BPF_OP(insn->code), src = BPF_SRC(insn->code) == BPF_X ? REG_X : 0;
    int32_t imm = src ? 0 : (int32_t)insn->k;
    uint32_t yes = insn->jt, no = insn->jf;

    if (op == BPF_JA || yes == no) {
        emit_jump(out, BPF_JMP | BPF_JA, 0, 0, 0, next + (op == BPF_JA ? insn->k : yes));
        return;
    }
    if (!yes && op != BPF_JSET) {
        op = opposite(op);
        yes = no;
        no = 0;
    }
    emit_jump(out, (uint8_t)(BPF_JMP32 | op | BPF_SRC(insn->code)), REG_A, src, imm, next + yes);
    if (no)
        emit_jump(out, BPF_JMP | BPF_JA, 0, 0, 0, next + no);
}

static void emit_return(struct translation *t, const struct sock_filter *insn, size_t number)
{
    struct filter_emitter *out = &t->out;

    if (BPF_RVAL(insn->code) == BPF_A) {
        emit_jump(out, BPF_JMP32 | BPF_JEQ | BPF_K, REG_A, 0, 0, t->no_match);
    } else if (!insn->k) {
        emit_jump(out, BPF_JMP | BPF_JA, 0, 0, 0, t->no_match);
        return;
    }
    emit(out, BPF_ALU | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, (int32_t)number);
    emit(out, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void emit_insn(struct translation *t, const struct sock_filter *insn, size_t number,
                      uint32_t next)
{
    struct filter_emitter *out = &t->out;

    switch (BPF_CLASS(insn->code)) {
    case BPF_LD:
    case BPF_LDX:
        emit_load(t, insn);
        break;
    case BPF_ST:
        emit(out, BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, REG_A, AT_MEM(insn->k), 0);
        break;
    case BPF_STX:
        emit(out, BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, REG_X, AT_MEM(insn->k), 0);
        break;
    case BPF_ALU:
        emit_alu(t, insn);
        break;
    case BPF_JMP:
        emit_branch(t, insn, next);
        break;
    case BPF_RET:
        emit_return(t, insn, number);
        break;
    default:
        if (BPF_MISCOP(insn->code) == BPF_TAX)
            emit(out, BPF_ALU | BPF_MOV | BPF_X, REG_X, REG_A, 0, 0);
        else
            emit(out, BPF_ALU | BPF_MOV | BPF_X, REG_A, REG_X, 0, 0);
    }
}

/* ---- whole programs ------------------------------------------------------------------------------ */

/* A and X begin as 0, and so do the words of memory that the program reads. */
static void emit_beginning(struct translation *t, const struct filter_code *code)
{
    uint32_t read = 0;

    for (size_t i = 0; i < code->count; i++) {
        const struct sock_filter *insn = &code->insns[i];

        if (BPF_CLASS(insn->code) <= BPF_LDX && BPF_MODE(insn->code) == BPF_MEM)
            read |= 1u << insn->k;
    }
    for (unsigned int k = 0; k < BPF_MEMWORDS; k++)
        if (read & (1u << k))
            emit(&t->out, BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, AT_MEM(k), 0);
    emit(&t->out, BPF_ALU | BPF_MOV | BPF_K, REG_A, 0, 0, 0);
    emit(&t->out, BPF_ALU | BPF_MOV | BPF_K, REG_X, 0, 0, 0);
}

/*
 * One program; what it does not match goes on behind it. number: what it returns for what it does. False: it matches
 * everything, and nothing goes on, so the verifier wants nothing behind it.
 */
static bool emit_program(struct translation *t, const struct filter_code *code, size_t number)
{
    bool *reached = calloc(code->count + 1, sizeof(*reached));
    uint32_t labels = emitter_new_labels(&t->out, code->count + 1);
    bool goes_on = false;

    t->slow = calloc(code->count, sizeof(*t->slow));
    if (!reached || !t->slow)
        t->out.err = -ENOMEM;
    else if (!filter_code_is_valid(code))
        t->out.err = -EINVAL;
    if (!t->out.err) {
        t->no_match = labels + (uint32_t)code->count;
        filter_code_mark_reached(code, reached);
        emit_beginning(t, code);
        for (size_t i = 0; i < code->count; i++) {
            emitter_place(&t->out, labels + (uint32_t)i);
            if (reached[i])
                emit_insn(t, &code->insns[i], number, labels + (uint32_t)i + 1);
        }
        emit_slow_loads(t);
        emitter_place(&t->out, t->no_match);
        goes_on = emitter_leads_to(&t->out, t->no_match);
    }
    free(reached);
    free(t->slow);
    t->slow = NULL;
    return goes_on;
}

static void emit_chain(struct translation *t, const struct filter_pair *filters, size_t count,
                       bool raw, enum layout layout)
{
    t->layout = layout;
    for (size_t i = 0; i < count && !t->out.err; i++) {
        const struct filter_code *code = raw ? &filters[i].raw : &filters[i].eth;

        if (code->count && !emit_program(t, code, i + 1))
            return;
    }
    emit(&t->out, BPF_ALU | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0);
    emit(&t->out, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* Keep the context and the length, look where the packet is, and go to the programs for its layout. */
static void emit_entry(struct translation *t, uint32_t raw, uint32_t tagged)
{
    struct filter_emitter *out = &t->out;
    bool skb = t->context == FILTER_SKB;
    int16_t data = skb ? offsetof(struct __sk_buff, data) : offsetof(struct xdp_md, data);
    int16_t end = skb ? offsetof(struct __sk_buff, data_end) : offsetof(struct xdp_md, data_end);

    emit(out, BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_1, AT_CONTEXT, 0);
    emit(out, BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_3, AT_LENGTH, 0);
    emit(out, BPF_LDX | BPF_MEM | BPF_W, REG_DATA, BPF_REG_1, data, 0);
    emit(out, BPF_LDX | BPF_MEM | BPF_W, REG_END, BPF_REG_1, end, 0);
    emit_jump(out, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_2, 0, 0, raw);
    if (!skb)
        return;
    emit(out, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1,
         offsetof(struct __sk_buff, vlan_present), 0);
    emit_jump(out, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_2, 0, 0, tagged);
}

/*
 * A call in a place where no run comes, frames of no bytes: the kernel wants every function of a program to be
 * called, and filters such as `greater 100` load nothing.
 */
static void emit_only_call(struct filter_emitter *out)
{
    uint32_t label = emitter_new_labels(out, 1);

    emit_jump(out, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_3, 0, 0, label);
    emit(out, BPF_ALU | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, 0);
    emit(out, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0);
    emit(out, BPF_ALU | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0);
    emit(out, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
    emitter_place(out, label);
}

/* All of the function; only_call: see above. Returns whether there is a call in it. */
static bool emit_function(struct translation *t, const struct filter_pair *filters, size_t count,
                          bool only_call)
{
    uint32_t labels = emitter_new_labels(&t->out, 2);

    if (only_call)
        emit_only_call(&t->out);
    emit_entry(t, labels, labels + 1);
    emit_chain(t, filters, count, false, AS_IT_IS);
    if (t->context == FILTER_SKB) {
        emitter_place(&t->out, labels + 1);
        emit_chain(t, filters, count, false, TAG_OUTSIDE);
    }
    emitter_place(&t->out, labels);
    emit_chain(t, filters, count, true, AS_IT_IS);
    emitter_resolve(&t->out);
    return t->calls || only_call;
}

int filter_translate(const struct filter_pair *filters, size_t count, enum filter_context context,
                     struct filter_insns *out)
{
    struct translation t = {.context = context};

    if (!emit_function(&t, filters, count, false) && !t.out.err) {
        emitter_fini(&t.out);
        emit_function(&t, filters, count, true);
    }
    *out = (struct filter_insns){0};
    if (t.out.err) {
        int err = t.out.err;

        emitter_fini(&t.out);
        return err;
    }
    out->insns = t.out.insns;
    out->count = t.out.count;
    t.out.insns = NULL;
    emitter_fini(&t.out);
    return 0;
}
