// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The newest whole value: written, built in place, read, looked at; by one process and by several.

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/sync/state_fixture.h"

TEST(state, a_new_one_is_empty, "R-115 V-008")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = make_state(region, 64);
    char buffer[64];
    const void *data = buffer;
    size_t length = 7;
    uint64_t version = 7;
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_state_read(state, buffer, 64, &length, &version));
    CHECK(length == 0 && version == 0);
    length = 7;
    version = 7;
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_state_peek(state, &data, &length, &version));
    CHECK(data == NULL && length == 0 && version == 0);
    CHECK_STATUS(RENOIR_BUFFER_EMPTY, renoir_state_wait(state, 0, RENOIR_NO_WAIT));
    CHECK_STATUS(RENOIR_OVERRUN, renoir_state_validate(state, 1));
    renoir_state_close(state);
    renoir_region_close(region);
}

// Values of each length up to max_size that may be special, more than once around.
static void values_come_back_whole(size_t max_size)
{
    const size_t lengths[] = {0,    1,    7,    8,     15,    47,           48,           49,
                              64,   100,  111,  112,   113,   128,          4095,         4096,
                              4097, 8192, 9000, 65535, 65536, max_size / 2, max_size - 1, max_size};
    RenoirRegionHandle region = join_states();
    RenoirStateHandle writer = make_state(region, max_size);
    RenoirStateHandle reader = open_state(region);
    uint64_t number = 0;
    for (int lap = 0; lap < 3; ++lap) {
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; ++i) {
            if (lengths[i] <= max_size) {
                write_value(writer, lengths[i], ++number);
                check_value(reader, lengths[i], number);
                check_value(writer, lengths[i], number);
            }
        }
    }
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    renoir_state_close(reader);
    renoir_state_close(writer);
    REQUIRE_OK(renoir_region_remove_object(region, "s"));
    renoir_region_close(region);
}

TEST(state, values_of_every_size_come_back_whole_and_numbered_from_one, "R-115 V-006 V-008 T-111")
{
    static const size_t sizes[] = {1, 8, 48, 64, 112, 113, 200, 4096, 65536, 131072};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) {
        values_come_back_whole(sizes[i]);
    }
}

TEST(state, sizes_that_cannot_be_are_refused, "R-115 T-044 T-047")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = NULL;
    RnrVersionsShape shape;
    const RenoirErrorCode invalid = RENOIR_INVALID_PARAMETER;
    CHECK_STATUS(invalid, renoir_state_create(region, "s", 0, &state));
    CHECK_STATUS(invalid, renoir_state_create(region, "s", RENOIR_STATE_SIZE_MAX + 1, &state));
    CHECK_STR_CONTAINS("1073741825", renoir_last_error_message());
    CHECK_STATUS(invalid, renoir_state_create(region, "s", SIZE_MAX, &state));
    CHECK(state == NULL);
    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE,
                 renoir_state_create(region, "s", STATE_REGION_SIZE / 16, &state));
    if (sizeof(size_t) == 8) {
        CHECK_OK(rnr_versions_shape("s", RENOIR_STATE_SIZE_MAX, &shape));
        CHECK_EQ_U64(1024 + 16 * ((UINT64_C(1) << 30) + 128), shape.total_bytes);
        CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE,
                     renoir_state_create(region, "s", RENOIR_STATE_SIZE_MAX, &state));
        CHECK_STR_CONTAINS("17179872256", renoir_last_error_message());
    } else {
        CHECK_STATUS(invalid, renoir_state_create(region, "s", RENOIR_STATE_SIZE_MAX, &state));
    }
    CHECK(state == NULL);
    CHECK_STATUS(invalid, renoir_state_create(region, "", 64, &state));
    CHECK_STATUS(invalid, renoir_state_open(region, "a\nb", &state));
    renoir_region_close(region);
}

