#include "engine/worker_pool.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace palimpsest {

WorkerPool::WorkerPool(unsigned workers) {
    const unsigned wanted = workers > 0 ? workers : std::max(1U, std::thread::hardware_concurrency());
    try {
        for (unsigned i = 1; i < wanted; ++i) {
            threads_.emplace_back([this, i] { serve(i); });
        }
    } catch (const std::system_error&) {
        // The machine has no more threads: those there are do all the work.
    }
}

WorkerPool::~WorkerPool() {
    {
        const std::scoped_lock lock(mutex_);
        stop_ = true;
    }
    work_comes_.notify_all();
    for (std::thread& thread : threads_) {
        thread.join();
    }
}

void WorkerPool::run(std::size_t pieces, const Piece& work) {
    if (threads_.empty() || pieces < 2) {
        for (std::size_t piece = 0; piece < pieces; ++piece) {
            work(piece, 0);
        }
        return;
    }
    std::unique_lock lock(mutex_);
    work_ = &work;
    next_ = 0;
    pieces_ = pieces;
    work_comes_.notify_all();
    take_pieces(lock, 0);
    work_is_done_.wait(lock, [this] { return running_ == 0; });
    work_ = nullptr;
    if (failure_) {
        std::rethrow_exception(std::exchange(failure_, nullptr));
    }
}

void WorkerPool::serve(unsigned worker) {
    std::unique_lock lock(mutex_);
    while (true) {
        work_comes_.wait(lock, [this] { return stop_ || (work_ != nullptr && next_ < pieces_); });
        if (stop_) {
            return;
        }
        take_pieces(lock, worker);
    }
}

void WorkerPool::take_pieces(std::unique_lock<std::mutex>& lock, unsigned worker) {
    while (work_ != nullptr && next_ < pieces_) {
        const std::size_t piece = next_++;
        const Piece& work = *work_;
        ++running_;
        lock.unlock();
        std::exception_ptr failure;
        try {
            work(piece, worker);
        } catch (...) {
            failure = std::current_exception();
        }
        lock.lock();
        --running_;
        if (failure) {
            failure_ = failure_ ? failure_ : failure;
            next_ = pieces_;
        }
    }
    if (running_ == 0) {
        work_is_done_.notify_one();
    }
}

}  // namespace palimpsest
