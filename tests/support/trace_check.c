#include "tests/support/trace_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/support.h"

/* --- JSON ------------------------------------------------------------------- */

typedef struct reader {
    const char *text;
    const char *at;
} reader;

static void bad(const reader *self, const char *what) {
    fail_msg("no JSON: %s at byte %zu: %.60s", what, (size_t)(self->at - self->text), self->at);
}

static void skip_space(reader *self) {
    self->at += strspn(self->at, " \t\r\n");
}

static bool take(reader *self, char wanted) {
    skip_space(self);
    if (*self->at != wanted) {
        return false;
    }
    self->at++;
    return true;
}

static void expect(reader *self, char wanted) {
    char what[16] = "? is missing";
    what[0] = wanted;
    if (!take(self, wanted)) {
        bad(self, what);
    }
}

/* A string into out, cut off when it is longer; escapes stay as they are. */
static void read_string(reader *self, char *out, size_t capacity_bytes) {
    size_t used = 0;
    expect(self, '"');
    while (*self->at != '"') {
        if ((unsigned char)*self->at < 0x20) {
            bad(self, "a control character in a string");
        }
        size_t bytes = 1;
        if (*self->at == '\\') {
            bytes = self->at[1] == 'u' ? 6 : 2;
            if (!strchr("\"\\/bfnrtu", self->at[1]) ||
                (bytes == 6 && strspn(self->at + 2, "0123456789abcdefABCDEF") < 4)) {
                bad(self, "an unknown escape");
            }
        }
        for (size_t i = 0; i < bytes; i++, self->at++) {
            if (used + 1 < capacity_bytes) {
                out[used++] = *self->at;
            }
        }
    }
    out[used] = '\0';
    self->at++;
}

/* -?(0|[1-9][0-9]*)(.[0-9]+)? : exponents are not written. */
static void read_number(reader *self, char *out, size_t capacity_bytes) {
    skip_space(self);
    const char *first = self->at;
    size_t digits = strspn(self->at, "0123456789");
    if (digits == 0 || (digits > 1 && *self->at == '0')) {
        bad(self, "no number");
    }
    self->at += digits;
    if (*self->at == '.') {
        size_t places = strspn(++self->at, "0123456789");
        if (places == 0) {
            bad(self, "no digits behind the point");
        }
        self->at += places;
    }
    size_t length = (size_t)(self->at - first);
    assert_true(length < capacity_bytes);
    memcpy(out, first, length);
    out[length] = '\0';
}

static void read_scalar(reader *self, char *out, size_t capacity_bytes) {
    skip_space(self);
    if (*self->at == '"') {
        read_string(self, out, capacity_bytes);
    } else {
        read_number(self, out, capacity_bytes);
    }
}

/* --- events ----------------------------------------------------------------- */

/* "123.456" us: exactly three places. */
static uint64_t read_ns(const char *text) {
    char *end = NULL;
    uint64_t whole = strtoull(text, &end, 10);
    if (*end != '.' || strlen(end) != 4) {
        fail_msg("the time %s is not exact to the nanosecond", text);
    }
    return whole * 1000 + strtoull(end + 1, NULL, 10);
}

static void read_args(reader *self, trace_event *event) {
    expect(self, '{');
    do {
        assert_true(event->arg_count < TRACE_ARGS_MAX);
        trace_arg *arg = &event->args[event->arg_count++];
        read_string(self, arg->key, sizeof arg->key);
        expect(self, ':');
        read_scalar(self, arg->text, sizeof arg->text);
    } while (take(self, ','));
    expect(self, '}');
}

static void read_key(reader *self, trace_event *event) {
    char key[TRACE_NAME_BYTES];
    char value[160];
    read_string(self, key, sizeof key);
    expect(self, ':');
    if (strcmp(key, "args") == 0) {
        read_args(self, event);
        return;
    }
    read_scalar(self, value, sizeof value);
    if (strcmp(key, "ph") == 0) {
        event->phase = value[0];
    } else if (strcmp(key, "pid") == 0) {
        event->process = (uint32_t)strtoul(value, NULL, 10);
    } else if (strcmp(key, "tid") == 0) {
        event->thread = (uint32_t)strtoul(value, NULL, 10);
    } else if (strcmp(key, "ts") == 0) {
        event->time_ns = read_ns(value);
        event->has_time = true;
    } else if (strcmp(key, "dur") == 0) {
        event->duration_ns = read_ns(value);
    } else if (strcmp(key, "id") == 0) {
        event->id = strtoull(value, NULL, 16);
        event->has_id = true;
    } else if (strcmp(key, "name") == 0) {
        snprintf(event->name, sizeof event->name, "%.63s", value);
    } else if (strcmp(key, "cat") == 0) {
        snprintf(event->category, sizeof event->category, "%.63s", value);
    } else if (strcmp(key, "s") == 0) {
        snprintf(event->scope, sizeof event->scope, "%.3s", value);
    } else if (strcmp(key, "bp") != 0) {
        fail_msg("an event has an unknown key %s", key);
    }
}