TEST(state, a_value_that_is_too_long_is_refused_and_changes_nothing, "R-115 V-006 T-111")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = make_state(region, 100);
    char bytes[101] = {0};
    void *room = NULL;
    size_t size = 0;
    write_value(state, 100, 1);
    CHECK_STATUS(RENOIR_MESSAGE_TOO_LARGE, renoir_state_write(state, bytes, 101));
    CHECK_STR_CONTAINS("101", renoir_last_error_message());
    CHECK_STATUS(RENOIR_MESSAGE_TOO_LARGE, renoir_state_write(state, bytes, SIZE_MAX));
    check_value(state, 100, 1);
    REQUIRE_OK(renoir_state_reserve(state, &room, &size));
    value_fill(room, 100, 2);
    CHECK_STATUS(RENOIR_MESSAGE_TOO_LARGE, renoir_state_commit(state, 101));
    check_value(state, 100, 1);
    CHECK_OK(renoir_state_commit(state, 100)); // what was reserved still is
    check_value(state, 100, 2);
    renoir_state_close(state);
    renoir_region_close(region);
}

TEST(state, a_buffer_that_is_too_small_learns_the_length_and_loses_nothing, "R-115 V-008 T-088")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = make_state(region, 64);
    unsigned char bytes[64];
    size_t length = 0;
    uint64_t version = 7;
    write_value(state, 40, 1);
    memset(bytes, 0xee, sizeof bytes);
    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, renoir_state_read(state, bytes, 39, &length, &version));
    CHECK_EQ_U64(40, length);
    CHECK_EQ_U64(0, version);
    CHECK_STR_CONTAINS("40 bytes, the buffer 39", renoir_last_error_message());
    CHECK_STATUS(RENOIR_INSUFFICIENT_SPACE, renoir_state_read(state, NULL, 0, &length, NULL));
    CHECK_EQ_U64(40, length);
    CHECK(bytes[0] == 0xee);
    CHECK_OK(renoir_state_read(state, bytes, 40, &length, NULL));
    CHECK(value_holds(bytes, 40, 1));
    CHECK(bytes[40] == 0xee); // not a byte more than the value
    write_value(state, 0, 2);
    CHECK_OK(renoir_state_read(state, NULL, 0, &length, &version));
    CHECK(length == 0 && version == 2);
    renoir_state_close(state);
    renoir_region_close(region);
}

TEST(state, a_version_is_built_in_place_and_seen_when_it_is_committed, "R-115 V-006")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle writer = make_state(region, 200);
    RenoirStateHandle reader = open_state(region);
    void *room = NULL;
    void *again = NULL;
    size_t size = 0;
    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_state_commit(writer, 0));
    for (uint64_t i = 1; i < 40; ++i) {
        REQUIRE_OK(renoir_state_reserve(writer, &room, &size));
        CHECK_EQ_U64(200, size);
        CHECK_EQ_U64(0, (uintptr_t)room % 64);
        memset(room, (int)i, 100); // given up again
        REQUIRE_OK(renoir_state_reserve(writer, &again, &size));
        CHECK(again == room);
        value_fill(room, 199, i);
        if (i > 1) {
            check_value(reader, 199, i - 1);
        }
        REQUIRE_OK(renoir_state_commit(writer, 199));
        check_value(reader, 199, i);
        CHECK_STATUS(RENOIR_INVALID_STATE, renoir_state_commit(writer, 199));
    }
    CHECK_STR_CONTAINS("renoir_state_reserve comes first", renoir_last_error_message());
    renoir_state_close(reader);
    renoir_state_close(writer);
    renoir_region_close(region);
}

TEST(state, a_write_gives_up_what_was_reserved, "R-115 V-006")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = make_state(region, 64);
    void *room = NULL;
    size_t size = 0;
    REQUIRE_OK(renoir_state_reserve(state, &room, &size));
    CHECK_EQ_U64(0, (uintptr_t)room % 16);
    write_value(state, 64, 1);
    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_state_commit(state, 64));
    check_value(state, 64, 1);
    REQUIRE_OK(renoir_state_reserve(state, &room, &size));
    renoir_state_close(state); // gives it up as well
    state = open_state(region);
    check_value(state, 64, 1);
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    renoir_state_close(state);
    renoir_region_close(region);
}

