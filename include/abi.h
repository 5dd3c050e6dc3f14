/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the kernel programs and user space share: map keys and values, ring records, counters and
 * reasons. Every structure has no holes, explicit padding and a checked size; each is zeroed before use.
 */
#ifndef SESSTAP_ABI_H
#define SESSTAP_ABI_H

#ifdef __bpf__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif

/* Rises when a structure here changes its layout or meaning. */
#define ABI_VERSION 3

/* ---- the flow table ------------------------------------------------------------------------- */

/*
 * One session, both directions. Endpoints are in a fixed order (the smaller address, then the
 * smaller port, is endpoint 0), so both directions find the same entry with one lookup. IPv4
 * addresses are mapped (::ffff:a.b.c.d) with ip_version 4. Addresses and ports in network order.
 * ICMP: port[0] is the echo identifier, port[1] the type of the request that begins the exchange;
 * these two belong to neither endpoint and stay in place.
 */
struct flow_key {
    union {
        __u8 bytes[16];
        __be32 word[4];
        __u64 half[2];
    } addr[2];
    __be16 port[2];
    __u16 scope; /* tells overlapping address spaces apart; 0 is the host's own */
    __u8 ip_version;
    __u8 l4_proto;
};
_Static_assert(sizeof(struct flow_key) == 40, "flow_key");

/*
 * flow.bits: what has happened, only ever set (by atomic or) while the session lives, so that two
 * CPUs agree without a lock. The first byte is of endpoint 0, the second of endpoint 1. The last two
 * are of bpf/take.bpf.h, and come and go.
 */
enum flow_bit {
    FLOW_SEEN = 1u << 0,      /* a packet from this endpoint was seen */
    FLOW_SYN = 1u << 1,       /* it sent a SYN */
    FLOW_SYN_ACKED = 1u << 2, /* and the other side acknowledged it */
    FLOW_FIN = 1u << 3,
    FLOW_FIN_ACKED = 1u << 4,
    FLOW_RST = 1u << 5,    /* it sent a RST that was in window */
    FLOW_DATA = 1u << 6,   /* it sent payload */
    FLOW_SYNACK = 1u << 7, /* its SYN carried an ACK */
    FLOW_ENDPOINT_MASK = 0xff,
    FLOW_ENDPOINT_SHIFT = 8,

    FLOW_CLIENT_1 = 1u << 16,    /* the client is endpoint 1 */
    FLOW_CLIENT_SURE = 1u << 17, /* known from a SYN, not guessed */
    FLOW_MISSED_SYN = 1u << 18,  /* first seen after its SYN */
    FLOW_ESTABLISHED = 1u << 19,
    FLOW_CLOSED = 1u << 20,      /* both FINs acknowledged, or a RST */
    FLOW_FIN_FIRST_1 = 1u << 21, /* endpoint 1 sent its FIN first */
    FLOW_RST_FIRST_1 = 1u << 22, /* endpoint 1 sent its RST first */
    FLOW_CLOSE_BOTH = 1u << 23,  /* simultaneous close: the FINs crossed */
    FLOW_RESTARTING = 1u << 24,  /* a CPU hands the entry to a new session, or takes it */
    FLOW_LATE_CLIENT = 1u << 26, /* the guess of the client was corrected */
    FLOW_NOTED = 1u << 27,   /* it came in a tunnel, or an ICMP error quoted it: struct flow_note */
    FLOW_LEAVING = 1u << 28, /* user space means to take it; a packet clears it, or begins anew */
    FLOW_STIRRED = 1u << 29, /* a packet came since the entry is one of FLOW_WATCHED */

    FLOW_WATCHED = FLOW_CLOSED | FLOW_LEAVING | FLOW_RESTARTING, /* packets go through flow_enter */
};
/* The bits of one endpoint, shifted to its byte. */
#define FLOW_BIT(endpoint, bit) ((__u32)(bit) << ((endpoint) ? FLOW_ENDPOINT_SHIFT : 0))

