/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of reading capture files: builds them byte by byte, in either byte order, and reads them. */
#ifndef SESSTAP_CAPFILE_BUILDER_H
#define SESSTAP_CAPFILE_BUILDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "source/capfile/capfile.h"

enum { MADE_PACKETS = 16 };

/* A capture being built. big: fields are written in big endian order. */
struct made {
    struct buf bytes;
    bool big;
    size_t block;       /* where the open pcapng block begins */
    size_t ends[64];    /* where records or blocks end, the file's head too */
    bool is_packet[64]; /* what ends there */
    unsigned int end_count;
};

void made_u16(struct made *made, uint16_t value);
void made_u32(struct made *made, uint32_t value);
void made_u64(struct made *made, uint64_t value);
/* len bytes that count up from first; padded to 4 bytes when pad. */
void made_bytes(struct made *made, uint8_t first, uint32_t len, bool pad);
void made_end(struct made *made, bool is_packet);

void made_pcap_head(struct made *made, uint32_t magic, uint32_t linktype);
/* Data counts up from first. */
void made_pcap_packet(struct made *made, uint32_t seconds, uint32_t fraction, uint32_t cap_len,
                      uint32_t wire_len, uint8_t first);

/* A pcapng block of any kind: begin, its body, end. */
void made_block(struct made *made, uint32_t type);
void made_block_end(struct made *made, bool is_packet);
void made_option(struct made *made, uint16_t code, const void *value, uint16_t len);
void made_option_end(struct made *made);
void made_section(struct made *made);
/* Without options. */
void made_interface(struct made *made, uint16_t linktype, uint32_t snaplen);
/* The fixed part and data of an enhanced packet; options may follow, then made_block_end. */
void made_enhanced(struct made *made, uint32_t interface, uint64_t ticks, uint32_t cap_len,
                   uint32_t wire_len, uint8_t first);
void made_fini(struct made *made);

/* A capture opened from a copy in memory of exactly len bytes. */
struct opened {
    uint8_t *copy;
    struct capfile *capfile;
};

struct opened open_bytes(const void *data, size_t len);
void opened_close(struct opened *opened);
/* One or more files or folders; NULL with errno when they can't be opened. */
struct capfile *open_paths(const char *const *paths, size_t count, bool recursive);
/* Read to the end and count. */
unsigned int count_frames(struct capfile *capfile);
/* Write a file, in dir; the path, freed by the caller. */
char *write_file(const char *dir, const char *name, const void *data, size_t len);

/* What is written to stderr from here on is kept; stop gives it, freed by the caller. */
void stderr_keep(void);
char *stderr_stop(void);

#endif
