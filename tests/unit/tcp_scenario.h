/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays a script of segments through builder, parser and tracker, as the kernel program does, and
 * says in one line a session what the ledger then holds. Every counter that is not zero is in that
 * line, so a case that compares it compares everything.
 *
 *   ESTABLISHED ev=E lots=2 | c 4p 18b | s 3p 100b retransmits=1 old=50
 *
 * State; missed (no SYN first), late (client corrected), client=s (taken for the server), fin:, rst:
 * (who began), both (FINs crossed), ev= (E established, C closed, as they were announced). Each side:
 * wire packets, payload bytes, then counters; gap= is bytes still missing, rtt= is samples.
 */
#ifndef SESSTAP_TESTS_TCP_SCENARIO_H
#define SESSTAP_TESTS_TCP_SCENARIO_H

#include "flow.h"
#include "tcp.h"
#include "unit/script.h"

#define SCENARIO_SESSIONS 8

struct scenario {
    const char *name;
    const char *script;
    const char *expect; /* the line of each session, parted by \n */
};

struct tcp_run {
    struct script script;
    struct flow flow[SCENARIO_SESSIONS];
    char events[SCENARIO_SESSIONS][8];
    unsigned int sessions;
    struct flow_key key;
    uint32_t client; /* endpoint that the script's client is */
    uint64_t old_bytes;
};

/* Feed one segment; returns the verdict (after a restart, the new session's). */
struct tcp_verdict tcp_run_segment(struct tcp_run *run, const struct segment *segment);

/* Play a whole script at these sequence numbers, comparing states after -> on the way. */
void tcp_run_script(struct tcp_run *run, const char *script, uint32_t client_isn,
                    uint32_t server_isn);

/* The same for a script that was set up with script_init. */
void tcp_run_play(struct tcp_run *run);

/* The lines of all sessions, as above. */
void tcp_run_summary(const struct tcp_run *run, char *text, size_t room);

/* Play each at many places of the sequence space, both orders of addresses, IPv4 and IPv6. */
void scenarios_check(const struct scenario *scenario, size_t count);
#define SCENARIOS_CHECK(table) scenarios_check((table), sizeof(table) / sizeof((table)[0]))

#endif