TEST(state, a_version_peeked_at_is_whole_until_fifteen_more_are_written, "R-115 R-116 V-008")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle writer = make_state(region, 64);
    RenoirStateHandle reader = open_state(region);
    const void *data = NULL;
    size_t length = 0;
    uint64_t version = 0;
    void *room = NULL;
    write_value(writer, 33, 1);
    REQUIRE_OK(renoir_state_peek(reader, &data, &length, &version));
    CHECK(length == 33 && version == 1 && value_holds(data, length, version));
    for (uint64_t i = 2; i <= 16; ++i) {
        write_value(writer, 64, i);
        CHECK(value_holds(data, length, version));
        CHECK_STATUS(RENOIR_SUCCESS, renoir_state_validate(reader, version));
    }
    REQUIRE_OK(renoir_state_reserve(writer, &room, &length)); // its place, before a byte is written
    CHECK_STATUS(RENOIR_OVERRUN, renoir_state_validate(reader, version));
    REQUIRE_OK(renoir_state_commit(writer, 64));
    CHECK_STATUS(RENOIR_OVERRUN, renoir_state_validate(reader, version));
    CHECK_STATUS(RENOIR_SUCCESS, renoir_state_validate(reader, 17));
    CHECK_STATUS(RENOIR_OVERRUN, renoir_state_validate(reader, 18)); // not there yet
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_state_validate(reader, 0));
    renoir_state_close(reader);
    renoir_state_close(writer);
    renoir_region_close(region);
}

TEST(state, there_is_one_writer_and_the_next_one_goes_on, "R-115 V-002 T-030")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle first = make_state(region, 64);
    RenoirStateHandle second = NULL;
    write_value(first, 10, 1);
    CHECK_STATUS(RENOIR_EXISTS, renoir_state_create(region, "s", 64, &second));
    CHECK(second == NULL);
    CHECK_STR_CONTAINS("its one writer is node", renoir_last_error_message());
    CHECK_STATUS(RENOIR_EXISTS, renoir_state_create(region, "s", 65, &second));
    CHECK_STR_CONTAINS("max_size 64, asked for 65", renoir_last_error_message());
    renoir_state_close(first);
    CHECK_STATUS(RENOIR_EXISTS, renoir_state_create(region, "s", 65, &second));
    second = make_state(region, 64);
    check_value(second, 10, 1);
    write_value(second, 11, 2);
    check_value(second, 11, 2);
    renoir_state_close(second);
    renoir_region_close(region);
}

TEST(state, what_is_not_there_or_no_state_is_not_opened, "R-115 V-007")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = NULL;
    RenoirStateHandle writer = NULL;
    void *block = NULL;
    REQUIRE_OK(renoir_region_block(region, "b", 4096, 0, &block, NULL));
    CHECK_STATUS(RENOIR_NOT_FOUND, renoir_state_open(region, "s", &state));
    CHECK_STATUS(RENOIR_EXISTS, renoir_state_open(region, "b", &state));
    CHECK_STR_CONTAINS("kind 'block', not 'state'", renoir_last_error_message());
    CHECK_STATUS(RENOIR_EXISTS, renoir_state_create(region, "b", 64, &state));
    CHECK(state == NULL);
    writer = make_state(region, 64);
    state = open_state(region);
    CHECK_STATUS(RENOIR_INVALID_STATE, renoir_region_remove_object(region, "s"));
    renoir_state_close(writer);
    renoir_state_close(state);
    CHECK_OK(renoir_region_remove_object(region, "s"));
    CHECK_STATUS(RENOIR_NOT_FOUND, renoir_state_open(region, "s", &state));
    renoir_region_close(region);
}

TEST(state, a_reader_cannot_write, "R-115 V-006")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle writer = make_state(region, 64);
    RenoirStateHandle reader = open_state(region);
    void *room = &room;
    size_t size = 7;
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, renoir_state_write(reader, "x", 1));
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, renoir_state_reserve(reader, &room, &size));
    CHECK(room == NULL && size == 0);
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, renoir_state_commit(reader, 0));
    CHECK_STR_CONTAINS("this handle is a reader's", renoir_last_error_message());
    renoir_state_close(reader);
    renoir_state_close(writer);
    renoir_region_close(region);
}

