/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCP session as a readable script, one segment a line, with sequence numbers kept by itself:
 *
 *   c SYN opts=mss:1460,ws:7,sack            the client; 1 ms after the line before
 *   s SYN|ACK opts=mss:1400,ws:9   -> SYN_SENT SYN_RECEIVED
 *   +10ms c ACK                              +N(ns|us|ms|s): time since the line before
 *   c PSH|ACK "GET /"                        payload as text, or data=N bytes of the alphabet
 *   s ACK data=1000 lost                     sent, so the numbers move on, but not seen
 *   s ACK data=1000 seq=-1000                what a number would be, and so much more or less
 *   c ACK ack=1 seq=@7                       relative to the side's first number; @: as it is
 *   # a comment; a line may be indented; ; ends a line as well
 *
 * Words: seq= ack= win= opts= (as the packet builder has it) data= id= (IPv4) tos= pkts= (wire
 * packets of the socket buffer) lost. Numbers begin at isn, which the caller sets, so one script can
 * be played at any place of the sequence space. After -> : what the caller wants to compare.
 */
#ifndef SESSTAP_TESTS_SCRIPT_H
#define SESSTAP_TESTS_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct script_side {
    const char *addr; /* IPv4 or IPv6 as text, both sides alike */
    uint16_t port;
    uint32_t isn;
    uint32_t nxt; /* one past the highest number sent */
};

struct script {
    const char *at;             /* text not read yet */
    const char *link;           /* layers before the IP header, NULL: "eth" */
    struct script_side side[2]; /* client, server */
    uint64_t time_ns;           /* of the last segment */
};

#define SCRIPT_TEXT 4096
struct segment {
    int from; /* index into side */
    uint8_t flags;
    uint32_t seq;
    uint32_t ack;
    uint32_t payload_len;
    uint32_t pkts;
    uint64_t time_ns;
    bool lost;
    char line[256];          /* of the script, for messages */
    char expect[96];         /* what stands after -> */
    char frame[SCRIPT_TEXT]; /* for packet_build */
};

/* Set up: sides 10.0.0.1:40000 and 10.0.0.2:80, numbers from the two given on, time 1 s. */
void script_init(struct script *script, const char *text, uint32_t client_isn, uint32_t server_isn);

/*
 * The next segment that is seen (lost ones are passed over). Returns false at the end. A line that
 * can't be read stops the program with a message.
 */
bool script_next(struct script *script, struct segment *segment);

#endif
