#include "emulator.h"
#include <algorithm>
#include <cstdarg>
#include <numeric>
#include <sys/mman.h>
#include <unistd.h>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace emulator {
struct thread *current;
const void *running;
unsigned cluster = 1, rank;
bool ordered;
static void (*call)(void *);
alignas(64) static char parameters[MOST_PARAMETERS];

const char *base(const char *file)
{
    const char *slash = strrchr(file, '/');
    return slash == NULL ? file : slash + 1;
}

void tell_thread(void)
{
    if (current != NULL)
        fprintf(stderr, "    kernel %s block (%u,%u,%u) thread "
                "(%u,%u,%u)\n", name_of(running), blockIdx.x,
                blockIdx.y, blockIdx.z, current->index.x,
                current->index.y, current->index.z);
}

void fail(const char *file, int line, const char *what, ...)
{
    va_list list;
    va_start(list, what);
    fflush(stdout);
    fprintf(stderr, "emulator: ");
    vfprintf(stderr, what, list);
    if (file != NULL)
        fprintf(stderr, " at %s:%d", base(file), line);
    fputc('\n', stderr);
    tell_thread();
    va_end(list);
    fflush(stderr);
    _exit(86);
}

enum order order;
static uint64_t generator = 88172645463325252u;

unsigned random_below(unsigned n)
{
    generator ^= generator << 13;
    generator ^= generator >> 7;
    generator ^= generator << 17;
    return (unsigned)(generator >> 20) % n;
}

static unsigned choose(uint32_t lanes)
{
    if (order == REVERSE)
        return 31 - (unsigned)__builtin_clz(lanes);
    if (order == RANDOM)
        for (int k = random_below(__builtin_popcount(lanes)); k > 0;
             k--)
            lanes &= lanes - 1;
    return (unsigned)__builtin_ctz(lanes);
}

void configure_order(void)
{
    const char *s = getenv("EMULATOR_ORDER");
    order = FORWARD;
    if (s == NULL || strcmp(s, "forward") == 0)
        return;
    order = strcmp(s, "reverse") == 0 ? REVERSE : RANDOM;
    if (order == RANDOM && strncmp(s, "random:", 7) != 0)
        fail(NULL, 0, "EMULATOR_ORDER is forward, reverse or random:N, "
             "not '%s'", s);
    if (order == RANDOM)
        generator ^= strtoull(s + 7, NULL, 10) * 0x9e3779b97f4a7c15u;
}

static void fiber_main(void);
static void thread_ends(void);
static void complete(struct thread *t);

enum { STACK = 256 << 10, MOST_THREADS = 1024,
       MOST_FIBERS = MOST_BLOCKS * MOST_THREADS };
struct fiber { void *at; char *stack; void *shadow; };

#if defined(__SANITIZE_ADDRESS__)
#define UNSANITIZED __attribute__((no_sanitize("address")))
static void *shadow_of_scheduler;
static const void *bottom_of_scheduler;
static size_t size_of_scheduler;
static void leave_for(struct fiber *f)
{
    __sanitizer_start_switch_fiber(&shadow_of_scheduler, f->stack,
                                   STACK);
}
static void arrived_on_the_scheduler(void)
{
    __sanitizer_finish_switch_fiber(shadow_of_scheduler, NULL, NULL);
}
static void leave_for_the_scheduler(struct fiber *f)
{
    __sanitizer_start_switch_fiber(&f->shadow, bottom_of_scheduler,
                                   size_of_scheduler);
}
static void arrived_on_a_fiber(struct fiber *f)
{
    __sanitizer_finish_switch_fiber(f == NULL ? NULL : f->shadow,
                                    &bottom_of_scheduler,
                                    &size_of_scheduler);
}
#else
#define UNSANITIZED
static void leave_for(struct fiber *) {}
static void arrived_on_the_scheduler(void) {}
static void leave_for_the_scheduler(struct fiber *) {}
static void arrived_on_a_fiber(struct fiber *) {}
#endif

