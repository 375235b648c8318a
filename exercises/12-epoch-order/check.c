#include <stdlib.h>
#include <string.h>
#include "corpus/batches.h"
#include "support/lab.h"

// Is it a permutation?
enum { MOST = 33 };
static uint64_t seed;

static size_t missing_of(const size_t *order, size_t n)
{
    static bool comes[1 << 17];
    size_t missing = n;
    memset(comes, 0, sizeof comes);
    for (size_t i = 0; i < n; i++)
        if (order[i] < n && !comes[order[i]]) {
            comes[order[i]] = true;
            missing--;
        }
    return missing;
}

static void check_permutation(void)
{
    static size_t orders[MOST + 1][MOST];
    size_t missing = 0, first_size = 0;
    memset(orders, 255, sizeof orders);
    lab_output(orders, sizeof orders);
    lab_call(
        for (size_t n = 1; n <= MOST; n++)
            epoch_order(orders[n], n, seed, n));
    for (size_t n = 1; n <= MOST; n++) {
        missing += missing_of(orders[n], n);
        if (missing > 0 && first_size == 0)
            first_size = n;
    }
    lab_true("every window comes once", missing == 0,
             "with %zu windows some of them never come, so others come"
             " twice or are no windows", first_size);
}

// Does it depend on seed and epoch alone?
static void check_dependence(void)
{
    size_t order[4][64], again[64];
    lab_output(order, sizeof order);
    lab_output(again, sizeof again);
    lab_call(
        epoch_order(order[0], 64, seed, 3);
        epoch_order(order[1], 64, seed, 4);
        epoch_order(order[2], 64, seed + 1, 3);
        epoch_order(order[3], 64, seed + 1, 2);
        epoch_order(again, 64, seed, 3));
    lab_true("asked twice it gives the same",
             memcmp(order[0], again, sizeof again) == 0,
             "a run that is taken up again would see other windows");
    lab_true("another epoch has another order",
             memcmp(order[0], order[1], sizeof again) != 0,
             "epochs 3 and 4 of a seed have the same order");
    lab_true("another seed has another order",
             memcmp(order[0], order[2], sizeof again) != 0,
             "epoch 3 of two seeds has the same order");
    lab_true("seed and epoch do not add up",
             memcmp(order[0], order[3], sizeof again) != 0,
             "epoch 2 of the next seed has the order of epoch 3: one is"
             " the seed, the other belongs to the stream");
}

// Is it fair?
enum { EPOCHS = 60000, FAIR = EPOCHS / 6 };

static void check_returns(size_t (*orders)[3])
{
    size_t again = 0, times = FAIR, most = 0;
    for (size_t later = 1; later <= 60; later++) {
        size_t same = 0;
        for (size_t epoch = 0; epoch + later < EPOCHS; epoch++)
            same += memcmp(orders[epoch], orders[epoch + later],
                           sizeof *orders) == 0;
        size_t off = same > FAIR ? same - FAIR : FAIR - same;
        if (off > most)
            most = off, again = later, times = same;
    }
    lab_true("an epoch says nothing of another", most < 650,
             "%zu times in 60000 the same order comes again %zu epochs"
             " later, not about 10000 times: do they come in turn?",
             times, again);
}

/* 0 .. 5 */
static size_t number_of(const size_t *order)
{
    return order[0] % 3 * 2 + (order[1] > order[2]);
}

/* are two orders independent of each other? */
static void check_joint(const char *what, size_t (*a)[3],
                        size_t (*b)[3], size_t count)
{
    size_t times[36] = { 0 };
    double each = (double)count / 36, sum = 0;
    for (size_t i = 0; i < count; i++)
        times[number_of(a[i]) * 6 + number_of(b[i])]++;
    for (size_t k = 0; k < 36; k++)
        sum += pow((double)times[k] - each, 2) / each;
    lab_true(what, sum < 140, "who knows one of the orders knows "
             "something of the other: chi-square is %.0f, not about 35;"
             " are the same random numbers used for both?", sum);
}

