// A bounded queue between one thread that pushes and one that pops: no lock, no allocation, no
// system call.
#pragma once

#include <atomic>
#include <cstddef>

namespace engine {

constexpr std::size_t cache_line = 64;

template <class Item, std::size_t capacity> class Queue {
    static_assert((capacity & (capacity - 1)) == 0, "a power of two");

public:
    // Producer: false where it is full.
    bool push(const Item &item) noexcept
    {
        const std::size_t at = pushed_.load(std::memory_order_relaxed);
        if (at - popped_seen_ == capacity) {
            popped_seen_ = popped_.load(std::memory_order_acquire);
            if (at - popped_seen_ == capacity) return false;
        }
        items_[at & (capacity - 1)] = item;
        pushed_.store(at + 1, std::memory_order_release);
        return true;
    }

    // Producer: whether the next push will succeed.
    bool has_room() noexcept
    {
        const std::size_t at = pushed_.load(std::memory_order_relaxed);
        if (at - popped_seen_ < capacity) return true;
        popped_seen_ = popped_.load(std::memory_order_acquire);
        return at - popped_seen_ < capacity;
    }

    // Consumer: false where it is empty.
    bool pop(Item &item) noexcept
    {
        const std::size_t at = popped_.load(std::memory_order_relaxed);
        if (at == pushed_seen_) {
            pushed_seen_ = pushed_.load(std::memory_order_acquire);
            if (at == pushed_seen_) return false;
        }
        item = items_[at & (capacity - 1)];
        popped_.store(at + 1, std::memory_order_release);
        return true;
    }

private:
    // What one side writes and what it remembers of the other share no line with the other side.
    alignas(cache_line) std::atomic<std::size_t> pushed_{0};
    std::size_t popped_seen_ = 0;
    alignas(cache_line) std::atomic<std::size_t> popped_{0};
    std::size_t pushed_seen_ = 0;
    alignas(cache_line) Item items_[capacity]{};
};

} // namespace engine
