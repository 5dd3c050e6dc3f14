/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of docs/ that are made from tables in the source: a test makes them again and compares.
 * With SESSTAP_WRITE_DOCS=1 in the environment they are written instead. Paths are relative to the
 * top of the repository, where tests run.
 */
#ifndef SESSTAP_MADE_DOCS_H
#define SESSTAP_MADE_DOCS_H

/* A whole file that must be text. Fails the test at the first line that differs. */
void made_docs_file(const char *path, const char *text);
/* What stands between the lines `begin` and `end` of a file. */
void made_docs_part(const char *path, const char *begin, const char *end, const char *text);

#endif
