/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The ledger's entry: how one begins, is counted, and is read. What kernel and user space share of
 * every protocol; what is TCP's own is in tcp.h.
 */
#ifndef SESSTAP_FLOW_H
#define SESSTAP_FLOW_H

#include "packet.h"

/* In the kernel two CPUs may hold one entry; in user space a table has one owner. */
#ifdef __bpf__
#define FLOW_ADD(ptr, n)    ((void)__sync_fetch_and_add((ptr), (n)))
#define FLOW_OR(ptr, mask)  __sync_fetch_and_or((ptr), (mask))
#define FLOW_AND(ptr, mask) ((void)__sync_fetch_and_and((ptr), (mask)))
#define FLOW_XOR(ptr, mask) ((void)__sync_fetch_and_xor((ptr), (mask)))
#define FLOW_TAKE(ptr)      __sync_lock_test_and_set((ptr), 0) /* what it was; then it is 0 */
#else
#define FLOW_ADD(ptr, n)    ((void)(*(ptr) += (n)))
static inline __attribute__((unused)) __u32 flow_or_(__u32 *ptr, __u32 mask)
{
    __u32 old = *ptr;

    *ptr = old | mask;
    return old;
}
#define FLOW_OR(ptr, mask)  flow_or_((ptr), (mask))
#define FLOW_XOR(ptr, mask) ((void)(*(ptr) ^= (mask)))
#endif

#define FLOW_WELL_KNOWN_PORT 1024

/* Endpoint of the client, 0 or 1. */
PACKET_INLINE __u32 flow_client(const struct flow *flow)
{
    return !!(flow->bits & FLOW_CLIENT_1);
}

/* Socket buffers of an endpoint's direction. */
PACKET_INLINE __u64 flow_skbs(const struct flow *flow, __u32 from)
{
    return flow->pkts[from & 1] - flow->quality[from & 1].gso_extra_pkts;
}

/* IP header bytes, options and extension headers included, of an endpoint's wire packets. */
PACKET_INLINE __u64 flow_l3_bytes(const struct flow *flow, const struct flow_key *key, __u32 from)
{
    return flow->pkts[from & 1] * (key->ip_version == 4 ? 20 : 40) +
           flow->quality[from & 1].l3_hdr_extra;
}

PACKET_INLINE __u32 flow_l4_hdr_base(__u8 l4_proto)
{
    if (l4_proto == IP_PROTO_TCP)
        return TCP_HDR_BASE;
    return l4_proto == IP_PROTO_SCTP ? 12 : 8;
}

/* Layer-4 header bytes, TCP options included, of an endpoint's wire packets. */
PACKET_INLINE __u64 flow_l4_bytes(const struct flow *flow, const struct flow_key *key, __u32 from)
{
    return flow->pkts[from & 1] * flow_l4_hdr_base(key->l4_proto) +
           (__u64)flow->dir[from & 1].l4_hdr_extra;
}

/*
 * Who is the client of a session whose beginning was missed: the side whose port is not a well-known
 * one, else the side with the higher port, else the first sender. Returns the endpoint.
 */
PACKET_INLINE __u32 flow_guess_client(const struct flow_key *key, __u32 from)
{
    __u16 port0 = WIRE_HOST16(key->port[0]), port1 = WIRE_HOST16(key->port[1]);

    if ((port0 < FLOW_WELL_KNOWN_PORT) != (port1 < FLOW_WELL_KNOWN_PORT))
        return port0 < FLOW_WELL_KNOWN_PORT;
    if (key->l4_proto == IP_PROTO_TCP && port0 != port1)
        return port1 > port0;
    return from;
}

/*
 * Begin a session in a zeroed entry with the packet that was seen first. Neither the packet nor
 * its TCP state is counted yet: flow_count and tcp_track do that for every packet.
 */
PACKET_INLINE void flow_begin(struct flow *flow, const struct packet *pkt, __u64 id, __u64 now_ns)
{
    const struct flow_key *key = &pkt->key;
    __u32 client = pkt->from;
    __u32 bits = 0;

    if (key->l4_proto == IP_PROTO_TCP) {
        __u8 handshake = pkt->tcp_flags & (TCP_SYN | TCP_ACK);

        if (handshake == TCP_SYN)
            bits |= FLOW_CLIENT_SURE;
        else
            bits |= FLOW_MISSED_SYN;
        if (handshake == (TCP_SYN | TCP_ACK))
            client = !pkt->from;
        else if (handshake != TCP_SYN)
            client = flow_guess_client(key, pkt->from);
    } else if (key->l4_proto == IP_PROTO_ICMP || key->l4_proto == IP_PROTO_ICMPV6) {
        if (pkt->icmp_type != packet_icmp_request(pkt->icmp_type, key->l4_proto == IP_PROTO_ICMPV6))
            client = !pkt->from;
        flow->icmp_type = pkt->icmp_type;
        flow->icmp_code = pkt->icmp_code;
    } else {
        client = flow_guess_client(key, pkt->from);
    }
    if (client)
        bits |= FLOW_CLIENT_1;
    flow->bits = bits;
    flow->id = id;
    flow->first_ns = now_ns;
    flow->vlan[0] = pkt->vlan[0];
    flow->vlan[1] = pkt->vlan[1];
}

