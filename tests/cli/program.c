// SPDX-License-Identifier: MIT OR Apache-2.0

#include "program.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/test.h"

enum { PATH_LENGTH = 512, SCRATCH_PATHS = 16, BLOCK = 1 << 16 };

static unsigned started;
static char program_path[PATH_LENGTH] = RENOIR_CLI_PROGRAM;

const char *scratch(const char *name)
{
    static char paths[SCRATCH_PATHS][PATH_LENGTH];
    static unsigned count;
    char path[PATH_LENGTH];
    snprintf(path, sizeof path, "%s/%s", test_directory(), name);
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(paths[i], path) == 0) {
            return paths[i];
        }
    }
    REQUIRE(count < SCRATCH_PATHS);
    memcpy(paths[count], path, sizeof path);
    return paths[count++];
}

static void put_stream_path(char *path, unsigned number, const char *stream)
{
    snprintf(path, PATH_LENGTH, "%s/%u.%s", test_directory(), number, stream);
}

static void redirect(int wanted, const char *path, int flags)
{
    const int fd = open(path, flags, 0600);
    if (fd < 0 || dup2(fd, wanted) < 0) {
        _exit(126);
    }
    close(fd);
}

static void run_program(
    const char *input, int piped, const char *out, const char *err, const char *const arguments[])
{
    const char *argv[32] = {program_path};
    for (size_t i = 0; arguments[i] != NULL && i + 2 < sizeof argv / sizeof argv[0]; i++) {
        argv[i + 1] = arguments[i];
    }
    if (piped >= 0) {
        dup2(piped, STDIN_FILENO);
    } else {
        redirect(STDIN_FILENO, input != NULL ? input : "/dev/null", O_RDONLY);
    }
    redirect(STDOUT_FILENO, out, O_WRONLY | O_CREAT | O_TRUNC);
    redirect(STDERR_FILENO, err, O_WRONLY | O_CREAT | O_TRUNC);
    test_exec(program_path, argv);
    _exit(127);
}

void program_use(const char *path)
{
    snprintf(program_path, sizeof program_path, "%s", path);
}

void program_copy(const char *path)
{
    static char block[BLOCK];
    FILE *from = fopen(program_path, "re");
    FILE *to = fopen(path, "we");
    REQUIRE(from != NULL && to != NULL);
    for (size_t got = 1; got > 0;) {
        got = fread(block, 1, sizeof block, from);
        REQUIRE(fwrite(block, 1, got, to) == got);
    }
    fclose(from);
    REQUIRE(fclose(to) == 0 && chmod(path, 0700) == 0);
    program_use(path);
}

Program program_start(const char *input, const char *output, const char *const arguments[])
{
    Program program = {.number = ++started, .input = -1};
    int ends[2] = {-1, -1};
    if (input != NULL && strcmp(input, "|") == 0) {
        REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    }
    char out[PATH_LENGTH];
    char err[PATH_LENGTH];
    put_stream_path(out, program.number, "out");
    put_stream_path(err, program.number, "err");
    program.pid = fork();
    REQUIRE(program.pid >= 0);
    if (program.pid == 0) {
        run_program(input, ends[0], output != NULL ? output : out, err, arguments);
    }
    if (ends[0] >= 0) {
        close(ends[0]);
    }
    program.input = ends[1];
    return program;
}

static void read_file(const char *path, char *text)
{
    FILE *file = fopen(path, "re");
    size_t length = 0;
    if (file != NULL) {
        length = fread(text, 1, PROGRAM_OUTPUT_MAX - 1, file);
        fclose(file);
    }
    text[length] = '\0';
}

void program_close_input(Program *program)
{
    if (program->input >= 0) {
        close(program->input);
        program->input = -1;
    }
}

const Ended *program_wait(Program *program)
{
    static Ended ended;
    char path[PATH_LENGTH];
    int status = 0;
    while (waitpid(program->pid, &status, 0) < 0) {
        REQUIRE(errno == EINTR);
    }
    program_close_input(program);
    ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    ended.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    put_stream_path(path, program->number, "out");
    read_file(path, ended.out);
    put_stream_path(path, program->number, "err");
    read_file(path, ended.err);
    program->pid = -1;
    return &ended;
}

const Ended *program_kill(Program *program, int signal_number)
{
    kill(program->pid, signal_number);
    return program_wait(program);
}

bool program_is_running(const Program *program)
{
    siginfo_t info;
    memset(&info, 0, sizeof info);
    return waitid(P_PID, (id_t)program->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == 0;
}

const Ended *program_run(const char *input, const char *output, const char *const arguments[])
{
    Program program = program_start(input, output, arguments);
    return program_wait(&program);
}

void write_file(const char *path, uint64_t seed, size_t length)
{
    static uint64_t block[BLOCK / sizeof(uint64_t)];
    FILE *file = fopen(path, "we");
    REQUIRE(file != NULL);
    while (length > 0) {
        for (size_t i = 0; i < sizeof block / sizeof block[0]; i++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            block[i] = seed ^ seed >> 29;
        }
        const size_t part = length < sizeof block ? length : sizeof block;
        REQUIRE(fwrite(block, 1, part, file) == part);
        length -= part;
    }
    REQUIRE(fclose(file) == 0);
}

void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    REQUIRE(file != NULL);
    REQUIRE(fputs(text, file) >= 0);
    REQUIRE(fclose(file) == 0);
}

size_t file_size(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 ? (size_t)facts.st_size : SIZE_MAX;
}

bool file_begins_with(const char *whole, const char *part)
{
    static char left[BLOCK];
    static char right[BLOCK];
    FILE *first = fopen(whole, "re");
    FILE *second = fopen(part, "re");
    bool is_same = first != NULL && second != NULL;
    for (size_t got = 1; is_same && got > 0;) {
        got = fread(right, 1, sizeof right, second);
        is_same = fread(left, 1, got, first) == got && memcmp(left, right, got) == 0;
    }
    if (first != NULL) {
        fclose(first);
    }
    if (second != NULL) {
        fclose(second);
    }
    return is_same;
}

bool files_are_equal(const char *left, const char *right)
{
    return file_size(left) == file_size(right) && file_begins_with(left, right);
}

static unsigned count_files(const char *path)
{
    unsigned count = 0;
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return 0;
    }
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char inner[PATH_LENGTH * 2];
        struct stat facts;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            lstat(inner, &facts) != 0) {
            continue;
        }
        count += S_ISDIR(facts.st_mode) ? count_files(inner) : 1;
    }
    closedir(folder);
    return count;
}

unsigned files_below_root(void)
{
    return count_files(test_root_path("renoir"));
}

bool await_input_read(const Program *program)
{
    for (unsigned i = 0; i < 4000; i++) {
        int left = 0;
        if (ioctl(program->input, FIONREAD, &left) == 0 && left == 0) {
            return true;
        }
        test_sleep_ms(5);
    }
    return false;
}

bool await_file_size(const char *path, size_t least)
{
    for (unsigned i = 0; i < 4000; i++) {
        const size_t size = file_size(path);
        if (size != SIZE_MAX && size >= least) {
            return true;
        }
        test_sleep_ms(5);
    }
    return false;
}