/* What each direction's packets touch every time: one cache line. Sequence numbers in host order. */
struct flow_dir {
    __u64 payload_bytes; /* layer-4 payload on the wire, retransmissions included */
    __u64 last_ns;       /* time of the last packet */
    __s64 l4_hdr_extra;  /* TCP header bytes beyond TCP_HDR_BASE a wire packet (may be negative) */
    __u64 rtt_ns;        /* when the segment being timed was sent; 0: none */
    __u32 rtt_seq;       /* acknowledging this ends the measurement */
    __u32 first_seq;     /* initial sequence number; SYN missed: the first byte's number less one */
    __u32 seq_nxt;       /* one past the highest sequence number sent */
    __u32 ack;           /* highest acknowledgment sent */
    __u16 wnd;           /* last window as on the wire */
    __u16 ip_id;         /* of the last IPv4 packet, network order */
    __u8 wscale;         /* shift of wnd, 0 until both sides offered one */
    __u8 gap_count;
    __u8 known;        /* enum flow_known */
    __u8 stray_count;  /* segments far ahead that followed each other */
    __u32 rtt_ts;      /* timestamp of the segment being timed; 0: it has none */
    __u32 depth_bytes; /* FLOW_DEPTH_ALL; only used when sessions differ in it (--depth-for) */
};
_Static_assert(sizeof(struct flow_dir) == 64, "flow_dir");
#define FLOW_DEPTH_ALL (~0u)
/* Which numbers of a direction are set; 0 is a number like any other. */
enum flow_known {
    FLOW_KNOWS_SEQ = 1 << 0, /* first_seq, seq_nxt */
    FLOW_KNOWS_ACK = 1 << 1, /* ack */
    FLOW_RTT_DOUBT = 1 << 2, /* the segment being timed was sent again: only its echo counts */
};
#define TCP_HDR_BASE 32 /* 20 and the timestamp option: what nearly every segment has */

#define FLOW_GAPS 4
/* A run of sequence numbers that was jumped over and not seen yet: [lo, hi). */
struct flow_gap {
    __u32 lo;
    __u32 hi;
};

#define FLOW_UNKNOWN_OPTIONS 4
enum tcp_option_bit {
    TCP_HAS_MSS = 1 << 0,
    TCP_HAS_WINDOW_SCALE = 1 << 1,
    TCP_HAS_SACK_PERMITTED = 1 << 2,
    TCP_HAS_TIMESTAMPS = 1 << 3,
    TCP_HAS_FAST_OPEN = 1 << 4,
    TCP_HAS_MPTCP = 1 << 5,
    TCP_OPTIONS_CUT = 1 << 6, /* there are more, which were not captured */
};

/* The options and flags of a direction's first SYN. */
struct flow_syn {
    __u16 mss;
    __u8 window_scale;
    __u8 options; /* enum tcp_option_bit */
    __u8 flags;   /* flags byte of the SYN, 0: none was seen */
    __u8 unknown_count;
    __u8 unknown[FLOW_UNKNOWN_OPTIONS]; /* kinds, first ones kept */
    __u8 pad[2];
};
_Static_assert(sizeof(struct flow_syn) == 12, "flow_syn");

/* What only some packets of a direction touch. Packet counts are wire packets. */
struct flow_quality {
    __u64 gso_extra_pkts; /* wire packets less skbs */
    __u64 l3_hdr_extra;   /* IP header bytes beyond 20 (IPv4) or 40 (IPv6) a packet */
    __u64 retransmit_bytes;
    __u64 sampled_bytes;            /* wire payload of what went into the ring */
    __u64 sampled_retransmit_bytes; /* of these, seen before */
    __u64 lost_bytes;               /* wire payload that found the ring full */
    __u64 lost_retransmit_bytes;    /* of these, seen before */
    __u64 rtt_sum_ns;
    __u64 rtt_min_ns;
    __u64 rtt_max_ns;
    __u32 rtt_samples;
    __u32 retransmits;
    __u32 out_of_order;
    __u32 duplicate_acks;
    __u32 zero_windows;
    __u32 keep_alives;
    __u32 samples_dropped; /* ring reservations that failed */
    __u32 syn_count;
    __u32 ce_pkts;         /* packets marked Congestion Experienced */
    __u32 capture_repeats; /* the same packet captured twice: same IPv4 id, same numbers */
    __u32 fin_seq;         /* one past the FIN */
    __u32 out_of_window;   /* segments, ACKs, RSTs and SYNs not believed */
    __u64 gap_ns;          /* when the newest gap appeared */
    struct flow_syn syn;
    __u32 stray_nxt; /* where the next of flow_dir.stray_count segments would begin */
    struct flow_gap gap[FLOW_GAPS]; /* flow_dir.gap_count of them, in order of appearance */
};
_Static_assert(sizeof(struct flow_quality) == 184, "flow_quality");

