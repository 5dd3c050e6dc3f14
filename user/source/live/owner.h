/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a program on an interface is: told by the flow table that it uses. */
#ifndef SESSTAP_OWNER_H
#define SESSTAP_OWNER_H

#include <stdbool.h>
#include <stdint.h>

/* 0: not to be found out. */
uint32_t owner_map_id(int map_fd);
bool owner_uses(uint32_t prog_id, uint32_t map_id);

/*
 * A note below /run/sesstap that this flow table is kept as PATH in a BPF file system, so that a sesstap that
 * begins while no process has it does not take its filters for left over.
 */
void owner_note(uint32_t map_id, const char *path);
void owner_forget(uint32_t map_id);
/* True when the program uses a table that is still kept where a note says. */
bool owner_is_pinned(uint32_t prog_id);

#endif
