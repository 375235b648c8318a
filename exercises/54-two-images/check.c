#include "ground/random.h"
#include "support/fill.h"
#include "support/images.h"
#include "support/lab.h"

void two_images(struct images to, const real *x, size_t rows,
                size_t columns);

enum { ROWS = 300, COLUMNS = 300, COUNT = ROWS * COLUMNS };
static real x[COUNT];
static struct { real row[COUNT], column[COUNT]; } got, want;
static fp8 code[COUNT];
static int8_t exponent[COUNT];

// Images as a mistake has them
enum mistake { NONE, TWICE, TWICE_BACK, SAME, TURNED, SQUARE,
               MISTAKES };
static const char *const saying[MISTAKES] = { "",
    ": this looks like an image of the first image",
    ": this looks like an image of the column image",
    ": this looks like one image for both",
    ": the two have changed places",
    ": this looks like blocks of 128 x 128" };

static void image_with(real *to, const real *from, size_t rows,
                       size_t columns, size_t down, size_t across)
{
    const struct fp8_blocks b = { down, across };
    fp8_store(code, exponent, from, rows, columns, b, FP8_E4M3, NULL);
    fp8_load(to, code, exponent, rows, columns, b, FP8_E4M3);
}

static void images_with(size_t rows, size_t columns, enum mistake m)
{
    real *row = want.row, *column = want.column;
    if (m == TURNED)
        row = want.column, column = want.row;
    if (m == TWICE_BACK) {
        image_with(column, x, rows, columns, 128, 1);
        image_with(row, column, rows, columns, 1, 128);
        return;
    }
    image_with(row, x, rows, columns, m == SQUARE ? 128 : 1, 128);
    image_with(column, m == TWICE ? row : x, rows, columns,
               m == SAME ? 1 : 128, m == SAME || m == SQUARE ? 128 : 1);
}

static bool alike(size_t count)
{
    return memcmp(got.row, want.row, count * sizeof(real)) == 0
        && memcmp(got.column, want.column, count * sizeof(real)) == 0;
}

/* sizes of tokens and of channels differ by up to so many powers of
   two */
static void check(const char *what, size_t rows, size_t columns,
                  size_t tokens, size_t channels)
{
    size_t count = rows * columns, i = 0, j = 0;
    const char *like = "";
    struct images to = { got.row, got.column, code, exponent };
    fill_normal(x, count, rows, 1);
    for (size_t k = 0; k < count; k++)
        x[k] *= (real)exp2(
            (double)random_below(1, 1, k / columns, tokens + 1)
            - (double)random_below(1, 2, k % columns, channels + 1));
    memset(&got, 0xee, sizeof got);
    lab_input("x", x, count * sizeof *x);
    lab_output(&got, sizeof got);
    lab_output(code, sizeof code);
    lab_output(exponent, sizeof exponent);
    lab_call(two_images(to, x, rows, columns));
    images_with(rows, columns, NONE);
    bool right = alike(count);
    for (int m = NONE + 1; !right && m < MISTAKES && !*like; m++) {
        images_with(rows, columns, (enum mistake)m);
        like = alike(count) ? saying[m] : "";
    }
    images_with(rows, columns, NONE);
    while (i < count && got.row[i] == want.row[i])
        i++;
    while (j < count && got.column[j] == want.column[j])
        j++;
    if (i < count)
        lab_true(what, false, "row[%zu][%zu] is %g, not %g%s",
                 i / columns, i % columns, (double)got.row[i],
                 (double)want.row[i], like);
    else
        lab_true(what, right, "column[%zu][%zu] is %g, not %g%s",
                 j / columns, j % columns,
                 (double)got.column[j % count],
                 (double)want.column[j % count], like);
}

int main(void)
{
    lab_begin("Two images");
    check("tokens of all sizes", lab_size(1, 130, ROWS),
          lab_size(2, 130, COLUMNS), 30, 0);
    check("channels of all sizes", lab_size(3, 130, ROWS),
          lab_size(4, 130, COLUMNS), 0, 30);
    check("both", lab_size(5, 130, ROWS), lab_size(6, 130, COLUMNS), 20,
          20);
    check("a few tokens", lab_size(7, 2, 9), lab_size(8, 130, COLUMNS),
          12, 12);
    return lab_end();
}