#define FLOW_PATH 3
/*
 * One session: the ledger's entry. The order is by use: in a preallocated hash of the kernel an
 * element is 88 bytes of header and key and then this, 704 in all, so the first 40 bytes share the
 * cache line of the key's end and each flow_dir is a line of its own.
 */
struct flow {
    __u32 bits;          /* enum flow_bit */
    __u32 ifindex;       /* the interface that counts this session's packets */
    __u64 pkts[2];       /* wire packets from endpoint 0 and 1 */
    __u64 last_data_pkt; /* pkts[0] + pkts[1] after the last packet with payload */
    __u32 lots;          /* runs of payload in one direction */
    __u8 last_data_from; /* endpoint that sent payload last, valid when lots > 0 */
    __u8 l3_only;        /* the interface has no link-layer header */
    __u16 slot;          /* of the interface */
    struct flow_dir dir[2];
    __u64 id; /* of this session; unique while the table lives, 0: entry being made */
    __u64 first_ns;
    __u64 syn_ns;         /* first SYN of the client, 0: missed */
    __u64 synack_ns;      /* first SYN-ACK, 0: missed */
    __u64 established_ns; /* ACK of the SYN-ACK */
    __u64 close_ns;
    __u32 path[FLOW_PATH]; /* other tracked interfaces that saw the session, in order */
    __u16 vlan[2];         /* tag control information as found on the first packet, 0: none */
    __u8 icmp_type;        /* of the first packet */
    __u8 icmp_code;
    __u8 pad[6];
    __u64 over_rate_bytes; /* payload within the depth that --payload-rate cut off */
    struct flow_quality quality[2];
};
_Static_assert(sizeof(struct flow) == 616, "flow");

#define NOTE_ICMP_ERRORS 4
/* ICMP errors of one kind that quoted a session. from: as in struct flow_key. */
struct icmp_error_kind {
    __u64 from[2];
    __u64 count; /* 0: free */
    __u8 ip_version;
    __u8 type;
    __u8 code;
    __u8 pad[5];
};
_Static_assert(sizeof(struct icmp_error_kind) == 32, "icmp_error_kind");

/*
 * What few sessions have, by flow id and apart from their entry, so that the others don't pay for it. It
 * goes when user space has taken the session.
 */
struct flow_note {
    __u64 outer[2][2]; /* of the first packet's tunnel: from, to; addresses as in struct flow_key */
    __u32 tunnel_id;   /* VNI or key, 0: none */
    __u8 tunnel_kind;  /* enum tunnel_kind */
    __u8 outer_version;
    __u8 pad[2];
    __u64 icmp_errors_more; /* of kinds beyond these */
    struct icmp_error_kind icmp_errors[NOTE_ICMP_ERRORS];
};
_Static_assert(sizeof(struct flow_note) == 176, "flow_note");

/* ---- fragments and tunnels ------------------------------------------------------------------ */

#define FRAGMENT_FIRSTS 16384 /* first fragments that are remembered */
/* What the fragments of a packet share. Addresses as in struct flow_key, id as on the wire. */
struct fragment_key {
    __u64 src[2];
    __u64 dst[2];
    __u32 id;
    __u16 scope;
    __u8 ip_version;
    __u8 l4_proto; /* IPv4 only */
};
_Static_assert(sizeof(struct fragment_key) == 40, "fragment_key");

