/* SPDX-License-Identifier: Apache-2.0 */
/* What every subcommand is to main.c, and what it may answer. */
#ifndef SESSTAP_CMD_H
#define SESSTAP_CMD_H

enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,  /* the message says what, and what to do */
    EXIT_USAGE = 2,   /* wrong usage */
    EXIT_DAMAGED = 3, /* done, but input was damaged or incomplete */
};

/* argv[0] is the command's name; --help was dealt with before. Returns an exit_status. */
struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage; /* what follows the name, one line or several */
    const char *help;  /* what it does: the first line stands in the list of commands */
};

int cmd_run(int argc, char **argv);
int cmd_read(int argc, char **argv);
int cmd_follow(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_extract(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_stats(int argc, char **argv);
int cmd_index(int argc, char **argv);
int cmd_doctor(int argc, char **argv);

#endif
