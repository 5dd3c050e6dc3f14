/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside app/: protocols that begin in the clear and hand the connection over to TLS when the client asks for it and the
 * server agrees. Each is units (lines, messages) of both sides, and which of them ask, agree and refuse.
 */
#ifndef SESSTAP_APP_STARTTLS_H
#define SESSTAP_APP_STARTTLS_H

#include "app/parser.h"

#define STARTTLS_UNIT_MAX 256      /* kept of a unit: its beginning */
#define STARTTLS_BAD      SIZE_MAX /* no unit of the protocol */
#define STARTTLS_TAG_MAX  32

enum starttls_word {
    STARTTLS_OTHER,  /* says nothing of TLS */
    STARTTLS_ASK,    /* the client's */
    STARTTLS_AGREE,  /* the server's */
    STARTTLS_REFUSE, /* the server's; the client may ask again */
    STARTTLS_BOTH,   /* the client's: it goes on with TLS at once */
    STARTTLS_NEVER,  /* there will be no TLS any more */
};

struct starttls_protocol;

/* What is remembered between units. */
struct starttls_talk {
    const char *name;               /* of the protocol, as facts have it */
    const char *yes;                /* how the line begins that agrees */
    char tag[STARTTLS_TAG_MAX + 1]; /* of the client's line that asked; "": it has none */
    bool begun;                     /* for the protocol's own use */
};

struct starttls_protocol {
    const char *name;
    /* Whether a session may begin so. */
    bool (*begins)(const struct app_piece *first);
    /*
     * Length of the unit at data, len bytes of which are here, not more than STARTTLS_UNIT_MAX. 0: not known yet. NULL: it
     * goes to the byte `last`.
     */
    size_t (*measure)(enum app_side side, const uint8_t *data, size_t len);
    uint8_t last;
    /* What a unit says; len: what is kept of it. */
    enum starttls_word (*client)(struct starttls_talk *talk, const uint8_t *unit, size_t len);
    enum starttls_word (*server)(struct starttls_talk *talk, const uint8_t *unit, size_t len);
};

/* ---- starttls_lines.c, starttls_messages.c */

extern const struct starttls_protocol *const starttls_of_lines[];    /* ended by NULL */
extern const struct starttls_protocol *const starttls_of_messages[]; /* likewise */

#endif
