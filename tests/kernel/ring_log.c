/* SPDX-License-Identifier: Apache-2.0 */
/* See ring_log.h. */
#include "kernel/ring_log.h"

#include <bpf/libbpf.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "sesstap.skel.h"

static void *grow(void *array, size_t count, size_t size)
{
    void *grown = realloc(array, (count + 1) * size);

    if (!grown)
        err(1, "keeping a ring's record");
    return grown;
}

static int keep_event(void *ctx, void *data, size_t size)
{
    struct ring_log *log = ctx;
    struct record_flow *event;

    if (size > sizeof(*event))
        errx(1, "a lifecycle record of %zu bytes", size);
    log->events = grow(log->events, log->event_count, sizeof(*event));
    event = &log->events[log->event_count++];
    memset(event, 0, sizeof(*event));
    memcpy(event, data, size);
    return 0;
}

static int keep_sample(void *ctx, void *data, size_t size)
{
    struct ring_log *log = ctx;
    struct ring_sample *sample;

    if (size < sizeof(sample->record))
        errx(1, "a payload record of %zu bytes", size);
    log->samples = grow(log->samples, log->sample_count, sizeof(*sample));
    sample = &log->samples[log->sample_count++];
    memcpy(&sample->record, data, sizeof(sample->record));
    sample->room = size - sizeof(sample->record);
    sample->data = malloc(sample->room);
    if (!sample->data)
        err(1, "keeping a sample");
    memcpy(sample->data, (uint8_t *)data + sizeof(sample->record), sample->room);
    return 0;
}

void ring_log_open(struct ring_log *log, const struct tracker *tracker)
{
    memset(log, 0, sizeof(*log));
    log->rings =
        ring_buffer__new(bpf_map__fd(tracker->skel->maps.lifecycle_ring), keep_event, log, NULL);
    if (!log->rings || ring_buffer__add(log->rings, bpf_map__fd(tracker->skel->maps.payload_ring),
                                        keep_sample, log))
        err(1, "opening the rings");
}

static void forget(struct ring_log *log)
{
    for (size_t i = 0; i < log->sample_count; i++)
        free(log->samples[i].data);
    free(log->samples);
    free(log->events);
    log->samples = NULL;
    log->events = NULL;
    log->sample_count = log->event_count = 0;
}

void ring_log_close(struct ring_log *log)
{
    forget(log);
    ring_buffer__free(log->rings);
}

void ring_log_take(struct ring_log *log)
{
    forget(log);
    if (ring_buffer__consume(log->rings) < 0)
        errx(1, "reading the rings");
}

const uint8_t *ring_sample_payload(const struct ring_sample *sample)
{
    const struct record_sample *record = &sample->record;

    return sample->data + (record->flags & SAMPLE_NEXT ? SAMPLE_HEADERS_MAX : record->headers_len);
}
