/* SPDX-License-Identifier: Apache-2.0 */
/* For the fuzzers of capture formats: reads all frames of a capture and checks what must hold for any. */
#ifndef SESSTAP_FRAME_WALK_H
#define SESSTAP_FRAME_WALK_H

#include <stddef.h>
#include <stdint.h>

/* Aborts when something does not hold. */
void walk_frames(const uint8_t *data, size_t len);

#endif
