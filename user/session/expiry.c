/* SPDX-License-Identifier: Apache-2.0 */
#include "session/expiry.h"

#include "tcp.h"

#define SECOND_NS 1000000000ull

/* Under pressure sessions that say little are given up after this long. */
#define PRESSURE_IDLE_NS (2 * SECOND_NS)

static uint64_t idle_ns(const struct flow *flow, uint64_t now_ns)
{
    uint64_t last =
        flow->dir[0].last_ns > flow->dir[1].last_ns ? flow->dir[0].last_ns : flow->dir[1].last_ns;

    if (last < flow->first_ns)
        last = flow->first_ns;
    return now_ns > last ? now_ns - last : 0;
}

static enum close_reason expiry_check_tcp(uint32_t bits, uint64_t idle, bool pressure)
{
    switch (tcp_session_state(bits)) {
    case TCP_STATE_SYN_SENT:
    case TCP_STATE_SYN_RECEIVED:
        if (idle >= EXPIRY_SYN_S * SECOND_NS)
            return CLOSE_SYN_TIMEOUT;
        return pressure && idle >= PRESSURE_IDLE_NS ? CLOSE_EVICTED : CLOSE_NONE;
    case TCP_STATE_CLOSE_WAIT:
        return idle >= EXPIRY_HALF_CLOSED_S * SECOND_NS ? CLOSE_TIMEOUT : CLOSE_NONE;
    case TCP_STATE_LAST_ACK:
        return idle >= (pressure ? PRESSURE_IDLE_NS : EXPIRY_LAST_ACK_S * SECOND_NS) ? CLOSE_FIN
                                                                                     : CLOSE_NONE;
    default:
        return idle >= EXPIRY_ESTABLISHED_S * SECOND_NS ? CLOSE_TIMEOUT : CLOSE_NONE;
    }
}

enum close_reason expiry_check(const struct flow *flow, const struct flow_key *key, uint64_t now_ns,
                               bool pressure)
{
    const uint32_t both_seen = FLOW_SEEN | FLOW_SEEN << FLOW_ENDPOINT_SHIFT;
    uint64_t idle = idle_ns(flow, now_ns), limit;

    switch (key->l4_proto) {
    case IP_PROTO_TCP:
        return expiry_check_tcp(flow->bits, idle, pressure);
    case IP_PROTO_UDP:
        limit = (flow->bits & both_seen) == both_seen ? EXPIRY_UDP_S : EXPIRY_UDP_UNREPLIED_S;
        break;
    case IP_PROTO_SCTP:
        return idle >= EXPIRY_SCTP_S * SECOND_NS ? CLOSE_TIMEOUT : CLOSE_NONE;
    default:
        limit = EXPIRY_ICMP_S;
        break;
    }
    if (idle >= limit * SECOND_NS)
        return CLOSE_TIMEOUT;
    return pressure && idle >= PRESSURE_IDLE_NS ? CLOSE_EVICTED : CLOSE_NONE;
}
