/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole capture as a readable script: segments in the language of unit/script.h, and lines of these
 * kinds between them, which hold from there on:
 *
 *   format pcap-ns|pcap-us|pcap-big|pcapng|pcapng-big    of the file; pcap-ns when there is none
 *   interface LINKTYPE [LAYERS]    a number, and what stands before the IP header ("1 eth" when none is
 *                                  named); pcapng: another interface of the file
 *   client ADDRESS PORT            server ADDRESS PORT
 *   isn CLIENT SERVER              initial sequence numbers: a new session
 *   snaplen BYTES                  frames are cut to it; 0: whole
 *   again                          the last frame once more, 1 us later: captured twice
 *   [+TIME] frame LAYERS           a frame in the language of unit/packet_builder.h
 */
#ifndef SESSTAP_TESTS_CAPTURE_SCRIPT_H
#define SESSTAP_TESTS_CAPTURE_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

#define CAPTURE_INTERFACES 4

struct capture_frame {
    uint64_t time_ns;
    uint32_t interface; /* index into linktypes */
    uint32_t cap_len;
    uint32_t wire_len;
    uint8_t *data; /* cap_len bytes */
};

struct capture_script {
    char format[16];
    uint16_t linktypes[CAPTURE_INTERFACES];
    uint32_t interface_count;
    struct capture_frame *frames;
    size_t count;
};

/* Builds all frames of a script file. What can't be read stops the program with a message. */
void capture_script_read(struct capture_script *capture, const char *path);
void capture_script_fini(struct capture_script *capture);

#endif
