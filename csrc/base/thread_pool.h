// A small pool for row-parallel work: static partition, no idle spinning, safe to use after fork().
#pragma once

#include <functional>

namespace bnn {

// Runs task(0) … task(count − 1), task 0 on the calling thread and the others on pool threads, and
// returns when all are done. The first exception a task threw is rethrown. One call uses the pool
// at a time; a call that finds it busy runs its tasks itself, one after the other, so concurrent
// callers never wait for each other. Results must not depend on which thread runs a task.
void parallel_run(int count, const std::function<void(int)>& task);

// Processors this process may use: the smallest of its affinity mask, the cgroup CPU quota, and
// OMP_NUM_THREADS / BNN_ENGINE_NUM_THREADS where they are positive numbers. At least 1.
int default_num_threads();

}  // namespace bnn
