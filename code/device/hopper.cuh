#ifndef HOPPER_CUH
#define HOPPER_CUH
#include <cuda.h>
#include <cuda_runtime.h>
#include <stdint.h>

// Who has called
/* the emulator wants to know who called */
#ifdef __CUDACC__
#define FROM_HERE
#else
#define FROM_HERE , HERE
#endif
#define INSTRUCTION static __device__ __forceinline__

// What becomes of an instruction of sm_90a
/* HOPPER(what the emulator does, the instruction); on other GPUs these
   functions must not be reached */
#if !defined(__CUDACC__)
#define HOPPER(emulated, ...) emulated
#elif defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define HOPPER(emulated, ...) asm volatile(__VA_ARGS__)
#else
#define HOPPER(emulated, ...) __trap()
#endif

/* clusters are of 9.0 and of what came after */
#if !defined(__CUDACC__)
#define CLUSTERS(emulated, ...) emulated
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
#define CLUSTERS(emulated, ...) asm volatile(__VA_ARGS__)
#else
#define CLUSTERS(emulated, ...) __trap()
#endif

/* does a GPU of this version find code with clusters here? */
static inline bool has_clusters(int version)
{
#if defined __CUDACC__ && !defined WITH_SM_90A
    (void)version;
    return false;
#else
    return version >= 90;
#endif
}

// Addresses in shared memory
/* bytes from the beginning of the block's shared memory */
INSTRUCTION unsigned shared_offset(const void *at)
{
#ifdef __CUDACC__
    return (unsigned)__cvta_generic_to_shared(at);
#else
    return emulator::shared_offset(at);
#endif
}

// Barriers in shared memory
/* A phase of b ends when so many have arrived, and all bytes that were
   expected have come. By one thread; then a barrier of the block */
INSTRUCTION void mbarrier_init(uint64_t *b, unsigned arrivals)
{
    HOPPER(emulator::mbarrier_init(b, arrivals),
           "mbarrier.init.shared::cta.b64 [%0], %1;\n"
           "fence.mbarrier_init.release.cluster;"
           :: "r"(shared_offset(b)), "r"(arrivals) : "memory");
}

INSTRUCTION void mbarrier_arrive(uint64_t *b)
{
    HOPPER(emulator::mbarrier_arrive(b, 0),
           "mbarrier.arrive.shared::cta.b64 _, [%0];"
           :: "r"(shared_offset(b)) : "memory");
}

/* arrives, and has this phase wait for so many bytes too */
INSTRUCTION void mbarrier_expect(uint64_t *b, unsigned bytes)
{
    HOPPER(emulator::mbarrier_arrive(b, bytes),
           "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;"
           :: "r"(shared_offset(b)), "r"(bytes) : "memory");
}


/* until the phase with this parity has ended; the first has 0. A new
   barrier is as if one with 1 had just ended. */
INSTRUCTION void mbarrier_wait(uint64_t *b, unsigned parity FROM_HERE)
{
    HOPPER(emulator::mbarrier_wait(b, parity, file, line),
           "{\n.reg .pred ended;\n"
           "again:\n"
           "mbarrier.try_wait.parity.shared::cta.b64 ended, [%0], %1;\n"
           "@!ended bra again;\n}"
           :: "r"(shared_offset(b)), "r"(parity) : "memory");
}

// Tiles from memory
/* The box of m whose first element this is, to shared memory, at a
   multiple of 1024, swizzled; its bytes count for b. Zeros stand for
   what is outside of the matrix. */
INSTRUCTION void tma_load(void *to, const CUtensorMap *m, int row,
                          int column, uint64_t *b)
{
    HOPPER(emulator::tma_load(to, m, row, column, b),
           "cp.async.bulk.tensor.2d.shared::cluster.global"
           ".mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];"
           :: "r"(shared_offset(to)), "l"(m), "r"(column), "r"(row),
              "r"(shared_offset(b)) : "memory");
}


/* What this thread has stored in shared memory, wgmma and the copies
   see after it. */
INSTRUCTION void proxy_fence(void)
{
    HOPPER(emulator::proxy_fence(),
           "fence.proxy.async.shared::cta;" ::: "memory");
}