static struct fiber fibers[MOST_FIBERS], *idle[MOST_FIBERS];
static unsigned fibers_made, fibers_idle;
static void *scheduler;                 /* where its stack rests */

extern "C" void emulator_switch(void **from, void *to);
#if defined(__x86_64__)
asm(".text\n.globl emulator_switch\n"
    ".type emulator_switch,@function\n"
    "emulator_switch:\n"
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n"
    "  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  movq %rsp, (%rdi)\n  movq %rsi, %rsp\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n"
    "  popq %r12\n  popq %rbx\n  popq %rbp\n"
    "  popq %rcx\n  jmp *%rcx\n");
#elif defined(__aarch64__)
asm(".text\n.globl emulator_switch\nemulator_switch:\n"
    "  sub sp, sp, #160\n"
    "  stp x19, x20, [sp, #0]\n  stp x21, x22, [sp, #16]\n"
    "  stp x23, x24, [sp, #32]\n  stp x25, x26, [sp, #48]\n"
    "  stp x27, x28, [sp, #64]\n  stp x29, x30, [sp, #80]\n"
    "  stp d8, d9, [sp, #96]\n  stp d10, d11, [sp, #112]\n"
    "  stp d12, d13, [sp, #128]\n  stp d14, d15, [sp, #144]\n"
    "  mov x9, sp\n  str x9, [x0]\n  mov sp, x1\n"
    "  ldp x19, x20, [sp, #0]\n  ldp x21, x22, [sp, #16]\n"
    "  ldp x23, x24, [sp, #32]\n  ldp x25, x26, [sp, #48]\n"
    "  ldp x27, x28, [sp, #64]\n  ldp x29, x30, [sp, #80]\n"
    "  ldp d8, d9, [sp, #96]\n  ldp d10, d11, [sp, #112]\n"
    "  ldp d12, d13, [sp, #128]\n  ldp d14, d15, [sp, #144]\n"
    "  add sp, sp, #160\n  ret\n");
#else
#error "the emulator switches stacks on x86-64 and on aarch64 alone"
#endif

static struct fiber *new_fiber(void)
{
    if (fibers_idle > 0)
        return idle[--fibers_idle];
    struct fiber *f = &fibers[fibers_made++];
    f->stack = (char *)reserve(STACK, PROT_READ | PROT_WRITE);
    mprotect(f->stack, 4096, PROT_NONE);
    char *top = f->stack + STACK - fibers_made % 61 * 64;
#if defined(__x86_64__)
    void **frame = (void **)top - 8;    /* 6 registers, where to, 0 */
    frame[6] = (void *)fiber_main;
#else
    void **frame = (void **)top - 20;
    frame[11] = (void *)fiber_main;
#endif
    f->at = frame;
    return f;
}
static void fiber_main(void)
{
    arrived_on_a_fiber(NULL);
    for (;;) {
        call(parameters);
        thread_ends();
    }
}

static void resume(struct thread *t)
{
    if (t->fiber == NULL)
        t->fiber = new_fiber();
    current = t;
    threadIdx = t->index;
    leave_for(t->fiber);
    emulator_switch(&scheduler, t->fiber->at);
    arrived_on_the_scheduler();
    current = NULL;
}

/* called on a fiber; returns when the thread is resumed */
UNSANITIZED static void rest(void)
{
    struct fiber *f = current->fiber;
    leave_for_the_scheduler(f);
    emulator_switch(&f->at, scheduler);
    arrived_on_a_fiber(current->fiber);
}

struct copy { void *to; const void *from; int bytes, given, group; };
static std::vector<struct copy> copies[MOST_THREADS];
static int copies_begun[MOST_THREADS];  /* groups */

static void arrive(const struct copy &c)
{
    memcpy(c.to, c.from, c.given);
    memset((char *)c.to + c.given, 0, c.bytes - c.given);
}

