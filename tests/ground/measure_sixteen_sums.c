#include "ground/bf16.h"
#include "ground/random.h"
#include <stdio.h>

int main(void)
{
    enum { MOST = 1 << 14 };
    bf16 ones = 0, narrow = 0;
    float wide = 0;
    double exact = 0;
    printf("count,ones,exact,narrow,wide\n");
    for (size_t i = 1; i <= MOST; i++) {
        bf16 x = bf16_round((float)random_uniform(1, 0, i));
        ones = bf16_round(bf16_widen(ones) + 1);
        narrow = bf16_round(bf16_widen(narrow) + bf16_widen(x));
        wide += bf16_widen(x);
        exact += (double)bf16_widen(x);
        if (i >= 16 && (i & (i - 1)) == 0)
            printf("%zu,%g,%.6g,%g,%.6g\n", i, (double)bf16_widen(ones),
                   exact, (double)bf16_widen(narrow), (double)wide);
    }
    return 0;
}
