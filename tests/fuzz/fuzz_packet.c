/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a frame: the parser reads none beyond them and contradicts neither itself nor a
 * shorter snapshot. The first two bytes say how much longer the frame was on the wire.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"

static void must(int holds)
{
    if (!holds)
        abort();
}

static int parse(struct packet *pkt, const uint8_t *data, size_t len, uint32_t wire_len)
{
    uint8_t *frame = malloc(len + !len);
    struct packet_cursor cur = {frame, frame, frame + len};
    int verdict;

    memcpy(frame, data, len);
    memset(pkt, 0, sizeof(*pkt));
    verdict = packet_parse_eth(pkt, &cur, wire_len);
    must(cur.start == frame && cur.end == frame + len);
    free(frame);
    return verdict;
}

static void check_offsets(const struct packet *pkt, uint32_t wire_len)
{
    must(pkt->l3_off >= 14 && pkt->l3_hdr_len >= (pkt->key.ip_version == 4 ? 20 : 40));
    must(pkt->l4_off == pkt->l3_off + pkt->l3_hdr_len);
    must(pkt->payload_off == pkt->l4_off + pkt->l4_hdr_len);
    must((uint64_t)pkt->payload_off + pkt->payload_len <= wire_len);
    must(pkt->vlan_count <= PACKET_VLAN_TAGS && pkt->from <= 1);
    must(pkt->key.ip_version == 4 || pkt->key.ip_version == 6);
    must(!pkt->is_fragment == !(pkt->is_fragment || pkt->frag_more || pkt->frag_off));
}

static void check_headers(const struct packet *pkt)
{
    const struct flow_key *key = &pkt->key;

    if (key->l4_proto == IP_PROTO_TCP)
        must(pkt->l4_hdr_len >= 20 && pkt->l4_hdr_len <= 60);
    else
        must(pkt->l4_hdr_len == (key->l4_proto == IP_PROTO_SCTP ? 12 : 8));
    must(key->addr[0].half[1] < key->addr[1].half[1] ||
         (key->addr[0].half[1] == key->addr[1].half[1] &&
          key->addr[0].half[0] <= key->addr[1].half[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct packet whole, part;
    uint32_t wire_len;
    int verdict, cut;

    if (size < 2)
        return 0;
    wire_len = (uint32_t)(size - 2) + data[0] % 8 * 256u + data[1];
    verdict = parse(&whole, data + 2, size - 2, wire_len);
    must(verdict >= 0 && verdict < UNACCOUNTED_COUNT);
    if (verdict == 0 || verdict == UNACCOUNTED_FRAGMENT_NO_FIRST)
        check_offsets(&whole, wire_len);
    if (verdict == 0)
        check_headers(&whole);
    must((verdict == UNACCOUNTED_FRAGMENT_NO_FIRST) <= (whole.frag_off != 0));
    cut = parse(&part, data + 2, (size - 2) / 2, wire_len);
    must(cut == verdict || cut == UNACCOUNTED_TRUNCATED || verdict == UNACCOUNTED_TRUNCATED);
    if (!part.ts_val &&
        !part.ts_ecr) { /* options that are not at hand are no reason to give a packet up */
        part.ts_val = whole.ts_val;
        part.ts_ecr = whole.ts_ecr;
    }
    if (cut == 0)
        must(verdict == 0 && !memcmp(&whole, &part, sizeof(whole)));
    return 0;
}
