// SPDX-License-Identifier: MIT OR Apache-2.0

#include "platform/cpu.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/test.h"
#include "renoir/monitor.h"

static cpu_set_t affinity(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    REQUIRE(sched_getaffinity(0, sizeof set, &set) == 0);
    return set;
}

static uint32_t first_cpu(void)
{
    const cpu_set_t set = affinity();
    uint32_t cpu = 0;
    while (cpu < CPU_SETSIZE && !CPU_ISSET(cpu, &set)) {
        ++cpu;
    }
    return cpu;
}

static int policy(void)
{
    return (int)syscall(SYS_sched_getscheduler, 0);
}

TEST(cpu, the_count_is_what_this_process_may_use, "R-236 cpu_performance")
{
    const cpu_set_t set = affinity();
    CHECK_EQ_U64((uint64_t)CPU_COUNT(&set), rnr_cpu_count());

    const uint32_t cpu = first_cpu();
    CHECK_OK(renoir_monitor_pin_thread(&cpu, 1, 0));

    CHECK_EQ_U64(1, rnr_cpu_count());
}

TEST(cpu, a_pinned_thread_runs_on_its_cpu, "R-236 real_time")
{
    const uint32_t cpu = first_cpu();

    CHECK_OK(renoir_monitor_pin_thread(&cpu, 1, 0));

    const cpu_set_t set = affinity();
    CHECK_EQ_I64(1, CPU_COUNT(&set));
    CHECK(CPU_ISSET(cpu, &set));
    CHECK_EQ_I64((int64_t)cpu, sched_getcpu());
}

TEST(cpu, no_cpus_leave_the_thread_where_it_is, "R-236 real_time")
{
    const cpu_set_t before = affinity();

    CHECK_OK(renoir_monitor_pin_thread(NULL, 0, 0));

    const cpu_set_t after = affinity();
    CHECK(CPU_EQUAL(&before, &after));
    CHECK_EQ_I64(SCHED_OTHER, policy());
}

TEST(cpu, a_cpu_that_is_not_there_changes_nothing, "R-236 real_time security_edge")
{
    const cpu_set_t before = affinity();
    const uint32_t cpus[] = {first_cpu(), 8191};
    const uint32_t none = 8191;
    const uint32_t absurd = UINT32_MAX;

    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_monitor_pin_thread(cpus, 2, 0));
    CHECK_STR_CONTAINS("CPU 8191", renoir_last_error_message());
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_monitor_pin_thread(&none, 1, 0));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_monitor_pin_thread(&absurd, 1, 0));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_monitor_pin_thread(NULL, 1, 0));
    CHECK_STATUS(RENOIR_INVALID_PARAMETER, renoir_monitor_pin_thread(NULL, 0, 100));

    const cpu_set_t after = affinity();
    CHECK(CPU_EQUAL(&before, &after));
}

TEST(cpu, real_time_without_the_right_is_refused_and_changes_nothing, "R-236 real_time")
{
    const pid_t child = fork();
    if (child == 0) { // who has given up its rights does not get them back
        const struct rlimit none = {0, 0};
        const cpu_set_t before = affinity();
        const uint32_t cpu = first_cpu();
        REQUIRE(setrlimit(RLIMIT_RTPRIO, &none) == 0);
        REQUIRE(geteuid() != 0 || setresuid(65534, 65534, 65534) == 0);

        CHECK_STATUS(RENOIR_PERMISSION_DENIED, renoir_monitor_pin_thread(&cpu, 1, 10));

        CHECK_STR_CONTAINS("priority 10: 0 is the limit", renoir_last_error_message());
        const cpu_set_t after = affinity();
        CHECK_EQ_I64(SCHED_OTHER, policy());
        _exit(CPU_EQUAL(&before, &after) ? 0 : 1);
    }

    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_EXITED(status, 0);
}

TEST(cpu, a_real_time_thread_becomes_ordinary_again, "R-236 real_time")
{
    const RenoirErrorCode status = renoir_monitor_pin_thread(NULL, 0, 10);
    if (status == RENOIR_PERMISSION_DENIED) {
        SKIP("real-time scheduling is not allowed here");
    }

    CHECK_OK(status);
    CHECK_EQ_I64(SCHED_FIFO, policy());
    CHECK_OK(renoir_monitor_pin_thread(NULL, 0, 0));
    CHECK_EQ_I64(SCHED_OTHER, policy());
}
