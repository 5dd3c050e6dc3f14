/* SPDX-License-Identifier: Apache-2.0 */
/* Classic BPF, which libpcap compiles filters to: what makes a program one. */
#ifndef SESSTAP_FILTER_CODE_H
#define SESSTAP_FILTER_CODE_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

/* A program; of no instructions: one that nothing matches. */
struct filter_code {
    const struct sock_filter *insns;
    size_t count;
};

/* Each instruction is known, no jump or memory is out of range, no division is by 0, and each way ends in a return. */
bool filter_code_is_valid(const struct filter_code *code);
/* Of a valid one, which instructions a run can come to: the verifier takes no others. reached: [code->count], false. */
void filter_code_mark_reached(const struct filter_code *code, bool *reached);

#endif
