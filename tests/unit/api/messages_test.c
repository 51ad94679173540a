// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What people read when something fails: tests/golden/messages.txt has every message that this
// table provokes, with paths, ids and numbers of the machine left out. RENOIR_GOLDEN_UPDATE=1
// writes it.

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

#include "layout/region_shm.h"
#include "unit/memory/region_fixture.h"

static RenoirRegionHandle kept;
static RenoirRegionHandle reading;
static void *memory;

static RenoirErrorCode make(const char *name, size_t size, uint32_t flags)
{
    RenoirRegionHandle region = NULL;
    const RenoirErrorCode status = fixture_make(name, size, flags, &region);
    renoir_region_close(region);
    return status;
}

static RenoirErrorCode make_config(RenoirRegionConfig config, uint32_t flags)
{
    RenoirRegionHandle region = NULL;
    RenoirRegionOptions options = renoir_region_options_default();
    options.flags = flags;
    if (config.name == NULL) {
        config.name = "wrong";
    }
    if (config.size == 0) {
        config.size = 4096;
    }
    const RenoirErrorCode status = renoir_region_create_with(NULL, &config, &options, &region);
    renoir_region_close(region);
    return status;
}

static RenoirErrorCode join_of_size(const char *name, size_t size)
{
    RenoirRegionConfig config = renoir_region_config_default();
    RenoirRegionHandle region = NULL;
    config.create = false;
    config.name = name;
    config.size = size;
    const RenoirErrorCode status = renoir_region_create(NULL, &config, &region);
    renoir_region_close(region);
    return status;
}

static RenoirErrorCode backing_type_unknown(void)
{
    RenoirRegionConfig config = renoir_region_config_default();
    config.backing_type = 9;
    return make_config(config, 0);
}

static RenoirErrorCode path_without_file(void)
{
    RenoirRegionConfig config = renoir_region_config_default();
    config.backing_type = RENOIR_BACKING_MEMFD;
    config.file_path = "/tmp/x";
    return make_config(config, 0);
}

static RenoirErrorCode size_zero(void)
{
    return make("wrong", 0, 0);
}

static RenoirErrorCode open_permissions(void)
{
    RenoirRegionConfig config = renoir_region_config_default();
    config.permissions = 0666;
    return make_config(config, 0);
}

static RenoirErrorCode memfd_persistent(void)
{
    RenoirRegionConfig config = renoir_region_config_default();
    config.backing_type = RENOIR_BACKING_MEMFD;
    return make_config(config, RENOIR_REGION_PERSISTENT);
}

static RenoirErrorCode unknown_flag(void)
{
    return make("wrong", 4096, 1u << 30);
}

static RenoirErrorCode name_empty(void)
{
    return make("", 4096, 0);
}

static RenoirErrorCode name_with_newline(void)
{
    return make("a\nb", 4096, 0);
}

static RenoirErrorCode name_not_utf8(void)
{
    return make("\xff", 4096, 0);
}

static RenoirErrorCode name_too_long(void)
{
    char name[300];
    memset(name, 'n', sizeof name);
    name[256] = '\0';
    return make(name, 4096, 0);
}

static RenoirErrorCode name_of_slashes(void)
{
    return make("///", 4096, 0);
}

static RenoirErrorCode path_in_no_directory(void)
{
    return make("/no/such/file", 4096, 0);
}

static RenoirErrorCode no_space(void)
{
    rnr_fault_arm_errno("fallocate", ENOSPC, 1);
    return make("wrong", (size_t)1 << 30, 0);
}

static RenoirErrorCode too_small(void)
{
    return make("kept", FIXTURE_SIZE * 2, 0);
}

static RenoirErrorCode exclusive(void)
{
    return make("kept", 4096, RENOIR_REGION_EXCLUSIVE);
}

static RenoirErrorCode other_backing(void)
{
    RenoirRegionConfig config = renoir_region_config_default();
    config.name = "kept";
    config.backing_type = RENOIR_BACKING_POSIX_SHM;
    return make_config(config, 0);
}

