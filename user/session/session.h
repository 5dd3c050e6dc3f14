/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One session as user space knows it: the kernel's (or the file reader's) ledger entry, its number
 * in this run, how it ended, and what the later stages hang on it.
 */
#ifndef SESSTAP_SESSION_H
#define SESSTAP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

struct dialog;  /* stream/: the two reassembled directions */
struct capture; /* sink/: the session's own capture file */
struct session_files;
struct session_note; /* pinned.h */
struct told;         /* facts_pack.h: what app/ found out */
struct index_chain;  /* source/: where its frames lie in the capture file that is being indexed */

enum close_reason {
    CLOSE_NONE, /* still open */
    CLOSE_FIN,
    CLOSE_RST,
    CLOSE_TIMEOUT,
    CLOSE_SYN_TIMEOUT,
    CLOSE_REUSED,
    CLOSE_EVICTED,
    CLOSE_SHUTDOWN,
    CLOSE_CAPTURE_END,
    CLOSE_REASONS,
};

enum close_by { CLOSE_BY_UNKNOWN, CLOSE_BY_CLIENT, CLOSE_BY_SERVER };

/* The tunnel that a session's packets came in. Addresses as in struct flow_key. */
struct session_tunnel {
    const char *name; /* "vxlan" ...; NULL: no tunnel */
    uint32_t id;      /* VNI or key, 0: none */
    uint8_t ip_version;
    uint8_t outer[2][16]; /* of the first packet: from, to */
};

struct session {
    uint64_t id; /* flow.id */
    struct flow_key key;
    uint64_t number;       /* of this run, from 1: first part of the record's name */
    uint64_t stream_index; /* by first packet from 0, per transport protocol */
    uint64_t updates;      /* records written so far */
    uint64_t created_ns;   /* when its first record was written, clock of the flow; 0: none yet */
    uint64_t recorded_ns;  /* when its last record was written */
    uint64_t due_ns;       /* when a closed session is to be taken; 0: open */
    uint64_t grace;        /* and after this period (live_grace_ask) */
    struct flow *taken;    /* owned: its entry's last content, when another session has the entry */
    char instance[16];     /* instanceId of its first record, so that its @id stays; "": none yet */
    enum close_reason close_reason;
    enum close_by close_by;
    uint32_t sweep;        /* the pass that saw it last */
    bool captured;         /* samples of it were seen */
    bool capture_failed;   /* said so already */
    uint64_t sampled_pkts; /* record_sample.pkt_index of the last sample */
    struct session_tunnel tunnel;
    const struct told *told; /* borrowed: what an earlier reading's record said; NULL: nothing */
    struct flow_note *extra; /* owned: ICMP errors that quoted it; NULL: none */
    struct session_files *files; /* pipeline.c's: what the dialog writes to */
    struct dialog *dialog;       /* NULL: no payload came */
    struct capture *capture;     /* NULL: none is written */
    struct index_chain *places;  /* NULL: none are kept */
    struct session_note *note;   /* NULL: what is said above is not kept */
    uint64_t
        part; /* of its files: 0, or the process that goes on with a session of an earlier one */
    struct session *hash_next;
    struct session *due_next;
};

/* The word that records and metrics use: "fin", "syn_timeout" ... */
const char *close_reason_name(enum close_reason reason);
/* "client", "server"; NULL when unknown. */
const char *close_by_name(enum close_by by);

/*
 * How a session that TCP itself ended was closed, and who began it: the first FIN's sender, or the
 * RST's. CLOSE_NONE when it has not ended.
 */
enum close_reason session_close_reason(const struct flow *flow, enum close_by *by);

/* Words for enum tcp_state (RFC 9293 names). */
const char *tcp_state_name(unsigned int state);
/* "tcp", "udp", "icmp", "icmpv6", "sctp"; "ip" for others. */
const char *l4_proto_name(uint8_t l4_proto);

/* What became of the payload of one direction in stream/. Bytes. */
struct stream_tally {
    uint64_t delivered;
    uint64_t duplicate;     /* came again, and was dropped */
    uint64_t cut;           /* on the wire, but not in the sample (depth, snaplen) */
    uint64_t dropped;       /* sampled, and given up by a bound of memory, or outside the stream */
    uint64_t out_of_window; /* beyond the receiver's window, and never acknowledged */
    uint64_t recovered;     /* delivered although the tracker had called it old */
    uint64_t hole_bytes;    /* in holes listed */
    uint64_t overlap_conflicts;
    uint64_t overlap_unchecked; /* came again, and its first copy is not remembered */
    uint64_t overlaps;
    uint32_t holes;
};

/* One run of data in one direction. */
struct packet_lot {
    uint64_t first_ns;
    uint64_t last_ns;
    uint64_t payload_bytes;
    uint64_t pkts;
    uint8_t from;
    bool late; /* some of it was delivered after later packets of the other side */
};

/* A run of a direction's stream that never came: bytes from the direction's first byte. */
struct stream_hole {
    uint64_t offset;
    uint64_t length;
    uint8_t from;
    bool cut; /* it was on the wire, but not in the sample (depth, snaplen) */
};

/*
 * The books of a session's payload, both directions added. seen = delivered + beyond_depth + lost;
 * seen + retransmitted + out_of_window = all payload on the wire.
 */
struct ledger {
    uint64_t seen;
    uint64_t delivered;
    uint64_t beyond_depth;
    uint64_t lost;
    uint64_t retransmitted[2]; /* by endpoint */
    uint64_t out_of_window[2]; /* of what was sampled: else it is beyond_depth */
    uint64_t samples_dropped;
    uint64_t over_rate;     /* of beyond_depth, what the overall payload rate cut off */
    uint64_t sample_one_in; /* one session in so many is kept; 0: all. The caller's to fill in */
    bool midstream;
};

/*
 * Balance a flow with what stream/ made of its samples. tally: of endpoint 0 and 1, or NULL when no
 * sample was read. Every byte of flow.dir[].payload_bytes lands in exactly one term.
 */
void ledger_balance(struct ledger *ledger, const struct flow *flow,
                    const struct stream_tally *tally);

#endif
