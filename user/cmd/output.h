/* SPDX-License-Identifier: Apache-2.0 */
/* What run and read have in common: the folder of -o, and the options of what goes into it. */
#ifndef SESSTAP_OUTPUT_H
#define SESSTAP_OUTPUT_H

#include <stdbool.h>

#include "app/app.h"
#include "app/keylog.h"
#include "base/outfile.h"
#include "session/names.h"
#include "sink/capture.h"
#include "sink/streams.h"

/* --pcap and --pcapng. 0; -EINVAL after a line: the other one was given before. */
int output_set_format(bool *captures, enum capture_format *format, enum capture_format wanted);
/* --holes. 0; -EINVAL after a line. */
int output_set_holes(enum hole_policy *holes, const char *text);

#define OUTPUT_MAX_NAMES (1u << 20) /* of addresses */
/* --hosts. 0; -EINVAL after a line; a line of it that is wrong is said, and left out. */
int output_read_hosts(struct names *names, const char *path);

/* --keylog; it may begin later when may_be_missing. 0; -EINVAL after a line. */
int output_follow_keylog(struct keylog *keylog, const char *path, bool may_be_missing);
/* What was wrong with the lines of the key log and of captures' own secrets, if anything was. */
void output_say_keylog(const struct keylog *keylog);
/* Characters that a line on stdout may have: a terminal's width, else as many as it takes. */
size_t output_line_width(void);
/* A line about columns that a terminal was too narrow for, if there are any. */
void output_say_left_out(size_t columns);
/* What bounds of app/ have cut off, when they have. */
void output_say_cuts(const struct app_cuts *cuts);
/* What the mark behind a protocol means, if one was written and people look at it. */
void output_say_guesses(bool some);
/* After a reading, or a run: a line about names that found no room. */
void output_say_names(const struct names *names);

/*
 * Make the folder, with the one of captures if asked for, and begin its sessions.ndjson, or go on with it; dir
 * NULL: records go to stdout. 0; -errno after a line that names what can't be.
 */
int output_open_records(struct linefile *records, const char *dir, bool captures, bool go_on);

#endif
