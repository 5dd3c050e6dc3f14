/* SPDX-License-Identifier: Apache-2.0 */
/* The words for what a session is, and how it ended. */
#include "session/session.h"

#include "tcp.h"

const char *close_reason_name(enum close_reason reason)
{
    static const char *const names[CLOSE_REASONS] = {
        [CLOSE_NONE] = "none",
        [CLOSE_FIN] = "fin",
        [CLOSE_RST] = "rst",
        [CLOSE_TIMEOUT] = "timeout",
        [CLOSE_SYN_TIMEOUT] = "syn_timeout",
        [CLOSE_REUSED] = "reused",
        [CLOSE_EVICTED] = "evicted",
        [CLOSE_SHUTDOWN] = "shutdown",
        [CLOSE_CAPTURE_END] = "capture_end",
    };

    return (unsigned int)reason < CLOSE_REASONS ? names[reason] : "none";
}

const char *close_by_name(enum close_by by)
{
    if (by == CLOSE_BY_CLIENT)
        return "client";
    return by == CLOSE_BY_SERVER ? "server" : NULL;
}

enum close_reason session_close_reason(const struct flow *flow, enum close_by *by)
{
    const __u32 both_fin_acked = FLOW_FIN_ACKED | FLOW_FIN_ACKED << FLOW_ENDPOINT_SHIFT;
    __u32 bits = flow->bits, endpoint;
    enum close_reason reason = CLOSE_RST;

    *by = CLOSE_BY_UNKNOWN;
    if (!(bits & FLOW_CLOSED))
        return CLOSE_NONE;
    /* A RST after both FINs were acknowledged ends nothing any more. */
    if ((bits & both_fin_acked) == both_fin_acked) {
        reason = CLOSE_FIN;
        endpoint = !!(bits & FLOW_FIN_FIRST_1);
    } else {
        endpoint = !!(bits & FLOW_RST_FIRST_1);
    }
    *by = endpoint == flow_client(flow) ? CLOSE_BY_CLIENT : CLOSE_BY_SERVER;
    return reason;
}

const char *tcp_state_name(unsigned int state)
{
    static const char *const names[TCP_STATE_COUNT] = {
        [TCP_STATE_CLOSED] = "CLOSED",           [TCP_STATE_LISTEN] = "LISTEN",
        [TCP_STATE_SYN_SENT] = "SYN_SENT",       [TCP_STATE_SYN_RECEIVED] = "SYN_RECEIVED",
        [TCP_STATE_ESTABLISHED] = "ESTABLISHED", [TCP_STATE_FIN_WAIT_1] = "FIN_WAIT_1",
        [TCP_STATE_FIN_WAIT_2] = "FIN_WAIT_2",   [TCP_STATE_CLOSE_WAIT] = "CLOSE_WAIT",
        [TCP_STATE_CLOSING] = "CLOSING",         [TCP_STATE_LAST_ACK] = "LAST_ACK",
        [TCP_STATE_TIME_WAIT] = "TIME_WAIT",
    };

    return state < TCP_STATE_COUNT ? names[state] : "CLOSED";
}

const char *l4_proto_name(uint8_t l4_proto)
{
    switch (l4_proto) {
    case IP_PROTO_TCP:
        return "tcp";
    case IP_PROTO_UDP:
        return "udp";
    case IP_PROTO_ICMP:
        return "icmp";
    case IP_PROTO_ICMPV6:
        return "icmpv6";
    case IP_PROTO_SCTP:
        return "sctp";
    default:
        return "ip";
    }
}
