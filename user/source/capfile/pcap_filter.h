/* SPDX-License-Identifier: Apache-2.0 */
/* Filters in the pcap filter language (`tcp port 443 and net 10.0.0.0/8`) on frames of any link type. */
#ifndef SESSTAP_PCAP_FILTER_H
#define SESSTAP_PCAP_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct pcap_filter;
struct sock_filter;

/*
 * The filter as classic BPF for frames of one link type; *code is for the caller to free. 0; -EINVAL: it is none, or
 * not one for this link type, -ENOTSUP: sesstap was built without libpcap, -ENOMEM; then one line (no newline, no
 * NUL) is appended to error.
 */
int pcap_filter_compile(const char *text, uint16_t linktype, struct sock_filter **code,
                        size_t *count, struct buf *error);

/*
 * Compile a filter. NULL when it is none, or sesstap was built without libpcap: then one line (no newline, no
 * NUL) is appended to error.
 */
struct pcap_filter *pcap_filter_new(const char *text, struct buf *error);
/* NULL is fine. */
void pcap_filter_free(struct pcap_filter *filter);

/*
 * Whether a frame passes. The program for a link type is compiled with its first frame; a filter that
 * link type can't have (`ether host` on raw IP) passes nothing, which is logged once. NULL passes all.
 */
bool pcap_filter_match(struct pcap_filter *filter, uint16_t linktype, const uint8_t *data,
                       uint32_t cap_len, uint32_t wire_len);

#endif
