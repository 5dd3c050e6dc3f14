/* SPDX-License-Identifier: Apache-2.0 */
/* A fuzzer's input as a conversation: what app/ makes of it must be in order and within its bounds, whatever it is. */
#ifndef SESSTAP_FUZZ_APP_TURNS_H
#define SESSTAP_FUZZ_APP_TURNS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Turns, one behind the other: a byte of flags (1: the server's; 2: missing, not said), a length of 16 bits, little end
 * first, then as many bytes of data; none of those for what is missing. prelude: said first by the client, in one piece;
 * may be empty.
 */
void app_turns_run(uint8_t l4_proto, const char *prelude, const uint8_t *data, size_t size);

#endif
