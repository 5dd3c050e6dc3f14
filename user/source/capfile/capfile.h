/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames from capture files: pcap and pcapng of either byte order, plain (mapped, not copied), .gz or
 * .zst, several files as one, merged by time.
 */
#ifndef SESSTAP_CAPFILE_H
#define SESSTAP_CAPFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * One captured packet. Borrowed until the next call of capfile_next; of one plain file, until it is read anew after
 * its end, or capfile_close.
 */
struct frame {
    const uint8_t *data;
    uint32_t cap_len;
    uint32_t wire_len;  /* at least cap_len */
    uint64_t time_ns;   /* since 1970 */
    uint64_t number;    /* in the merged input, from 1 */
    uint64_t offset;    /* in its file, of the packet record or block (decompressed bytes) */
    uint32_t file;      /* index of the file in the order opened */
    uint32_t interface; /* capfile_interface */
    uint16_t linktype;  /* LINKTYPE_* as registered with tcpdump.org */
    uint8_t inbound;    /* pcapng's epb_flags: 1 in, 2 out, 0 unknown */
};

struct capfile_interface {
    uint32_t file;
    uint16_t linktype;
    uint32_t snaplen;
    const char *name; /* "" when it has none */
};

/* A name for an address (pcapng NRB). ip as in struct flow_key: IPv4 mapped. */
struct capfile_name {
    uint8_t addr[16];
    uint8_t ip_version;
    const char *name;
};

/* Secrets (pcapng DSB). */
struct capfile_secrets {
    uint32_t type;
    const uint8_t *data;
    size_t len;
};

struct capfile;

/* A frame of a file, as found when all of it was read. */
struct frame_place {
    uint64_t offset; /* frame.offset; UINT64_MAX: not known any more */
    uint64_t number; /* frame.number */
};

/* Only these frames of a file, by offset, which an index tells. Borrowed. */
struct capfile_choice {
    const struct frame_place *places;
    size_t count;
    const uint64_t *landmarks; /* capfile_landmarks of the reading that the places are from */
    size_t landmark_count;
};

struct capfile_conf {
    const char *const *paths; /* files, and folders; "-" is stdin */
    size_t path_count;
    bool recursive;                      /* folders below folders too */
    const struct capfile_choice *choice; /* of one plain file; NULL: every frame */
};

/*
 * Open all files and look at their heads. NULL with errno; each cause was logged in a line that names the
 * file (not a capture file, no permission, an unknown compression). Files in a folder that are no
 * capture files are passed over silently.
 */
struct capfile *capfile_open(const struct capfile_conf *conf);
void capfile_close(struct capfile *capfile);

/*
 * The next frame, by time over all files (files that begin later are opened in their turn; a file that is
 * not in order itself is given as it is). 1: *frame is set; 0: the end.
 * Damage ends a pcap file, and makes a pcapng file go on where a block can be found again; each is logged
 * once with file and offset, and counted in capfile_damaged.
 */
int capfile_next(struct capfile *capfile, struct frame *frame);
/*
 * Go on at this record of a file (from an index); later frames follow as if read from the start, but
 * number counts on from the last frame. At once in a plain file (of pcapng, the blocks before are walked
 * over once); a compressed file is unpacked up to there. 0 or -errno; -ESPIPE: stdin is beyond it.
 */
int capfile_seek(struct capfile *capfile, uint32_t file, uint64_t offset);

/* Places where input was damaged or cut short. */
uint64_t capfile_damaged(const struct capfile *capfile);
size_t capfile_file_count(const struct capfile *capfile);
const char *capfile_path(const struct capfile *capfile, uint32_t file);
const struct capfile_interface *capfile_interface(const struct capfile *capfile,
                                                  uint32_t interface);
/* What the input told so far; *count of them, borrowed until the next capfile_next. */
const struct capfile_name *capfile_names(const struct capfile *capfile, size_t *count);
const struct capfile_secrets *capfile_secrets(const struct capfile *capfile, size_t *count);
/* Offsets of the blocks of a file that tell how to read others (pcapng), as far as it was read. */
const uint64_t *capfile_landmarks(const struct capfile *capfile, uint32_t file, size_t *count);
/* Whether the frames of a file can be read by their places. */
bool capfile_can_choose(const struct capfile *capfile, uint32_t file);
/* Bytes of input read and in all (compressed sizes), for progress. total 0: unknown (stdin). */
void capfile_progress(const struct capfile *capfile, uint64_t *done, uint64_t *total);

#endif
