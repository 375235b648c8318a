#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "journal/progress.h"

// Estimate what is left
void costs_step(struct costs *c, double seconds)
{
    c->steps++;
    c->step += (seconds - c->step) / (double)c->steps;
}

static double times(size_t first, size_t last, size_t every, bool end)
{
    bool more = end && last > first && last % every != 0;
    return (double)(last / every - first / every + more);
}

double costs_left(const struct costs *costs,
                  const struct configuration *c, size_t step,
                  size_t last)
{
    bool end = last == c->steps;
    return costs->step * (double)(last - step)
         + costs->look * times(step, last, c->evaluate_every, end)
         + costs->save * times(step, last, c->save_every, true)
         + (end ? costs->whole : 0);
}

struct progress progress_begin(FILE *out, size_t steps)
{
    const char *term = getenv("TERM"), *plain = getenv("NO_COLOR");
    bool terminal = isatty(fileno(out))
                    && !(term && strcmp(term, "dumb") == 0);
    return (struct progress){
        .out = out, .terminal = terminal,
        .bold = terminal && !(plain && *plain), .steps = steps};
}

// Say how long
void progress_time(char *text, double seconds)
{
    unsigned long s = seconds > 0 ? (unsigned long)(seconds + .5) : 0;
    if (s < 3600)
        snprintf(text, 32, "%lu:%02lu", s / 60, s % 60);
    else
        snprintf(text, 32, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60,
                 s % 60);
}
// Fit a line to the terminal
enum { STEP, LOSS, HELD_OUT, SPEED, LEFT, PARTS };

static size_t width_of(FILE *out)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    long n = columns ? strtol(columns, NULL, 10) : 0;
    return n > 0 ? (size_t)n : 80;
}

static void fit(char part[PARTS][64], size_t width)
{
    static const int last_first[] = { SPEED, HELD_OUT, LEFT, LOSS };
    for (size_t k = 0; k <= PARTS - 1; k++) {
        size_t length = 0;
        for (int i = 0; i < PARTS; i++)
            length += strlen(part[i]);
        if (length < width)
            return;
        if (k < PARTS - 1)
            part[last_first[k]][0] = '\0';
    }
    part[STEP][width < 64 ? width - 1 : 63] = '\0';
}
// Show a step
static bool due(struct progress *p, bool at_once, double now)
{
    if (!p->terminal && !at_once && now < p->next)
        return false;
    p->next = now + 30;
    return true;
}

static void show(const struct progress *p, char part[PARTS][64])
{
    if (p->terminal)
        fit(part, width_of(p->out));
    bool bold = p->bold && *part[LOSS];
    fprintf(p->out, "%s%s%s%s%s%s%s%s%s", p->terminal ? "\r" : "",
            part[STEP], bold ? "\033[1m" : "", part[LOSS],
            bold ? "\033[0m" : "", part[HELD_OUT], part[SPEED],
            part[LEFT], p->terminal ? "\033[K" : "\n");
    fflush(p->out);
}

void progress_step(struct progress *p, size_t step, double loss,
                   double speed, double left, double now)
{
    char part[PARTS][64] = {{0}}, time[32];
    bool first = p->mean == 0;
    p->mean = first ? loss : .95 * p->mean + .05 * loss;
    if (!due(p, first || step == p->steps, now))
        return;
    progress_time(time, left);
    snprintf(part[STEP], 64, "step %zu/%zu", step, p->steps);
    snprintf(part[LOSS], 64, "  loss %.4f", p->mean);
    if (p->held_out > 0)
        snprintf(part[HELD_OUT], 64, "  held-out %.4f", p->held_out);
    snprintf(part[SPEED], 64, "  %.0f tokens/s", speed);
    snprintf(part[LEFT], 64, "  %s left", time);
    show(p, part);
}

void progress_judge(struct progress *p, double share, double now)
{
    char part[PARTS][64] = {{0}};
    snprintf(part[STEP], 64, "held-out text, all of it: %.0f %%",
             100 * share);
    if (due(p, false, now))
        show(p, part);
}

void progress_held_out(struct progress *p, double loss)
{
    p->held_out = loss;
}

void progress_end(struct progress *p)
{
    if (p->terminal)
        fputc('\n', p->out);
    fflush(p->out);
}
