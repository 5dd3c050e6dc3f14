/* SPDX-License-Identifier: Apache-2.0 */
/* An index gives back what was written to it, knows when its capture has changed, and notices every damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/capfile/index_format.h"

#define CAPTURE_BYTES 200000

/* A folder with a capture in it, and what its index is made with. */
struct bench {
    char folder[64];
    char capture[96];
    char path[112];
    struct index_writer *writer;
    uint64_t number;
    uint64_t streams[256];
};

static const struct index_reading READING = {.overlap = 1, .tunnels = true};

static void write_capture(const char *path, uint8_t first, size_t len)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    for (size_t i = 0; i < len; i++)
        fputc((uint8_t)(first + i % 251), file);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));

    strcpy(bench->folder, "/tmp/sesstap-index-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->capture, sizeof(bench->capture), "%s/a.pcap", bench->folder);
    assert_int_equal(index_path(bench->path, sizeof(bench->path), bench->capture), 0);
    write_capture(bench->capture, 0, CAPTURE_BYTES);
    bench->writer = index_writer_new(bench->capture, &READING);
    assert_non_null(bench->writer);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    index_writer_abort(bench->writer);
    unlink(bench->path);
    unlink(bench->capture);
    assert_int_equal(rmdir(bench->folder), 0); /* no temporary file is left */
    free(bench);
    return 0;
}

static struct session session_begin(struct bench *bench, uint8_t l4_proto)
{
    struct session session = {.number = ++bench->number};

    session.stream_index = bench->streams[index_kind_of(l4_proto)]++;
    session.key.l4_proto = l4_proto;
    session.key.ip_version = 4;
    session.key.addr[0].bytes[15] = (uint8_t)bench->number;
    session.close_reason = CLOSE_FIN;
    session.close_by = CLOSE_BY_SERVER;
    return session;
}

static void session_end(struct bench *bench, struct session *session)
{
    struct flow flow = {.bits = 3, .first_ns = 1700000000000000000ull + session->number};

    flow.dir[1].l4_hdr_extra = -12;
    flow.pkts[0] = session->number;
    index_writer_session(bench->writer, session, &flow, NULL, NULL, 0, session->number * 10);
    assert_null(session->places);
}

static void add_places(struct bench *bench, struct session *session, uint64_t first, uint64_t step,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct frame_place place = {first + i * step, i + 1};

        index_writer_places(bench->writer, session, &place, 1);
    }
}

static void commit(struct bench *bench)
{
    static const uint64_t landmarks[] = {0, 28, 700};
    const struct index_sums sums = {
        .frames = 77, .damaged = 2, .seekable = true, .landmarks = landmarks, .landmark_count = 3};

    assert_int_equal(index_writer_commit(bench->writer, &sums), 0);
    bench->writer = NULL;
}

static struct index *open_index(struct bench *bench)
{
    struct index *index;

    assert_int_equal(index_open(&index, bench->capture, &READING), 0);
    return index;
}

static void check_places(const struct index *index, uint64_t number, uint64_t first, uint64_t step,
                         size_t count)
{
    struct index_session session;
    struct frame_place *places;

    assert_int_equal(index_session(index, number, &session), 0);
    assert_int_equal(session.place_count, count);
    places = calloc(count + 1, sizeof(*places));
    assert_int_equal(index_places(index, &session, places), 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(places[i].offset, first + i * step);
        assert_int_equal(places[i].number, i + 1);
    }
    free(places);
    index_session_fini(&session);
}

/* ---- what was written comes back --------------------------------------------------------------- */

