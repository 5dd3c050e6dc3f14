/* SPDX-License-Identifier: Apache-2.0 */
#include "source/live/filter_code.h"

#include <stdint.h>

static bool is_load_of_packet(uint16_t code)
{
    switch (code) {
    case BPF_LD | BPF_W | BPF_ABS:
    case BPF_LD | BPF_H | BPF_ABS:
    case BPF_LD | BPF_B | BPF_ABS:
    case BPF_LD | BPF_W | BPF_IND:
    case BPF_LD | BPF_H | BPF_IND:
    case BPF_LD | BPF_B | BPF_IND:
    case BPF_LDX | BPF_B | BPF_MSH:
        return true;
    default:
        return false;
    }
}

static bool is_load(const struct sock_filter *insn)
{
    switch (insn->code) {
    case BPF_LD | BPF_IMM:
    case BPF_LDX | BPF_IMM:
    case BPF_LD | BPF_W | BPF_LEN:
    case BPF_LDX | BPF_W | BPF_LEN:
        return true;
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM:
        return insn->k < BPF_MEMWORDS;
    default:
        return is_load_of_packet(insn->code);
    }
}

static bool is_alu(const struct sock_filter *insn)
{
    switch (BPF_OP(insn->code)) {
    case BPF_ADD:
    case BPF_SUB:
    case BPF_MUL:
    case BPF_OR:
    case BPF_AND:
    case BPF_XOR:
    case BPF_LSH:
    case BPF_RSH:
    case BPF_NEG:
        return true;
    case BPF_DIV:
    case BPF_MOD:
        return BPF_SRC(insn->code) == BPF_X || insn->k;
    default:
        return false;
    }
}

static bool is_jump(const struct sock_filter *insn, size_t left)
{
    switch (BPF_OP(insn->code)) {
    case BPF_JA:
        return insn->k < left;
    case BPF_JEQ:
    case BPF_JGT:
    case BPF_JGE:
    case BPF_JSET:
        return insn->jt < left && insn->jf < left;
    default:
        return false;
    }
}

/* left: how many instructions follow this one. */
static bool is_valid(const struct sock_filter *insn, size_t left)
{
    if (BPF_CLASS(insn->code) == BPF_RET)
        return insn->code == (BPF_RET | BPF_K) || insn->code == (BPF_RET | BPF_A);
    if (!left)
        return false;
    switch (BPF_CLASS(insn->code)) {
    case BPF_LD:
    case BPF_LDX:
        return is_load(insn);
    case BPF_ST:
    case BPF_STX:
        return insn->k < BPF_MEMWORDS;
    case BPF_ALU:
        return is_alu(insn);
    case BPF_JMP:
        return is_jump(insn, left);
    default:
        return BPF_MISCOP(insn->code) == BPF_TAX || BPF_MISCOP(insn->code) == BPF_TXA;
    }
}

bool filter_code_is_valid(const struct filter_code *code)
{
    for (size_t i = 0; i < code->count; i++)
        if (!is_valid(&code->insns[i], code->count - i - 1))
            return false;
    return true;
}

void filter_code_mark_reached(const struct filter_code *code, bool *reached)
{
    reached[0] = true;
    for (size_t i = 0; i < code->count; i++) {
        const struct sock_filter *insn = &code->insns[i];

        if (!reached[i] || BPF_CLASS(insn->code) == BPF_RET)
            continue;
        if (BPF_CLASS(insn->code) != BPF_JMP) {
            reached[i + 1] = true;
        } else if (BPF_OP(insn->code) == BPF_JA) {
            reached[i + 1 + insn->k] = true;
        } else {
            reached[i + 1 + insn->jt] = true;
            reached[i + 1 + insn->jf] = true;
        }
    }
}
