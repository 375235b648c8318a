#ifndef LAB_BANKS_H
#define LAB_BANKS_H
#include "ground/real.h"
LANGUAGE_C_BEGIN
/* In labs that say `counts: yes`. What the warps have done since
   lab_banks_begin, which stands after the last lab_gpu */
struct lab_banks {
    size_t shared;              /* accesses of warps to shared memory */
    size_t conflicts;           /* turns beyond the first of each */
    size_t most_conflicts;      /* of one access */
    size_t global;              /* the device's memory */
    size_t sectors;             /* of 32 bytes, that they touched */
    size_t most_sectors;        /* of one access */
    size_t wide;                /* shared ones, not of four bytes */
};
void lab_banks_begin(void);
struct lab_banks lab_banks(void);
/* how often warps have read that word of this array which they have
   read most often; of a wide access the first word counts */
size_t lab_reads(const float *array, size_t count);
LANGUAGE_C_END
#endif
