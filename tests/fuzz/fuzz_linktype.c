/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a frame of any link type, and what is inside if it is a tunnel: what was found lies within the
 * frame. Input: link type (2 bytes), bytes cut off (1), frame.
 */
#include <stdlib.h>
#include <string.h>

#include "source/capfile/linktype.h"
#include "tunnel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct packet *pkt, int verdict, const struct packet_cursor *cur,
                  uint32_t wire_len)
{
    if (cur->pos < cur->start || verdict < 0 || verdict >= UNACCOUNTED_COUNT)
        abort();
    if (verdict)
        return;
    if (cur->pos > cur->end || pkt->l3_off > pkt->l4_off || pkt->l4_off >= pkt->payload_off ||
        pkt->l4_off + 8 > cur->end - cur->start || pkt->payload_off + pkt->payload_len > wire_len)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct packet pkt = {0}, inner = {0};
    struct packet_cursor cur;
    struct tunnel tunnel;
    uint32_t wire_len;
    uint16_t linktype;
    int verdict;

    if (size < 3)
        return 0;
    linktype = (uint16_t)(data[0] << 8 | data[1]);
    wire_len = (uint32_t)size - 3 + data[2];
    cur = (struct packet_cursor){data + 3, data + 3, data + size};
    verdict = linktype_parse(linktype, &pkt, &cur, wire_len);
    if (verdict && !linktype_is_known(linktype) && verdict != UNACCOUNTED_NOT_IP)
        abort();
    check(&pkt, verdict, &cur, wire_len);
    if (!tunnel_inner(&pkt, &cur, wire_len, &tunnel))
        return 0;
    if (tunnel.wire_len > wire_len || tunnel.kind == TUNNEL_NONE)
        abort();
    verdict = tunnel_parse_inner(&inner, &cur, &tunnel);
    check(&inner, verdict, &cur, tunnel.wire_len);
    return 0;
}