static void test_session_comes_back(void **state)
{
    struct bench *bench = *state;
    struct session session = session_begin(bench, IP_PROTO_TCP);
    struct flow flow = {.bits = 0x0102, .first_ns = 5, .id = 9, .vlan = {7, 8}};
    struct stream_tally tally[2] = {{.delivered = 100, .holes = 3}, {.overlaps = UINT64_MAX}};
    struct stream_hole holes[] = {{10, 20, 1, true}, {1ull << 40, 1, 0, false}};
    struct index_session back;
    struct index *index;

    session.tunnel = (struct session_tunnel){"vxlan", 77, 4, {{1, 2}, {3, 4}}};
    memset(&flow.quality, 0xff, sizeof(flow.quality));
    add_places(bench, &session, 24, 100, 3);
    index_writer_session(bench->writer, &session, &flow, tally, holes, 2, 123456789);
    commit(bench);
    index = open_index(bench);
    assert_int_equal(index_count(index), 1);
    assert_int_equal(index_session(index, 1, &back), 0);
    assert_memory_equal(&back.flow, &flow, sizeof(flow));
    assert_memory_equal(&back.session.key, &session.key, sizeof(session.key));
    assert_true(back.has_tally);
    assert_true(back.has_places);
    assert_memory_equal(back.tally, tally, sizeof(tally));
    assert_int_equal(back.session.number, 1);
    assert_int_equal(back.session.id, 1);
    assert_int_equal(back.session.stream_index, 0);
    assert_int_equal(back.session.close_reason, CLOSE_FIN);
    assert_int_equal(back.session.close_by, CLOSE_BY_SERVER);
    assert_string_equal(back.session.tunnel.name, "vxlan");
    assert_int_equal(back.session.tunnel.id, 77);
    assert_memory_equal(back.session.tunnel.outer, session.tunnel.outer, 32);
    assert_int_equal(back.now_ns, 123456789);
    assert_int_equal(back.hole_count, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(back.holes[i].offset, holes[i].offset);
        assert_int_equal(back.holes[i].length, holes[i].length);
        assert_int_equal(back.holes[i].from, holes[i].from);
        assert_int_equal(back.holes[i].cut, holes[i].cut);
    }
    index_session_fini(&back);
    assert_int_equal(index_sums(index)->frames, 77);
    assert_int_equal(index_sums(index)->damaged, 2);
    assert_true(index_sums(index)->seekable);
    assert_int_equal(index_sums(index)->landmark_count, 3);
    assert_int_equal(index_sums(index)->landmarks[2], 700);
    index_close(index);
}

static void test_streams_are_found(void **state)
{
    static const struct {
        const char *name;
        uint8_t l4_proto;
        uint64_t stream;
        uint64_t number;
    } rows[] = {
        {"first of TCP", IP_PROTO_TCP, 0, 1},
        {"second of TCP", IP_PROTO_TCP, 1, 3},
        {"no third of TCP", IP_PROTO_TCP, 2, 0},
        {"first of UDP", IP_PROTO_UDP, 0, 2},
        {"ICMP", IP_PROTO_ICMP, 0, 4},
        {"ICMPv6 counts on", IP_PROTO_ICMP, 1, 5},
        {"ICMPv6 is ICMP", IP_PROTO_ICMPV6, 0, 4},
        {"none of SCTP", IP_PROTO_SCTP, 0, 0},
        {"far beyond", IP_PROTO_TCP, UINT64_MAX, 0},
    };
    static const uint8_t protos[] = {IP_PROTO_TCP, IP_PROTO_UDP, IP_PROTO_TCP, IP_PROTO_ICMP,
                                     IP_PROTO_ICMPV6};
    struct bench *bench = *state;
    struct session sessions[5];
    struct index *index;

    for (int i = 0; i < 5; i++)
        sessions[i] = session_begin(bench, protos[i]);
    for (int i = 4; i >= 0; i--)
        session_end(bench, &sessions[i]);
    commit(bench);
    index = open_index(bench);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t number = index_find(index, rows[i].l4_proto, rows[i].stream);

        if (number != rows[i].number)
            fail_msg("%s: %llu", rows[i].name, (unsigned long long)number);
    }
    for (uint64_t i = 0; i < 5; i++)
        assert_int_equal(index_ended(index, i), 5 - i);
    assert_int_equal(index_ended(index, 5), 0);
    index_close(index);
}

