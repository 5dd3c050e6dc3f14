/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a frame's first byte to the network layer, for each link type that capture files may have. What
 * follows the link layer is left to the one parser (packet.h).
 */
#ifndef SESSTAP_LINKTYPE_H
#define SESSTAP_LINKTYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "packet.h"

/* As registered at tcpdump.org/linktypes.html; the raw IP and loopback types of some systems, too. */
enum linktype {
    LINKTYPE_NULL = 0,
    LINKTYPE_ETHERNET = 1,
    LINKTYPE_PPP = 9,
    LINKTYPE_RAW_BSD = 12,
    LINKTYPE_RAW_OPENBSD = 14,
    LINKTYPE_PPP_HDLC = 50,
    LINKTYPE_PPP_ETHER = 51,
    LINKTYPE_RAW = 101,
    LINKTYPE_C_HDLC = 104,
    LINKTYPE_IEEE802_11 = 105,
    LINKTYPE_LOOP = 108,
    LINKTYPE_LINUX_SLL = 113,
    LINKTYPE_IEEE802_11_PRISM = 119,
    LINKTYPE_IEEE802_11_RADIOTAP = 127,
    LINKTYPE_IEEE802_11_AVS = 163,
    LINKTYPE_IPV4 = 228,
    LINKTYPE_IPV6 = 229,
    LINKTYPE_LINUX_SLL2 = 276,
};

/* As linktype_parse, for what is no Ethernet. An unknown type is UNACCOUNTED_NOT_IP. */
int linktype_parse_other(uint16_t linktype, struct packet *pkt, struct packet_cursor *cur,
                         uint32_t wire_len);

/*
 * Parse a frame, cur at its first byte; wire_len: its length before it was cut, at least what is there.
 * Result as packet_parse_l3; *pkt must be zeroed. 802.11: frames that are encrypted, fragments, aggregates or
 * carry no data are UNACCOUNTED_NOT_IP.
 */
static inline int linktype_parse(uint16_t linktype, struct packet *pkt, struct packet_cursor *cur,
                                 uint32_t wire_len)
{
    if (PACKET_LIKELY(linktype == LINKTYPE_ETHERNET))
        return packet_parse_eth(pkt, cur, wire_len);
    return linktype_parse_other(linktype, pkt, cur, wire_len);
}

/* As registered, without the prefix ("IEEE802_11"), also of types that can't be parsed; else "unknown". */
const char *linktype_name(uint16_t linktype);
/* linktype_parse can look into such frames. */
bool linktype_is_known(uint16_t linktype);

#endif
