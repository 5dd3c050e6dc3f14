/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When has each BPF program ended that was running at some moment? After a grace period of the kernel's RCU, some 10
 * ms on most machines. A thread waits for it, so that nobody else has to.
 */
#ifndef SESSTAP_GRACE_H
#define SESSTAP_GRACE_H

#include <stdbool.h>
#include <stdint.h>

struct grace;

/* NULL with errno. */
struct grace *grace_new(void);
/* Waits for the period that is going on. NULL is fine. */
void grace_free(struct grace *grace);

/* A period is to begin. Returns its number, never 0, for grace_over; any number of askers share one. */
uint64_t grace_ask(struct grace *grace);
/* True: all programs that ran when the number was given have ended. Period 0 is over. */
bool grace_over(const struct grace *grace, uint64_t period);
/* Ask, and wait until it is over. */
void grace_wait(struct grace *grace);

#endif
