/* SPDX-License-Identifier: Apache-2.0 */
/* Which protocol a session speaks, whatever its ports say: libndpi, fed with the first packets that carry payload. */
#ifndef SESSTAP_APP_IDENTIFY_H
#define SESSTAP_APP_IDENTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session/facts.h"

struct app_packet;
struct identifier;     /* of a run */
struct identification; /* of a session */

/* A number that differs with the library; 0: it is not built in. */
uint32_t identifier_version(void);
/* The word for a bit of struct identity's risks; "" for an unknown one. */
const char *identifier_risk_name(unsigned int bit);

/*
 * wall_offset_ns: to add to packets' times, for certificates' dates. NULL when it is not built in, or on no
 * memory.
 */
struct identifier *identifier_new(int64_t wall_offset_ns);
/* Nobody is to be identified any more: what takes long to free goes. Texts stay. */
void identifier_close(struct identifier *identifier);
void identifier_free(struct identifier *identifier);

/*
 * A session's first packet with payload tells all at once, since one like it did: identity is what looking into it would
 * come to. False: it has to be looked into.
 */
bool identifier_recall(struct identifier *identifier, const struct app_packet *packet,
                       struct identity *identity);

/* NULL on no memory. */
struct identification *identification_new(struct identifier *identifier);
/* NULL is fine. */
void identification_free(struct identifier *identifier, struct identification *one);
/* A packet with payload. False: no more is wanted, identification_tell knows all. */
bool identification_packet(struct identifier *identifier, struct identification *one,
                           const struct app_packet *packet);
/* The verdict; a guess when packets did not tell. Texts live as long as the identifier. */
void identification_tell(struct identifier *identifier, struct identification *one,
                         struct identity *identity);

#endif