/* What the later fragments need of the first one. */
struct fragment_first {
    struct flow_key key;
    __u64 time_ns;
    __u32 seq; /* of TCP, like ack, wnd, tcp_flags */
    __u32 ack;
    __u16 wnd;
    __u16 l3_hdr_len;
    __u16 l4_hdr_len;
    __u8 from;
    __u8 tcp_flags;
};
_Static_assert(sizeof(struct fragment_first) == 64, "fragment_first");

/*
 * Sessions inside of tunnels with an id have a scope of their own for each id: numbered as they are met,
 * from TUNNEL_SCOPE_FIRST on, which is beyond the scopes of interfaces.
 */
#define TUNNEL_SCOPES      1024
#define TUNNEL_SCOPE_FIRST 0x8000
struct tunnel_scope_key {
    __u32 id;
    __u16 outer_scope;
    __u8 kind; /* enum tunnel_kind */
    __u8 pad;
};
_Static_assert(sizeof(struct tunnel_scope_key) == 8, "tunnel_scope_key");

/* ---- per interface -------------------------------------------------------------------------- */

#define IFACE_SLOTS 4096
/*
 * An interface's number is its ifindex; in another network namespace than ours that is not unique, and it
 * becomes IFACE_ELSEWHERE | the number we gave the namespace << IFACE_INDEX_BITS | its ifindex there.
 */
#define IFACE_ELSEWHERE  0x80000000u
#define IFACE_INDEX_BITS 19
#define IFACE_SPACES     4096 /* namespaces that can be told apart, ours is 0 */
static inline __u32 iface_base(__u32 number)
{
    return number & IFACE_ELSEWHERE ? number >> IFACE_INDEX_BITS << IFACE_INDEX_BITS : 0;
}

static inline __u32 iface_index(__u32 number)
{
    return number - iface_base(number);
}

#define IFACES_NEAR 65536 /* an ifindex below this is in the map near_ifaces, else in ifaces */
/* Map value by number of interface: what a program must know of the interface it runs on. */
struct iface_conf {
    __u16 slot; /* index of its counters */
    __u16 scope;
    __u8 l3_only;  /* packets begin with the IP header */
    __u8 loopback; /* what it sends it receives: counted on the way out only */
    __u8 pad[2];
};
_Static_assert(sizeof(struct iface_conf) == 8, "iface_conf");

struct traffic {
    __u64 skbs;
    __u64 pkts;  /* wire packets */
    __u64 bytes; /* with link-layer headers, one a socket buffer */
};

/* Index into iface_seen.dir: as the interface sees it, not the container behind it. */
enum hook_direction { HOOK_INGRESS, HOOK_EGRESS, HOOK_DIRECTIONS };

/* Per-CPU value by slot: everything that passed, counted before anything is decided. */
struct iface_seen {
    struct traffic dir[HOOK_DIRECTIONS];
};
_Static_assert(sizeof(struct iface_seen) == 48, "iface_seen");

/* ---- what was given up, each under a name ----------------------------------------------------- */

/* Why a packet belongs to no session. seen = packets of sessions + the sum of these. */
#define UNACCOUNTED_REASONS(X)                                                                 \
    X(NO_INTERFACE, no_interface, "arrived on an interface that is being attached or removed") \
    X(NOT_IP, not_ip, "neither IPv4 nor IPv6: ARP, LLDP, spanning tree ...")                   \
    X(TRUNCATED, truncated, "ends before its headers do")                                      \
    X(MALFORMED, malformed, "header lengths contradict each other")                            \
    X(FRAGMENT_NO_FIRST, fragment_no_first,                                                    \
      "a later IP fragment whose first one came late or never")                                \
    X(EXTENSION_HEADERS, extension_headers, "more IPv6 extension headers than are walked")     \
    X(L4_UNSUPPORTED, l4_unsupported, "an IP protocol other than TCP, UDP, ICMP, SCTP")        \
    X(OTHER_HOP, other_hop, "counted at the first tracked interface that saw its session")     \
    X(TABLE_FULL_TCP, table_full_tcp, "the flow table was full, TCP")                          \
    X(TABLE_FULL_UDP, table_full_udp, "the flow table was full, UDP")                          \
    X(TABLE_FULL_ICMP, table_full_icmp, "the flow table was full, ICMP or ICMPv6")             \
    X(TABLE_FULL_SCTP, table_full_sctp, "the flow table was full, SCTP")                       \
    X(INSERT_FAILED, insert_failed, "the kernel refused a new table entry for another reason") \
    X(FILTERED, filtered, "did not match the filter (-f)")                                     \
    X(NOT_SAMPLED, not_sampled, "of a session that is not one of those kept (--sample 1/N)")   \
    X(ENTRY_TAKEN, entry_taken, "met a session's entry in the instant in which it is taken out")

