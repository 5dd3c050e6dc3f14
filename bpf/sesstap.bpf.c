/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The kernel side, as a table of contents: TC programs for both directions and XDP for the way in, each
 * filter -> parse -> track -> count -> sample. They look and never touch: other programs run after them.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "classify.bpf.h"
#include "filter.bpf.h"
#include "sampling.h"
#include "take.bpf.h"

#define TC_NEXT (-1) /* TCX_NEXT and TC_ACT_UNSPEC */

#define XDP_PASS 2

/* From the cursor on; l3_type as frame_l3_type has it. */
static __always_inline int parse_from(struct packet_cursor *cur, struct packet *pkt,
                                      __u32 frame_bytes, __u16 l3_type)
{
    if (!l3_type) {
        const struct eth_hdr *eth = packet_take(cur, sizeof(*eth));

        if (!eth)
            return UNACCOUNTED_TRUNCATED;
        l3_type = WIRE_HOST16(eth->eth_type);
    }
    return packet_parse_eth_type(pkt, cur, l3_type, frame_bytes);
}

/* Parse what can be read through pointers. In line: a call would cost 8 ns a packet. */
static __always_inline int parse_linear(const struct frame *frame, struct packet *pkt,
                                        __u16 l3_type)
{
    struct packet_cursor cur = frame_linear(frame);

    return parse_from(&cur, pkt, frame->size.bytes, l3_type);
}

/*
 * Parse len bytes of a frame that were copied. Not static: a global function is verified once, by
 * itself, and not again for each way that leads to it.
 */
__noinline int parse_copied(const struct head *head, __u32 len, struct packet *pkt,
                            __u32 frame_bytes, __u16 l3_type)
{
    struct packet_cursor cur;

    if (!head || !pkt || len > sizeof(*head))
        return UNACCOUNTED_TRUNCATED;
    cur.start = cur.pos = head->bytes;
    cur.end = head->bytes + len;
    __builtin_memset(pkt, 0, sizeof(*pkt));
    return parse_from(&cur, pkt, frame_bytes, l3_type);
}

/* Headers outside the linear part: copy the first bytes, and only if these do not do, all of them. */
static __always_inline int parse_scattered(const struct frame *frame, struct packet *pkt,
                                           __u16 l3_type)
{
    __u32 len = HEAD_BYTES;
    int err = UNACCOUNTED_TRUNCATED;

    for (int i = 0; err == UNACCOUNTED_TRUNCATED && i < 2; i++) {
        struct head *head = copy_head(frame, &len);

        if (!head)
            break;
        err = parse_copied(head, len, pkt, frame->size.bytes, l3_type);
        len = sizeof(*head);
    }
    if (err != UNACCOUNTED_TRUNCATED)
        count_event(EVENT_PULLED);
    return err;
}

static __always_inline int parse(const struct frame *frame, struct packet *pkt, int l3_only)
{
    __u16 l3_type = frame_l3_type(frame, l3_only);
    int err = parse_linear(frame, pkt, l3_type), vlan;

    if (err == UNACCOUNTED_TRUNCATED && frame_is_scattered(frame))
        err = parse_scattered(frame, pkt, l3_type);
    vlan = frame_offloaded_vlan(frame->ctx, frame->kind);
    if (vlan >= 0) {
        pkt->vlan[1] = pkt->vlan[0];
        pkt->vlan[0] = (__u16)vlan;
    }
    return err;
}

/* The options of a SYN, copied to where their length need not be known before. */
static __always_inline void load_syn(const struct frame *frame, struct work *work)
{
    __u32 len = work->pkt.l4_hdr_len - sizeof(struct tcp_hdr);

    __builtin_memset(work->opts, 0, sizeof(work->opts));
    if (frame_load(frame->ctx, frame->kind, work->pkt.l4_off + sizeof(struct tcp_hdr), work->opts,
                   len, TCP_OPTIONS_MAX))
        len = 0;
    work->opts_len = len;
}

static __always_inline void read_syn(struct work *work)
{
    __builtin_memset(&work->syn, 0, sizeof(work->syn));
    if (work->opts_len + sizeof(struct tcp_hdr) < work->pkt.l4_hdr_len)
        work->syn.options = TCP_OPTIONS_CUT;
    tcp_parse_syn(&work->syn, work->opts, work->opts_len, work->pkt.tcp_flags);
}

/*
 * The unusual segments of a session: all but plain data and acknowledgments. Returns how many of
 * the payload's bytes were seen before; work->doubts: enum tcp_doubt. Global, like parse_copied. It finds the work itself: kernels
 * before 6.2 take no argument of a global function for a map's key or value.
 */
