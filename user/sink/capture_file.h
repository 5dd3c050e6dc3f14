/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two capture file formats, as they lie in the file; capture.c decides what goes in.
 * pcap: draft-ietf-opsawg-pcap. pcapng: draft-ietf-opsawg-pcapng. Both in the host's byte order.
 */
#ifndef SESSTAP_CAPTURE_FILE_H
#define SESSTAP_CAPTURE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/outfile.h"
#include "sink/capture.h"
#include "sink/segment.h"

#define LINKTYPE_ETHERNET 1
#define LINKTYPE_RAW      101
/* What readers take without question, and what "no bound" is written as in pcap (MAXIMUM_SNAPLEN). */
#define CAPTURE_SNAPLEN_MAX 262144

enum packet_direction { DIRECTION_UNKNOWN, DIRECTION_INBOUND, DIRECTION_OUTBOUND };

/* What pcapng tells about a packet beside its bytes. */
struct packet_note {
    uint64_t wall_ns;
    uint64_t drops;      /* since the interface's packet before; 0: not written */
    const char *comment; /* NULL: none */
    uint32_t interface;  /* number of its description in the file, from 0 */
    enum packet_direction direction;
};

/* All return 0 or -errno of the outfile. */
int pcap_write_header(struct outfile *out, uint32_t link_type, uint32_t snaplen);
int pcap_write_packet(struct outfile *out, uint64_t wall_ns, const struct wire_packet *wire);

/* The first block of a file: it names sesstap and the machine. */
int pcapng_write_section(struct outfile *out);
/* Interfaces are numbered in the order written, from 0. */
int pcapng_write_interface(struct outfile *out, uint32_t link_type,
                           const struct capture_interface *iface);
int pcapng_write_packet(struct outfile *out, const struct packet_note *note,
                        const struct wire_packet *wire);
/* Packets that the interface got and missed, as known at wall_ns. */
int pcapng_write_statistics(struct outfile *out, uint32_t interface, uint64_t wall_ns,
                            uint64_t ifrecv, uint64_t ifdrop);
/* None: nothing is written. -EINVAL: a name is empty or longer than CAPTURE_NAME_MAX_BYTES. */
int pcapng_write_names(struct outfile *out, const struct capture_name *names, size_t count);
/* type: as secrets_type of the format, such as that of a TLS key log. */
int pcapng_write_secrets(struct outfile *out, uint32_t type, const void *secrets, size_t len);
/* The same in front of what was written since offset. */
int pcapng_insert_secrets(struct outfile *out, uint64_t offset, uint32_t type, const void *secrets,
                          size_t len);

#endif
