// Memory order between one writer and those who watch and steer it, at full speed on real cores.
//
//   litmus STATE SECONDS
//
// STATE is the image of a configured account. Five runs, each of SECONDS:
//   page      readers copy the published page while every event republishes it; each copy must be
//             that of one moment
//   journal   a drainer takes records from a small ring as they are committed; each must be whole
//   control   another thread leaves parameters, requests and heartbeats; each is taken whole or not
//   kills     threads pull the kill switch as fast as they can; each pull counts
//   latency   the writer's p99, in turns alone and beside a reader that copies as fast as it can
// Prints one line a run; the exit code is the number of runs in which something was torn.
#include <riskcore.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

namespace {

constexpr int64_t capacity = 256;

struct Account {
    alignas(64) rc_state state;
    struct alignas(64) {
        rc_journal header;
        rc_journal_record ring[capacity];
    } journal;
    alignas(64) rc_control_page control;
    alignas(64) rc_published_page page;

    Account(const rc_state &image, int64_t reserve, int64_t interval)
        : state(image), journal{}, control{}, page{} {
        if (rc_journal_init(&journal.header, capacity, reserve, interval) != RC_OK) std::abort();
        if (rc_control_init(&control) != RC_OK || rc_page_init(&page) != RC_OK) std::abort();
    }
    int64_t submit(const rc_event &event) {
        return rc_submit(&state, &journal.header, journal.ring, &control, &page, &event, &decision);
    }
    rc_decision decision{};
};

int64_t load(const int64_t &word) { return __atomic_load_n(&word, __ATOMIC_ACQUIRE); }
void store(int64_t &word, int64_t value) { __atomic_store_n(&word, value, __ATOMIC_RELEASE); }

rc_event transfer(const rc_state &state, double amount) {
    rc_event event{};
    event.kind = RC_EVENT_TRANSFER;
    event.time_ns = state.header.last_time_ns;
    event.value = amount;
    return event;
}

struct Clock {
    std::chrono::steady_clock::time_point end;
    explicit Clock(double seconds)
        : end(std::chrono::steady_clock::now() +
              std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                  std::chrono::duration<double>(seconds))) {}
    bool runs() const { return std::chrono::steady_clock::now() < end; }
};

// Every transfer adds one unit: all figures of a page follow from its event count.
long page_run(const rc_state &image, double seconds) {
    auto account = std::make_unique<Account>(image, 0, 1);
    account->submit(transfer(account->state, 1.0));
    const int64_t events = account->state.header.event_count;
    const double equity = account->state.account.equity;
    const double transfers = account->state.balances[0][0].amount;
    std::atomic<bool> stop{false};
    std::atomic<long> torn{0}, copies{0}, busy{0};
    std::vector<std::thread> readers;
    for (int reader = 0; reader < 2; ++reader)
        readers.emplace_back([&] {
            auto copy = std::make_unique<rc_published_page>();
            while (!stop.load(std::memory_order_relaxed)) {
                if (rc_page_read(&account->page, copy.get()) != RC_OK) {
                    busy.fetch_add(1, std::memory_order_relaxed);
                    continue;
                }
                const int64_t since = copy->event_count - events;
                const bool whole = copy->sequence % 2 == 0 &&
                                   copy->journal_sequence - 1 == since &&
                                   copy->equity == equity + static_cast<double>(since) &&
                                   copy->events[RC_EVENT_TRANSFER] ==
                                       image.counters.events[RC_EVENT_TRANSFER] + 1 + since &&
                                   copy->gross_leverage == 0.0 && copy->open_orders == 0;
                if (!whole) torn.fetch_add(1, std::memory_order_relaxed);
                copies.fetch_add(1, std::memory_order_relaxed);
            }
        });
    long written = 0;
    for (Clock clock(seconds); clock.runs();)
        for (int k = 0; k < 100; ++k, ++written) {
            store(account->journal.header.drained, account->journal.header.committed);
            if (account->submit(transfer(account->state, 1.0)) != RC_OK) torn.fetch_add(1);
        }
    stop.store(true);
    for (auto &reader : readers) reader.join();
    if (account->state.balances[0][0].amount != transfers + static_cast<double>(written))
        torn.fetch_add(1);
    std::printf("page torn=%ld written=%ld read=%ld busy=%ld\n", torn.load(), written,
                copies.load(), busy.load());
    return torn.load() + (copies.load() == 0 || written == 0);
}

