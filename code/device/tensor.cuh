#ifndef TENSOR_CUH
#define TENSOR_CUH
#include <cuda_runtime.h>

/* Instructions of sm_80 that a warp does together: all 32 lanes call
   them. Where nvcc is not the compiler, the emulator has them. Which
   element of a matrix is in which register: PTX ISA, "Matrix fragments
   for mma.m16n8k16", "... for mma.m16n8k8", "ldmatrix". */
#ifdef __CUDACC__
// Instructions of tensor cores
/* d += a b: a [16][16], b [16][8] of bf16, d [16][8] of floats */
__device__ __forceinline__
void mma_bf16(float d[4], const unsigned a[4], const unsigned b[2])
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]),
          "r"(b[1]));
}

/* Four matrices [8][8] of 16 bits, of which lane l points to row l % 8
   of matrix l / 8, 16 bytes in shared memory, aligned to 16. r[i]: of
   matrix i, row l / 4, columns l % 4 * 2 and one more. */
__device__ __forceinline__
void ldmatrix_4(unsigned r[4], const void *row)
{
    unsigned at = (unsigned)__cvta_generic_to_shared(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 "
        "{%0,%1,%2,%3}, [%4];"
        : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
        : "r"(at) : "memory");
}

/* the same of the four transposed */
__device__ __forceinline__
void ldmatrix_4_turned(unsigned r[4], const void *row)
{
    unsigned at = (unsigned)__cvta_generic_to_shared(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 "
        "{%0,%1,%2,%3}, [%4];"
        : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
        : "r"(at) : "memory");
}

/* d += a b: a [16][8], b [8][8] of tf32, d [16][8] of floats */
__device__ __forceinline__
void mma_tf32(float d[4], const unsigned a[4], const unsigned b[2])
{
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
        "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]),
          "r"(b[1]));
}

/* rounded to tf32, ties away from zero */
__device__ __forceinline__ unsigned tf32(float x)
{
    unsigned bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
    return bits;
}

/* both rounded to bf16, ties to even */
__device__ __forceinline__ unsigned pack_bf16(float low, float high)
{
    unsigned bits;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;"
        : "=r"(bits) : "f"(high), "f"(low));
    return bits;
}
#endif
#endif
