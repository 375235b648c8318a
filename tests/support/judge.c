#include "support/judge.h"
#include "ground/random.h"
#include "support/confine.h"
#include "support/fill.h"
#include "support/lab.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <omp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Note what goes to the child and back
enum { REGIONS = 64, ROOM = 1 << 20 };
static struct region {
    const char *name;           /* of an input; NULL: an output */
    void *at;
    size_t bytes;
} region[REGIONS];
static size_t regions;

static void note_region(const char *name, void *at, size_t bytes)
{
    if (regions == REGIONS)
        abort();
    region[regions++] = (struct region){ name, at, bytes };
}

void lab_input(const char *name, const void *x, size_t bytes)
{
    note_region(name, (void *)(uintptr_t)x, bytes);
}

void lab_output(void *x, size_t bytes)
{
    note_region(NULL, x, bytes);
}

// The state of a call
enum letter { QUESTION = '?', FINISHED = '.' };

static char *shared;            /* ROOM bytes, then the regions */
static size_t shared_bytes;
static struct {
    pid_t child;
    int line[2], said[2];       /* sockets; what the child prints */
    bool finished, fresh;
    unsigned char last;         /* printed */
    size_t printed;
    const char *why;            /* it had to be stopped */
    char row[200], report[200]; /* printed now; the emulator's first */
    size_t at;                  /* in row */
} call;
static const char *says;        /* how an emulator's reports begin */
/* Is this process the child? There it can only be read. */
enum { PAGE = 1 << 16 };
static _Alignas(PAGE) struct {
    bool child;
    char rest[PAGE - 1];
} inside;

// Prepare a judge
static double deadline;
static int threads;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double setting(const char *name, double otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : strtod(text, NULL);
}

/* and leaves nothing of it that the child sees */
static void take_salt(void)
{
    char text[32] = "";
    if (!isatty(STDIN_FILENO) &&
        read(STDIN_FILENO, text, sizeof text - 1) > 0)
        fill_salt = strtoull(text, NULL, 10);
    explicit_bzero(text, sizeof text);
    dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
}

void judge_begin(void)
{
    take_salt();
    deadline = now() + setting("LAB_SECONDS", 60);
    threads = omp_get_max_threads();
    omp_set_num_threads(1);
    prctl(PR_SET_DUMPABLE, 0);
    hide_answer();
}

char judge_order[32];

void judge_emulated(const char *prefix)
{
    says = prefix;
}

uint64_t lab_seed(uint64_t seed)
{
    return seed ^ fill_salt;
}

size_t lab_size(uint64_t which, size_t least, size_t most)
{
    return least + random_below(lab_seed(which), random_stream("size"),
                                0, most - least + 1);
}

// Answer a question from the child
static void (*server)(void *reply, const void *request);
static size_t reply_size, request_size;

void lab_serve(void (*serve)(void *reply, const void *request),
               size_t reply_bytes, size_t request_bytes)
{
    if (reply_bytes > ROOM || request_bytes > ROOM)
        abort();
    server = serve;
    reply_size = reply_bytes;
    request_size = request_bytes;
}

static void reply_to_child(void)
{
    static _Alignas(max_align_t) char request[ROOM], reply[ROOM];
    memcpy(request, shared, request_size);
    server(reply, request);
    memcpy(shared, reply, reply_size);
    send(call.line[0], "!", 1, MSG_NOSIGNAL);
}
void lab_ask(void *reply, const void *request)
{
    char letter = QUESTION;
    if (!lab_inside()) {
        server(reply, request);
        return;
    }
    if (in_answer(__builtin_return_address(0)))
        _exit(EXIT_FAILURE);    /* it asks in place of the check */
    memcpy(shared, request, request_size);
    if (send(call.line[1], &letter, 1, MSG_NOSIGNAL) != 1 ||
        recv(call.line[1], &letter, 1, 0) != 1)
        _exit(EXIT_FAILURE);
    memcpy(reply, shared, reply_size);
}

// Pass on what the child prints
enum { PRINTED = 1 << 16 };

static void look_for_report(char c)
{
    if (c != '\n' && call.at + 1 < sizeof call.row)
        call.row[call.at++] = c;
    if (c != '\n')
        return;
    call.row[call.at] = '\0';
    call.at = 0;
    if (says != NULL && call.report[0] == '\0'
        && strncmp(call.row, says, strlen(says)) == 0)
        strcpy(call.report, call.row);
}

static bool pass_on(void)
{
    char text[4096];
    ssize_t count = read(call.said[0], text, sizeof text);
    for (ssize_t i = 0; i < count; i++) {
        if (call.printed++ >= PRINTED)
            break;
        if (call.fresh)
            fprintf(lab_stream, "     | ");
        call.fresh = text[i] == '\n';
        unsigned char c = (unsigned char)text[i];
        bool first = call.last < 0x80 || call.last == 0xc2;
        bool control = iscntrl(c) || (first && c >= 0x80 && c < 0xa0);
        fputc(call.fresh || !control ? c : '?', lab_stream);
        look_for_report(text[i]);
        call.last = c;
    }
    if (call.printed > PRINTED)
        call.why = "it was stopped: it prints without end";
    return count > 0;
}

// Hold the child to its limits
enum { MEBIBYTES = 1024 };