// Each record carries its own number twice; its checksum is worked out here once more.
long journal_run(const rc_state &image, double seconds) {
    auto account = std::make_unique<Account>(image, 16, 0);
    rc_journal &header = account->journal.header;
    std::atomic<bool> stop{false};
    long torn = 0, drained = 0;
    std::thread drainer([&] {
        while (true) {
            const bool last = stop.load();
            const int64_t committed = load(header.committed);
            for (int64_t sequence = header.drained + 1; sequence <= committed; ++sequence) {
                const rc_journal_record &record =
                    account->journal.ring[(sequence - 1) & (capacity - 1)];
                uint64_t words[sizeof record / 8];
                std::memcpy(words, &record, sizeof record);
                uint64_t sum = 0;
                const auto mix = [&sum](uint64_t word, uint64_t index) {
                    sum += word * (((index + 1) * UINT64_C(0x9E3779B97F4A7C15)) | 1);
                };
                mix(words[0], 21);
                mix(words[2], 22);
                for (uint64_t k = 0; k < 21; ++k) mix(words[3 + k], k);
                const bool whole = record.sequence == sequence && record.parts == 1 &&
                                   static_cast<uint64_t>(record.checksum) == sum &&
                                   record.id == sequence && record.handle == ~sequence;
                torn += !whole;
                store(header.drained, sequence);
                ++drained;
            }
            if (last && header.drained == load(header.committed)) return;
        }
    });
    long refused = 0;
    for (Clock clock(seconds); clock.runs();)
        for (int k = 0; k < 100; ++k) {
            rc_event event{};
            event.kind = RC_EVENT_CLOCK;
            event.time_ns = account->state.header.last_time_ns + 1;
            event.id = header.committed + 1;
            event.handle = ~event.id;
            const int64_t status = account->submit(event);
            refused += status == RC_JOURNAL_FULL;
            torn += status != RC_OK && status != RC_JOURNAL_FULL;
        }
    stop.store(true);
    drainer.join();
    torn += header.drained != header.committed || header.lost != 0 || header.refused != refused;
    std::printf("journal torn=%ld drained=%ld refused=%ld\n", torn, drained, refused);
    return torn + (drained < 2 * capacity);
}

// All of a parameter block follows from its version; requests and heartbeats count up.
long control_run(const rc_state &image, double seconds) {
    auto account = std::make_unique<Account>(image, 0, 0);
    std::atomic<bool> stop{false};
    std::atomic<int64_t> written{0};
    std::thread monitor([&] {
        rc_parameters block = image.parameters;
        for (int64_t version = image.parameters.version + 1; !stop.load(); ++version) {
            const double limit = static_cast<double>(1 + version % 1024) / 1024.0;
            block.version = version;
            block.author = version;
            block.max_position_share = limit;
            block.var_95 = limit;
            block.max_stress_loss = limit;
            block.regime_stop_multiplier[0] = 1.0 + limit;
            rc_control_parameters(&account->control, &block);
            rc_control_request(&account->control, RC_CONTROL_LATCH_ACCOUNT, version, version,
                               version);
            rc_control_beat(&account->control, version);
            written.store(version, std::memory_order_relaxed);
            if (version % 4 == 0) std::this_thread::sleep_for(std::chrono::microseconds(20));
        }
    });
    long torn = 0, taken = 0;
    int64_t last = account->state.parameters.version;
    for (Clock clock(seconds); clock.runs();)
        for (int k = 0; k < 100; ++k) {
            store(account->journal.header.drained, account->journal.header.committed);
            torn += account->submit(transfer(account->state, 1.0)) != RC_OK;
            const rc_parameters &now = account->state.parameters;
            if (now.version == last) continue;
            const double limit = static_cast<double>(1 + now.version % 1024) / 1024.0;
            torn += now.version < last || now.author != now.version ||
                    now.max_position_share != limit || now.var_95 != limit ||
                    now.max_stress_loss != limit || now.regime_stop_multiplier[0] != 1.0 + limit ||
                    account->journal.header.parameters_status != RC_OK ||
                    account->journal.header.request_status == RC_INVALID_CODE;
            last = now.version;
            ++taken;
        }
    stop.store(true);
    monitor.join();
    account->submit(transfer(account->state, 1.0));
    torn += account->state.parameters.version != written.load();
    // A request is one record: code, target, value and author of one and the same.
    for (const rc_journal_record &record : account->journal.ring)
        if (record.kind == RC_EVENT_CONTROL)
            torn += record.instrument != record.lots || record.lots != record.id;
    rc_control_kill(&account->control, 5);
    rc_event order{};
    order.kind = RC_EVENT_CHECK;
    order.time_ns = account->state.header.last_time_ns;
    store(account->journal.header.drained, account->journal.header.committed);
    account->submit(order);
    torn += account->state.system.kill != 1 || account->decision.action != RC_REJECT;
    std::printf("control torn=%ld written=%lld taken=%ld\n", torn,
                static_cast<long long>(written.load()), taken);
    return torn + (taken == 0);
}

