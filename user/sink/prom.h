/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics as a Prometheus text file, for node_exporter's textfile collector. Sessions are counted as
 * they open and close; everything else is handed over when a file is written. A counter never falls
 * while the program runs, whatever is handed over. Families: docs/metrics.md.
 */
#ifndef SESSTAP_PROM_H
#define SESSTAP_PROM_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "sink/record.h"
#include "tcp.h"

struct prom; /* what has been counted so far */

/* Outputs whose failed writes are counted. */
#define PROM_SINKS(X)     \
    X(RECORDS, records)   \
    X(CAPTURES, captures) \
    X(STREAMS, streams)   \
    X(METRICS, metrics)

enum prom_sink {
#define X(upper, lower) PROM_SINK_##upper,
    PROM_SINKS(X)
#undef X
        PROM_SINK_COUNT,
};

enum prom_proto { PROM_TCP, PROM_UDP, PROM_ICMP, PROM_ICMPV6, PROM_SCTP, PROM_PROTOS };

/* What the kernel's entry of a session adds to the totals. */
struct prom_flow_sums {
    uint64_t payload_bytes;
    uint64_t retransmits;
    uint64_t out_of_order;
    uint64_t zero_windows;
    uint64_t duplicate_acks;
    uint64_t keep_alives;
    uint64_t syn_retries;
    uint64_t payload_lost_bytes; /* found the ring full; what was sent again not counted */
    uint64_t over_rate_bytes;
};

/*
 * An interface's counters as the kernel has them. id tells interfaces of one name apart (its slot);
 * their counters are added. Counters that fell belong to a new interface and go on from the old ones.
 */
struct prom_interface {
    const char *name;
    uint32_t id;
    struct iface_seen seen;
};

/* The state of things when a file is written. Zeroed, then filled by the caller. */
struct prom_gauges {
    const struct prom_interface *interfaces;
    size_t interface_count;
    uint64_t unaccounted[UNACCOUNTED_COUNT];
    uint64_t events[EVENT_COUNT];
    uint64_t sink_errors[PROM_SINK_COUNT];
    uint64_t active[PROM_PROTOS][TCP_STATE_COUNT]; /* by prom_gauges_add_session */
    struct prom_flow_sums open;                    /* likewise */
    uint64_t flow_table_entries;
    uint64_t flow_table_capacity;
    uint64_t flow_table_pass_ns; /* how long the last pass took */
    uint64_t sample_one_in;      /* 0: as 1 */
};

/* version is kept, not copied. NULL with errno on no memory. */
struct prom *prom_new(const char *version);
void prom_free(struct prom *prom);

/* Once a session, when it is first known. */
void prom_session_opened(struct prom *prom, uint8_t l4_proto);
/* Once a session, with its last record: counts it, and keeps what it adds to the totals. */
void prom_session_closed(struct prom *prom, const struct record *record);

/* A session that has not been given to prom_session_closed. */
void prom_gauges_add_session(struct prom_gauges *gauges, const struct flow_key *key,
                             const struct flow *flow);

/* Append all families. -ENOMEM. */
int prom_format(struct prom *prom, const struct prom_gauges *gauges, struct buf *out);
/* The same into a file, whole or not at all. 0 or -errno. */
int prom_write(struct prom *prom, const struct prom_gauges *gauges, const char *path);

struct prom_family {
    const char *name;   /* without the prefix sesstap_ */
    const char *type;   /* "counter", "gauge", "histogram" */
    const char *labels; /* separated by commas */
    const char *help;
};
/* *count families, in the order of the file. */
const struct prom_family *prom_families(size_t *count);

#endif