TEST(state, readers_need_no_more_than_a_region_open_for_reading, "R-115 V-008 T-039")
{
    RenoirRegionHandle region = join_states();
    RenoirRegionHandle reading = join_states_read_only();
    RenoirStateHandle writer = make_state(region, 64);
    RenoirStateHandle reader = open_state(reading);
    RenoirStateHandle none = NULL;
    const void *data = NULL;
    size_t length = 0;
    uint64_t version = 0;
    write_value(writer, 64, 1);
    check_value(reader, 64, 1);
    REQUIRE_OK(renoir_state_peek(reader, &data, &length, &version));
    CHECK_OK(renoir_state_validate(reader, version));
    CHECK_OK(renoir_state_wait(reader, 0, RENOIR_NO_WAIT));
    CHECK_STATUS(RENOIR_TIMEOUT, renoir_state_wait(reader, 1, RENOIR_MILLISECONDS(5)));
    CHECK_OK(renoir_region_verify(reading, NULL, 0));
    renoir_state_close(writer);
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, renoir_state_create(reading, "s", 64, &none));
    CHECK_STATUS(RENOIR_PERMISSION_DENIED, renoir_state_create(reading, "new", 64, &none));
    CHECK_STATUS(RENOIR_NOT_FOUND, renoir_state_open(reading, "new", &none));
    CHECK(none == NULL);
    renoir_state_close(reader);
    renoir_region_close(reading);
    renoir_region_close(region);
}

TEST(state, null_and_what_is_no_handle_are_refused_everywhere, "R-115 T-086 ffi")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = make_state(region, 64);
    static uint64_t nothing[64];
    const RenoirStateHandle wrong[] = {NULL, (RenoirStateHandle)(void *)nothing};
    const RenoirErrorCode invalid = RENOIR_INVALID_PARAMETER;
    const void *data = NULL;
    void *room = NULL;
    size_t size = 0;
    uint64_t version = 0;
    char byte = 0;
    for (int i = 0; i < 2; ++i) {
        CHECK_STATUS(invalid, renoir_state_write(wrong[i], "x", 1));
        CHECK_STATUS(invalid, renoir_state_reserve(wrong[i], &room, &size));
        CHECK_STATUS(invalid, renoir_state_commit(wrong[i], 0));
        CHECK_STATUS(invalid, renoir_state_read(wrong[i], &byte, 1, &size, &version));
        CHECK_STATUS(invalid, renoir_state_peek(wrong[i], &data, &size, &version));
        CHECK_STATUS(invalid, renoir_state_validate(wrong[i], 1));
        CHECK_STATUS(invalid, renoir_state_wait(wrong[i], 0, RENOIR_NO_WAIT));
        CHECK(renoir_state_waitable(wrong[i]) == NULL);
        renoir_state_close(wrong[i]);
    }
    renoir_state_close(state);
    RenoirStateHandle other = state;
    CHECK_STATUS(invalid, renoir_state_create(NULL, "s", 64, &other));
    CHECK(other == NULL);
    CHECK_STATUS(invalid, renoir_state_create(region, NULL, 64, &other));
    CHECK_STATUS(invalid, renoir_state_create(region, "t", 64, NULL));
    CHECK_STATUS(invalid, renoir_state_open(region, NULL, &other));
    CHECK_STATUS(invalid, renoir_state_open(region, "s", NULL));
    CHECK_STATUS(invalid, renoir_state_open(NULL, "s", &other));
    REQUIRE_OK(renoir_state_create(region, "t", 64, &other));
    CHECK_STATUS(invalid, renoir_state_write(other, NULL, 1));
    CHECK_OK(renoir_state_write(other, NULL, 0));
    CHECK_STATUS(invalid, renoir_state_reserve(other, NULL, &size));
    CHECK_STATUS(invalid, renoir_state_reserve(other, &room, NULL));
    CHECK_STATUS(invalid, renoir_state_read(other, NULL, 1, &size, &version));
    CHECK_STATUS(invalid, renoir_state_read(other, &byte, 1, NULL, &version));
    CHECK_STATUS(invalid, renoir_state_peek(other, NULL, &size, &version));
    CHECK_STATUS(invalid, renoir_state_peek(other, &data, NULL, &version));
    CHECK_STATUS(invalid, renoir_state_peek(other, &data, &size, NULL));
    renoir_state_close(other);
    renoir_region_close(region);
}

