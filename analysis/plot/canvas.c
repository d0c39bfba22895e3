/* A figure's files, and running gnuplot. */
#include "analysis/plot/canvas.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { FILE_BYTES = AN_CANVAS_PATH_BYTES + AN_CANVAS_NAME_BYTES + 8, LINE_STYLES = 8 };

/* A range of more than about two and a half decades. */
static const double WIDE_RATIO = 300.0;
static const double NARROW_RATIO = 8.0;

/* Okabe and Ito, "Color Universal Design", 2008; the darker ones first, yellow left out: too
 * pale on white. */
static const char *const colours[LINE_STYLES] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                                 "#E69F00", "#56B4E9", "#000000", "#777777"};
static const int point_types[LINE_STYLES] = {7, 5, 9, 11, 13, 6, 4, 8};

static void file_path(const an_canvas *canvas, const char *ending, char path[FILE_BYTES]) {
    snprintf(path, FILE_BYTES, "%s/%s%s", canvas->folder, canvas->name, ending);
}

static cg_status open_one(const an_canvas *canvas, const char *ending, FILE **out,
                          cg_error *error) {
    char path[FILE_BYTES];
    file_path(canvas, ending, path);
    *out = fopen(path, "wb");
    if (!*out) {
        return cg_error_set(error, CG_ERROR_IO, "cannot write %s: %s", path, strerror(errno));
    }
    return CG_OK;
}

void an_canvas_quote(FILE *file, const char *text) {
    fputc('\'', file);
    for (; *text; text++) {
        if (*text == '\'') {
            fputc('\'', file);
        }
        fputc((unsigned char)*text < 0x20 ? ' ' : *text, file);
    }
    fputc('\'', file);
}

static void put_settings(an_canvas *canvas) {
    FILE *file = canvas->script;
    fprintf(file, "# Draws %s.svg and .png from %s.dat: gnuplot -d %s.gp, in this folder.\n",
            canvas->name, canvas->name, canvas->name);
    fputs("reset\n"
          "set encoding utf8\n"
          "set border 3 lc rgb '#444444'\n"
          "set tics nomirror out scale 0.6\n"
          "set grid ytics lc rgb '#dddddd' lw 0.5 lt 1\n"
          "set key above left horizontal Left reverse samplen 1.6 spacing 0.9 width 1\n"
          "set bars 0.6\n",
          file);
    for (int i = 0; i < LINE_STYLES; i++) {
        fprintf(file, "set style line %d lc rgb '%s' lw 1.5 pt %d ps 0.5\n", i + 1, colours[i],
                point_types[i]);
    }
}

/* What may stand in a file's name; anything else becomes '-'. */
static void make_name(an_canvas *canvas, const char *experiment, const char *view) {
    snprintf(canvas->name, sizeof canvas->name, "%.90s-%.90s", experiment, view);
    for (char *p = canvas->name; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                     (*p >= '0' && *p <= '9') || *p == '-' || *p == '_';
        *p = plain ? *p : '-';
    }
}

cg_status an_canvas_open(an_canvas *canvas, const char *folder, const char *experiment,
                         const char *view, cg_error *error) {
    an_canvas opened = {0};
    if (strlen(folder) >= sizeof opened.folder) {
        return cg_error_set(error, CG_ERROR_INVALID, "the folder %.80s... is too long", folder);
    }
    snprintf(opened.folder, sizeof opened.folder, "%s", *folder ? folder : ".");
    make_name(&opened, experiment, view);
    cg_status status = open_one(&opened, ".gp", &opened.script, error);
    if (status == CG_OK) {
        status = open_one(&opened, ".dat", &opened.data, error);
    }
    if (status != CG_OK) {
        an_canvas_close(&opened);
        return status;
    }
    put_settings(&opened);
    *canvas = opened;
    return CG_OK;
}

