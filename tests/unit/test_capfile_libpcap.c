/* SPDX-License-Identifier: Apache-2.0 */
/* Against libpcap: the same packets, times and lengths of each capture in the corpus, when that is there. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/capfile/capfile.h"

#ifdef HAVE_PCAP
#include <pcap/pcap.h>

#define CORPUS "../shared/corpus"

struct both {
    const char *path;
    pcap_t *theirs;
    struct capfile *ours;
    unsigned long packets;
};

/* libpcap cuts a packet at the snaplen of the file's head, though the file has all of it. */
static void check_packet(const struct both *both, const struct pcap_pkthdr *head,
                         const uint8_t *data, const struct frame *frame)
{
    uint32_t snaplen = (uint32_t)pcap_snapshot(both->theirs);
    uint32_t cap_len = frame->cap_len < snaplen ? frame->cap_len : snaplen;
    /* Opened for nanoseconds, so tv_usec holds these. */
    uint64_t time_ns = (uint64_t)head->ts.tv_sec * 1000000000 + (uint64_t)head->ts.tv_usec;

    if (frame->time_ns != time_ns || cap_len != head->caplen || frame->wire_len != head->len ||
        memcmp(frame->data, data, cap_len) != 0 || frame->number != both->packets)
        fail_msg("%s: packet %lu differs", both->path, both->packets);
}

static void compare(struct both *both)
{
    struct pcap_pkthdr *head;
    const uint8_t *data;
    struct frame frame;
    int theirs, ours;

    for (;;) {
        theirs = pcap_next_ex(both->theirs, &head, &data);
        ours = capfile_next(both->ours, &frame);
        if (theirs != 1 || ours != 1)
            break;
        both->packets++;
        check_packet(both, head, data, &frame);
    }
    if (theirs == 1 || ours == 1)
        fail_msg("%s: after packet %lu libpcap says %d (%s), we %d", both->path, both->packets,
                 theirs, pcap_geterr(both->theirs), ours);
    assert_int_equal(capfile_damaged(both->ours), theirs == PCAP_ERROR);
}

/* nftw hands nothing through. */
static unsigned int files_compared;

static int compare_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    size_t len = strlen(path);
    char err[PCAP_ERRBUF_SIZE];
    struct both both = {.path = path};
    struct capfile_conf conf = {.paths = &path, .path_count = 1};

    (void)st;
    (void)ftw;
    if (type != FTW_F || (!strstr(path + (len > 7 ? len - 7 : 0), ".pcap")))
        return 0;
    both.theirs = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, err);
    both.ours = capfile_open(&conf);
    if (!both.theirs || !both.ours)
        fail_msg("%s: libpcap: %s; ours: %s", path, both.theirs ? "opened" : err,
                 both.ours ? "opened" : "not");
    compare(&both);
    pcap_close(both.theirs);
    capfile_close(both.ours);
    files_compared++;
    return 0;
}

static void reads_the_corpus_as_libpcap_does(void **state)
{
    (void)state;
    if (access(CORPUS, R_OK) != 0) {
        print_message("no %s\n", CORPUS);
        skip();
    }
    assert_int_equal(nftw(CORPUS, compare_file, 16, FTW_PHYS), 0);
    print_message("%u files\n", files_compared);
    assert_true(files_compared > 0);
}
#else
static void reads_the_corpus_as_libpcap_does(void **state)
{
    (void)state;
    print_message("built without libpcap\n");
    skip();
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_the_corpus_as_libpcap_does)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
