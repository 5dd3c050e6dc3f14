/* SPDX-License-Identifier: Apache-2.0 */
/* What pcapng files tell beside the packets, as tshark and capinfos read it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/capture_support.h"

static const struct capture_interface veth = {.ifindex = 3, .name = "veth0", .snaplen = 4096};
static const struct capture_interface tunnel = {.ifindex = 4, .name = "tun0", .l3_only = 1};
static const struct capture_interface nameless = {.ifindex = 5};

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

static void write_one(struct capture *capture, const struct capture_interface *iface,
                      uint64_t wall_ns, uint32_t payload_len, bool inbound, bool verbatim)
{
    struct frame_spec spec = {.payload_len = payload_len,
                              .l3_only = iface->l3_only,
                              .tcp_flags = 0x10,
                              .client = (uint16_t)payload_len};
    uint8_t headers[HEADERS_MAX];
    const struct capture_packet packet = {
        .headers = headers,
        .headers_len = build_headers(headers, &spec, 0, CHECKSUM_FULL),
        .payload = payload_bytes(),
        .wall_ns = wall_ns,
        .cap_len = payload_len,
        .payload_len = payload_len,
        .skb_payload_len = payload_len,
        .l3_only = iface->l3_only,
        .inbound = inbound,
        .verbatim = verbatim,
    };

    assert_int_equal(capture_write(capture, iface, &packet), 0);
}

static void assert_tool_says(const char *path, const char *command, const char *expected)
{
    char *out, *err;

    if (!run_tool(&out, &err, "%s %s", command, path))
        return;
    assert_string_equal(out, expected);
    free(out);
    free(err);
}

/* Comment on the first packet only, drops on the packet after the loss, direction on each. */
static void test_packet_notes(void **state)
{
    const char *path = scratch_path(*state, "notes.pcapng");
    struct capture *capture = capture_new(path, CAPTURE_PCAPNG, "host.pod.1.a-b.77");

    assert_non_null(capture);
    write_one(capture, &veth, 1700000000000000001u, 0, false, false);
    write_one(capture, &veth, 1700000000000000002u, 1, true, false);
    capture_note_drops(capture, 3);
    capture_note_drops(capture, 4);
    write_one(capture, &veth, 1700000000999999999u, 2, true, false);
    write_one(capture, &tunnel, 1700000001000000000u, 3, true, false);
    write_one(capture, &nameless, 1700000002000000000u, 5, true, true);
    assert_int_equal(capture_packets(capture), 5);
    assert_int_equal(capture_close(capture, 12, 7), 0);
    assert_tool_says(path,
                     "tshark -n -T fields -E separator=, -e frame.time_epoch -e frame.interface_id "
                     "-e frame.interface_name -e frame.packet_flags_direction -e frame.comment "
                     "-e frame.cap_len -e frame.len -r",
                     "1700000000.000000001,0,veth0,0x00000002,host.pod.1.a-b.77,54,54\n"
                     "1700000000.000000002,0,veth0,0x00000001,,55,55\n"
                     "1700000000.999999999,0,veth0,0x00000001,,56,56\n"
                     "1700000001.000000000,1,tun0,0x00000001,,43,43\n"
                     "1700000002.000000000,2,unknown,,,59,59\n");
    assert_tools_content(path, 5);
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

static uint32_t word_at(const uint8_t *at)
{
    uint32_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

/* The n-th block of a type, from 0; NULL when there are not that many. Both lengths must agree. */
static const uint8_t *find_block(const uint8_t *bytes, size_t len, uint32_t type, unsigned int n)
{
    for (size_t at = 0; at < len; at += word_at(bytes + at + 4)) {
        uint32_t block_len = word_at(bytes + at + 4);

        assert_true(block_len >= 12 && block_len % 4 == 0 && at + block_len <= len);
        assert_int_equal(word_at(bytes + at + block_len - 4), block_len);
        if (word_at(bytes + at) == type && n-- == 0)
            return bytes + at;
    }
    return NULL;
}

/* The blocks that tools show little of, byte for byte. */
static void test_blocks_byte_for_byte(void **state)
{
    static const uint8_t interface[] = {1, 0, 0, 0, 44, 0,   0,   0,   1,   0,   0,  0, 0, 16, 0,
                                        0, 2, 0, 5, 0,  'v', 'e', 't', 'h', '0', 0,  0, 0, 9,  0,
                                        1, 0, 9, 0, 0,  0,   0,   0,   0,   0,   44, 0, 0, 0};
    static const uint8_t drops_end[] = {2, 0, 4, 0, 2, 0, 0, 0, 4, 0, 8,   0, 9, 0,
                                        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 112, 0, 0, 0};
    static const uint8_t statistics[] = {5, 0, 0, 0, 52, 0, 0,   0, 0, 0, 0, 0, 1,  0, 0, 0, 7, 0,
                                         0, 0, 4, 0, 8,  0, 255, 1, 0, 0, 0, 0, 0,  0, 5, 0, 8, 0,
                                         9, 0, 0, 0, 0,  0, 0,   0, 0, 0, 0, 0, 52, 0, 0, 0};
    const char *path = scratch_path(*state, "blocks.pcapng");
    struct capture *capture = capture_new(path, CAPTURE_PCAPNG, NULL);
    uint8_t bytes[4096];
    const uint8_t *block;
    size_t len;

    write_one(capture, &veth, 0x100000005, 0, false, false);
    capture_note_drops(capture, 9);
    write_one(capture, &veth, 0x100000007, 0, false, false);
    assert_int_equal(capture_close(capture, 511, 9), 0);
    len = read_bytes(path, bytes, sizeof(bytes));

    block = find_block(bytes, len, 0x0a0d0d0a, 0);
    assert_ptr_equal(block, bytes);
    assert_int_equal(word_at(block + 8), 0x1a2b3c4d);
    assert_int_equal(word_at(block + 12), 1);
    assert_memory_equal(find_block(bytes, len, 1, 0), interface, sizeof(interface));
    assert_null(find_block(bytes, len, 1, 1));
    block = find_block(bytes, len, 6, 0);
    assert_int_equal(word_at(block + 4), 28 + 56 + 16);
    assert_int_equal(word_at(block + 12), 1);
    assert_int_equal(word_at(block + 16), 5);
    block = find_block(bytes, len, 6, 1);
    assert_int_equal(word_at(block + 4), 112);
    assert_memory_equal(block + 28 + 56, drops_end, sizeof(drops_end));
    assert_memory_equal(find_block(bytes, len, 5, 0), statistics, sizeof(statistics));
}

static void test_section_says_who_wrote_it(void **state)
{
    const char *path = scratch_path(*state, "who.pcapng");
    struct capture *capture = capture_new(path, CAPTURE_PCAPNG, NULL);
    char *out, *err;

    write_one(capture, &veth, 7, 0, false, false);
    assert_int_equal(capture_close(capture, 21, 2), 0);
    if (!run_tool(&out, &err, "capinfos %s", path))
        return;
    assert_non_null(strstr(out, "Capture application: sesstap "));
    assert_non_null(strstr(out, "Capture oper-sys:    Linux "));
    assert_non_null(strstr(out, "Capture hardware:    "));
    assert_non_null(strstr(out, "Name = veth0"));
    assert_non_null(strstr(out, "Capture length = 4096"));
    assert_non_null(strstr(out, "Time ticks per second = 1000000000"));
    assert_non_null(strstr(out, "Number of stat entries = 1"));
    assert_non_null(strstr(out, "Number of packets = 1"));
    assert_string_equal(err, "");
    free(out);
    free(err);
}

static void test_empty_file_is_a_file(void **state)
{
    const char *path = scratch_path(*state, "empty.pcapng");

    assert_int_equal(capture_close(capture_new(path, CAPTURE_PCAPNG, "id"), 0, 0), 0);
    assert_tools_content(path, 0);
}

/* Every length of packet, comment and name, so that padding takes each of its values. */
static void test_padding(void **state)
{
    for (uint32_t i = 0; i < 8; i++) {
        const char *path = scratch_path(*state, "padding.pcapng");
        char text[] = "commentary";
        struct capture_interface iface = {.ifindex = 1, .name = text + i};
        struct capture *capture;
        struct read_file file;

        capture = capture_new(path, CAPTURE_PCAPNG, text + i);
        write_one(capture, &iface, i, i, true, false);
        write_one(capture, &iface, i, i + 1, true, false);
        assert_int_equal(capture_close(capture, 2, 0), 0);
        file = read_capture(path);
        assert_int_equal(file.count, 2);
        assert_int_equal(file.packets[0].cap_len, 54 + i);
        assert_int_equal(file.packets[1].cap_len, 55 + i);
        assert_memory_equal(file.packets[1].bytes + 54, payload_bytes(), i + 1);
        read_file_free(&file);
    }
}

static void test_names(void **state)
{
    const char *path = scratch_path(*state, "names.pcapng");
    struct capture *capture = capture_new(path, CAPTURE_PCAPNG, NULL);
    static char longest[CAPTURE_NAME_MAX_BYTES + 2];
    const struct capture_name names[] = {
        {.addr = {[10] = 255, 255, 10, 0, 0, 1}, .ip_version = 4, .name = "client.example"},
        {.addr = {0xfd, [15] = 2}, .ip_version = 6, .name = "six.example"},
        {.addr = {[10] = 255, 255, 10, 0, 0, 2}, .ip_version = 4, .name = "server.example"},
    };
    struct capture_name bad = names[0];
    char hosts[1024];

    memset(longest, 'x', CAPTURE_NAME_MAX_BYTES + 1);
    bad.name = longest;
    assert_int_equal(capture_write_names(capture, &bad, 1), -EINVAL);
    bad.name = "";
    assert_int_equal(capture_write_names(capture, &bad, 1), -EINVAL);
    assert_int_equal(capture_write_names(capture, names, 3), 0);
    assert_int_equal(capture_write_names(capture, names, 0), 0);
    write_one(capture, &veth, 7, 0, false, false);
    assert_int_equal(capture_close(capture, 1, 0), 0);
    assert_tool_says(path, "tshark -Nn -T fields -E separator=, -e ip.src_host -e ip.dst_host -r",
                     "client.example,server.example\n");
    snprintf(hosts, sizeof(hosts),
             "# TShark hosts output\n#\n# Host data gathered from %s\n\nfd00::2\tsix.example\n",
             path);
    assert_tool_says(path, "tshark -Nn -q -z hosts,ipv6 -r", hosts);
}

/* More names than one block takes. */
static void test_many_names(void **state)
{
    enum { NAMES = 20000 };
    const char *path = scratch_path(*state, "many.pcapng");
    struct capture *capture = capture_new(path, CAPTURE_PCAPNG, NULL);
    struct capture_name *names = calloc(NAMES, sizeof(*names));
    uint8_t *bytes = malloc(2 << 20);
    size_t len;

    for (uint32_t i = 0; i < NAMES; i++) {
        const uint8_t addr[16] = {[10] = 255, 255, 10, 1, (uint8_t)(i >> 8), (uint8_t)i};

        memcpy(names[i].addr, addr, 16);
        names[i].ip_version = 4;
        names[i].name = "a-name-like-many.example";
    }
    assert_int_equal(capture_write_names(capture, names, NAMES), 0);
    assert_int_equal(capture_close(capture, 0, 0), 0);
    len = read_bytes(path, bytes, 2 << 20);
    assert_non_null(find_block(bytes, len, 4, 0));
    assert_non_null(find_block(bytes, len, 4, 1));
    assert_null(find_block(bytes, len, 4, 2));
    assert_tools_content(path, 0);
    free(bytes);
    free(names);
}

static void test_secrets(void **state)
{
    static const char log[] = "CLIENT_RANDOM 00 11\n";
    static const uint8_t expected[] = {10,   0,    0,    0,    40, 0, 0, 0,
                                       0x4b, 0x53, 0x4c, 0x54, 18, 0, 0, 0};
    const char *path = scratch_path(*state, "secrets.pcapng");
    struct capture *capture = capture_new(path, CAPTURE_PCAPNG, NULL);
    uint8_t bytes[4096];
    const uint8_t *block;

    assert_int_equal(capture_write_secrets(capture, CAPTURE_SECRETS_TLS_KEY_LOG, log, 18), 0);
    assert_int_equal(capture_write_secrets(capture, 1, log, CAPTURE_SECRETS_MAX_BYTES + 1),
                     -EMSGSIZE);
    write_one(capture, &veth, 7, 0, false, false);
    assert_int_equal(capture_close(capture, 1, 0), 0);
    block = find_block(bytes, read_bytes(path, bytes, sizeof(bytes)), 10, 0);
    assert_memory_equal(block, expected, sizeof(expected));
    assert_memory_equal(block + sizeof(expected), log, 18);
    assert_memory_equal(block + sizeof(expected) + 18, "\0\0", 2);
    assert_tools_content(path, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_packet_notes, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_blocks_byte_for_byte, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_section_says_who_wrote_it, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_empty_file_is_a_file, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_padding, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_names, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_many_names, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_secrets, make_dir, remove_dir),
    };

    return cmocka_run_group_tests_name("capture_pcapng", tests, NULL, NULL);
}
