/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/app_driver.h"

#include <assert.h>
#include <string.h>

#define PIECE_NS 1000000

void driver_begin(struct app_driver *driver, const struct app_conf *conf, uint8_t l4_proto)
{
    struct app_conf own = *conf;

    memset(driver, 0, sizeof(*driver));
    own.identify = false;
    driver->session.key.l4_proto = l4_proto;
    driver->session.key.ip_version = 4;
    driver->app = app_new(&own);
    assert(driver->app);
    driver->one = app_session_new(driver->app, &driver->session.key, &driver->session);
    assert(driver->one);
}

void driver_give(struct app_driver *driver, enum app_side side, const void *data, size_t len)
{
    struct app_piece piece = {
        .side = side,
        .data = data,
        .len = len,
        .offset = driver->offset[side],
        .time_ns = driver->time_ns += PIECE_NS,
        .packet = ++driver->packet,
        .lot = driver->packet,
    };

    app_session_data(driver->one, &piece);
    driver->offset[side] += len;
}

void driver_say(struct app_driver *driver, enum app_side side, const char *text)
{
    driver_give(driver, side, text, strlen(text));
}

void driver_hole(struct app_driver *driver, enum app_side side, uint64_t length)
{
    app_session_hole(driver->one, side, length);
    driver->offset[side] += length;
}

const struct facts *driver_finish(struct app_driver *driver)
{
    app_session_finish(driver->one, driver->time_ns + PIECE_NS, true);
    return app_session_facts(driver->one);
}

void driver_end(struct app_driver *driver)
{
    app_session_free(driver->one);
    app_free(driver->app);
}

bool text_is(struct fact_text text, const char *expected)
{
    if (!text.at || !expected)
        return !text.at && !expected;
    return text.len == strlen(expected) && !memcmp(text.at, expected, text.len);
}
