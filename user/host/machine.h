/* SPDX-License-Identifier: Apache-2.0 */
/* The machine that we run on: its name and its memory. */
#ifndef SESSTAP_MACHINE_H
#define SESSTAP_MACHINE_H

#include <stddef.h>
#include <stdint.h>

#define MACHINE_NAME_SIZE 65 /* HOST_NAME_MAX and a zero byte */

/* The host name, "localhost" when it has none. */
void machine_name(char out[MACHINE_NAME_SIZE]);

/* Physical memory in bytes. */
uint64_t machine_memory_bytes(void);

/* The tightest memory limit of our control groups (version 2, else 1), bytes; UINT64_MAX: none. */
uint64_t machine_memory_limit_bytes(void);

/* Memory in use under that limit, bytes; 0 when there is no limit. */
uint64_t machine_memory_used_bytes(void);

/* Our effective capabilities, bit n for capability n (linux/capability.h); 0 when unknown. */
uint64_t machine_capabilities(void);

#endif
