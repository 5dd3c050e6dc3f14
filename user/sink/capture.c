/* SPDX-License-Identifier: Apache-2.0 */
/* A session's capture file: which interfaces it has, what goes into it and when. */
#include "sink/capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sink/capture_file.h"
#include "sink/segment.h"

struct known_interface {
    uint32_t ifindex;
    uint32_t snaplen; /* 0: no bound */
    uint16_t linktype;
};

/* A packet too large for one record, with no gso_size: its pieces until they are all here. */
struct joined_packet {
    struct capture_packet packet; /* of the first piece; headers and payload are in bytes */
    struct buf bytes;
    uint32_t interface;
    bool is_waiting;
};

struct capture {
    struct outfile out;
    enum capture_format format;
    char *comment; /* NULL: none, or written */
    uint64_t drops;
    uint64_t packets;
    uint64_t left_out;
    uint64_t last_wall_ns;
    uint64_t head_bytes;                /* pcapng: of the section's head */
    struct known_interface *interfaces; /* in the order of their descriptions */
    uint32_t interface_count;
    struct joined_packet joined;
};

static void capture_free(struct capture *capture)
{
    buf_fini(&capture->joined.bytes);
    free(capture->interfaces);
    free(capture->comment);
    free(capture);
}

struct capture *capture_new(const char *path, enum capture_format format, const char *comment)
{
    struct capture *capture = calloc(1, sizeof(*capture));
    int error;

    if (!capture)
        return NULL;
    capture->format = format;
    error = outfile_init(&capture->out, path);
    if (!error && comment && !(capture->comment = strdup(comment)))
        error = -ENOMEM;
    if (!error && format == CAPTURE_PCAPNG)
        error = pcapng_write_section(&capture->out);
    capture->head_bytes = capture->out.held.len;
    if (error) {
        capture_abort(capture);
        errno = -error;
        return NULL;
    }
    return capture;
}

static uint16_t link_type_of(const struct capture_interface *iface)
{
    if (iface->linktype || iface->has_linktype)
        return iface->linktype;
    return iface->l3_only ? LINKTYPE_RAW : LINKTYPE_ETHERNET;
}

