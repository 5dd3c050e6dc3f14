/* SPDX-License-Identifier: Apache-2.0 */
/* pcap files byte for byte, what they cannot hold, and what becomes of a file that cannot be written. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/capture_support.h"

static const struct capture_interface ethernet = {.ifindex = 3, .name = "veth0"};
static const struct capture_interface raw_ip = {.ifindex = 4, .name = "tun0", .l3_only = 1};

static int make_dir(void **state)
{
    *state = scratch_make();
    return 0;
}

static int remove_dir(void **state)
{
    scratch_remove(*state);
    return 0;
}

static struct capture_packet packet_of(uint8_t *headers, const struct frame_spec *spec,
                                       uint64_t wall_ns)
{
    return (struct capture_packet){
        .headers = headers,
        .headers_len = build_headers(headers, spec, 0, CHECKSUM_PSEUDO),
        .payload = payload_bytes(),
        .wall_ns = wall_ns,
        .cap_len = spec->payload_len,
        .payload_len = spec->payload_len,
        .skb_payload_len = spec->payload_len,
        .l3_only = spec->l3_only,
    };
}

static size_t read_bytes(const char *path, uint8_t *out, size_t size)
{
    FILE *file = fopen(path, "rb");
    size_t len;

    assert_non_null(file);
    len = fread(out, 1, size, file);
    fclose(file);
    return len;
}

static void test_file_byte_for_byte(void **state)
{
    static const uint8_t expected[] = {
        0x4d, 0x3c, 0xb2, 0xa1, 2,    0,    4,    0,    0,  0, 0, 0, 0,  0, 0, 0,
        0,    0,    4,    0,    1,    0,    0,    0,                              /* file */
        0x00, 0xf1, 0x53, 0x65, 0x15, 0xcd, 0x5b, 0x07, 57, 0, 0, 0, 57, 0, 0, 0, /* packet */
    };
    const char *path = scratch_path(*state, "one.pcap");
    struct capture *capture = capture_new(path, CAPTURE_PCAP, "an id that pcap has no place for");
    struct frame_spec spec = {.payload_len = 3, .tcp_flags = 0x18};
    uint8_t headers[HEADERS_MAX], frame[FRAME_MAX], file[512];
    struct capture_packet packet = packet_of(headers, &spec, 1700000000123456789u);

    assert_non_null(capture);
    assert_int_equal(capture_write(capture, &ethernet, &packet), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(capture_close(capture, 1, 0), 0);
    assert_int_equal(build_frame(frame, &spec, 0), 57);
    assert_int_equal(read_bytes(path, file, sizeof(file)), sizeof(expected) + 57);
    assert_memory_equal(file, expected, sizeof(expected));
    assert_memory_equal(file + sizeof(expected), frame, 57);
    assert_tools_content(path, 1);
}

static void test_empty_file_is_a_file(void **state)
{
    const char *path = scratch_path(*state, "empty.pcap");
    struct capture *capture = capture_new(path, CAPTURE_PCAP, NULL);
    struct read_file file;

    assert_non_null(capture);
    assert_int_equal(capture_close(capture, 0, 0), 0);
    file = read_capture(path);
    assert_int_equal(file.count, 0);
    assert_int_equal(file.link_type, 1);
    assert_int_equal(file.snaplen, 262144);
    assert_tools_content(path, 0);
}

static void test_raw_ip_link_type(void **state)
{
    const char *path = scratch_path(*state, "raw.pcap");
    struct capture *capture = capture_new(path, CAPTURE_PCAP, NULL);
    struct frame_spec spec = {.l3_only = true, .is_v6 = true, .payload_len = 10};
    uint8_t headers[HEADERS_MAX], frame[FRAME_MAX];
    struct capture_packet packet = packet_of(headers, &spec, 5);
    struct read_file file;

    assert_int_equal(capture_write(capture, &raw_ip, &packet), 0);
    assert_int_equal(capture_close(capture, 0, 0), 0);
    file = read_capture(path);
    assert_int_equal(file.count, 1);
    assert_int_equal(file.link_type, 12); /* DLT_RAW, which is 101 in the file */
    assert_int_equal(file.packets[0].wall_ns, 5);
    assert_int_equal(file.packets[0].cap_len, build_frame(frame, &spec, 0));
    assert_memory_equal(file.packets[0].bytes, frame, file.packets[0].cap_len);
    read_file_free(&file);
    assert_tools_content(path, 1);
}

