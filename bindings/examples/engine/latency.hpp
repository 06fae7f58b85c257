// Times of the hot loop: the processor's counter, and a histogram that never allocates.
#pragma once

#include <chrono>
#include <cstdint>
#include <thread>

#include <x86intrin.h>

namespace engine {

inline std::uint64_t ticks() noexcept
{
    return __rdtsc();
}

// Nanoseconds per tick of the counter, measured against the clock.
inline double nanoseconds_per_tick()
{
    using clock = std::chrono::steady_clock;
    const clock::time_point start = clock::now();
    const std::uint64_t first = ticks();
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    const std::uint64_t last = ticks();
    const std::chrono::duration<double, std::nano> passed = clock::now() - start;
    return passed.count() / static_cast<double>(last - first);
}

// Counts by size: 32 buckets for each power of two, so a percentile is off by 3 % at most.
class Histogram {
public:
    void add(std::uint64_t value) noexcept
    {
        counts_[bucket(value)] += 1;
        count_ += 1;
        if (value > largest_) largest_ = value;
    }
    std::uint64_t count() const noexcept { return count_; }
    std::uint64_t largest() const noexcept { return largest_; }
    // The value that a share of all do not exceed.
    double quantile(double share) const noexcept
    {
        const double wanted = share * static_cast<double>(count_);
        std::uint64_t seen = 0;
        for (std::size_t k = 0; k < buckets; ++k) {
            seen += counts_[k];
            if (seen > 0 && static_cast<double>(seen) >= wanted) return upper(k);
        }
        return static_cast<double>(largest_);
    }

private:
    static constexpr unsigned fraction_bits = 5;
    static constexpr std::uint64_t fractions = 1U << fraction_bits;
    static constexpr std::size_t buckets = 64 * fractions;

    static std::size_t bucket(std::uint64_t value) noexcept
    {
        if (value < fractions) return value;
        const unsigned exponent = 63U - static_cast<unsigned>(__builtin_clzll(value));
        const std::uint64_t part = (value >> (exponent - fraction_bits)) & (fractions - 1);
        return (exponent - fraction_bits + 1) * fractions + part;
    }
    static double upper(std::size_t k) noexcept
    {
        if (k < fractions) return static_cast<double>(k);
        const std::size_t exponent = k / fractions - 1;
        const double base = static_cast<double>(fractions + k % fractions + 1);
        return base * static_cast<double>(std::uint64_t{1} << exponent) - 1.0;
    }

    std::uint64_t counts_[buckets]{};
    std::uint64_t count_ = 0, largest_ = 0;
};

} // namespace engine