__noinline __u32 track_unusual(struct flow *flow, __u32 ifindex, __u32 pkts, __u64 now_ns)
{
    __u32 zero = 0;
    struct work *work = bpf_map_lookup_elem(&works, &zero);
    struct tcp_verdict verdict;

    if (!flow || !work)
        return 0;
    work->doubts = 0;
    if (work->pkt.tcp_flags & TCP_SYN)
        read_syn(work);
    if ((tcp_is_restart(flow, &work->pkt, now_ns) || flow_is_overdue(flow)) &&
        !flow_restart(flow, work, &work->iface, ifindex, now_ns))
        return 0;
    verdict = tcp_track_any(flow, &work->pkt, pkts, &work->syn, now_ns);
    if (verdict.events & TCP_EV_ESTABLISHED)
        announce(&work->pkt.key, flow->id, RECORD_ESTABLISHED, ifindex, now_ns);
    if (verdict.events & TCP_EV_CLOSED)
        announce(&work->pkt.key, flow->id, RECORD_CLOSED, ifindex, now_ns);
    work->doubts = verdict.doubts;
    return verdict.old_bytes;
}

/* depth_left: payload bytes of this frame that the session's depth lets through. */
static __always_inline void sample(struct sample *s, enum frame_kind kind, __u64 depth_bytes,
                                   __u32 depth_left)
{
    __u32 wanted = depth_left < conf.snaplen_bytes ? depth_left : conf.snaplen_bytes;

    if (s->pkt->payload_len ? !wanted : !sample_wants_headers(s->flow, s->pkt, depth_bytes))
        return;
    if (conf.rate_ns_per_byte && wanted && !budget_take(wanted, s->now_ns)) {
        count_event(EVENT_PAYLOAD_OVER_RATE);
        FLOW_ADD(&s->flow->over_rate_bytes, wanted > s->old_bytes ? wanted - s->old_bytes : 0);
        if (!conf.sample_headers)
            return;
        wanted = 0;
    }
    kind == FRAME_XDP ? sample_xdp(s, wanted) : sample_skb(s, wanted);
}

/* The depth of a session that begins with this frame, for flow_place. */
static __always_inline void choose_depth(const struct frame *frame, struct work *work,
                                         const struct iface_conf *iface)
{
    __u32 choice = filter_depth_choice(frame, iface->l3_only);

    work->depth_bytes = conf.depth_choice[choice <= DEPTH_CHOICES ? choice : 0];
}

/* The same of a sample in the making; returns how many bytes at the payload's beginning are not new. */
static __always_inline __u32 track_unexpected(const struct frame *frame, struct sample *s,
                                              struct work *work, const struct iface_conf *iface)
{
    __u32 doubts;

    if (work->pkt.tcp_flags & TCP_SYN) {
        load_syn(frame, work);
        if (conf.depth_filters)
            choose_depth(frame, work, iface);
    }
    s->old_bytes = track_unusual(s->flow, s->flow->ifindex, frame->size.pkts, s->now_ns);
    doubts = work->doubts * SAMPLE_DATA_DOUBTED;
    s->extra |= (__u8)doubts;
    return doubts & SAMPLE_DATA_DOUBTED ? work->pkt.payload_len : s->old_bytes;
}

/* A packet of a session, counted here and nowhere else. */
static __always_inline void track(const struct frame *frame, struct flow *flow, struct work *work,
                                  const struct iface_conf *iface, __u64 now_ns)
{
    const struct packet *pkt = &work->pkt;
    struct sample s = {
        .ctx = frame->ctx,
        .pkt = pkt,
        .flow = flow,
        .now_ns = now_ns,
        .hook = frame->hook,
        .pkts = frame->size.pkts,
        .headers_len = pkt->payload_off,
        .l3_only = iface->l3_only,
        .extra = conf.tunnels && work->tunnel.kind ? SAMPLE_INNER : 0,
    };
    __u64 depth_bytes = 0;
    __u32 depth_left = 0, not_new = 0;

    if (pkt->key.l4_proto == IP_PROTO_TCP) {
        if (!tcp_track_expected(flow, pkt, now_ns))
            not_new = track_unexpected(frame, &s, work, iface);
    } else if (PACKET_UNLIKELY(icmp_pkt_is_error(pkt))) {
        tie_icmp_error(frame);
    }
    if (conf.depth_bytes || conf.depth_filters) {
        depth_bytes = session_depth(flow, pkt);
        depth_left = flow_depth_left(flow, pkt, depth_bytes);
    }
    flow_count(flow, pkt, frame->size.pkts, not_new, now_ns);
    if (conf.depth_bytes || conf.depth_filters)
        sample(&s, frame->kind, depth_bytes, depth_left);
}

