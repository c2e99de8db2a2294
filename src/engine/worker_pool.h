#pragma once
// A few threads that share out independent pieces of work. What a piece computes must not depend on who does it, so
// results are the same for any number of threads.

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace palimpsest {

class WorkerPool {
  public:
    using Piece = std::function<void(std::size_t piece, unsigned worker)>;

    /// The caller is one of the `workers`; 0: as many as the machine has cores. Fewer where it gives no more threads.
    explicit WorkerPool(unsigned workers = 0);
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    unsigned workers() const { return static_cast<unsigned>(threads_.size()) + 1; }
    /// Runs `work` for pieces 0 .. pieces-1 and returns when all are done; `worker` is below workers(). Throws what the
    /// first piece that failed threw; pieces not yet begun are then left out.
    void run(std::size_t pieces, const Piece& work);

  private:
    void serve(unsigned worker);
    void take_pieces(std::unique_lock<std::mutex>& lock, unsigned worker);

    std::vector<std::thread> threads_;
    std::mutex mutex_;
    std::condition_variable work_comes_, work_is_done_;
    // Guarded by mutex_.
    const Piece* work_ = nullptr;
    std::size_t next_ = 0, pieces_ = 0, running_ = 0;
    std::exception_ptr failure_;
    bool stop_ = false;
};

}  // namespace palimpsest