TEST(state, calls_in_a_forked_child_are_refused_and_closing_leaves_the_writer_alone, "R-018 R-115")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = make_state(region, 64);
    write_value(state, 64, 1);
    const pid_t child = fork();
    if (child == 0) {
        char buffer[64];
        size_t length = 0;
        bool ok = renoir_state_write(state, "x", 1) == RENOIR_INVALID_STATE;
        ok = ok && renoir_state_read(state, buffer, 64, &length, NULL) == RENOIR_INVALID_STATE;
        ok = ok && renoir_state_wait(state, 0, RENOIR_NO_WAIT) == RENOIR_INVALID_STATE;
        ok = ok && renoir_state_validate(state, 1) == RENOIR_INVALID_STATE;
        renoir_state_close(state);
        _exit(ok ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    RenoirStateHandle other = NULL;
    CHECK_STATUS(RENOIR_EXISTS, renoir_state_create(region, "s", 64, &other));
    write_value(state, 64, 2);
    check_value(state, 64, 2);
    renoir_state_close(state);
    renoir_region_close(region);
}

// --- shared words that lie -----------------------------------------------------------------------

static void check_damaged(RenoirRegionHandle region, const char *part)
{
    char report[256];
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_region_verify(region, report, sizeof report));
    CHECK_STR_CONTAINS(part, report);
}

TEST(state, verifying_finds_each_word_that_lies, "R-022 R-125 T-039 security_edge")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = make_state(region, 64);
    RnrStateShm *const shm = state_shm(state);
    const RnrStateShm good = *shm;
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    for (uint64_t i = 1; i <= 20; ++i) {
        write_value(state, 64, i);
    }
    CHECK_OK(renoir_region_verify(region, NULL, 0));

    rnr_store_relaxed_u64(&shm->latest, 19 + 16); // its place has 19
    check_damaged(region, "whose place has the stamp 19");
    rnr_store_relaxed_u64(&shm->latest, 18); // then 20 is two ahead
    check_damaged(region, "has the stamp 20");
    rnr_store_relaxed_u64(&shm->latest, 20);
    rnr_store_relaxed_u64(&state_place(state, 7)->stamp, 8);
    check_damaged(region, "place 7 has the stamp 8");
    rnr_store_relaxed_u64(&state_place(state, 7)->stamp, 7);
    rnr_store_relaxed_u64(&state_place(state, 7)->length, 65);
    check_damaged(region, "65 bytes, max_size is 64");
    rnr_store_relaxed_u64(&state_place(state, 7)->length, 64);
    CHECK_OK(renoir_region_verify(region, NULL, 0));

    shm->max_size = 128;
    check_damaged(region, "stride");
    shm->max_size = 0;
    check_damaged(region, "max_size");
    shm->max_size = good.max_size;
    shm->stride = 256;
    check_damaged(region, "stride");
    shm->stride = good.stride;
    shm->data_offset = 24;
    check_damaged(region, "data_offset");
    shm->data_offset = good.data_offset;
    shm->versions_offset = 0;
    check_damaged(region, "versions_offset");
    shm->versions_offset = good.versions_offset;
    shm->total_bytes = UINT64_MAX;
    check_damaged(region, "total_bytes");
    shm->total_bytes = good.total_bytes;
    shm->version_count = 17;
    check_damaged(region, "version_count");
    shm->version_count = good.version_count;
    rnr_store_relaxed_u64(&shm->magic, 1);
    check_damaged(region, "magic");
    rnr_store_relaxed_u64(&shm->magic, RNR_STATE_MAGIC);
    shm->layout_version = 99;
    CHECK_STATUS(RENOIR_VERSION_MISMATCH, renoir_region_verify(region, NULL, 0));
    shm->layout_version = good.layout_version;
    CHECK_OK(renoir_region_verify(region, NULL, 0));
    renoir_state_close(state);
    renoir_region_close(region);
}

