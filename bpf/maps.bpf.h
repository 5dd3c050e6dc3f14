/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Every map: its key, its value, and why it has this type and size. User space sets the sizes marked 1. */
#ifndef SESSTAP_MAPS_BPF_H
#define SESSTAP_MAPS_BPF_H

#include "pinned.h"
#include "tcp.h"
#include "tunnel.h"
#include <bpf/bpf_helpers.h>

/* The ledger. Preallocated, never LRU: a full table refuses a session aloud, it drops none. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1);
    __type(key, struct flow_key);
    __type(value, struct flow);
} flows SEC(".maps");

/*
 * Finished sessions whose entry a new session took over while the lifecycle ring was full, by flow id.
 * Allocated as it is used: it is empty but when user space stands still. As large as the table.
 */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1);
    __type(key, __u64);
    __type(value, struct record_flow);
} spill SEC(".maps");

/*
 * What few sessions have, by flow id: user space takes it with the session. Allocated as it is used; as
 * large as the table, since with --tunnels each session may have one.
 */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1);
    __type(key, __u64);
    __type(value, struct flow_note);
} flow_notes SEC(".maps");

/* First fragments. LRU: one that goes too early costs a name for the later ones, fragment_no_first. 2.5 MB. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, FRAGMENT_FIRSTS);
    __type(key, struct fragment_key);
    __type(value, struct fragment_first);
} fragments SEC(".maps");

/* The scope of what is inside of tunnels, by their id. 100 KB. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TUNNEL_SCOPES);
    __type(key, struct tunnel_scope_key);
    __type(value, __u16);
} tunnel_scopes SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} tunnel_scope_next SEC(".maps");

/* Small and apart from payload, so that payload can't drown a session's end: 16 k announcements. */
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 20);
} lifecycle_ring SEC(".maps");

/* Payload samples. A page when no payload is sampled. */
struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 1 << 12);
} payload_ring SEC(".maps");

/*
 * What a program must know of an interface, by ifindex. Interfaces of a small index are here, where
 * the lookup is one load (25 ns less a packet than in a hash); slot 0 says there is none. 512 KB.
 */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, IFACES_NEAR);
    __type(key, __u32);
    __type(value, struct iface_conf);
} near_ifaces SEC(".maps");

/* The others. An interface is in one of the two. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, IFACE_SLOTS);
    __type(key, __u32);
    __type(value, struct iface_conf);
} ifaces SEC(".maps");

/* Everything that passed, by the interface's slot; slot 0 is for interfaces in neither map. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, IFACE_SLOTS);
    __type(key, __u32);
    __type(value, struct iface_seen);
} seen SEC(".maps");

/* What belongs to no session, by enum unaccounted_reason. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, UNACCOUNTED_COUNT);
    __type(key, __u32);
    __type(value, struct traffic);
} unaccounted SEC(".maps");

/* By enum event_counter. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, EVENT_COUNT);
    __type(key, __u32);
    __type(value, __u64);
} events SEC(".maps");

/*
 * The payload budget (--payload-rate), all CPUs': the time, CLOCK_MONOTONIC, until which what was sampled so far
 * has used it up. One word, since all CPUs' samples go through one ring anyway.
 */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} payload_budget SEC(".maps");

/*
 * What one packet's work needs, apart from the stack: a new entry or the copy of an old one is too
 * large for it, and what lies here the verifier does not follow, so that the many ways through the
 * parser are one from there on.
 */
struct work {
    /* With conf.namespaces: what makes the ifindex a number, set by the program that called ours. First:
     * user/source/live/entry.c writes it. */
    __u32 iface_base;
    __u32 pad;
    struct packet pkt;
    struct iface_conf iface;
    struct flow_syn syn;
    __u32 opts_len;
    __u32 doubts;      /* enum tcp_doubt, of the segment that was not a plain one */
    __u32 depth_bytes; /* of a session that begins with this packet */
    __u8 opts[TCP_OPTIONS_BUFFER];
    struct record_flow copy;
    struct fragment_first first;
    struct packet inner; /* of a tunnel, or quoted by an ICMP error */
    struct tunnel tunnel;
    struct flow_note note; /* in the making */
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct work);
} works SEC(".maps");

/*
 * Headers that are outside the linear part of their packet, copied to be parsed. As large as the
 * furthest that the verifier lets a packet pointer be from its start (MAX_PACKET_OFF), so the parser
 * passes with this as with a packet. By CPU, as a per-CPU map has no room for it.
 */
struct head {
    __u8 bytes[65536];
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct head);
} heads SEC(".maps");

/* The requests that sesstap_take works on, and its answers; user space has them mapped. 47 KB. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, TAKE_BATCH);
    __type(key, __u32);
    __type(value, struct take);
} take_room SEC(".maps");

/*
 * With --pin: sessions that are over, by flow id, until their records are in the file. As large as the
 * table, allocated as it is used.
 */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1);
    __type(key, __u64);
    __type(value, struct record_flow);
} taken SEC(".maps");

/* With --pin: what user space knows of open sessions. A quarter more than the table has entries. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct session_note);
} notes SEC(".maps");

/* With --pin: the rest of what the next process must know. 630 KB. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct pin_state);
} state SEC(".maps");

#endif
