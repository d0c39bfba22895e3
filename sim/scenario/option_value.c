/* The value of one option, between text and its field in sim_options: what kind it is, and which limits
 * it has, its line of the table says (option_table.c). */
#include <stdio.h>
#include <string.h>

#include "engine/base/nearest.h"
#include "sim/scenario/option_table.h"

void sim_choices_join(const char *const *choices, size_t count, char *text, size_t capacity) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count && used < capacity; i++) {
        const char *joint = i == 0 ? "" : i + 1 == count ? " and " : ", ";
        int length = snprintf(text + used, capacity - used, "%s%s", joint, choices[i]);
        used += length > 0 ? (size_t)length : 0;
    }
}

cg_status sim_choices_find(const char *const *choices, size_t capacity, const char *value,
                           size_t *out, cg_error *error) {
    size_t count = 0;
    for (; count < capacity && choices[count]; count++) {
        if (strcmp(choices[count], value) == 0) {
            *out = count;
            return CG_OK;
        }
    }
    if (count == 1) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "\"%.80s\" is not known; it can only be %s", value, choices[0]);
    }
    char known[256];
    sim_choices_join(choices, count, known, sizeof known);
    return cg_error_set(error, CG_ERROR_INVALID,
                        "\"%.80s\" is not one of %s; do you mean \"%s\"?", value, known,
                        cg_nearest_name(value, choices, count));
}

static cg_status set_bool(bool *field, const char *value, cg_error *error) {
    if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
        return cg_error_set(error, CG_ERROR_INVALID, "\"%.80s\" is neither true nor false",
                            value);
    }
    *field = value[0] == 't';
    return CG_OK;
}

static cg_status set_path(char *field, const char *value, cg_error *error) {
    size_t length = strlen(value);
    if (length == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "\"\" is empty; give the name of a file or folder");
    }
    if (length >= SIM_PATH_BYTES) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "\"%.40s...\" is %zu bytes long; the most is %d", value, length,
                            SIM_PATH_BYTES - 1);
    }
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "\"%.80s\" holds a control character at byte %zu", value,
                                i + 1);
        }
    }
    memset(field, 0, SIM_PATH_BYTES); /* no bytes of an older, longer value stay behind */
    memcpy(field, value, length + 1);
    return CG_OK;
}

static cg_status set_whole(const sim_option *option, char *field, const char *value,
                           cg_error *error) {
    uint64_t number = 0;
    if (!(option->flags & SIM_OPTION_ALL) || strcmp(value, "all") != 0) {
        cg_status status = sim_units_parse_integer(&option->quantity, value, &number, error);
        if (status != CG_OK) {
            return status;
        }
    }
    if (option->store == SIM_STORE_U32) {
        uint32_t narrow = (uint32_t)number;
        CG_ASSERT(narrow == number);
        memcpy(field, &narrow, sizeof narrow);
    } else {
        memcpy(field, &number, sizeof number);
    }
    return CG_OK;
}

cg_status sim_option_set_text(const sim_option *option, sim_options *options, const char *value,
                              cg_error *error) {
    char *field = (char *)options + option->offset;
    cg_status status = CG_OK;
    switch (option->store) {
    case SIM_STORE_U32:
    case SIM_STORE_U64:
        return set_whole(option, field, value, error);
    case SIM_STORE_DOUBLE:
        return sim_units_parse_real(&option->quantity, value, (double *)(void *)field, error);
    case SIM_STORE_BOOL:
        return set_bool((bool *)field, value, error);
    case SIM_STORE_TEXT:
        return set_path(field, value, error);
    case SIM_STORE_CHOICE: {
        size_t place = 0;
        status = sim_choices_find(option->choices, SIM_CHOICES_MAX, value, &place, error);
        if (status == CG_OK) {
            unsigned chosen =
                (unsigned)place; /* an enum without negative values is unsigned int */
            memcpy(field, &chosen, sizeof chosen);
        }
        return status;
    }
    }
    return status;
}

void sim_option_format(const sim_option *option, const sim_options *options,
                       char text[SIM_PATH_BYTES]) {
    const char *field = (const char *)options + option->offset;
    uint32_t narrow = 0;
    uint64_t wide = 0;
    double real = 0.0;
    switch (option->store) {
    case SIM_STORE_U32:
        memcpy(&narrow, field, sizeof narrow);
        if (narrow == 0 && (option->flags & SIM_OPTION_ALL)) {
            snprintf(text, SIM_PATH_BYTES, "all");
        } else {
            sim_units_format_integer(option->quantity.unit, narrow, text);
        }
        break;
    case SIM_STORE_U64:
        memcpy(&wide, field, sizeof wide);
        sim_units_format_integer(option->quantity.unit, wide, text);
        break;
    case SIM_STORE_DOUBLE:
        memcpy(&real, field, sizeof real);
        sim_units_format_real(real, text);
        break;
    case SIM_STORE_BOOL:
        snprintf(text, SIM_PATH_BYTES, "%s", *(const bool *)field ? "true" : "false");
        break;
    case SIM_STORE_CHOICE:
        memcpy(&narrow, field, sizeof narrow);
        CG_ASSERT(narrow < SIM_CHOICES_MAX && option->choices[narrow]);
        snprintf(text, SIM_PATH_BYTES, "%s", option->choices[narrow]);
        break;
    case SIM_STORE_TEXT:
        snprintf(text, SIM_PATH_BYTES, "%s", field);
        break;
    }
}
