/* What the C clients share: settings, the agreement of common.mjs, processor time, the line of JSON.
 * A client defines bench_version and bench_run and keeps to its library otherwise. */

#ifndef BENCH_H
#define BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define MARK_TOPIC "bench/ctl/mark"
#define FLOOD_TOPIC "bench/ctl/flood"
#define DATA_FILTER "bench/data/#"
#define MAX_TOPICS 100

struct settings {
    const char *host;
    const char *client_id;
    int receiving;
    int port;
    int protocol;
    int qos;
    int size;
    int topics;
    int messages;
    int warmup;
    int window;
};

static const char *bench_version(void);
static void bench_run(const struct settings *settings);

static char bench_topics[MAX_TOPICS][16];
static char *bench_payload;
static struct rusage bench_started;

static inline void bench_fail(const char *what, int code) {
    fprintf(stderr, "%s failed with %d\n", what, code);
    exit(1);
}

static inline double bench_micros(const struct timeval *time) {
    return time->tv_sec * 1e6 + time->tv_usec;
}

static inline void bench_start(void) {
    getrusage(RUSAGE_SELF, &bench_started);
}

/* Prints the result; `received` and `received_bytes` are 0 for a client that publishes. */
static inline void bench_stop(int received, double received_bytes) {
    struct rusage now;
    getrusage(RUSAGE_SELF, &now);
    double micros = bench_micros(&now.ru_utime) - bench_micros(&bench_started.ru_utime) +
                    bench_micros(&now.ru_stime) - bench_micros(&bench_started.ru_stime);
    printf("{\"cpuMicros\":%.0f,\"received\":%d,\"receivedBytes\":%.0f}\n", micros, received,
           received_bytes);
    fflush(stdout);
}

static inline const char *bench_setting(int argc, char **argv, const char *name) {
    size_t length = strlen(name);
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=') return argv[i] + length + 1;
    fprintf(stderr, "The setting \"%s\" is missing\n", name);
    exit(2);
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "version") == 0) {
        puts(bench_version());
        return 0;
    }
    struct settings settings = {
        .host = bench_setting(argc, argv, "host"),
        .client_id = bench_setting(argc, argv, "clientId"),
        .receiving = strcmp(bench_setting(argc, argv, "kind"), "receive") == 0,
        .port = atoi(bench_setting(argc, argv, "port")),
        .protocol = atoi(bench_setting(argc, argv, "protocol")),
        .qos = atoi(bench_setting(argc, argv, "qos")),
        .size = atoi(bench_setting(argc, argv, "size")),
        .topics = atoi(bench_setting(argc, argv, "topics")),
        .messages = atoi(bench_setting(argc, argv, "messages")),
        .warmup = atoi(bench_setting(argc, argv, "warmup")),
        .window = atoi(bench_setting(argc, argv, "window")),
    };
    for (int i = 0; i < MAX_TOPICS; i++)
        snprintf(bench_topics[i], sizeof bench_topics[i], "bench/data/%02d", i);
    bench_payload = malloc((size_t)settings.size);
    for (int i = 0; i < settings.size; i++) bench_payload[i] = (char)('a' + i % 26);
    bench_run(&settings);
    return 0;
}

#endif
