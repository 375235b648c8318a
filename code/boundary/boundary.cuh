#ifndef BOUNDARY_CUH
#define BOUNDARY_CUH
#include "device/device.h"
#include "device/kept.h"

KEPT_C_BEGIN
/* as device_cross and the others say; one kernel after the other,
   whether `apart` or not */
void gpu_cross(struct device *d, const struct site *from,
               const struct site *to);
void gpu_cross_backward(struct device *d, const struct site *from,
                        const struct site *to);
void gpu_enter(struct device *d, const struct site *first,
               struct array vector);
void gpu_enter_backward(struct device *d, struct array dvector,
                        const struct site *first);
/* the stream of `to`, and nothing else, one kernel */
void gpu_write_next(struct device *d, const struct site *from,
                    const struct site *to);
/* bytes that crossings ask for */
size_t gpu_boundary_work(const struct site *s);
KEPT_C_END
#endif
