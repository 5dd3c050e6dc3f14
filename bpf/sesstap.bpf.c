/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The kernel side, as a table of contents: TC programs for both directions, each
 * parse -> track -> count -> sample. They look and never touch: other programs run after them.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "sample.bpf.h"

#define TC_NEXT (-1) /* TCX_NEXT and TC_ACT_UNSPEC */

#define PULL_BYTES 256 /* headers that a second look makes linear */

/* Parse what is in the linear part of the skb. In line: a call would cost 8 ns a packet. */
static __always_inline int parse_linear(struct __sk_buff *skb, struct packet *pkt, int l3_only)
{
    struct packet_cursor cur = {
        .start = (const __u8 *)(long)skb->data,
        .pos = (const __u8 *)(long)skb->data,
        .end = (const __u8 *)(long)skb->data_end,
    };
    __u16 eth_type = WIRE_HOST16(skb->protocol);

    if (!l3_only) {
        const struct eth_hdr *eth = packet_take(&cur, sizeof(*eth));

        if (!eth)
            return UNACCOUNTED_TRUNCATED;
        eth_type = WIRE_HOST16(eth->eth_type);
    }
    return packet_parse_eth_type(pkt, &cur, eth_type, skb->len);
}

/*
 * Headers outside the linear part: have the kernel bring them in, then parse again. Not static: a
 * global function is verified once, by itself, and not again for each way that leads to it.
 */
__noinline int parse_pulled(struct __sk_buff *skb, struct packet *pkt, int l3_only)
{
    __u32 len = skb->len < PULL_BYTES ? skb->len : PULL_BYTES;

    if (!pkt || skb->data_end - skb->data >= len || bpf_skb_pull_data(skb, len))
        return UNACCOUNTED_TRUNCATED;
    count_event(EVENT_PULLED);
    __builtin_memset(pkt, 0, sizeof(*pkt));
    return parse_linear(skb, pkt, l3_only);
}

static __always_inline int parse(struct __sk_buff *skb, struct packet *pkt, int l3_only)
{
    int err = parse_linear(skb, pkt, l3_only);

    if (err == UNACCOUNTED_TRUNCATED)
        err = parse_pulled(skb, pkt, l3_only);
    if (skb->vlan_present) {
        pkt->vlan[1] = pkt->vlan[0];
        pkt->vlan[0] = (__u16)skb->vlan_tci;
    }
    return err;
}

/* The options of a SYN, copied to where their length need not be known before. */
static __always_inline void read_syn(struct __sk_buff *skb, struct work *work)
{
    __u32 len = work->pkt.l4_hdr_len - sizeof(struct tcp_hdr);

    __builtin_memset(&work->syn, 0, sizeof(work->syn));
    __builtin_memset(work->opts, 0, sizeof(work->opts));
    SAMPLE_OPAQUE(len);
    if (len > TCP_OPTIONS_MAX)
        len = TCP_OPTIONS_MAX;
    if (len && bpf_skb_load_bytes(skb, work->pkt.l4_off + sizeof(struct tcp_hdr), work->opts, len))
        len = 0;
    tcp_parse_syn(&work->syn, work->opts, len, work->pkt.tcp_flags);
}

/*
 * The unusual segments of a session: all but plain data and acknowledgments. Returns how many of
 * the payload's bytes were seen before. Global, like parse_pulled.
 */
__noinline __u32 track_unusual(struct __sk_buff *skb, struct flow *flow, struct work *work,
                               __u32 pkts, __u64 now_ns)
{
    struct tcp_verdict verdict;

    if (!flow || !work)
        return 0;
    if (work->pkt.tcp_flags & TCP_SYN)
        read_syn(skb, work);
    if (tcp_is_restart(flow, &work->pkt, now_ns) &&
        !flow_restart(flow, work, &work->iface, skb->ifindex, now_ns))
        return 0;
    verdict = tcp_track_any(flow, &work->pkt, pkts, &work->syn, now_ns);
    if (verdict.events & TCP_EV_ESTABLISHED)
        announce(&work->pkt.key, flow->id, RECORD_ESTABLISHED, skb->ifindex, now_ns);
    if (verdict.events & TCP_EV_CLOSED)
        announce(&work->pkt.key, flow->id, RECORD_CLOSED, skb->ifindex, now_ns);
    return verdict.old_bytes;
}