static void check_fairness(void)
{
    static size_t orders[EPOCHS][3];
    size_t times[27] = { 0 }, seen = 0, most = 0;
    lab_output(orders, sizeof orders);
    lab_call(
        for (size_t epoch = 0; epoch < EPOCHS; epoch++)
            epoch_order(orders[epoch], 3, seed, epoch));
    for (size_t epoch = 0; epoch < EPOCHS; epoch++) {
        const size_t *order = orders[epoch];
        if (order[0] < 3 && order[1] < 3 && order[2] < 3)
            times[order[0] * 9 + order[1] * 3 + order[2]]++;
    }
    static const size_t six[] = { 5, 7, 11, 15, 19, 21 };
    size_t least = EPOCHS;
    for (size_t i = 0; i < 6; i++) {
        size_t n = times[six[i]];
        seen += n > 0;
        most = n > most ? n : most;
        least = n < least ? n : least;
    }
    if (seen == 2 && most < 3 * FAIR + 500)
        lab_true("every order is as likely", false, "only two of six "
                 "orders ever come: may a window stay where it is?");
    else if (least > 8600 && least < 9200 && most > 10800)
        lab_true("every order is as likely", false, "%zu to %zu times "
                 "in 60000: like 27 equally likely paths to 6 orders; "
                 "a place that is settled must stay settled", least,
                 most);
    else
        lab_true("every order is as likely",
                 least > FAIR - 600 && most < FAIR + 600, "the six "
                 "orders of 3 windows came %zu to %zu times in 60000, "
                 "not about 10000 each", least, most);
    check_returns(orders);
    check_joint("the next epoch is drawn anew", orders, orders + 1,
                EPOCHS - 1);
    static size_t other[EPOCHS][3];
    lab_output(other, sizeof other);
    lab_call(
        for (size_t epoch = 0; epoch < EPOCHS; epoch++)
            epoch_order(other[epoch], 3, seed + 1, epoch));
    check_joint("the next seed is drawn anew", orders, other, EPOCHS);
}

// Is it a shuffle?
static void check_places(void)
{
    enum { MANY = 10, EACH = 2000, TURNS = MANY * EACH };
    static size_t orders[TURNS][MANY];
    const size_t n = lab_size(8, 6, MANY), turns = n * EACH;
    size_t times[MANY * MANY] = { 0 }, least = TURNS, most = 0;
    lab_output(orders, sizeof orders);
    lab_call(
        for (size_t epoch = 0; epoch < turns; epoch++)
            epoch_order(orders[epoch], n, seed, epoch));
    for (size_t epoch = 0; epoch < turns; epoch++)
        for (size_t i = 0; i < n; i++)
            times[i * n + orders[epoch][i] % n]++;
    for (size_t i = 0; i < n * n; i++) {
        most = times[i] > most ? times[i] : most;
        least = times[i] < least ? times[i] : least;
    }
    lab_true("each window comes to each place as often",
             least > EACH - 300 && most < EACH + 300, "%zu to %zu "
             "times in %zu epochs of %zu windows, not about 2000",
             least, most, turns, n);
}

static void check_steps(void)
{
    enum { N = 64, TURNS = 200 };
    static size_t orders[TURNS][N];
    size_t sum = 0;
    lab_output(orders, sizeof orders);
    lab_call(
        for (size_t epoch = 0; epoch < TURNS; epoch++)
            epoch_order(orders[epoch], N, seed, epoch));
    for (size_t epoch = 0; epoch < TURNS; epoch++) {
        size_t times[N] = { 0 }, most = 0;
        for (size_t i = 1; i < N; i++) {
            size_t *from = &orders[epoch][i - 1];
            size_t n = ++times[(from[1] - from[0]) % N];
            most = n > most ? n : most;
        }
        sum += most;
    }
    lab_true("no step from window to window comes too often",
             sum < 8 * TURNS, "a rotation, not a shuffle: in an order "
             "of 64 windows the same step comes %zu times, not about 5",
             sum / TURNS);
}

/* all orders of few windows come */
static void check_orders(void)
{
    enum { TURNS = 2000 };
    static size_t four[TURNS][4];
    bool seen[256] = { false };
    size_t orders = 0;
    lab_output(four, sizeof four);
    lab_call(
        for (size_t e = 0; e < TURNS; e++)
            epoch_order(four[e], 4, seed, e));
    for (size_t e = 0; e < TURNS; e++) {
        const size_t *o = four[e];
        size_t at = o[0] * 64 + o[1] * 16 + o[2] * 4 + o[3];
        orders += !seen[at % 256];
        seen[at % 256] = true;
    }
    lab_true("all orders of four windows come", orders == 24, "%zu of "
             "24 in 2000 epochs", orders);
}
enum { MANY = 100000, FEW = 16 };

