#ifndef EMULATED_CUDA_PIPELINE_H
#define EMULATED_CUDA_PIPELINE_H
#include <cuda_runtime.h>

__forceinline__ void __pipeline_memcpy_async(void *to, const void *from,
                                             size_t bytes,
                                             size_t zeros = 0)
{
    emulator::copy_async(to, from, (int)bytes, (int)(bytes - zeros));
}
__forceinline__ void __pipeline_commit(void)
{
    emulator::commit_copies();
}
__forceinline__ void __pipeline_wait_prior(size_t groups)
{
    emulator::wait_for_copies((int)groups);
}
#endif