static __always_inline void sample(struct sample *s, __u32 depth_left)
{
    __u32 wanted = depth_left < conf.snaplen_bytes ? depth_left : conf.snaplen_bytes;

    if (s->pkt->payload_len ? wanted : (__u32)sample_wants_headers(s->flow, s->pkt))
        sample_skb(s, wanted);
}

/* A packet of a session, counted here and nowhere else. */
static __always_inline void track(struct __sk_buff *skb, struct flow *flow, struct work *work,
                                  const struct iface_conf *iface, __u32 hook, __u32 pkts,
                                  __u64 now_ns)
{
    const struct packet *pkt = &work->pkt;
    struct sample s = {
        .skb = skb,
        .pkt = pkt,
        .flow = flow,
        .now_ns = now_ns,
        .hook = hook,
        .pkts = pkts,
        .headers_len = pkt->payload_off,
        .l3_only = iface->l3_only,
    };
    __u32 depth_left = 0;

    if (pkt->key.l4_proto == IP_PROTO_TCP && !tcp_track_expected(flow, pkt, now_ns))
        s.old_bytes = track_unusual(skb, flow, work, pkts, now_ns);
    if (conf.depth_bytes)
        depth_left = flow_depth_left(flow, pkt, conf.depth_bytes);
    flow_count(flow, pkt, pkts, s.old_bytes, now_ns);
    if (conf.depth_bytes)
        sample(&s, depth_left);
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

static __always_inline void classify(struct __sk_buff *skb, enum hook_direction hook)
{
    __u32 ifindex = skb->ifindex, zero = 0, reason;
    struct skb_size size = {.bytes = skb->len, .pkts = skb->gso_segs};
    struct work *work = bpf_map_lookup_elem(&works, &zero);
    const struct iface_conf *iface;
    struct flow *flow;
    __u64 now_ns;

    if (!size.pkts)
        size.pkts = 1;
    if (!work || !read_iface(&work->iface, ifindex)) {
        count_seen(0, hook, &size);
        count_unaccounted(UNACCOUNTED_NO_INTERFACE, &size);
        return;
    }
    iface = &work->iface;
    count_seen(iface->slot, hook, &size);
    if (hook == HOOK_INGRESS && iface->loopback) {
        count_unaccounted(UNACCOUNTED_OTHER_HOP, &size);
        return;
    }
    __builtin_memset(&work->pkt, 0, sizeof(work->pkt));
    reason = (__u32)parse(skb, &work->pkt, iface->l3_only);
    if (reason) {
        count_unaccounted(reason, &size);
        return;
    }
    work->pkt.key.scope = iface->scope;
    now_ns = bpf_ktime_get_ns();
    flow = bpf_map_lookup_elem(&flows, &work->pkt.key);
    if (!flow) {
        flow = flow_create(work, iface, ifindex, now_ns, &reason);
        if (!flow) {
            count_unaccounted(reason, &size);
            return;
        }
    }
    if (flow->ifindex != ifindex) {
        flow_note_path(flow, ifindex);
        count_unaccounted(UNACCOUNTED_OTHER_HOP, &size);
        return;
    }
    track(skb, flow, work, iface, hook, size.pkts, now_ns);
}

SEC("tc")
int sesstap_ingress(struct __sk_buff *skb)
{
    classify(skb, HOOK_INGRESS);
    return TC_NEXT;
}

SEC("tc")
int sesstap_egress(struct __sk_buff *skb)
{
    classify(skb, HOOK_EGRESS);
    return TC_NEXT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