void wait_for_copies(int groups_left)
{
    std::vector<struct copy> &mine = copies[current->number];
    int last = copies_begun[current->number] - groups_left;
    size_t arrived = 0;
    for (const struct copy &c : mine) {
        if (c.group >= last)
            break;
        note(c.to, c.bytes, LANDING, __builtin_return_address(0));
        arrive(c);
        arrived++;
    }
    mine.erase(mine.begin(), mine.begin() + arrived);
}
void copy_async(void *to, const void *from, int bytes, int given)
{
    const void *place = __builtin_return_address(0);
    if (bytes != 4 && bytes != 8 && bytes != 16)
        fail(NULL, 0, "cp.async of %d bytes at %s", bytes,
             place_of(place));
    if ((uintptr_t)to % bytes != 0 || (uintptr_t)from % bytes != 0)
        fail(NULL, 0, "misaligned cp.async of %d bytes at %s", bytes,
             place_of(place));
    if (given > 0)
        note(from, given, READ, place);
    note(to, bytes, COPYING, place);
    struct copy c = { to, from, bytes, given,
                      copies_begun[current->number] };
    if (order == RANDOM && random_below(2) == 0)
        arrive(c);
    copies[current->number].push_back(c);
}

void commit_copies(void)
{
    copies_begun[current->number]++;
}

static struct thread threads[MOST_THREADS];
static unsigned threads_in_block, warps, alive;
static uint32_t ready[32], exist[32], ended[32];
static unsigned at_barrier, votes, answered, of_votes;
static struct thread barrier;           /* who came first */

static void wait_in(const char *operation, decltype(thread::state) how,
                    const char *file, int line)
{
    current->operation = operation;
    current->state = how;
    current->file = file;
    current->line = line;
}

static void wake(struct thread *t)
{
    t->state = thread::RUNS;
    ready[t->warp] |= 1u << t->lane;
}

static void begin_block(void)
{
    threads_in_block = blockDim.x * blockDim.y * blockDim.z;
    warps = (threads_in_block + 31) / 32;
    alive = threads_in_block;
    at_barrier = 0;
    memset(exist, 0, sizeof exist);
    memset(ready, 0, sizeof ready);
    memset(ended, 0, sizeof ended);
    for (unsigned i = 0; i < threads_in_block; i++) {
        struct thread *t = &threads[i];
        *t = {};
        t->index = { i % blockDim.x, i / blockDim.x % blockDim.y,
                     i / blockDim.x / blockDim.y };
        t->number = i;
        t->warp = i / 32;
        t->lane = i % 32;
        exist[t->warp] |= 1u << t->lane;
        wake(t);
        copies[i].clear();
        copies_begun[i] = 0;
    }
    if (checker != NULL)
        checker->interval(true);
}
/* each of them knows from here on what any of them knew */
static void all_know(void)
{
    struct thread *met[MOST_THREADS];
    unsigned count = 0, latest = 0;
    for (unsigned i = 0; i < threads_in_block; i++)
        if (threads[i].state == thread::AT_BARRIER) {
            met[count++] = &threads[i];
            latest = std::max(latest, threads[i].epoch);
        }
    for (unsigned i = 0; i < count; i++)
        met[i]->epoch = latest + 1;
    if (checker != NULL)
        checker->met(met, count);
}

static void thread_ends(void)
{
    struct thread *t = current;
    t->state = thread::ENDED;
    alive--;
    ended[t->warp] |= 1u << t->lane;
    idle[fibers_idle++] = t->fiber;
    for (uint32_t rest = exist[t->warp] & ~ended[t->warp]; rest != 0;
         rest &= rest - 1) {
        struct thread *o = &threads[32 * t->warp + __builtin_ctz(rest)];
        if (o->state == thread::IN_WARP)
            complete(o);
    }
    rest();
}

int meet(const char *operation, int vote, enum answer answer,
         const char *file, int line)
{
    if (current == NULL)
        fail(file, line, "%s on the host", operation);
    if (at_barrier == 0) {
        barrier = *current;
        barrier.file = file;
        barrier.line = line;
        votes = 0;
    } else if (line != barrier.line || strcmp(file, barrier.file) != 0)
        fail(file, line, "threads of a block wait at two barriers, "
             "here and at %s:%d", base(barrier.file), barrier.line);
    votes += vote != 0;
    at_barrier++;
    wait_in(operation, thread::AT_BARRIER, file, line);
    rest();
    return answer == ANY ? answered > 0
         : answer == ALL ? answered == of_votes : (int)answered;
}

