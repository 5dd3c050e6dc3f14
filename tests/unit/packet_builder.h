/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames from a readable line, for every test that needs packets: layers from the outside in, parted
 * by " / ", with lengths, next-protocol fields and checksums filled in unless a word overrides them.
 *
 *   eth [type=N]                              vlan ID [tpid=N] [pcp=N]
 *   mpls LABEL                                pppoe
 *   ip SRC > DST [tos= id= ttl= ver= ihl= len= proto= frag=BYTES mf df opts=BYTES sum=]
 *   ip6 SRC > DST [class= ver= len= next=]
 *   hop | dst | route | mobility [next= size=BYTES]
 *   ah [next= size=BYTES]                     frag OFFSET [next= id= mf]
 *   tcp SPORT > DPORT FLAGS [seq= ack= win= doff= opts=OPTION,OPTION... sum=]
 *   udp SPORT > DPORT [len= sum=]             sctp SPORT > DPORT [tag=]
 *   icmp TYPE [code= id= seq=]                icmp6 TYPE [code= id= seq=]
 *   data N [from=OFFSET]     N bytes of the alphabet, as they are from OFFSET of a stream on
 *   text "..."               bytes up to the closing quote
 *   hex 00ff...              bytes
 *   pad N                    zeros that no header counts (Ethernet padding)
 *
 * FLAGS: SYN|ACK ..., or NONE. OPTION: mss:N, ws:N, sack, ts:VALUE:ECHO, nop, end, mptcp, fo:HEX,
 * raw:HEX; filled up with zeros to a multiple of four. Numbers as in C. Addresses as text; doff and
 * ihl in words of four bytes; len as the header has it.
 */
#ifndef SESSTAP_TESTS_PACKET_BUILDER_H
#define SESSTAP_TESTS_PACKET_BUILDER_H

#include <stddef.h>
#include <stdint.h>

#define PACKET_BUILDER_ROOM 70000 /* bytes that hold every frame */

/* Build the frame; returns its length. A line that can't be read stops the program with a message. */
size_t packet_build(uint8_t *frame, size_t room, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "SYN|ACK" to TCP flag bits; -1 when it is none. Shared with script.c. */
int packet_flags_of(const char *text);

#endif