TEST(state, a_state_of_another_layout_or_shape_is_not_opened, "T-050 T-109 security_edge")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = make_state(region, 64);
    RenoirStateHandle other = NULL;
    RnrStateShm *const shm = state_shm(state);
    shm->layout_version = 2;
    CHECK_STATUS(RENOIR_VERSION_MISMATCH, renoir_state_open(region, "s", &other));
    shm->layout_version = RNR_STATE_LAYOUT_VERSION;
    shm->stride = UINT64_MAX;
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_state_open(region, "s", &other));
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_state_create(region, "s", 64, &other));
    CHECK(other == NULL);
    write_value(state, 64, 1); // who has it open goes by its own copy
    check_value(state, 64, 1);
    renoir_state_close(state);
    renoir_region_close(region);
}

// Readers answer CORRUPTED, or a value that is one, whatever the words say.
static void suffer(RenoirStateHandle reader, RenoirRegionHandle region)
{
    unsigned char bytes[64];
    const void *data = NULL;
    size_t length = 0;
    uint64_t version = 0;
    RenoirStateHandle writer = NULL;
    RenoirErrorCode status = renoir_state_read(reader, bytes, sizeof bytes, &length, &version);
    CHECK(status == RENOIR_SUCCESS || status == RENOIR_CORRUPTED || status == RENOIR_BUFFER_EMPTY);
    CHECK(length <= sizeof bytes);
    status = renoir_state_peek(reader, &data, &length, &version);
    CHECK(status == RENOIR_SUCCESS || status == RENOIR_CORRUPTED || status == RENOIR_BUFFER_EMPTY);
    CHECK(length <= sizeof bytes);
    status = renoir_state_validate(reader, version == 0 ? 1 : version);
    CHECK(status == RENOIR_SUCCESS || status == RENOIR_OVERRUN);
    status = renoir_state_wait(reader, 3, RENOIR_MICROSECONDS(100));
    CHECK(status == RENOIR_SUCCESS || status == RENOIR_TIMEOUT || status == RENOIR_DISCONNECTED);
    status = renoir_state_create(region, "s", 64, &writer);
    CHECK(status == RENOIR_SUCCESS || status == RENOIR_CORRUPTED ||
          status == RENOIR_VERSION_MISMATCH || status == RENOIR_EXISTS);
    if (status == RENOIR_SUCCESS) {
        CHECK_OK(renoir_state_write(writer, bytes, sizeof bytes));
    }
    renoir_state_close(writer);
    (void)renoir_region_verify(region, NULL, 0);
}

TEST(state, garbage_in_any_word_crashes_nobody, "T-023 T-039 T-110 security_edge")
{
    static const uint64_t values[] = {0,
                                      1,
                                      2,
                                      15,
                                      16,
                                      17,
                                      65,
                                      UINT32_MAX,
                                      UINT64_MAX,
                                      UINT64_MAX - 15,
                                      (UINT64_C(1) << 63) + 2,
                                      UINT64_C(1) << 31};
    RenoirRegionHandle region = join_states();
    RenoirStateHandle writer = make_state(region, 64);
    RenoirStateHandle reader = open_state(region);
    unsigned char *const bytes = (unsigned char *)state_shm(writer);
    const size_t total = sizeof(RnrStateShm) + 16 * 128;
    static unsigned char good[sizeof(RnrStateShm) + 16 * 128];
    for (uint64_t i = 1; i <= 20; ++i) {
        write_value(writer, 64, i);
    }
    renoir_state_close(writer);
    memcpy(good, bytes, total);
    for (size_t at = 0; at < total; at += 8) {
        for (size_t i = 0; i < sizeof values / sizeof values[0]; ++i) {
            memcpy(bytes + at, &values[i], 8);
            suffer(reader, region);
            memcpy(bytes, good, total);
        }
    }
    check_value(reader, 64, 20);
    renoir_state_close(reader);
    renoir_region_close(region);
}