static void open_barrier(void)
{
    answered = votes;
    of_votes = at_barrier;
    at_barrier = 0;
    if (ordered)
        all_know();
    for (unsigned i = 0; i < threads_in_block; i++)
        if (threads[i].state == thread::AT_BARRIER) {
            wake(&threads[i]);
            if (!ordered)
                threads[i].epoch = 0;
        }
    if (checker != NULL)
        checker->interval(false);
}

void meet_lanes(const char *operation, unsigned mask,
                void (*together)(unsigned, void *const *),
                void *argument, const char *file, int line)
{
    if (current == NULL)
        fail(file, line, "%s on the host", operation);
    struct thread *t = current;
    if ((mask >> t->lane & 1) == 0)
        fail(file, line, "%s: lane %u is not in its own mask %08x",
             operation, t->lane, mask);
    wait_in(operation, thread::IN_WARP, file, line);
    t->mask = mask;
    t->together = together;
    t->argument = argument;
    complete(t);
    if (t->state == thread::IN_WARP)
        rest();
    else
        ready[t->warp] &= ~(1u << t->lane);    /* it runs already */
}
static void complete(struct thread *t)
{
    uint32_t lanes = t->mask & exist[t->warp] & ~ended[t->warp];
    struct thread *warp = &threads[32 * t->warp];
    void *argument[32] = { NULL };
    for (uint32_t left = lanes; left != 0; left &= left - 1) {
        struct thread *o = &warp[__builtin_ctz(left)];
        if (o->state != thread::IN_WARP || o->mask != t->mask)
            return;
        argument[o->lane] = o->argument;
    }
    for (uint32_t left = lanes; left != 0; left &= left - 1) {
        struct thread *o = &warp[__builtin_ctz(left)];
        if (o->line != t->line || o->together != t->together)
            fail(t->file, t->line, "lanes %u and %u of a warp meet in "
                 "%s here and %s at %s:%d", t->lane, o->lane,
                 t->operation, o->operation, base(o->file), o->line);
        wake(o);
    }
    struct thread *before = current;
    current = t;                        /* of whom an error tells */
    t->together(lanes, argument);
    current = before;
}
struct shuffled { void *value; size_t bytes; int from; };

static void shuffle_lanes(unsigned lanes, void *const *argument)
{
    uint64_t value[32];
    struct shuffled *s;
    for (int l = 0; l < 32; l++)
        if ((s = (struct shuffled *)argument[l]) != NULL)
            memcpy(&value[l], s->value, s->bytes);
    for (int l = 0; l < 32; l++)
        if ((s = (struct shuffled *)argument[l]) != NULL) {
            if ((lanes >> s->from & 1) == 0)
                fail(current->file, current->line, "%s: lane %d reads "
                     "lane %d, which does not take part",
                     current->operation, l, s->from);
            memcpy(s->value, &value[s->from], s->bytes);
        }
}

void shuffle(void *value, size_t bytes, unsigned mask, int from,
             const char *operation, const char *file, int line)
{
    struct shuffled s = { value, bytes, from };
    meet_lanes(operation, mask, shuffle_lanes, &s, file, line);
}
static void ballot_lanes(unsigned lanes, void *const *argument)
{
    unsigned yes = 0;
    for (int l = 0; l < 32; l++)
        if ((lanes >> l & 1) != 0 && *(unsigned *)argument[l] != 0)
            yes |= 1u << l;
    for (int l = 0; l < 32; l++)
        if ((lanes >> l & 1) != 0)
            *(unsigned *)argument[l] = yes;
}

unsigned ballot(unsigned mask, bool vote, const char *operation,
                const char *file, int line)
{
    unsigned v = vote;
    meet_lanes(operation, mask, ballot_lanes, &v, file, line);
    return v;
}

