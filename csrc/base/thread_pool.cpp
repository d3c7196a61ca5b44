#include "base/thread_pool.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace bnn {
namespace {

class Pool {
 public:
  bool belongs_to_this_process() const { return owner_ == getpid(); }

  // False when the pool is in use or cannot get enough threads.
  bool try_run(int count, const std::function<void(int)>& task) {
    const std::unique_lock<std::mutex> use(in_use_, std::try_to_lock);
    if (!use.owns_lock()) return false;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!grow(count - 1)) return false;
      task_ = &task;
      count_ = count;
      pending_ = static_cast<int>(threads_.size());
      error_ = nullptr;
      ++generation_;
    }
    wake_.notify_all();
    run_one(0);
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return pending_ == 0; });
    task_ = nullptr;
    if (error_) std::rethrow_exception(error_);
    return true;
  }

 private:
  bool grow(int wanted) {
    try {
      while (static_cast<int>(threads_.size()) < wanted) {
        const int index = static_cast<int>(threads_.size());
        threads_.emplace_back([this, index, seen = generation_]() mutable { work(index, seen); });
      }
    } catch (const std::system_error&) {  // the system grants no more threads
      return false;
    }
    return true;
  }

  void run_one(int index) {
    try {
      (*task_)(index);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }

  void work(int index, unsigned long seen) {
    for (;;) {
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return generation_ != seen; });
        seen = generation_;
      }
      if (index + 1 < count_) run_one(index + 1);
      const std::lock_guard<std::mutex> lock(mutex_);
      if (--pending_ == 0) done_.notify_one();
    }
  }

  const pid_t owner_ = getpid();
  std::mutex in_use_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  std::vector<std::thread> threads_;
  const std::function<void(int)>* task_ = nullptr;
  std::exception_ptr error_;
  unsigned long generation_ = 0;
  int count_ = 0;
  int pending_ = 0;
};

// The pool of this process. Never destroyed: its threads may outlive static destruction. A forked
// child has none of its parent's threads and possibly its locked mutexes, so it starts a pool of
// its own; finding out takes no lock, for the same reason.
Pool& process_pool() {
  static std::atomic<Pool*> current{nullptr};
  Pool* pool = current.load();
  if (pool != nullptr && pool->belongs_to_this_process()) return *pool;
  Pool* fresh = new Pool;
  if (current.compare_exchange_strong(pool, fresh)) return *fresh;
  delete fresh;  // another thread was faster
  return *pool;
}

int positive_environment(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return 0;
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  return end != text && *end == '\0' && value > 0 && value <= 4096 ? static_cast<int>(value) : 0;
}

// CPUs granted by the cgroup v2 quota of this process, rounded up; 0 where there is none.
int cgroup_cpus() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return 0;
  const double cpus = std::strtod(quota.c_str(), nullptr) / period;
  return cpus > 0 ? std::max(1, static_cast<int>(cpus + 0.999)) : 0;
}

int affinity_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) {
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }
  return std::max(1, CPU_COUNT(&set));
}

}  // namespace

void parallel_run(int count, const std::function<void(int)>& task) {
  if (count > 1 && process_pool().try_run(count, task)) return;
  for (int index = 0; index < count; ++index) task(index);
}

int default_num_threads() {
  int threads = affinity_cpus();
  const int limits[] = {cgroup_cpus(), positive_environment("OMP_NUM_THREADS"),
                        positive_environment("BNN_ENGINE_NUM_THREADS")};
  for (const int limit : limits) {
    if (limit > 0) threads = std::min(threads, limit);
  }
  return threads;
}

}  // namespace bnn