/* Chains longer than a chunk, and more of them than are held. */
static void test_many_places(void **state)
{
    enum { LONG = 200000, SESSIONS = 3000, EACH = 3000 };
    struct bench *bench = *state;
    struct session *sessions = calloc(SESSIONS, sizeof(*sessions));
    struct session session = session_begin(bench, IP_PROTO_TCP);
    struct index *index;

    add_places(bench, &session, 24, 1514, LONG);
    for (int i = 0; i < SESSIONS; i++)
        sessions[i] = session_begin(bench, IP_PROTO_UDP);
    for (size_t n = 0; n < EACH; n++) {
        for (int i = 0; i < SESSIONS; i++) {
            struct frame_place place = {(uint64_t)i + n * 100000000, n + 1};

            index_writer_places(bench->writer, &sessions[i], &place, 1);
        }
    }
    session_end(bench, &session);
    for (int i = 0; i < SESSIONS; i++)
        session_end(bench, &sessions[i]);
    commit(bench);
    index = open_index(bench);
    check_places(index, 1, 24, 1514, LONG);
    for (int i = 0; i < SESSIONS; i++)
        check_places(index, (uint64_t)i + 2, (uint64_t)i, 100000000, EACH);
    index_close(index);
    free(sessions);
}

static void test_place_that_is_not_known(void **state)
{
    struct bench *bench = *state;
    struct session session = session_begin(bench, IP_PROTO_UDP);
    struct frame_place places[] = {{24, 1}, {UINT64_MAX, 0}, {99, 3}}, back[4];
    struct index_session found;
    struct index *index;

    index_writer_places(bench->writer, &session, places, 3);
    session_end(bench, &session);
    commit(bench);
    index = open_index(bench);
    assert_int_equal(index_session(index, 1, &found), 0);
    assert_false(found.has_places);
    assert_int_equal(index_places(index, &found, back), -ENODATA);
    index_session_fini(&found);
    index_close(index);
}

/* ---- captures that are other ones -------------------------------------------------------------- */

static void change_head(const char *path)
{
    struct stat st;
    struct timespec times[2];
    int fd = open(path, O_RDWR);

    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(pwrite(fd, "x", 1, 30), 1);
    times[0] = times[1] = st.st_mtim;
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static void change_tail(const char *path)
{
    struct stat st;
    struct timespec times[2];
    int fd = open(path, O_RDWR);

    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(pwrite(fd, "x", 1, CAPTURE_BYTES - 2), 1);
    times[0] = times[1] = st.st_mtim;
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static void grow(const char *path)
{
    assert_int_equal(truncate(path, CAPTURE_BYTES + 1), 0);
}

static void touch(const char *path)
{
    struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000, .tv_nsec = 1}};

    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_changed_capture(void **state)
{
    static const struct {
        const char *name;
        void (*change)(const char *path);
    } rows[] = {{"its start", change_head},
                {"its end", change_tail},
                {"its length", grow},
                {"time", touch}};
    struct bench *bench = *state;

    commit(bench);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct index *index;

        write_capture(bench->capture, 0, CAPTURE_BYTES);
        bench->writer = index_writer_new(bench->capture, &READING);
        assert_non_null(bench->writer);
        commit(bench);
        index_close(open_index(bench));
        rows[i].change(bench->capture);
        if (index_open(&index, bench->capture, &READING) != -ESTALE)
            fail_msg("%s", rows[i].name);
        assert_null(index);
    }
}

static void test_changed_while_read(void **state)
{
    struct bench *bench = *state;
    const struct index_sums sums = {0};
    struct index *index;

    grow(bench->capture);
    assert_int_equal(index_writer_commit(bench->writer, &sums), -ESTALE);
    bench->writer = NULL;
    assert_int_equal(index_open(&index, bench->capture, &READING), -ENOENT);
}

static void test_other_reading(void **state)
{
    struct bench *bench = *state;
    struct index_reading other = READING;
    struct index *index;

    commit(bench);
    other.overlap = 2;
    assert_int_equal(index_open(&index, bench->capture, &other), -ENOENT);
    other = READING;
    other.tunnels = false;
    assert_int_equal(index_open(&index, bench->capture, &other), -ENOENT);
}

/* A session that never ended would be missing. */
static void test_number_left_out(void **state)
{
    struct bench *bench = *state;
    struct session session;

    session_begin(bench, IP_PROTO_TCP);
    session = session_begin(bench, IP_PROTO_TCP);
    session_end(bench, &session);
    assert_int_equal(index_writer_commit(bench->writer, &(struct index_sums){0}), -EPROTO);
    bench->writer = NULL;
}

