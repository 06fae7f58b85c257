// When to want what. Half of the instruments are traded with the trend, half against it; the point
// is a steady stream of orders, replaces and cancels, not profit.
#pragma once

#include "messages.hpp"
#include "venue.hpp"

namespace engine {

// What the strategy would like to do about one instrument after a quote.
struct Wish {
    enum class Kind { nothing, order, replace, cancel };
    Kind kind = Kind::nothing;
    rc::Order order; // lots and price of a replace too
};

// The engine's one order of an instrument, as far as it knows.
struct Working {
    enum class Phase { none, sent, working, changing };
    Phase phase = Phase::none;
    rc::Handle handle;
    rc::Side side = rc::Side::buy;
    rc::Lots lots;
    rc::Ticks price;
    rc::Time changed;
};

class Trader {
public:
    explicit Trader(std::uint64_t seed) noexcept : random_(seed) {}

    template <class Account>
    Wish look(const Row &row, const Working &working, const Account &account) noexcept
    {
        View &view = views_[row.instrument.value()];
        const double middle = 0.5 * static_cast<double>(row.bid.value() + row.ask.value());
        if (view.rows == 0) view.fast = view.slow = middle;
        view.rows += 1;
        view.fast += (middle - view.fast) / 8.0;
        view.slow += (middle - view.slow) / 64.0;
        Wish wish;
        if (view.rows < 64 || view.rows < view.wait_until) return wish;

        // An order that works: follow the book, or give up.
        const bool rising = view.fast > view.slow;
        const bool with_trend = row.instrument.value() % 2 == 0;
        const rc::Side side = rising == with_trend ? rc::Side::buy : rc::Side::sell;
        const rc::Ticks touch = side == rc::Side::buy ? row.bid : row.ask;
        if (working.phase != Working::Phase::none) {
            if (working.phase != Working::Phase::working) return wish;
            const bool aged = row.time - working.changed > std::chrono::seconds{2};
            if (!aged) return wish;
            if (working.side != side || random_.one_in(3)) wish.kind = Wish::Kind::cancel;
            else if (working.price != touch) {
                wish.kind = Wish::Kind::replace;
                wish.order.lots = working.lots;
                wish.order.price = touch;
            }
            return wish;
        }

        // The position that the signal deserves, and the order that leads there.
        const rc::Strategy strategy{with_trend ? 0 : 1};
        rc_signal signal{};
        signal.instrument = row.instrument.value();
        signal.strategy = strategy.value();
        signal.side = static_cast<std::int64_t>(side);
        signal.confidence = 0.9;
        rc_sizing sizing{};
        account.size(signal, sizing);
        const rc_instrument &terms = account.state().instruments[row.instrument.value()];
        const std::int64_t held = account.state().positions[row.instrument.value()].net_lots;
        const std::int64_t sign = static_cast<std::int64_t>(side);
        std::int64_t lots = sizing.lots - sign * held;
        lots -= lots % (terms.lot_step > 0 ? terms.lot_step : 1);
        const double value = static_cast<double>(lots)
            * account.state().market[row.instrument.value()].value_per_lot;
        if (lots < std::max<std::int64_t>(terms.min_lots, 1) || value < 2.0 * terms.min_notional)
            return wish;

        wish.kind = Wish::Kind::order;
        rc::Order &order = wish.order;
        order.client_id = rc::ClientId{
            account.state().strategies[strategy.value()].last_client_id + 1};
        order.time = row.time;
        order.instrument = row.instrument;
        order.strategy = strategy;
        order.side = side;
        order.lots = rc::Lots{lots};
        order.confidence = signal.confidence;
        if (random_.one_in(8)) { // now, at the other side's price
            order.time_in_force = rc::TimeInForce::ioc;
            order.price = side == rc::Side::buy ? row.ask : row.bid;
        } else { // at our own side, where it waits
            order.post_only = random_.one_in(8);
            order.price = touch;
        }
        return wish;
    }

    // The gate said no: asking again at once would not help.
    void refused(rc::Instrument instrument) noexcept
    {
        View &view = views_[instrument.value()];
        view.wait_until = view.rows + 4;
    }

private:
    struct View {
        double fast = 0.0, slow = 0.0; // averages of the middle price, ticks
        std::int64_t rows = 0;
        std::int64_t wait_until = 0;
    };
    Random random_;
    View views_[RC_INSTRUMENTS];
};

} // namespace engine
