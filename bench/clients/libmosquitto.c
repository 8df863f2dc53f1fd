/* libmosquitto, driven by its own loop in one thread and with its default of no TCP_NODELAY: what costs it least
 * processor time of the ways that were tried. */

#include "bench.h"
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <stdbool.h>

static struct mosquitto *client;
static int awaited_mid;
static int in_flight;
static int received;
static double received_bytes;
static bool connected;
static bool subscribed;

static const char *bench_version(void) {
    static char text[32];
    int major, minor, revision;
    mosquitto_lib_version(&major, &minor, &revision);
    snprintf(text, sizeof text, "%d.%d.%d", major, minor, revision);
    return text;
}

static void on_connect(struct mosquitto *mosq, void *context, int code) {
    (void)mosq, (void)context;
    if (code != 0) bench_fail("CONNECT", code);
    connected = true;
}

static void on_subscribe(struct mosquitto *mosq, void *context, int mid, int count, const int *granted) {
    (void)mosq, (void)context, (void)mid, (void)count, (void)granted;
    subscribed = true;
}

static void on_publish(struct mosquitto *mosq, void *context, int mid) {
    (void)mosq, (void)context;
    in_flight--;
    if (mid == awaited_mid) awaited_mid = 0;
}

static void on_message(struct mosquitto *mosq, void *context, const struct mosquitto_message *message) {
    (void)mosq, (void)context;
    received++;
    received_bytes += message->payloadlen;
}

static void loop(void) {
    int code = mosquitto_loop(client, 1000, 1);
    if (code != MOSQ_ERR_SUCCESS) bench_fail("mosquitto_loop", code);
}

static int publish(const char *topic, const void *payload, int size, int qos) {
    int mid;
    int code = mosquitto_publish(client, &mid, topic, size, payload, qos, false);
    if (code != MOSQ_ERR_SUCCESS) bench_fail("mosquitto_publish", code);
    return mid;
}

static void publish_all(const struct settings *settings, int count) {
    in_flight = 0;
    for (int sent = 0; sent < count || (settings->qos > 0 && in_flight > 0);) {
        while (sent < count && (settings->qos == 0 || in_flight < settings->window)) {
            in_flight++;
            publish(bench_topics[sent++ % settings->topics], bench_payload, settings->size, settings->qos);
            if (settings->qos == 0)
                while (mosquitto_want_write(client)) loop();
        }
        if (settings->qos > 0) loop();
    }
}

static void mark(const char *text) {
    awaited_mid = publish(MARK_TOPIC, text, (int)strlen(text), 1);
    while (awaited_mid != 0) loop();
}

static void flood(const struct settings *settings, int count) {
    char text[64];
    int length =
        snprintf(text, sizeof text, "%d %d %d %d", settings->qos, settings->size, settings->topics, count);
    received = 0;
    received_bytes = 0;
    publish(FLOOD_TOPIC, text, length, 0);
    while (received < count) loop();
}

static void bench_run(const struct settings *settings) {
    mosquitto_lib_init();
    client = mosquitto_new(settings->client_id, true, NULL);
    mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION,
                         settings->protocol == 5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
    mosquitto_int_option(client, MOSQ_OPT_SEND_MAXIMUM, 65535);
    mosquitto_int_option(client, MOSQ_OPT_RECEIVE_MAXIMUM, 65535);
    mosquitto_connect_callback_set(client, on_connect);
    mosquitto_subscribe_callback_set(client, on_subscribe);
    mosquitto_publish_callback_set(client, on_publish);
    mosquitto_message_callback_set(client, on_message);
    int code = mosquitto_connect(client, settings->host, settings->port, 60);
    if (code != MOSQ_ERR_SUCCESS) bench_fail("mosquitto_connect", code);
    while (!connected) loop();
    if (settings->receiving) {
        code = mosquitto_subscribe(client, NULL, DATA_FILTER, settings->qos);
        if (code != MOSQ_ERR_SUCCESS) bench_fail("mosquitto_subscribe", code);
        while (!subscribed) loop();
    }
    mark("warm");
    if (settings->receiving) flood(settings, settings->warmup);
    else publish_all(settings, settings->warmup);
    mark("start");
    bench_start();
    if (settings->receiving) flood(settings, settings->messages);
    else publish_all(settings, settings->messages);
    mark("end");
    bench_stop(received, received_bytes);
}
