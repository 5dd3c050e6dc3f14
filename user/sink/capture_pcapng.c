/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pcapng blocks: type, length, body padded to four bytes, options, length again. Section numbers
 * are those of draft-ietf-opsawg-pcapng.
 */
#include "sink/capture_file.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "version.h"

#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define NANOSECONDS      9 /* if_tsresol: 10^-9 */
/* A block of names is ended and another begun when it has grown to this. */
#define NAMES_BLOCK_BYTES (512 * 1024)

enum block_type {
    BLOCK_INTERFACE = 1,
    BLOCK_NAMES = 4,
    BLOCK_STATISTICS = 5,
    BLOCK_PACKET = 6,
    BLOCK_SECRETS = 10,
    BLOCK_SECTION = 0x0a0d0d0a,
};

enum option_code {
    OPT_END = 0,
    OPT_COMMENT = 1,
    SHB_HARDWARE = 2,
    SHB_OS = 3,
    SHB_USERAPPL = 4,
    IF_NAME = 2,
    IF_TSRESOL = 9,
    EPB_FLAGS = 2,
    EPB_DROPCOUNT = 4,
    ISB_IFRECV = 4,
    ISB_IFDROP = 5,
};

enum name_record { NAME_END = 0, NAME_IPV4 = 1, NAME_IPV6 = 2 };

struct block_head {
    uint32_t type;
    uint32_t len;
};

/* Section 4.3: what comes before the packet's bytes. */
struct packet_block {
    struct block_head head;
    uint32_t interface;
    uint32_t time_high;
    uint32_t time_low;
    uint32_t captured_len;
    uint32_t original_len;
};
_Static_assert(sizeof(struct packet_block) == 28, "packet_block");

/* Options, and names, share this head. */
struct option_head {
    uint16_t code;
    uint16_t len;
};

/* What nearly every packet ends with: its direction, and nothing else. */
struct packet_tail {
    struct option_head flags;
    uint32_t direction;
    struct option_head end;
    uint32_t block_len;
};
_Static_assert(sizeof(struct packet_tail) == 16, "packet_tail");

static uint32_t pad_to_4(size_t len)
{
    return (uint32_t)(-len & 3);
}

static void add_padded(struct buf *block, const void *data, size_t len)
{
    buf_add(block, data, len);
    buf_add(block, "\0\0\0", pad_to_4(len));
}

static void add_option(struct buf *block, uint16_t code, const void *value, size_t len)
{
    const struct option_head head = {code, (uint16_t)len};

    buf_add(block, &head, sizeof(head));
    add_padded(block, value, len);
}

static void add_text_option(struct buf *block, uint16_t code, const char *text)
{
    size_t len = strlen(text);

    add_option(block, code, text, len < UINT16_MAX ? len : UINT16_MAX);
}

static void begin_block(struct buf *block, uint32_t type)
{
    const struct block_head head = {type, 0};

    buf_clear(block);
    buf_add(block, &head, sizeof(head));
}

/* Both lengths are known now. */
static int end_block(struct buf *block)
{
    uint32_t len = (uint32_t)(block->len + sizeof(len));

    buf_add(block, &len, sizeof(len));
    if (block->failed)
        return -ENOMEM;
    memcpy(block->data + offsetof(struct block_head, len), &len, sizeof(len));
    return 0;
}

static int write_block(struct outfile *out, struct buf *block)
{
    int error = end_block(block);

    return error ? error : outfile_write(out, block->data, block->len);
}

static int write_options_block(struct outfile *out, struct buf *block)
{
    int error;

    add_option(block, OPT_END, NULL, 0);
    error = write_block(out, block);
    buf_fini(block);
    return error;
}

/* Section 4.1. */
int pcapng_write_section(struct outfile *out)
{
    const struct {
        uint32_t byte_order_magic;
        uint16_t version_major;
        uint16_t version_minor;
        int64_t section_len; /* -1: not said */
    } __attribute__((packed)) body = {BYTE_ORDER_MAGIC, 1, 0, -1};
    struct utsname host;
    struct buf block = {0};

    begin_block(&block, BLOCK_SECTION);
    buf_add(&block, &body, sizeof(body));
    if (uname(&host) == 0) {
        char os[sizeof(host.sysname) + sizeof(host.release)];

        add_text_option(&block, SHB_HARDWARE, host.machine);
        strcpy(os, host.sysname);
        strcat(os, " ");
        strcat(os, host.release);
        add_text_option(&block, SHB_OS, os);
    }
    add_text_option(&block, SHB_USERAPPL, "sesstap " SESSTAP_VERSION);
    return write_options_block(out, &block);
}

/* Section 4.2. */
int pcapng_write_interface(struct outfile *out, uint32_t link_type,
                           const struct capture_interface *iface)
{
    const struct {
        uint16_t link_type;
        uint16_t reserved;
        uint32_t snaplen;
    } body = {(uint16_t)link_type, 0, iface->snaplen};
    const uint8_t resolution = NANOSECONDS;
    struct buf block = {0};

    begin_block(&block, BLOCK_INTERFACE);
    buf_add(&block, &body, sizeof(body));
    if (iface->name)
        add_text_option(&block, IF_NAME, iface->name);
    add_option(&block, IF_TSRESOL, &resolution, sizeof(resolution));
    return write_options_block(out, &block);
}

