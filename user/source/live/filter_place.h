/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts translated filters into the kernel programs while they are loaded: the instructions of a function that
 * bpf/filter.bpf.h has as a placeholder are exchanged before libbpf hands a program to the kernel.
 */
#ifndef SESSTAP_FILTER_PLACE_H
#define SESSTAP_FILTER_PLACE_H

#include <bpf/libbpf.h>

#include "source/live/filter_translate.h"

/* What goes in the place of a function, in a program for socket buffers and in one for XDP. */
struct filter_place {
    const char *skb_function;
    const char *xdp_function;
    const struct filter_pair *filters;
    size_t count; /* 0: the function stays */
};

/*
 * To be called before an object is opened, with its places, borrowed until the end; then filter_places_set_object
 * before it is loaded, and filter_places_end after. One at a time in a process: libbpf's handlers are the
 * process's. NULL with errno.
 */
struct filter_places;
struct filter_places *filter_places_begin(const struct filter_place *places, size_t count);
void filter_places_set_object(struct filter_places *all, const struct bpf_object *object);
/* NULL is fine. */
void filter_places_end(struct filter_places *all);

#endif