static RenoirErrorCode other_size(void)
{
    return join_of_size("kept", 4096);
}

static RenoirErrorCode none_to_open(void)
{
    return fixture_try_open("nothing");
}

static RenoirErrorCode none_to_join(void)
{
    return join_of_size("nothing", 0);
}

static RenoirErrorCode none_to_read(void)
{
    return make("nothing", 4096, RENOIR_REGION_READ_ONLY);
}

static RenoirErrorCode none_to_remove(void)
{
    return renoir_region_remove(NULL, "nothing");
}

static RenoirErrorCode no_handle(void)
{
    return renoir_region_flush(NULL);
}

static RenoirErrorCode bad_descriptor(void)
{
    RenoirRegionHandle region = NULL;
    return renoir_region_open_fd(NULL, -1, NULL, &region);
}

static RenoirErrorCode lock_limit(void)
{
    rnr_fault_arm_errno("mlock", ENOMEM, 1);
    return make("wrong", 4096, RENOIR_REGION_LOCKED);
}

static RenoirErrorCode block_of_zero(void)
{
    return renoir_region_block(kept, "z", 0, 0, &memory, NULL);
}

static RenoirErrorCode block_alignment(void)
{
    return renoir_region_block(kept, "z", 8, 3, &memory, NULL);
}

static RenoirErrorCode block_too_large(void)
{
    return renoir_region_block(kept, "z", FIXTURE_SIZE * 2, 0, &memory, NULL);
}

static RenoirErrorCode block_of_another_size(void)
{
    return renoir_region_block(kept, "b", 101, 0, &memory, NULL);
}

static RenoirErrorCode block_name(void)
{
    return renoir_region_block(kept, "", 8, 0, &memory, NULL);
}

static RenoirErrorCode block_while_reading(void)
{
    return renoir_region_block(reading, "new", 8, 0, &memory, NULL);
}

static RenoirErrorCode remove_nothing(void)
{
    return renoir_region_remove_object(kept, "nothing");
}

static RenoirErrorCode remove_open(void)
{
    return renoir_region_remove_object(kept, "theirs");
}

static RenoirErrorCode remove_while_reading(void)
{
    return renoir_region_remove_object(reading, "b");
}

static RenoirErrorCode offset_outside(void)
{
    uint64_t offset = 0;
    return renoir_region_offset(kept, &offset, &offset);
}

static RenoirErrorCode pointer_outside(void)
{
    return renoir_region_pointer(kept, FIXTURE_SIZE, 1, &memory);
}

static RenoirErrorCode with_header(size_t offset, uint32_t value)
{
    const char *path = test_root_path("renoir/regions/damaged");
    RenoirRegionHandle region = NULL;
    REQUIRE_OK(fixture_make("damaged", 4096, RENOIR_REGION_PERSISTENT, &region));
    renoir_region_close(region);
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    REQUIRE(fd >= 0 && pwrite(fd, &value, sizeof value, (off_t)offset) == sizeof value);
    close(fd);
    const RenoirErrorCode status = fixture_try_open("damaged");
    unlink(path);
    return status;
}

static RenoirErrorCode magic(void)
{
    return with_header(offsetof(RnrFileHeaderShm, magic), 0);
}

static RenoirErrorCode layout_version(void)
{
    return with_header(offsetof(RnrFileHeaderShm, layout_version), 99);
}

static RenoirErrorCode byte_order(void)
{
    return with_header(offsetof(RnrFileHeaderShm, byte_order), 0x04030201);
}

static RenoirErrorCode fingerprint(void)
{
    return with_header(offsetof(RnrFileHeaderShm, fingerprint), 1);
}

static RenoirErrorCode file_kind(void)
{
    return with_header(offsetof(RnrFileHeaderShm, kind), RNR_FILE_NODE);
}

