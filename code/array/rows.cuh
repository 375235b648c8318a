#ifndef ROWS_CUH
#define ROWS_CUH
#include "device/device.h"

LANGUAGE_C_BEGIN
/* rows_store and rows_load of array/rows.h, of all rows of an array in
   a gpu's memory; floats [rows][columns] there, too */
void gpu_rows_store(struct device *d, struct array to,
                    const float *from);
void gpu_rows_load(struct device *d, float *to, struct array from);
LANGUAGE_C_END
#endif