static void put_setting(FILE *file, const char *setting, const char *text, const char *after) {
    if (*text) {
        fprintf(file, "set %s ", setting);
        an_canvas_quote(file, text);
        fprintf(file, "%s\n", after);
    }
}

void an_canvas_axes(an_canvas *canvas, const char *title, const char *x_label,
                    const char *y_label, bool has_key) {
    put_setting(canvas->script, has_key ? "key title" : "title", title,
                has_key ? " left" : " offset 0,-0.4");
    put_setting(canvas->script, "xlabel", x_label, " offset 0,0.3");
    put_setting(canvas->script, "ylabel", y_label, " offset 0.8,0");
}

void an_canvas_log_y(an_canvas *canvas, double least, double greatest) {
    static const double fine[] = {1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0};
    static const double coarse[] = {1.0, 2.0, 5.0};
    double low = least / 1.3;
    double high = greatest * 1.5;
    fprintf(canvas->script, "set logscale y\nset yrange [%.4g:%.4g]\n", low, high);
    if (high / low > WIDE_RATIO) {
        return; /* marks at each power of ten, which gnuplot sets, are enough */
    }
    bool narrow = high / low < NARROW_RATIO;
    const double *steps = narrow ? fine : coarse;
    size_t step_count =
        narrow ? sizeof fine / sizeof fine[0] : sizeof coarse / sizeof coarse[0];
    const char *before = "set ytics (";
    int first = (int)floor(log10(low));
    int last = (int)floor(log10(high));
    for (int exponent = first; exponent <= last; exponent++) {
        for (size_t i = 0; i < step_count; i++) {
            double at = steps[i] * pow(10.0, exponent);
            if (at >= low && at <= high) {
                fprintf(canvas->script, "%s%.9g", before, at);
                before = ", ";
            }
        }
    }
    fputs(*before == ',' ? ")\n" : "", canvas->script);
}

void an_canvas_begin_plot(an_canvas *canvas) {
    /* 86 mm are 325 px of 1/96 inch, and 1,016 dots at 300 dots an inch. The second drawing is
     * the first one again. */
    fprintf(canvas->script,
            "set terminal svg noenhanced size 325,230 font 'Helvetica,9' background 'white'\n"
            "set output '%s.svg'\n"
            "plot",
            canvas->name);
}

void an_canvas_element(an_canvas *canvas, uint32_t index, const char *how, const char *label) {
    an_canvas_element_styled(canvas, index, index, how, label);
}

void an_canvas_element_styled(an_canvas *canvas, uint32_t index, uint32_t style,
                              const char *how, const char *label) {
    fprintf(canvas->script, "%s '%s.dat' index %u %s ls %u ", index > 0 ? ", \\\n    " : "",
            canvas->name, index, how, style % LINE_STYLES + 1);
    if (*label) {
        fputs("title ", canvas->script);
        an_canvas_quote(canvas->script, label);
    } else {
        fputs("notitle", canvas->script);
    }
}

static void put_end(an_canvas *canvas) {
    fprintf(
        canvas->script,
        "\nset terminal pngcairo noenhanced size 1016,719 font 'DejaVu Sans,9' fontscale 2.2 "
        "linewidth 3 pointscale 3 background 'white'\n"
        "set output '%s.png'\n"
        "replot\n"
        "set output\n",
        canvas->name);
}

static cg_status close_files(an_canvas *canvas, cg_error *error) {
    bool fine = !ferror(canvas->script) && !ferror(canvas->data);
    int problem = errno;
    if (fclose(canvas->script) != 0 || fflush(canvas->data) != 0) {
        problem = errno;
        fine = false;
    }
    if (fclose(canvas->data) != 0) {
        fine = false;
    }
    canvas->script = NULL;
    canvas->data = NULL;
    if (fine) {
        return CG_OK;
    }
    return cg_error_set(error, CG_ERROR_IO, "cannot write %s/%s.gp and .dat: %s",
                        canvas->folder, canvas->name, strerror(problem));
}