static RenoirErrorCode geometry(void)
{
    return with_header(offsetof(RnrRegionShm, max_objects), 0);
}

static RenoirErrorCode too_short(void)
{
    const char *path = test_root_path("renoir/regions/short");
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    close(fd);
    const RenoirErrorCode status = fixture_try_open("short");
    unlink(path);
    return status;
}

static RenoirErrorCode symbolic_link(void)
{
    const char *path = test_root_path("renoir/regions/link");
    REQUIRE(symlink("/dev/null", path) == 0);
    const RenoirErrorCode status = fixture_try_open("link");
    unlink(path);
    return status;
}

static RenoirErrorCode cut_short(void)
{
    RenoirRegionHandle region = fixture_region("cut");
    REQUIRE(truncate(renoir_region_path(region), 0) == 0);
    CHECK_OK(renoir_region_remove(NULL, "cut"));
    const RenoirErrorCode status = renoir_region_flush(region);
    renoir_region_close(region);
    return status;
}

static RenoirErrorCode no_root(void)
{
    RenoirManagerOptions options = renoir_manager_options_default();
    RenoirManagerHandle manager = NULL;
    options.root = "/no/such/root";
    return renoir_manager_create_with(&options, &manager);
}

static RenoirErrorCode root_for_everybody(void)
{
    RenoirManagerOptions options = renoir_manager_options_default();
    RenoirManagerHandle manager = NULL;
    char root[600];
    char folder[700];
    snprintf(root, sizeof root, "%s/open", test_directory());
    snprintf(folder, sizeof folder, "%s/renoir", root);
    REQUIRE(mkdir(root, 0700) == 0 && mkdir(folder, 0700) == 0 && chmod(folder, 0777) == 0);
    options.root = root;
    return renoir_manager_create_with(&options, &manager);
}

static RenoirErrorCode no_manager(void)
{
    static uint64_t nothing[64];
    return renoir_manager_destroy((RenoirManagerHandle)(void *)nothing);
}

static RenoirErrorCode node_name(void)
{
    RenoirManagerOptions options = renoir_manager_options_default();
    RenoirManagerHandle manager = NULL;
    options.node_name = "";
    return renoir_manager_create_with(&options, &manager);
}

static RenoirErrorCode output_null(void)
{
    return renoir_region_list(NULL, NULL, 0, NULL);
}

#define CASE(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
static const struct {
    const char *name;
    RenoirErrorCode (*provoke)(void);
} CASES[] = {CASE(backing_type_unknown),
             CASE(path_without_file),
             CASE(size_zero),
             CASE(open_permissions),
             CASE(memfd_persistent),
             CASE(unknown_flag),
             CASE(name_empty),
             CASE(name_with_newline),
             CASE(name_not_utf8),
             CASE(name_too_long),
             CASE(name_of_slashes),
             CASE(path_in_no_directory),
             CASE(no_space),
             CASE(too_small),
             CASE(exclusive),
             CASE(other_backing),
             CASE(other_size),
             CASE(none_to_open),
             CASE(none_to_join),
             CASE(none_to_read),
             CASE(none_to_remove),
             CASE(no_handle),
             CASE(bad_descriptor),
             CASE(lock_limit),
             CASE(block_of_zero),
             CASE(block_alignment),
             CASE(block_too_large),
             CASE(block_of_another_size),
             CASE(block_name),
             CASE(block_while_reading),
             CASE(remove_nothing),
             CASE(remove_open),
             CASE(remove_while_reading),
             CASE(offset_outside),
             CASE(pointer_outside),
             CASE(magic),
             CASE(layout_version),
             CASE(byte_order),
             CASE(fingerprint),
             CASE(file_kind),
             CASE(geometry),
             CASE(too_short),
             CASE(symbolic_link),
             CASE(cut_short),
             CASE(no_root),
             CASE(root_for_everybody),
             CASE(no_manager),
             CASE(node_name),
             CASE(output_null)};

