/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What `run --pin` keeps for the next process besides the flow table: maps that only user space writes, by
 * mmap, so that a store is kept whatever becomes of the process. A kill can come between any two stores.
 */
#ifndef SESSTAP_PINNED_H
#define SESSTAP_PINNED_H

#include "abi.h"

/* What user space alone knows of a session that is not over. Map notes, a slot a session. */
struct session_note {
    __u64 id;     /* flow.id, written last; 0: the slot is free */
    __u64 number; /* struct session has the meaning of these */
    __u64 stream_index;
    __u64 updates;
    __u64 created_ns;
    __u64 recorded_ns;
    char instance[16];
};
_Static_assert(sizeof(struct session_note) == 64, "session_note");

/* Sums over the sessions whose records are written. */
struct pin_totals {
    __u64 sessions;
    __u64 skbs;
    __u64 pkts;
    __u64 payload_lost_bytes;
    __u64 sessions_with_loss;
};

#define PIN_LINES 8192
/* A session's last record on its way to the file. */
struct pin_line {
    __u64 batch; /* as pin_state.batch, written last; any other: the entry is free */
    __u64 flow_id;
    __u64
        end_bytes; /* size of the file when the whole line is in it; 0: there is no line to write */
    __u64 skbs;
    __u64 pkts;
    __u64 payload_lost_bytes;
    __u32 note;  /* index in notes, from 1; 0: it has none */
    __u32 noted; /* it has a struct flow_note */
};
_Static_assert(sizeof(struct pin_line) == 56, "pin_line");

#define PIN_SCOPES 1024
/* The scope that a bridge was given, so that keys stay the same. */
struct pin_scope {
    __u32 ifindex; /* number of the bridge, 0: free */
    __u16 scope;
    __u16 pad;
};

/* Another network namespace that is tracked: what the numbers of its interfaces have in common stays the same. */
struct pin_space {
    __u64 cookie; /* SO_NETNS_COOKIE, written last; 0: free */
    __u32 base;   /* see IFACE_ELSEWHERE */
    __u32 order;  /* a lower one was met earlier */
};

#define PIN_SPACE_SCOPES 8192
/* What is a scope inside of a namespace, and the one that its sessions' keys have for it. */
struct pin_space_scope {
    __u32 base; /* of the namespace, written last; 0: free */
    __u16 there;
    __u16 here;
};

struct pin_spaces {
    __u32 last_number; /* given out; the next is looked for after it, so that one rests after use */
    __u32 last_order;
    __u32 last_scope;
    __u32 pad;
    struct pin_space spaces[IFACE_SPACES];
    struct pin_space_scope scopes[PIN_SPACE_SCOPES];
};

/* How an interface was called that some session's packets came from. By slot. */
struct pin_name {
    __u32 ifindex; /* its number; 0: free */
    char name[84]; /* with its namespace's before it, and a slash */
};

enum session_kind { SESSION_TCP, SESSION_UDP, SESSION_ICMP, SESSION_SCTP, SESSION_KINDS };

/* What was given out: the next session's number and stream index follow. */
struct session_numbers {
    __u64 sessions;
    __u64 streams[SESSION_KINDS];
};

/* The one value of map state. */
struct pin_state {
    __u32 abi_version;
    __u32 pad;
    __u64 layout; /* hash of all map layouts */
    __u64 netns;  /* SO_NETNS_COOKIE of the network namespace */
    __s64 wall_offset_ns;
    __u64 sample_seed; /* so that --sample goes on with the same sessions */
    __u64 starts;      /* processes so far */
    struct session_numbers numbers;
    __u64 file_dev; /* where the lines go */
    __u64 file_ino;
    char version[64];
    char whisperer[72];
    __u64
        batch; /* totals[batch & 1] are the present ones; lines of this batch are not in them yet */
    struct pin_totals totals[2];
    struct pin_line lines[PIN_LINES];
    struct pin_scope scopes[PIN_SCOPES];
    struct pin_spaces spaces;
    struct pin_name names[IFACE_SLOTS];
};

#endif
