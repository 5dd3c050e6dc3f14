/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of capture files: socket buffers as the kernel holds them, the packets that they
 * must become, built field by field on their own, and readers that others wrote.
 */
#ifndef SESSTAP_CAPTURE_SUPPORT_H
#define SESSTAP_CAPTURE_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sink/capture.h"

#define FRAME_MAX   (256 * 1024)
#define HEADERS_MAX 256

/* A TCP or UDP packet. Zero is a plain TCP packet over IPv4 and Ethernet with no payload. */
struct frame_spec {
    bool l3_only;
    bool is_v6;
    bool is_udp;
    bool udp_no_checksum;
    bool jumbo; /* IPv6: with the hop-by-hop header of packets beyond 64 KB */
    uint8_t tcp_flags;
    bool tcp_timestamps;
    bool ip_router_alert; /* an IPv4 option */
    uint16_t vlan_tci;    /* in the frame: behind 0x8100; 0: none */
    uint16_t ip_id;
    uint16_t client; /* added to its port */
    uint32_t seq;
    uint32_t payload_len;
};

enum frame_checksum {
    CHECKSUM_FULL,   /* as it must be on the wire */
    CHECKSUM_PSEUDO, /* left to the card: the pseudo header only */
    CHECKSUM_WRONG,  /* 0xbad1, whatever it should be */
};

/* Byte at offset of the payload that every test packet carries. */
uint8_t payload_byte(uint32_t offset);
/* A run of at least FRAME_MAX such bytes. */
const uint8_t *payload_bytes(void);

/* Builds the headers in out (HEADERS_MAX); the checksum covers payload bytes from offset on. Their length. */
uint32_t build_headers(uint8_t *out, const struct frame_spec *spec, uint32_t offset,
                       enum frame_checksum checksum);
/* Headers and payload in one, checksum full. The length. out: FRAME_MAX. */
uint32_t build_frame(uint8_t *out, const struct frame_spec *spec, uint32_t offset);

/* The checksum as RFC 1071 has it: 16 bits after 16 bits, complemented, host order. */
uint16_t naive_checksum(const uint8_t *data, size_t len, uint32_t sum);

/* A whole file read by libpcap. */
struct read_packet {
    uint64_t wall_ns;
    uint32_t cap_len;
    uint32_t wire_len;
    uint8_t *bytes;
};

struct read_file {
    int link_type;
    int snaplen;
    size_t count;
    struct read_packet *packets;
};

/* Fails the test when libpcap does not like the file. */
struct read_file read_capture(const char *path);
void read_file_free(struct read_file *file);

/* A folder of its own below $TMPDIR or /tmp; removed with all files in it. */
char *scratch_make(void);
void scratch_remove(char *dir);
/* dir/name, in a buffer that the next call but seven overwrites. */
const char *scratch_path(const char *dir, const char *name);

/* What a command prints, both outputs apart; false when the program is not there (said on stdout). */
bool run_tool(char **out, char **err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/*
 * tshark, with all checksums verified, and capinfos have nothing to say about the file, and count
 * that many packets. Says so and passes when the tools are not there.
 */
void assert_tools_content(const char *path, unsigned int packets);

#endif