static bool about(size_t got, size_t want, size_t n)
{
    return fabs((double)got - (double)want) < 2 * sqrt((double)n);
}

static void check_many(uint64_t which, size_t least, size_t most)
{
    static size_t orders[2][MANY];
    const size_t n = lab_size(which, least, most);
    size_t stay = 0, rise = 0, come = 0, missing = 0, near = 0;
    for (size_t e = 0; e < FEW; e++) {
        const size_t *order = orders[e % 2], *last = orders[1 - e % 2];
        lab_output(orders[e % 2], sizeof *orders);
        lab_call(epoch_order(orders[e % 2], n, seed, e));
        missing += missing_of(order, n);
        for (size_t i = 0; i < n; i++) {
            stay += order[i] == i;
            stay += e > 0 && order[i] == last[i];
            rise += i > 0 && order[i] > order[i - 1];
            near += i > 0 && order[i] - order[i - 1] + 3 < 7;
            come += i < n / 2 && order[i] >= n / 2;
        }
    }
    lab_true("many windows come apart", near < 16 * FEW, "in %d epochs "
             "of %zu windows %zu stand next to one that was at most 3 "
             "away, not about %d: are they moved in blocks?", FEW, n,
             near, 6 * FEW);
    lab_true("many windows are shuffled",
             missing == 0 && stay < 5 * FEW
             && about(rise, FEW * n / 2, FEW * n)
             && about(come, FEW * n / 4, FEW * n),
             "in %d epochs of %zu windows %zu never come, %zu stay "
             "where they are or were, not about %d, %zu follow a "
             "smaller one, not about half, and %zu come to the first "
             "half from the second, not about a quarter", FEW, n,
             missing, stay,
             2 * FEW, rise, come);
}

// Do all seeds and epochs differ?
enum { STEPS = 2000, BITS = 64, PAIRS = 4 * STEPS + 2 * BITS,
       WINDOWS = 64 };

static int by_order(const void *a, const void *b)
{
    return memcmp(a, b, WINDOWS * sizeof(size_t));
}

static void check_pairs(void)
{
    static struct pair { uint64_t seed, epoch; } pairs[PAIRS], *p;
    static size_t orders[PAIRS][WINDOWS];
    const uint64_t late = 1000000007;
    const size_t n = lab_size(10, 20, WINDOWS);
    size_t twice = 0;
    p = pairs;
    for (uint64_t i = 0; i < STEPS; i++) {
        *p++ = (struct pair){ seed + 1, i };
        *p++ = (struct pair){ seed, i * STEPS };
        *p++ = (struct pair){ seed + i, late + 1 };
        *p++ = (struct pair){ seed + i * STEPS, late };
    }
    for (uint64_t bit = 1; bit > 0; bit *= 2) {
        *p++ = (struct pair){ seed ^ bit, 3 * late };
        *p++ = (struct pair){ seed, 3 * late ^ bit };
    }
    lab_output(orders, sizeof orders);
    lab_call(
        for (size_t i = 0; i < PAIRS; i++)
            epoch_order(orders[i], n, pairs[i].seed, pairs[i].epoch));
    qsort(orders, PAIRS, sizeof *orders, by_order);
    for (size_t i = 1; i < PAIRS; i++)
        twice += by_order(orders[i - 1], orders[i]) == 0;
    lab_true("no two seeds or epochs have an order in common",
             twice == 0, "%zu times two of %d pairs of seed and epoch "
             "have the same order of %zu windows: do they make one "
             "number, or does one of them lose bits?", twice, PAIRS, n);
}

int main(void)
{
    lab_begin("Lab 12: the order of an epoch");
    seed = lab_seed(7);
    check_permutation();
    check_dependence();
    check_fairness();
    check_places();
    check_steps();
    check_orders();
    check_many(12, MOST + 1, 400);
    check_many(13, 400, 5000);
    check_many(9, 5000, 20000);
    check_many(11, 90000, MANY);
    check_pairs();
    return lab_end();
}
