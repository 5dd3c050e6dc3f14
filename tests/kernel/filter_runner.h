/* SPDX-License-Identifier: Apache-2.0 */
/* One filter, translated, in a program of its own (run_filter.bpf.c), and run on frames. */
#ifndef SESSTAP_TESTS_FILTER_RUNNER_H
#define SESSTAP_TESTS_FILTER_RUNNER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run_filter_bpf;

/* The same code for both kinds of link layer; l3_only: frames begin with the IP header. */
struct run_filter_bpf *filter_runner_open(const struct sock_filter *code, size_t count,
                                          bool l3_only);
void filter_runner_close(struct run_filter_bpf *runner);

/* How the kernel has the frame. */
enum filter_run { RUN_SKB, RUN_SKB_TAGGED, RUN_XDP };
/* What the filter says of a frame; tci: the tag beside it, of RUN_SKB_TAGGED. */
bool filter_runner_matches(struct run_filter_bpf *runner, enum filter_run how, const uint8_t *frame,
                           size_t len, uint16_t tci);

#endif
