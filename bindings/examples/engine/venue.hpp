// A simulated venue: acknowledges, rejects, fills in parts, answers cancels and replaces, and, like
// a real one, is still there when the engine has crashed.
#pragma once

#include "messages.hpp"

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

namespace engine {

// xorshift64*: Marsaglia 2003, Vigna 2016. The same seed gives the same numbers.
class Random {
public:
    explicit Random(std::uint64_t seed) noexcept : word_(seed * 2 + 1) {}
    std::uint64_t next() noexcept
    {
        word_ ^= word_ >> 12U;
        word_ ^= word_ << 25U;
        word_ ^= word_ >> 27U;
        return word_ * 0x2545F4914F6CDD1DU;
    }
    // True once in `n`.
    bool one_in(std::uint64_t n) noexcept { return (next() >> 16U) % n == 0; }
    // 1 to `most`.
    std::int64_t up_to(std::int64_t most) noexcept
    {
        return 1 + static_cast<std::int64_t>((next() >> 16U) % static_cast<std::uint64_t>(most));
    }

private:
    std::uint64_t word_;
};

// One order at the venue; the last one that used a handle's slot.
struct VenueOrder {
    rc::Handle handle; // zero: none yet
    rc::Instrument instrument;
    rc::Strategy strategy;
    rc::Side side = rc::Side::buy;
    rc::Ticks price;
    rc::Lots lots, filled;
    std::int64_t working = 0;
};

// What the venue knows. It lives in a file beside the account, which stands for the venue's own
// machines: a crash of the engine does not touch it. Every change is made to one copy, then
// `current` moves to it, then to the other, so that a kill at any moment leaves one copy whole.
class VenueBook {
public:
    struct Copy {
        std::int64_t last_order_id = 0;
        std::int64_t last_execution_id = 0;
        rc::Lots position[RC_INSTRUMENTS]{};
        VenueOrder orders[RC_ORDERS]{};
    };

    explicit VenueBook(const std::string &path)
    {
        const bool made = ::access(path.c_str(), F_OK) != 0;
        file_ = made ? rc::Mapping::create(path, sizeof(Memory))
                     : rc::Mapping::open(path, rc::Mapping::Access::write);
        file_.require_size(sizeof(Memory));
        file_.map(rc::Mapping::Access::write);
        memory_ = made ? new (file_.as<void>()) Memory{} : file_.as<Memory>();
        const std::size_t whole = memory_->current.load(std::memory_order_acquire) & 1U;
        memory_->copies[1 - whole] = memory_->copies[whole];
    }

    const Copy &now() const noexcept
    {
        return memory_->copies[memory_->current.load(std::memory_order_relaxed) & 1U];
    }

    template <class Change> void change(Change &&apply) noexcept
    {
        const std::size_t other = 1 - (memory_->current.load(std::memory_order_relaxed) & 1U);
        apply(memory_->copies[other]);
        memory_->current.store(other, std::memory_order_release);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        apply(memory_->copies[1 - other]);
    }

private:
    struct Memory {
        std::atomic<std::size_t> current{0};
        Copy copies[2];
    };
    rc::Mapping file_;
    Memory *memory_ = nullptr;
};

class Venue {
public:
    Venue(VenueBook &book, const rc_state &state, std::uint64_t seed, Quotes &quotes,
          Requests &requests, Reports &reports)
        : book_(book), random_(seed), quotes_(quotes), requests_(requests), reports_(reports),
          tops_(RC_INSTRUMENTS), live_(RC_INSTRUMENTS), fee_per_tick_lot_(RC_INSTRUMENTS)
    {
        for (std::size_t i = 0; i < RC_INSTRUMENTS; ++i) {
            const rc_instrument &terms = state.instruments[i];
            fee_per_tick_lot_[i] = terms.contract_value * terms.taker_fee;
        }
        for (const VenueOrder &order : book_.now().orders)
            if (order.working != 0) live_of(order.instrument).push_back(order.handle);
    }