/* How the accelerator finds boxes, so many rows of 128 bytes, of a
   matrix that begins at a multiple of 16 bytes, as all its rows do,
   `stride` apart; of numbers of so many bytes. False if the driver will
   not. */
static inline bool tensor_map_of(CUtensorMap *m,
                                 CUtensorMapDataType type,
                                 unsigned bytes, const void *at,
                                 size_t rows, size_t columns,
                                 size_t stride, unsigned box_rows)
{
    static decltype(&cuTensorMapEncodeTiled) encode;
    cudaDriverEntryPointQueryResult found;
    void *entry = NULL;
    if (encode == NULL) {
        if (cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled",
                &entry, 12000, cudaEnableDefault, &found) != cudaSuccess
            || found != cudaDriverEntryPointSuccess)
            return false;
        encode = (decltype(encode))entry;
    }
    cuuint64_t size[] = { columns, rows }, apart[] = { stride };
    cuuint32_t box[] = { 128 / bytes, box_rows }, step[] = { 1, 1 };
    return encode(m, type, 2, const_cast<void *>(at), size, apart, box,
                  step,
                  CU_TENSOR_MAP_INTERLEAVE_NONE,
                  CU_TENSOR_MAP_SWIZZLE_128B,
                  CU_TENSOR_MAP_L2_PROMOTION_L2_128B,
                  CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
}

/* of bf16 */
static inline bool tensor_map(CUtensorMap *m, const void *at,
                              size_t rows, size_t columns,
                              unsigned box_rows)
{
    return tensor_map_of(m, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, at,
                         rows, columns, 2 * columns, box_rows);
}

// Products of a warpgroup
/* What wgmma is told of a factor in shared memory: rows of 128 bytes,
   swizzled, groups of eight 1024 apart; if k does not run along them,
   the next 64 rows or columns of the product stand `lead` bytes on */
INSTRUCTION uint64_t operand(const void *at, unsigned lead)
{
    return (uint64_t)(shared_offset(at) & 0x3ffff) >> 4
        | (uint64_t)(lead >> 4) << 16
        | (uint64_t)(1024 >> 4) << 32 | (uint64_t)1 << 62;
}


/* For the compiler: these have been used here, and have changed. */
template <int n> INSTRUCTION void touch(float (&d)[n])
{
#ifdef __CUDACC__
    #pragma unroll
    for (int i = 0; i < n; i++)
        asm volatile("" : "+f"(d[i]) :: "memory");
#else
    (void)d;
#endif
}
/* between other uses of d, or of registers, and wgmma */
template <int n> INSTRUCTION void wgmma_fence(float (&d)[n])
{
    touch(d);
    HOPPER(emulator::wgmma_fence(),
           "wgmma.fence.sync.aligned;" ::: "memory");
}

/* the products since the last are a group */
INSTRUCTION void wgmma_commit(void)
{
    HOPPER(emulator::wgmma_commit(),
           "wgmma.commit_group.sync.aligned;" ::: "memory");
}

/* until all groups but the last `left` are done */
template <int left, int n>
INSTRUCTION void wgmma_wait(float (&d)[n] FROM_HERE)
{
    HOPPER(emulator::wgmma_wait(left, file, line),
           "wgmma.wait_group.sync.aligned %0;" :: "n"(left) : "memory");
    touch(d);
}
#define D8(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), \
    "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), \
    "+f"(d[i + 7])
#define D64(i) D8(i), D8(i + 8), D8(i + 16), D8(i + 24), D8(i + 32), \
    D8(i + 40), D8(i + 48), D8(i + 56)
#define TEN(t) "%" #t "0,%" #t "1,%" #t "2,%" #t "3,%" #t "4,%" #t \
    "5,%" #t "6,%" #t "7,%" #t "8,%" #t "9,"
#define SIXTY "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9," \
    TEN(1) TEN(2) TEN(3) TEN(4) TEN(5)
/* d [64][128] += a b^T, by 128 threads, with 16 of k. a: [64][16], or,
   if turned, [16][64]; b: [128][16] or [16][128] */
template <bool a_turned, bool b_turned>
INSTRUCTION void wgmma(float (&d)[64], uint64_t a, uint64_t b FROM_HERE)
{
    HOPPER(emulator::wgmma(d, 128, a, b, a_turned, b_turned, file,
                           line),
           "wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {"
           SIXTY "%60,%61,%62,%63}, %64, %65, 1, 1, 1, %66, %67;"
           : D64(0) : "l"(a), "l"(b), "n"(a_turned), "n"(b_turned));
}

