/* SPDX-License-Identifier: Apache-2.0 */
/* pcap with nanoseconds: one header, then packets. */
#include "sink/capture_file.h"

#define PCAP_MAGIC_NANOSECONDS 0xa1b23c4du
#define NS_PER_SECOND          1000000000u

struct pcap_file_header {
    uint32_t magic;
    uint16_t version_major;
    uint16_t version_minor;
    int32_t zone_offset;
    uint32_t accuracy;
    uint32_t snaplen;
    uint32_t link_type;
};
_Static_assert(sizeof(struct pcap_file_header) == 24, "pcap_file_header");

struct pcap_packet_header {
    uint32_t seconds;
    uint32_t nanoseconds;
    uint32_t captured_len;
    uint32_t original_len;
};
_Static_assert(sizeof(struct pcap_packet_header) == 16, "pcap_packet_header");

int pcap_write_header(struct outfile *out, uint32_t link_type, uint32_t snaplen)
{
    const struct pcap_file_header header = {
        .magic = PCAP_MAGIC_NANOSECONDS,
        .version_major = 2,
        .version_minor = 4,
        .snaplen = snaplen ? snaplen : CAPTURE_SNAPLEN_MAX,
        .link_type = link_type,
    };

    return outfile_write(out, &header, sizeof(header));
}

int pcap_write_packet(struct outfile *out, uint64_t wall_ns, const struct wire_packet *wire)
{
    const struct pcap_packet_header header = {
        .seconds = (uint32_t)(wall_ns / NS_PER_SECOND),
        .nanoseconds = (uint32_t)(wall_ns % NS_PER_SECOND),
        .captured_len = wire->headers_len + wire->cap_len,
        .original_len = wire->wire_len,
    };
    int error = outfile_write(out, &header, sizeof(header));

    if (!error)
        error = outfile_write(out, wire->headers, wire->headers_len);
    if (!error && wire->cap_len)
        error = outfile_write(out, wire->payload, wire->cap_len);
    return error;
}
