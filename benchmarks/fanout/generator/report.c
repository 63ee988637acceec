/* What the machine did meanwhile, and the JSON. */
#include "report.h"

#include "member.h"
#include "process.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What each of the two cores spent on anybody's work, and what the host kept for others. */
static void read_cores(const struct options *options, struct snapshot *snapshot) {
    double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
    char line[512];
    FILE *file = fopen("/proc/stat", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        int core;
        unsigned long long user, nice, system, idle, waiting, hard, soft, stolen;
        if (sscanf(line, "cpu%d %llu %llu %llu %llu %llu %llu %llu %llu", &core, &user, &nice,
                   &system, &idle, &waiting, &hard, &soft, &stolen) != 9 || line[3] == ' ')
            continue;
        for (int i = 0; i < 2; i++)
            if (core == (i == 0 ? options->server_core : options->generator_core)) {
                snapshot->busy[i] = (double)(user + nice + system + hard + soft) * tick;
                snapshot->stolen[i] = (double)stolen * tick;
            }
    }
    if (file != NULL)
        fclose(file);
}

struct snapshot take_snapshot(const struct load *load) {
    pid_t server = load->options.server;
    struct snapshot snapshot = {.lines = load->lines,
                                .generator = processor_time(0),
                                .server = server > 0 ? processor_time(server) : 0};
    read_cores(&load->options, &snapshot);
    snapshot.wall = now();
    return snapshot;
}

static int compare(const void *left, const void *right) {
    float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

static float quantile(const struct load *load, double part) {
    size_t count = load->latency_count;
    return count == 0 ? 0 : load->latencies[(size_t)(part * (double)(count - 1))];
}

void report(struct load *load, const struct snapshot *start, const struct snapshot *end) {
    const struct options *options = &load->options;
    uint64_t lost = 0, surplus = 0, uneven = 0, orders = 0, octets = 0, first = 0;
    for (int i = 0; i < options->members; i++) {
        struct member *member = &load->members[i];
        uint64_t owed = owed_lines(load, member);
        lost += owed > member->lines ? owed - member->lines : 0;
        surplus += member->lines > owed ? member->lines - owed : 0;
        if (member->checker != NULL) {
            if (octets == 0) {
                octets = member->octets;
                first = member->checker->order;
            }
            orders |= member->checker->order != first;
        }
    }
    for (int i = 0; i < options->members && options->dialect == CHAT; i++)
        uneven += load->members[i].octets != octets;
    if (load->latency_count > 0)
        qsort(load->latencies, load->latency_count, sizeof *load->latencies,
              compare);
    uint64_t each = options->dialect == IRC ? 1 : 2;
    printf("{\"deliveries\": %llu, \"messages\": %llu, \"seconds\": %.6f, "
           "\"generator_cpu\": %.6f, \"server_cpu\": %.6f, ",
           (unsigned long long)((end->lines - start->lines) / each),
           (unsigned long long)load->total, end->wall - start->wall,
           end->generator - start->generator, end->server - start->server);
    printf("\"server_core_busy\": %.3f, \"generator_core_busy\": %.3f, \"stolen\": %.3f, ",
           end->busy[0] - start->busy[0], end->busy[1] - start->busy[1],
           end->stolen[0] - start->stolen[0] + end->stolen[1] - start->stolen[1]);
    printf("\"lost\": %llu, \"doubled\": %llu, \"disordered\": %llu, \"wrong\": %llu, "
           "\"uneven\": %llu, \"closed\": %llu, \"orders_differ\": %s, \"evidence\": \"%s\", ",
           (unsigned long long)lost, (unsigned long long)(load->doubled + surplus),
           (unsigned long long)load->disordered, (unsigned long long)load->wrong,
           (unsigned long long)uneven, (unsigned long long)load->closed,
           orders && options->dialect == CHAT ? "true" : "false", load->evidence);
    printf("\"accepted_s\": %.6f, \"latencies\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f, "
           "\"p999_us\": %.1f}\n", load->accepted, load->latency_count,
           (double)quantile(load, 0.5), (double)quantile(load, 0.99),
           (double)quantile(load, 0.999));
    fflush(stdout);
}