enum { CASE_COUNT = sizeof CASES / sizeof CASES[0], TEXT_SIZE = 65536 };

// Appends a message, with what differs from run to run and from machine to machine replaced.
static void append_normal(char *text, const char *message)
{
    static const char *const before_numbers[] = {" bytes needed, ", "the limit is ",
                                                 "this library ", "this library's 0x", "by user "};
    const size_t directory_length = strlen(test_directory());
    char *to = text + strlen(text);
    for (const char *from = message; *from != '\0';) {
        if (strncmp(from, test_directory(), directory_length) == 0) {
            to = stpcpy(to, "<directory>");
            from += directory_length;
            continue;
        }
        bool is_number = false;
        for (size_t i = 0; i < sizeof before_numbers / sizeof before_numbers[0]; ++i) {
            const size_t length = strlen(before_numbers[i]);
            if (strncmp(from, before_numbers[i], length) == 0 &&
                isxdigit((unsigned char)from[length]) != 0) {
                to = stpcpy(stpcpy(to, before_numbers[i]), "<number>");
                from += length + strspn(from + length, "0123456789abcdef");
                is_number = true;
                break;
            }
        }
        if (!is_number) {
            *to++ = *from++;
        }
    }
    *to++ = '\n';
    *to = '\0';
}

static void collect(char *text)
{
    text[0] = '\0';
    for (size_t i = 0; i < CASE_COUNT; ++i) {
        const RenoirErrorCode status = CASES[i].provoke();
        CHECK(status != RENOIR_SUCCESS);
        char head[128];
        snprintf(head, sizeof head, "%s: %s\n    ", CASES[i].name, renoir_error_name(status));
        strcat(text, head);
        append_normal(text, renoir_last_error_message());
    }
}

static void compare_lines(char *expected, char *actual)
{
    char *rest[2] = {NULL, NULL};
    const char *lines[2] = {strtok_r(expected, "\n", &rest[0]), strtok_r(actual, "\n", &rest[1])};
    while (lines[0] != NULL || lines[1] != NULL) {
        CHECK_STR(lines[0] == NULL ? "(the end)" : lines[0],
                  lines[1] == NULL ? "(the end)" : lines[1]);
        for (int i = 0; i < 2; ++i) {
            lines[i] = strtok_r(NULL, "\n", &rest[i]);
        }
    }
}

PEER(holds_block)
{
    RenoirRegionHandle region = fixture_open("kept");
    REQUIRE_OK(renoir_region_block(region, "theirs", 8, 0, &memory, NULL));
    peer_say("open");
    peer_pause();
    renoir_region_close(region);
}

TEST(messages, each_says_what_failed_with_its_facts_and_the_remedy, "R-010 T-082 ffi")
{
    static char actual[TEXT_SIZE];
    static char expected[TEXT_SIZE];
    RenoirRegionOptions options = renoir_region_options_default();
    kept = fixture_region("kept");
    REQUIRE_OK(renoir_region_block(kept, "b", 100, 0, &memory, NULL));
    options.flags = RENOIR_REGION_READ_ONLY;
    REQUIRE_OK(renoir_region_open(NULL, "kept", &options, &reading));
    const TestPeer peer = peer_start(holds_block);
    REQUIRE(peer_expect(peer, "open"));

    collect(actual);

    CHECK_EXITED(peer, 0);
    renoir_region_close(reading);
    renoir_region_close(kept);
    const char *update = getenv("RENOIR_GOLDEN_UPDATE");
    const bool is_update = update != NULL && strcmp(update, "1") == 0;
    FILE *file = fopen(RENOIR_TEST_GOLDEN "/messages.txt", is_update ? "we" : "re");
    REQUIRE(file != NULL);
    if (is_update) {
        CHECK(fputs(actual, file) >= 0);
    } else {
        CHECK(fread(expected, 1, sizeof expected - 1, file) > 0);
        compare_lines(expected, actual);
    }
    CHECK(fclose(file) == 0);
}
