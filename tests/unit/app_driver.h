/* SPDX-License-Identifier: Apache-2.0 */
/* A parser of app/ under test: one session, pieces from text, and the facts that come of them. */
#ifndef SESSTAP_APP_DRIVER_H
#define SESSTAP_APP_DRIVER_H

#include "app/app.h"
#include "session/session.h"

struct app_driver {
    struct session session;
    struct app *app;
    struct app_session *one;
    uint64_t offset[2];
    uint64_t time_ns; /* of the last piece: a millisecond each */
    uint64_t packet;
};

/* conf is completed: no identification. l4_proto: IP_PROTO_TCP ... */
void driver_begin(struct app_driver *driver, const struct app_conf *conf, uint8_t l4_proto);
void driver_give(struct app_driver *driver, enum app_side side, const void *data, size_t len);
/* The same of a text that NUL ends. */
void driver_say(struct app_driver *driver, enum app_side side, const char *text);
void driver_hole(struct app_driver *driver, enum app_side side, uint64_t length);
/* The session's end; what is known of it. NULL: nothing. Valid until driver_end. */
const struct facts *driver_finish(struct app_driver *driver);
void driver_end(struct app_driver *driver);

/* Whether the text is these characters; a text that is unknown equals NULL. */
bool text_is(struct fact_text text, const char *expected);

#endif