    // What a crash at the worst moment leaves: the next fill is booked here and never reported.
    void die_at_a_fill() noexcept { dies_ = true; }

    // The venue's thread.
    void run(const std::atomic<bool> &stop) noexcept
    {
        while (!stop.load(std::memory_order_acquire)) {
            bool idle = true;
            Request request;
            if (requests_.pop(request)) {
                take(request);
                idle = false;
            }
            Row row;
            if (quotes_.pop(row)) {
                take(row);
                idle = false;
            }
            if (idle) std::this_thread::yield();
            else report_left_over(stop);
        }
    }

private:
    static std::size_t slot(rc::Handle handle) noexcept
    {
        return static_cast<std::size_t>(handle.value() & RC_HANDLE_SLOT_MASK);
    }
    std::vector<rc::Handle> &live_of(rc::Instrument i) noexcept
    {
        return live_[static_cast<std::size_t>(i.value())];
    }
    const Row &top_of(rc::Instrument i) const noexcept
    {
        return tops_[static_cast<std::size_t>(i.value())];
    }
    const VenueOrder &order_of(rc::Handle handle) const noexcept
    {
        return book_.now().orders[slot(handle)];
    }
    bool working(rc::Handle handle) const noexcept
    {
        return order_of(handle).handle == handle && order_of(handle).working != 0;
    }

    // Reports wait here while the engine is behind.
    void report(const Report &report) { waiting_.push_back(report); }
    void report_left_over(const std::atomic<bool> &stop) noexcept
    {
        for (const Report &report : waiting_)
            while (!reports_.push(report)) {
                if (stop.load(std::memory_order_acquire)) return;
                std::this_thread::yield();
            }
        waiting_.clear();
    }
    Report answer(Report::Kind kind, rc::Handle handle) const noexcept
    {
        Report answer;
        answer.kind = kind;
        answer.time = now_;
        answer.handle = handle;
        return answer;
    }

    void take(const Request &request)
    {
        now_ = std::max(now_, request.time);
        if (request.kind == Request::Kind::order) accept(request);
        else if (!working(request.handle) || random_.one_in(50)) // too late, or too busy
            refuse_change(request.handle);
        else if (request.kind == Request::Kind::cancel)
            close(request.handle, Report::Kind::canceled);
        else
            replace(request);
    }

    void accept(const Request &request)
    {
        const rc::Order &wanted = request.order;
        const Row &top = top_of(wanted.instrument);
        const bool buys = wanted.side == rc::Side::buy;
        const bool takes = top.ask.value() > 0
            && (buys ? wanted.price >= top.ask : wanted.price <= top.bid);
        if ((wanted.post_only && takes) || random_.one_in(100)) {
            Report refusal = answer(Report::Kind::reject, request.handle);
            refusal.code = 2;
            report(refusal);
            return;
        }
        VenueOrder order;
        order.handle = request.handle;
        order.instrument = wanted.instrument;
        order.strategy = wanted.strategy;
        order.side = wanted.side;
        order.price = wanted.price;
        order.lots = wanted.lots;
        order.working = 1;
        book_.change([&](VenueBook::Copy &copy) {
            copy.orders[slot(order.handle)] = order;
            copy.last_order_id += 1;
        });
        live_of(order.instrument).push_back(order.handle);
        Report ack = answer(Report::Kind::ack, order.handle);
        ack.id = book_.now().last_order_id;
        report(ack);
        if (takes) fill(order.handle, buys ? top.ask_lots : top.bid_lots, buys ? top.ask : top.bid);
        if (wanted.time_in_force == rc::TimeInForce::ioc && working(order.handle))
            close(order.handle, Report::Kind::expired);
    }