struct reduced { int64_t value; int64_t (*fold)(int64_t, int64_t); };

static void reduce_lanes(unsigned lanes, void *const *argument)
{
    struct reduced *first = NULL, *r;
    for (int l = 0; l < 32; l++)
        if ((lanes >> l & 1) != 0) {
            r = (struct reduced *)argument[l];
            if (first == NULL)
                first = r;
            else
                first->value = r->fold(first->value, r->value);
        }
    for (int l = 0; l < 32; l++)
        if ((lanes >> l & 1) != 0)
            ((struct reduced *)argument[l])->value = first->value;
}

int64_t reduce(unsigned mask, int64_t value,
               int64_t (*fold)(int64_t, int64_t), const char *operation,
               const char *file, int line)
{
    struct reduced r = { value, fold };
    meet_lanes(operation, mask, reduce_lanes, &r, file, line);
    return r.value;
}
static void sync_lanes(unsigned, void *const *argument)
{
    unsigned latest = 0;
    for (int l = 0; l < 32; l++)
        if (argument[l] != NULL)
            latest = std::max(latest,
                              ((struct thread *)argument[l])->epoch);
    for (int l = 0; l < 32; l++)
        if (argument[l] != NULL)
            ((struct thread *)argument[l])->epoch = latest + 1;
    struct thread *met[32];
    unsigned count = 0;
    for (int l = 0; l < 32; l++)
        if (argument[l] != NULL)
            met[count++] = (struct thread *)argument[l];
    if (ordered && checker != NULL)
        checker->met(met, count);
}

void sync_warp(unsigned mask, const char *file, int line)
{
    meet_lanes("__syncwarp", mask, sync_lanes, current, file, line);
}
void atomic_load(void *value, const void *at, size_t bytes)
{
    note(at, bytes, ATOMIC, __builtin_return_address(0));
    memcpy(value, at, bytes);
}

void atomic_store(void *at, const void *value, size_t bytes)
{
    memcpy(at, value, bytes);
}

[[noreturn]] static void deadlock(void)
{
    struct thread *first = NULL, *other = NULL;
    for (unsigned i = 0; i < threads_in_block; i++) {
        struct thread *t = &threads[i];
        if (t->state == thread::ENDED)
            continue;
        if (first == NULL)
            first = t;
        else if (other == NULL && (t->line != first->line
                                   || t->state != first->state))
            other = t;
    }
    current = first;
    if (other == NULL)
        fail(first->file, first->line, "deadlock: %s waits for threads "
             "that do not come", first->operation);
    fail(first->file, first->line, "deadlock: thread %u waits here in "
         "%s, thread %u in %s at %s:%d", first->number,
         first->operation, other->number, other->operation,
         base(other->file), other->line);
}

static bool run_warps(void)
{
    bool moved = false;
    unsigned first = order == RANDOM ? random_below(warps) : 0;
    for (unsigned k = 0; k < warps; k++) {
        unsigned w = order == REVERSE ? warps - 1 - k
                                      : (k + first) % warps;
        while (ready[w] != 0) {
            unsigned lane = choose(ready[w]);
            ready[w] &= ~(1u << lane);
            moved = true;
            resume(&threads[32 * w + lane]);
            if (order == RANDOM && random_below(4) == 0)
                break;                  /* another may overtake */
        }
    }
    return moved;
}

static char *dynamic_memory;
static size_t dynamic_bytes, dynamic_room = DYNAMIC_ROOM;
void *dynamic(void) { return dynamic_memory + rank * dynamic_room; }

static void new_dynamic(void)
{
#if defined(__SANITIZE_ADDRESS__)       /* which sees its very end */
    size_t whole = (dynamic_bytes + 1023) & ~(size_t)1023;
    free(dynamic_memory);
    dynamic_room = whole;
    dynamic_memory = whole == 0 ? NULL
        : (char *)aligned_alloc(1024, cluster * whole);
    for (unsigned r = 0; r < cluster && whole > 0; r++)
        __asan_poison_memory_region(
            dynamic_memory + r * whole + dynamic_bytes,
            whole - dynamic_bytes);
#else
    if (dynamic_memory == NULL)
        dynamic_memory = (char *)reserve(MOST_BLOCKS * DYNAMIC_ROOM,
                                         PROT_READ | PROT_WRITE);
#endif
}

