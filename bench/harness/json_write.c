// SPDX-License-Identifier: MIT OR Apache-2.0
#include <errno.h>
#include <string.h>

#include "harness/json.h"

static void write_string(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text != '\0'; text++) {
        const unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\') {
            fprintf(file, "\\%c", byte);
        } else if (byte < 0x20) {
            fprintf(file, "\\u%04x", byte);
        } else {
            fputc(byte, file);
        }
    }
    fputc('"', file);
}

static void write_member(FILE *file, const char *key, const char *text)
{
    fprintf(file, "    \"%s\": ", key);
    write_string(file, text);
    fprintf(file, ",\n");
}

bool bench_json_begin(BenchJsonFile *self,
                      const char *path,
                      const BenchMachine *machine,
                      const char *command)
{
    self->suite_count = 0;
    self->file = fopen(path, "w");
    if (self->file == NULL) {
        fprintf(stderr, "renoir-bench: cannot write '%s': %s\n", path, strerror(errno));
        return false;
    }
    fprintf(self->file, "{\n  \"machine\": {\n");
    write_member(self->file, "processor", machine->processor);
    write_member(self->file, "caches", machine->caches);
    write_member(self->file, "kernel", machine->kernel);
    write_member(self->file, "compiler", machine->compiler);
    write_member(self->file, "flags", machine->flags);
    write_member(self->file, "governor", machine->governor);
    write_member(self->file, "isolated_cpus", machine->isolated);
    write_member(self->file, "shared_huge_pages", machine->shared_huge_pages);
    write_member(self->file, "commit", machine->commit);
    write_member(self->file, "date", machine->date);
    write_member(self->file, "command", command);
    fprintf(self->file,
            "    \"cpus\": %u,\n    \"memory_bytes\": %llu,\n    \"page_bytes\": %llu,\n"
            "    \"clock_step_ns\": %.3f\n  },\n  \"suites\": [",
            machine->cpu_count, (unsigned long long)machine->memory_bytes,
            (unsigned long long)machine->page_bytes, bench_clock_step_ns());
    return true;
}

static void write_sample(FILE *file, const BenchSample *sample)
{
    fprintf(file, "\n      {\"figure\": ");
    write_string(file, sample->item->figure);
    fprintf(file, ", \"contender\": ");
    write_string(file, sample->item->contender);
    fprintf(file,
            ", \"unit\": \"%s\", \"round\": %u, \"class\": \"%s\", \"dropped\": %s, "
            "\"value\": %.6g, \"operations\": %llu, \"elapsed_s\": %.6f, "
            "\"probe_before_ns\": %.1f, \"probe_after_ns\": %.1f",
            bench_unit_name(sample->item->unit), sample->round,
            bench_class_name(sample->class_seen), sample->is_dropped ? "true" : "false",
            sample->value, (unsigned long long)sample->operations, sample->elapsed_s,
            sample->probe_before_ns, sample->probe_after_ns);
    if (sample->has_latency) {
        fprintf(file,
                ", \"p50_ns\": %.1f, \"p90_ns\": %.1f, \"p99_ns\": %.1f, \"p999_ns\": %.1f, "
                "\"max_ns\": %.1f",
                sample->p50_ns, sample->p90_ns, sample->p99_ns, sample->p999_ns, sample->max_ns);
    }
    if (sample->item->share != NULL) {
        fprintf(file, ", \"share_%s\": %.6g", sample->item->share, sample->share);
    }
    fprintf(file, "}");
}

void bench_json_suite(BenchJsonFile *self, const BenchResults *results)
{
    fprintf(self->file, "%s\n    {\"suite\": ", self->suite_count++ > 0 ? "," : "");
    write_string(self->file, results->suite);
    fprintf(self->file,
            ", \"seed\": \"%#llx\", \"rounds\": %u, \"class_wanted\": \"%s\",\n     "
            "\"conditions\": ",
            (unsigned long long)results->seed, results->rounds, bench_class_name(results->wanted));
    write_string(self->file, results->conditions);
    fprintf(self->file, ",\n     \"samples\": [");
    for (size_t i = 0; i < results->count; i++) {
        fprintf(self->file, "%s", i > 0 ? "," : "");
        write_sample(self->file, &results->samples[i]);
    }
    fprintf(self->file, "\n     ]}");
}

bool bench_json_end(BenchJsonFile *self)
{
    fprintf(self->file, "\n  ]\n}\n");
    const bool is_good = ferror(self->file) == 0;
    const bool is_closed = fclose(self->file) == 0;
    if (!is_good || !is_closed) {
        fprintf(stderr, "renoir-bench: the JSON file could not be written in full\n");
    }
    return is_good && is_closed;
}