enum unaccounted_reason {
#define X(upper, lower, help) UNACCOUNTED_##upper,
    UNACCOUNTED_REASONS(X)
#undef X
        UNACCOUNTED_COUNT,
};

/* Events that were given up, or forced another way. None of them loses a session's counts, but
 * SPILL_FAILED, which loses the counts of one finished session. */
#define EVENT_COUNTERS(X)                                                                          \
    X(LIFECYCLE_RING_FULL, lifecycle_ring_full, "announcements not sent; the sweep finds them")    \
    X(PAYLOAD_RING_FULL, payload_ring_full, "payload samples not sent; see payload_lost")          \
    X(PAYLOAD_LOAD_FAILED, payload_load_failed, "payload samples that could not be read")          \
    X(REUSED, reused, "table entries that a new session took over")                                \
    X(SPILLED, spilled, "finished sessions kept aside since the ring was full")                    \
    X(SPILL_FAILED, spill_failed, "finished sessions lost since the ring and the spill were full") \
    X(FLOWS_CREATED, flows_created, "table entries made")                                          \
    X(PULLED, pulled, "packets whose headers lay outside their linear part")                       \
    X(PAYLOAD_OVER_RATE, payload_over_rate, "socket buffers whose payload --payload-rate cut off") \
    X(ICMP_ERRORS, icmp_errors,                                                                    \
      "ICMP errors that quoted a session; see icmp_errors of its record")                          \
    X(ICMP_ERRORS_UNKNOWN, icmp_errors_unknown, "ICMP errors that quoted no session known here")   \
    X(NOTES_FULL, notes_full, "ICMP errors and tunnels that found no room beside their session")   \
    X(TUNNEL_SCOPES_FULL, tunnel_scopes_full, "sessions in tunnels of more ids than are told apart")

enum event_counter {
#define X(upper, lower, help) EVENT_##upper,
    EVENT_COUNTERS(X)
#undef X
        EVENT_COUNT,
};

/* ---- rings ---------------------------------------------------------------------------------- */

enum record_type {
    RECORD_OPENED = 1,
    RECORD_ESTABLISHED,
    RECORD_CLOSED,
    RECORD_REUSED, /* struct record_flow: the session that lost its entry to a new one */
    RECORD_TAKEN,  /* struct record_flow in map taken: user space ended it */
};

/* Lifecycle ring. Times are CLOCK_MONOTONIC. */
struct record_event {
    __u32 type; /* enum record_type */
    __u32 ifindex;
    __u64 flow_id;
    __u64 time_ns;
    struct flow_key key;
};
_Static_assert(sizeof(struct record_event) == 64, "record_event");

/* RECORD_REUSED in the lifecycle ring, and the value of the maps spill and taken (by flow id). */
struct record_flow {
    struct record_event event;
    struct flow flow;
};
_Static_assert(sizeof(struct record_flow) == 680, "record_flow");

/* ---- taking an entry ------------------------------------------------------------------------ */

#define TAKE_BATCH 64 /* entries that one run of sesstap_take takes at most */
/* What user space asks of the program sesstap_take, and what it answers. */
struct take {
    struct flow_key key;
    __u64 flow_id;
    __u32 reason; /* why user space ends it, enum close_reason: goes to record.event.ifindex */
    __u8 keep;    /* also put it into map taken */
    __u8 alone;   /* no program tracks packets any more */
    __u8 last;    /* none comes after it */
    __u8 pad;
    __s64 result; /* 0, -ENOENT, -ESTALE: another session's entry; -EAGAIN; what map taken said */
    struct record_flow record;
};
_Static_assert(sizeof(struct take) == 744, "take");