static void read_event(reader *self, trace_event *event) {
    *event = (trace_event){0};
    expect(self, '{');
    do {
        read_key(self, event);
    } while (take(self, ','));
    expect(self, '}');
    assert_true(event->phase && strchr("XibesfM", event->phase));
    assert_true(event->name[0]);
    assert_true(event->has_time == (event->phase != 'M'));
    assert_true(event->has_id == (strchr("besf", event->phase) != NULL));
}

trace trace_parse(const char *text) {
    reader self = {.text = text, .at = text};
    trace parsed = {0};
    size_t capacity = 0;
    char word[32];
    expect(&self, '{');
    read_string(&self, word, sizeof word);
    assert_string_equal(word, "displayTimeUnit");
    expect(&self, ':');
    read_string(&self, word, sizeof word);
    assert_string_equal(word, "ns");
    expect(&self, ',');
    read_string(&self, word, sizeof word);
    assert_string_equal(word, "traceEvents");
    expect(&self, ':');
    expect(&self, '[');
    do {
        if (parsed.count == capacity) {
            capacity = 2 * capacity + 64;
            parsed.events = realloc(parsed.events, capacity * sizeof *parsed.events);
            assert_non_null(parsed.events);
        }
        read_event(&self, &parsed.events[parsed.count++]);
    } while (take(&self, ','));
    expect(&self, ']');
    expect(&self, '}');
    skip_space(&self);
    if (*self.at) {
        bad(&self, "something behind the end");
    }
    return parsed;
}

void trace_free(trace *parsed) {
    free(parsed->events);
    *parsed = (trace){0};
}

const char *trace_arg_text(const trace_event *event, const char *key) {
    for (size_t i = 0; i < event->arg_count; i++) {
        if (strcmp(event->args[i].key, key) == 0) {
            return event->args[i].text;
        }
    }
    return "";
}

uint64_t trace_arg_number(const trace_event *event, const char *key) {
    const char *text = trace_arg_text(event, key);
    if (!text[0]) {
        fail_msg("%s has no %s", event->name, key);
    }
    return strtoull(text, NULL, 10);
}

size_t trace_count(const trace *parsed, char phase, const char *category, const char *name) {
    size_t count = 0;
    for (size_t i = 0; i < parsed->count; i++) {
        const trace_event *event = &parsed->events[i];
        count += event->phase == phase &&
                 (!category || strcmp(event->category, category) == 0) &&
                 (!name || strcmp(event->name, name) == 0);
    }
    return count;
}

/* --- what must hold --------------------------------------------------------- */

static bool is_named(const trace *parsed, const trace_event *event, bool thread) {
    for (size_t i = 0; i < parsed->count; i++) {
        const trace_event *other = &parsed->events[i];
        if (other->phase == 'M' && other->process == event->process &&
            strcmp(other->name, thread ? "thread_name" : "process_name") == 0 &&
            (!thread || other->thread == event->thread)) {
            return true;
        }
    }
    return false;
}

static bool same_track(const trace_event *left, const trace_event *right) {
    return left->process == right->process && left->thread == right->thread;
}

static void check_slice(const trace *parsed, size_t place) {
    const trace_event *slice = &parsed->events[place];
    if (!is_named(parsed, slice, false) || !is_named(parsed, slice, true)) {
        fail_msg("process %u or thread %u has no name", slice->process, slice->thread);
    }
    for (size_t i = place; i-- > 0;) {
        const trace_event *before = &parsed->events[i];
        if (before->phase == 'X' && same_track(before, slice)) {
            if (before->time_ns + before->duration_ns > slice->time_ns) {
                fail_msg("process %u, thread %u: %s at %llu ns begins before %s is over",
                         slice->process, slice->thread, slice->name,
                         (unsigned long long)slice->time_ns, before->name);
            }
            return;
        }
    }
}

