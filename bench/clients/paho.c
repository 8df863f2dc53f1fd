/* Paho C, its asynchronous client: each acknowledged message sends the next from the library's own thread. */

#include "bench.h"
#include <MQTTAsync.h>
#include <semaphore.h>
#include <stdatomic.h>

static MQTTAsync client;
static const struct settings *settings;
static sem_t done;
static atomic_int sent;
static atomic_int acknowledged;
static int to_send;
static int to_receive;
static int received;
static double received_bytes;

static const char *bench_version(void) {
    for (MQTTAsync_nameValue *info = MQTTAsync_getVersionInfo(); info->name != NULL; info++)
        if (strcmp(info->name, "Version") == 0) return info->value;
    return "unknown";
}

static void succeeded(void *context, MQTTAsync_successData *response) {
    (void)context, (void)response;
    sem_post(&done);
}

static void succeeded5(void *context, MQTTAsync_successData5 *response) {
    (void)response;
    succeeded(context, NULL);
}

static void failed(void *context, MQTTAsync_failureData *response) {
    bench_fail((const char *)context, response == NULL ? 0 : response->code);
}

static void failed5(void *context, MQTTAsync_failureData5 *response) {
    bench_fail((const char *)context, response == NULL ? 0 : response->code);
}

static MQTTAsync_responseOptions respond(const char *what) {
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.context = (void *)what;
    if (settings->protocol == 5) {
        options.onSuccess5 = succeeded5;
        options.onFailure5 = failed5;
    } else {
        options.onSuccess = succeeded;
        options.onFailure = failed;
    }
    return options;
}

static void send(const char *topic, const char *payload, int size, int qos,
                 MQTTAsync_responseOptions *options) {
    int code = MQTTAsync_send(client, topic, size, payload, qos, 0, options);
    if (code != MQTTASYNC_SUCCESS) bench_fail("MQTTAsync_send", code);
}

static void send_next(void);

static void message_done(void *context, MQTTAsync_successData *response) {
    (void)context, (void)response;
    if (atomic_fetch_add(&acknowledged, 1) + 1 == to_send) sem_post(&done);
    else send_next();
}

static void message_done5(void *context, MQTTAsync_successData5 *response) {
    (void)response;
    message_done(context, NULL);
}

static void send_next(void) {
    int number = atomic_fetch_add(&sent, 1);
    if (number >= to_send) return;
    MQTTAsync_responseOptions options = respond("PUBLISH");
    if (settings->protocol == 5) options.onSuccess5 = message_done5;
    else options.onSuccess = message_done;
    send(bench_topics[number % settings->topics], bench_payload, settings->size, settings->qos, &options);
}

static void publish_all(int count) {
    sent = 0;
    acknowledged = 0;
    to_send = count;
    for (int i = 0; i < settings->window; i++) send_next();
    sem_wait(&done);
}

static int message_arrived(void *context, char *topic, int topic_length, MQTTAsync_message *message) {
    (void)context, (void)topic_length;
    received_bytes += message->payloadlen;
    if (++received == to_receive) sem_post(&done);
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

static void flood(int count) {
    char text[64];
    int length =
        snprintf(text, sizeof text, "%d %d %d %d", settings->qos, settings->size, settings->topics, count);
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    received = 0;
    received_bytes = 0;
    to_receive = count;
    send(FLOOD_TOPIC, text, length, 0, &options);
    sem_wait(&done);
}

static void mark(const char *text) {
    MQTTAsync_responseOptions options = respond("PUBLISH of a mark");
    send(MARK_TOPIC, text, (int)strlen(text), 1, &options);
    sem_wait(&done);
}

static void connect_client(void) {
    char uri[64];
    snprintf(uri, sizeof uri, "tcp://%s:%d", settings->host, settings->port);
    MQTTAsync_createOptions creation = MQTTAsync_createOptions_initializer;
    creation.MQTTVersion = settings->protocol == 5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
    creation.maxBufferedMessages = 65535;
    int code = MQTTAsync_createWithOptions(&client, uri, settings->client_id, MQTTCLIENT_PERSISTENCE_NONE,
                                           NULL, &creation);
    if (code != MQTTASYNC_SUCCESS) bench_fail("MQTTAsync_createWithOptions", code);
    MQTTAsync_setCallbacks(client, NULL, NULL, message_arrived, NULL);
    MQTTAsync_connectOptions version5 = MQTTAsync_connectOptions_initializer5;
    MQTTAsync_connectOptions version4 = MQTTAsync_connectOptions_initializer;
    MQTTAsync_connectOptions *options = settings->protocol == 5 ? &version5 : &version4;
    options->MQTTVersion = creation.MQTTVersion;
    options->maxInflight = 65535;
    options->context = "CONNECT";
    if (settings->protocol == 5) {
        options->cleanstart = 1;
        options->onSuccess5 = succeeded5;
        options->onFailure5 = failed5;
    } else {
        options->onSuccess = succeeded;
        options->onFailure = failed;
    }
    code = MQTTAsync_connect(client, options);
    if (code != MQTTASYNC_SUCCESS) bench_fail("MQTTAsync_connect", code);
    sem_wait(&done);
}

static void bench_run(const struct settings *given) {
    settings = given;
    sem_init(&done, 0, 0);
    connect_client();
    if (settings->receiving) {
        MQTTAsync_responseOptions options = respond("SUBSCRIBE");
        int code = MQTTAsync_subscribe(client, DATA_FILTER, settings->qos, &options);
        if (code != MQTTASYNC_SUCCESS) bench_fail("MQTTAsync_subscribe", code);
        sem_wait(&done);
    }
    mark("warm");
    if (settings->receiving) flood(settings->warmup);
    else publish_all(settings->warmup);
    mark("start");
    bench_start();
    if (settings->receiving) flood(settings->messages);
    else publish_all(settings->messages);
    mark("end");
    bench_stop(received, received_bytes);
}
