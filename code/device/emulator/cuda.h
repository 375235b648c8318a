#ifndef EMULATED_CUDA_H
#define EMULATED_CUDA_H
#include <stdint.h>

typedef uint64_t cuuint64_t;
typedef uint32_t cuuint32_t;
typedef enum { CUDA_SUCCESS, CUDA_ERROR_INVALID_VALUE } CUresult;
typedef enum { CU_TENSOR_MAP_DATA_TYPE_UINT8 = 0,
    CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 = 9 } CUtensorMapDataType;
typedef enum { CU_TENSOR_MAP_INTERLEAVE_NONE } CUtensorMapInterleave;
typedef enum { CU_TENSOR_MAP_SWIZZLE_NONE,
    CU_TENSOR_MAP_SWIZZLE_128B = 3 } CUtensorMapSwizzle;
typedef enum { CU_TENSOR_MAP_L2_PROMOTION_NONE,
    CU_TENSOR_MAP_L2_PROMOTION_L2_128B = 2 } CUtensorMapL2promotion;
typedef enum { CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE }
    CUtensorMapFloatOOBfill;
typedef struct CUtensorMap_st {
    const char *at;
    cuuint64_t columns, rows, stride;           /* bytes */
    cuuint32_t box_columns, box_rows, bytes;    /* of a number */
} CUtensorMap;

extern "C" CUresult cuTensorMapEncodeTiled(
    CUtensorMap *m, CUtensorMapDataType type, cuuint32_t dimensions,
    void *at, const cuuint64_t *size, const cuuint64_t *stride,
    const cuuint32_t *box, const cuuint32_t *step,
    CUtensorMapInterleave interleave, CUtensorMapSwizzle swizzle,
    CUtensorMapL2promotion promotion, CUtensorMapFloatOOBfill outside);
#endif
