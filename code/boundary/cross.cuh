#ifndef CROSS_CUH
#define CROSS_CUH
#include "boundary/boundary.h"

LANGUAGE_C_BEGIN
/* device_cross in bf16, by one kernel: from, or NULL, and to in a gpu's
   memory, mHC's mix with 2, 4 or 8 streams. The input is stored where
   from is NULL only. By so many blocks a tile of 16 tokens (1, 2, 4 or
   8), or, with 0, as many as suit the GPU. False, and nothing is done:
   this kernel does not take such sites. The bits depend on the width
   and the blocks. */
bool gpu_cross_at_once(struct device *d, const struct site *from,
                       const struct site *to, unsigned blocks);
/* does it take them? */
bool crosses_at_once(struct device *d, const struct site *from,
                     const struct site *to);

/* what a GPU has for a tile: bytes of shared memory that a block may
   ask for, and the most blocks that a cluster may have */
struct room { size_t bytes; unsigned blocks; };
struct room gpu_room_for_tiles(struct device *d);
/* of that version (90: of 9.0), with so many bytes for a block */
struct room gpu_room_of(int version, size_t shared);
/* by how many blocks a tile crosses that suits it; 0: it fits none */
unsigned gpu_blocks_forward(struct room r, size_t streams,
                            size_t width);

/* by how many blocks a tile goes back, and what is kept on the chip */
struct way_back { unsigned blocks; bool tile, phi /* then tile */; };
bool gpu_way_fits(struct room r, const struct site *to,
                  struct way_back w);
/* the one that suits it */
struct way_back gpu_way_back(struct room r, const struct site *to);
/* device_cross_backward, of what crosses at once; some tokens, from not
   NULL; work: gpu_cross_work(to, way) floats. The bits depend on the
   width, the blocks, and whether phi is kept. */
void gpu_cross_back_at_once(struct device *d, const struct site *from,
                            const struct site *to, struct way_back way,
                            float *work);
size_t gpu_cross_work(const struct site *to, struct way_back way);
/* in how many runs; bytes of shared memory, there and back */
size_t gpu_runs(const struct site *to, struct way_back way);
size_t gpu_cross_room(size_t streams, size_t slice);
size_t gpu_back_room(size_t streams, size_t slice,
                     struct way_back way);
LANGUAGE_C_END
#endif
