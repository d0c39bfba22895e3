#include "sim/trace/chrome.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NUMBER_BYTES = 48, NS_PER_US = 1000 };
static const uint64_t exact_number_max = UINT64_C(1) << 53;

static void put(sim_chrome *chrome, const char *bytes, size_t size_bytes) {
    if (!chrome->failed && size_bytes > 0) {
        chrome->failed = !chrome->sink.write(chrome->sink.context, bytes, size_bytes);
    }
}

static void put_text(sim_chrome *chrome, const char *text) {
    put(chrome, text, strlen(text));
}

/* --- values ---------------------------------------------------------------- */

/* Bytes of the UTF-8 sequence at the start of text; 0: it is none. */
static size_t utf8_bytes(const unsigned char *text) {
    static const unsigned char least_second[] = {0x80, 0xa0, 0x90}; /* nothing overlong */
    if (text[0] < 0x80) {
        return 1;
    }
    size_t size = text[0] >= 0xc2 && text[0] <= 0xdf   ? 2
                  : text[0] >= 0xe0 && text[0] <= 0xef ? 3
                  : text[0] >= 0xf0 && text[0] <= 0xf4 ? 4
                                                       : 0;
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (text[0] == 0xe0 && text[1] < least_second[1]) ||
                    (text[0] == 0xf0 && text[1] < least_second[2]);
    bool beyond = (text[0] == 0xed && text[1] >= 0xa0) || (text[0] == 0xf4 && text[1] >= 0x90);
    return overlong || beyond ? 0 : size;
}

static void put_string(sim_chrome *chrome, const char *text) {
    const unsigned char *at = (const unsigned char *)text;
    put_text(chrome, "\"");
    while (*at) {
        size_t size = utf8_bytes(at);
        if (size == 0) {
            put_text(chrome, "\\ufffd");
            at++;
        } else if (*at == '"' || *at == '\\') {
            char escaped[2] = {'\\', (char)*at++};
            put(chrome, escaped, sizeof escaped);
        } else if (*at < 0x20 || *at == 0x7f) {
            char escaped[8];
            (void)snprintf(escaped, sizeof escaped, "\\u%04x", *at++);
            put_text(chrome, escaped);
        } else {
            put(chrome, (const char *)at, size);
            at += size;
        }
    }
    put_text(chrome, "\"");
}

static void put_number(sim_chrome *chrome, uint64_t number) {
    char text[NUMBER_BYTES];
    (void)snprintf(text, sizeof text,
                   number > exact_number_max ? "\"%" PRIu64 "\"" : "%" PRIu64, number);
    put_text(chrome, text);
}

static void put_time(sim_chrome *chrome, const char *key, uint64_t time_ns) {
    char text[NUMBER_BYTES];
    (void)snprintf(text, sizeof text, ",\"%s\":%" PRIu64 ".%03u", key, time_ns / NS_PER_US,
                   (unsigned)(time_ns % NS_PER_US));
    put_text(chrome, text);
}

/* --- events ---------------------------------------------------------------- */

static void put_args(sim_chrome *chrome, const sim_chrome_event *event) {
    put_text(chrome, ",\"args\":{");
    for (size_t i = 0; i < event->arg_count; i++) {
        const sim_chrome_arg *arg = &event->args[i];
        put_text(chrome, i > 0 ? "," : "");
        put_string(chrome, arg->key);
        put_text(chrome, ":");
        if (arg->text) {
            put_string(chrome, arg->text);
        } else {
            put_number(chrome, arg->number);
        }
    }
    put_text(chrome, "}");
}

static bool has_id(sim_chrome_phase phase) {
    return phase == SIM_CHROME_ASYNC_BEGIN || phase == SIM_CHROME_ASYNC_END ||
           phase == SIM_CHROME_FLOW_START || phase == SIM_CHROME_FLOW_END;
}

void sim_chrome_begin(sim_chrome *chrome, const sim_chrome_sink *sink) {
    *chrome = (sim_chrome){.sink = *sink};
    put_text(chrome, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
}

void sim_chrome_write(sim_chrome *chrome, const sim_chrome_event *event) {
    char text[2 * NUMBER_BYTES];
    (void)snprintf(text, sizeof text, "{\"ph\":\"%c\",\"pid\":%" PRIu32 ",\"tid\":%" PRIu32,
                   (char)event->phase, event->process, event->thread);
    put_text(chrome, chrome->written > 0 ? ",\n" : "\n");
    put_text(chrome, text);
    if (event->phase != SIM_CHROME_METADATA) {
        put_time(chrome, "ts", event->time_ns);
    }
    if (event->phase == SIM_CHROME_COMPLETE) {
        put_time(chrome, "dur", event->duration_ns);
    }
    if (event->category) {
        put_text(chrome, ",\"cat\":");
        put_string(chrome, event->category);
    }
    put_text(chrome, ",\"name\":");
    put_string(chrome, event->name);
    if (has_id(event->phase)) {
        (void)snprintf(text, sizeof text, ",\"id\":\"0x%" PRIx64 "\"", event->id);
        put_text(chrome, text);
    }
    if (event->phase == SIM_CHROME_FLOW_END) {
        put_text(chrome, ",\"bp\":\"e\""); /* to the slice around it, not to the next */
    }
    if (event->phase == SIM_CHROME_INSTANT) {
        (void)snprintf(text, sizeof text, ",\"s\":\"%c\"", event->scope);
        put_text(chrome, text);
    }
    if (event->arg_count > 0) {
        put_args(chrome, event);
    }
    put_text(chrome, "}");
    chrome->written++;
}

bool sim_chrome_end(sim_chrome *chrome) {
    put_text(chrome, "\n]}\n");
    return !chrome->failed;
}
