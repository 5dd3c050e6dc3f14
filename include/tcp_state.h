/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The bits of a flow read as TCP states: of each endpoint, and of the session in one word. */
#ifndef SESSTAP_TCP_STATE_H
#define SESSTAP_TCP_STATE_H

#include "packet.h"

/* RFC 9293 section 3.3.2 */
enum tcp_state {
    TCP_STATE_CLOSED,
    TCP_STATE_LISTEN,
    TCP_STATE_SYN_SENT,
    TCP_STATE_SYN_RECEIVED,
    TCP_STATE_ESTABLISHED,
    TCP_STATE_FIN_WAIT_1,
    TCP_STATE_FIN_WAIT_2,
    TCP_STATE_CLOSE_WAIT,
    TCP_STATE_CLOSING,
    TCP_STATE_LAST_ACK,
    TCP_STATE_TIME_WAIT,
    TCP_STATE_COUNT,
};

/* Of SYNs that crossed (RFC 9293 section 3.5, figure 7) the second one is the server's and has no ACK. */
PACKET_INLINE enum tcp_state tcp_state_of_opening(__u32 mine, __u32 theirs, int is_server)
{
    if (mine & FLOW_SYNACK)
        return TCP_STATE_SYN_RECEIVED;
    if (mine & (FLOW_SYN | FLOW_SYN_ACKED))
        return is_server || (theirs & (FLOW_SYN | FLOW_SYNACK)) == FLOW_SYN ? TCP_STATE_SYN_RECEIVED
                                                                            : TCP_STATE_SYN_SENT;
    return TCP_STATE_LISTEN;
}

/* The state of an endpoint (0 or 1) as its packets, and the acknowledgments it got, show it. */
PACKET_INLINE enum tcp_state tcp_endpoint_state(__u32 bits, __u32 endpoint)
{
    __u32 mine = bits >> (endpoint ? FLOW_ENDPOINT_SHIFT : 0),
          theirs = bits >> (endpoint ? 0 : FLOW_ENDPOINT_SHIFT);
    int i_first = !!(bits & FLOW_FIN_FIRST_1) == !!endpoint;
    int is_server = !!(bits & FLOW_CLIENT_1) != !!endpoint;

    if ((mine | theirs) & FLOW_RST)
        return TCP_STATE_CLOSED;
    if (!(mine & FLOW_FIN)) {
        if (theirs & FLOW_FIN)
            return TCP_STATE_CLOSE_WAIT;
        return bits & FLOW_ESTABLISHED ? TCP_STATE_ESTABLISHED
                                       : tcp_state_of_opening(mine, theirs, is_server);
    }
    if (!(theirs & FLOW_FIN))
        return mine & FLOW_FIN_ACKED ? TCP_STATE_FIN_WAIT_2 : TCP_STATE_FIN_WAIT_1;
    if (bits & FLOW_CLOSE_BOTH)
        return mine & FLOW_FIN_ACKED ? TCP_STATE_TIME_WAIT : TCP_STATE_CLOSING;
    if (!i_first)
        return mine & FLOW_FIN_ACKED ? TCP_STATE_CLOSED : TCP_STATE_LAST_ACK;
    if (theirs & FLOW_FIN_ACKED)
        return mine & FLOW_FIN_ACKED ? TCP_STATE_TIME_WAIT : TCP_STATE_CLOSING;
    return mine & FLOW_FIN_ACKED ? TCP_STATE_FIN_WAIT_2 : TCP_STATE_FIN_WAIT_1;
}

/*
 * The session's one-word summary: SYN_SENT, SYN_RECEIVED, ESTABLISHED, CLOSE_WAIT (one FIN),
 * LAST_ACK (two), CLOSED (both acknowledged, or a RST).
 */
PACKET_INLINE enum tcp_state tcp_session_state(__u32 bits)
{
    const __u32 both_fin = FLOW_FIN | FLOW_FIN << FLOW_ENDPOINT_SHIFT;

    if (bits & FLOW_CLOSED)
        return TCP_STATE_CLOSED;
    if ((bits & both_fin) == both_fin)
        return TCP_STATE_LAST_ACK;
    if (bits & both_fin)
        return TCP_STATE_CLOSE_WAIT;
    if (bits & FLOW_ESTABLISHED)
        return TCP_STATE_ESTABLISHED;
    return bits & (FLOW_SYNACK | FLOW_SYNACK << FLOW_ENDPOINT_SHIFT) ? TCP_STATE_SYN_RECEIVED
                                                                     : TCP_STATE_SYN_SENT;
}

#endif