/* Copied, so that the verifier needs not look at all that follows once for either map. */
static __always_inline int read_iface(struct iface_conf *iface, __u32 ifindex)
{
    const struct iface_conf *found = bpf_map_lookup_elem(&near_ifaces, &ifindex);

    if (!found || !found->slot)
        found = bpf_map_lookup_elem(&ifaces, &ifindex);
    if (found)
        *iface = *found;
    return !!found;
}

static __always_inline void classify(const struct frame *frame)
{
    const struct frame_size *size = &frame->size;
    __u32 ifindex = frame->ifindex, zero = 0, reason;
    struct work *work = bpf_map_lookup_elem(&works, &zero);
    const struct iface_conf *iface;
    struct flow *flow;
    __u64 now_ns;

    if (conf.namespaces && work && frame->kind == FRAME_SKB)
        ifindex |= work->iface_base;
    if (!work || !read_iface(&work->iface, ifindex)) {
        count_seen(0, frame->hook, size);
        count_unaccounted(UNACCOUNTED_NO_INTERFACE, size);
        return;
    }
    iface = &work->iface;
    count_seen(iface->slot, frame->hook, size);
    if (frame->hook == HOOK_INGRESS && iface->loopback) {
        count_unaccounted(UNACCOUNTED_OTHER_HOP, size);
        return;
    }
    if (conf.filter && !filter_passes(frame, iface->l3_only)) {
        count_unaccounted(UNACCOUNTED_FILTERED, size);
        return;
    }
    __builtin_memset(&work->pkt, 0, sizeof(work->pkt));
    reason = (__u32)parse(frame, &work->pkt, iface->l3_only);
    if (conf.tunnels)
        reason = (__u32)enter_tunnel(frame, work, (int)reason);
    work->pkt.key.scope = iface->scope;
    if (conf.tunnels && work->tunnel.kind)
        work->pkt.key.scope = (__u16)tunnel_scope(iface->scope);
    now_ns = bpf_ktime_get_ns();
    if (PACKET_UNLIKELY(work->pkt.is_fragment))
        reason = (__u32)join_fragment(now_ns, (int)reason);
    if (reason) {
        count_unaccounted(reason, size);
        return;
    }
    flow = bpf_map_lookup_elem(&flows, &work->pkt.key);
    if (flow && PACKET_UNLIKELY(flow->bits & FLOW_WATCHED) && flow->ifindex == ifindex) {
        reason = (__u32)flow_enter(0);
        flow = reason ? 0 : bpf_map_lookup_elem(&flows, &work->pkt.key);
    }
    if (!flow && !reason) {
        if (conf.sample_one_in > 1 &&
            !sampling_keeps(&work->pkt.key, conf.sample_one_in, conf.sample_seed)) {
            count_unaccounted(UNACCOUNTED_NOT_SAMPLED, size);
            return;
        }
        if (conf.depth_filters)
            choose_depth(frame, work, iface);
        flow = flow_create(work, iface, ifindex, now_ns, &reason);
    }
    if (!flow) {
        count_unaccounted(reason, size);
        return;
    }
    if (flow->ifindex != ifindex) {
        if (!(flow->bits & FLOW_WATCHED))
            flow_note_path(flow, ifindex);
        count_unaccounted(UNACCOUNTED_OTHER_HOP, size);
        return;
    }
    track(frame, flow, work, iface, now_ns);
}

SEC("tc")
int sesstap_ingress(struct __sk_buff *skb)
{
    const struct frame frame = frame_of_skb(skb, HOOK_INGRESS);

    classify(&frame);
    return TC_NEXT;
}

SEC("tc")
int sesstap_egress(struct __sk_buff *skb)
{
    const struct frame frame = frame_of_skb(skb, HOOK_EGRESS);

    classify(&frame);
    return TC_NEXT;
}

/* In place of sesstap_ingress, on interfaces whose driver hands over packets before they are skbs. */
SEC("xdp.frags")
int sesstap_xdp(struct xdp_md *xdp)
{
    const struct frame frame = frame_of_xdp(xdp);

    classify(&frame);
    return XDP_PASS;
}

/* For bpf_loop: 1 ends it. */
static long take_one(__u32 i, void *ctx)
{
    struct take *take = bpf_map_lookup_elem(&take_room, &i);

    (void)ctx;
    if (!take)
        return 1;
    take->result = take_entry(take);
    return take->last ? 1 : 0;
}

/* User space ends sessions: run by BPF_PROG_TEST_RUN, its requests are in map take_room. */
SEC("syscall")
int sesstap_take(void *ctx)
{
    (void)ctx;
    bpf_loop(TAKE_BATCH, take_one, NULL, 0);
    return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
