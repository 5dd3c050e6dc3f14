/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel programs put into their two rings, kept in order. */
#ifndef SESSTAP_TESTS_RING_LOG_H
#define SESSTAP_TESTS_RING_LOG_H

#include <stddef.h>

#include "kernel/tracker.h"

struct ring_sample {
    struct record_sample record;
    size_t room;   /* bytes that followed it in the ring: its size class */
    uint8_t *data; /* these */
};

struct ring_log {
    struct ring_buffer *rings;
    struct record_flow *events; /* of RECORD_REUSED whole, of others the event */
    size_t event_count;
    struct ring_sample *samples;
    size_t sample_count;
};

void ring_log_open(struct ring_log *log, const struct tracker *tracker);
void ring_log_close(struct ring_log *log);
/* Forget what is here and take what the rings hold. */
void ring_log_take(struct ring_log *log);

/* The payload of a sample: after the headers, at a fixed place in all but an skb's first record. */
const uint8_t *ring_sample_payload(const struct ring_sample *sample);

#endif
