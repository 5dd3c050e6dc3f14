/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a few packets need between parser and flow table: fragments find their first one, tunnels are looked
 * into, ICMP errors are tied to the session that they quote. What is not in line is global: verified
 * once, and it reads copies of headers, so that it is the same for TC and XDP.
 */
#ifndef SESSTAP_CLASSIFY_BPF_H
#define SESSTAP_CLASSIFY_BPF_H

#include "fragment.h"
#include "icmp_error.h"
#include "sample.bpf.h"

#define TUNNEL_TRUNCATED (-1)

#define HEAD_BYTES 256 /* headers that a second look copies, and a third one all there is */

/* ---- fragments -------------------------------------------------------------------------------- */

/* A fragment, parsed with this verdict, becomes a packet of its session. Returns the verdict then. */
__noinline int join_fragment(__u64 now_ns, int verdict)
{
    struct work *work = find_work();
    struct fragment_first *first;
    struct fragment_key key;

    if (!work)
        return verdict;
    if (verdict ? verdict != UNACCOUNTED_FRAGMENT_NO_FIRST : !fragment_is_first(&work->pkt))
        return verdict;
    fragment_key(&key, &work->pkt);
    if (verdict) {
        first = bpf_map_lookup_elem(&fragments, &key);
        return first ? fragment_join(&work->pkt, first, now_ns) : verdict;
    }
    __builtin_memset(&work->first, 0, sizeof(work->first));
    fragment_keep(&work->first, &work->pkt, now_ns);
    bpf_map_update_elem(&fragments, &key, &work->first, BPF_ANY);
    return 0;
}

/* ---- copies of headers ------------------------------------------------------------------------ */

/* The frame's first bytes, at most *len of them, which is then how many. NULL: they can't be had. */
static __always_inline struct head *copy_head(const struct frame *frame, __u32 *len)
{
    __u32 cpu = bpf_get_smp_processor_id(), want = *len;
    struct head *head = bpf_map_lookup_elem(&heads, &cpu);

    if (want > frame->size.bytes)
        want = frame->size.bytes;
    if (!head || frame_load(frame->ctx, frame->kind, 0, head, want, sizeof(*head)))
        return 0;
    *len = want;
    return head;
}

/* ---- tunnels ---------------------------------------------------------------------------------- */

/* Only these may hold a packet: most need no more than this look. */
static __always_inline int may_be_tunnel(const struct packet *pkt, int verdict)
{
    if (verdict)
        return verdict == UNACCOUNTED_L4_UNSUPPORTED;
    return pkt->key.l4_proto == IP_PROTO_UDP && tunnel_is_port(pkt);
}

/*
 * The packet in work becomes the one inside of it, if it is a tunnel's; the verdict is of that one then. Else
 * nothing changes; TUNNEL_TRUNCATED says that a longer copy might tell more.
 */
__noinline int parse_tunnel(const struct head *head, __u32 len, __u32 frame_bytes, int verdict)
{
    struct work *work = find_work();
    const struct packet *outer;
    struct packet_cursor cur;
    int inner;
    __u32 from;

    if (!head || !work || len > sizeof(*head))
        return verdict;
    cur.start = cur.pos = head->bytes;
    cur.end = head->bytes + len;
    outer = &work->pkt;
    if (!tunnel_inner(outer, &cur, frame_bytes, &work->tunnel)) {
        work->tunnel.kind = TUNNEL_NONE;
        return verdict;
    }
    __builtin_memset(&work->inner, 0, sizeof(work->inner));
    inner = tunnel_parse_inner(&work->inner, &cur, &work->tunnel);
    if (inner && !work->inner.frag_off) {
        work->tunnel.kind = TUNNEL_NONE;
        return inner == UNACCOUNTED_TRUNCATED ? TUNNEL_TRUNCATED : verdict;
    }
    __builtin_memset(&work->note, 0, sizeof(work->note));
    from = outer->from & 1;
    for (int i = 0; i < 2; i++) {
        work->note.outer[0][i] = from ? outer->key.addr[1].half[i] : outer->key.addr[0].half[i];
        work->note.outer[1][i] = from ? outer->key.addr[0].half[i] : outer->key.addr[1].half[i];
    }
    work->note.outer_version = outer->key.ip_version;
    work->note.tunnel_kind = work->tunnel.kind;
    work->note.tunnel_id = work->tunnel.id;
    work->pkt = work->inner;
    return inner;
}