// Every pull is counted and taken, also where several threads pull at once.
long kills_run(const rc_state &image, double seconds) {
    auto account = std::make_unique<Account>(image, 0, 0);
    std::atomic<bool> stop{false};
    std::atomic<int64_t> pulled{0};
    std::vector<std::thread> people;
    for (int64_t author = 1; author <= 3; ++author)
        people.emplace_back([&, author] {
            int64_t mine = 0;
            for (; !stop.load(std::memory_order_relaxed); ++mine)
                rc_control_kill(&account->control, author);
            pulled += mine;
        });
    long taken = 0;
    for (Clock clock(seconds); clock.runs();) {
        store(account->journal.header.drained, account->journal.header.committed);
        const int64_t before = account->journal.header.kill_seen;
        account->submit(transfer(account->state, 1.0));
        taken += account->journal.header.kill_seen != before;
    }
    stop = true;
    for (std::thread &person : people) person.join();
    store(account->journal.header.drained, account->journal.header.committed);
    account->submit(transfer(account->state, 1.0));
    const long torn = account->control.kill != pulled.load() ||
                      account->journal.header.kill_seen != pulled.load() ||
                      account->state.system.kill != 1;
    std::printf("kills torn=%ld pulled=%lld taken=%ld\n", torn,
                static_cast<long long>(pulled.load()), taken);
    return torn + (taken == 0);
}

// Quotes with a published copy every 1,000th; nanoseconds of one call at a time.
double quotes_p99(Account &account, std::vector<double> &times) {
    for (double &time : times) {
        store(account.journal.header.drained, account.journal.header.committed);
        rc_event event{};
        event.kind = RC_EVENT_QUOTE;
        event.time_ns = account.state.header.last_time_ns + 1;
        event.price_ticks = 1000;
        event.price_ticks_2 = 1001;
        event.lots = event.lots_2 = 10;
        const auto before = std::chrono::steady_clock::now();
        account.submit(event);
        const auto after = std::chrono::steady_clock::now();
        time = std::chrono::duration<double, std::nano>(after - before).count();
    }
    const auto place = times.begin() + static_cast<long>(times.size()) * 99 / 100;
    std::nth_element(times.begin(), place, times.end());
    return *place;
}

double median(std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size()) / 2,
                     values.end());
    return values[values.size() / 2];
}

// What the reader polls lies on lines of its own, not beside what the writer has on its stack.
struct Orders {
    char before[128];
    std::atomic<bool> read{false}, stop{false};
    char behind[126];
};

long latency_run(const rc_state &image, double seconds) {
    auto account = std::make_unique<Account>(image, 0, 1000);
    auto orders = std::make_unique<Orders>();
    std::atomic<long> copies{0};
    std::thread reader([&account = *account, &orders = *orders, &copies] {
        auto copy = std::make_unique<rc_published_page>();
        long mine = 0;
        while (!orders.stop.load(std::memory_order_relaxed))
            mine += orders.read.load(std::memory_order_relaxed) &&
                    rc_page_read(&account.page, copy.get()) == RC_OK;
        copies = mine;
    });
    std::vector<double> times(100'000), alone, beside;
    quotes_p99(*account, times);
    double spent = 0;
    for (Clock clock(seconds); clock.runs() || beside.size() < 3;) {
        orders->read = false;
        alone.push_back(quotes_p99(*account, times));
        orders->read = true;
        const auto before = std::chrono::steady_clock::now();
        beside.push_back(quotes_p99(*account, times));
        spent += std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
    }
    orders->stop = true;
    reader.join();
    const double a = median(alone), b = median(beside);
    std::printf("latency alone=%.1f beside=%.1f ratio=%.3f reads_per_second=%.0f\n", a, b, b / a,
                static_cast<double>(copies.load()) / spent);
    return 0;
}

}  // namespace

int main(int count, char **arguments) {
    if (count != 3) return 64;
    auto image = std::make_unique<rc_state>();
    std::FILE *file = std::fopen(arguments[1], "rb");
    if (!file || std::fread(image.get(), sizeof *image, 1, file) != 1) return 65;
    std::fclose(file);
    if (rc_state_attach(image.get()) != RC_OK) return 66;
    const double seconds = std::atof(arguments[2]);
    return (page_run(*image, seconds) != 0) + (journal_run(*image, seconds) != 0) +
           (control_run(*image, seconds) != 0) + (kills_run(*image, seconds) != 0) +
           (latency_run(*image, seconds) != 0);
}