static void test_no_place_for_it(void **state)
{
    struct bench *bench = *state;

    assert_null(index_writer_new(bench->folder, &READING));
    assert_int_equal(errno, EINVAL);
    assert_int_equal(chmod(bench->folder, 0500 & ~S_IWUSR), 0);
    assert_null(index_writer_new(bench->capture, &READING));
    assert_int_equal(errno, EACCES);
    assert_int_equal(chmod(bench->folder, 0700), 0);
}

/* ---- damage ------------------------------------------------------------------------------------ */

static uint8_t *load(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data;

    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *len = (size_t)ftell(file);
    rewind(file);
    data = malloc(*len);
    assert_int_equal(fread(data, 1, *len, file), *len);
    fclose(file);
    return data;
}

/* Of everything in it, or -1 when some of it can't be read. */
static int64_t sum_of(const uint8_t *data, size_t len)
{
    struct index *index;
    int64_t sum = 0;

    if (index_open_memory(&index, data, len))
        return -1;
    for (uint64_t number = 1; number <= index_count(index) && sum >= 0; number++) {
        struct frame_place *places;
        struct index_session session;

        if (index_session(index, number, &session)) {
            sum = -1;
            break;
        }
        places = calloc(session.place_count + 1, sizeof(*places));
        if (index_places(index, &session, places))
            sum = -1;
        for (uint64_t i = 0; sum >= 0 && i < session.place_count; i++)
            sum += (int64_t)(places[i].offset * (i + 1) + session.flow.first_ns % 1000);
        free(places);
        index_session_fini(&session);
    }
    index_close(index);
    return sum;
}

static uint8_t *small_index(struct bench *bench, size_t *len)
{
    struct session a = session_begin(bench, IP_PROTO_TCP), b = session_begin(bench, IP_PROTO_UDP);

    add_places(bench, &a, 24, 100000, 9000); /* more than one chunk */
    add_places(bench, &b, 1024, 100000, 5);
    session_end(bench, &a);
    session_end(bench, &b);
    commit(bench);
    return load(bench->path, len);
}

static void test_every_changed_byte(void **state)
{
    struct bench *bench = *state;
    size_t len, step;
    uint8_t *data = small_index(bench, &len);
    int64_t whole = sum_of(data, len), sum;

    assert_true(whole > 0);
    for (size_t at = 0; at < len; at += step) {
        /* In the long run of places not each. */
        step = at > 400 && at < len - 2000 ? 97 : 1;
        data[at] ^= 0x10;
        sum = sum_of(data, len);
        data[at] ^= 0x10;
        /* Orders of streams and ends are checked where they are used, and padding says nothing. */
        if (sum != -1 && sum != whole)
            fail_msg("byte %zu: damage that goes unnoticed", at);
    }
    free(data);
}

static void test_every_length(void **state)
{
    struct bench *bench = *state;
    size_t len, step;
    uint8_t *data = small_index(bench, &len);

    for (size_t end = 0; end < len; end += step) {
        uint8_t *part = malloc(end ? end : 1);

        step = end > 400 && end < len - 400 ? 97 : 1;
        memcpy(part, data, end);
        assert_int_equal(sum_of(part, end), -1);
        free(part);
    }
    free(data);
}

static void test_damaged_file(void **state)
{
    struct bench *bench = *state;
    struct index *index;

    commit(bench);
    assert_int_equal(truncate(bench->path, 20), 0);
    assert_int_equal(index_open(&index, bench->capture, &READING), -EBADMSG);
    assert_int_equal(truncate(bench->path, 0), 0);
    assert_int_equal(index_open(&index, bench->capture, &READING), -EBADMSG);
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_session_comes_back), CASE(test_streams_are_found),
        CASE(test_many_places),        CASE(test_place_that_is_not_known),
        CASE(test_changed_capture),    CASE(test_changed_while_read),
        CASE(test_other_reading),      CASE(test_number_left_out),
        CASE(test_no_place_for_it),    CASE(test_every_changed_byte),
        CASE(test_every_length),       CASE(test_damaged_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
