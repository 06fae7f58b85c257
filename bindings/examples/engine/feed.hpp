// The market-data thread: plays a recording to the engine and to the venue.
#pragma once

#include "messages.hpp"

#include <atomic>
#include <chrono>
#include <thread>

namespace engine {

// A recording in memory.
class Recording {
public:
    explicit Recording(const std::string &path)
    {
        file_ = Open(path);
        const auto *head = static_cast<const RecordingHead *>(file_.data);
        const bool ours = file_.size >= sizeof *head
            && std::memcmp(head->magic, "RCBOOK01", sizeof head->magic) == 0
            && head->row_bytes == std::int64_t{sizeof(Row)} && head->rows > 0
            && file_.size == sizeof *head + static_cast<std::size_t>(head->rows) * sizeof(Row);
        if (!ours) throw rc::Error(path + ": not a recording; make one with prepare.py");
        count_ = head->rows;
        rows_ = reinterpret_cast<const Row *>(head + 1);
        for (std::int64_t k = 0; k < count_; ++k) {
            const std::int64_t instrument = rows_[k].instrument.value();
            if (rows_[k].time < rows_[k == 0 ? 0 : k - 1].time)
                throw rc::Error(path + ": row " + std::to_string(k) + " goes back in time");
            if (instrument < 0 || instrument >= RC_INSTRUMENTS)
                throw rc::Error(path + ": row " + std::to_string(k) + " is of no instrument");
        }
    }

    const Row &operator[](std::int64_t k) const noexcept { return rows_[k]; }
    std::int64_t size() const noexcept { return count_; }

private:
    // A read-only mapping; a recording is nobody's secret, so anybody may own it.
    struct Open {
        Open() = default;
        explicit Open(const std::string &path)
        {
            const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
            struct stat info {};
            if (descriptor < 0 || ::fstat(descriptor, &info) != 0)
                throw rc::Error(path + ": " + std::strerror(errno));
            size = static_cast<std::size_t>(info.st_size);
            void *mapped = size == 0
                ? MAP_FAILED
                : ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, descriptor, 0);
            ::close(descriptor);
            if (mapped == MAP_FAILED) throw rc::Error(path + ": cannot be mapped");
            data = mapped;
        }
        Open(Open &&other) noexcept
            : data(std::exchange(other.data, nullptr)), size(std::exchange(other.size, 0U))
        {
        }
        Open &operator=(Open &&other) noexcept
        {
            std::swap(data, other.data);
            std::swap(size, other.size);
            return *this;
        }
        ~Open()
        {
            if (data != nullptr) ::munmap(data, size);
        }
        void *data = nullptr;
        std::size_t size = 0;
    };
    Open file_;
    const Row *rows_ = nullptr;
    std::int64_t count_ = 0;
};

// Push the rows, over and over, as fast as the queues take them or `speed` times as fast as they
// were recorded. Each round goes on where the one before ended, from `start` on.
inline void play(const Recording &recording, rc::Time start, double speed, Quotes &to_engine,
                 Quotes &to_venue, const std::atomic<bool> &stop) noexcept
{
    using namespace std::chrono;
    const auto push = [&stop](Quotes &queue, const Row &row) {
        while (!queue.push(row)) {
            if (stop.load(std::memory_order_acquire)) return;
            std::this_thread::yield();
        }
    };
    const nanoseconds length = recording[recording.size() - 1].time - recording[0].time;
    const steady_clock::time_point begin = steady_clock::now();
    nanoseconds shift = start - recording[0].time;
    while (true) {
        for (std::int64_t k = 0; k < recording.size(); ++k) {
            if (stop.load(std::memory_order_acquire)) return;
            Row row = recording[k];
            row.time = row.time + shift;
            if (speed > 0.0) {
                const duration<double, std::nano> after{
                    static_cast<double>((row.time - start).count()) / speed};
                std::this_thread::sleep_until(begin + duration_cast<nanoseconds>(after));
            }
            push(to_venue, row);
            push(to_engine, row);
        }
        shift += length + seconds{1};
    }
}

} // namespace engine
