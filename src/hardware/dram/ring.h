#pragma once
// A queue in one block of memory that grows by doubling: no allocation per element once it has reached its size.

#include <cstddef>
#include <vector>

namespace palimpsest::detail {

template <class T>
class Ring {
  public:
    bool empty() const { return begin_ == end_; }
    std::size_t size() const { return end_ - begin_; }
    T& front() { return slots_[begin_ & mask_]; }
    const T& front() const { return slots_[begin_ & mask_]; }
    T& back() { return slots_[(end_ - 1) & mask_]; }
    T& operator[](std::size_t i) { return slots_[(begin_ + i) & mask_]; }
    const T& operator[](std::size_t i) const { return slots_[(begin_ + i) & mask_]; }
    void pop_front(std::size_t elements = 1) { begin_ += elements; }
    void push_back(const T& value) { push_slot() = value; }
    /// Makes room for one more and gives it to be filled in place: what it holds is old.
    T& push_slot() {
        if (size() > mask_) {
            grow();
        }
        return slots_[end_++ & mask_];
    }

  private:
    void grow() {
        std::vector<T> larger(slots_.size() * 2);
        for (std::size_t i = 0; i < size(); ++i) {
            larger[i] = (*this)[i];
        }
        end_ = size();
        begin_ = 0;
        slots_.swap(larger);
        mask_ = slots_.size() - 1;
    }

    std::vector<T> slots_ = std::vector<T>(16);
    std::size_t mask_ = 15;  ///< size less one: kept, as the size of a vector is a division
    std::size_t begin_ = 0, end_ = 0;
};

}  // namespace palimpsest::detail
