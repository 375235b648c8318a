#include "checkpoint/safetensors.h"
#include "ground/memory.h"

bool safetensors_check(const struct safetensors *s, struct message *m)
{
    (void)s, (void)m;
    return true;
}