static int write_packet_head(struct outfile *out, const struct packet_note *note,
                             const struct wire_packet *wire, uint32_t tail_len)
{
    uint32_t captured_len = wire->headers_len + wire->cap_len;
    const struct packet_block block = {
        .head = {BLOCK_PACKET,
                 (uint32_t)sizeof(block) + captured_len + pad_to_4(captured_len) + tail_len},
        .interface = note->interface,
        .time_high = (uint32_t)(note->wall_ns >> 32),
        .time_low = (uint32_t)note->wall_ns,
        .captured_len = captured_len,
        .original_len = wire->wire_len,
    };
    int error = outfile_write(out, &block, sizeof(block));

    if (!error)
        error = outfile_write(out, wire->headers, wire->headers_len);
    if (!error && wire->cap_len)
        error = outfile_write(out, wire->payload, wire->cap_len);
    return error;
}

/* The first packet, one after a loss, or one whose direction is not known. */
static int write_noted_packet(struct outfile *out, const struct packet_note *note,
                              const struct wire_packet *wire)
{
    uint32_t padding = pad_to_4(wire->headers_len + wire->cap_len), block_len;
    const uint32_t direction = note->direction;
    struct buf tail = {0};
    int error = -ENOMEM;

    buf_add(&tail, "\0\0\0", padding);
    if (note->comment)
        add_text_option(&tail, OPT_COMMENT, note->comment);
    if (direction != DIRECTION_UNKNOWN)
        add_option(&tail, EPB_FLAGS, &direction, sizeof(direction));
    if (note->drops)
        add_option(&tail, EPB_DROPCOUNT, &note->drops, sizeof(note->drops));
    if (tail.len > padding)
        add_option(&tail, OPT_END, NULL, 0);
    block_len = (uint32_t)(sizeof(struct packet_block) + wire->headers_len + wire->cap_len +
                           tail.len + sizeof(block_len));
    buf_add(&tail, &block_len, sizeof(block_len));
    if (!tail.failed)
        error = write_packet_head(out, note, wire, (uint32_t)tail.len - padding);
    if (!error)
        error = outfile_write(out, tail.data, tail.len);
    buf_fini(&tail);
    return error;
}

int pcapng_write_packet(struct outfile *out, const struct packet_note *note,
                        const struct wire_packet *wire)
{
    uint32_t captured_len = wire->headers_len + wire->cap_len, padding = pad_to_4(captured_len);
    struct {
        uint8_t padding[4];
        struct packet_tail tail;
    } end = {.tail = {.flags = {EPB_FLAGS, sizeof(uint32_t)}, .direction = note->direction}};
    int error;

    if (note->comment || note->drops || note->direction == DIRECTION_UNKNOWN)
        return write_noted_packet(out, note, wire);
    end.tail.block_len =
        (uint32_t)(sizeof(struct packet_block) + captured_len + padding + sizeof(end.tail));
    error = write_packet_head(out, note, wire, sizeof(end.tail));
    if (error)
        return error;
    return outfile_write(out, (uint8_t *)&end.tail - padding, padding + sizeof(end.tail));
}

/* Section 4.6. */
int pcapng_write_statistics(struct outfile *out, uint32_t interface, uint64_t wall_ns,
                            uint64_t ifrecv, uint64_t ifdrop)
{
    const uint32_t body[] = {interface, (uint32_t)(wall_ns >> 32), (uint32_t)wall_ns};
    struct buf block = {0};

    begin_block(&block, BLOCK_STATISTICS);
    buf_add(&block, body, sizeof(body));
    add_option(&block, ISB_IFRECV, &ifrecv, sizeof(ifrecv));
    add_option(&block, ISB_IFDROP, &ifdrop, sizeof(ifdrop));
    return write_options_block(out, &block);
}

static void add_name(struct buf *block, const struct capture_name *name)
{
    size_t name_len = strlen(name->name) + 1; /* its end is part of the record */
    uint32_t addr_len = name->ip_version == 4 ? 4 : 16;
    const struct option_head head = {name->ip_version == 4 ? NAME_IPV4 : NAME_IPV6,
                                     (uint16_t)(addr_len + name_len)};

    buf_add(block, &head, sizeof(head));
    buf_add(block, name->addr + sizeof(name->addr) - addr_len, addr_len);
    add_padded(block, name->name, name_len);
}

/* Section 4.5; no options follow the records. */
int pcapng_write_names(struct outfile *out, const struct capture_name *names, size_t count)
{
    struct buf block = {0};
    int error = 0;

    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(names[i].name);

        if (len == 0 || len > CAPTURE_NAME_MAX_BYTES)
            return -EINVAL;
    }
    for (size_t i = 0; i < count && !error;) {
        begin_block(&block, BLOCK_NAMES);
        while (i < count && block.len < NAMES_BLOCK_BYTES)
            add_name(&block, &names[i++]);
        add_option(&block, NAME_END, NULL, 0);
        error = write_block(out, &block);
    }
    buf_fini(&block);
    return error;
}

/* Section 4.7. */
static int make_secrets(struct buf *block, uint32_t type, const void *secrets, size_t len)
{
    const uint32_t body[] = {type, (uint32_t)len};

    if (len > CAPTURE_SECRETS_MAX_BYTES)
        return -EMSGSIZE;
    begin_block(block, BLOCK_SECRETS);
    buf_add(block, body, sizeof(body));
    add_padded(block, secrets, len);
    return end_block(block);
}

int pcapng_write_secrets(struct outfile *out, uint32_t type, const void *secrets, size_t len)
{
    struct buf block = {0};
    int error = make_secrets(&block, type, secrets, len);

    if (!error)
        error = outfile_write(out, block.data, block.len);
    buf_fini(&block);
    return error;
}

int pcapng_insert_secrets(struct outfile *out, uint64_t offset, uint32_t type, const void *secrets,
                          size_t len)
{
    struct buf block = {0};
    int error = make_secrets(&block, type, secrets, len);

    if (!error)
        error = outfile_insert(out, offset, block.data, block.len);
    buf_fini(&block);
    return error;
}