/* Describe an interface in the file. Its number, or -errno. */
static int add_interface(struct capture *capture, const struct capture_interface *iface)
{
    uint32_t count = capture->interface_count;
    struct known_interface *grown;
    int error = 0;

    if (capture->format == CAPTURE_PCAPNG)
        error = pcapng_write_interface(&capture->out, link_type_of(iface), iface);
    else if (count == 0)
        error = pcap_write_header(&capture->out, link_type_of(iface), iface->snaplen);
    else if (capture->interfaces[0].linktype != link_type_of(iface))
        error = -EPROTOTYPE;
    if (error)
        return error;
    grown = realloc(capture->interfaces, (count + 1) * sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    capture->interfaces = grown;
    grown[count] = (struct known_interface){iface->ifindex, iface->snaplen, link_type_of(iface)};
    capture->interface_count++;
    return (int)count;
}

static int find_interface(struct capture *capture, const struct capture_interface *iface)
{
    for (uint32_t i = 0; i < capture->interface_count; i++) {
        const struct known_interface *known = &capture->interfaces[i];

        if (known->ifindex == iface->ifindex && known->linktype == link_type_of(iface))
            return (int)i;
    }
    return add_interface(capture, iface);
}

/* No more than the file says that its packets have. */
static void cut_to_snaplen(struct wire_packet *wire, uint32_t snaplen)
{
    if (!snaplen)
        snaplen = CAPTURE_SNAPLEN_MAX;
    if (wire->headers_len > snaplen)
        wire->headers_len = snaplen;
    if (wire->cap_len > snaplen - wire->headers_len)
        wire->cap_len = snaplen - wire->headers_len;
}

static enum packet_direction direction_of(const struct capture_packet *packet)
{
    if (packet->verbatim)
        return DIRECTION_UNKNOWN;
    return packet->inbound ? DIRECTION_INBOUND : DIRECTION_OUTBOUND;
}

static int write_wire_packet(struct capture *capture, struct packet_note *note,
                             struct wire_packet *wire)
{
    int error;

    /* In pcap the first interface's bound is the file's. */
    if (capture->format == CAPTURE_PCAP) {
        cut_to_snaplen(wire, capture->interfaces[0].snaplen);
        return pcap_write_packet(&capture->out, note->wall_ns, wire);
    }
    cut_to_snaplen(wire, capture->interfaces[note->interface].snaplen);
    note->comment = capture->comment;
    note->drops = capture->drops;
    error = pcapng_write_packet(&capture->out, note, wire);
    if (note->comment && !error) {
        free(capture->comment);
        capture->comment = NULL;
    }
    return error;
}

static int write_packet(struct capture *capture, uint32_t interface,
                        const struct capture_packet *packet)
{
    struct packet_note note = {
        .wall_ns = packet->wall_ns, .interface = interface, .direction = direction_of(packet)};
    struct wire_packet wire;
    struct segmenter seg;
    int error = 0;

    segment_begin(&seg, packet);
    while (!error && segment_next(&seg, &wire)) {
        error = write_wire_packet(capture, &note, &wire);
        if (error)
            break;
        capture->packets++;
        capture->drops = 0;
    }
    if (packet->wall_ns > capture->last_wall_ns)
        capture->last_wall_ns = packet->wall_ns;
    return error;
}

/* Write what came of the joined packet: all of it, or what comes before the first missing piece. */
static int finish_joined(struct capture *capture)
{
    struct joined_packet *joined = &capture->joined;
    struct capture_packet *packet = &joined->packet;
    int error;

    if (!joined->is_waiting)
        return 0;
    joined->is_waiting = false;
    packet->headers = (const uint8_t *)joined->bytes.data;
    packet->payload = packet->headers + packet->headers_len;
    packet->cap_len = (uint32_t)joined->bytes.len - packet->headers_len;
    packet->payload_len = packet->skb_payload_len;
    packet->chunk_off = 0;
    error = write_packet(capture, joined->interface, packet);
    buf_fini(&joined->bytes);
    return error;
}

static bool continues_joined(const struct joined_packet *joined, const struct capture_packet *piece)
{
    return joined->is_waiting && piece->chunk_off && joined->packet.wall_ns == piece->wall_ns &&
           joined->packet.headers_len == piece->headers_len &&
           joined->packet.skb_payload_len == piece->skb_payload_len &&
           joined->packet.inbound == piece->inbound;
}

static int join_piece(struct capture *capture, uint32_t interface,
                      const struct capture_packet *piece)
{
    struct joined_packet *joined = &capture->joined;
    int error;

    if (!continues_joined(joined, piece)) {
        error = finish_joined(capture);
        if (error)
            return error;
        joined->packet = *piece;
        joined->interface = interface;
        joined->is_waiting = true;
        buf_add(&joined->bytes, piece->headers, piece->headers_len);
    }
    if (joined->bytes.len == piece->headers_len + (size_t)piece->chunk_off)
        buf_add(&joined->bytes, piece->payload, piece->cap_len);
    if (joined->bytes.failed) {
        joined->is_waiting = false;
        buf_fini(&joined->bytes);
        return -ENOMEM;
    }
    if (piece->chunk_off + piece->payload_len < piece->skb_payload_len)
        return 0;
    return finish_joined(capture);
}

int capture_write(struct capture *capture, const struct capture_interface *iface,
                  const struct capture_packet *packet)
{
    int interface = find_interface(capture, iface);

    if (interface == -EPROTOTYPE)
        return capture->left_out++ ? 0 : -EPROTOTYPE;
    if (interface < 0)
        return interface;
    if (!packet->gso_size && !packet->verbatim && packet->payload_len < packet->skb_payload_len)
        return join_piece(capture, (uint32_t)interface, packet);
    return write_packet(capture, (uint32_t)interface, packet);
}

int capture_comment(struct capture *capture, const char *comment)
{
    char *copy = strdup(comment);

    if (!copy)
        return -ENOMEM;
    free(capture->comment);
    capture->comment = copy;
    return 0;
}

void capture_note_drops(struct capture *capture, uint64_t packets)
{
    capture->drops += packets;
}

uint64_t capture_packets(const struct capture *capture)
{
    return capture->packets;
}

uint64_t capture_left_out(const struct capture *capture)
{
    return capture->left_out;
}

int capture_write_names(struct capture *capture, const struct capture_name *names, size_t count)
{
    if (capture->format != CAPTURE_PCAPNG)
        return -EOPNOTSUPP;
    return pcapng_write_names(&capture->out, names, count);
}

int capture_write_secrets(struct capture *capture, uint32_t type, const void *secrets, size_t len)
{
    if (capture->format != CAPTURE_PCAPNG)
        return -EOPNOTSUPP;
    return pcapng_write_secrets(&capture->out, type, secrets, len);
}

int capture_insert_secrets(struct capture *capture, uint32_t type, const void *secrets, size_t len)
{
    if (capture->format != CAPTURE_PCAPNG)
        return -EOPNOTSUPP;
    return pcapng_insert_secrets(&capture->out, capture->head_bytes, type, secrets, len);
}

static int write_end(struct capture *capture, uint64_t ifrecv, uint64_t ifdrop)
{
    int error = finish_joined(capture);

    if (error)
        return error;
    if (capture->format == CAPTURE_PCAPNG && capture->interface_count)
        return pcapng_write_statistics(&capture->out, 0, capture->last_wall_ns, ifrecv, ifdrop);
    if (capture->format == CAPTURE_PCAP && !capture->interface_count)
        return pcap_write_header(&capture->out, LINKTYPE_ETHERNET, 0);
    return 0;
}

int capture_close(struct capture *capture, uint64_t ifrecv, uint64_t ifdrop)
{
    int error = write_end(capture, ifrecv, ifdrop);

    if (error)
        outfile_abort(&capture->out);
    else
        error = outfile_commit(&capture->out);
    capture_free(capture);
    return error;
}

void capture_abort(struct capture *capture)
{
    if (!capture)
        return;
    outfile_abort(&capture->out);
    capture_free(capture);
}