/* The slice of the event's track around its time, written before it. */
static const trace_event *slice_around(const trace *parsed, size_t place) {
    const trace_event *event = &parsed->events[place];
    for (size_t i = place; i-- > 0;) {
        const trace_event *slice = &parsed->events[i];
        uint64_t end_ns = slice->time_ns + slice->duration_ns;
        if (slice->phase == 'X' && same_track(slice, event) &&
            slice->time_ns <= event->time_ns &&
            (event->time_ns < end_ns || slice->duration_ns == 0)) {
            return slice;
        }
    }
    return NULL;
}

static void check_arrow(const trace *parsed, size_t place) {
    const trace_event *end = &parsed->events[place];
    const trace_event *around = slice_around(parsed, place);
    size_t others = 0;
    uint64_t begun = 0;
    if (!around) {
        fail_msg("arrow %llx stands in no slice at %c", (unsigned long long)end->id,
                 end->phase);
        return;
    }
    if (end->phase == 'f') {
        assert_int_equal(end->time_ns, around->time_ns);
    }
    for (size_t i = 0; i < parsed->count; i++) {
        const trace_event *other = &parsed->events[i];
        others += other->phase == end->phase && other->id == end->id;
        if (other->phase == 's' && other->id == end->id) {
            begun++;
            assert_true(end->phase == 's' || other->time_ns <= end->time_ns);
            assert_string_equal(other->name, end->name);
            assert_string_equal(other->category, end->category);
        }
    }
    if (others != 1 || begun != 1) {
        fail_msg("arrow %llx: %zu of %c, %llu beginnings", (unsigned long long)end->id, others,
                 end->phase, (unsigned long long)begun);
    }
}

/* The place of the end of the span that begins at `place`; those inside it are checked too. */
static size_t check_span(const trace *parsed, size_t place, uint64_t *inside_ns) {
    const trace_event *begin = &parsed->events[place];
    *inside_ns = 0;
    for (size_t i = place + 1; i < parsed->count; i++) {
        const trace_event *next = &parsed->events[i];
        uint64_t deeper_ns = 0;
        if (strcmp(next->category, begin->category) != 0 || next->id != begin->id ||
            (next->phase != 'b' && next->phase != 'e')) {
            continue;
        }
        assert_true(next->time_ns >= begin->time_ns);
        if (next->phase == 'e') {
            assert_string_equal(next->name, begin->name);
            return i;
        }
        size_t end = check_span(parsed, i, &deeper_ns);
        *inside_ns += parsed->events[end].time_ns - next->time_ns;
        i = end;
    }
    fail_msg("the span %s has no end", begin->name);
    return place;
}

static void check_request(const trace_event *begin, uint64_t inside_ns, uint64_t end_ns) {
    static const char *const parts[] = {"queue_ns", "wire_ns", "compute_ns",
                                        "tier_ns",  "disk_ns", "retry_ns"};
    uint64_t sum_ns = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        sum_ns += trace_arg_number(begin, parts[i]);
    }
    assert_int_equal(sum_ns, end_ns - begin->time_ns);
    assert_int_equal(inside_ns, end_ns - begin->time_ns);
    assert_int_equal(trace_arg_number(begin, "latency_ns"), end_ns - begin->time_ns);
}

void trace_check(const trace *parsed) {
    for (size_t i = 0; i < parsed->count; i++) {
        const trace_event *event = &parsed->events[i];
        if (event->phase == 'X') {
            check_slice(parsed, i);
        } else if (event->phase == 's' || event->phase == 'f') {
            check_arrow(parsed, i);
        } else if (event->phase == 'b' && event->arg_count > 0) { /* not one inside another */
            uint64_t inside_ns = 0;
            size_t end = check_span(parsed, i, &inside_ns);
            if (strcmp(event->category, "request") == 0) {
                check_request(event, inside_ns, parsed->events[end].time_ns);
            }
        }
    }
    const trace_event *last = &parsed->events[parsed->count - 1];
    assert_int_equal(last->phase, 'M');
    assert_int_equal(strncmp(last->name, "trace_", 6), 0);
}
