#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "journal/progress.h"

struct progress progress_begin(FILE *out, size_t first, size_t steps)
{
    const char *term = getenv("TERM"), *plain = getenv("NO_COLOR");
    bool terminal = isatty(fileno(out))
                    && !(term && strcmp(term, "dumb") == 0);
    return (struct progress){
        .out = out, .terminal = terminal,
        .bold = terminal && !(plain && *plain),
        .first = first, .steps = steps};
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
// Show a step
void progress_step(struct progress *p, size_t step, double loss,
                   double seconds, size_t tokens)
{
    bool begun = p->seconds > 0;
    p->mean = begun ? .95 * p->mean + .05 * loss : loss;
    p->seconds += seconds;
    size_t every = p->steps / 20 > 0 ? p->steps / 20 : 1;
    if (!p->terminal && step % every != 0 && step != p->steps)
        return;
    double each = p->seconds / (double)(step - p->first);
    char left[32], held_out[32] = "";
    progress_time(left, each * (double)(p->steps - step));
    if (p->held_out > 0)
        snprintf(held_out, sizeof held_out, "  held-out %.4f",
                 p->held_out);
    fprintf(p->out, "%sstep %zu/%zu  loss %s%.4f%s%s  %.0f tokens/s"
            "  %s left%s", p->terminal ? "\r" : "", step, p->steps,
            p->bold ? "\033[1m" : "", p->mean,
            p->bold ? "\033[0m" : "", held_out, (double)tokens / each,
            left, p->terminal ? "\033[K" : "\n");
    fflush(p->out);
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