/* d [64][256], b [256][16] or [16][256] */
template <bool a_turned, bool b_turned>
INSTRUCTION void wgmma(float (&d)[128], uint64_t a, uint64_t b
                       FROM_HERE)
{
    HOPPER(emulator::wgmma(d, 256, a, b, a_turned, b_turned, file,
                           line),
           "wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 {"
           SIXTY TEN(6) TEN(7) TEN(8) TEN(9) TEN(10) TEN(11)
           "%120,%121,%122,%123,%124,%125,%126,%127}, "
           "%128, %129, 1, 1, 1, %130, %131;"
           : D64(0), D64(64)
           : "l"(a), "l"(b), "n"(a_turned), "n"(b_turned));
}
/* how many registers a thread of this warpgroup has from here on; what
   some give up, others may take */
template <int count> INSTRUCTION void registers_down(void)
{
    HOPPER((void)0, "setmaxnreg.dec.sync.aligned.u32 %0;"
           :: "n"(count));
}

template <int count> INSTRUCTION void registers_up(void)
{
    HOPPER((void)0, "setmaxnreg.inc.sync.aligned.u32 %0;"
           :: "n"(count));
}
/* d [64][128] += a b^T, with 32 of k: a [64][32], b [128][32] of E4M3,
   k along their rows */
INSTRUCTION void wgmma_eight(float (&d)[64], uint64_t a, uint64_t b
                             FROM_HERE)
{
    HOPPER(emulator::wgmma_eight(d, 128, a, b, file, line),
           "wgmma.mma_async.sync.aligned.m64n128k32.f32.e4m3.e4m3 {"
           SIXTY "%60,%61,%62,%63}, %64, %65, 1, 1, 1;"
           : D64(0) : "l"(a), "l"(b));
}

// Blocks of a cluster
INSTRUCTION unsigned cluster_rank(void)
{
    unsigned r = 0;
    CLUSTERS(r = emulator::cluster_rank(),
           "mov.u32 %0, %%cluster_ctarank;" : "=r"(r));
    return r;
}

/* a barrier of all threads of all blocks, in two halves */
INSTRUCTION void cluster_arrive(void)
{
    CLUSTERS(emulator::cluster_arrive(),
           "barrier.cluster.arrive;" ::: "memory");
}

/* `in` keeps it where it is: 0 parameters cannot have defaults */
INSTRUCTION void cluster_wait(int = 0 FROM_HERE)
{
    CLUSTERS(emulator::cluster_wait(file, line),
           "barrier.cluster.wait;" ::: "memory");
}
/* the place in another block's dynamic shared memory that has the same
   offset as `at` in ours */
template <class T> INSTRUCTION T *in_block(T *at, unsigned rank)
{
    T *there = NULL;
    CLUSTERS(there = (T *)emulator::in_block(at, rank),
           "mapa.u64 %0, %1, %2;"
           : "=l"(there) : "l"(at), "r"(rank));
    return there;
}

/* mbarrier_arrive at that of another block; who waits for it, waits by
   mbarrier_wait_cluster */
INSTRUCTION void mbarrier_arrive_at(uint64_t *b, unsigned rank)
{
    CLUSTERS(emulator::mbarrier_arrive(
               (uint64_t *)emulator::in_block(b, rank), 0),
           "{\n.reg .b32 there;\n"
           "mapa.shared::cluster.u32 there, %0, %1;\n"
           "mbarrier.arrive.release.cluster.shared::cluster.b64 "
           "_, [there];\n}"
           :: "r"(shared_offset(b)), "r"(rank) : "memory");
}

INSTRUCTION void mbarrier_wait_cluster(uint64_t *b,
                                       unsigned parity FROM_HERE)
{
    CLUSTERS(emulator::mbarrier_wait(b, parity, file, line),
           "{\n.reg .pred ended;\n"
           "again:\n"
           "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 "
           "ended, [%0], %1;\n"
           "@!ended bra again;\n}"
           :: "r"(shared_offset(b)), "r"(parity) : "memory");
}
#endif