TEST(state, a_broken_promise_is_told_with_both_numbers, "R-125 T-039")
{
    RenoirRegionHandle region = join_states();
    RenoirStateHandle state = make_state(region, 64);
    unsigned char bytes[64];
    size_t length = 0;
    write_value(state, 64, 1);
    rnr_store_relaxed_u64(&state_place(state, 1)->stamp, 33);
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_state_read(state, bytes, 64, &length, NULL));
    CHECK_STR_CONTAINS("latest version is said to be 1, whose place has the stamp 33",
                       renoir_last_error_message());
    rnr_store_relaxed_u64(&state_place(state, 1)->stamp, 1);
    rnr_store_relaxed_u64(&state_place(state, 1)->length, 1 << 20);
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_state_read(state, bytes, 64, &length, NULL));
    CHECK_STR_CONTAINS("1048576 bytes, max_size is 64", renoir_last_error_message());
    CHECK_EQ_U64(0, length);
    renoir_state_close(state);
    renoir_region_close(region);
}

TEST(state, a_region_that_was_cut_short_is_corrupted_for_readers_and_writer, "T-039 R-022")
{
    static unsigned char bytes[65536];
    RenoirRegionHandle region = join_states();
    RenoirStateHandle writer = NULL;
    size_t length = 0;
    void *room = NULL;
    REQUIRE_OK(renoir_sigbus_guard_install());
    renoir_region_close(region); // the guard knows mappings that are made after it
    region = join_states();
    writer = make_state(region, sizeof bytes);
    RenoirStateHandle reader = open_state(region);
    write_value(writer, sizeof bytes, 1);
    const unsigned char *const place = (const unsigned char *)state_place(writer, 1);
    void *start = NULL;
    REQUIRE_OK(renoir_region_get_ptr(region, &start, NULL));
    // in the middle of the version: its stamp stays where it is
    const off_t data_begin = 12288 + 256 * 128;
    const off_t cut = data_begin + (off_t)(place - (const unsigned char *)start) + 32768;
    REQUIRE(truncate(test_root_path("renoir/regions/states"), cut / 4096 * 4096) == 0);
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_state_read(reader, bytes, sizeof bytes, &length, NULL));
    CHECK_EQ_U64(0, length);
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_state_write(writer, bytes, 1));
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_state_reserve(writer, &room, &length));
    CHECK_STATUS(RENOIR_CORRUPTED, renoir_state_wait(reader, 1, RENOIR_WAIT_FOREVER));
    CHECK_STATUS(RENOIR_OVERRUN, renoir_state_validate(reader, 1));
    renoir_state_close(reader);
    renoir_state_close(writer);
    renoir_region_close(region);
    (void)unlink(test_root_path("renoir/regions/states"));
}

// --- one handle, many threads --------------------------------------------------------------------

typedef struct Shared {
    RenoirStateHandle writer;
    RenoirStateHandle reader;
    uint64_t total;
} Shared;

static void *read_until_last(void *argument)
{
    const Shared *const shared = argument;
    unsigned char bytes[256];
    uint64_t version = 0;
    while (version < shared->total) {
        const uint64_t before = version;
        size_t length = 0;
        if (renoir_state_wait(shared->reader, version, RENOIR_WAIT_FOREVER) != RENOIR_SUCCESS ||
            renoir_state_read(shared->reader, bytes, sizeof bytes, &length, &version) !=
                RENOIR_SUCCESS ||
            version <= before || length != value_length(version, sizeof bytes) ||
            !value_holds(bytes, length, version)) {
            return argument;
        }
    }
    return NULL;
}

TEST(state, threads_share_a_readers_handle, "R-115 T-029 T-053 concurrent_stress tsan")
{
    RenoirRegionHandle region = join_states();
    Shared shared = {.writer = make_state(region, 256),
                     .reader = open_state(region),
                     .total = test_scaled(2000000)};
    pthread_t threads[3];
    for (int i = 0; i < 3; ++i) {
        REQUIRE(pthread_create(&threads[i], NULL, read_until_last, &shared) == 0);
    }
    for (uint64_t i = 1; i <= shared.total; ++i) {
        write_value(shared.writer, value_length(i, 256), i);
    }
    for (int i = 0; i < 3; ++i) {
        void *result = NULL;
        REQUIRE(pthread_join(threads[i], &result) == 0);
        CHECK(result == NULL);
    }
    renoir_state_close(shared.reader);
    renoir_state_close(shared.writer);
    renoir_region_close(region);
}
