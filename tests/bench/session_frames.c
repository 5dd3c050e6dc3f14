/* SPDX-License-Identifier: Apache-2.0 */
/* See session_frames.h. */
#include "bench/session_frames.h"

#include <arpa/inet.h>
#include <string.h>

#define CLIENT_ISN 0
#define SERVER_ISN 1000

/* Nobody's, locally administered: a kernel that gets the frame leaves it alone. */
static const uint8_t dst_mac[6] = {2, 0, 0, 0, 0, 1}, src_mac[6] = {2, 0, 0, 0, 0, 2};

static void frame_init(struct frame *frame, uint8_t flags, uint32_t seq, uint32_t ack)
{
    memset(frame, 0, sizeof(*frame));
    memcpy(frame->eth.dst, dst_mac, sizeof(dst_mac));
    memcpy(frame->eth.src, src_mac, sizeof(src_mac));
    frame->eth.eth_type = htons(ETH_TYPE_IPV4);
    frame->ip.version_ihl = 0x45;
    frame->ip.ttl = 64;
    frame->ip.proto = IP_PROTO_TCP;
    frame->ip.total_length = htons(sizeof(*frame) - sizeof(frame->eth));
    frame->tcp.data_offset = (sizeof(frame->tcp) + sizeof(frame->options)) / 4 << 4;
    frame->tcp.flags = flags;
    frame->tcp.seq = htonl(seq);
    frame->tcp.ack = htonl(ack);
    frame->tcp.window = htons(501);
    memcpy(frame->options, "\1\1\10\12", 4);
}

/* A segment of flow number `flow`, from its client (or server) to the other. */
static void frame_address(struct frame *frame, uint32_t flow, int from_server)
{
    uint32_t client = htonl(MUTATE_SRC_ADDR + (flow >> MUTATE_PORT_BITS));
    uint16_t port = htons(MUTATE_SRC_PORT + (flow & ((1 << MUTATE_PORT_BITS) - 1)));

    frame->ip.src = from_server ? htonl(MUTATE_DST_ADDR) : client;
    frame->ip.dst = from_server ? client : htonl(MUTATE_DST_ADDR);
    frame->tcp.src_port = from_server ? htons(MUTATE_DST_PORT) : port;
    frame->tcp.dst_port = from_server ? port : htons(MUTATE_DST_PORT);
}

void opening_frame(struct frame *frame, uint32_t session, int step)
{
    static const uint8_t flags[OPENING_FRAMES] = {TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK};

    frame_init(frame, flags[step], step == 1 ? SERVER_ISN : CLIENT_ISN + (step == 2),
               step == 1 ? CLIENT_ISN + 1 : SERVER_ISN + (step == 2));
    frame_address(frame, session, step == 1);
}

void data_frame(uint8_t bytes[MUTATE_FRAME])
{
    struct frame *frame = (struct frame *)bytes;

    memset(bytes, 'x', MUTATE_FRAME);
    frame_init(frame, TCP_ACK | TCP_PSH, CLIENT_ISN + 1, SERVER_ISN + 1);
    frame->ip.total_length = htons(MUTATE_FRAME - sizeof(frame->eth));
    frame_address(frame, 0, 0);
}
