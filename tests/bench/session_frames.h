/* SPDX-License-Identifier: Apache-2.0 */
/* The frames of numbered TCP sessions: their handshakes, and a segment of data. */
#ifndef SESSTAP_BENCH_SESSION_FRAMES_H
#define SESSTAP_BENCH_SESSION_FRAMES_H

#include <stdint.h>

#include "bench/mutate.h"

#define OPENING_FRAMES 3

/* SYN, SYN-ACK or ACK (step 0, 1, 2) of session number `session`, below 2^28. */
void opening_frame(struct frame *frame, uint32_t session, int step);
/* The first data of session 0, from its client. */
void data_frame(uint8_t bytes[MUTATE_FRAME]);

#endif
