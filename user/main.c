/* SPDX-License-Identifier: Apache-2.0 */
/* The table of subcommands, nothing more. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "version.h"

static int cmd_help(int argc, char **argv);

static const struct command commands[] = {
    {"run", cmd_run,
     "[-i IFACE|GLOB]... [-f FILTER] [-o DIR] [--prom FILE] [--depth all|none|BYTES]\n"
     "[--depth-for 'FILTER=BYTES']... [--payload-rate BYTES/s] [--sample 1/N] [--snaplen BYTES]\n"
     "[--pcap|--pcapng] [--streams] [--holes zero|mark|skip] [--lots]\n"
     "[--duration SEC] [--interval SEC] [--max-flows N] [--mode tc|xdp|auto] [--tunnels]\n"
     "[--netns PATH|all]... [--pin DIR [--unpin]] [--http] [--no-app]\n"
     "[--hosts FILE] [--keylog FILE]",
     "track the sessions of this host's interfaces, live\n"
     "\n"
     "Default: every veth and netkit interface, present and future. On a terminal it shows\n"
     "the live table; into a pipe, without -o, it writes records to stdout, one JSON object a\n"
     "line. With -o they go to DIR/sessions.ndjson, captures to DIR/pcap/, streams to DIR/streams/.\n"
     "--netns: interfaces inside of other network namespaces too, of these, or of all there are.\n"
     "Ends on SIGINT, SIGTERM or after --duration, and leaves nothing behind; but with --pin DIR, a\n"
     "folder in a BPF file system, programs and tables stay at work there, and the next run with\n"
     "--pin DIR goes on with them. --unpin records what is open and ends that."},
    {"read", cmd_read,
     "[-r] [-f FILTER] [--where EXPR] [-o DIR] [--format ndjson|tcpsession] [--lots]\n"
     "[--pcap|--pcapng] [--streams] [--holes zero|mark|skip] [--overlap POLICY]\n"
     "[--no-index] [--http] [--no-app] [--hosts FILE] [--alerts FILE]\n"
     "[--keylog FILE] FILE|DIR...",
     "the sessions of capture files, as records, captures and streams\n"
     "\n"
     "Records in order of the first packet, one JSON object a line, on stdout or, with -o, in\n"
     "DIR/sessions.ndjson; captures in DIR/pcap/, streams in DIR/streams/; with --format tcpsession\n"
     "also a JSON file of the payload of each TCP session, in DIR/tcpsession/.\n"
     "--http: transactions of HTTP, too. --no-app: packets and streams alone, no protocols. --hosts: names\n"
     "of addresses, as in /etc/hosts. --alerts: those of Suricata (eve.json), each in its session's record.\n"
     "--keylog: TLS secrets (SSLKEYLOGFILE); those that a pcapng file holds are used anyway."},
    {"index", cmd_index, "[--overlap POLICY] FILE...",
     "write an index beside a capture file, so that later commands need not read it all\n"
     "\n"
     "show, follow, extract, list and stats use FILE.stidx as long as the file has not changed;\n"
     "--no-index makes them read it all. read -o writes one too."},
    {"show", cmd_show,
     "[-r] [-f FILTER] [--no-index] [--overlap POLICY] [--json]\n"
     "[--no-app] [--hosts FILE] [--alerts FILE] [--keylog FILE] FILE|DIR STREAM",
     "one session: general, timing, statistics, TCP behaviour, and a ladder of its packets\n"
     "\n"
     "STREAM is tcp:N, udp:N, icmp:N or sctp:N (N = streamIndex), N for tcp:N, or an @id."},
    {"follow", cmd_follow,
     "[-r] [-f FILTER] [--no-index] [--overlap POLICY] [--client] [--server]\n"
     "[--format ascii|hex|raw|json] [--http] [--keylog FILE] [--decrypted] FILE|DIR STREAM",
     "a session's stream as the two applications saw it, lot by lot\n"
     "\n"
     "--client or --server: one side alone. raw writes bytes and nothing else. --http: messages, with\n"
     "chunks put together and content unpacked, HTTP/2 too. --decrypted: what\n"
     "TLS carries, with secrets that the file itself holds; --keylog FILE: the same with those of a\n"
     "key log (SSLKEYLOGFILE). Exit status 3 when bytes are missing in the capture, or TLS records\n"
     "could not be deciphered."},
    {"extract", cmd_extract,
     "[-r] [-f FILTER] [--no-index] [--overlap POLICY] [--keylog FILE]\n"
     "FILE|DIR STREAM... -w OUT.pcap|OUT.pcapng\n"
     "or: [-r] [-f FILTER] [--overlap POLICY] [--keylog FILE] [--where EXPR] [--type MIME]\n"
     "FILE|DIR [STREAM...] --objects OUTDIR",
     "just these sessions' packets, byte for byte, as a capture file\n"
     "\n"
     "pcapng keeps the names and TLS secrets of the input that concern the sessions, and those of a\n"
     "key log, and marks each session's first packet with its @id.\n"
     "--objects: instead, the bodies that HTTP carried, unpacked, a file each, listed in\n"
     "OUTDIR/manifest.ndjson; --type text/html or 'image/*': only those."},
    {"list", cmd_list,
     "[-r] [-f FILTER] [--where EXPR] [--sort [-]FIELD] [--no-index] [--overlap POLICY]\n"
     "[--json] [--no-app] [--hosts FILE] [--alerts FILE] [--keylog FILE] FILE|DIR",
     "the sessions of capture files as a table\n"
     "\n"
     "In order of the first packet, or sorted by any field of a record, - in front for the\n"
     "largest first. EXPR is like 'close.reason == rst and ip in 10.0.0.0/8 or duration > 3s'.\n"
     "--json: records, one JSON object a line. --alerts: only sessions that an alert of Suricata's\n"
     "eve.json is about, and what it says."},
    {"stats", cmd_stats,
     "--by conversation|host|service|protocol [-r] [-f FILTER] [--where EXPR]\n"
     "[--no-index] [--overlap POLICY] [--json] [--no-app] [--hosts FILE] [--alerts FILE]\n"
     "[--keylog FILE] FILE|DIR",
     "sums over the sessions of capture files, by who talked or how\n"
     "\n"
     "Sessions, packets, payload, bytes with IP and layer-4 headers, and retransmissions each way,\n"
     "the most bytes first. The last line is the total, and what the others add up to.\n"
     "--alerts: only sessions that an alert of Suricata's eve.json is about."},
    {"doctor", cmd_doctor, "[--json]",
     "say what this kernel and machine can do, and what is missing\n"
     "\n"
     "Exit status 0 when sessions can be tracked, 1 when not."},
    {"help", cmd_help, "[COMMAND]", "this list, or how to use a command"},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int refuse_command(const char *name)
{
    fprintf(stderr, "sesstap: no command '%s'; 'sesstap help' lists them\n", name);
    return EXIT_USAGE;
}

static void list_commands(FILE *out)
{
    fprintf(out, "usage: sesstap COMMAND [ARGUMENT]...\n"
                 "       sesstap --help | --version\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-8s %.*s\n", commands[i].name, (int)strcspn(commands[i].help, "\n"),
                commands[i].help);
}

static void explain_command(const struct command *command)
{
    int indent = printf("usage: sesstap %s ", command->name);

    for (const char *line = command->usage; *line;) {
        size_t len = strcspn(line, "\n");

        printf("%.*s\n", (int)len, line);
        line += len + (line[len] == '\n');
        if (*line)
            printf("%*s", indent, "");
    }
    printf("\n%s\n", command->help);
}

static int cmd_help(int argc, char **argv)
{
    const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;

    if (argc > 1 && !command)
        return refuse_command(argv[1]);
    if (command)
        explain_command(command);
    else
        list_commands(stdout);
    return EXIT_DONE;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    const struct command *command;

    if (argc < 2) {
        list_commands(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0)
        return printf("sesstap %s\n", SESSTAP_VERSION) < 0 ? EXIT_FAILED : EXIT_DONE;
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return cmd_help(1, argv);
    command = find_command(argv[1]);
    if (!command)
        return refuse_command(argv[1]);
    if (asks_for_help(argc - 1, argv + 1)) {
        explain_command(command);
        return EXIT_DONE;
    }
    return command->run(argc - 1, argv + 1);
}