static void poison_shared(void)
{
    for (const struct variable &v : static_shared())
        memset(v.at, 0xff, v.bytes);
    if (dynamic_bytes > 0)
        memset(dynamic(), 0xff, dynamic_bytes);
}

static size_t nth_block(size_t i, size_t count)
{
    static size_t stride, first;
    if (order != RANDOM)
        return order == REVERSE ? count - 1 - i : i;
    if (i == 0) {
        stride = 7919 % count == 0 ? 1 : 7919;
        while (std::gcd(stride, count) != 1)
            stride++;
        first = random_below((unsigned)std::min<size_t>(count,
                                                        1 << 30));
    }
    return (first + i % count * stride) % count;
}

void *reserve(size_t bytes, int access)
{
    void *memory = mmap(NULL, bytes, access, MAP_PRIVATE | MAP_ANONYMOUS
                        | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        fail(NULL, 0, "no memory for %zu MiB", bytes >> 20);
    return memory;
}

void wait_until(bool (*is)(void *), void *argument,
                const char *operation, const char *file, int line)
{
    if (current == NULL)
        fail(file, line, "%s on the host", operation);
    while (!is(argument)) {
        current->until = is;
        current->argument = argument;
        wait_in(operation, thread::WAITS, file, line);
        rest();
    }
}

static bool wake_waiting(void)
{
    bool any = false;
    for (unsigned i = 0; i < threads_in_block; i++) {
        struct thread *t = &threads[i];
        if (t->state == thread::WAITS && t->until(t->argument)) {
            wake(t);
            any = true;
        }
    }
    return any;
}
static struct aside {                   /* a block that does not run */
    struct thread threads[MOST_THREADS], barrier;
    uint32_t ready[32], exist[32], ended[32];
    unsigned alive, at_barrier, votes, answered, of_votes;
    uint3 index;
    std::vector<struct copy> copies[MOST_THREADS];
    int copies_begun[MOST_THREADS];
    std::vector<char> shared;           /* static */
} aside[MOST_BLOCKS];

static void exchange(struct aside *a)
{
    size_t bytes = 0;
    std::swap(threads, a->threads);
    std::swap(barrier, a->barrier);
    std::swap(ready, a->ready);
    std::swap(exist, a->exist);
    std::swap(ended, a->ended);
    std::swap(alive, a->alive);
    std::swap(at_barrier, a->at_barrier);
    std::swap(votes, a->votes);
    std::swap(answered, a->answered);
    std::swap(of_votes, a->of_votes);
    std::swap(blockIdx, a->index);
    std::swap(copies, a->copies);
    std::swap(copies_begun, a->copies_begun);
    for (const struct variable &v : static_shared()) {
        if (a->shared.size() < bytes + v.bytes)
            a->shared.resize(bytes + v.bytes);
        std::swap_ranges(v.at, v.at + v.bytes, &a->shared[bytes]);
        bytes += v.bytes;
    }
}

static void take_up(unsigned r)
{
    exchange(&aside[rank]);
    if (checker != NULL)
        checker->goes_on(r);
    rank = r;
    exchange(&aside[r]);
}

static unsigned stuck;                  /* blocks in a row */

/* goes on with another block that has not ended; false if there is
   none, or none can move */
static bool next_block(void)
{
    stuck++;
    for (unsigned k = 1; k < cluster && stuck <= cluster; k++) {
        unsigned by = order == REVERSE ? cluster - k : k;
        if (aside[(rank + by) % cluster].alive == 0)
            continue;
        take_up((rank + by) % cluster);
        return true;
    }
    return false;
}
static struct { unsigned arrived, opened; } meeting;

unsigned cluster_rank(void) { return rank; }

void cluster_arrive(void)
{
    if (current->meeting != 0)
        fail(NULL, 0, "a thread arrives twice, and has not waited, at "
             "%s", place_of(__builtin_return_address(0)));
    current->meeting = meeting.opened + 1;
    meeting.arrived++;
    if (checker != NULL)
        checker->arrived(&meeting);
}

static bool cluster_opened(void *argument)
{
    unsigned its = ((struct thread *)argument)->meeting, living = alive;
    for (unsigned r = 0; r < cluster; r++)
        living += r == rank ? 0 : aside[r].alive;
    if (its > meeting.opened && meeting.arrived >= living) {
        meeting.opened++;
        meeting.arrived = 0;
        if (checker != NULL)
            checker->turned(&meeting);
    }
    return its <= meeting.opened;
}

void cluster_wait(const char *file, int line)
{
    if (current->meeting == 0)
        fail(file, line, "cluster_wait by a thread that has not "
             "arrived");
    wait_until(cluster_opened, current, "cluster_wait", file, line);
    current->meeting = 0;
    if (checker != NULL)
        checker->waited(&meeting);
}
unsigned shared_offset(const void *at)
{
    size_t offset = (const char *)at - (const char *)dynamic();
    if (offset >= dynamic_bytes)
        fail(NULL, 0, "tiles, and what other blocks see, must be in "
             "dynamic shared memory, at %s",
             place_of(__builtin_return_address(0)));
    return (unsigned)offset;
}

void *in_block(const void *at, unsigned r)
{
    size_t offset = (const char *)at - (const char *)dynamic();
    if (r >= cluster || offset >= dynamic_bytes)
        fail(NULL, 0, "block %u of a cluster of %u has this not in its "
             "dynamic shared memory, at %s", r, cluster,
             place_of(__builtin_return_address(0)));
    return dynamic_memory + r * dynamic_room + offset;
}
static void block_ends(void)
{
    nothing_is_left(threads_in_block);
    if (cluster == 1)
        return;
    if (checker != NULL)
        checker->block_ends(threads, threads_in_block,
                            (char *)dynamic());
    if (dynamic_bytes > 0)              /* nobody may look there now */
        memset(dynamic(), 0xff, dynamic_bytes);
}

static void run_block(void)
{
    begin_block();
    const uint3 first = blockIdx;
    meeting = {};
    for (unsigned r = 1; r < cluster; r++) {
        take_up(r);
        blockIdx = { first.x + r, first.y, first.z };
        poison_shared();
        begin_block();
    }
    if (cluster > 1)
        take_up(0);
    for (;;) {
        bool moved = run_warps();
        if (ordered) {
            moved |= wake_waiting();
            if (!moved || (order == RANDOM && random_below(2) == 0))
                moved |= land();
            if (alive == 0)
                block_ends();
            bool opens = alive > 0 && at_barrier == alive;
            if (moved || opens)
                stuck = 0;
            if (!opens && (!moved || alive == 0) && next_block())
                continue;
        }
        if (alive == 0)
            return;
        if (at_barrier == alive)
            open_barrier();
        else if (!moved)
            deadlock();
    }
}

void run_grid(const struct shape &s, const void *kernel,
              void (*what)(void *), const void *given, size_t bytes)
{
    running = kernel;
    call = what;
    memcpy(parameters, given, bytes);
    gridDim = s.grid;
    blockDim = s.block;
    dynamic_bytes = s.shared_bytes;
    cluster = s.cluster;
    ordered = cluster > 1;
    new_dynamic();
    if (checker != NULL)
        checker->launched(kernel, dynamic_memory, dynamic_bytes);
    size_t x = gridDim.x, y = gridDim.y, count = x * y * gridDim.z;
    for (size_t i = 0; i < count; i += cluster) {
        size_t b = nth_block(i / cluster, count / cluster) * cluster;
        blockIdx = { (unsigned)(b % x), (unsigned)(b / x % y),
                     (unsigned)(b / x / y) };
        poison_shared();
        run_block();
        if (rank != 0)
            take_up(0);
    }
    if (checker != NULL)
        checker->landed();
}
}