/* Payload that the session had not carried before changes who speaks: packet lots. */
PACKET_INLINE void flow_count_payload(struct flow *flow, const struct packet *pkt, __u32 old_bytes)
{
    __u32 from = pkt->from & 1;

    FLOW_ADD(&flow->dir[from].payload_bytes, pkt->payload_len);
    flow->last_data_pkt = flow->pkts[0] + flow->pkts[1];
    if (old_bytes >= pkt->payload_len)
        return;
    if (flow->lots == 0 || flow->last_data_from != from) {
        flow->last_data_from = (__u8)from;
        FLOW_ADD(&flow->lots, 1);
    }
}

/*
 * Count one skb: pkts wire packets, of whose payload old_bytes were seen before (TCP). Exact on
 * any number of CPUs. The usual packet pays two atomic adds; unusual headers and segmentation
 * offload pay for themselves.
 */
PACKET_INLINE void flow_count(struct flow *flow, const struct packet *pkt, __u32 pkts,
                              __u32 old_bytes, __u64 now_ns)
{
    __u32 from = pkt->from & 1;
    struct flow_dir *dir = from ? &flow->dir[1] : &flow->dir[0];
    __u32 l3_base = pkt->key.ip_version == 4 ? 20 : 40;

    FLOW_ADD(&flow->pkts[from], pkts);
    dir->last_ns = now_ns;
    if (!(flow->bits & FLOW_BIT(from, FLOW_SEEN)))
        FLOW_OR(&flow->bits, FLOW_BIT(from, FLOW_SEEN));
    if (pkt->payload_len)
        flow_count_payload(flow, pkt, old_bytes);
    if (pkt->key.l4_proto == IP_PROTO_TCP && pkt->l4_hdr_len != TCP_HDR_BASE)
        FLOW_ADD(&dir->l4_hdr_extra, ((__s64)pkt->l4_hdr_len - TCP_HDR_BASE) * pkts);
    if (PACKET_UNLIKELY(pkt->frag_off) && pkt->key.l4_proto != IP_PROTO_TCP)
        FLOW_ADD(&dir->l4_hdr_extra, -(__s64)flow_l4_hdr_base(pkt->key.l4_proto));
    if (PACKET_UNLIKELY(pkts > 1))
        FLOW_ADD(&flow->quality[from].gso_extra_pkts, pkts - 1);
    if (PACKET_UNLIKELY(pkt->l3_hdr_len != l3_base))
        FLOW_ADD(&flow->quality[from].l3_hdr_extra, (__u64)(pkt->l3_hdr_len - l3_base) * pkts);
    if (PACKET_UNLIKELY((pkt->tos & 3) == 3))
        FLOW_ADD(&flow->quality[from].ce_pkts, pkts);
}

/* How far before the first byte seen a segment of a session seen late may still begin. */
#define FLOW_EARLY_BYTES (1 << 20)

/*
 * How much of this packet's payload the depth limit lets through, in bytes from its start. Call
 * after tcp_track, before flow_count. TCP: by position in the stream, in its first 2 GB; else by
 * bytes so far.
 */
PACKET_INLINE __u32 flow_depth_left(const struct flow *flow, const struct packet *pkt,
                                    __u64 depth_bytes)
{
    const struct flow_dir *dir = (pkt->from & 1) ? &flow->dir[1] : &flow->dir[0];
    __u64 done = dir->payload_bytes;

    if (depth_bytes == DEPTH_ALL)
        return pkt->payload_len;
    if (pkt->key.l4_proto == IP_PROTO_TCP && done < (1u << 31)) {
        __u32 at = pkt->seq - dir->first_seq - 1;

        if ((pkt->tcp_flags & TCP_SYN) || at >= 0u - FLOW_EARLY_BYTES)
            at = 0;
        done = at;
    }
    if (done >= depth_bytes)
        return 0;
    depth_bytes -= done;
    return depth_bytes < pkt->payload_len ? (__u32)depth_bytes : pkt->payload_len;
}

#endif
