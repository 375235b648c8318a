#include "experiment/plans.h"

int main(void)
{
    return run_plan("tests/experiment/precision.csv");
}
