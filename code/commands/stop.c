#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>
#include "commands/stop.h"

static volatile sig_atomic_t asked;

static void hear(int number)
{
    static double first;
    int before = errno;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    double now = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
    if (!asked) {
        first = now;
        asked = number;
    } else if (number != SIGPIPE && now >= first + 1) {
        signal(number, SIG_DFL);
        raise(number);
    }
    errno = before;
}

int stop_asked(void)
{
    return asked;
}

// Listen to signals
void stop_listen(void)
{
    static const int wish[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE,
                                SIGUSR1, SIGUSR2, SIGXCPU };
    enum { WISHES = sizeof wish / sizeof *wish };
    struct sigaction was, a = {.sa_handler = hear,
                               .sa_flags = SA_RESTART};
    sigemptyset(&a.sa_mask);
    for (size_t k = 0; k < WISHES; k++)
        sigaddset(&a.sa_mask, wish[k]);
    for (size_t k = 0; k < WISHES; k++)
        if (sigaction(wish[k], NULL, &was) == 0
            && (was.sa_handler != SIG_IGN || wish[k] == SIGINT))
            sigaction(wish[k], &a, NULL);
    signal(SIGXFSZ, SIG_IGN);
}