    // With the state of the order, as such answers have it.
    void refuse_change(rc::Handle handle)
    {
        const VenueOrder &order = order_of(handle);
        Report refusal = answer(Report::Kind::cancel_reject, handle);
        refusal.code = order.handle != handle ? RC_VENUE_ORDER_NOT_FOUND
            : order.working != 0              ? RC_VENUE_ORDER_WORKING
                                              : RC_VENUE_ORDER_DONE;
        refusal.lots = order.handle == handle ? order.filled : rc::Lots{0};
        report(refusal);
    }

    void replace(const Request &request)
    {
        const rc::Handle handle = request.handle;
        const rc::Lots lots = request.order.lots;
        if (lots <= order_of(handle).filled) return refuse_change(handle); // nothing is left of it
        book_.change([&](VenueBook::Copy &copy) {
            copy.orders[slot(handle)].lots = lots;
            copy.orders[slot(handle)].price = request.order.price;
        });
        Report done = answer(Report::Kind::replaced, handle);
        done.lots = lots;
        done.price = request.order.price;
        report(done);
    }

    // Take an order off the book.
    void close(rc::Handle handle, Report::Kind kind)
    {
        forget(handle);
        book_.change([&](VenueBook::Copy &copy) { copy.orders[slot(handle)].working = 0; });
        report(answer(kind, handle));
    }

    void forget(rc::Handle handle)
    {
        std::vector<rc::Handle> &live = live_of(order_of(handle).instrument);
        for (rc::Handle &other : live)
            if (other == handle) {
                other = live.back();
                live.pop_back();
                return;
            }
    }

    void fill(rc::Handle handle, rc::Lots available, rc::Ticks price)
    {
        const VenueOrder order = order_of(handle);
        const rc::Lots lots = std::min(order.lots - order.filled, available);
        if (lots.value() <= 0) return;
        const bool done = order.filled + lots == order.lots;
        if (done) forget(handle);
        book_.change([&](VenueBook::Copy &copy) {
            VenueOrder &booked = copy.orders[slot(handle)];
            booked.filled = booked.filled + lots;
            if (done) booked.working = 0;
            rc::Lots &position = copy.position[order.instrument.value()];
            position = order.side == rc::Side::buy ? position + lots : position - lots;
            copy.last_execution_id += 1;
        });
        if (dies_) ::kill(::getpid(), SIGKILL);
        Report execution = answer(Report::Kind::fill, handle);
        execution.instrument = order.instrument;
        execution.strategy = order.strategy;
        execution.side = order.side;
        execution.lots = lots;
        execution.price = price;
        execution.id = book_.now().last_execution_id;
        execution.fee = fee_per_tick_lot_[static_cast<std::size_t>(order.instrument.value())]
            * static_cast<double>(lots.value()) * static_cast<double>(price.value());
        report(execution);
    }

    // A quote through a resting order fills it; at its price it fills a part now and then.
    void take(const Row &row)
    {
        now_ = std::max(now_, row.time);
        tops_[static_cast<std::size_t>(row.instrument.value())] = row;
        std::vector<rc::Handle> &live = live_of(row.instrument);
        for (std::size_t k = live.size(); k-- > 0;) {
            const VenueOrder &order = order_of(live[k]);
            const bool buys = order.side == rc::Side::buy;
            const bool through = buys ? row.ask <= order.price : row.bid >= order.price;
            const bool touched = buys ? row.bid <= order.price : row.ask >= order.price;
            if (through) fill(live[k], buys ? row.ask_lots : row.bid_lots, order.price);
            else if (touched && random_.one_in(4)) {
                const rc::Lots left = order.lots - order.filled;
                fill(live[k], rc::Lots{random_.up_to(left.value())}, order.price);
            }
        }
    }

    VenueBook &book_;
    Random random_;
    Quotes &quotes_;
    Requests &requests_;
    Reports &reports_;
    rc::Time now_;
    std::vector<Row> tops_;
    std::vector<std::vector<rc::Handle>> live_; // working orders by instrument
    std::vector<double> fee_per_tick_lot_;
    std::vector<Report> waiting_;
    bool dies_ = false;
};

} // namespace engine