enum sample_flag {
    SAMPLE_MORE = 1 << 0,         /* another record with the rest of this skb follows */
    SAMPLE_NEXT = 1 << 1,         /* not the first record of its skb */
    SAMPLE_DATA_DOUBTED = 1 << 2, /* enum tcp_doubt */
    SAMPLE_ACK_DOUBTED = 1 << 3,
    SAMPLE_INNER = 1 << 4, /* the session is that of the packet inside of a tunnel */
};

/*
 * Payload ring: the headers of a packet (link layer to layer 4) and then cap_len bytes of its
 * payload from chunk_off on. A large skb is spread over several records, each with the headers.
 * The record's room may exceed headers_len + cap_len: size classes.
 */
struct record_sample {
    __u64 flow_id;
    __u64 time_ns;
    __u32 ifindex;
    __u32 skb_len;       /* whole skb, link-layer header included */
    __u32 payload_len;   /* whole skb, layer-4 payload on the wire */
    __u32 chunk_off;     /* first payload byte of this record in that payload */
    __u32 chunk_len;     /* payload bytes on the wire that this record stands for */
    __u32 cap_len;       /* of these, bytes that follow; <= chunk_len */
    __u32 old_bytes;     /* of payload_len, bytes seen before; same in each record of the skb */
    __u16 headers_len;   /* bytes before the payload */
    __u16 gso_size;      /* payload of each wire packet but the last; 0: one packet */
    __u16 gso_segs;      /* wire packets */
    __u16 vlan_tci;      /* offloaded tag, 0: none */
    __u8 from;           /* endpoint that sent it */
    __u8 flags;          /* enum sample_flag */
    __u8 hook;           /* enum hook_direction */
    __u8 l3_only;        /* no link-layer header */
    __u64 pkt_index;     /* flow.pkts[0] + flow.pkts[1] with this skb's packets counted */
    struct flow_key key; /* so that a sample can come before its session's announcement */
};
_Static_assert(sizeof(struct record_sample) == 104, "record_sample");

#define SAMPLE_CHUNK_BYTES 18432 /* payload in one record at most: two jumbo frames of 9216 */
#define SAMPLE_CHUNKS      5     /* a 64 KB skb; the rest of a larger one counts as lost */
#define SAMPLE_HEADERS_MAX 192   /* longer headers are cut, and the sample counts as lost */

/* ---- knobs ---------------------------------------------------------------------------------- */

#define DEPTH_ALL     (~0ULL)
#define DEPTH_CHOICES 16 /* filters of --depth-for */
#define RATE_SHIFT    16
#define RATE_BURST_NS \
    100000000ULL /* of the payload rate that was not used, so much can be saved up */
/* Read-only data of the programs, set before load. */
struct track_conf {
    __u64 depth_bytes;          /* of each direction's stream; 0 none, DEPTH_ALL */
    __u32 snaplen_bytes;        /* of each packet's payload */
    __u32 sample_headers;       /* also packets with no payload */
    __u32 lifecycle_wake_bytes; /* backlog that wakes user space */
    __u32 payload_wake_bytes;
    __u32 filter;                          /* filter_skb, filter_xdp are to be asked */
    __u32 depth_filters;                   /* how many; 0: all sessions have depth_bytes */
    __u32 depth_choice[1 + DEPTH_CHOICES]; /* depths by what depth_filter_* say; FLOW_DEPTH_ALL */
    __u32 sample_one_in;                   /* sessions; 1: all are kept */
    __u64 sample_seed;
    __u64 rate_ns_per_byte; /* of sampled payload, times 2^RATE_SHIFT; 0: no limit */
    __u32 tunnels;          /* look inside of tunnels */
    __u32 namespaces;       /* programs run in several: work.iface_base says in which */
};

#endif