/* A number for an id that is met for the first time; 0: there are no more. */
static __always_inline __u16 tunnel_scope_new(const struct tunnel_scope_key *key)
{
    __u32 zero = 0, *next = bpf_map_lookup_elem(&tunnel_scope_next, &zero), number;
    const __u16 *found;
    __u16 scope;

    if (!next || *next >= TUNNEL_SCOPES)
        return 0;
    number = __sync_fetch_and_add(next, 1);
    if (number >= TUNNEL_SCOPES)
        return 0;
    scope = (__u16)(TUNNEL_SCOPE_FIRST + number);
    if (!bpf_map_update_elem(&tunnel_scopes, key, &scope, BPF_NOEXIST))
        return scope;
    found = bpf_map_lookup_elem(&tunnel_scopes, key); /* another CPU was quicker */
    return found ? *found : 0;
}

/* The scope of what is inside: a tunnel with no id is part of the network around it. */
__noinline __u32 tunnel_scope(__u32 outer_scope)
{
    const struct work *work = find_work();
    struct tunnel_scope_key key = {0};
    const __u16 *found;
    __u16 scope;

    if (!work || !work->tunnel.id)
        return outer_scope;
    key.id = work->tunnel.id;
    key.outer_scope = (__u16)outer_scope;
    key.kind = work->tunnel.kind;
    found = bpf_map_lookup_elem(&tunnel_scopes, &key);
    scope = found ? *found : tunnel_scope_new(&key);
    if (scope)
        return scope;
    count_event(EVENT_TUNNEL_SCOPES_FULL);
    return outer_scope;
}

/* With --tunnels: the packet inside takes the place of the one around it. Returns the verdict. */
static __always_inline int enter_tunnel(const struct frame *frame, struct work *work, int verdict)
{
    __u32 len = HEAD_BYTES;
    int inner = TUNNEL_TRUNCATED;

    work->tunnel.kind = TUNNEL_NONE;
    if (!may_be_tunnel(&work->pkt, verdict))
        return verdict;
    for (int i = 0; i < 2 && inner == TUNNEL_TRUNCATED; i++) {
        struct head *head = copy_head(frame, &len);

        if (!head)
            return verdict;
        inner = parse_tunnel(head, len, frame->size.bytes, verdict);
        len = sizeof(*head);
    }
    return inner == TUNNEL_TRUNCATED ? verdict : inner;
}

/* ---- ICMP errors ------------------------------------------------------------------------------ */

/* Notes are made as they are needed. NULL: there is no room. */
static __always_inline struct flow_note *note_of(struct work *work, __u64 flow_id)
{
    struct flow_note *note = bpf_map_lookup_elem(&flow_notes, &flow_id);

    if (note)
        return note;
    __builtin_memset(&work->note, 0, sizeof(work->note));
    bpf_map_update_elem(&flow_notes, &flow_id, &work->note, BPF_NOEXIST);
    return bpf_map_lookup_elem(&flow_notes, &flow_id);
}

/* Count an error to the session that it quotes. */
__noinline int note_icmp_error(const struct head *head, __u32 len)
{
    struct work *work = find_work();
    struct flow_note *note;
    struct packet_cursor cur;
    struct flow *flow;

    if (!head || !work || len > sizeof(*head))
        return 0;
    cur.start = cur.pos = head->bytes;
    cur.end = head->bytes + len;
    __builtin_memset(&work->inner, 0, sizeof(work->inner));
    if (!icmp_quoted(&work->pkt, &cur, &work->inner)) {
        count_event(EVENT_ICMP_ERRORS_UNKNOWN);
        return 0;
    }
    flow = bpf_map_lookup_elem(&flows, &work->inner.key);
    if (flow && (flow->bits & FLOW_WATCHED))
        flow = flow_enter(1) ? 0 : bpf_map_lookup_elem(&flows, &work->inner.key);
    if (!flow || !icmp_quote_plausible(flow, &work->inner)) {
        count_event(EVENT_ICMP_ERRORS_UNKNOWN);
        return 0;
    }
    note = note_of(work, flow->id);
    if (!note) {
        count_event(EVENT_NOTES_FULL);
        return 0;
    }
    icmp_error_add(note, &work->pkt);
    FLOW_OR(&flow->bits, FLOW_NOTED);
    count_event(EVENT_ICMP_ERRORS);
    return 0;
}

static __always_inline void tie_icmp_error(const struct frame *frame)
{
    __u32 len = HEAD_BYTES;
    struct head *head = copy_head(frame, &len);

    if (head)
        note_icmp_error(head, len);
}

#endif
