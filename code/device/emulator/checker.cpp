#include "emulator.h"
#include <algorithm>
#include <map>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <unordered_map>

namespace emulator {
struct visit {
    uint32_t interval, place;           /* when, and from where */
    uint16_t who, epoch;                /* a thread, or as below */
};
struct cell { struct visit write, read; };
enum : uint32_t { OUTSIDE, UNWRITTEN, BY_HOST, FIRST_INTERVAL = 16 };
enum : uint16_t {
    A_WARP = 0x8000,                    /* + its number */
    ATOMICALLY = 0xfffd, A_BLOCK, SOME_BLOCKS
};
enum : uint16_t { UNDER_WAY = 0x8000 }; /* in an epoch: cp.async */
static uint32_t interval = FIRST_INTERVAL, block_began, launch_began;
static uint32_t newest = FIRST_INTERVAL;        /* interval */

/* the running thread, in its cluster */
static uint16_t me(void)
{
    return (uint16_t)(rank * blockDim.x * blockDim.y * blockDim.z
                      + current->number);
}
/* how many epochs of each thread of the cluster, and of each barrier,
   are over for whoever knows this */
typedef std::vector<uint16_t> knowledge;
static std::vector<knowledge> knowing;            /* by thread */
struct release { knowledge over, coming; uint16_t number, turns; };
static std::map<const void *, struct release> releases; /* by barrier */

static void learn(knowledge &of, const knowledge &from)
{
    for (size_t i = 0; i < from.size(); i++)
        of[i] = std::max(of[i], from[i]);
}
static bool knows(struct visit v)
{
    return v.who == me()
        || knowing[me()][v.who] > (v.epoch & ~UNDER_WAY);
}
enum { MOST_BARRIERS = 256 };

static unsigned block_size(void)
{
    return blockDim.x * blockDim.y * blockDim.z;
}

enum : uint16_t { LISTED = 0xfff0,      /* place: which list */
                  NOT_OVER = 0x7fff };  /* in an epoch: wgmma reads */
struct reader { struct visit visit; uint32_t lanes; };
static std::vector<std::vector<struct reader>> readers;
static std::vector<uint32_t> free_readers;
static std::vector<bool> ended;         /* blocks of the cluster */
static struct visit culprit;

static struct release *release_of(const void *barrier)
{
    struct release *o = &releases[barrier];
    if (o->over.empty()) {
        o->over.resize(knowing[0].size());
        o->coming.resize(knowing[0].size());
        o->number = (uint16_t)(knowing.size() + releases.size() - 1);
    }
    if (releases.size() > MOST_BARRIERS)
        fail(NULL, 0, "too many barriers in memory for the checker");
    return o;
}

static void next_epoch(void)
{
    if (++current->epoch >= NOT_OVER)
        fail(NULL, 0, "too many arrivals for the checker");
}

/* does f hold for this visit, or one of the list? */
template <class F> static bool any(struct visit v, F f)
{
    if (v.who != LISTED)
        return f(v);
    for (const struct reader &r : readers[v.place])
        for (uint32_t lanes = r.lanes; lanes != 0; lanes &= lanes - 1) {
            struct visit one = r.visit;
            one.who += (uint16_t)__builtin_ctz(lanes);
            if (f(one))
                return true;
        }
    return false;
}

static bool clashes_by_epoch(struct visit v, bool shared)
{
    if (v.interval < block_began || v.who == SOME_BLOCKS)
        return !shared;
    return any(v, [](struct visit one) {
        culprit = one;
        if (one.epoch == NOT_OVER)
            return true;
        if (one.who >= LISTED)
            return one.interval >= interval || cluster > 1;
        return !(one.who / block_size() == rank
                 && one.interval < interval) && !knows(one);
    });
}
static struct reader one_reader(struct visit v)
{
    unsigned lane = v.who % block_size() % 32;
    v.who -= (uint16_t)lane;
    return { v, 1u << lane };
}

static struct visit also(struct visit before, struct visit now,
                         bool is_ordered)
{
    if (before.interval < block_began || before.who == SOME_BLOCKS) {
        if (!is_ordered)
            now.who = SOME_BLOCKS;
        return now;
    }
    if (is_ordered) {
        if (before.who == LISTED)
            free_readers.push_back(before.place);
        return now;
    }
    if (before.who != LISTED) {
        if (free_readers.empty()) {
            free_readers.push_back((uint32_t)readers.size());
            readers.push_back({});
        }
        readers[free_readers.back()] = { one_reader(before) };
        before = { before.interval, free_readers.back(), LISTED, 0 };
        free_readers.pop_back();
    }
    struct reader latest = one_reader(now);
    bool found = false;
    for (struct reader &r : readers[before.place])
        if (r.visit.who == latest.visit.who) {
            r.lanes &= ~latest.lanes;
            if (!found && r.visit.epoch == latest.visit.epoch
                && r.visit.interval == latest.visit.interval) {
                r.lanes |= latest.lanes;
                found = true;
            }
        }
    if (!found)
        readers[before.place].push_back(latest);
    return before;
}
static const struct release *tile_for;    /* NULL: no tile */
static bool by_wgmma, not_over;
static std::vector<unsigned> fences;    /* a thread's last: its epoch */

static void on_ordered(void)
{
    unsigned threads = cluster * block_size();
    if (!knowing.empty())
        return;
    knowing.resize(threads, knowledge(threads + MOST_BARRIERS));
    fences.assign(threads, 0);
}
/* intervals of a block of the cluster that ran then; who of which block
   learned of them, and when */
struct published {
    uint32_t from, until, since;
    unsigned of, rank;
    uint16_t by;
};
struct fencing { uint32_t until; std::vector<struct published> seen; };
static std::map<uint16_t, struct fencing> fencing;      /* by thread */
static std::map<const char *, std::vector<struct published>> places;
static std::vector<struct published> learned;

static void on_thread_fenced(void)
{
    struct fencing &f = fencing[me()];
    f.until = interval;
    for (struct published p : f.seen) {
        p.since = interval, p.rank = rank, p.by = me();
        learned.push_back(p);
    }
    f.seen.clear();
}

static void on_atomic(const char *at)
{
    struct fencing &f = fencing[me()];
    auto &all = places[at];
    if (!all.empty() && all[0].from < launch_began)
        all.clear();
    f.seen.insert(f.seen.end(), all.begin(), all.end());
    if (f.until > 0)
        all.push_back({ block_began, f.until, 0, rank, 0, 0 });
    for (const struct published &p : learned)
        if (p.rank == rank && p.since < f.until)
            all.push_back(p);
}

static bool is_published(struct visit v)
{
    for (const struct published &p : learned)
        if (p.rank == rank && (p.by == me() || p.since < interval)
            && v.interval >= p.from && v.interval < p.until
            && v.who < A_WARP
            && v.who / (blockDim.x * blockDim.y * blockDim.z) == p.of)
            return true;
    return false;
}
static bool clashes(struct visit v, bool shared)
{
    uint16_t epoch = v.epoch & ~UNDER_WAY;
    if (v.interval < launch_began)
        return false;
    if (!shared && v.interval < block_began && is_published(v))
        return false;
    if (ordered)
        return clashes_by_epoch(v, shared);
    if (v.who == SOME_BLOCKS || v.interval < block_began)
        return !shared;
    if (v.interval < interval)
        return false;
    if (v.who == ATOMICALLY || v.who == A_BLOCK)
        return true;
    if (v.who & A_WARP)
        return (v.who & 31) != current->warp || epoch >= current->epoch;
    return v.who != current->number
        && (v.who / 32u != current->warp || epoch >= current->epoch);
}

struct memory { const char *first; size_t bytes; struct cell *cells; };
static struct memory device_memory, static_memory, dynamic_memory;
extern "C" char __executable_start, _end;

static struct memory new_memory(const char *first, size_t bytes)
{
    return { first, bytes,
             (struct cell *)reserve(bytes * sizeof(struct cell),
                                    PROT_READ | PROT_WRITE) };
}

static const struct memory *memory_of(const char *at)
{
    for (const struct memory *m : { &device_memory, &dynamic_memory,
                                    &static_memory })
        if (at >= m->first && at < m->first + m->bytes)
            return m;
    return NULL;
}

static void mark(const struct memory *m, const void *at, size_t bytes,
                 uint32_t as)
{
    struct cell *c = m->cells + ((const char *)at - m->first);
    for (size_t i = 0; i < bytes; i++)
        c[i] = { { as, 0, 0, 0 }, { 0, 0, 0, 0 } };
}

struct piece { size_t bytes; bool is; const char *name; };
static std::map<const char *, struct piece> known;
static size_t accessed;                 /* bytes of the access */

static const struct variable *nearest(const char *at)
{
    const struct variable *best = NULL;
    ptrdiff_t least = PTRDIFF_MAX;
    for (const struct variable &v : static_shared()) {
        ptrdiff_t apart = at < v.at ? v.at - at
            : std::max((ptrdiff_t)0, at - v.at - (ptrdiff_t)v.bytes);
        if (apart < least) {
            least = apart;
            best = &v;
        }
    }
    return best;
}

static std::string described(const char *at)
{
    char text[400];
    auto p = known.upper_bound(at);
    snprintf(text, sizeof text, "%p, which is not the device's",
             (const void *)at);
    if (memory_of(at) == &dynamic_memory)
        snprintf(text, sizeof text, "byte %td of dynamic shared memory",
                 (at - dynamic_memory.first) % DYNAMIC_ROOM);
    else if (memory_of(at) == &device_memory && p != known.begin()) {
        --p;
        snprintf(text, sizeof text, "byte %td of %zu of %s%s",
                 at - p->first, p->second.bytes,
                 p->second.name == NULL ? "an array" : p->second.name,
                 p->second.is ? "" : ", freed");
    } else if (memory_of(at) == &static_memory) {
        const struct variable *v = nearest(at);
        snprintf(text, sizeof text, "byte %td of %zu of %s, shared",
                 at - v->at, v->bytes, plain_name(v->name));
    }
    return text;
}

static std::string who_was(struct visit v)
{
    char text[80];
    if (v.who == ATOMICALLY)
        return "an atomic operation";
    if (v.who == A_BLOCK)
        return "several threads";
    if (v.who == SOME_BLOCKS)
        return "several blocks";
    if (ordered && v.who >= cluster * block_size() && v.who < LISTED)
        return "the accelerator";
    if (v.who / block_size() != rank && v.who < LISTED) {
        snprintf(text, sizeof text, "thread %u of block %u of the cluster",
                 v.who % block_size(), v.who / block_size());
        return text;
    }
    if (v.who & A_WARP)
        snprintf(text, sizeof text, "lanes of warp %u", v.who & 31u);
    else
        snprintf(text, sizeof text, "thread (%u,%u,%u)",
                 v.who % blockDim.x, v.who / blockDim.x % blockDim.y,
                 v.who / blockDim.x / blockDim.y);
    return std::string(text)
        + (v.interval < block_began ? " of another block" : "");
}

[[noreturn]] static void report(const char *what, const char *at,
                                enum access how, uint32_t place,
                                const struct visit *other,
                                const char *did)
{
    static const char *const name[] = { "read", "write",
                                        "atomic operation", "copy",
                                        "copy" };
    if (other != NULL && other->who == LISTED)
        other = &culprit;
    fflush(stdout);
    fprintf(stderr, "emulator: %s: %s of %zu bytes at %s\n    %s\n",
            what, name[how], accessed,
            place_of(&__executable_start + place),
            described(at).c_str());
    if (other != NULL)
        fprintf(stderr, "    against the %s at %s by %s\n", did,
                place_of(&__executable_start + other->place),
                who_was(*other).c_str());
    tell_thread();
    fflush(stderr);
    _exit(86);
}

struct counts {
    uint64_t launches, sectors[2], bytes[2], conflicts;
};
static std::map<std::string, struct counts> counts_of;
static struct counts *counts;           /* of the kernel that runs */
static uint32_t *touched_in[2];         /* which launch, a sector */
static uint32_t launches;
static const char *counting;            /* the file */

static void count_sectors(const char *at, size_t bytes, bool write)
{
    size_t first = (at - device_memory.first) / 32;
    size_t last = (at + bytes - 1 - device_memory.first) / 32;
    counts->bytes[write] += bytes;
    for (size_t s = first; s <= last; s++)
        if (touched_in[write][s] != launches) {
            touched_in[write][s] = launches;
            counts->sectors[write]++;
        }
}
struct together { size_t bytes; uint32_t lanes; uint32_t word[32]; };
typedef std::pair<uint32_t, uint32_t> nth_at;   /* place, how many */
static std::map<nth_at, struct together> of_warp[32];
static std::unordered_map<uint32_t, uint32_t> times[1024];

static uint64_t extra_passes(const struct together *t)
{
    uint64_t extra = 0;
    int at_once = t->bytes <= 4 ? 32 : t->bytes == 8 ? 16 : 8;
    for (int first = 0; first < 32; first += at_once) {
        std::vector<uint32_t> bank[32];
        size_t most = 1;
        for (int l = first; l < first + at_once; l++)
            for (size_t b = 0; b < t->bytes && (t->lanes >> l & 1) != 0;
                 b += 4) {
                uint32_t word = t->word[l] + (uint32_t)(b / 4);
                auto &words = bank[word % 32];
                if (std::find(words.begin(), words.end(), word)
                    == words.end())
                    words.push_back(word);
                most = std::max(most, words.size());
            }
        extra += most - 1;
    }
    return extra;
}
static uint32_t word_of(const struct memory *m, const char *at)
{
    const char *first = m == &static_memory ? m->first + 64 : m->first;
    return (uint32_t)((at - first) / 4);
}

static void count_access(const struct memory *m, const char *at,
                         size_t bytes, enum access how, uint32_t place)
{
    if (m == &device_memory) {
        if (how == READ || how == ATOMIC)
            count_sectors(at, bytes, false);
        if (how != READ)
            count_sectors(at, bytes, true);
        return;
    }
    uint32_t nth = times[current->number][place]++;
    struct together *t = &of_warp[current->warp][{ place, nth }];
    t->bytes = bytes;
    t->lanes |= 1u << current->lane;
    t->word[current->lane] = word_of(m, at);
}

static void end_interval(void)
{
    for (auto &accesses : of_warp) {
        for (auto &[which, t] : accesses)
            counts->conflicts += extra_passes(&t);
        accesses.clear();
    }
    for (auto &t : times)
        t.clear();
}

static void write_counts(void)
{
    FILE *f = counts_of.empty() ? NULL : fopen(counting, "a");
    if (f == NULL)
        return;
    for (auto &[name, c] : counts_of)
        fprintf(f, "\"%s\",%ju,%ju,%ju,%ju,%ju,%ju\n", name.c_str(),
                (uintmax_t)c.launches, (uintmax_t)c.sectors[0],
                (uintmax_t)c.sectors[1], (uintmax_t)c.bytes[0],
                (uintmax_t)c.bytes[1], (uintmax_t)c.conflicts);
    fclose(f);
}

static void begin_count(const void *kernel)
{
    if (counting == NULL) {
        counting = getenv("EMULATOR_COUNT");
        if (counting == NULL)
            return;
        for (uint32_t *&stamps : touched_in)
            stamps = (uint32_t *)reserve(device_memory.bytes / 8,
                                         PROT_READ | PROT_WRITE);
        atexit(write_counts);
    }
    counts = &counts_of[name_of(kernel)];
    counts->launches++;
    launches++;
}

static struct visit both(struct visit before, struct visit now)
{
    if (before.interval < block_began || before.who == SOME_BLOCKS)
        now.who = SOME_BLOCKS;
    else if (before.who < A_WARP ? before.who / 32u == current->warp
             : before.who == (A_WARP | current->warp))
        now.who = (uint16_t)(A_WARP | current->warp);
    else
        now.who = A_BLOCK;
    now.epoch = std::max(now.epoch, before.epoch);
    return now;
}

static void look(struct cell *c, const struct memory *m, const char *at,
                 struct visit now, enum access how)
{
    bool shared = m != &device_memory;
    bool mine = c->write.interval == interval
        && c->write.who == me();
    uint32_t written_since = shared ? block_began : BY_HOST;
    if (c->write.interval == OUTSIDE)
        report("out of bounds", at, how, now.place, NULL, "");
    if (how == READ && c->write.interval >= written_since
        && (c->write.epoch & UNDER_WAY))
        report("read before cp.async is waited for", at, how, now.place,
               &c->write, "copy");
    if (!mine && !(how == ATOMIC && c->write.who == ATOMICALLY)
        && clashes(c->write, shared))
        report("race", at, how, now.place, &c->write, "write");
    if (how != READ && clashes(c->read, shared))
        report("race", at, how, now.place, &c->read, "read");
    if ((how == READ || how == ATOMIC)
        && c->write.interval < written_since)
        report("unwritten memory", at, how, now.place, NULL, "");
    if (by_wgmma && c->write.who < knowing.size()
        && fences[c->write.who] <= (c->write.epoch & ~UNDER_WAY))
        report("no proxy_fence", at, how, now.place, &c->write, "write");
    if (ordered && how == READ) {
        c->read = also(c->read, now, !clashes(c->read, shared));
        return;
    }
    if (how == READ)
        c->read = clashes(c->read, shared) ? both(c->read, now) : now;
    else if (how != ATOMIC || !mine)
        c->write = now;
}
static bool is_private(const char *at)
{
    const char *here = (const char *)__builtin_frame_address(0);
    return (at < here + (256 << 10) && here < at + (256 << 10))
        || (at >= &__executable_start && at < &_end);
}

static void on_access(const void *address, size_t bytes,
                      enum access how, const void *from)
{
    const char *at = (const char *)address;
    const struct memory *m = memory_of(at);
    uint32_t place = (uint32_t)((const char *)from
                                - &__executable_start);
    accessed = bytes;
    if (current != NULL && ordered && m == NULL && is_private(at))
        own_access(at, how != READ, from);
    if (current == NULL || (m == NULL && is_private(at)))
        return;
    if (m == NULL)
        report("illegal address", at, how, place, NULL, "");
    if (bytes <= 16 && (bytes & (bytes - 1)) == 0
        && (uintptr_t)at % bytes != 0)
        report("misaligned address", at, how, place, NULL, "");
    struct visit now = { interval, place, me(),
                         (uint16_t)(current->epoch & ~UNDER_WAY) };
    if (how == ATOMIC)
        now.who = ATOMICALLY;
    if (how == COPYING)
        now.epoch |= UNDER_WAY;
    if (tile_for != NULL) {
        now.who = tile_for->number;
        now.epoch = tile_for->turns;
    }
    if (not_over)
        now.epoch = NOT_OVER;
    if (m == &dynamic_memory && ordered
        && ended[(at - m->first) / DYNAMIC_ROOM])
        report("the block has ended whose memory this is", at, how, place,
               NULL, "");
    if (how == ATOMIC && m == &device_memory)
        on_atomic(at);
    for (size_t i = 0; i < bytes; i++)
        look(&m->cells[at + i - m->first], m, at + i, now, how);
    if (counting && how != LANDING)
        count_access(m, at, bytes, how, place);
}

static void on_heap(char *first, size_t bytes)
{
    device_memory = new_memory(first, bytes);
}

/* Zeros are OUTSIDE, and whole pages of them cost nothing. */
static void forget(const char *piece, size_t bytes)
{
    struct cell *c = device_memory.cells
        + (piece - device_memory.first);
    char *first = (char *)(((uintptr_t)c + 4095) & ~(uintptr_t)4095);
    char *end = (char *)((uintptr_t)(c + bytes) & ~(uintptr_t)4095);
    if (first >= end) {
        memset((void *)c, 0, bytes * sizeof *c);
        return;
    }
    memset((void *)c, 0, first - (char *)c);
    madvise(first, end - first, MADV_DONTNEED);
    memset(end, 0, (char *)(c + bytes) - end);
}

static void on_allocated(char *piece, size_t bytes, bool is)
{
    if (is)
        mark(&device_memory, piece, bytes, UNWRITTEN);
    else
        forget(piece, bytes);
    known[piece] = { bytes, is, NULL };
}

/* for reports */
void name_array(const void *memory, const char *name)
{
    known[(const char *)memory].name = name;
}

static void on_copied(void *to, const void *from, size_t bytes)
{
    const struct cell *c = device_memory.cells;
    if (from != NULL)
        c += (const char *)from - device_memory.first;
    for (size_t i = 0; from != NULL && i < bytes; i++)
        if (c[i].write.interval == UNWRITTEN)
            fail(NULL, 0, "a copy reads unwritten memory: %s",
                 described((const char *)from + i).c_str());
    if (to != NULL)
        mark(&device_memory, to, bytes, BY_HOST);
}

static void know_static_memory(void)
{
    char *first = (char *)UINTPTR_MAX, *end = NULL;
    for (const struct variable &v : static_shared()) {
        first = std::min(first, v.at);
        end = std::max(end, v.at + v.bytes);
    }
    if (end == NULL)
        return;
    static_memory = new_memory(first - 64, end - first + 128);
    for (const struct variable &v : static_shared())
        mark(&static_memory, v.at, v.bytes, UNWRITTEN);
}

static size_t dynamic_bytes[MOST_BLOCKS];       /* that are inside */

static void on_launched(const void *kernel, char *dynamic, size_t bytes)
{
    if (static_memory.cells == NULL)
        know_static_memory();
    if (dynamic_memory.cells == NULL)
        dynamic_memory = new_memory(dynamic,
                                    MOST_BLOCKS * DYNAMIC_ROOM);
    for (unsigned r = 0; r < cluster; r++, dynamic += DYNAMIC_ROOM) {
        size_t before = dynamic_bytes[r];
        if (bytes > before)
            mark(&dynamic_memory, dynamic + before, bytes - before,
                 UNWRITTEN);
        else
            mark(&dynamic_memory, dynamic + bytes, before - bytes,
                 OUTSIDE);
        dynamic_bytes[r] = bytes;
    }
    launch_began = newest + 1;
    begin_count(kernel);
}

static void on_interval(bool of_new_block)
{
    if (counting)
        end_interval();
    interval = ++newest;
    if (newest == UINT32_MAX)
        fail(NULL, 0, "too many barriers for the checker");
    if (of_new_block && rank == 0)
        block_began = interval;
    if (of_new_block && rank == 0) {
        knowing.clear();
        releases.clear();
        readers.clear();
        free_readers.clear();
        ended.assign(cluster, false);
        if (ordered)
            on_ordered();
    }
    if (of_new_block && rank == 0) {
        fencing.clear();
        learned.clear();
    }
}
static void on_arrived(const void *barrier)
{
    struct release *o = release_of(barrier);
    learn(o->coming, knowing[me()]);
    next_epoch();
    o->coming[me()] = (uint16_t)current->epoch;
}

static void on_turned(const void *barrier)
{
    struct release *o = release_of(barrier);
    learn(o->over, o->coming);
    o->over[o->number] = ++o->turns;
    o->coming.assign(o->coming.size(), 0);
}

static void on_waited(const void *barrier)
{
    learn(knowing[me()], release_of(barrier)->over);
}
static void on_made(const void *barrier)
{
    releases.erase(barrier);
}


static void on_met(struct thread *const *who, unsigned count)
{
    static knowledge all;
    unsigned first = rank * block_size();
    all.assign(knowing[0].size(), 0);
    for (unsigned i = 0; i < count; i++)
        learn(all, knowing[first + who[i]->number]);
    for (unsigned i = 0; i < count; i++)
        all[first + who[i]->number] = (uint16_t)who[i]->epoch;
    for (unsigned i = 0; i < count; i++)
        knowing[first + who[i]->number] = all;
}
static uint32_t intervals[MOST_BLOCKS]; /* of those that do not run */

static struct cell *cells[MOST_BLOCKS]; /* of their static memory */

static void on_goes_on(unsigned r)
{
    intervals[rank] = interval;
    interval = intervals[r];
    cells[rank] = static_memory.cells;
    static_memory.cells = cells[r];
    if (cells[r] == NULL && static_memory.bytes > 0)
        know_static_memory();
}
static void on_access(const void *address, size_t bytes,
                      enum access how, const void *from);

static void on_fenced(void)
{
    next_epoch();
    fences[me()] = current->epoch;
}

static void on_tile(const void *to, size_t bytes, const void *barrier,
                    const void *place)
{
    tile_for = release_of(barrier);
    on_access(to, bytes, COPYING, place);
    tile_for = NULL;
}

static void on_operand(const void *at, size_t bytes, const void *place,
                       bool waited)
{
    by_wgmma = true;
    not_over = !waited;
    on_access(at, bytes, READ, place);
    by_wgmma = not_over = false;
}

static void on_block_ends(struct thread *threads, unsigned count,
                          char *dynamic)
{
    unsigned first = rank * block_size();
    struct cell *c = dynamic_memory.cells
        + (dynamic - dynamic_memory.first);
    for (unsigned i = 1; i < count; i++)
        learn(knowing[first], knowing[first + i]);
    ended[rank] = true;
    current = threads;
    accessed = 1;
    for (size_t i = 0; i < 2 * dynamic_bytes[rank]; i++) {
        struct visit v = i % 2 == 0 ? c[i / 2].read : c[i / 2].write;
        if (v.interval >= block_began && any(v, [](struct visit one) {
                culprit = one;
                return one.who < knowing.size()
                    && one.who / block_size() != rank && !knows(one);
            }))
            report("the block may have ended whose memory this is",
                   dynamic + i / 2, i % 2 == 0 ? READ : WRITE,
                   culprit.place, NULL, "");
    }
    current = NULL;
}

static void on_landed(void)
{
    if (counting)
        end_interval();
}
}

