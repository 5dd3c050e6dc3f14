/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this kernel lets us do, found by trying. Nothing that is tried stays, and hooks are tried in a
 * network namespace made for it, so no interface of the host is touched.
 */
#ifndef SESSTAP_PROBE_H
#define SESSTAP_PROBE_H

#include <stdbool.h>
#include <stdint.h>

enum probe { PROBE_NO, PROBE_YES, PROBE_UNKNOWN /* we may not try */ };

/* The kernel's own type information, which CO-RE needs. */
enum probe probe_btf(void);
/* Load a program of two instructions. *error: why not, -errno. */
enum probe probe_programs(int *error);
/* Whether what is loaded is compiled to machine code. */
enum probe probe_jit(void);
/* Links to the TCX hooks (kernel 6.6). */
enum probe probe_tcx(void);
/* The clsact qdisc with a BPF filter. */
enum probe probe_clsact(void);
/* XDP programs for packets of several pieces (kernel 5.18). Whether a driver takes them is not tried. */
enum probe probe_xdp_frags(void);
enum probe probe_ring_buffer(void);
/* Reading a hash map in batches (kernel 5.6), and taking an element out (5.14). */
enum probe probe_batch_lookup(void);
enum probe probe_take_element(void);
/* A helper function that our programs call and this kernel lacks; NULL: none is lacking. */
const char *probe_missing_helper(void);
/* BPF memory counts for the control group (kernel 5.11), and RLIMIT_MEMLOCK has no say. */
enum probe probe_memory_by_cgroup(void);

#endif