static void test_second_link_type_is_left_out(void **state)
{
    const char *path = scratch_path(*state, "two.pcap");
    struct capture *capture = capture_new(path, CAPTURE_PCAP, NULL);
    struct frame_spec spec = {.payload_len = 10}, raw_spec = {.l3_only = true, .payload_len = 10};
    uint8_t headers[HEADERS_MAX], raw_headers[HEADERS_MAX];
    struct capture_packet packet = packet_of(headers, &spec, 5);
    struct capture_packet raw = packet_of(raw_headers, &raw_spec, 6);
    const struct capture_interface other_ethernet = {.ifindex = 9};

    assert_int_equal(capture_write(capture, &ethernet, &packet), 0);
    assert_int_equal(capture_write(capture, &raw_ip, &raw), -EPROTOTYPE);
    assert_int_equal(capture_write(capture, &raw_ip, &raw), 0);
    assert_int_equal(capture_write(capture, &other_ethernet, &packet), 0);
    assert_int_equal(capture_left_out(capture), 2);
    assert_int_equal(capture_packets(capture), 2);
    assert_int_equal(capture_close(capture, 0, 0), 0);
    assert_tools_content(path, 2);
}

static void test_snaplen_cuts(void **state)
{
    static const struct {
        uint32_t snaplen;
        uint32_t cap_len;
    } rows[] = {{0, 154}, {154, 154}, {153, 153}, {54, 54}, {20, 20}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *path = scratch_path(*state, "snap.pcap");
        struct capture *capture = capture_new(path, CAPTURE_PCAP, NULL);
        struct capture_interface iface = {.ifindex = 1, .snaplen = rows[i].snaplen};
        struct frame_spec spec = {.payload_len = 100};
        uint8_t headers[HEADERS_MAX], frame[FRAME_MAX];
        struct capture_packet packet = packet_of(headers, &spec, 5);
        struct read_file file;

        assert_int_equal(capture_write(capture, &iface, &packet), 0);
        assert_int_equal(capture_close(capture, 0, 0), 0);
        file = read_capture(path);
        build_frame(frame, &spec, 0);
        assert_int_equal(file.packets[0].cap_len, rows[i].cap_len);
        assert_int_equal(file.packets[0].wire_len, 154);
        assert_memory_equal(file.packets[0].bytes, frame, rows[i].cap_len);
        assert_int_equal(file.snaplen, rows[i].snaplen ? rows[i].snaplen : 262144);
        read_file_free(&file);
    }
}

/* Names and secrets have no place in pcap. */
static void test_what_pcap_has_no_place_for(void **state)
{
    struct capture *capture = capture_new(scratch_path(*state, "x.pcap"), CAPTURE_PCAP, NULL);
    const struct capture_name name = {.ip_version = 4, .name = "host"};

    assert_int_equal(capture_write_names(capture, &name, 1), -EOPNOTSUPP);
    assert_int_equal(capture_write_secrets(capture, CAPTURE_SECRETS_TLS_KEY_LOG, "x", 1),
                     -EOPNOTSUPP);
    capture_abort(capture);
    assert_int_equal(access(scratch_path(*state, "x.pcap"), F_OK), -1);
}

static void test_folder_that_is_not_there(void **state)
{
    struct capture *capture = capture_new(scratch_path(*state, "no/x.pcap"), CAPTURE_PCAP, NULL);

    assert_non_null(capture);
    assert_int_equal(capture_close(capture, 0, 0), -ENOENT);
}

static void test_name_too_long(void **state)
{
    char path[OUTFILE_PATH_MAX + 1];

    (void)state;
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    errno = 0;
    assert_null(capture_new(path, CAPTURE_PCAPNG, NULL));
    assert_int_equal(errno, ENAMETOOLONG);
    capture_abort(NULL);
}

/* A file that cannot grow: every write after that says so. */
static void test_write_error_stays(void **state)
{
    struct capture *capture = capture_new("/dev/full/x.pcap", CAPTURE_PCAP, NULL);
    struct frame_spec spec = {.payload_len = 60000, .is_udp = true};
    uint8_t headers[HEADERS_MAX];
    struct capture_packet packet = packet_of(headers, &spec, 5);
    int error = 0;

    (void)state;
    for (int i = 0; i < 10 && !error; i++)
        error = capture_write(capture, &ethernet, &packet);
    assert_int_equal(error, -ENOTDIR);
    assert_int_equal(capture_write(capture, &ethernet, &packet), -ENOTDIR);
    assert_int_equal(capture_close(capture, 0, 0), -ENOTDIR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_file_byte_for_byte, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_empty_file_is_a_file, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_raw_ip_link_type, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_second_link_type_is_left_out, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_snaplen_cuts, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_what_pcap_has_no_place_for, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_folder_that_is_not_there, make_dir, remove_dir),
        cmocka_unit_test(test_name_too_long),
        cmocka_unit_test(test_write_error_stays),
    };

    return cmocka_run_group_tests_name("capture_pcap", tests, NULL, NULL);
}