extern "C" const struct emulator::checker emulator_checker = {
    emulator::on_heap, emulator::on_allocated, emulator::on_copied,
    emulator::on_launched, emulator::on_interval, emulator::on_landed,
    emulator::on_access,
    emulator::on_ordered, emulator::on_made, emulator::on_arrived,
    emulator::on_turned, emulator::on_waited, emulator::on_met,
    emulator::on_fenced, emulator::on_tile, emulator::on_operand,
    emulator::on_goes_on, emulator::on_block_ends
    , emulator::on_thread_fenced
};

using namespace emulator;
#define FROM __builtin_return_address(0)
#define ACCESSES(n) \
    void __tsan_read##n(void *p) { on_access(p, n, READ, FROM); } \
    void __tsan_write##n(void *p) { on_access(p, n, WRITE, FROM); } \
    void __tsan_unaligned_read##n(void *p) \
    { on_access(p, n, READ, FROM); } \
    void __tsan_unaligned_write##n(void *p) \
    { on_access(p, n, WRITE, FROM); } \
    void __tsan_volatile_read##n(void *p) \
    { on_access(p, n, READ, FROM); } \
    void __tsan_volatile_write##n(void *p) \
    { on_access(p, n, WRITE, FROM); } \
    void __tsan_read_write##n(void *p) \
    { on_access(p, n, READ, FROM); on_access(p, n, WRITE, FROM); }
extern "C" {
ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)
void __tsan_init(void) {}
void __tsan_func_entry(void *) {}
void __tsan_func_exit(void) {}
void __tsan_vptr_update(void **, void *) {}
void __tsan_vptr_read(void **) {}
void __tsan_read_range(void *p, size_t n)
{
    on_access(p, n, READ, FROM);
}
void __tsan_write_range(void *p, size_t n)
{
    on_access(p, n, WRITE, FROM);
}
void *__tsan_memcpy(void *to, const void *from, size_t n)
{
    on_access(from, n, READ, FROM);
    on_access(to, n, WRITE, FROM);
    return memcpy(to, from, n);
}
void *__tsan_memmove(void *to, const void *from, size_t n)
{
    on_access(from, n, READ, FROM);
    on_access(to, n, WRITE, FROM);
    return memmove(to, from, n);
}
void *__tsan_memset(void *to, int value, size_t n)
{
    on_access(to, n, WRITE, FROM);
    return memset(to, value, n);
}
char __tsan_atomic8_load(const volatile char *p, int) { return *p; }
}