static void look_at_limits(void)
{
    char path[40];
    long total = 0, resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)call.child);
    FILE *f = fopen(path, "r");
    if (f != NULL) {
        if (fscanf(f, "%ld %ld", &total, &resident) == 2 &&
            resident / (1 << 20) * sysconf(_SC_PAGESIZE) +
            resident % (1 << 20) * sysconf(_SC_PAGESIZE) / (1 << 20)
            > MEBIBYTES)
            call.why = "it was stopped: it takes more than a gibibyte "
                       "of memory";
        fclose(f);
    }
    if (now() > deadline)
        call.why = "it was stopped: time is up; does it loop for ever?";
}

// Attend to the child
static void attend(void)
{
    struct pollfd p[2] = { { call.said[0], POLLIN, 0 },
                           { call.line[0], POLLIN, 0 } };
    while ((!call.finished || says != NULL) && call.why == NULL) {
        poll(p, 2, 20);
        if (p[0].revents != 0 && !pass_on())
            p[0].fd = -1;
        if (p[1].revents != 0) {
            char letter;
            if (recv(call.line[0], &letter, 1, 0) != 1)
                break;
            if (letter == QUESTION && server != NULL)
                reply_to_child();
            call.finished |= letter == FINISHED;
        }
        look_at_limits();
    }
    kill(-call.child, SIGKILL);
    kill(call.child, SIGKILL);
    while (pass_on() && call.printed <= PRINTED)
        ;
}

// Say how the child ended
static void explain(int status)
{
    const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    char what[80], found[96];
    const char *in = judge_order[0] != '\0' ? ", order " : "";
    snprintf(what, sizeof what, "your answer comes back%s%s", in,
             judge_order);
    snprintf(found, sizeof found, "no race, bad address or deadlock "
             "in the emulator%s%s", in, judge_order);
    if (call.why != NULL)
        lab_true(what, false, "%s", call.why);
    else if (signal == SIGSYS)
        lab_true(what, false, "it asked the system for what no answer "
                 "needs: another process or program, a file to write, "
                 "the network, or a signal to others");
    else if (signal == SIGXCPU || signal == SIGKILL)
        lab_true(what, false, "it was stopped: does it loop for ever?");
    else if (signal != 0)
        lab_true(what, false, "it crashed: %s", strsignal(signal));
    else if (WEXITSTATUS(status) == UNCONFINED)
        lab_true(what, false, "this system cannot confine it (no "
                 "seccomp), so it was not run");
    else if (WEXITSTATUS(status) == SANITIZED
             && call.report[0] != '\0')
        lab_true(found, false, "%s", call.report);
    else if (WEXITSTATUS(status) == SANITIZED)
        lab_true(what, false, "it was stopped by a sanitizer, whose "
                 "report stands above");
    else
        lab_true(what, false, "it left before its check was finished, "
                 "with exit status %d", WEXITSTATUS(status));
}

// Take the outputs
static void take_outputs(void)
{
    const char *from = shared + ROOM;
    for (size_t i = 0; i < regions; from += region[i++].bytes)
        if (region[i].name == NULL)
            memcpy(region[i].at, from, region[i].bytes);
        else if (memcmp(region[i].at, from, region[i].bytes) != 0)
            lab_true("inputs are only read", false, "your answer "
                     "changes %s, which it is only given",
                     region[i].name);
}

// Call an answer
// Open what judge and child share
static void open_call(void)
{
    shared_bytes = ROOM;
    for (size_t i = 0; i < regions; i++)
        shared_bytes += region[i].bytes;
    shared = mmap(NULL, shared_bytes, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    call.finished = false;
    call.fresh = true;
    call.last = '\n';
    call.printed = call.at = 0;
    call.report[0] = '\0';
    call.why = NULL;
    if (shared == MAP_FAILED || pipe(call.said) != 0 ||
        socketpair(AF_UNIX, SOCK_STREAM, 0, call.line) != 0)
        abort();
    fflush(NULL);
}

void lab_leave(void)
{
    char letter = FINISHED, *to = shared + ROOM;
    if (in_answer(__builtin_return_address(0)))
        _exit(EXIT_FAILURE);
    for (size_t i = 0; i < regions; to += region[i++].bytes)
        memcpy(to, region[i].at, region[i].bytes);
    fflush(NULL);
    send(call.line[1], &letter, 1, MSG_NOSIGNAL);
    if (says != NULL)
        exit(EXIT_SUCCESS);
    _exit(EXIT_SUCCESS);
}

bool lab_inside(void)
{
    return inside.child;
}

bool lab_enter(void)
{
    open_call();
    call.child = fork();
    if (call.child == 0) {
        hide_check();
        fill_salt = 0;
        inside.child = true;
        if (mprotect(&inside, sizeof inside, PROT_READ) != 0)
            _exit(UNCONFINED);
        confine(call.line[1], call.said[1], deadline - now(),
                setting("LAB_CLOSED", 0) != 0);
        omp_set_num_threads(threads);
        return true;
    }
    close(call.line[1]);
    close(call.said[1]);
    // Wait for the child, and go on without it
    int status = 0;
    if (call.child < 0)
        abort();
    attend();
    waitpid(call.child, &status, 0);
    close(call.line[0]);
    close(call.said[0]);
    if (!call.fresh)
        fprintf(lab_stream, "\n");
    if (!call.finished || call.why != NULL ||
        (says != NULL && status != 0)) {
        explain(status);
        exit(lab_end());
    }
    take_outputs();
    munmap(shared, shared_bytes);
    regions = 0;
    server = NULL;
    return false;
}