/* gnuplot's own first words, without its position marks. */
static void read_log(const char *log, char *text, size_t capacity_bytes) {
    FILE *file = fopen(log, "rb");
    text[0] = '\0';
    while (file && fgets(text, (int)capacity_bytes, file)) {
        text[strcspn(text, "\n")] = '\0';
        if (text[strspn(text, " \t^")]) {
            break;
        }
    }
    if (file) {
        fclose(file);
    }
}

static cg_status spawn_gnuplot(const an_canvas *canvas, const char *program, const char *log,
                               pid_t *child, cg_error *error) {
    char enter[2 * AN_CANVAS_PATH_BYTES + 8];
    char script[AN_CANVAS_NAME_BYTES + 4];
    size_t used = (size_t)snprintf(enter, sizeof enter, "cd '");
    for (const char *p = canvas->folder; *p; p++) {
        if (*p == '\'') {
            enter[used++] = '\'';
        }
        enter[used++] = *p;
    }
    enter[used++] = '\'';
    enter[used] = '\0';
    snprintf(script, sizeof script, "%s.gp", canvas->name);
    /* -d: without the user's own settings, so that everyone gets the same figure. */
    char d_flag[] = "-d";
    char e_flag[] = "-e";
    char name[] = "gnuplot";
    char *arguments[] = {name, d_flag, e_flag, enter, script, NULL};
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return cg_error_set(error, CG_ERROR_MEMORY, "out of memory starting gnuplot");
    }
    int code = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (code == 0) {
        code = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    }
    if (code == 0) {
        code = posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_CREAT | O_TRUNC,
                                                0666);
    }
    if (code == 0) {
        code = posix_spawnp(child, program, &actions, NULL, arguments, environ);
    }
    posix_spawn_file_actions_destroy(&actions);
    if (code == ENOENT) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND,
                            "%s is not installed: apt-get install gnuplot-nox, then plot again "
                            "(script and data are in %s)",
                            program, canvas->folder);
    }
    if (code != 0) {
        return cg_error_set(error, CG_ERROR_IO, "cannot start %s: %s", program, strerror(code));
    }
    return CG_OK;
}

static cg_status wait_for(pid_t child, const an_canvas *canvas, const char *log,
                          cg_error *error) {
    int ended = 0;
    pid_t waited = 0;
    do {
        waited = waitpid(child, &ended, 0);
    } while (waited < 0 && errno == EINTR);
    if (waited < 0) {
        return cg_error_set(error, CG_ERROR_IO, "cannot wait for gnuplot: %s", strerror(errno));
    }
    if (WIFEXITED(ended) && WEXITSTATUS(ended) == 0) {
        return CG_OK;
    }
    char words[200];
    read_log(log, words, sizeof words);
    if (WIFEXITED(ended) && WEXITSTATUS(ended) == 127) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND,
                            "gnuplot is not installed: apt-get install gnuplot-nox, then plot "
                            "again (script and data are in %s)",
                            canvas->folder);
    }
    return cg_error_set(error, CG_ERROR_IO, "gnuplot failed on %s/%s.gp: %s", canvas->folder,
                        canvas->name, *words ? words : "it says nothing");
}

cg_status an_canvas_draw(an_canvas *canvas, const char *program, cg_error *error) {
    put_end(canvas);
    cg_status status = close_files(canvas, error);
    if (status != CG_OK) {
        return status;
    }
    char log[FILE_BYTES];
    file_path(canvas, ".log", log);
    pid_t child = 0;
    status = spawn_gnuplot(canvas, program ? program : "gnuplot", log, &child, error);
    if (status == CG_OK) {
        status = wait_for(child, canvas, log, error);
    }
    (void)unlink(log);
    return status;
}

void an_canvas_close(an_canvas *canvas) {
    if (canvas->script) {
        fclose(canvas->script);
    }
    if (canvas->data) {
        fclose(canvas->data);
    }
    canvas->script = NULL;
    canvas->data = NULL;
}
