/* SPDX-License-Identifier: Apache-2.0 */
/* One capture file being read: its input, its format's state, and where its finds go. */
#ifndef SESSTAP_CAPFILE_READER_H
#define SESSTAP_CAPFILE_READER_H

#include "source/capfile/capfile.h"
#include "source/capfile/input.h"

/* A packet beyond it is damage (what Wireshark takes at most). */
#define PACKET_BYTES_MAX (16u << 20)

/* What all files together told. */
struct capfile_finds {
    struct capfile_interface *interfaces;
    size_t interface_count;
    struct capfile_name *names;
    size_t name_count;
    struct capfile_secrets *secrets;
    size_t secrets_count;
    uint64_t damaged;
    bool quiet; /* nothing is logged: a file is only looked at */
};

struct pcap_state {
    uint16_t linktype;
    uint32_t interface;
    uint32_t fraction_ns; /* one unit of the second half of a time */
};

/* An interface of a section. Time in ns = ticks * multiplier, or when that is 0, by base. */
struct pcapng_interface {
    uint64_t offset; /* of its block */
    uint64_t multiplier;
    uint64_t base_time_ns;
    uint32_t global; /* capfile_interface */
    uint32_t snaplen;
    uint16_t linktype;
    uint8_t resolution; /* if_tsresol */
};

struct pcapng_section {
    uint64_t offset;
    uint32_t first_interface; /* index of interfaces */
    bool swapped;
};

struct pcapng_state {
    bool swapped;                        /* the section that is read now */
    const struct pcapng_interface *mine; /* its interfaces */
    uint32_t mine_count;
    struct pcapng_interface *interfaces; /* all of the file, in order */
    size_t interface_count;
    struct pcapng_section *sections;
    size_t section_count;
    uint64_t known;      /* blocks before this offset have left their finds */
    uint64_t *landmarks; /* offsets of those that did */
    size_t landmark_count;
};

struct reader;
typedef int (*reader_next_fn)(struct reader *reader, struct frame *frame);

struct reader {
    struct input input;
    reader_next_fn next;
    reader_next_fn resume; /* next, as long as nothing stops it */
    const char *path;
    struct capfile_finds *finds;
    uint32_t file;
    unsigned int warnings;
    uint64_t judged; /* damage before this offset was counted */
    bool is_pcapng;
    union {
        struct pcap_state pcap;
        struct pcapng_state pcapng;
    };
};

enum reader_head {
    READER_OK,
    READER_FOREIGN, /* not a capture file; not logged */
};

/*
 * Look at the head of reader->input and choose the format; path, file and finds are set, the rest is zero.
 * An empty input is a capture without packets. A head that is cut short is damage, and no packets.
 */
enum reader_head reader_begin(struct reader *reader);
/* Close the input, keep what is known of the file: a seek goes on after its input was opened again. */
void reader_pause(struct reader *reader);
void reader_end(struct reader *reader);
/* 1: *frame is set but for number; 0: the end. */
static inline int reader_next(struct reader *reader, struct frame *frame)
{
    return reader->next(reader, frame);
}
/* Go on at the record at offset. 0 or -errno; -ESPIPE: a stream is beyond it. */
int reader_seek(struct reader *reader, uint64_t offset);

/* The record at offset, whatever lies between; landmarks before it were learnt. As reader_next. */
int reader_read_at(struct reader *reader, uint64_t offset, struct frame *frame);
/* Take in the block at offset, a landmark. 0 or -errno. */
int reader_learn_at(struct reader *reader, uint64_t offset);

/* Count a damage, and say where it is; a file's first few, then only counted. */
void reader_damage(struct reader *reader, uint64_t offset, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Counts that the input ended inside what, or ended badly; false: all was read and the end is a good one. */
bool reader_cut_short(struct reader *reader, const char *what);
/* The rest of the file can't be read. */
int reader_stop(struct reader *reader);

/* Index of a new interface, or -ENOMEM. name may be NULL, and is copied. */
int64_t finds_add_interface(struct capfile_finds *finds, const struct reader *reader,
                            uint16_t linktype, uint32_t snaplen, const char *name, size_t name_len);
int finds_add_name(struct capfile_finds *finds, const uint8_t *addr, unsigned int addr_len,
                   const char *name, size_t name_len);
int finds_add_secrets(struct capfile_finds *finds, uint32_t type, const uint8_t *data, size_t len);
void finds_fini(struct capfile_finds *finds);
/* An array of count elements with room for one more; NULL: no memory, and the old one stays. */
void *array_grow(void *array, size_t count, size_t element_bytes);

/* The formats. begin: the magic was seen; how to read on, or NULL when the head is damaged. */
bool pcap_is_magic(const uint8_t *head);
reader_next_fn pcap_begin(struct reader *reader);
bool pcapng_is_magic(const uint8_t *head);
reader_next_fn pcapng_begin(struct reader *reader);
int pcapng_seek(struct reader *reader, uint64_t offset);
int pcapng_learn_at(struct reader *reader, uint64_t offset);
/* Remember how far it was read. */
void pcapng_pause(struct reader *reader);
void pcapng_end(struct reader *reader);

#endif
